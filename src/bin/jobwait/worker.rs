//! Looks on a thread of their own.
//!
//! The deadline, the signals and the heartbeat have to hold whatever a look does, and a look can do more than
//! wait: a token file can block on opening, and an answer can keep the HTTP parser busy for as long as it
//! likes. So the thread that keeps the time does nothing else, and the exit waits for nobody.

use std::io;
use std::sync::Arc;
use std::thread;

use std::sync::atomic::{AtomicU32, Ordering};

use jobwait::{Cloud, Fault, FaultKind, JobId, Limiter, Observation, Probe};
use tokio::sync::{mpsc, oneshot};

use crate::options::Refusal;
use crate::panics;
use crate::target::Connected;

/// A task that is looked at on another thread.
#[derive(Debug)]
pub(crate) struct Worker {
    number: usize,
    requests: Arc<[AtomicU32]>,
    asks: mpsc::UnboundedSender<Ask>,
}

/// Which task is to be looked at, and where to tell of it.
type Ask = (usize, oneshot::Sender<Observation>);

impl Worker {
    /// Starts the thread and connects there; ready once that is done: a probe for each task, and what the
    /// user should know.
    pub(crate) async fn start(
        jobs: Vec<JobId>,
        connect: impl AsyncFnOnce() -> Result<Connected, Refusal> + Send + 'static,
    ) -> Result<(Vec<Self>, Limiter, Vec<String>), Refusal> {
        let (asks, asked) = mpsc::unbounded_channel();
        let count = jobs.len();
        let requests: Arc<[AtomicU32]> = jobs.iter().map(|_| AtomicU32::new(0)).collect();
        let counts = Arc::clone(&requests);
        let (tell, ready) = oneshot::channel();
        let cannot = |error: io::Error| Refusal(format!("cannot start: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot)?;
        thread::Builder::new()
            .name("look".into())
            .spawn(move || {
                runtime.block_on(async {
                    match connect().await {
                        Ok(Connected { cloud, limiter, warnings }) => {
                            let _ = tell.send(Ok((limiter, warnings)));
                            serve(Arc::new(cloud), jobs.into(), counts, asked).await;
                        }
                        Err(refusal) => {
                            let _ = tell.send(Err(refusal));
                        }
                    }
                });
                // A lookup that hangs has a thread that cannot be cancelled.
                runtime.shutdown_background();
            })
            .map_err(cannot)?;
        let (limiter, warnings) = ready.await.unwrap_or_else(|_| panics::pass_on())?;
        let worker = (0..count)
            .map(|number| Self { number, requests: Arc::clone(&requests), asks: asks.clone() })
            .collect();
        Ok((worker, limiter, warnings))
    }
}

impl Probe for Worker {
    fn requests(&self) -> Option<u32> {
        Some(self.requests[self.number].load(Ordering::Relaxed))
    }

    async fn poll(&mut self) -> Observation {
        let (tell, told) = oneshot::channel();
        let _ = self.asks.send((self.number, tell));
        told.await.unwrap_or_else(|_| {
            Observation::Permanent(Fault::new(FaultKind::Local, "the thread that looks has died"))
        })
    }
}

/// Looks when asked.
async fn serve(
    cloud: Arc<Cloud>,
    jobs: Arc<[JobId]>,
    counts: Arc<[AtomicU32]>,
    mut asked: mpsc::UnboundedReceiver<Ask>,
) {
    while let Some((number, mut tell)) = asked.recv().await {
        let (cloud, jobs, counts) = (Arc::clone(&cloud), Arc::clone(&jobs), Arc::clone(&counts));
        tokio::spawn(async move {
            let mut probe = cloud.job(&jobs[number]);
            let observation = tokio::select! {
                biased;
                () = tell.closed() => None,
                observation = probe.poll() => Some(observation),
            };
            counts[number].fetch_add(probe.requests().unwrap_or(1), Ordering::Relaxed);
            if let Some(observation) = observation {
                let _ = tell.send(observation);
            }
        });
    }
}
