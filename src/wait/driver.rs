//! The driver runs a wait: it gets a permit, polls, and reports an event. It gives the machine the times.

use std::pin::pin;
use std::time::Duration;

use tracing::debug;

use super::Wait;
use super::lister::{Lister, Next};
use super::machine::{Step, Waiting};
use crate::clock::Clock;
use crate::event::{Event, EventKind};
use crate::fault::Fault;
use crate::job::Job;
use crate::limiter::{Limiter, Member, Permit, Plan};
use crate::outcome::Verdict;
use crate::probe::Probe;

/// The place of a task on the list of several waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) lister: &'a Lister,
    pub(super) task: usize,
}

/// The end of a delay.
enum Delayed {
    /// The list shows the task going on.
    Listed(Job),
    Poll(Permit),
    /// There was no permit before the deadline.
    Starved(Fault),
}

/// Runs a wait that takes a permit of the limiter for each poll. A list may replace polls.
pub(super) async fn drive<P: Probe>(
    wait: Wait,
    limiter: &Limiter,
    list: Option<Place<'_>>,
    clock: Clock,
    probe: &mut P,
    stop: impl Future<Output = ()>,
    mut report: impl FnMut(Event<'_>),
) -> Verdict {
    let member = limiter.join();
    let deadline = wait.limits.deadline;
    let mut plan = Plan { bound: wait.limits.last_poll_start(), ..Plan::at(clock.elapsed()) };
    let mut waiting = Waiting::new(wait.limits, wait.pace.start(fastrand::Rng::new()), plan.until);
    let mut stop = pin!(stop);
    let mut verdict = loop {
        let place = list.filter(|_| waiting.may_be_listed());
        if let Some(Place { lister, task }) = place {
            lister.plan(task, plan.from, plan.until);
        }
        let delayed = tokio::select! {
            biased;
            () = &mut stop => break waiting.stopped(clock.elapsed()),
            delayed = delay(&member, place, plan, clock, deadline) => delayed,
        };
        let (elapsed, next) = match delayed {
            Delayed::Starved(reason) => break waiting.starved(clock.elapsed(), reason),
            Delayed::Listed(job) => {
                let elapsed = clock.elapsed();
                (elapsed, waiting.listed(elapsed, job))
            }
            Delayed::Poll(_permit) => {
                let cut = waiting.start_poll(clock.elapsed());
                tokio::select! {
                    biased;
                    () = &mut stop => break waiting.stopped(clock.elapsed()),
                    observation = probe.poll() => {
                        limiter.record(&observation);
                        let elapsed = clock.elapsed();
                        if let (Some(Place { lister, task }), Some(job)) = (list, observation.job()) {
                            lister.polled(task, elapsed, job);
                        }
                        (elapsed, waiting.after(elapsed, observation))
                    }
                    () = clock.sleep_until(cut) => {
                        let elapsed = clock.elapsed();
                        (elapsed, waiting.cut(elapsed))
                    }
                }
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
                    cost: place.map_or(1.0, |Place { lister, task }| lister.cost(task, elapsed)),
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
    if let Some(Place { lister, task }) = list {
        lister.end(task);
    }
    verdict.requests = probe.requests().unwrap_or(verdict.polls);
    report(Event::new(verdict.elapsed, verdict.polls, EventKind::Ended(&verdict)));
    verdict
}

/// Waits until the list shows the task, or until the next poll is due and has a permit.
async fn delay(
    member: &Member,
    list: Option<Place<'_>>,
    mut plan: Plan,
    clock: Clock,
    deadline: Duration,
) -> Delayed {
    let permit = |plan| async move {
        member.acquire(plan, clock, deadline).await.map_or_else(Delayed::Starved, Delayed::Poll)
    };
    let Some(Place { lister, task }) = list else { return permit(plan).await };
    let mut next = lister.next(task, plan, member, clock).await;
    let delayed = loop {
        match next {
            Next::Listed(job) => return Delayed::Listed(job),
            Next::PollNow => plan = Plan::at(clock.elapsed()),
            Next::Poll => {}
        }
        // A list may come before the permit.
        tokio::select! {
            biased;
            delayed = permit(plan) => break delayed,
            news = lister.news_in_queue(task, member, clock) => next = news,
        }
    };
    // Until the plan after the poll, the list does not matter.
    lister.unplan(task);
    delayed
}
