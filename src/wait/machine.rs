//! What to do after a look. Pure: time is an argument, and nothing here looks, rests or tells.
//!
//! A wait that has ended cannot be asked for more: [`Waiting`] is consumed by each sighting and comes back
//! only in [`Step::Rest`].

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::pace::Pacer;
use super::verdict::{Outcome, Seen, Verdict};
use crate::job::End;
use crate::{Fault, FaultKind, Job, News, Sighting};

/// A task that was visible is gone when this many looks in a row do not see it: one may have asked a replica
/// that lags.
const VANISHED: u32 = 3;

/// A look that ends later than this after the deadline was slept through, by the machine or by a process that was
/// stopped: what it saw may be as old as that.
const OVERSLEPT: Duration = Duration::from_millis(250);

/// How long a look has that starts after the deadline, at the least.
pub(super) const AFTER_SLEEP: Duration = Duration::from_millis(200);

/// Whether what should have ended at the deadline ended so much later that it was slept through.
pub(super) fn overslept(deadline: Duration, now: Duration) -> bool {
    now > deadline.saturating_add(OVERSLEPT)
}

/// The bounds of a wait, as times from its beginning.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// When it ends, whatever happens.
    pub(crate) deadline: Duration,
    /// Until when a task that was never visible may yet become so.
    pub(crate) grace: Duration,
    /// The longest that a look takes.
    pub(crate) longest_look: Duration,
    /// Look once, and no more.
    pub(crate) once: bool,
}

impl Limits {
    /// How long a look before the deadline is given to be answered, at the least.
    fn shortest_look(&self) -> Duration {
        (self.deadline / 10).min(Duration::from_millis(100))
    }

    /// After this no look starts: whatever ends later is ended by the deadline.
    pub(crate) fn last_look(&self) -> Duration {
        self.deadline.saturating_sub(self.shortest_look())
    }
}

/// What to do next.
#[derive(Debug)]
#[must_use]
#[expect(clippy::large_enum_variant, reason = "a step is taken apart at once, and there is one at a time")]
pub(crate) enum Step {
    /// Rest, then look again.
    Rest {
        /// When to look, from the beginning of the wait.
        until: Duration,
        /// The wait as it goes on.
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
    /// When the look under way started, or the one that comes next is to.
    look_at: Duration,
    /// How long a look is given to be answered, by what the latest one took.
    to_answer: Duration,
    /// Whether a look has been put forward, to be answered before the deadline.
    put_forward: bool,
    latest: Latest,
    /// The task when it was last seen.
    seen: Option<Seen>,
    /// The fault since then, if any.
    fault: Option<Fault>,
    /// How many looks in a row did not see the task that was there.
    vanished: u32,
    /// How many looks in a row had a fault of the same kind.
    alike: u32,
    /// Whether a look got further than looking the host's name up.
    answered: bool,
}

/// What the latest look saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Latest {
    Nothing,
    Going,
    NotVisible,
    Fault(FaultKind),
}

impl Waiting {
    /// A wait whose first look starts at `elapsed`.
    pub(crate) fn new(limits: Limits, pacer: Pacer, elapsed: Duration) -> Self {
        Self {
            limits,
            pacer,
            polls: 0,
            look_at: elapsed,
            to_answer: Duration::ZERO,
            put_forward: false,
            latest: Latest::Nothing,
            seen: None,
            fault: None,
            vanished: 0,
            alike: 0,
            answered: false,
        }
    }

    pub(crate) fn polls(&self) -> u32 {
        self.polls
    }

    /// The step after a look that ended at `elapsed`.
    pub(crate) fn after(mut self, elapsed: Duration, sighting: Sighting) -> Step {
        self.polls += 1;
        match sighting {
            Sighting::Seen(job) => {
                let (end, progress) = (job.end(), job.progress());
                self = self.saw(job, elapsed);
                match end {
                    Some(End::Success) => self.done(Outcome::Completed, elapsed),
                    Some(End::Failure) => self.done(Outcome::Failed, elapsed),
                    None => {
                        let delay = self.pacer.going(elapsed, progress);
                        self.rest(elapsed, delay)
                    }
                }
            }
            Sighting::NotVisible(fault) => {
                self.latest = Latest::NotVisible;
                self.answered = true;
                self.fault = Some(fault);
                let (gone, delay) = if self.seen.is_some() {
                    self.vanished += 1;
                    (self.vanished >= VANISHED, self.pacer.going(elapsed, None))
                } else {
                    (elapsed >= self.limits.grace, self.pacer.invisible())
                };
                if gone { self.done(Outcome::NotFound, elapsed) } else { self.rest(elapsed, delay) }
            }
            Sighting::Transient { fault, retry_after } => {
                let alike = self.latest == Latest::Fault(fault.kind);
                self.alike = if alike { self.alike + 1 } else { 1 };
                self.latest = Latest::Fault(fault.kind);
                // Whatever else went wrong, the name was looked up on the way there.
                self.answered |= fault.kind != FaultKind::UnknownHost;
                let hopeless = self.is_hopeless(fault.kind, elapsed);
                self.fault = Some(fault);
                if hopeless {
                    return self.done(Outcome::Unreachable, elapsed);
                }
                let delay = self.pacer.error(retry_after);
                self.rest(elapsed, delay)
            }
            Sighting::Permanent(fault) => {
                let outcome = match fault.kind {
                    FaultKind::Unauthenticated | FaultKind::Forbidden => Outcome::Unauthorized,
                    _ => Outcome::Unreachable,
                };
                self.fault = Some(fault);
                self.done(outcome, elapsed)
            }
        }
    }

