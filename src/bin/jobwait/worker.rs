//! The worker: a thread that connects and polls.
//!
//! The deadline, the signals and the heartbeat have to hold whatever a poll does, and a poll can do more than
//! wait: a token file can block on opening, and an answer can keep the HTTP parser busy for as long as the
//! service likes. So the thread that keeps the time does nothing else, and the exit does not wait for the
//! worker.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use jobwait::{Cloud, Fault, FaultKind, JobId, Limiter, Observation, Probe};
use tokio::sync::{mpsc, oneshot};

use crate::exit::Refusal;
use crate::panics;

/// A connection, and its warnings for the user.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) cloud: Cloud,
    pub(crate) limiter: Limiter,
    pub(crate) warnings: Vec<String>,
}

/// A task that the worker polls.
#[derive(Debug)]
pub(crate) struct WorkerProbe {
    task: usize,
    polls: mpsc::UnboundedSender<Poll>,
    /// The number of requests that were sent for the task.
    requests: Arc<AtomicU32>,
}

/// The number of a task to poll, and the channel for the observation.
type Poll = (usize, oneshot::Sender<Observation>);

/// Starts the worker. Returns a probe for each task, the limiter of the connection, and warnings for the
/// user, once the worker has connected.
pub(crate) async fn start(
    jobs: Arc<[JobId]>,
    connect: impl AsyncFnOnce() -> Result<Connected, Refusal> + Send + 'static,
) -> Result<(Vec<WorkerProbe>, Limiter, Vec<String>), Refusal> {
    let (polls, queue) = mpsc::unbounded_channel();
    let requests: Vec<Arc<AtomicU32>> = jobs.iter().map(|_| Arc::default()).collect();
    let (report, connected) = oneshot::channel();
    let cannot = |error: io::Error| Refusal(format!("cannot start: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot)?;
    let probe = |task| WorkerProbe { task, polls: polls.clone(), requests: Arc::clone(&requests[task]) };
    let probes = (0..jobs.len()).map(probe).collect();
    let work = move || {
        runtime.block_on(async {
            match connect().await {
                Ok(Connected { cloud, limiter, warnings }) => {
                    let _ = report.send(Ok((limiter, warnings)));
                    serve(Arc::new(cloud), jobs, requests, queue).await;
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
    let (limiter, warnings) = connected.await.unwrap_or_else(|_| panics::propagate())?;
    Ok((probes, limiter, warnings))
}

impl Probe for WorkerProbe {
    async fn poll(&mut self) -> Observation {
        let (report, observation) = oneshot::channel();
        let _ = self.polls.send((self.task, report));
        observation.await.unwrap_or_else(|_| {
            Observation::Permanent(Fault::new(FaultKind::Local, "the thread that polls has panicked"))
        })
    }

    fn requests(&self) -> Option<u32> {
        Some(self.requests.load(Ordering::Relaxed))
    }
}

/// Polls on request.
async fn serve(
    cloud: Arc<Cloud>,
    jobs: Arc<[JobId]>,
    requests: Vec<Arc<AtomicU32>>,
    mut queue: mpsc::UnboundedReceiver<Poll>,
) {
    while let Some((task, mut report)) = queue.recv().await {
        let (cloud, jobs, requests) = (Arc::clone(&cloud), Arc::clone(&jobs), Arc::clone(&requests[task]));
        tokio::spawn(async move {
            let mut probe = cloud.job(&jobs[task]).count_in(requests);
            let observation = tokio::select! {
                biased;
                // The wait no longer needs this poll.
                () = report.closed() => None,
                observation = probe.poll() => Some(observation),
            };
            if let Some(observation) = observation {
                let _ = report.send(observation);
            }
        });
    }
}
