//! Credentials: their sources, their renewal, and the requests that they authenticate.
//!
//! A secret is never shown: not by `Debug`, not in an error, not in a log. Each source is one file
//! with its own exchange.

mod agency;
mod exchange;
mod federation;
mod keys;
mod password;
mod redact;
mod refresh;
mod role;
pub(crate) mod signer;
mod single_flight;
mod token;
mod trial;

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use jiff::Timestamp;
use reqwest::Request;
use reqwest::header::HeaderName;
use secrecy::SecretString;
use tokio::sync::Mutex;
use tracing::debug;

pub(crate) use self::exchange::Scope;
pub use self::federation::Federation;
use self::keys::Keys;
pub use self::password::{IdOrName, Login};
use self::redact::Redactor;
use self::refresh::{Active, Secret};
pub(crate) use self::refresh::{Generation, no_iam};
pub use self::role::Role;
pub(crate) use self::single_flight::AuthGuard;
use self::token::Token;
use crate::endpoint::Endpoint;
use crate::error::ConfigError;
use crate::fault::{Fault, FaultKind};
use crate::http::client::Client;
use crate::id::ProjectId;
use crate::probe::Observation;
use crate::text::safe;

/// The connection to IAM. A proxy may be on the route to it that is not on the route to the service.
#[derive(Debug)]
pub(crate) struct Iam {
    client: Client,
    endpoint: Endpoint,
    /// Another endpoint, for the case that the host of the first one is unknown.
    other: Option<Endpoint>,
    uses_other: AtomicBool,
}

impl Iam {
    pub(crate) fn new(client: Client, endpoint: Endpoint, other: Option<Endpoint>) -> Self {
        Self { client, endpoint, other, uses_other: AtomicBool::new(false) }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        match &self.other {
            Some(other) if self.uses_other.load(Ordering::Relaxed) => other,
            _ => &self.endpoint,
        }
    }

    /// Takes the other endpoint into use if the host of this one is unknown. Returns whether there is another
    /// one, so that the request should be sent again.
    pub(crate) fn changes_host<T>(&self, result: &Result<T, Observation>) -> bool {
        let is_unknown = matches!(result, Err(Observation::Transient { fault, .. })
            if fault.kind == FaultKind::UnknownHost);
        let changes = is_unknown && self.other.is_some();
        if changes {
            self.uses_other.fetch_xor(true, Ordering::Relaxed);
            debug!(endpoint = %self.endpoint(), "the host of IAM is unknown; trying the other one");
        }
        changes
    }
}

/// The credentials for the requests to a service.
///
/// ```
/// use jobwait::Credentials;
///
/// let credentials = Credentials::keys("AKEXAMPLE0000000001", "a secret key", None);
/// assert!(credentials.is_err(), "a secret key contains no spaces");
/// let credentials = Credentials::token("a-token")?;
/// assert!(!format!("{credentials:?}").contains("a-token"));
/// # Ok::<(), jobwait::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct Credentials {
    source: Source,
    active: RwLock<(Generation, Option<Active>)>,
    /// The secrets that were ever sent.
    sent: RwLock<Redactor>,
    /// Held during an exchange, so that other polls wait for its result.
    refreshing: Mutex<()>,
    guard: AuthGuard,
    /// A likely cause, added to the text of a refusal.
    suspicion: Option<String>,
    /// The name of the file with the refusals of the key, if processes try it in turn.
    trial_file: Option<String>,
}

/// The sources of credentials.
#[derive(Debug)]
enum Source {
    /// A token.
    Token,
    /// A token in a file that may be replaced during a wait.
    TokenFile(PathBuf),
    /// An access key that signs each request.
    Keys,
    /// A password that is exchanged for tokens.
    Password(Login),
    /// The agency of the ECS instance, with the address of its metadata service.
    Agency(Endpoint),
    /// An identity provider whose ID tokens are exchanged for tokens.
    Federation(Federation),
    /// A role that other credentials assume.
    Role(Box<Credentials>, Role),
}

impl Credentials {
    /// A token, sent as `X-Auth-Token`. White space around it is removed.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] when it is empty or not a valid header. The text does not repeat it.
    pub fn token(token: impl Into<String>) -> Result<Self, ConfigError> {
        Token::new(&token.into().into()).map(|token| Self::active_from(Source::Token, Secret::Token(token)))
    }

