//! How a wait ended.

use std::fmt;
use std::time::Duration;

use crate::{Fault, Job};

/// How a wait ended, and the last thing seen on the way.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Verdict {
    /// How it ended.
    pub outcome: Outcome,
    /// The task when it was last seen: present for `Completed`, `Failed` and `TimedOut`.
    pub seen: Option<Seen>,
    /// What kept the looks since then from telling: present for `NotFound`, `Unauthorized` and `Unreachable`.
    pub fault: Option<Fault>,
    /// How long the wait took.
    pub elapsed: Duration,
    /// How many looks it took.
    pub polls: u32,
}

impl Verdict {
    /// The task when it was last seen.
    #[must_use]
    pub fn job(&self) -> Option<&Job> {
        self.seen.as_ref().map(|seen| &seen.job)
    }
}

/// A task, and when it was seen.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Seen {
    /// The task as the service described it.
    pub job: Job,
    /// When that was, from the beginning of the wait.
    pub at: Duration,
}

/// How a wait ended. Only the first two say how the *task* ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The task completed.
    Completed,
    /// The task ended without success.
    Failed,
    /// The service says that there is no such task, and the grace for a new one is over; or it was there and is
    /// gone.
    NotFound,
    /// The service refuses these credentials.
    Unauthorized,
    /// The deadline passed, and the task was last seen going on.
    TimedOut,
    /// No usable answer about the task could be had.
    Unreachable,
    /// The wait was told to stop before the task had ended.
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
