//! The driver: it delays, polls, and reports as the machine says. Only this loop knows the clock.

use std::pin::pin;

use tracing::debug;

use super::Wait;
use super::machine::{Step, Waiting};
use crate::clock::Clock;
use crate::event::{Event, EventKind};
use crate::limiter::{Limiter, Plan};
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
    let member = limiter.join();
    let deadline = wait.limits.deadline;
    let mut plan = Plan::at(clock.elapsed());
    let mut waiting = Waiting::new(wait.limits, wait.pace.start(fastrand::Rng::new()), plan.until);
    let mut stop = pin!(stop);
    let mut verdict = loop {
        let permit = tokio::select! {
            biased;
            () = &mut stop => break waiting.stopped(clock.elapsed()),
            permit = member.acquire(plan, clock, deadline) => permit,
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
        (plan, waiting) = match next {
            Step::Done(verdict) => break verdict,
            Step::Delay { until, bound, waiting } => {
                let plan = Plan {
                    from: elapsed,
                    until,
                    bound,
                    may_stretch: waiting.may_stretch(),
                    is_near_end: waiting.is_near_end(),
                    predicted_end: waiting.predicted_end(),
                };
                (plan, waiting)
            }
        };
        let next_poll = member.expected_at(plan, clock);
        debug!(delay = ?next_poll.saturating_sub(elapsed), "waiting for the next poll");
        if let Some(kind) = waiting.event_kind(next_poll) {
            report(Event::new(elapsed, waiting.polls(), kind));
        }
    };
    verdict.requests = probe.requests().unwrap_or(verdict.polls);
    report(Event::new(verdict.elapsed, verdict.polls, EventKind::Ended(&verdict)));
    verdict
}
