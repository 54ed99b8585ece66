//! Structured logs, for debugging; never the user interface.

use std::sync::Arc;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::args::LogFormat;
use crate::options::Logs;
use crate::stream::Stream;

/// Logs of this crate only: what the libraries below log is not ours to keep secrets out of.
pub(crate) fn start(logs: Logs, to: Stream) {
    let only_ours = Targets::new().with_target("jobwait", logs.level);
    let layer = fmt::layer().with_writer(Arc::new(to)).with_ansi(false);
    let layer = match logs.format {
        LogFormat::Text => layer.with_filter(only_ours).boxed(),
        LogFormat::Json => layer.json().with_filter(only_ours).boxed(),
    };
    // Whoever set a subscriber before keeps it.
    let _ = tracing_subscriber::registry().with(layer).try_init();
}
