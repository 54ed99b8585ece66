//! A wait under signals and a deadline, from the first moment to the exit code.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jobwait::text::safe;
use jobwait::{
    Clock, Event, Fault, InstanceId, JobId, Limiter, Outcome, Probe, TaskFilter, TaskRow, Until, Verdict,
    Wait, Waits,
};
use tokio::sync::oneshot;

use crate::exit::{Refusal, Summary};
use crate::options::{AppendedFile, Options};
use crate::report::Report;
use crate::resume::Resume;
use crate::signals::{Signal, Signals};
use crate::stream::Stream;
use crate::worker::{self, Connected, Search, Unconnected, WorkerList, take_warning};

/// The time after the deadline or a signal in which the reader of a stream must take something, and the time
/// for all.
const SILENCE: Duration = Duration::from_millis(150);
const LONGEST_READ: Duration = Duration::from_secs(5);

/// The time that the scheduled tasks may take before the end: they are only named.
const SCHEDULED: Duration = Duration::from_secs(1);

/// The time in which the list must be readable before the end. Then the tasks that are known are the result.
const LAST_SEARCH: Duration = Duration::from_secs(30);

/// The tasks of a wait.
#[derive(Debug)]
pub(crate) enum Tasks {
    /// Tasks by their IDs.
    Ids(Vec<JobId>),
    /// The tasks of an instance.
    Instance(InstanceTasks),
}

/// The selection of the tasks of an instance.
#[derive(Debug)]
pub(crate) struct InstanceTasks {
    pub(crate) instance: InstanceId,
    pub(crate) filter: TaskFilter,
    /// Earlier tasks do not matter: the wait ends when nothing is in progress.
    pub(crate) idle: bool,
}

/// Waits for the tasks over a connection that `connect` makes, and returns the exit code.
///
/// # Errors
///
/// The configuration is wrong, and nothing was sent to the service.
pub(crate) async fn run(
    tasks: Tasks,
    options: Options,
    connect: impl AsyncFnOnce() -> Result<Connected, Refusal> + Send + 'static,
    resume: Option<Resume>,
    signals: Signals,
    clock: Clock,
    stderr: &Stream,
) -> Result<u8, Refusal> {
    let stdout = Stream::stdout();
    let (given, selection) = match tasks {
        Tasks::Ids(jobs) => (jobs, None),
        Tasks::Instance(selection) => (Vec::new(), Some(selection)),
    };
    let given: Arc<[JobId]> = given.into();
    let new_report = |jobs: &Arc<[JobId]>| {
        let now = if selection.is_some() { clock.elapsed() } else { Duration::ZERO };
        let period = now..options.deadline;
        Report::new(Arc::clone(jobs), options.view, &options.result, period, &stdout, stderr)
    };
    let report = RefCell::new(new_report(&given));
    let mut session = Session { clock, report, signals, signal: Cell::new(None), limiter: None };
    let found = match &selection {
        None => Found { verdicts: session.wait(&given, &options, connect).await?, ..Found::default() },
        Some(selection) => session.wait_for_instance(selection, &options, connect, new_report).await?,
    };
    let jobs = if selection.is_some() { &found.jobs } else { &*given };
    let signal = session.signal.get();
    let idle = selection.as_ref().is_some_and(|selection| selection.idle);
    let Found { verdicts, search, .. } = found;
    let summary = Summary::new(jobs, verdicts, signal, options.until, resume);
    let summary = Arc::new(summary.of_search(search, signal, idle));
    session.report.into_inner().finish(&summary);

    let from = options.deadline.max(clock.elapsed());
    let mut ending = Patience { clock, signals: session.signals, from, is_signaled: false };
    if signal.is_some() {
        ending.signal();
    }
    let files: Vec<&Stream> = options.result.files().map(|file| &file.stream).collect();
    ending.written(&[&stdout], &files).await;
    if let Some(fault) = stdout.fault() {
        stderr.message(&format!("cannot write the result to standard output: {fault}"));
    } else if stdout.is_behind() {
        stderr.message("the result on standard output is incomplete: its reader was too slow");
    }
    for warning in options.result.files().filter_map(AppendedFile::warning) {
        stderr.message(&warning);
    }
    ending.written(&[stderr], &[]).await;
    Ok(summary.ending.code())
}

/// The patience with the readers of the streams, after the result is known.
struct Patience {
    clock: Clock,
    signals: Signals,
    /// The time from which a silent reader counts as gone: the deadline, or the time of a signal.
    from: Duration,
    is_signaled: bool,
}

impl Patience {
    fn signal(&mut self) {
        (self.from, self.is_signaled) = (self.clock.elapsed(), true);
    }

