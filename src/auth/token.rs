//! A token, from a variable, a reader or a file.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

use crate::error::ConfigError;

/// The largest file that is read. Real tokens reach tens of kilobytes.
const LARGEST: u64 = 1 << 20;

/// The delay before a token file is read again. It may be empty while it is being rewritten.
const BEING_WRITTEN: Duration = Duration::from_millis(200);

/// A token that is a valid header. `Debug` does not show it.
#[derive(Debug, Clone)]
pub(super) struct Token(SecretString);

impl Token {
    pub(super) fn new(text: &SecretString) -> Result<Self, ConfigError> {
        let token = text.expose_secret().trim();
        if token.is_empty() {
            return Err(ConfigError::invalid_secret("token", "empty"));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let reason = "contains white space, control or non-ASCII characters";
            return Err(ConfigError::invalid_secret("token", reason));
        }
        Ok(Self(SecretString::from(token)))
    }

    pub(super) fn read(reader: impl Read) -> Result<Self, ConfigError> {
        let mut bytes = Vec::new();
        reader
            .take(LARGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| ConfigError::invalid_secret("token", format!("cannot be read: {error}")))?;
        if bytes.len() as u64 > LARGEST {
            return Err(ConfigError::invalid_secret("token", "longer than 1 MiB"));
        }
        // Invalid UTF-8 is refused as non-ASCII.
        Self::new(&String::from_utf8_lossy(&bytes).into_owned().into())
    }

    pub(super) fn read_file(path: &Path) -> Result<Self, ConfigError> {
        let file = File::open(path).map_err(|error| ConfigError::read(path, error))?;
        Self::read(file).map_err(|error| ConfigError::file(path, error.to_string()))
    }

    /// Reads a token file again, on another thread: a file can hang like a socket, and the deadline
    /// must not wait for it.
    pub(super) async fn reread_file(path: &Path) -> Option<Self> {
        let path = path.to_owned();
        let read = move || {
            Self::read_file(&path).or_else(|_| {
                std::thread::sleep(BEING_WRITTEN);
                Self::read_file(&path)
            })
        };
        tokio::task::spawn_blocking(read).await.ok()?.ok()
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }

    pub(super) fn secret(&self) -> &SecretString {
        &self.0
    }

    /// The token as a header that `Debug` and logs omit.
    pub(super) fn header(&self) -> HeaderValue {
        let mut value = HeaderValue::from_str(self.0.expose_secret())
            .unwrap_or_else(|_| unreachable!("a token consists of visible ASCII"));
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
    fn an_invalid_token_is_refused_without_repeating_it() {
        for bad in ["", " \n", "CANARY\rX", "CANARY\nX", "CANARY\0", "CANARYä", "CANARY X"] {
            let error = Token::new(&bad.into()).unwrap_err().to_string();
            assert!(!error.contains("CANARY"), "{error}");
        }
    }

    /// Covers A1.
    #[test]
    fn debug_shows_no_token() {
        let token = Token::new(&"CANARY".into()).unwrap();
        assert!(!format!("{token:?} {:?}", token.header()).contains("CANARY"));
    }
}
