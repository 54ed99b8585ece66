//! A token, and the file it may be in.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

use crate::ConfigError;

/// Real tokens reach tens of kilobytes. More than this is another file.
const LARGEST: u64 = 1 << 20;

/// Names of files are shorter, tokens are longer.
const LONGEST_NAME: usize = 200;

/// A token that fits into a header. `Debug` does not show it.
#[derive(Debug)]
pub(crate) struct Token(SecretString);

impl Token {
    pub(crate) fn new(text: &SecretString) -> Result<Self, ConfigError> {
        let token = text.expose_secret().trim();
        if token.is_empty() {
            return Err(ConfigError::new("the token is empty"));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ConfigError::new("the token holds white space, control or non-ASCII characters"));
        }
        Ok(Self(SecretString::from(token)))
    }

    pub(crate) fn read(reader: impl Read) -> Result<Self, ConfigError> {
        let mut bytes = Vec::new();
        reader
            .take(LARGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| ConfigError::new(format!("the token cannot be read: {error}")))?;
        if bytes.len() as u64 > LARGEST {
            return Err(ConfigError::new("what is read is longer than any token"));
        }
        // What is not UTF-8 is no token either, and is refused as non-ASCII.
        Self::new(&String::from_utf8_lossy(&bytes).into_owned().into())
    }

    pub(crate) fn read_file(path: &Path) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        // Who gives the token itself for the name of its file should not find it in a log.
        let name = if name.len() > LONGEST_NAME { "a file of a very long name".to_owned() } else { name };
        let failed = |why: &dyn std::fmt::Display| ConfigError::new(format!("{name}: {why}"));
        let file = File::open(path).map_err(|error| failed(&error))?;
        Self::read(file).map_err(|error| failed(&error))
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }

    pub(crate) fn secret(&self) -> &SecretString {
        &self.0
    }

    /// The token as a header that `Debug` and logs leave out.
    pub(crate) fn header(&self) -> HeaderValue {
        let mut value = HeaderValue::from_str(self.0.expose_secret())
            .unwrap_or_else(|_| unreachable!("a token is made of visible ASCII"));
        value.set_sensitive(true);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers A2.
    #[test]
    fn white_space_around_a_token_is_removed() {
        assert_eq!(Token::new(&" abc\r\n".into()).unwrap().header(), "abc");
        assert!(Token::new(&"a".repeat(64 * 1024).into()).is_ok());
    }

    /// Covers A2.
    #[test]
    fn what_no_header_may_hold_is_refused_without_echo() {
        for bad in ["", " \n", "CANARY\rX", "CANARY\nX", "CANARY\0", "CANARYä", "CANARY X"] {
            let said = Token::new(&bad.into()).unwrap_err().to_string();
            assert!(!said.contains("CANARY"), "{said}");
        }
    }

    /// Covers A1.
    #[test]
    fn debug_shows_no_token() {
        let token = Token::new(&"CANARY".into()).unwrap();
        assert!(!format!("{token:?} {:?}", token.header()).contains("CANARY"));
    }
}
