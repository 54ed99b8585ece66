//! The TaurusDB probe: one look is one request to the jobs endpoint.

mod client;
pub(crate) mod endpoint;
mod iam;
mod judge;
mod metadata;
pub(crate) mod region;
mod resolver;
mod trust;

use std::str::FromStr;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request};
use rustls::pki_types::CertificateDer;
use tokio::sync::Mutex;
use tracing::{debug, trace};

use self::client::{Client, Route, wall_clock};
use self::region::Service;
use self::trust::Trust;
use crate::credentials::{Named, Need};
use crate::text::safe;
use crate::{ConfigError, Credentials, Endpoint, Fault, FaultKind, JobId, Probe, ProjectId, Sighting};

/// The jobs endpoint of one project, as somebody.
///
/// It keeps its connections, so that a poll is one request on one of them. One `Cloud` serves any number of
/// tasks.
#[derive(Debug)]
pub struct Cloud {
    client: Client,
    endpoint: Endpoint,
    service: Service,
    project: Project,
    /// The project's ID, once IAM has told it.
    found: OnceLock<ProjectId>,
    iam: Option<Endpoint>,
    credentials: Credentials,
    /// Held by whoever signs in, so that others wait for what comes of it.
    signing_in: Mutex<()>,
    headers: HeaderMap,
}

/// A project: by ID, or by the name under which IAM knows it, which is the region's for a region's default
/// project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Project {
    /// By ID.
    Id(ProjectId),
    /// By name. IAM is asked for the ID before the first look.
    Named(String),
}

impl From<ProjectId> for Project {
    fn from(id: ProjectId) -> Self {
        Self::Id(id)
    }
}

impl Cloud {
    /// The jobs endpoint of `project` at `endpoint`, with `credentials`.
    pub fn builder(
        endpoint: Endpoint,
        project: impl Into<Project>,
        credentials: Credentials,
    ) -> CloudBuilder {
        CloudBuilder {
            endpoint,
            service: Service::default(),
            project: project.into(),
            iam: None,
            credentials,
            language: Language::default(),
            request_timeout: Duration::from_secs(10),
            route: Route::ProxyOfTheEnvironment,
            roots: Vec::new(),
        }
    }

    /// What looks at this task.
    #[must_use]
    pub fn job<'a>(&'a self, id: &'a JobId) -> JobProbe<'a> {
        JobProbe { cloud: self, id }
    }

    /// What the service says of the task; or, as an error, why there is nothing to ask it with.
    async fn ask(&self, id: &JobId) -> Result<Sighting, Sighting> {
        self.sign_in().await?;
        let project = match self.project().await {
            Ok(project) => project,
            Err(sighting) => return Ok(sighting),
        };
        let mut url = self.endpoint.jobs(project);
        url.query_pairs_mut().append_pair("id", id.as_str());
        let mut request = Request::new(Method::GET, url);
        request.headers_mut().extend(self.headers.clone());
        self.credentials.authorize(&mut request, Some(project), wall_clock());

        debug!(method = %request.method(), url = %request.url(), "asking");
        let answer = match self.client.send(request).await {
            Ok(answer) => answer,
            Err(sighting) => {
                debug!(sighting = self.shown(&format!("{sighting:?}"), 500), "no answer");
                return Ok(sighting);
            }
        };
        trace!(body = self.shown(&String::from_utf8_lossy(&answer.body), 4096), "body");
        let sighting = judge::judge(&answer, id, self.service);
        debug!(
            status = answer.status,
            request_id = judge::request_id(&answer.headers).map(|id| self.shown(&id, 100)),
            sighting = self.shown(&format!("{sighting:?}"), 500),
            "answered"
        );
        Ok(sighting)
    }

    /// Sees to what the credentials need. What is held still is used when nothing fresh can be had.
    async fn sign_in(&self) -> Result<(), Sighting> {
        if matches!(self.credentials.need(wall_clock()), Need::Nothing) {
            return Ok(());
        }
        let _turn = self.signing_in.lock().await;
        let fresh = match self.credentials.need(wall_clock()) {
            Need::Nothing => return Ok(()),
            Need::SignIn(login) => {
                let project = match (&self.project, self.found.get()) {
                    (Project::Id(id), _) | (_, Some(id)) => Named::Id(id.to_string()),
                    (Project::Named(name), None) => Named::Name(name.clone()),
                };
                debug!(user = ?login, "signing in");
                iam::sign_in(&self.client, self.iam().map_err(Sighting::Permanent)?, login, &project)
                    .await
                    .map(|signed_in| {
                        // Set already is as good: it is the same project.
                        signed_in.project.map(|id| self.found.set(id));
                        signed_in.held
                    })
            }
            Need::AgencyKeys(metadata) => {
                debug!("asking the ECS metadata service for keys");
                metadata::keys(metadata).await
            }
        };
        match fresh {
            Ok(held) => self.credentials.hold(held),
            Err(sighting) if self.credentials.holds() => {
                debug!(sighting = self.shown(&format!("{sighting:?}"), 500), "going on with what is held");
            }
            Err(sighting) => return Err(sighting),
        }
        Ok(())
    }

