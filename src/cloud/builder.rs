//! The settings of a [`Cloud`], and their defaults.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use rustls::pki_types::CertificateDer;
use tokio::sync::Mutex;
use tracing::debug;

use super::client::{Client, Route};
use super::entry::Entry;
use super::language::Language;
use super::region::Service;
use super::trust::{self, Trust};
use super::{Cloud, Iam, Project};
use crate::{ConfigError, Credentials, Endpoint};

/// The settings of a [`Cloud`].
#[derive(Debug)]
#[must_use]
pub struct CloudBuilder {
    endpoint: Endpoint,
    service: Service,
    project: Project,
    iam: Option<Endpoint>,
    credentials: Credentials,
    language: Language,
    request_timeout: Duration,
    route: Route,
    roots: Vec<CertificateDer<'static>>,
}

impl CloudBuilder {
    pub(super) fn new(endpoint: Endpoint, project: Project, credentials: Credentials) -> Self {
        Self {
            endpoint,
            service: Service::default(),
            project,
            iam: None,
            credentials,
            language: Language::default(),
            request_timeout: Duration::from_secs(10),
            route: Route::ProxyOfTheEnvironment,
            roots: Vec::new(),
        }
    }

    /// Which service answers. Default: TaurusDB.
    pub fn service(mut self, service: Service) -> Self {
        self.service = service;
        self
    }

    /// Where IAM is: for a password, and for a project by name. A `/v3` at the end is as good as none.
    pub fn iam(mut self, endpoint: Endpoint) -> Self {
        self.iam = Some(endpoint.without_version());
        self
    }

    /// Whether IAM is asked: for a token, or for the project's ID.
    #[must_use]
    pub fn needs_iam(&self) -> bool {
        self.credentials.need_iam() || matches!(self.project, Project::Named(_))
    }

    /// The language of names and reasons. Default: English.
    pub fn language(mut self, language: Language) -> Self {
        self.language = language;
        self
    }

    /// How long one request may take, connection included. Default: 10 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Connects straight, whatever `HTTPS_PROXY` and its like say. What stays on this machine is sent to no proxy
    /// anyway.
    pub fn without_proxy(mut self) -> Self {
        self.route = Route::Direct;
        self
    }

    /// Trusts the certificates in this PEM text as well as the system's.
    ///
    /// # Errors
    ///
    /// When it is not PEM, or holds no certificate that can be a root.
    pub fn trust(mut self, pem: &[u8]) -> Result<Self, ConfigError> {
        self.roots.extend(trust::certificates(pem)?);
        Ok(self)
    }

    /// Sends nothing yet.
    ///
    /// # Errors
    ///
    /// When there are no trust roots for `https`, IAM is needed and its endpoint is not known, or the proxy variable
    /// that counts cannot be read.
    pub fn build(self) -> Result<Cloud, ConfigError> {
        let iam = match (self.needs_iam(), self.iam) {
            (true, None) => {
                return Err(ConfigError::new(
                    "a password, or a project without an ID, needs IAM, and where that is is not known",
                ));
            }
            (true, Some(endpoint)) => Some(endpoint),
            (false, _) => None,
        };
        let trust = if self.endpoint.is_https() || iam.as_ref().is_some_and(Endpoint::is_https) {
            Trust::SystemAnd(self.roots)
        } else {
            Trust::Nobody
        };
        // A proxy would read the token of what stays on this machine: each host has its own way.
        let route = |endpoint: &Endpoint| if endpoint.is_loopback() { Route::Direct } else { self.route };
        let client = Client::new(self.request_timeout, route(&self.endpoint), &trust)?;
        let iam = match iam {
            Some(endpoint) if route(&endpoint) == route(&self.endpoint) => {
                Some(Iam { client: client.clone(), endpoint })
            }
            Some(endpoint) => {
                let client = Client::new(self.request_timeout, route(&endpoint), &trust)?;
                Some(Iam { client, endpoint })
            }
            None => None,
        };
        let headers = [
            (ACCEPT, "application/json"),
            // The SDKs send it with this GET as well.
            (CONTENT_TYPE, "application/json"),
            (HeaderName::from_static("x-language"), self.language.as_str()),
        ];
        debug!(endpoint = %self.endpoint, credentials = %self.credentials, "made");
        Ok(Cloud {
            client,
            endpoint: self.endpoint,
            service: self.service,
            project: self.project,
            found: OnceLock::new(),
            iam,
            credentials: self.credentials,
            signing_in: Mutex::new(()),
            entry: Entry::default(),
            headers: headers
                .into_iter()
                .map(|(name, value)| (name, HeaderValue::from_static(value)))
                .collect(),
        })
    }
}
