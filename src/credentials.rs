//! Who asks. A secret is never shown: not by `Debug`, not in an error, not in a log.
//!
//! Nothing here sends: what has to be fetched first is a [`Need`], which the cloud sees to.

mod keys;
mod login;
mod redactor;
pub(crate) mod signer;
mod token;

use std::fmt;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Request;
use reqwest::header::HeaderName;
use secrecy::SecretString;

pub(crate) use self::keys::Keys;
pub use self::login::{Login, Named};
use self::redactor::Redactor;
pub(crate) use self::token::Token;
use crate::{ConfigError, Endpoint, ProjectId};

/// How long a token file may be empty while it is written anew.
const BEING_WRITTEN: Duration = Duration::from_millis(200);

/// What the service is shown to be let in.
#[derive(Debug)]
pub struct Credentials {
    source: Source,
    held: RwLock<(Sent, Option<Held>)>,
    /// What was shown to somebody since the beginning.
    shown: RwLock<Redactor>,
}

/// Which of the credentials that there were was sent, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sent(u64);

#[derive(Debug)]
enum Source {
    /// A token that is all there is.
    Token,
    /// A token in a file that may be written anew while a wait goes on.
    TokenFile(PathBuf),
    /// An access key that signs each request.
    Keys,
    /// A password that is exchanged for tokens.
    Password(Login),
    /// The keys of the agency of the ECS instance that this runs on.
    Agency(Endpoint),
}

/// What is shown to the service now.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) pass: Pass,
    /// When to get another one. Never, where there is none.
    pub(crate) renew_at: Option<Timestamp>,
}

/// What lets a request in.
#[derive(Debug)]
pub(crate) enum Pass {
    Token(Token),
    Keys(Keys),
}