    /// Waits until everything is written to the streams and the files, or until their readers are silent or
    /// read for too long, or a second signal comes. A file has no reader that may come later, so it is given
    /// up sooner than the deadline.
    async fn written(&mut self, streams: &[&Stream], files: &[&Stream]) {
        let patience = self.clock.elapsed().saturating_add(LONGEST_READ);
        loop {
            let from = patience.min(self.from);
            let streams = streams.iter().map(|stream| written(stream, self.clock, self.from));
            let files = files.iter().map(|file| written(file, self.clock, from));
            tokio::select! {
                biased;
                _ = join_all(streams.chain(files)) => return,
                _ = self.signals.next() => {
                    if self.is_signaled {
                        return;
                    }
                    self.signal();
                }
            }
        }
    }
}

/// Waits until everything is written to the stream, or until its reader takes nothing for a while after
/// `from`, or reads for too long.
async fn written(stream: &Stream, clock: Clock, from: Duration) {
    let end = from.saturating_add(LONGEST_READ);
    let reading = async {
        clock.sleep_until(from).await;
        loop {
            let write = stream.write_under_way();
            clock.sleep_until(clock.elapsed().saturating_add(SILENCE).min(end)).await;
            let is_silent = write.is_some() && stream.write_under_way() == write;
            if is_silent || clock.elapsed() >= end {
                break;
            }
        }
    };
    tokio::select! {
        biased;
        () = stream.written() => {}
        () = reading => {}
    }
}

struct Session {
    clock: Clock,
    report: RefCell<Report>,
    signals: Signals,
    signal: Cell<Option<Signal>>,
    /// The limiter of the connection, until its warning was shown.
    limiter: Option<Limiter>,
}

/// The tasks of an instance that were found, and the ends of their waits.
#[derive(Debug, Default)]
struct Found {
    jobs: Vec<JobId>,
    verdicts: Vec<Verdict>,
    /// The search that ended the wait.
    search: Option<Verdict>,
}

impl Session {
    async fn wait(
        &mut self,
        jobs: &Arc<[JobId]>,
        options: &Options,
        connect: impl AsyncFnOnce() -> Result<Connected, Refusal> + Send + 'static,
    ) -> Result<Vec<Verdict>, Refusal> {
        let waits = Waits::new(options.wait.clone().clock(self.clock)).until(options.until);
        let unconnected = jobs.iter().map(|_| Unconnected).collect();
        let (worker, limiter, warnings) = tokio::select! {
            connected = worker::start(connect) => connected?,
            // Reading a token can hang as a network can. The deadline and signals bind it, too.
            verdicts = self.watch(waits.clone(), unconnected, None, None) => return Ok(verdicts),
        };
        self.connected(&limiter, warnings);
        let list = Some((&**jobs, worker.list()));
        Ok(self.watch(waits.limiter(limiter), worker.probes(jobs), list, None).await)
    }

    fn connected(&mut self, limiter: &Limiter, warnings: Vec<String>) {
        self.limiter = Some(limiter.clone());
        for warning in warnings {
            self.report.get_mut().message(&format!("warning: {warning}"));
        }
    }

    /// Searches for the tasks of an instance and waits for them, until there are no more.
    async fn wait_for_instance(
        &mut self,
        selection: &InstanceTasks,
        options: &Options,
        connect: impl AsyncFnOnce() -> Result<Connected, Refusal> + Send + 'static,
        new_report: impl Fn(&Arc<[JobId]>) -> Report,
    ) -> Result<Found, Refusal> {
        let InstanceTasks { instance, filter, idle } = selection;
        let wait = options.wait.clone().clock(self.clock);
        let mut unconnected = Unconnected;
        let (worker, limiter, warnings) = tokio::select! {
            connected = worker::start(connect) => connected?,
            search = self.search(wait.clone(), &mut unconnected) => {
                return Ok(Found { search: Some(search), ..Found::default() });
            }
        };
        self.connected(&limiter, warnings);
        let wait = wait.limiter(limiter.clone());
        let mut search = worker.search(Search { filter: filter.clone(), accepts_none: *idle });
        let mut ended = self.search(wait.clone(), &mut search).await;
        let mut scheduled = matches!(ended.outcome, Outcome::Completed | Outcome::NotFound)
            .then(|| worker.scheduled(instance));
        let mut found = Found::default();
        loop {
            let known: HashSet<&JobId> = found.jobs.iter().collect();
            let rows = search.into_found();
            let new: Vec<JobId> =
                rows.iter().filter_map(|row| row.id().filter(|id| !known.contains(id)).cloned()).collect();
            if ended.outcome != Outcome::Completed || new.is_empty() {
                break;
            }
            let jobs: Arc<[JobId]> = new.clone().into();
            self.report.replace(new_report(&jobs)).close();
            self.report.borrow().found(&rows, &jobs, !found.jobs.is_empty());
            // An ID that is on the list may still be unknown elsewhere.
            let grace = self.clock.elapsed().saturating_add(options.grace);
            let waits = Waits::new(wait.clone().grace(grace)).until(options.until).limiter(limiter.clone());
            let naming = scheduled.as_mut().map(|rows| (rows, &*jobs));
            let probes = worker.probes(&jobs);
            let verdicts = self.watch(waits, probes, Some((&*jobs, worker.list())), naming).await;
            let is_over = self.signal.get().is_some() || options.once || ends(options, &verdicts);
            found.jobs.extend(new);
            found.verdicts.extend(verdicts);
            if is_over {
                return Ok(found);
            }
            search = worker.search(Search { filter: filter.clone(), accepts_none: true });
            let last = if *idle { options.deadline } else { self.clock.elapsed() + LAST_SEARCH };
            ended = self.search(wait.clone().deadline(options.deadline.min(last)), &mut search).await;
        }
        if let Some(rows) = scheduled.take().filter(|rows| !rows.is_terminated()) {
            self.name_scheduled(rows, &found.jobs, options.deadline).await;
        }
        // The tasks that are known have ended.
        if !found.jobs.is_empty() && !*idle && !matches!(ended.outcome, Outcome::Completed | Outcome::Stopped)
        {
            let reason = ended.fault.as_ref().map(Fault::to_string).unwrap_or_default();
            let warning =
                format!("warning: the list could not be read for tasks that came meanwhile: {reason}");
            self.report.get_mut().message(&safe(&warning, 400).to_string());
        } else {
            found.search = Some(ended);
        }
        Ok(found)
    }

