//! The worker: a thread that connects and polls.
//!
//! The deadline, the signals and the heartbeat have to hold whatever a poll does, and a poll can do more than
//! wait: a token file can block on opening, and an answer can keep the HTTP parser busy for as long as the
//! service likes. So the thread that keeps the time does nothing else, and the exit does not wait for the
//! worker.

use std::io;
use std::sync::Arc;
use std::thread;

use jobwait::{Cloud, Fault, FaultKind, JobId, Observation, Probe};
use tokio::sync::{mpsc, oneshot};

use crate::exit::Refusal;
use crate::panics;

/// A connection, and its warnings for the user.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) cloud: Cloud,
    pub(crate) warnings: Vec<String>,
}

/// A task that the worker polls.
#[derive(Debug)]
pub(crate) struct WorkerProbe {
    task: usize,
    requests: mpsc::UnboundedSender<Request>,
}

/// The number of a task to poll, and the channel for the observation.
type Request = (usize, oneshot::Sender<Observation>);

/// Starts the worker. Returns a probe for each task, and warnings for the user, once the worker has
/// connected.
pub(crate) async fn start(
    jobs: Arc<[JobId]>,
    connect: impl AsyncFnOnce() -> Result<Connected, Refusal> + Send + 'static,
) -> Result<(Vec<WorkerProbe>, Vec<String>), Refusal> {
    let (requests, queue) = mpsc::unbounded_channel();
    let (report, connected) = oneshot::channel();
    let cannot = |error: io::Error| Refusal(format!("cannot start: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot)?;
    let probes = (0..jobs.len()).map(|task| WorkerProbe { task, requests: requests.clone() }).collect();
    let work = move || {
        runtime.block_on(async {
            match connect().await {
                Ok(Connected { cloud, warnings }) => {
                    let _ = report.send(Ok(warnings));
                    serve(Arc::new(cloud), jobs, queue).await;
                }
                Err(refusal) => {
                    let _ = report.send(Err(refusal));
                }
            }
        });
        // A name lookup that hangs has a thread that cannot be cancelled.
        runtime.shutdown_background();
    };
    thread::Builder::new().name("poll".into()).spawn(work).map_err(cannot)?;
    let warnings = connected.await.unwrap_or_else(|_| panics::propagate())?;
    Ok((probes, warnings))
}

impl Probe for WorkerProbe {
    async fn poll(&mut self) -> Observation {
        let (report, observation) = oneshot::channel();
        let _ = self.requests.send((self.task, report));
        observation.await.unwrap_or_else(|_| {
            Observation::Permanent(Fault::new(FaultKind::Local, "the thread that polls has panicked"))
        })
    }
}

/// Polls on request.
async fn serve(cloud: Arc<Cloud>, jobs: Arc<[JobId]>, mut queue: mpsc::UnboundedReceiver<Request>) {
    while let Some((task, mut report)) = queue.recv().await {
        let (cloud, jobs) = (Arc::clone(&cloud), Arc::clone(&jobs));
        tokio::spawn(async move {
            let mut probe = cloud.job(&jobs[task]);
            let observation = tokio::select! {
                biased;
                // The wait no longer needs this poll.
                () = report.closed() => return,
                observation = probe.poll() => observation,
            };
            let _ = report.send(observation);
        });
    }
}