    /// A token from a reader, such as standard input. Blocks while it reads.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when it cannot be read or contains no token.
    pub fn token_from(reader: impl std::io::Read) -> Result<Self, ConfigError> {
        Token::read(reader).map(|token| Self::active_from(Source::Token, Secret::Token(token)))
    }

    /// A token in a file. The file is read now, and again when the service refuses the token.
    /// Blocks while it reads.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the file cannot be read or contains no token. The text names the
    /// file, not its content.
    pub fn token_file(path: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        let path = path.into();
        let token = Token::read_file(&path)?;
        Ok(Self::active_from(Source::TokenFile(path), Secret::Token(token)))
    }

    /// An access key (AK) and its secret key (SK), with the security token of a temporary key. Each request
    /// is signed. A refused signature is not repeated, because the service locks a key after five.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] when one of them is empty or not a valid header. The text does not repeat it.
    pub fn keys(
        access_key: &str,
        secret_key: impl Into<String>,
        security_token: Option<String>,
    ) -> Result<Self, ConfigError> {
        let security_token = security_token.map(SecretString::from);
        let keys = Keys::new(access_key, &secret_key.into().into(), security_token.as_ref())?;
        Ok(Self::active_from(Source::Keys, Secret::Keys(keys)))
    }

    /// A user's password, exchanged at IAM for a token: before the first poll, before the token expires,
    /// and when it is refused.
    #[must_use]
    pub fn password(login: Login) -> Self {
        let mut sent = Redactor::default();
        login.secrets().for_each(|secret| sent.keep(secret));
        Self { sent: RwLock::new(sent), ..Self::inactive_from(Source::Password(login)) }
    }

    /// The agency of the ECS instance that this program runs on. Its metadata service provides temporary
    /// keys, which are requested before the first poll and refreshed before they expire.
    #[must_use]
    pub fn agency() -> Self {
        Self::agency_at(agency::default_address())
    }

    /// The same with another address of the metadata service, for tests and rehearsals.
    #[doc(hidden)]
    #[must_use]
    pub fn agency_at(metadata: Endpoint) -> Self {
        Self::inactive_from(Source::Agency(metadata))
    }

    /// An identity provider. Its ID token is exchanged at IAM for a token: before the first poll, before the
    /// token expires, and when it is refused.
    #[must_use]
    pub fn federation(federation: Federation) -> Self {
        Self::inactive_from(Source::Federation(federation))
    }

    /// A role that `base` assumes. IAM issues temporary keys for it, which are requested before the first
    /// poll, before they expire, and when they are refused. The project must be one of the role's account.
    #[must_use]
    pub fn role(base: Self, role: Role) -> Self {
        Self::inactive_from(Source::Role(Box::new(base), role))
    }

    /// Removes another secret from texts of the service, too, such as that of a proxy.
    pub(crate) fn keep_secret(&self, secret: &SecretString) {
        self.sent.write().unwrap_or_else(PoisonError::into_inner).keep(secret);
    }

    /// Adds a likely cause to the text of a refusal.
    pub(crate) fn suspect(self, suspicion: String) -> Self {
        Self { suspicion: Some(suspicion), ..self }
    }

    fn inactive_from(source: Source) -> Self {
        let is_key = matches!(source, Source::Keys);
        Self {
            source,
            active: RwLock::default(),
            sent: RwLock::default(),
            refreshing: Mutex::default(),
            guard: if is_key { AuthGuard::cautious() } else { AuthGuard::default() },
            suspicion: None,
            trial_file: None,
        }
    }

    fn active_from(source: Source, secret: Secret) -> Self {
        let credentials = Self::inactive_from(source);
        credentials.activate(Active { secret, refresh_at: None });
        credentials
    }

    /// Names the account, without a secret. Tokens change, so a bare token is named by its project.
    pub(crate) fn account(&self, project: &str) -> String {
        match &self.source {
            Source::Password(login) => login.account(),
            Source::Keys => match &self.active().1 {
                Some(Active { secret: Secret::Keys(keys), .. }) => keys.account(),
                _ => format!("project {project}"),
            },
            Source::Federation(federation) => format!("identity provider {}", federation.name()),
            Source::Role(base, role) => format!("{} by {}", role.name(), base.account(project)),
            Source::Token | Source::TokenFile(_) | Source::Agency(_) => format!("project {project}"),
        }
    }