    /// Names the tasks that wait for a maintenance window, if they are known soon.
    async fn name_scheduled(
        &mut self,
        rows: oneshot::Receiver<Vec<TaskRow>>,
        jobs: &[JobId],
        deadline: Duration,
    ) {
        if self.signal.get().is_some() {
            return;
        }
        let until = (self.clock.elapsed() + SCHEDULED).min(deadline);
        let rows = tokio::select! {
            rows = rows => rows.unwrap_or_default(),
            () = self.clock.sleep_until(until) => return,
            signal = self.signals.next() => return self.signal.set(Some(signal)),
        };
        self.report.get_mut().scheduled(&rows, jobs);
    }

    /// Searches for tasks and reports, at the latest until a signal.
    async fn search<P: Probe>(&mut self, wait: Wait, probe: &mut P) -> Verdict {
        let Self { clock, report, signals, signal, limiter } = self;
        let stop = async { signal.set(Some(signals.next().await)) };
        let on_event = |event: Event<'_>| {
            if let Some(warning) = take_warning(limiter) {
                report.borrow().message(&warning);
            }
            report.borrow_mut().search_event(&event);
        };
        tokio::select! {
            verdict = wait.run_until(probe, stop, on_event) => verdict,
            () = time_passes(*clock, report) => unreachable!("time does not end"),
        }
    }

    /// Waits and reports, at the latest until a signal.
    async fn watch<P: Probe + Send>(
        &mut self,
        waits: Waits,
        probes: Vec<P>,
        list: Option<(&[JobId], WorkerList)>,
        scheduled: Option<(&mut oneshot::Receiver<Vec<TaskRow>>, &[JobId])>,
    ) -> Vec<Verdict> {
        let Self { clock, report, signals, signal, limiter } = self;
        let stop = async { signal.set(Some(signals.next().await)) };
        let on_event = |task: usize, event: Event<'_>| {
            if let Some(warning) = take_warning(limiter) {
                report.borrow().message(&warning);
            }
            report.borrow_mut().event(task, &event, signal.get());
        };
        let naming = async {
            if let Some((rows, jobs)) = scheduled
                && !rows.is_terminated()
                && let Ok(rows) = rows.await
            {
                report.borrow().scheduled(&rows, jobs);
            }
            future::pending::<()>().await;
        };
        let waits = async {
            match list {
                Some((jobs, list)) => waits.run_with_list(jobs, probes, list, stop, on_event).await,
                None => waits.run_until(probes, stop, on_event).await,
            }
        };
        tokio::select! {
            verdicts = waits => verdicts,
            () = naming => unreachable!("time does not end"),
            () = time_passes(*clock, report) => unreachable!("time does not end"),
        }
    }
}

/// Shows what is due, for ever.
async fn time_passes(clock: Clock, report: &RefCell<Report>) {
    loop {
        let due = report.borrow().due_at();
        match due {
            Some(due) => clock.sleep_until(due).await,
            None => future::pending().await,
        }
        report.borrow_mut().pass(clock.elapsed());
    }
}

/// Returns whether the wait is over with these verdicts, whatever other tasks there are.
fn ends(options: &Options, verdicts: &[Verdict]) -> bool {
    let completed = |verdict: &Verdict| verdict.outcome == Outcome::Completed;
    let is_undecided = |verdict: &Verdict| {
        matches!(verdict.outcome, Outcome::TimedOut | Outcome::Unauthorized | Outcome::Unreachable)
    };
    let ends = match options.until {
        Until::FirstSuccess => verdicts.iter().any(completed),
        Until::AllEnded => false,
        _ => !verdicts.iter().all(completed),
    };
    ends || verdicts.iter().any(is_undecided)
}
