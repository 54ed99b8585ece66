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

use jobwait::{
    Cloud, Fault, FaultKind, InstanceId, JobId, Limiter, ListPage, ListProbe, Observation, Probe, TaskFilter,
    TaskRow,
};
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

/// The worker. It ends when this and all its probes are dropped.
#[derive(Debug)]
pub(crate) struct Worker(mpsc::UnboundedSender<Request>);

/// A request to the worker, with the channel for its result.
#[derive(Debug)]
enum Request {
    Poll(Batch, usize, oneshot::Sender<Observation>),
    Search(Search, Arc<AtomicU32>, oneshot::Sender<(Observation, Vec<TaskRow>)>),
    Scheduled(InstanceId, oneshot::Sender<Vec<TaskRow>>),
    List(mpsc::UnboundedReceiver<PageRequest>),
}

/// A request for a page of the list, the first one if the flag is set, with the channel for the result.
type PageRequest = (bool, oneshot::Sender<Result<ListPage, Observation>>);

/// Tasks that are polled together.
#[derive(Debug, Clone)]
struct Batch {
    jobs: Arc<[JobId]>,
    /// The number of requests that were sent for each task.
    requests: Arc<[Arc<AtomicU32>]>,
}

/// A search for tasks.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    pub(crate) filter: TaskFilter,
    /// The search ends with the first list, even if it is empty.
    pub(crate) accepts_none: bool,
}

/// Returns the warning that the limiter keeps to this process because it cannot share its file, and forgets
/// the limiter, so that it is said once.
pub(crate) fn take_warning(limiter: &mut Option<Limiter>) -> Option<String> {
    let warning = limiter.as_ref()?.warning()?;
    *limiter = None;
    Some(format!("warning: the rate limit is for this process alone: {warning}"))
}

/// A probe for the time before there is a connection. It gets no response.
pub(crate) struct Unconnected;

impl Probe for Unconnected {
    async fn poll(&mut self) -> Observation {
        std::future::pending().await
    }
}

/// A task that the worker polls.
#[derive(Debug)]
pub(crate) struct WorkerProbe {
    batch: Batch,
    task: usize,
    worker: mpsc::UnboundedSender<Request>,
}

/// A search that the worker makes.
#[derive(Debug)]
pub(crate) struct WorkerSearch {
    search: Search,
    found: Vec<TaskRow>,
    requests: Arc<AtomicU32>,
    worker: mpsc::UnboundedSender<Request>,
}

/// The list of the tasks that are running, which the worker asks for.
#[derive(Debug)]
pub(crate) struct WorkerList(mpsc::UnboundedSender<PageRequest>);