    async fn project(&self) -> Result<&ProjectId, Sighting> {
        match (&self.project, self.found.get()) {
            (Project::Id(id), _) | (_, Some(id)) => Ok(id),
            (Project::Named(name), None) => {
                debug!(name = %safe(name, 60), "asking for the project");
                let id = iam::project(
                    &self.client,
                    self.iam().map_err(Sighting::Permanent)?,
                    name,
                    &self.credentials,
                    wall_clock(),
                )
                .await?;
                debug!(%id, "the project");
                Ok(self.found.get_or_init(|| id))
            }
        }
    }

    /// A sighting whose fault repeats no secret.
    fn redacted(&self, sighting: Sighting) -> Sighting {
        let redact = |text: String| self.credentials.redact(&text);
        let fault = |fault: Fault| Fault {
            message: redact(fault.message),
            error_code: fault.error_code.map(redact),
            request_id: fault.request_id.map(redact),
            ..fault
        };
        match sighting {
            Sighting::Transient { fault: of, retry_after } => {
                Sighting::Transient { fault: fault(of), retry_after }
            }
            Sighting::Permanent(of) => Sighting::Permanent(fault(of)),
            Sighting::NotVisible(of) => Sighting::NotVisible(fault(of)),
            Sighting::Seen(job) => Sighting::Seen(job),
        }
    }

    /// A text of the service, for logs.
    fn shown(&self, text: &str, longest: usize) -> String {
        safe(&self.credentials.redact(text), longest).to_string()
    }

    /// The builder has seen to it that there is one where it is needed.
    fn iam(&self) -> Result<&Endpoint, Fault> {
        self.iam.as_ref().ok_or_else(|| Fault::new(FaultKind::BadRequest, "IAM has no endpoint"))
    }
}

/// Looks at one task of a [`Cloud`].
#[derive(Debug)]
pub struct JobProbe<'a> {
    cloud: &'a Cloud,
    id: &'a JobId,
}

impl Probe for JobProbe<'_> {
    async fn look(&mut self) -> Sighting {
        let sighting = self.look_as_somebody().await;
        self.cloud.redacted(sighting)
    }
}

impl JobProbe<'_> {
    /// Asks once; and once more with other credentials when these are refused and there are others. A sign-in
    /// that is refused is not repeated: accounts are locked after some.
    async fn look_as_somebody(&self) -> Sighting {
        match self.cloud.ask(self.id).await {
            Ok(Sighting::Permanent(fault))
                if fault.kind == FaultKind::Unauthenticated && self.cloud.credentials.renew().await =>
            {
                debug!("the credentials were refused and are renewed");
                self.cloud.ask(self.id).await.unwrap_or_else(|sighting| sighting)
            }
            Ok(sighting) | Err(sighting) => sighting,
        }
    }
}

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
    /// Which service answers. Default: TaurusDB.
    pub fn service(mut self, service: Service) -> Self {
        self.service = service;
        self
    }

    /// Where IAM is: for a password, and for a project by name.
    pub fn iam(mut self, endpoint: Endpoint) -> Self {
        self.iam = Some(endpoint);
        self
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

    /// Connects straight to the endpoint, whatever `HTTPS_PROXY` and its like say.
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
    /// When there are no trust roots for `https`, IAM is needed and its endpoint is not known, or a proxy variable
    /// cannot be read.
    pub fn build(self) -> Result<Cloud, ConfigError> {
        let needs_iam = self.credentials.need_iam() || matches!(self.project, Project::Named(_));
        if needs_iam && self.iam.is_none() {
            return Err(ConfigError::new(
                "a password, or a project without an ID, needs IAM, and where that is is not known",
            ));
        }
        let iam = self.iam.filter(|_| needs_iam);
        let trust = if self.endpoint.is_https() || iam.as_ref().is_some_and(Endpoint::is_https) {
            Trust::SystemAnd(self.roots)
        } else {
            Trust::Nobody
        };
        let headers = [
            (ACCEPT, "application/json"),
            // The SDKs send it with this GET as well.
            (CONTENT_TYPE, "application/json"),
            (HeaderName::from_static("x-language"), self.language.as_str()),
        ];
        // What stays on this machine has no business with a proxy: that would read the token.
        let stays_here = self.endpoint.is_loopback() && iam.as_ref().is_none_or(Endpoint::is_loopback);
        let route = if stays_here { Route::Direct } else { self.route };
        debug!(endpoint = %self.endpoint, credentials = %self.credentials, "made");
        Ok(Cloud {
            client: Client::new(self.request_timeout, route, &trust)?,
            endpoint: self.endpoint,
            service: self.service,
            project: self.project,
            found: OnceLock::new(),
            iam,
            credentials: self.credentials,
            signing_in: Mutex::new(()),
            headers: headers
                .into_iter()
                .map(|(name, value)| (name, HeaderValue::from_static(value)))
                .collect(),
        })
    }
}

impl Credentials {
    /// The temporary keys of the agency of the ECS instance that this runs on. They are asked for now, to know
    /// whether there are any, and renewed before they expire. `metadata` is the address of the metadata service.
    ///
    /// # Errors
    ///
    /// When this is no ECS instance, or it has no agency.
    pub async fn of_the_agency(metadata: Endpoint) -> Result<Self, Fault> {
        match metadata::keys(&metadata).await {
            Ok(held) => {
                let credentials = Self::agency(metadata);
                credentials.hold(held);
                Ok(credentials)
            }
            Err(Sighting::Transient { fault, .. } | Sighting::Permanent(fault)) => Err(fault),
            Err(_) => Err(Fault::new(FaultKind::Unreadable, "the metadata service answered about a task")),
        }
    }
}

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
