//! Looks on a thread of their own.
//!
//! The deadline, the signals and the heartbeat have to hold whatever a look does, and a look can do more than
//! wait: a token file can block on opening, and an answer can keep the HTTP parser busy for as long as it likes.
//! So the thread that keeps the time does nothing else, and the exit waits for nobody.

use std::thread;

use jobwait::{Cloud, Fault, FaultKind, JobId, Probe, Sighting};
use tokio::sync::{mpsc, oneshot};

use crate::config::Refusal;

/// A task that is looked at on another thread.
#[derive(Debug)]
pub(crate) struct Apart {
    asks: mpsc::UnboundedSender<oneshot::Sender<Sighting>>,
}

impl Apart {
    /// Starts the thread, makes there what is asked, and is ready once that is done.
    pub(crate) async fn start(
        job: JobId,
        make: impl FnOnce() -> Result<Cloud, Refusal> + Send + 'static,
    ) -> Result<Self, Refusal> {
        let (asks, asked) = mpsc::unbounded_channel();
        let (tell, ready) = oneshot::channel();
        thread::Builder::new()
            .name("look".into())
            .spawn(move || match make() {
                Ok(cloud) => {
                    let _ = tell.send(Ok(()));
                    serve(&cloud, &job, asked);
                }
                Err(refusal) => {
                    let _ = tell.send(Err(refusal));
                }
            })
            .map_err(|error| Refusal(format!("cannot start a thread: {error}")))?;
        ready.await.map_err(|_| Refusal("cannot start: the thread that asks has died".into()))??;
        Ok(Self { asks })
    }
}

impl Probe for Apart {
    async fn look(&mut self) -> Sighting {
        let (tell, told) = oneshot::channel();
        let _ = self.asks.send(tell);
        told.await.unwrap_or_else(|_| {
            Sighting::Permanent(Fault::new(FaultKind::Local, "the thread that asks the service has died"))
        })
    }
}

/// Looks when asked, and stops looking when nobody waits for it any more.
fn serve(cloud: &Cloud, job: &JobId, mut asked: mpsc::UnboundedReceiver<oneshot::Sender<Sighting>>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        let mut probe = cloud.job(job);
        while let Some(mut tell) = asked.recv().await {
            tokio::select! {
                sighting = probe.look() => { let _ = tell.send(sighting); }
                () = tell.closed() => {}
            }
        }
    });
    // A lookup that hangs has a thread that cannot be cancelled.
    runtime.shutdown_background();
}
