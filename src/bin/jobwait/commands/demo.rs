//! The main job against the embedded simulator.

use std::time::Duration;

use jobwait::simulator::Simulator;
use jobwait::{Clock, Cloud, Credentials, Limiter, ProjectId, Until, Wait};

use crate::args::DemoArgs;
use crate::exit::Refusal;
use crate::logs;
use crate::options::{Options, ResultOptions, View};
use crate::session::{self, Tasks};
use crate::signals::Signals;
use crate::stream::Stream;
use crate::worker::Connected;

const DEADLINE: Duration = Duration::from_secs(60);

/// Creates a simulated instance and waits for its task as for a real one.
pub(super) async fn run(
    args: &DemoArgs,
    signals: Signals,
    clock: Clock,
    stderr: &Stream,
) -> Result<u8, Refusal> {
    let view = View::new(&args.output);
    view.logs.into_iter().for_each(|logs| logs::start(logs, stderr.clone()));

    let mut simulator =
        Simulator::new().appear_after(Duration::from_secs(2)).duration(Duration::from_secs(8));
    if args.fail {
        simulator = simulator.fail_reason("The disk quota of the project is exhausted.");
    }
    let service = simulator
        .start(([127, 0, 0, 1], 0).into())
        .await
        .map_err(|error| Refusal(format!("cannot start the simulator: {error}")))?;
    let endpoint = service.endpoint();
    let project = ProjectId::parse("0123456789abcdef0123456789abcdef")?;

    if view.progress.has_states() {
        stderr.message(&format!("simulating TaurusDB at {endpoint}: creating an instance"));
    }
    let job = service.create_instance(&project);
    let connect = async move || {
        let cloud = Cloud::builder(endpoint, project, Credentials::token("demo")?).without_proxy().build()?;
        Ok(Connected { cloud, limiter: Limiter::new(None), warnings: Vec::new() })
    };
    let wait = Wait::new().deadline(DEADLINE);
    let options = Options {
        wait,
        deadline: DEADLINE,
        grace: DEADLINE,
        once: false,
        until: Until::default(),
        view,
        result: ResultOptions::default(),
    };
    session::run(Tasks::Ids(vec![job]), options, connect, None, signals, clock, stderr).await
}
