//! Faults: the reasons why a poll brought no state of the task.

use std::fmt;
use std::time::Duration;

/// The reason why a poll brought no state of the task, in the service's own words where it gave any.
///
/// ```
/// use jobwait::{Fault, FaultKind};
///
/// let fault = Fault::new(FaultKind::Network, "cannot connect");
/// assert_eq!(fault.to_string(), "cannot connect");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct Fault {
    /// The kind of fault.
    pub kind: FaultKind,
    /// One sentence for people. It may contain text from the service: see [`text::safe`](crate::text::safe).
    pub message: String,
    /// The service's error code, such as `DBS.200543`.
    pub error_code: Option<String>,
    /// The service's ID of the request, which its support asks for.
    pub request_id: Option<String>,
    /// The HTTP status, if there was a response.
    pub http_status: Option<u16>,
    /// The server that was asked.
    pub upstream: Upstream,
    /// The window of the quota that is used up, if the response of a 429 names it.
    pub quota_window: Option<Duration>,
}

impl Fault {
    /// A fault without a response behind it.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            error_code: None,
            request_id: None,
            http_status: None,
            upstream: Upstream::Service,
            quota_window: None,
        }
    }
}

/// The server that was asked when a fault occurred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Upstream {
    /// The database service, asked about the task.
    #[default]
    Service,
    /// IAM, asked for a token or a project.
    Iam,
    /// The metadata service of an ECS instance, asked for keys.
    Metadata,
}

/// The kinds of faults, by what a user has to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The service says that there is no such task.
    NotVisible,
    /// The connection was refused, reset or cut.
    Network,
    /// The host name could not be resolved.
    UnknownHost,
    /// No complete response arrived within the request timeout.
    TimedOut,
    /// The service or its gateway cannot answer now (408, 425, 5xx).
    Unavailable,
    /// The service asks for fewer requests (429).
    Throttled,
    /// The response is not one of the jobs API.
    Unreadable,
    /// The server's certificate was refused.
    Untrusted,
    /// The server and this client cannot agree on TLS, and no retry changes that.
    Handshake,
    /// The response is a redirect. Redirects are never followed.
    Redirected,
    /// There is no jobs API at this address (404, 501, 505).
    WrongApi,
    /// The service refuses the request itself (any other 4xx).
    BadRequest,
    /// The service does not accept these credentials (401). Others might be accepted.
    Unauthenticated,
    /// The service knows these credentials and denies access to the task (403).
    Forbidden,
    /// IAM has no project with this name, or several.
    UnknownProject,
    /// The proxy refuses the connection.
    Proxy,
    /// This machine could not send the request, for example because it is out of file descriptors.
    Local,
    /// The rate limit allowed no poll of this task before the deadline.
    RateLimited,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotVisible => "not visible",
            Self::Network => "network",
            Self::UnknownHost => "unknown host",
            Self::TimedOut => "timed out",
            Self::Unavailable => "unavailable",
            Self::Throttled => "throttled",
            Self::Unreadable => "unreadable",
            Self::Untrusted => "untrusted",
            Self::Handshake => "handshake",
            Self::Redirected => "redirected",
            Self::WrongApi => "wrong API",
            Self::BadRequest => "bad request",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::UnknownProject => "unknown project",
            Self::Proxy => "proxy",
            Self::Local => "local",
            Self::RateLimited => "rate limited",
        })
    }
}