/// What has to be fetched before a request can be let in.
#[derive(Debug)]
pub(crate) enum Need<'a> {
    Nothing,
    SignIn(&'a Login),
    AgencyKeys(&'a Endpoint),
}

impl Credentials {
    /// A token, sent as `X-Auth-Token`. White space around it is removed.
    ///
    /// # Errors
    ///
    /// When it is empty or holds what no header may. The text does not repeat it.
    pub fn token(token: impl Into<SecretString>) -> Result<Self, ConfigError> {
        Token::new(&token.into()).map(|token| Self::holding(Source::Token, Pass::Token(token)))
    }

    /// The token that a reader gives, such as standard input. It blocks while it reads.
    ///
    /// # Errors
    ///
    /// When it cannot be read or holds no token.
    pub fn token_from(reader: impl std::io::Read) -> Result<Self, ConfigError> {
        Token::read(reader).map(|token| Self::holding(Source::Token, Pass::Token(token)))
    }

    /// The token in a file, which is read now, and again when the service refuses the token. It blocks while
    /// it reads.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or holds no token. The text names the file, not what is in it.
    pub fn token_file(path: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        let path = path.into();
        let token = Token::read_file(&path)?;
        Ok(Self::holding(Source::TokenFile(path), Pass::Token(token)))
    }

    /// An access key (AK) and its secret key (SK), with a security token when it is a temporary one. Each request
    /// is signed; a signature that is refused is not repeated, since the service locks a key after five.
    ///
    /// # Errors
    ///
    /// When one of them is empty or holds what no header may. The text does not repeat it.
    pub fn keys(
        access_key: &str,
        secret_key: impl Into<SecretString>,
        security_token: Option<&SecretString>,
    ) -> Result<Self, ConfigError> {
        Keys::new(access_key, &secret_key.into(), security_token)
            .map(|keys| Self::holding(Source::Keys, Pass::Keys(keys)))
    }

    /// A user's password, exchanged at IAM for a token: before the first look, before the token expires, and
    /// when it is refused.
    #[must_use]
    pub fn password(login: Login) -> Self {
        let mut shown = Redactor::default();
        shown.learn(login.secret());
        Self { shown: RwLock::new(shown), ..Self::of(Source::Password(login)) }
    }

    /// The temporary keys of the agency of this ECS instance, asked of its metadata service at this address and
    /// renewed before they expire.
    pub(crate) fn agency(metadata: Endpoint) -> Self {
        Self::of(Source::Agency(metadata))
    }

    fn of(source: Source) -> Self {
        Self { source, held: RwLock::default(), shown: RwLock::default() }
    }

    fn holding(source: Source, pass: Pass) -> Self {
        let credentials = Self::of(source);
        credentials.hold(Held { pass, renew_at: None });
        credentials
    }

    /// What has to be fetched first.
    pub(crate) fn need(&self, now: Timestamp) -> Need<'_> {
        let held = self.held();
        if held.1.as_ref().is_some_and(|held| held.renew_at.is_none_or(|renew_at| now < renew_at)) {
            return Need::Nothing;
        }
        match &self.source {
            Source::Password(login) => Need::SignIn(login),
            Source::Agency(metadata) => Need::AgencyKeys(metadata),
            Source::Token | Source::TokenFile(_) | Source::Keys => Need::Nothing,
        }
    }

    /// Whether they are had from IAM.
    pub(crate) fn need_iam(&self) -> bool {
        matches!(self.source, Source::Password(_))
    }

    /// Keeps what was fetched.
    pub(crate) fn hold(&self, held: Held) {
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        match &held.pass {
            Pass::Token(token) => shown.learn(token.secret()),
            Pass::Keys(keys) => keys.secrets().into_iter().for_each(|secret| shown.learn(secret)),
        }
        let mut current = self.held.write().unwrap_or_else(PoisonError::into_inner);
        *current = (Sent(current.0.0 + 1), Some(held));
    }

    fn held(&self) -> RwLockReadGuard<'_, (Sent, Option<Held>)> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is held.
    pub(crate) fn are_none(&self) -> bool {
        self.held().1.is_none()
    }

    /// Which ones are held now.
    pub(crate) fn current(&self) -> Sent {
        self.held().0
    }

    /// Goes on with what is held, until `renew_at` if another try makes sense then. False when nothing is held.
    pub(crate) fn keep(&self, renew_at: Option<Timestamp>) -> bool {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.1.as_mut().map(|held| held.renew_at = renew_at).is_some()
    }

    /// Adds to a request what lets it in, and tells which it was.
    pub(crate) fn authorize(
        &self,
        request: &mut Request,
        project: Option<&ProjectId>,
        now: Timestamp,
    ) -> Sent {
        let held = self.held();
        match held.1.as_ref().map(|held| &held.pass) {
            Some(Pass::Token(token)) => {
                request.headers_mut().insert(HeaderName::from_static("x-auth-token"), token.header());
            }
            Some(Pass::Keys(keys)) => keys.sign(request, project, now),
            None => {}
        }
        held.0
    }

    /// A text of the service without the secrets that it was shown, should it have sent one back, whole or a piece.
    pub(crate) fn redact(&self, text: &str) -> String {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).redact(text)
    }

    /// Looks for other credentials after these were refused. False when there are none.
    pub(crate) async fn renew(&self, refused: Sent) -> bool {
        match &self.source {
            Source::Password(_) => {
                let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
                // Unless somebody else was refused, too, and has got a new one already.
                if held.0 == refused {
                    held.1 = None;
                }
                true
            }
            Source::TokenFile(path) => {
                let path = path.clone();
                // A file may hang as well as a socket; the deadline then ends the wait without it.
                let read = move || Token::read_file(&path);
                // Whoever writes it in its place empties it first.
                let twice = move || {
                    read().or_else(|_| {
                        std::thread::sleep(BEING_WRITTEN);
                        read()
                    })
                };
                let read = tokio::task::spawn_blocking(twice).await;
                let Ok(Ok(fresh)) = read else { return false };
                let same = |held: &Held| matches!(&held.pass, Pass::Token(current) if current.is(&fresh));
                let changed = !self.held().1.as_ref().is_some_and(same);
                if changed {
                    self.hold(Held { pass: Pass::Token(fresh), renew_at: None });
                }
                // Somebody else who was refused may have read it already.
                changed || self.current() != refused
            }
            // The service locks a key after five refusals in a row.
            Source::Keys | Source::Agency(_) | Source::Token => false,
        }
    }
}

/// Which credentials these are, without a secret: for logs.
impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Token => f.write_str("a token"),
            Source::TokenFile(_) => f.write_str("a token file"),
            Source::Password(_) => f.write_str("a password"),
            Source::Agency(_) => f.write_str("the agency of this ECS instance"),
            Source::Keys => match &self.held().1 {
                Some(Held { pass: Pass::Keys(keys), .. }) => write!(f, "the access key {}", keys.shown()),
                _ => f.write_str("an access key"),
            },
        }
    }
}