    /// Whether IAM issues them.
    pub(crate) fn need_iam(&self) -> bool {
        matches!(self.source, Source::Password(_) | Source::Federation(_) | Source::Role(..))
    }

    /// Whether none are in use yet.
    pub(crate) fn are_missing(&self) -> bool {
        self.active().1.is_none()
    }

    /// The generation of the credentials in use.
    pub(crate) fn generation(&self) -> Generation {
        self.active().0
    }

    pub(crate) fn guard(&self) -> &AuthGuard {
        &self.guard
    }

    /// Remembers a secret that is sent, so that it can be removed from texts of the service.
    fn learn(&self, secret: &SecretString) {
        self.sent.write().unwrap_or_else(PoisonError::into_inner).learn(secret);
    }

    /// Takes credentials into use.
    fn activate(&self, fresh: Active) {
        let mut sent = self.sent.write().unwrap_or_else(PoisonError::into_inner);
        match &fresh.secret {
            Secret::Token(token) => sent.learn(token.secret()),
            Secret::Keys(keys) => keys.secrets().into_iter().for_each(|secret| sent.learn(secret)),
        }
        let mut active = self.active_mut();
        *active = (Generation(active.0.0 + 1), Some(fresh));
    }

    /// Keeps the credentials in use, and tries to refresh them at `refresh_at`. Returns
    /// whether there are any.
    fn keep_active(&self, refresh_at: Option<Timestamp>) -> bool {
        self.active_mut().1.as_mut().map(|active| active.refresh_at = refresh_at).is_some()
    }

    fn active(&self) -> RwLockReadGuard<'_, (Generation, Option<Active>)> {
        self.active.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn active_mut(&self) -> RwLockWriteGuard<'_, (Generation, Option<Active>)> {
        self.active.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the credentials to a request, and returns their generation.
    pub(crate) fn authorize(
        &self,
        request: &mut Request,
        project: Option<&ProjectId>,
        now: Timestamp,
    ) -> Generation {
        let active = self.active();
        match active.1.as_ref().map(|active| &active.secret) {
            Some(Secret::Token(token)) => {
                request.headers_mut().insert(HeaderName::from_static("x-auth-token"), token.header());
            }
            Some(Secret::Keys(keys)) => keys.sign(request, project, now),
            None => {}
        }
        active.0
    }

    /// Removes the secrets that were sent, and pieces of them, from a text of the service.
    pub(crate) fn redact(&self, text: &str) -> String {
        let text = self.sent.read().unwrap_or_else(PoisonError::into_inner).redact(text);
        match &self.source {
            Source::Role(base, _) => base.redact(&text),
            _ => text,
        }
    }

    /// Removes the secrets that were sent from the texts of an observation. The service's own job object
    /// stays as it is, for the `json` output.
    pub(crate) fn redact_observation(&self, observation: Observation) -> Observation {
        let redact = |text: &str| self.redact(text);
        match observation {
            Observation::Seen(job) => Observation::Seen(job.map_texts(redact)),
            other => other.map_fault(|fault| Fault {
                message: match &self.suspicion {
                    Some(suspicion) if fault.kind == FaultKind::Unauthenticated => {
                        format!("{}; {suspicion}", redact(&fault.message))
                    }
                    _ => redact(&fault.message),
                },
                error_code: fault.error_code.as_deref().map(redact),
                request_id: fault.request_id.as_deref().map(redact),
                ..fault
            }),
        }
    }
}

/// Names the source, without a secret, for logs.
impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Token => f.write_str("a token"),
            Source::TokenFile(_) => f.write_str("a token file"),
            Source::Password(_) => f.write_str("a password"),
            Source::Agency(_) => f.write_str("the agency of this ECS instance"),
            Source::Federation(federation) => {
                write!(f, "the identity provider {}", safe(federation.name(), 60))
            }
            Source::Role(base, role) => write!(f, "{}, assumed with {base}", role.name()),
            Source::Keys => match &self.active().1 {
                Some(Active { secret: Secret::Keys(keys), .. }) => {
                    write!(f, "the access key {}", keys.abbreviated())
                }
                _ => f.write_str("an access key"),
            },
        }
    }
}
