//! Who asks. A secret is never shown: not by `Debug`, not in an error, not in a log.

mod signer;
mod token;

use std::path::PathBuf;
use std::sync::RwLock;

use reqwest::Request;
use reqwest::header::HeaderName;

use self::token::Token;
use crate::ConfigError;

/// What the service is shown to be let in.
#[derive(Debug)]
pub struct Credentials(Source);

#[derive(Debug)]
enum Source {
    /// A token that is all there is.
    Token(Token),
    /// A token in a file that may be written anew while a wait goes on.
    TokenFile { path: PathBuf, token: RwLock<Token> },
}

impl Credentials {
    /// A token, sent as `X-Auth-Token`. White space around it is removed.
    ///
    /// # Errors
    ///
    /// When it is empty or holds what no header may. The text does not repeat it.
    pub fn token(token: impl Into<String>) -> Result<Self, ConfigError> {
        Token::new(token.into()).map(|token| Self(Source::Token(token)))
    }

    /// The token in a file, which is read now, and again when the service refuses the token. It blocks while
    /// it reads.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or holds no token. The text names the file, not what is in it.
    pub fn token_file(path: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        let path = path.into();
        let token = RwLock::new(Token::read_file(&path)?);
        Ok(Self(Source::TokenFile { path, token }))
    }

    /// The token that a reader gives, such as standard input. It blocks while it reads.
    ///
    /// # Errors
    ///
    /// When it cannot be read or holds no token.
    pub fn token_from(reader: impl std::io::Read) -> Result<Self, ConfigError> {
        Token::read(reader).map(|token| Self(Source::Token(token)))
    }

    /// Adds to a request what it needs to be let in.
    pub(crate) fn authorize(&self, request: &mut Request) {
        let header = match &self.0 {
            Source::Token(token) => token.header(),
            Source::TokenFile { token, .. } => {
                token.read().unwrap_or_else(std::sync::PoisonError::into_inner).header()
            }
        };
        request.headers_mut().insert(HeaderName::from_static("x-auth-token"), header);
    }

    /// Looks for other credentials after these were refused. False when there are none.
    pub(crate) async fn renew(&self) -> bool {
        let Source::TokenFile { path, token: current } = &self.0 else { return false };
        let path = path.clone();
        // A file may hang as well as a socket; the deadline then ends the wait without it.
        let Ok(Ok(fresh)) = tokio::task::spawn_blocking(move || Token::read_file(&path)).await else {
            return false;
        };
        let mut current = current.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let changed = !current.is(&fresh);
        *current = fresh;
        changed
    }
}
