//! The state machine of a wait. Pure: time is an argument, and nothing here polls, sleeps or reports.
//!
//! [`Waiting`] is consumed by each observation and comes back only in [`Step::Delay`], so a wait that has
//! ended cannot be continued.

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::pace::Pacer;
use crate::clock::{POLL_AFTER_SLEEP, overslept};
use crate::event::EventKind;
use crate::fault::{Fault, FaultKind};
use crate::job::{End, Job};
use crate::outcome::{LastSeen, Outcome, Verdict};
use crate::probe::Observation;

/// The number of polls in a row that must miss a visible task before it counts as gone. A single one may have
/// reached a replica that lags.
const VANISHED: u32 = 3;

/// The longest time for a poll that starts after the deadline, because the computer slept past it.
const LONGEST_POLL_AFTER_SLEEP: Duration = Duration::from_secs(1);

/// The limits of a wait. The deadline and the grace period are times since its start.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// The wait ends at this time, whatever happens.
    pub(crate) deadline: Duration,
    /// The end of the time in which a new task may be unknown to the service.
    pub(crate) grace: Duration,
    /// The longest time that a request may take.
    pub(crate) request_timeout: Duration,
    /// Whether to poll only once.
    pub(crate) once: bool,
}

impl Limits {
    /// The least time for a response to a poll before the deadline.
    fn shortest_poll(&self) -> Duration {
        (self.deadline / 10).min(Duration::from_millis(100))
    }

    /// The latest time at which a poll starts. Later ones would be cut by the deadline.
    pub(crate) fn last_poll_start(&self) -> Duration {
        self.deadline.saturating_sub(self.shortest_poll())
    }
}

/// The next step of a wait.
#[derive(Debug)]
#[must_use]
#[expect(clippy::large_enum_variant, reason = "a step is destructured at once, and there is one at a time")]
pub(crate) enum Step {
    /// Delay, then poll again.
    Delay {
        /// The time of the next poll, since the start of the wait.
        until: Duration,
        /// The time up to which a limiter may put the poll off.
        bound: Duration,
        /// The wait that goes on.
        waiting: Waiting,
    },
    /// The wait is over.
    Done(Verdict),
}

/// A wait that has not ended.
#[derive(Debug)]
pub(crate) struct Waiting {
    limits: Limits,
    pacer: Pacer,
    polls: u32,
    /// The start of the current poll, or of the next one.
    poll_at: Duration,
    /// The time that a response may take, estimated from the latest one.
    response_time: Duration,
    /// The latest time at which a poll can start and still get a response before the deadline, if that takes
    /// as long as usual.
    reserved_start: Duration,
    /// Whether a poll has started at or after that time.
    reserved_started: bool,
    latest: Latest,
    /// The task when it was last seen.
    last_seen: Option<LastSeen>,
    /// Whether a poll has seen it. A list may show a new task before its ID is known elsewhere.
    was_visible: bool,
    /// The fault since then, if any.
    fault: Option<Fault>,
    /// The number of polls in a row that missed the task after it was visible.
    vanished: u32,
    /// The number of polls in a row with the same kind of fault.
    same_fault: u32,
    /// Whether a poll ever got past the lookup of the host name.
    resolved: bool,
}

/// The result of the latest poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Latest {
    Nothing,
    Going,
    NotVisible,
    Fault(FaultKind),
}

impl Waiting {
    /// A wait whose first poll starts at `elapsed`.
    pub(crate) fn new(limits: Limits, pacer: Pacer, elapsed: Duration) -> Self {
        Self {
            limits,
            pacer,
            polls: 0,
            poll_at: elapsed,
            response_time: Duration::ZERO,
            reserved_start: Duration::MAX,
            reserved_started: false,
            latest: Latest::Nothing,
            last_seen: None,
            was_visible: false,
            fault: None,
            vanished: 0,
            same_fault: 0,
            resolved: false,
        }
    }

    pub(crate) fn polls(&self) -> u32 {
        self.polls
    }

    /// The predicted end of the task, if its progress moves.
    pub(crate) fn predicted_end(&self) -> Option<Duration> {
        self.pacer.predicted_end().filter(|_| self.latest == Latest::Going)
    }

    /// Whether the end may be near, so that polls are dense.
    pub(crate) fn is_near_end(&self) -> bool {
        self.latest == Latest::Going && self.pacer.is_near_end()
    }

