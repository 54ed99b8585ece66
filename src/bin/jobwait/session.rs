//! One wait from the first moment to the exit code: under signals, on time, and shown.

use std::cell::{Cell, RefCell};
use std::future;
use std::time::Duration;

use jobwait::{Clock, Event, JobId, Observation, Probe, RateLimit, Verdict, Waits};

use crate::options::{Config, Refusal};
use crate::report::Report;
use crate::resume::Resume;
use crate::signals::{Signal, Signals};
use crate::stream::Stream;
use crate::target::Connected;
use crate::worker::Worker;

/// How long the streams may take to be read after the deadline, and after a signal.
const AFTER_DEADLINE: Duration = Duration::from_millis(150);
const AFTER_SIGNAL: Duration = Duration::from_millis(40);
/// And in any case.
const AT_LEAST: Duration = Duration::from_millis(20);

/// Waits as configured, with what `connect` makes; the exit code. `resume` is the command that waits on, if
/// there is one.
///
/// # Errors
///
/// When the configuration turns out to be wrong: nothing was sent to the service.
pub(crate) async fn run(
    config: Config,
    connect: impl AsyncFnOnce() -> Result<Connected, Refusal> + Send + 'static,
    signals: Signals,
    clock: Clock,
    stderr: Stream,
    resume: Option<Resume<'_>>,
) -> Result<u8, Refusal> {
    let Config { jobs, several, timing, view } = config;
    let stdout = Stream::into(std::io::stdout());
    let report =
        Report::new(jobs.clone(), view, several.until, timing.deadline, stdout.clone(), stderr.clone());
    let session = Session {
        waits: Waits::new(timing.wait.clock(clock)).until(several.until),
        clock,
        report: RefCell::new(report),
        signals: tokio::sync::Mutex::new(signals),
        signal: Cell::new(None),
    };
    let verdicts = session.wait_for(jobs, connect).await?;
    let code = session.report.borrow_mut().verdict(&verdicts, session.signal.get(), resume);

    // A reader that is slow has until the deadline, one that hangs no longer. A signal then only ends the
    // patience: how the task ended is known.
    let until = if session.signal.get().is_some() {
        clock.elapsed() + AFTER_SIGNAL
    } else {
        (timing.deadline + AFTER_DEADLINE).max(clock.elapsed() + AT_LEAST)
    };
    let written = async {
        stdout.written().await;
        stderr.written().await;
    };
    let mut signals = session.signals.into_inner();
    tokio::select! {
        () = written => {}
        () = clock.sleep_until(until) => {}
        _ = signals.next() => {}
    }
    if stdout.is_behind() {
        stderr.line("jobwait: the result was cut: whoever reads it was too slow");
        stderr.finish(AT_LEAST);
    }
    Ok(code)
}

struct Session {
    waits: Waits,
    clock: Clock,
    report: RefCell<Report>,
    signals: tokio::sync::Mutex<Signals>,
    signal: Cell<Option<Signal>>,
}

impl Session {
    async fn wait_for(
        &self,
        jobs: Vec<JobId>,
        connect: impl AsyncFnOnce() -> Result<Connected, Refusal> + Send + 'static,
    ) -> Result<Vec<Verdict>, Refusal> {
        let nothing_yet = jobs.iter().map(|_| NothingYet).collect();
        let (workers, limiter, warnings) = tokio::select! {
            ready = Worker::start(jobs, connect) => ready?,
            // Reading a token can hang as a network can: deadline and signals bind it too.
            verdicts = self.watch(self.waits.clone(), nothing_yet) => return Ok(verdicts),
        };
        for warning in warnings {
            self.report.borrow().say(&format!(": warning: {warning}"));
        }
        let waits = self.waits.clone().limiter(limiter);
        Ok(self.watch(waits, workers).await)
    }

    /// Waits, shows what happens, and says at least something every heartbeat.
    async fn watch<P: Probe + Send>(&self, waits: Waits, probes: Vec<P>) -> Vec<Verdict> {
        let stop = async {
            self.signal.set(Some(self.signals.lock().await.next().await));
        };
        let tell = |number: usize, event: Event<'_>| {
            self.report.borrow_mut().event(number, &event, self.signal.get());
        };
        let time_passes = async {
            loop {
                let due = self.report.borrow().due_at();
                match due {
                    Some(due) => self.clock.sleep_until(due).await,
                    None => future::pending().await,
                }
                self.report.borrow_mut().pass(self.clock.elapsed());
            }
        };
        tokio::select! {
            verdicts = waits.run_until(probes, stop, tell) => verdicts,
            () = time_passes => unreachable!("they never end"),
        }
    }
}

/// What there is to look at before there is anything to ask with.
struct NothingYet;

impl Probe for NothingYet {
    async fn poll(&mut self) -> Observation {
        future::pending().await
    }
}
