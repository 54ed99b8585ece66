//! The status of a task.

/// The status of a task. `Completed`, `Failed` and `Canceled` are ends.
///
/// ```
/// use jobwait::Status;
///
/// assert_eq!(Status::from("Running".to_owned()), Status::Running);
/// assert_eq!(Status::from("running".to_owned()).as_str(), "running");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Delayed. It may wait for the maintenance window.
    Pending,
    /// Running.
    Running,
    /// Ended with success.
    Completed,
    /// Ended without success.
    Failed,
    /// A person must approve it.
    Unauthorized,
    /// Canceled by a person.
    Canceled,
    /// A status that this version does not know. The service may add some.
    Other(String),
}

impl Status {
    /// The service's spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Unauthorized => "Unauthorized",
            Self::Canceled => "Canceled",
            Self::Other(text) => text,
        }
    }
}

impl Status {
    /// Applies `change` to a text of the service.
    pub(super) fn map_text(self, change: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Other(text) => Self::Other(change(&text)),
            known => known,
        }
    }
}

impl From<String> for Status {
    /// Matches the exact spelling. The service documents no `completed`, so that is not an end.
    fn from(text: String) -> Self {
        match text.as_str() {
            "Pending" => Self::Pending,
            "Running" => Self::Running,
            "Completed" => Self::Completed,
            "Failed" => Self::Failed,
            "Unauthorized" => Self::Unauthorized,
            "Canceled" => Self::Canceled,
            _ => Self::Other(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_keeps_the_spelling_of_the_service() {
        use Status::{Canceled, Completed, Failed, Other, Pending, Running, Unauthorized};
        for status in [Pending, Running, Completed, Failed, Unauthorized, Canceled, Other("completed".into())]
        {
            assert_eq!(Status::from(status.as_str().to_owned()), status);
            assert_eq!(matches!(status, Other(_)), status.as_str() == "completed");
        }
    }
}