    /// A look starts at `now`. When it is to be cut: at the deadline. No look starts later than that unless it was slept
    /// past. Then what happened meanwhile is worth one look, as long as they take.
    pub(crate) fn look(&mut self, now: Duration) -> Duration {
        self.look_at = now;
        if now < self.limits.deadline {
            self.limits.deadline
        } else {
            now.saturating_add(self.to_answer.max(AFTER_SLEEP))
        }
    }

    /// The step after a look that was cut at `elapsed`. It says nothing new: what was seen, and what went wrong before,
    /// stands.
    pub(crate) fn cut(mut self, elapsed: Duration) -> Step {
        self.polls += 1;
        if self.overslept(elapsed) {
            // Its connection may be of before the sleep.
            return self.look_anew(elapsed);
        }
        let outcome = self.undecided();
        let silence = || Fault::new(FaultKind::TimedOut, "no answer came before the deadline");
        self.fault.get_or_insert_with(silence);
        self.done(outcome, elapsed)
    }

    /// Whether a look that began before the deadline ended so much later that it was slept through.
    fn overslept(&self, elapsed: Duration) -> bool {
        self.look_at < self.limits.deadline && overslept(self.limits.deadline, elapsed)
    }

    fn look_anew(mut self, elapsed: Duration) -> Step {
        self.look_at = elapsed;
        Step::Rest { until: elapsed, waiting: self }
    }

    /// The verdict on a wait whose turn to look did not come before the deadline. Why is worth telling only where there is
    /// nothing else to tell.
    pub(crate) fn passed_over(mut self, elapsed: Duration, why: Fault) -> Verdict {
        let outcome = self.undecided();
        if self.seen.is_none() {
            self.fault.get_or_insert(why);
        }
        self.verdict(outcome, elapsed)
    }

    /// The verdict on a wait that is told to stop at `elapsed`.
    pub(crate) fn stopped(self, elapsed: Duration) -> Verdict {
        self.verdict(Outcome::Stopped, elapsed)
    }

    /// What the latest look saw, for those who are told. None before the first look.
    pub(crate) fn news(&self, next_look: Duration) -> Option<News<'_>> {
        Some(match (self.latest, &self.seen, &self.fault) {
            (Latest::Going, Some(seen), _) => News::Going { job: &seen.job, next_look },
            (Latest::NotVisible, _, Some(fault)) => News::Invisible { fault, next_look },
            (Latest::Fault(_), _, Some(fault)) => News::Retry { fault, next_look },
            _ => return None,
        })
    }

    /// Whether faults of this kind, while nothing ever went well, show that the address is wrong: then to go
    /// on until the deadline would only hide a typing error for an hour.
    fn is_hopeless(&self, kind: FaultKind, elapsed: Duration) -> bool {
        match kind {
            FaultKind::UnknownHost => {
                !self.answered && (self.alike >= 3 || elapsed >= Duration::from_secs(10))
            }
            FaultKind::Unreadable | FaultKind::Proxy => self.seen.is_none() && self.alike >= 5,
            _ => false,
        }
    }

    fn saw(mut self, job: Job, at: Duration) -> Self {
        self.latest = Latest::Going;
        self.answered = true;
        self.seen = Some(Seen { job, at });
        self.fault = None;
        self.vanished = 0;
        self
    }

    /// Rests for `delay`; but one look starts in time to be answered before the deadline, and, if it is answered
    /// sooner, another one right before it.
    fn rest(mut self, elapsed: Duration, delay: Duration) -> Step {
        let deadline = self.limits.deadline;
        let (shortest, last) = (self.limits.shortest_look(), self.limits.last_look());
        if self.overslept(elapsed) && !self.limits.once {
            return self.look_anew(elapsed);
        }
        if self.limits.once || elapsed >= last {
            let outcome = self.undecided();
            return self.done(outcome, elapsed);
        }
        // Twice what the latest look took.
        self.to_answer =
            (elapsed.saturating_sub(self.look_at) * 2).min(self.limits.longest_look).max(shortest);
        let forward = deadline.saturating_sub(self.to_answer);
        let bound = if self.put_forward || elapsed >= forward { last } else { forward };
        let until = elapsed.saturating_add(delay).min(bound);
        self.put_forward |= until == forward;
        self.look_at = until;
        Step::Rest { until, waiting: self }
    }

    /// The outcome of a wait that ends undecided.
    fn undecided(&self) -> Outcome {
        match (&self.seen, self.latest) {
            (Some(_), _) => Outcome::TimedOut,
            (None, Latest::NotVisible) => Outcome::NotFound,
            (None, _) => Outcome::Unreachable,
        }
    }

    fn done(self, outcome: Outcome, elapsed: Duration) -> Step {
        Step::Done(self.verdict(outcome, elapsed))
    }

    fn verdict(self, outcome: Outcome, elapsed: Duration) -> Verdict {
        Verdict { outcome, seen: self.seen, fault: self.fault, elapsed, polls: self.polls }
    }
}
