//! The driver: it delays, polls, and reports as the machine says. Only this loop knows the clock.

use std::pin::pin;
use std::time::Duration;

use tracing::debug;

use super::Wait;
use super::machine::{Step, Waiting};
use crate::clock::Clock;
use crate::event::{Event, EventKind};
use crate::fault::Fault;
use crate::limiter::{Limiter, Permit};
use crate::outcome::Verdict;
use crate::probe::Probe;

/// Runs a wait that takes a permit of the limiter for each poll.
pub(super) async fn drive<P: Probe>(
    wait: Wait,
    limiter: &Limiter,
    clock: Clock,
    probe: &mut P,
    stop: impl Future<Output = ()>,
    mut report: impl FnMut(Event<'_>),
) -> Verdict {
    let mut due = clock.elapsed();
    let mut waiting = Waiting::new(wait.limits, wait.pace.start(fastrand::Rng::new()), due);
    let mut stop = pin!(stop);
    let verdict = loop {
        let permit = tokio::select! {
            biased;
            () = &mut stop => break waiting.stopped(clock.elapsed()),
            permit = permit_at(due, limiter, clock) => permit,
        };
        let _permit = match permit {
            Ok(permit) => permit,
            Err(reason) => break waiting.starved(clock.elapsed(), reason),
        };
        let cut = waiting.start_poll(clock.elapsed());
        let (elapsed, next) = tokio::select! {
            biased;
            () = &mut stop => break waiting.stopped(clock.elapsed()),
            observation = probe.poll() => {
                limiter.record(&observation);
                let elapsed = clock.elapsed();
                (elapsed, waiting.after(elapsed, observation))
            }
            () = clock.sleep_until(cut) => {
                let elapsed = clock.elapsed();
                (elapsed, waiting.cut(elapsed))
            }
        };
        (due, waiting) = match next {
            Step::Done(verdict) => break verdict,
            Step::Delay { until, waiting } => (until, waiting),
        };
        debug!(delay = ?due.saturating_sub(elapsed), "waiting for the next poll");
        if let Some(kind) = waiting.event_kind(limiter.not_before(due)) {
            report(Event::new(elapsed, waiting.polls(), kind));
        }
    };
    report(Event::new(verdict.elapsed, verdict.polls, EventKind::Ended(&verdict)));
    verdict
}

async fn permit_at(due: Duration, limiter: &Limiter, clock: Clock) -> Result<Permit<'_>, Fault> {
    // Without this check the first poll would wait for a timer, which takes a millisecond
    // even when it is due.
    if clock.elapsed() < due {
        clock.sleep_until(due).await;
    }
    limiter.acquire().await
}
