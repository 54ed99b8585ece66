//! What a wait tells about itself while it runs.

use std::time::Duration;

use crate::{Fault, Job, Verdict};

/// Something that happened in a wait: everything that a reporter may know.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Event<'a> {
    /// How long the wait has run.
    pub elapsed: Duration,
    /// How many looks there have been.
    pub polls: u32,
    /// What happened.
    pub news: News<'a>,
}

/// What happened.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum News<'a> {
    /// The service knows no such task, and the wait goes on.
    Invisible {
        /// The service's answer.
        fault: &'a Fault,
        /// When the next look starts, from the beginning of the wait.
        next_look: Duration,
    },
    /// The task was seen and goes on.
    Going {
        /// The task as the service describes it.
        job: &'a Job,
        /// When the next look starts, from the beginning of the wait.
        next_look: Duration,
    },
    /// The look could not tell, and the wait goes on.
    Retry {
        /// What went wrong.
        fault: &'a Fault,
        /// When the next look starts, from the beginning of the wait.
        next_look: Duration,
    },
    /// The wait has ended. Always the last event.
    Ended(&'a Verdict),
}
