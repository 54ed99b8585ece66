//! Texts of the program that many tests expect.

/// The end of a line about an error that is retried.
pub const RETRY: &str = "next poll in";

/// The beginning of the command that resumes a wait.
pub const RESUME: &str = "to resume, run: ";

/// The reminder after a wait that was cut short.
pub const TASK_GOES_ON: &str = "the task continues in the cloud";

/// The status of a task at the deadline follows.
pub const LAST_SEEN: &str = "last seen";

/// The error when the service sent no response about a task.
pub const NO_RESPONSE_IN_TIME: &str = "before the deadline";

/// The error of a request without a response.
pub const NO_RESPONSE: &str = "no response from";

/// The news of an ID that the service does not know yet.
pub const NOT_VISIBLE: &str = "not visible yet";

/// The advice after responses that are no jobs.
pub const ANOTHER_SERVER: &str = "check --endpoint: something else answers there";
