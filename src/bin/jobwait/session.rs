//! One wait from the first moment to the exit code: under signals, on time, and shown.

use std::cell::{Cell, RefCell};
use std::future;
use std::io;
use std::time::{Duration, Instant};

use jobwait::{Cloud, Event, JobId, Probe, Sighting, Verdict, Wait};

use crate::apart::Apart;
use crate::config::{Config, Proxy, Refusal, Target};
use crate::report::Report;
use crate::signals::{Signal, Signals};

/// Waits as configured; the exit code.
///
/// # Errors
///
/// When the configuration turns out to be wrong: nothing was sent.
pub(crate) async fn run(
    config: Config,
    signals: Signals,
    start: Instant,
    resume: &str,
) -> Result<u8, Refusal> {
    let Config { job, target, timing, view } = config;
    let report = Report::new(job.clone(), view, timing.deadline, io::stdout(), io::stderr());
    let session = Session {
        wait: timing.wait.since(start),
        start,
        report: RefCell::new(report),
        signals: tokio::sync::Mutex::new(signals),
        signal: Cell::new(None),
    };
    let verdict = session.wait_for(job, target, timing.request_timeout).await?;
    Ok(session.report.borrow_mut().verdict(&verdict, session.signal.get(), resume))
}

struct Session {
    wait: Wait,
    start: Instant,
    report: RefCell<Report<io::Stdout, io::Stderr>>,
    signals: tokio::sync::Mutex<Signals>,
    signal: Cell<Option<Signal>>,
}

impl Session {
    async fn wait_for(
        &self,
        job: JobId,
        target: Target,
        request_timeout: Duration,
    ) -> Result<Verdict, Refusal> {
        if let Some(warning) = target.token.exposure() {
            self.report.borrow_mut().say(&warning);
        }
        let mut nothing_yet = NothingYet;
        let mut apart = tokio::select! {
            ready = Apart::start(job, move || connect(target, request_timeout)) => ready?,
            // Reading a token can hang as a network can: deadline and signals bind it too.
            verdict = self.watch(&mut nothing_yet) => return Ok(verdict),
        };
        Ok(self.watch(&mut apart).await)
    }

    /// Waits, shows what happens, and says at least something every heartbeat.
    async fn watch<P: Probe>(&self, probe: &mut P) -> Verdict {
        let stop = async {
            self.signal.set(Some(self.signals.lock().await.next().await));
        };
        let tell = |event: Event<'_>| self.report.borrow_mut().event(&event);
        let heartbeats = async {
            loop {
                let due = self.report.borrow().heartbeat_at();
                match due.and_then(|due| self.start.checked_add(due)) {
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => future::pending().await,
                }
                // A line in the meantime has put the heartbeat off.
                if self.report.borrow().heartbeat_at() == due {
                    self.report.borrow_mut().heartbeat(self.start.elapsed());
                }
            }
        };
        tokio::select! {
            verdict = self.wait.clone().run_until(probe, stop, tell) => verdict,
            () = heartbeats => unreachable!("they never end"),
        }
    }
}

/// What there is to look at before there is anything to ask with.
struct NothingYet;

impl Probe for NothingYet {
    async fn look(&mut self) -> Sighting {
        future::pending().await
    }
}

fn connect(target: Target, request_timeout: Duration) -> Result<Cloud, Refusal> {
    let credentials = target.token.read()?;
    let cloud = Cloud::builder(target.endpoint, target.project, credentials)
        .language(target.language)
        .request_timeout(request_timeout);
    let cloud = match target.proxy {
        Proxy::OfTheEnvironment => cloud,
        Proxy::None => cloud.without_proxy(),
    };
    cloud.build().map_err(|error| Refusal(error.to_string()))
}
