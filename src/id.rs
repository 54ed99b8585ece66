//! The IDs that become part of a URL, checked so that they cannot change the destination of a request.

use std::fmt;
use std::str::FromStr;

use crate::error::ConfigError;

/// The ID of a task: 1 to 128 letters, digits, `-` and `_`.
///
/// TaurusDB uses UUIDs, some sibling services 32 hexadecimal digits.
///
/// ```
/// let id = jobwait::JobId::parse("a9767ede-fe0f-4888-9003-e843a4c90514")?;
/// assert_eq!(id.to_string(), "a9767ede-fe0f-4888-9003-e843a4c90514");
/// # Ok::<(), jobwait::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JobId(String);

impl JobId {
    /// Parses an ID.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] when it is empty, too long, or contains anything but letters,
    /// digits, `-` and `_`.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        check("job ID", text, 128, "-_")?;
        Ok(Self(text.to_owned()))
    }

    /// The ID as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for JobId {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::parse(text)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The ID of a project: 1 to 64 letters and digits.
///
/// ```
/// assert!(jobwait::ProjectId::parse("054e292c9880d4992f02c0196d3ea468").is_ok());
/// assert!(jobwait::ProjectId::parse("../x").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProjectId(String);

impl ProjectId {
    /// Parses a project ID.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] when it is empty, too long, or contains anything but letters and digits.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        check("project ID", text, 64, "")?;
        Ok(Self(text.to_owned()))
    }

    /// The ID as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProjectId {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::parse(text)
    }
}

impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks that an ID consists of letters, digits and the characters of `punctuation`.
fn check(what: &'static str, text: &str, longest: usize, punctuation: &str) -> Result<(), ConfigError> {
    let invalid = |reason: String| Err(ConfigError::invalid(what, text, reason));
    let allowed = if punctuation.is_empty() { "letters and digits" } else { "letters, digits, - and _" };
    if text.is_empty() {
        return invalid(format!("empty (allowed: {allowed})"));
    }
    if text.len() > longest {
        return invalid(format!("{} bytes long (at most {longest})", text.len()));
    }
    match text.chars().find(|c| !c.is_ascii_alphanumeric() && !punctuation.contains(*c)) {
        None if !text.contains(|c: char| c.is_ascii_alphanumeric()) => {
            invalid("no letter and no digit in it".into())
        }
        None => Ok(()),
        Some(stray) => {
            let stray = crate::text::safe(stray.encode_utf8(&mut [0; 4]), 1).to_string();
            invalid(format!("unexpected '{stray}' (allowed: {allowed})"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_and_hexadecimal_ids_are_accepted() {
        for good in ["a9767ede-fe0f-4888-9003-e843a4c90514", "054e292c9880d4992f02c0196d3ea468", "a_B-9"] {
            assert_eq!(JobId::parse(good).unwrap().as_str(), good);
        }
    }

    /// Covers S9.
    #[test]
    fn an_id_that_would_change_the_path_or_host_of_a_request_is_refused() {
        let long = "a".repeat(10_000);
        for bad in
            ["", "a&b", "a#b", "a%2e", "a b", "a\nb", "../x", "ä", "a,b", "a?b", "-", "--", long.as_str()]
        {
            let error = JobId::parse(bad).unwrap_err().to_string();
            assert!(error.contains("job ID") && error.len() < 200, "{error}");
        }
        assert!(ProjectId::parse("054e-29").is_err());
    }
}
