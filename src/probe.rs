//! The interfaces between a wait and the service that it polls.

use std::time::Duration;

use crate::fault::Fault;
use crate::job::Job;

/// The result of one poll.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Observation {
    /// The service says that there is no such task.
    NotVisible(Fault),
    /// The task as the service describes it. [`Job::end`] decides whether and how it has ended.
    Seen(Job),
    /// The poll failed, and a later one may succeed.
    Transient {
        /// The reason.
        fault: Fault,
        /// The delay that the service asks for, counted from now.
        retry_after: Option<Duration>,
    },
    /// The poll failed, and no retry can help.
    Permanent(Fault),
}

impl Observation {
    /// The fault, if there is one.
    pub(crate) fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Seen(_) => None,
            Self::NotVisible(fault) | Self::Permanent(fault) | Self::Transient { fault, .. } => Some(fault),
        }
    }

    /// The task, if it was seen.
    pub(crate) fn job(&self) -> Option<&Job> {
        if let Self::Seen(job) = self { Some(job) } else { None }
    }

    /// Returns the task that was seen.
    ///
    /// # Errors
    ///
    /// The observation, if no task was seen.
    #[expect(clippy::result_large_err, reason = "the error is the observation of a poll")]
    pub(crate) fn into_job(self) -> Result<Job, Self> {
        if let Self::Seen(job) = self { Ok(job) } else { Err(self) }
    }

    /// Applies `change` to the fault, if there is one.
    pub(crate) fn map_fault(self, change: impl FnOnce(Fault) -> Fault) -> Self {
        match self {
            Self::Transient { fault, retry_after } => Self::Transient { fault: change(fault), retry_after },
            Self::Permanent(fault) => Self::Permanent(change(fault)),
            Self::NotVisible(fault) => Self::NotVisible(change(fault)),
            Self::Seen(job) => Self::Seen(job),
        }
    }

    pub(crate) fn transient(fault: Fault) -> Self {
        Self::Transient { fault, retry_after: None }
    }
}

/// A source of observations: something that can be polled until it ends.
///
/// [`Cloud::job`](crate::Cloud::job) makes one for a task. Implement it to wait for another service, or with
/// a script for a test:
///
/// ```
/// use jobwait::{Job, Observation, Probe, Status};
///
/// /// Runs for some polls, then completes.
/// struct Countdown(u32);
///
/// impl Probe for Countdown {
///     async fn poll(&mut self) -> Observation {
///         self.0 -= 1;
///         let status = if self.0 == 0 { Status::Completed } else { Status::Running };
///         Observation::Seen(Job::new("liftoff", &status))
///     }
/// }
/// ```
pub trait Probe {
    /// Polls once. The future may take as long as it likes: the wait drops it at the deadline.
    fn poll(&mut self) -> impl Future<Output = Observation> + Send;

    /// The number of requests that the polls so far have sent, if that differs from the number of polls: a
    /// poll may sign in, or send a request again on a new connection.
    fn requests(&self) -> Option<u32> {
        None
    }
}

/// A list of tasks that are going on: a probe that answers for many.
///
/// [`Cloud::task_list`](crate::Cloud::task_list) makes one. [`Waits::run_with_list`](crate::Waits) uses it
/// where that saves requests. A task on the list is going on; only [`Probe::poll`] decides anything else.
pub trait ListProbe {
    /// Asks for a page: the first one after a `restart`, otherwise the one after the latest.
    ///
    /// # Errors
    ///
    /// The observation of a request without a page. A later one may succeed after
    /// [`Observation::Transient`]; after any other, the list is not asked for again.
    fn page(&mut self, restart: bool) -> impl Future<Output = Result<ListPage, Observation>> + Send;
}

/// A page of a list of tasks.
#[derive(Debug, Clone, Default)]
pub struct ListPage {
    /// The tasks, as far as the list describes them.
    pub jobs: Vec<Job>,
    /// The number of pages after this one, as far as it is known. Zero is the end of the list.
    pub pages_left: usize,
}

impl ListPage {
    /// The usual number of tasks on a page, by which the number of pages is estimated before there was a
    /// list.
    pub const USUAL: usize = 50;
}
