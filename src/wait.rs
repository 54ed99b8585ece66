//! A wait for one task: its bounds, its pace, and the loop that polls.

mod coverage;
#[cfg(test)]
mod crowd;
mod driver;
mod foresight;
mod lister;
mod machine;
mod many;
mod pace;
mod rehearse;

use std::future;
use std::time::Duration;

use self::machine::Limits;
pub use self::many::{Until, Waits};
pub use self::pace::Pace;
use crate::clock::Clock;
use crate::event::Event;
use crate::limiter::Limiter;
use crate::outcome::Verdict;
use crate::probe::Probe;

/// The bounds and the pace of a wait.
///
/// ```
/// use std::time::Duration;
/// use jobwait::{Job, Observation, Outcome, Probe, Status, Wait};
///
/// struct Script(Vec<Status>);
///
/// impl Probe for Script {
///     async fn poll(&mut self) -> Observation {
///         Observation::Seen(Job::new("1", &self.0.remove(0)))
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
    limiter: Option<Limiter>,
}

impl Default for Wait {
    fn default() -> Self {
        Self::new()
    }
}

impl Wait {
    /// A wait of at most an hour at the default pace, with a grace of a minute for a new ID.
    pub fn new() -> Self {
        Self {
            limits: Limits {
                deadline: Duration::from_secs(60 * 60),
                grace: Duration::from_secs(60),
                request_timeout: Duration::from_secs(10),
                once: false,
            },
            pace: Pace::default(),
            clock: None,
            limiter: None,
        }
    }

    /// Sets the time at which the wait ends in any case, counted from its start. Default: 1 h.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.limits.deadline = deadline;
        self
    }

    /// Sets how long a new task may be unknown to the service, counted from the start of the wait. Zero is
    /// strict. Default: 60 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.limits.grace = grace;
        self
    }

    /// Tells the wait the longest time that the probe gives a request. The last poll before the deadline
    /// starts early enough for a response, but by no more than this. It does not cut a poll: only the
    /// deadline does. Default: 10 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.limits.request_timeout = timeout;
        self
    }

    /// Polls once instead of waiting. A task that is still going is [`Outcome::TimedOut`](crate::Outcome).
    pub fn once(mut self) -> Self {
        self.limits.once = true;
        self
    }

    /// Sets the delays between polls.
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// Counts the time of the wait by a clock that is already running, so that the deadline covers earlier
    /// work such as signing in.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Sets the limiter of requests, for example that of the [`Cloud`](crate::Cloud) or of other waits.
    /// Default: one without a rate limit.
    pub fn limiter(mut self, limiter: Limiter) -> Self {
        self.limiter = Some(limiter);
        self
    }

    /// Waits, and calls `report` for each event. Dropping the future cancels the wait, never the task.
    pub async fn run<P: Probe>(self, probe: &mut P, report: impl FnMut(Event<'_>)) -> Verdict {
        self.run_until(probe, future::pending(), report).await
    }

    /// Waits as [`run`](Self::run) does, at the latest until `stop` is ready. The outcome is then
    /// [`Outcome::Stopped`](crate::Outcome), with the task as it was last seen.
    pub async fn run_until<P: Probe>(
        self,
        probe: &mut P,
        stop: impl Future<Output = ()>,
        report: impl FnMut(Event<'_>),
    ) -> Verdict {
        let clock = self.clock.unwrap_or_else(Clock::start);
        let limiter = self.limiter.clone().unwrap_or_else(|| Limiter::new(None));
        driver::drive(self, &limiter, None, clock, probe, stop, report).await
    }
}
