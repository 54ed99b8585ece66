//! A wait under signals and a deadline, from the first moment to the exit code.

use std::cell::{Cell, RefCell};
use std::future;
use std::sync::Arc;
use std::time::Duration;

use jobwait::{Clock, Event, JobId, Limiter, Observation, Probe, Verdict, Waits};

use crate::exit::{Refusal, Summary};
use crate::options::Options;
use crate::report::Report;
use crate::resume::Resume;
use crate::signals::{Signal, Signals};
use crate::stream::Stream;
use crate::worker::{self, Connected};

/// The time for the readers of the streams after the deadline, after a signal, and in any case.
const AFTER_DEADLINE: Duration = Duration::from_millis(150);
const AFTER_SIGNAL: Duration = Duration::from_millis(40);
const AT_LEAST: Duration = Duration::from_millis(20);

/// Waits for the tasks over a connection that `connect` makes, and returns the exit code.
///
/// # Errors
///
/// The configuration is wrong, and nothing was sent to the service.
pub(crate) async fn run(
    jobs: Vec<JobId>,
    options: Options,
    connect: impl AsyncFnOnce() -> Result<Connected, Refusal> + Send + 'static,
    resume: Option<&Resume>,
    signals: Signals,
    clock: Clock,
    stderr: &Stream,
) -> Result<u8, Refusal> {
    let jobs: Arc<[JobId]> = jobs.into();
    let stdout = Stream::to(std::io::stdout());
    let report = Report::new(Arc::clone(&jobs), options.view, options.deadline, &stdout, stderr);
    let mut session = Session { clock, report: RefCell::new(report), signals, signal: Cell::new(None) };
    let verdicts = session.wait(&jobs, &options, connect).await?;
    let signal = session.signal.get();
    let summary = Summary::new(&jobs, &verdicts, signal, options.until, resume);
    session.report.into_inner().finish(&summary);

    // A slow reader has until the deadline. A signal then ends only the wait for the reader, because the
    // result is known.
    let until = match signal {
        Some(_) => clock.elapsed() + AFTER_SIGNAL,
        None => (options.deadline + AFTER_DEADLINE).max(clock.elapsed() + AT_LEAST),
    };
    let written = async {
        stdout.written().await;
        stderr.written().await;
    };
    tokio::select! {
        () = written => {}
        () = clock.sleep_until(until) => {}
        _ = session.signals.next() => {}
    }
    if stdout.is_behind() {
        stderr.message("the result on standard output is incomplete: its reader was too slow");
        stderr.finish(AT_LEAST);
    }
    Ok(summary.ending.code())
}

struct Session {
    clock: Clock,
    report: RefCell<Report>,
    signals: Signals,
    signal: Cell<Option<Signal>>,
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
        let (probes, limiter, warnings) = tokio::select! {
            connected = worker::start(Arc::clone(jobs), connect) => connected?,
            // Reading a token can hang as a network can. The deadline and signals bind it, too.
            verdicts = self.watch(waits.clone(), unconnected, None) => return Ok(verdicts),
        };
        for warning in warnings {
            self.report.get_mut().message(&format!("warning: {warning}"));
        }
        Ok(self.watch(waits.limiter(limiter.clone()), probes, Some(limiter)).await)
    }

    /// Waits and reports, at the latest until a signal.
    async fn watch<P: Probe + Send>(
        &mut self,
        waits: Waits,
        probes: Vec<P>,
        mut limiter: Option<Limiter>,
    ) -> Vec<Verdict> {
        let Self { clock, report, signals, signal } = self;
        let stop = async { signal.set(Some(signals.next().await)) };
        let on_event = |task: usize, event: Event<'_>| {
            // The limiter keeps to this process if it cannot share its file, which is said once.
            if let Some(warning) = limiter.as_ref().and_then(Limiter::warning) {
                report
                    .borrow()
                    .message(&format!("warning: the rate limit is for this process alone: {warning}"));
                limiter = None;
            }
            report.borrow_mut().event(task, &event, signal.get());
        };
        let time_passes = async {
            loop {
                let due = report.borrow().due_at();
                match due {
                    Some(due) => clock.sleep_until(due).await,
                    None => future::pending().await,
                }
                report.borrow_mut().pass(clock.elapsed());
            }
        };
        tokio::select! {
            verdicts = waits.run_until(probes, stop, on_event) => verdicts,
            () = time_passes => unreachable!("time does not end"),
        }
    }
}

/// A task before there is a connection to poll it with.
struct Unconnected;

impl Probe for Unconnected {
    async fn poll(&mut self) -> Observation {
        future::pending().await
    }
}
