//! The language of names and reasons.

use std::str::FromStr;

use crate::ConfigError;

/// The language in which the service gives names and reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Language {
    /// `en-us`
    #[default]
    English,
    /// `zh-cn`
    Chinese,
}

impl Language {
    /// The service's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::English => "en-us",
            Self::Chinese => "zh-cn",
        }
    }
}

impl FromStr for Language {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        match text {
            "en-us" => Ok(Self::English),
            "zh-cn" => Ok(Self::Chinese),
            _ => Err(ConfigError::new("the languages are en-us and zh-cn")),
        }
    }
}
