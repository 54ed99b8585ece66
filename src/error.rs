//! What can go wrong: before anything is sent ([`ConfigError`]), and on a look ([`Fault`]).

use std::fmt;

/// A setting that cannot be used. Found before anything is sent.
///
/// The text is a lower-case fragment that says what is wrong and never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Why a look could not tell how the task is doing, in the service's own words where it gave any.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct Fault {
    /// What sort of fault it is.
    pub kind: FaultKind,
    /// One sentence for people. It may hold text from the service: see [`crate::text::safe`].
    pub message: String,
    /// The service's error code, such as `DBS.200543`.
    pub error_code: Option<String>,
    /// The service's ID of the request, for its support.
    pub request_id: Option<String>,
    /// The HTTP status, when there was an answer.
    pub http_status: Option<u16>,
    /// Who was asked.
    pub asked: Asked,
}

/// Who was asked, when a look could not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Asked {
    /// The service, about the task.
    #[default]
    Service,
    /// IAM, for a token or for the project.
    Iam,
    /// The metadata service of the ECS instance, for keys.
    Metadata,
}

impl Fault {
    /// A fault of this kind, without an answer of the service behind it.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            error_code: None,
            request_id: None,
            http_status: None,
            asked: Asked::Service,
        }
    }
}

/// The sorts of faults, by what a user has to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The service says that it knows no such task.
    NotVisible,
    /// The connection was refused, broken or cut.
    Network,
    /// The host's name could not be looked up.
    UnknownHost,
    /// No whole answer came within the request timeout.
    TimedOut,
    /// The service or its gateway cannot answer now (408, 425, 5xx).
    Unavailable,
    /// The service asks for fewer requests (429).
    Throttled,
    /// An answer came that is not one of the jobs API.
    Unreadable,
    /// The server's certificate was refused.
    Untrusted,
    /// The answer was a redirect, which is never followed.
    Redirected,
    /// There is no jobs API at this address (404, 501, 505).
    WrongApi,
    /// The service refuses the request itself (other 4xx).
    BadRequest,
    /// The service does not accept these credentials (401): others might do.
    Unauthenticated,
    /// These credentials are known and may not see the task (403).
    Forbidden,
    /// IAM knows no project of this name, or several.
    UnknownProject,
    /// The proxy on the way refuses.
    Proxy,
    /// This machine could not even try, such as out of file descriptors.
    Local,
    /// The deadline came before this task's turn to be asked about: there are too many for the budget.
    NoTurn,
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
            Self::Redirected => "redirected",
            Self::WrongApi => "wrong API",
            Self::BadRequest => "bad request",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::UnknownProject => "unknown project",
            Self::Proxy => "proxy",
            Self::Local => "local",
            Self::NoTurn => "no turn",
        })
    }
}
