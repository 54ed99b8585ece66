//! The end of a wait.

use std::fmt;
use std::time::Duration;

use crate::fault::Fault;
use crate::job::Job;

/// The end of a wait: the outcome, and the last things seen on the way.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Verdict {
    /// The outcome.
    pub outcome: Outcome,
    /// The task when it was last seen. Present for `Completed`, `Failed` and `TimedOut`.
    pub last_seen: Option<LastSeen>,
    /// The latest fault since then. Present for `NotFound`, `Unauthorized` and `Unreachable`.
    pub fault: Option<Fault>,
    /// The duration of the wait.
    pub elapsed: Duration,
    /// The number of polls.
    pub polls: u32,
    /// The number of requests: polls, sign-ins, lookups of the project, and requests sent again on a new
    /// connection.
    pub requests: u32,
}

impl Verdict {
    /// The task when it was last seen.
    #[must_use]
    pub fn job(&self) -> Option<&Job> {
        self.last_seen.as_ref().map(|seen| &seen.job)
    }

    /// Converts the verdict for use with `?`: a completed task is `Ok`, everything else an error.
    ///
    /// # Errors
    ///
    /// [`WaitError`] for every outcome but [`Outcome::Completed`].
    ///
    /// ```
    /// # use jobwait::{Job, Observation, Probe, Status, Wait};
    /// # struct Script;
    /// # impl Probe for Script {
    /// #     async fn poll(&mut self) -> Observation { Observation::Seen(Job::new("1", &Status::Failed)) }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let error = Wait::new().run(&mut Script, |_| {}).await.into_result().unwrap_err();
    /// assert_eq!(error.to_string(), "the task failed");
    /// # }
    /// ```
    pub fn into_result(self) -> Result<Job, WaitError> {
        match self {
            Self { outcome: Outcome::Completed, last_seen: Some(LastSeen { job, .. }), .. } => Ok(job),
            verdict => Err(WaitError(Box::new(verdict))),
        }
    }
}

/// The error of a wait that did not end with a completed task.
#[derive(Debug, Clone)]
pub struct WaitError(Box<Verdict>);

impl WaitError {
    /// The verdict, with the outcome, the task and the fault.
    #[must_use]
    pub fn verdict(&self) -> &Verdict {
        &self.0
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.outcome {
            Outcome::Completed => "the task completed and was not seen",
            Outcome::Failed => "the task failed",
            Outcome::NotFound => "the task was not found",
            Outcome::Unauthorized => "the service refused the credentials",
            Outcome::TimedOut => "the task was still running at the deadline",
            Outcome::Unreachable => "the state of the task is unknown",
            Outcome::Stopped => "the wait was stopped before the task ended",
        })?;
        match self.0.job().and_then(Job::fail_reason) {
            Some(reason) => write!(f, ": {}", crate::text::safe(reason, 300)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for WaitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.fault.as_ref().map(|fault| fault as _)
    }
}

/// A task, and the time at which it was seen.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LastSeen {
    /// The task as the service described it.
    pub job: Job,
    /// The time since the wait began.
    pub at: Duration,
}

/// The outcome of a wait. Only the first two describe how the *task* ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The task completed.
    Completed,
    /// The task ended without success.
    Failed,
    /// The service says that there is no such task, and the grace for a new one is over; or the task was
    /// visible and is gone.
    NotFound,
    /// The service refuses these credentials.
    Unauthorized,
    /// The deadline passed while the task was still running.
    TimedOut,
    /// No usable answer about the task could be had.
    Unreachable,
    /// The wait was stopped before the task ended.
    Stopped,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::NotFound => "not found",
            Self::Unauthorized => "unauthorized",
            Self::TimedOut => "timed out",
            Self::Unreachable => "unreachable",
            Self::Stopped => "stopped",
        })
    }
}
