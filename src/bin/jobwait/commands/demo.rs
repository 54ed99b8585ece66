//! The main job against the embedded simulator.

use std::time::Duration;

use jobwait::simulator::Simulator;
use jobwait::{Clock, Cloud, Credentials, ProjectId, Wait};

use crate::args::DemoArgs;
use crate::options::{Config, Refusal, Several, Shown, Timing, View};
use crate::session;
use crate::signals::Signals;
use crate::stream::Stream;
use crate::target::Connected;

const DEADLINE: Duration = Duration::from_secs(60);

/// Creates a simulated instance, and waits for it as for a real one.
pub(crate) async fn run(
    args: &DemoArgs,
    signals: Signals,
    clock: Clock,
    stderr: &Stream,
) -> Result<u8, Refusal> {
    let view = View::new(&args.output);
    view.logs.into_iter().for_each(|logs| crate::logs::start(logs, stderr.clone()));

    let mut simulator =
        Simulator::new().appear_after(Duration::from_secs(2)).duration(Duration::from_secs(8));
    if args.fail {
        simulator = simulator.fail_reason("The disk quota of the project is exhausted.");
    }
    let listen = "127.0.0.1:0".parse().map_err(|error| Refusal(format!("no loopback address: {error}")))?;
    let service =
        simulator.start(listen).await.map_err(|error| Refusal(format!("cannot simulate: {error}")))?;
    let project =
        ProjectId::parse("0123456789abcdef0123456789abcdef").map_err(|error| Refusal(error.to_string()))?;

    if matches!(view.progress, Shown::Bar { .. } | Shown::Lines) {
        let endpoint = service.endpoint();
        stderr.line(&format!(
            "jobwait: demo: {endpoint} simulates TaurusDB, and has just begun to create an instance"
        ));
    }
    let job = service.create_instance(&project);
    let timing = Timing { wait: Wait::new().deadline(DEADLINE), deadline: DEADLINE };
    let endpoint = service.endpoint();
    let connect = async move || {
        let cloud = Cloud::builder(endpoint, project, Credentials::token("demo")?).without_proxy().build()?;
        Ok(Connected { cloud, limiter: jobwait::Limiter::new(None), warnings: Vec::new() })
    };
    session::run(
        Config { jobs: vec![job], several: Several::default(), timing, view },
        connect,
        signals,
        clock,
        stderr.clone(),
        None,
    )
    .await
}
