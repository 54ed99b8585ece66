//! What one look at a task saw.

use std::time::Duration;

use crate::{Fault, Job};

/// What one look saw.
#[derive(Debug, Clone)]
pub enum Sighting {
    /// The service says that it knows no such task.
    NotVisible(Fault),
    /// The task, as the service describes it. Whether and how it has ended is for [`Job::end`] to say.
    Seen(Job),
    /// The look could not tell, and a later one may.
    Transient {
        /// What went wrong.
        fault: Fault,
        /// How long the service asks to be left alone, from now.
        retry_after: Option<Duration>,
    },
    /// The look could not tell, and no later one will.
    Permanent(Fault),
}

impl Sighting {
    /// The same with another fault, where there is one.
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

/// Something that can be looked at until it ends.
///
/// [`crate::Cloud`] makes one for a task. Implement it for another service, or with a script for a test:
///
/// ```
/// use jobwait::{Job, Probe, Sighting, Status};
///
/// /// Sees what there is of a task: nothing yet, then its end.
/// struct Countdown(u32);
///
/// impl Probe for Countdown {
///     async fn look(&mut self) -> Sighting {
///         self.0 -= 1;
///         let status = if self.0 == 0 { Status::Completed } else { Status::Running };
///         Sighting::Seen(Job::new("liftoff", &status))
///     }
/// }
/// ```
pub trait Probe {
    /// Looks once. It need not be quick: the wait drops the future at its deadline.
    fn look(&mut self) -> impl Future<Output = Sighting> + Send;
}
