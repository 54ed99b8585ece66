//! The language of the service's texts.

use std::str::FromStr;

use crate::error::ConfigError;

/// The language of the names and reasons that the service returns.
///
/// ```
/// assert_eq!("zh-cn".parse::<jobwait::Language>()?, jobwait::Language::Chinese);
/// # Ok::<(), jobwait::ConfigError>(())
/// ```
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
            _ => Err(ConfigError::invalid("language", text, "expected en-us or zh-cn")),
        }
    }
}