    /// Whether a limiter may stretch the delay. A delay after an error has a backoff of its own.
    pub(crate) fn may_stretch(&self) -> bool {
        matches!(self.latest, Latest::Going | Latest::NotVisible)
    }

    /// The step after a poll that ended at `elapsed` with `observation`.
    pub(crate) fn after(mut self, elapsed: Duration, observation: Observation) -> Step {
        self.polls += 1;
        // Twice the time of the latest response.
        self.response_time = (elapsed.saturating_sub(self.poll_at) * 2)
            .min(self.limits.request_timeout)
            .max(self.limits.shortest_poll());
        self.reserved_started |= self.poll_at >= self.reserved_start;
        match observation {
            Observation::Seen(job) => {
                let (end, progress) = (job.end(), job.progress());
                self = self.seen(job, elapsed);
                self.was_visible = true;
                match end {
                    Some(End::Success) => self.done(Outcome::Completed, elapsed),
                    Some(End::Failure) => self.done(Outcome::Failed, elapsed),
                    None => {
                        let delay = self.pacer.going(elapsed, progress);
                        self.delay(elapsed, delay)
                    }
                }
            }
            Observation::NotVisible(fault) => {
                self.latest = Latest::NotVisible;
                self.resolved = true;
                self.fault = Some(fault);
                let (gone, delay) = if self.was_visible {
                    self.vanished += 1;
                    (self.vanished >= VANISHED, self.pacer.going(elapsed, None))
                } else {
                    (elapsed >= self.limits.grace, self.pacer.invisible())
                };
                if gone { self.done(Outcome::NotFound, elapsed) } else { self.delay(elapsed, delay) }
            }
            Observation::Transient { fault, retry_after } => {
                let same = self.latest == Latest::Fault(fault.kind);
                self.same_fault = if same { self.same_fault + 1 } else { 1 };
                self.latest = Latest::Fault(fault.kind);
                // Other faults come after the lookup, but for a lookup that takes too long.
                self.resolved |= fault.kind != FaultKind::UnknownHost;
                let hopeless = self.is_hopeless(fault.kind, elapsed);
                self.fault = Some(fault);
                if hopeless {
                    return self.done(Outcome::Unreachable, elapsed);
                }
                let delay = self.pacer.error(retry_after);
                self.delay(elapsed, delay)
            }
            Observation::Permanent(fault) => {
                let outcome = match fault.kind {
                    FaultKind::Unauthenticated | FaultKind::Forbidden => Outcome::Unauthorized,
                    _ => Outcome::Unreachable,
                };
                self.fault = Some(fault);
                self.done(outcome, elapsed)
            }
        }
    }

    /// The step after a list showed the task going on. That replaces the next poll, but is none.
    pub(crate) fn listed(mut self, elapsed: Duration, job: Job) -> Step {
        let progress = job.progress();
        self = self.seen(job, elapsed);
        let delay = self.pacer.going(elapsed, progress);
        self.delay(elapsed, delay)
    }

    /// Whether a list may answer for the task: not if it was visible and is gone, and not in place of a
    /// single poll.
    pub(crate) fn may_be_listed(&self) -> bool {
        self.vanished == 0 && !self.limits.once
    }

    /// Starts a poll at `now`, and returns the time at which it must be cut, which means abandoned: normally
    /// the deadline. If the computer slept past the deadline, the poll still gets time for a response,
    /// because the task may have ended meanwhile.
    pub(crate) fn start_poll(&mut self, now: Duration) -> Duration {
        self.poll_at = now;
        if now < self.limits.deadline {
            self.limits.deadline
        } else {
            now.saturating_add(self.response_time.clamp(POLL_AFTER_SLEEP, LONGEST_POLL_AFTER_SLEEP))
        }
    }

    /// The step after a poll that was cut at `elapsed`. It brings no news: the last state and
    /// the last fault stand.
    pub(crate) fn cut(mut self, elapsed: Duration) -> Step {
        self.polls += 1;
        if self.overslept(elapsed) {
            // Its connection may have died during the sleep.
            return self.poll_again(elapsed);
        }
        let outcome = self.undecided();
        let silence = || Fault::new(FaultKind::TimedOut, "no response before the deadline");
        self.fault.get_or_insert_with(silence);
        self.done(outcome, elapsed)
    }

