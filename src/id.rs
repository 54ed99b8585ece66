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

/// The ID of a database instance: 32 hexadecimal digits, `in`, and two digits that tell the service.
///
/// ```
/// use jobwait::InstanceId;
///
/// assert!(InstanceId::parse("a48e43ff268f4c0e879652d65e63d0fbin07").is_ok());
/// let error = InstanceId::parse("a9767ede-fe0f-4888-9003-e843a4c90514").unwrap_err();
/// assert!(error.to_string().contains("the ID of a task"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct InstanceId(String);

impl InstanceId {
    /// Parses an instance's ID.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] when it is of another form.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        if is_instance(text) {
            return Ok(Self(text.to_owned()));
        }
        let digits = text.bytes().filter(u8::is_ascii_hexdigit).count();
        let is_task = digits == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        let reason = if is_task {
            "that is the ID of a task, not of an instance"
        } else {
            "expected 32 hexadecimal digits, 'in' and two digits, such as \
             a48e43ff268f4c0e879652d65e63d0fbin07"
        };
        Err(ConfigError::invalid("instance ID", text, reason))
    }

    /// The ID as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InstanceId {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::parse(text)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_instance(text: &str) -> bool {
    let Some((digits, service)) = text.split_at_checked(32) else { return false };
    let service = service.strip_prefix("in").unwrap_or_default();
    digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        && service.len() == 2
        && service.bytes().all(|byte| byte.is_ascii_digit())
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

    /// Covers U3.
    #[test]
    fn only_the_form_of_an_instance_is_accepted_as_its_id() {
        for good in ["a48e43ff268f4c0e879652d65e63d0fbin07", "A48E43FF268F4C0E879652D65E63D0FBin99"] {
            assert_eq!(InstanceId::parse(good).unwrap().as_str(), good);
        }
        for task in ["a9767ede-fe0f-4888-9003-e843a4c90514", "054e292c9880d4992f02c0196d3ea468"] {
            let error = InstanceId::parse(task).unwrap_err().to_string();
            assert!(error.contains("the ID of a task"), "{error}");
        }
        for bad in [
            "",
            "my-database",
            "a48e43ff268f4c0e879652d65e63d0fbin7",
            "a48e43ff268f4c0e879652d65e63d0fbin070",
            "a48e43ff268f4c0e879652d65e63d0fbno07",
            "g48e43ff268f4c0e879652d65e63d0fbin07",
            "äääääääääääääääääin07",
        ] {
            let error = InstanceId::parse(bad).unwrap_err().to_string();
            assert!(error.contains("expected 32 hexadecimal digits"), "{bad}: {error}");
        }
    }
}
