//! The driver: look, tell, decide, rest. All that knows the time is here.

pub(crate) mod budget;
pub(crate) mod clock;
mod gate;
mod machine;
pub(crate) mod many;
pub(crate) mod pace;
mod rehearsal;
pub(crate) mod verdict;

use std::future;
use std::pin::pin;
use std::time::Duration;

use tracing::debug;

use self::clock::Clock;
use self::gate::Gate;
use self::machine::{Limits, Step, Waiting};
use crate::{Event, News, Pace, Probe, Verdict};

/// A wait that has not begun: its bounds and its pace.
///
/// ```
/// use std::time::Duration;
/// use jobwait::{Job, Outcome, Probe, Sighting, Status, Wait};
///
/// struct Script(Vec<Status>);
///
/// impl Probe for Script {
///     async fn look(&mut self) -> Sighting {
///         Sighting::Seen(Job::new("1", &self.0.remove(0)))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let mut script = Script(vec![Status::Pending, Status::Running, Status::Completed]);
/// let verdict = Wait::new().deadline(Duration::from_secs(600)).run(&mut script, |_| {}).await;
/// assert_eq!(verdict.outcome, Outcome::Completed);
/// assert_eq!(verdict.polls, 3);
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Wait {
    limits: Limits,
    pace: Pace,
    clock: Option<Clock>,
}

impl Default for Wait {
    fn default() -> Self {
        Self::new()
    }
}

impl Wait {
    /// A wait of at most an hour, with a grace of a minute for a new ID, at the default pace.
    pub fn new() -> Self {
        Self {
            limits: Limits {
                deadline: Duration::from_secs(60 * 60),
                grace: Duration::from_secs(60),
                longest_look: Duration::from_secs(10),
                once: false,
            },
            pace: Pace::default(),
            clock: None,
        }
    }

    /// When the wait ends whatever happens, from its beginning. It binds every look and every rest.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.limits.deadline = deadline;
        self
    }

    /// How long a task may be unknown to the service because it is new, from the beginning of the wait.
    /// Zero is strict.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.limits.grace = grace;
        self
    }

    /// How long a look takes at the most, by the probe's own timeout: a look before the deadline is put forward by
    /// no more than this, so that it can be answered. Nothing cuts a look but the deadline.
    pub fn longest_look(mut self, longest: Duration) -> Self {
        self.limits.longest_look = longest;
        self
    }

    /// Looks once instead of waiting. A task that is still going is [`Outcome::TimedOut`](crate::Outcome).
    pub fn once(mut self) -> Self {
        self.limits.once = true;
        self
    }

    /// How long to rest between looks.
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// Counts the wait's time by a clock that was started before, so that the deadline covers what came between, such
    /// as signing in.
    pub fn since(mut self, start: Clock) -> Self {
        self.clock = Some(start);
        self
    }

    /// Waits, and tells about it on the way. Dropping the future cancels the wait, never the task.
    pub async fn run<P: Probe>(self, probe: &mut P, tell: impl FnMut(Event<'_>)) -> Verdict {
        self.run_until(probe, future::pending(), tell).await
    }

    /// Waits as [`run`](Self::run) does, but at the latest until `stop` is ready: then the outcome is
    /// [`Outcome::Stopped`](crate::Outcome), with the task as it was last seen.
    pub async fn run_until<P: Probe>(
        self,
        probe: &mut P,
        stop: impl Future<Output = ()>,
        tell: impl FnMut(Event<'_>),
    ) -> Verdict {
        let clock = self.clock.unwrap_or_else(Clock::start);
        let gate = Gate::of_one(clock, self.limits.deadline, None);
        self.behind(&gate, clock, probe, stop, tell).await
    }

    /// Waits, and takes a turn at the gate for each look.
    async fn behind<P: Probe>(
        self,
        gate: &Gate,
        clock: Clock,
        probe: &mut P,
        stop: impl Future<Output = ()>,
        mut tell: impl FnMut(Event<'_>),
    ) -> Verdict {
        let mut rested = clock.elapsed();
        let mut waiting = Waiting::new(self.limits, self.pace.start(fastrand::Rng::new()), rested);
        let mut stop = pin!(stop);

        loop {
            let turn = async {
                // Not even for no time: a timer is a millisecond late.
                if clock.elapsed() < rested {
                    clock.sleep_until(rested).await;
                }
                gate.turn().await
            };
            let turn = tokio::select! {
                biased;
                () = &mut stop => return told(waiting.stopped(clock.elapsed()), &mut tell),
                turn = turn => turn,
            };
            let _turn = match turn {
                Ok(turn) => turn,
                Err(why) => return told(waiting.passed_over(clock.elapsed(), why), &mut tell),
            };
            let cut = waiting.look(clock.elapsed());
            let (elapsed, decided) = tokio::select! {
                biased;
                () = &mut stop => return told(waiting.stopped(clock.elapsed()), &mut tell),
                sighting = probe.look() => {
                    gate.heard(&sighting);
                    let elapsed = clock.elapsed();
                    (elapsed, waiting.after(elapsed, sighting))
                }
                () = clock.sleep_until(cut) => {
                    let elapsed = clock.elapsed();
                    (elapsed, waiting.cut(elapsed))
                }
            };
            (rested, waiting) = match decided {
                Step::Done(verdict) => return told(verdict, &mut tell),
                Step::Rest { until, waiting } => (until, waiting),
            };
            debug!(rest = ?rested.saturating_sub(elapsed), "resting");
            if let Some(news) = waiting.news(gate.not_before(rested)) {
                tell(Event { elapsed, polls: waiting.polls(), news });
            }
        }
    }
}

fn told(verdict: Verdict, tell: &mut impl FnMut(Event<'_>)) -> Verdict {
    tell(Event { elapsed: verdict.elapsed, polls: verdict.polls, news: News::Ended(&verdict) });
    verdict
}
