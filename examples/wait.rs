//! Waits for a simulated task with the library, and prints its events and its verdict.
//!
//! `cargo run --example wait`
#![expect(clippy::print_stdout, reason = "an example prints its results")]

use std::time::Duration;

use jobwait::simulator::Simulator;
use jobwait::{Cloud, Credentials, EventKind, Outcome, ProjectId, Wait};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = Simulator::new()
        .appear_after(Duration::from_secs(1))
        .duration(Duration::from_secs(5))
        .start("127.0.0.1:0".parse()?)
        .await?;
    let project = ProjectId::parse("0123456789abcdef0123456789abcdef")?;
    let job = service.create_instance(&project);

    // For the real service, `Cloud::from_environment()?` finds endpoint, project and credentials.
    let cloud =
        Cloud::builder(service.endpoint(), project, Credentials::token("any")?).without_proxy().build()?;
    let verdict = Wait::new()
        .deadline(Duration::from_secs(60))
        .run(&mut cloud.job(&job), |event| match event.kind {
            EventKind::Invisible { .. } => println!("{:>4.1?}: not visible yet", event.elapsed),
            EventKind::Going { job, .. } => {
                println!("{:>4.1?}: {:?} {:?}", event.elapsed, job.status(), job.progress());
            }
            EventKind::Retry { fault, .. } => println!("{:>4.1?}: {fault}", event.elapsed),
            _ => {}
        })
        .await;

    println!("{} after {} polls", verdict.outcome, verdict.polls);
    match verdict.outcome {
        Outcome::Completed => Ok(()),
        other => Err(other.to_string().into()),
    }
}
