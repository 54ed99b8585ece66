//! The TaurusDB probe: one look is one request to the jobs endpoint.

mod client;
pub(crate) mod endpoint;
mod judge;
mod resolver;

use std::str::FromStr;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};
use tracing::{debug, trace};

use self::client::{Client, Route};
use crate::text::safe;
use crate::{ConfigError, Credentials, Endpoint, FaultKind, JobId, Probe, ProjectId, Sighting};

/// The jobs endpoint of one project, as somebody.
///
/// It keeps its connections, so that a poll is one request on one of them. One `Cloud` serves any number of
/// tasks.
#[derive(Debug)]
pub struct Cloud {
    client: Client,
    jobs: Url,
    credentials: Credentials,
    headers: HeaderMap,
}

impl Cloud {
    /// The jobs endpoint of `project` at `endpoint`, with `credentials`.
    pub fn builder(endpoint: Endpoint, project: ProjectId, credentials: Credentials) -> CloudBuilder {
        CloudBuilder {
            endpoint,
            project,
            credentials,
            language: Language::default(),
            request_timeout: Duration::from_secs(10),
            route: Route::ProxyOfTheEnvironment,
        }
    }

    /// What looks at this task.
    #[must_use]
    pub fn job<'a>(&'a self, id: &'a JobId) -> JobProbe<'a> {
        JobProbe { cloud: self, id }
    }

    async fn ask(&self, id: &JobId) -> Sighting {
        let mut url = self.jobs.clone();
        url.query_pairs_mut().append_pair("id", id.as_str());
        let mut request = Request::new(Method::GET, url);
        request.headers_mut().extend(self.headers.clone());
        self.credentials.authorize(&mut request);

        debug!(method = %request.method(), url = %request.url(), "asking");
        let answer = match self.client.send(request).await {
            Ok(answer) => answer,
            Err(sighting) => {
                debug!(?sighting, "no answer");
                return sighting;
            }
        };
        trace!(body = %safe(&String::from_utf8_lossy(&answer.body), 4096), "body");
        let sighting = judge::judge(&answer, id);
        debug!(
            status = answer.status,
            request_id = judge::request_id(&answer.headers).map(|id| safe(&id, 100).to_string()),
            sighting = %safe(&format!("{sighting:?}"), 500),
            "answered"
        );
        sighting
    }
}

/// Looks at one task of a [`Cloud`].
#[derive(Debug)]
pub struct JobProbe<'a> {
    cloud: &'a Cloud,
    id: &'a JobId,
}

impl Probe for JobProbe<'_> {
    /// Asks once; and once more with other credentials when these are refused and there are others.
    async fn look(&mut self) -> Sighting {
        let sighting = self.cloud.ask(self.id).await;
        match &sighting {
            Sighting::Permanent(fault)
                if fault.kind == FaultKind::Unauthenticated && self.cloud.credentials.renew().await =>
            {
                debug!("the credentials were refused and have been renewed");
                self.cloud.ask(self.id).await
            }
            _ => sighting,
        }
    }
}

/// The settings of a [`Cloud`].
#[derive(Debug)]
#[must_use]
pub struct CloudBuilder {
    endpoint: Endpoint,
    project: ProjectId,
    credentials: Credentials,
    language: Language,
    request_timeout: Duration,
    route: Route,
}

impl CloudBuilder {
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

    /// Sends nothing yet.
    ///
    /// # Errors
    ///
    /// When there are no trust roots for `https`, or a proxy variable cannot be read.
    pub fn build(self) -> Result<Cloud, ConfigError> {
        let headers = [
            (ACCEPT, "application/json"),
            // The SDKs send it with this GET as well.
            (CONTENT_TYPE, "application/json"),
            (HeaderName::from_static("x-language"), self.language.as_str()),
        ];
        Ok(Cloud {
            client: Client::new(&self.endpoint, self.request_timeout, self.route)?,
            jobs: self.endpoint.jobs(&self.project),
            credentials: self.credentials,
            headers: headers
                .into_iter()
                .map(|(name, value)| (name, HeaderValue::from_static(value)))
                .collect(),
        })
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
