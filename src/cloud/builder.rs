//! The settings of a [`Cloud`], and their defaults.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use rustls::pki_types::CertificateDer;
use tracing::debug;

use super::{Cloud, Project};
use crate::auth::{Credentials, Iam, signer};
use crate::endpoint::Endpoint;
use crate::error::ConfigError;
use crate::http::client::Client;
use crate::http::proxy::{self, Route};
use crate::http::tls::{self, Trust};
use crate::language::Language;
use crate::limiter::Limiter;
use crate::service::Service;

/// The settings of a [`Cloud`].
///
/// ```
/// use std::time::Duration;
/// use jobwait::{Cloud, Credentials, Endpoint, ProjectId, Service};
///
/// let endpoint = Endpoint::parse("http://127.0.0.1:8080")?;
/// let project = ProjectId::parse("054e292c9880d4992f02c0196d3ea468")?;
/// let cloud = Cloud::builder(endpoint, project, Credentials::token("a-token")?)
///     .service(Service::Rds)
///     .request_timeout(Duration::from_secs(5))
///     .build()?;
/// # Ok::<(), jobwait::ConfigError>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct CloudBuilder {
    endpoint: Endpoint,
    service: Service,
    project: Project,
    iam: Option<Endpoint>,
    other_iam: Option<Endpoint>,
    credentials: Credentials,
    language: Language,
    request_timeout: Duration,
    route: Route,
    roots: Vec<CertificateDer<'static>>,
    limiter: Option<Limiter>,
}

impl CloudBuilder {
    pub(super) fn new(endpoint: Endpoint, project: Project, credentials: Credentials) -> Self {
        Self {
            endpoint,
            service: Service::default(),
            project,
            iam: None,
            other_iam: None,
            credentials,
            language: Language::default(),
            request_timeout: Duration::from_secs(10),
            route: Route::Environment,
            roots: Vec::new(),
            limiter: None,
        }
    }

    /// Sets the service. Default: TaurusDB.
    pub fn service(mut self, service: Service) -> Self {
        self.service = service;
        self
    }

    /// Sets the endpoint of IAM, which a password and a project by name need. A `/v3` at the end is removed.
    pub fn iam(mut self, endpoint: Endpoint) -> Self {
        self.iam = Some(endpoint.without_version());
        self
    }

    /// Sets another endpoint of IAM, for the case that the host of the first one is unknown.
    pub(crate) fn other_iam(mut self, endpoint: Option<Endpoint>) -> Self {
        self.other_iam = endpoint;
        self
    }

    /// Whether IAM will be asked for a token or for the ID of the project.
    #[must_use]
    pub fn needs_iam(&self) -> bool {
        self.credentials.need_iam() || matches!(self.project, Project::Name(_))
    }

    /// Sets the language of names and reasons. Default: English.
    pub fn language(mut self, language: Language) -> Self {
        self.language = language;
        self
    }

    /// Sets the longest time of one request, connection included. Default: 10 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Connects directly, whatever `HTTPS_PROXY` and its like say. Requests to loopback never use a proxy.
    pub fn without_proxy(mut self) -> Self {
        self.route = Route::Direct;
        self
    }

    /// Trusts the certificates in this PEM text in addition to those of the system.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] when the text is not PEM, or contains no certificate that
    /// can be a trust root.
    pub fn trust(mut self, pem: &[u8]) -> Result<Self, ConfigError> {
        self.roots.extend(tls::certificates(pem)?);
        Ok(self)
    }

    /// Sets the limiter, which must be that of the wait, too. The permit of a poll covers one request; this
    /// counts the others: sign-ins, lookups of the project, and requests that are sent again on a new
    /// connection.
    pub fn limiter(mut self, limiter: Limiter) -> Self {
        self.limiter = Some(limiter);
        self
    }

    /// Tries an access key in turn with the other processes of this user on this machine, because the service
    /// locks a key after some refusals.
    pub(crate) fn try_key_in_turn(mut self) -> Self {
        self.credentials.try_in_turn(&self.endpoint.authority());
        self
    }

    /// Names the account whose quota the requests use, for [`Limiter::for_machine`]: the access key, the user
    /// and domain, or with a bare token the project; and the host and port of the service. The name is a
    /// digest, which reveals none of them.
    #[must_use]
    pub fn account(&self) -> String {
        let project = match &self.project {
            Project::Id(id) => id.as_str(),
            Project::Name(name) => name,
        };
        let account = format!("{} at {}", self.credentials.account(project), self.endpoint.authority());
        signer::sha256(account.as_bytes())
    }

    /// Builds the [`Cloud`]. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when `https` is used and there are no trust roots, when IAM is needed and its endpoint
    /// is not set, or when a proxy variable is malformed.
    pub fn build(self) -> Result<Cloud, ConfigError> {
        let iam = match (self.needs_iam(), self.iam) {
            (true, None) => {
                let hint = "a password and a project without an ID need it";
                return Err(ConfigError::missing("endpoint of IAM", hint));
            }
            (true, Some(endpoint)) => Some(endpoint),
            (false, _) => None,
        };
        let trust = if self.endpoint.is_https() || iam.as_ref().is_some_and(Endpoint::is_https) {
            Trust::System { extra: self.roots }
        } else {
            Trust::Nobody
        };
        // A proxy would see the token of requests that never leave this machine, so each
        // host has its own route.
        let route = |endpoint: &Endpoint| if endpoint.is_loopback() { Route::Direct } else { self.route };
        let client = Client::new(self.request_timeout, route(&self.endpoint), &trust)?;
        let iam = match iam {
            Some(endpoint) => {
                let route_to_iam = route(&endpoint);
                let client = if route_to_iam == route(&self.endpoint) {
                    client.clone()
                } else {
                    Client::new(self.request_timeout, route_to_iam, &trust)?
                };
                Some(Iam::new(client, endpoint, self.other_iam))
            }
            None => None,
        };
        let headers = [
            (ACCEPT, "application/json"),
            // The SDKs send it with this GET as well.
            (CONTENT_TYPE, "application/json"),
            (HeaderName::from_static("x-language"), self.language.as_str()),
        ];
        if self.route == Route::Environment {
            for secret in proxy::secrets() {
                let decoded = signer::decoded(&secret, signer::Plus::IsPlus);
                self.credentials.keep_secret(&String::from_utf8_lossy(&decoded).into_owned().into());
                self.credentials.keep_secret(&secret.into());
            }
        }
        debug!(endpoint = %self.endpoint, credentials = %self.credentials, "configured");
        Ok(Cloud {
            client,
            endpoint: self.endpoint,
            service: self.service,
            project: self.project,
            resolved_project: OnceLock::new(),
            iam,
            credentials: self.credentials,
            limiter: self.limiter,
            headers: headers
                .into_iter()
                .map(|(name, value)| (name, HeaderValue::from_static(value)))
                .collect(),
        })
    }
}
