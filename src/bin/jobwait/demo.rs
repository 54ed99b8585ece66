//! The main job against the embedded simulator.

use std::io::Write as _;
use std::time::{Duration, Instant};

use jobwait::simulator::Simulator;
use jobwait::{Language, ProjectId, Wait};

use crate::args::DemoArgs;
use crate::config::{Config, Proxy, Refusal, Target, Timing, TokenSource, View};
use crate::session;
use crate::signals::Signals;

const DEADLINE: Duration = Duration::from_secs(60);

/// Creates a simulated instance, and waits for it as for a real one.
pub(crate) async fn run(args: &DemoArgs, signals: Signals, start: Instant) -> Result<u8, Refusal> {
    let view = View::new(&args.output);
    view.logs.into_iter().for_each(crate::logs::start);

    let mut simulator =
        Simulator::new().appear_after(Duration::from_secs(2)).duration(Duration::from_secs(9));
    if args.fail {
        simulator = simulator.fail_reason("The disk quota of the project is exhausted.");
    }
    let listen = "127.0.0.1:0".parse().map_err(|error| Refusal(format!("no loopback address: {error}")))?;
    let service =
        simulator.start(listen).await.map_err(|error| Refusal(format!("cannot simulate: {error}")))?;
    let project =
        ProjectId::parse("0123456789abcdef0123456789abcdef").map_err(|error| Refusal(error.to_string()))?;

    if view.progress.is_some() {
        let _ = writeln!(
            std::io::stderr(),
            "jobwait: demo: {} simulates TaurusDB, and has just begun to create an instance",
            service.endpoint()
        );
    }
    let config = Config {
        job: service.create_instance(&project),
        target: Target {
            endpoint: service.endpoint(),
            project,
            token: TokenSource::Text("the demo's token", "demo".into()),
            language: Language::default(),
            proxy: Proxy::None,
        },
        timing: Timing {
            wait: Wait::new().deadline(DEADLINE),
            deadline: DEADLINE,
            request_timeout: Duration::from_secs(10),
        },
        view,
    };
    session::run(config, signals, start, "jobwait demo").await
}
