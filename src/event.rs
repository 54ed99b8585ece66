//! The events of a wait.

use std::time::Duration;

use crate::fault::Fault;
use crate::job::Job;
use crate::outcome::Verdict;

/// Something that happened in a wait. Events are all that a reporter gets to know.
///
/// ```
/// use jobwait::{Event, EventKind};
///
/// fn report(event: &Event<'_>) -> Option<String> {
///     match event.kind {
///         EventKind::Going { job, .. } => Some(format!("{:?}: {}", event.elapsed, job.status().as_str())),
///         EventKind::Retry { fault, .. } => Some(format!("{:?}: {fault}", event.elapsed)),
///         _ => None,
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The time since the wait began.
    pub elapsed: Duration,
    /// The number of polls so far.
    pub polls: u32,
    /// The kind of event, with its details.
    pub kind: EventKind<'a>,
}

impl<'a> Event<'a> {
    pub(crate) fn new(elapsed: Duration, polls: u32, kind: EventKind<'a>) -> Self {
        Self { elapsed, polls, kind }
    }
}

/// The kinds of events. Each `next_poll` is a time since the wait began.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum EventKind<'a> {
    /// The service knows no such task, and the wait goes on.
    Invisible {
        /// The service's answer.
        fault: &'a Fault,
        /// The time of the next poll.
        next_poll: Duration,
    },
    /// The task was seen and has not ended.
    Going {
        /// The task as the service describes it.
        job: &'a Job,
        /// The time of the next poll.
        next_poll: Duration,
    },
    /// The poll failed, and the wait goes on.
    Retry {
        /// The reason.
        fault: &'a Fault,
        /// The time of the next poll.
        next_poll: Duration,
    },
    /// The wait has ended. This is always the last event.
    Ended(&'a Verdict),
}
