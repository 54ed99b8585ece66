//! The IDs that go into a URL, checked so that they cannot change where a request goes.

use std::fmt;
use std::str::FromStr;

use crate::ConfigError;
use crate::text::safe;

/// A task's ID: 1 to 128 letters, digits, `-` and `_`.
///
/// TaurusDB hands out UUIDs, some sibling services 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JobId(String);

impl JobId {
    /// Reads an ID as a user gives it.
    ///
    /// # Errors
    ///
    /// When it is empty, too long, or holds anything but letters, digits, `-` and `_`.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        checked("job ID", text, 128, |c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            .map(|()| Self(text.to_owned()))
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

/// A project's ID: 1 to 64 letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProjectId(String);

impl ProjectId {
    /// Reads a project ID as a user gives it.
    ///
    /// # Errors
    ///
    /// When it is empty, too long, or holds anything but letters and digits.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        checked("project ID", text, 64, |c| c.is_ascii_alphanumeric()).map(|()| Self(text.to_owned()))
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

fn checked(what: &str, text: &str, longest: usize, allowed: fn(char) -> bool) -> Result<(), ConfigError> {
    if text.is_empty() {
        return Err(ConfigError::new(format!("the {what} is empty")));
    }
    if text.len() > longest {
        return Err(ConfigError::new(format!(
            "the {what} is {} bytes long, at most {longest} are possible",
            text.len()
        )));
    }
    match text.chars().find(|&c| !allowed(c)) {
        None if !text.contains(|c: char| c.is_ascii_alphanumeric()) => {
            Err(ConfigError::new(format!("the {what} '{text}' holds no letter and no digit")))
        }
        None => Ok(()),
        Some(stray) => Err(ConfigError::new(format!(
            "the {what} '{}' holds '{}', which no {what} does",
            safe(text, 60),
            safe(stray.encode_utf8(&mut [0; 4]), 1)
        ))),
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
    fn an_id_that_could_change_path_or_host_is_refused() {
        let long = "a".repeat(10_000);
        for bad in
            ["", "a&b", "a#b", "a%2e", "a b", "a\nb", "../x", "ä", "a,b", "a?b", "-", "--", long.as_str()]
        {
            let said = JobId::parse(bad).unwrap_err().to_string();
            assert!(said.contains("job ID") && said.len() < 200, "{said}");
        }
        assert!(ProjectId::parse("054e-29").is_err());
    }
}
