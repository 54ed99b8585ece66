//! Structured logs, for debugging. They are never the user interface.

use std::sync::Arc;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::args::LogFormat;
use crate::options::Logs;
use crate::stream::Stream;

/// Starts the logs of this crate. The libraries below it might log secrets, so their logs are left out.
pub(crate) fn start(logs: Logs, to: Stream) {
    let only_jobwait = Targets::new().with_target("jobwait", logs.level);
    let layer = fmt::layer().with_writer(Arc::new(to)).with_ansi(false);
    let layer = match logs.format {
        LogFormat::Text => layer.with_filter(only_jobwait).boxed(),
        LogFormat::Json => layer.json().with_filter(only_jobwait).boxed(),
    };
    // This fails only if there is a subscriber already.
    let _ = tracing_subscriber::registry().with(layer).try_init();
}