/// Starts the worker. Returns it with the limiter of the connection, and warnings for the user, once it has
/// connected.
pub(crate) async fn start(
    connect: impl AsyncFnOnce() -> Result<Connected, Refusal> + Send + 'static,
) -> Result<(Worker, Limiter, Vec<String>), Refusal> {
    let (requests, queue) = mpsc::unbounded_channel();
    let (report, connected) = oneshot::channel();
    let cannot = |error: io::Error| Refusal(format!("cannot start: {error}"));
    let work = move || {
        // Made here: a runtime must not be dropped inside another one, which it would be without a thread.
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = report.send(Err(cannot(error)));
                return;
            }
        };
        runtime.block_on(async {
            match connect().await {
                Ok(Connected { cloud, limiter, warnings }) => {
                    let _ = report.send(Ok((limiter, warnings)));
                    serve(Arc::new(cloud), queue).await;
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
    Ok((Worker(requests), limiter, warnings))
}

impl Worker {
    /// A probe for each task.
    pub(crate) fn probes(&self, jobs: &Arc<[JobId]>) -> Vec<WorkerProbe> {
        let requests = jobs.iter().map(|_| Arc::default()).collect();
        let batch = Batch { jobs: Arc::clone(jobs), requests };
        let probe = |task| WorkerProbe { batch: batch.clone(), task, worker: self.0.clone() };
        (0..jobs.len()).map(probe).collect()
    }

    /// A probe for the list of the tasks that are running.
    pub(crate) fn list(&self) -> WorkerList {
        let (pages, requests) = mpsc::unbounded_channel();
        let _ = self.0.send(Request::List(requests));
        WorkerList(pages)
    }

    /// A probe for a search.
    pub(crate) fn search(&self, search: Search) -> WorkerSearch {
        WorkerSearch { search, found: Vec::new(), requests: Arc::default(), worker: self.0.clone() }
    }

    /// Asks for the tasks of an instance that wait for a maintenance window. The channel is closed if that is
    /// not known.
    pub(crate) fn scheduled(&self, instance: &InstanceId) -> oneshot::Receiver<Vec<TaskRow>> {
        let (report, rows) = oneshot::channel();
        let _ = self.0.send(Request::Scheduled(instance.clone(), report));
        rows
    }
}

fn panicked() -> Observation {
    Observation::Permanent(Fault::new(FaultKind::Local, "the thread that polls has panicked"))
}

impl Probe for WorkerProbe {
    async fn poll(&mut self) -> Observation {
        let (report, observation) = oneshot::channel();
        let _ = self.worker.send(Request::Poll(self.batch.clone(), self.task, report));
        observation.await.unwrap_or_else(|_| panicked())
    }

    fn requests(&self) -> Option<u32> {
        Some(self.batch.requests[self.task].load(Ordering::Relaxed))
    }
}

impl ListProbe for WorkerList {
    #[expect(clippy::result_large_err, reason = "the error is the observation of a poll")]
    async fn page(&mut self, restart: bool) -> Result<ListPage, Observation> {
        let (report, page) = oneshot::channel();
        let _ = self.0.send((restart, report));
        page.await.unwrap_or_else(|_| Err(panicked()))
    }
}

impl Probe for WorkerSearch {
    /// Asks once. Older tasks in progress are asked for only until there was a list: from then on, a task can
    /// only be new.
    async fn poll(&mut self) -> Observation {
        let (report, result) = oneshot::channel();
        let _ = self.worker.send(Request::Search(self.search.clone(), Arc::clone(&self.requests), report));
        let Ok((observation, found)) = result.await else { return panicked() };
        self.found = found;
        if matches!(observation, Observation::NotVisible(_)) {
            self.search.filter = self.search.filter.clone().only_recent();
        }
        observation
    }

    fn requests(&self) -> Option<u32> {
        Some(self.requests.load(Ordering::Relaxed))
    }
}

impl WorkerSearch {
    /// The tasks that were found, newest first.
    pub(crate) fn into_found(self) -> Vec<TaskRow> {
        self.found
    }
}

/// Serves requests.
async fn serve(cloud: Arc<Cloud>, mut queue: mpsc::UnboundedReceiver<Request>) {
    while let Some(request) = queue.recv().await {
        let cloud = Arc::clone(&cloud);
        tokio::spawn(async move {
            match request {
                Request::Poll(Batch { jobs, requests }, task, mut report) => {
                    let mut probe = cloud.job(&jobs[task]).count_in(Arc::clone(&requests[task]));
                    let observation = unless_closed(&mut report, probe.poll()).await;
                    if let Some(observation) = observation {
                        let _ = report.send(observation);
                    }
                }
                Request::Search(Search { filter, accepts_none }, requests, mut report) => {
                    let search = cloud.search(filter).count_in(requests);
                    let mut search = if accepts_none { search.or_none() } else { search };
                    if let Some(observation) = unless_closed(&mut report, search.poll()).await {
                        let _ = report.send((observation, search.into_found()));
                    }
                }
                Request::List(mut pages) => {
                    let mut list = cloud.task_list();
                    while let Some((restart, mut report)) = pages.recv().await {
                        if let Some(page) = unless_closed(&mut report, list.page(restart)).await {
                            let _ = report.send(page);
                        }
                    }
                }
                Request::Scheduled(instance, mut report) => {
                    let rows = unless_closed(&mut report, cloud.scheduled_tasks(Some(&instance))).await;
                    // These tasks are only named, so an error does not matter.
                    if let Some(Ok(rows)) = rows {
                        let _ = report.send(rows);
                    }
                }
            }
        });
    }
}

/// Returns the result of the work, unless the wait no longer needs it.
async fn unless_closed<T, R>(report: &mut oneshot::Sender<R>, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = report.closed() => None,
        result = work => Some(result),
    }
}
