//! What one look at a task saw.

use std::time::Duration;

use crate::{Fault, Job, Status};

/// What one look saw.
#[derive(Debug, Clone)]
pub enum Sighting {
    /// The service says that it knows no such task.
    NotVisible(Fault),
    /// The task is there and has not ended.
    Going(Job),
    /// The task ended with success.
    Succeeded(Job),
    /// The task ended without success.
    Failed(Job),
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
    /// Judges a task that was seen.
    ///
    /// `Completed` is success, whatever stands beside it. `Failed`, `Canceled`, and a `fail_reason` that is
    /// not blank with any other status, are failure. All else is going on: `Pending`, `Unauthorized` and
    /// statuses that are not known here included. `ended`, `process` and `name` decide nothing: the service
    /// has been seen setting `ended` on a running task.
    #[must_use]
    pub fn of(job: Job) -> Self {
        match job.status() {
            Status::Completed => Self::Succeeded(job),
            Status::Failed | Status::Canceled => Self::Failed(job),
            _ if job.fail_reason().is_some() => Self::Failed(job),
            _ => Self::Going(job),
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
/// use jobwait::{Job, Probe, Sighting};
///
/// struct Done;
///
/// impl Probe for Done {
///     async fn look(&mut self) -> Sighting {
///         let json = r#"{"id": "1", "status": "Completed"}"#;
///         Sighting::of(Job::from_json(json).expect("it is a job object"))
///     }
/// }
/// ```
pub trait Probe {
    /// Looks once. It need not be quick: the wait drops the future at its deadline.
    fn look(&mut self) -> impl Future<Output = Sighting> + Send;
}
