//! Errors in the configuration, found before anything is sent.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::text::safe;

/// The number of characters of a refused value that an error repeats.
const LONGEST_VALUE: usize = 60;

/// The number of characters of an origin that an error repeats. It may contain the path of a file.
const LONGEST_ORIGIN: usize = 300;

/// A setting that cannot be used, found before anything is sent.
///
/// The text is a lower-case fragment: it names the setting and the value, says what is wrong, and ends with
/// what to do. It never contains a secret.
///
/// ```
/// use jobwait::{ConfigError, JobId};
///
/// let error = JobId::parse("a b").unwrap_err();
/// assert!(matches!(error, ConfigError::Invalid { what: "job ID", .. }));
/// assert_eq!(
///     error.to_string(),
///     "invalid job ID 'a b': unexpected ' ' (allowed: letters, digits, - and _)"
/// );
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value that is malformed or out of range.
    #[error("invalid {what}{}: {reason}", Quoted(.value.as_deref()))]
    #[non_exhaustive]
    Invalid {
        /// The kind of value, such as `job ID`.
        what: &'static str,
        /// The value, escaped and cut. `None` where it may be a secret.
        value: Option<String>,
        /// The reason, and the values that are allowed.
        reason: String,
    },
    /// A setting that is needed and not set.
    #[error("missing {what}: {hint}")]
    #[non_exhaustive]
    Missing {
        /// The setting, such as `endpoint`.
        what: String,
        /// The ways to set it.
        hint: String,
    },
    /// A file with unexpected content.
    #[error("{}: {reason}", shown(.path))]
    #[non_exhaustive]
    File {
        /// The file.
        path: PathBuf,
        /// The place in the file, and what was expected there.
        reason: String,
    },
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", shown(.path))]
    #[non_exhaustive]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: Arc<std::io::Error>,
    },
    /// The HTTP client or its TLS setup failed.
    #[error("cannot set up {what}: {source}")]
    #[non_exhaustive]
    Setup {
        /// The part that failed, such as `TLS`.
        what: String,
        /// The library's error.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// An error in the value of a named option or variable.
    #[error("{}: {source}", safe(.origin, LONGEST_ORIGIN))]
    #[non_exhaustive]
    Setting {
        /// The option, the variable or the file that holds the value.
        origin: String,
        /// The error in the value.
        source: Box<ConfigError>,
    },
}

impl ConfigError {
    /// A value that is refused, repeated in the text.
    pub(crate) fn invalid(what: &'static str, value: impl fmt::Display, reason: impl Into<String>) -> Self {
        let value = Some(safe(&value.to_string(), LONGEST_VALUE).to_string());
        Self::Invalid { what, value, reason: reason.into() }
    }

    /// A value that is refused and that may be a secret: the text does not repeat it.
    pub(crate) fn invalid_secret(what: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { what, value: None, reason: reason.into() }
    }

    pub(crate) fn missing(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Missing { what: what.into(), hint: hint.into() }
    }

    pub(crate) fn file(path: &Path, reason: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), reason: reason.into() }
    }

    pub(crate) fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Read { path: path.to_owned(), source: Arc::new(source) }
    }

    pub(crate) fn setup(what: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Setup { what: what.into(), source: source.into().into() }
    }

    /// Adds the name of the option, variable or file that holds the value.
    #[must_use]
    pub fn at(self, origin: impl Into<String>) -> Self {
        Self::Setting { origin: origin.into(), source: Box::new(self) }
    }
}

/// A value in quotes, after a space.
struct Quoted<'a>(Option<&'a str>);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |value| write!(f, " '{value}'"))
    }
}

/// Formats a path for people. A very long one is left out: it may be a token given in place of its file.
fn shown(path: &Path) -> String {
    const LONGEST: usize = 200;
    let path = path.display().to_string();
    if path.len() > LONGEST {
        "a file with a very long name".into()
    } else {
        safe(&path, LONGEST).to_string()
    }
}