    /// Whether the poll started before the deadline and was suspended past it.
    fn overslept(&self, elapsed: Duration) -> bool {
        self.poll_at < self.limits.deadline && overslept(self.limits.deadline, elapsed)
    }

    fn poll_again(mut self, elapsed: Duration) -> Step {
        self.poll_at = elapsed;
        Step::Delay { until: elapsed, bound: elapsed, waiting: self }
    }

    /// The verdict on a wait that got no permit for a poll before the deadline. The reason becomes the fault
    /// if the task was never seen, and there is no other fault than that it was not visible.
    pub(crate) fn starved(mut self, elapsed: Duration, reason: Fault) -> Verdict {
        let mut outcome = self.undecided();
        // The grace period was not over at the latest poll, so it is not certain that there is no such task.
        if outcome == Outcome::NotFound {
            (outcome, self.fault) = (Outcome::Unreachable, Some(reason));
        } else if self.last_seen.is_none() {
            self.fault.get_or_insert(reason);
        }
        self.verdict(outcome, elapsed)
    }

    /// The verdict on a wait that is stopped at `elapsed`.
    pub(crate) fn stopped(self, elapsed: Duration) -> Verdict {
        self.verdict(Outcome::Stopped, elapsed)
    }

    /// The event after the latest poll. `None` before the first poll.
    pub(crate) fn event_kind(&self, next_poll: Duration) -> Option<EventKind<'_>> {
        Some(match (self.latest, &self.last_seen, &self.fault) {
            (Latest::Going, Some(seen), _) => EventKind::Going { job: &seen.job, next_poll },
            (Latest::NotVisible, _, Some(fault)) => EventKind::Invisible { fault, next_poll },
            (Latest::Fault(_), _, Some(fault)) => EventKind::Retry { fault, next_poll },
            _ => return None,
        })
    }

    /// Whether this fault probably means a mistyped address, so that retrying until the deadline would only
    /// hide it. That can only be while the host was never resolved, or the task never seen.
    fn is_hopeless(&self, kind: FaultKind, elapsed: Duration) -> bool {
        match kind {
            FaultKind::UnknownHost => {
                !self.resolved && (self.same_fault >= 3 || elapsed >= Duration::from_secs(10))
            }
            FaultKind::Unreadable | FaultKind::Proxy => self.last_seen.is_none() && self.same_fault >= 5,
            _ => false,
        }
    }

    fn seen(mut self, job: Job, at: Duration) -> Self {
        self.latest = Latest::Going;
        self.resolved = true;
        self.last_seen = Some(LastSeen { job, at });
        self.fault = None;
        self.vanished = 0;
        self
    }

    /// Delays the next poll by `delay`. Near the deadline, one poll starts early enough to get its response
    /// in time. If that response comes quickly, a last poll starts just before the deadline.
    fn delay(mut self, elapsed: Duration, delay: Duration) -> Step {
        let deadline = self.limits.deadline;
        let last = self.limits.last_poll_start();
        if self.overslept(elapsed) && !self.limits.once {
            return self.poll_again(elapsed);
        }
        if self.limits.once || elapsed >= last {
            let outcome = self.undecided();
            return self.done(outcome, elapsed);
        }
        self.reserved_start = deadline.saturating_sub(self.response_time).min(last);
        let is_reserved = !self.reserved_started && elapsed < self.reserved_start;
        let bound = if is_reserved { self.reserved_start } else { last };
        let until = elapsed.saturating_add(delay).min(bound);
        self.poll_at = until;
        Step::Delay { until, bound, waiting: self }
    }

    /// The outcome of a wait that ends without a decision.
    fn undecided(&self) -> Outcome {
        match (&self.last_seen, self.latest) {
            (Some(_), _) => Outcome::TimedOut,
            (None, Latest::NotVisible) => Outcome::NotFound,
            (None, _) => Outcome::Unreachable,
        }
    }

    fn done(self, outcome: Outcome, elapsed: Duration) -> Step {
        Step::Done(self.verdict(outcome, elapsed))
    }

    fn verdict(self, outcome: Outcome, elapsed: Duration) -> Verdict {
        Verdict {
            outcome,
            last_seen: self.last_seen,
            fault: self.fault,
            elapsed,
            polls: self.polls,
            requests: self.polls,
        }
    }
}
