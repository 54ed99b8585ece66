//! The jobs endpoint of a project. One poll is one request.

mod builder;
mod list;
mod projects;
mod response;

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, OnceLock};

use reqwest::header::HeaderMap;
use reqwest::{Method, Request, Url};
use tracing::{debug, trace};

pub use self::builder::CloudBuilder;
pub use self::list::{TaskFilter, TaskList, TaskSearch};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use self::response::classify_anything;
use crate::auth::{Credentials, Generation, Iam, IdOrName, Scope, no_iam};
use crate::endpoint::Endpoint;
use crate::fault::{Fault, FaultKind};
use crate::http::client::Client;
use crate::http::meter::Meter;
use crate::http::{Response, wall_clock};
use crate::id::{JobId, ProjectId};
use crate::job::Job;
use crate::limiter::Limiter;
use crate::probe::{Observation, Probe};
use crate::service::Service;
use crate::text::{safe, without_needless_escapes};

/// The jobs endpoint of one project, with credentials.
///
/// It keeps its connections, so that a poll is one request on an open connection. One `Cloud` serves
/// any number of tasks.
///
/// ```
/// use jobwait::{Cloud, Credentials, Endpoint, ProjectId};
///
/// let endpoint = Endpoint::parse("https://gaussdb.cn-north-4.myhuaweicloud.com")?;
/// let project = ProjectId::parse("054e292c9880d4992f02c0196d3ea468")?;
/// let cloud = Cloud::builder(endpoint, project, Credentials::token("a-token")?);
/// # Ok::<(), jobwait::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct Cloud {
    client: Client,
    endpoint: Endpoint,
    service: Service,
    project: Project,
    /// The ID of a project that is configured by name, once IAM has answered.
    resolved_project: OnceLock<ProjectId>,
    iam: Option<Iam>,
    credentials: Credentials,
    headers: HeaderMap,
    limiter: Option<Limiter>,
}

/// A project, by ID or by name. The default project of a region has the name of the region.
///
/// ```
/// use jobwait::Project;
///
/// let project = Project::Name("cn-north-4".into());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Project {
    /// A project by ID.
    Id(ProjectId),
    /// A project by name. IAM is asked for the ID before the first poll.
    Name(String),
}

impl From<ProjectId> for Project {
    fn from(id: ProjectId) -> Self {
        Self::Id(id)
    }
}

#[expect(clippy::result_large_err, reason = "the error is the observation of a poll")]
impl Cloud {
    /// Configures the jobs endpoint of `project` at `endpoint`, with `credentials`.
    pub fn builder(
        endpoint: Endpoint,
        project: impl Into<Project>,
        credentials: Credentials,
    ) -> CloudBuilder {
        CloudBuilder::new(endpoint, project.into(), credentials)
    }

    /// The limiter of the requests, if one is set.
    #[must_use]
    pub fn limiter(&self) -> Option<&Limiter> {
        self.limiter.as_ref()
    }

    /// A probe for a task.
    #[must_use]
    pub fn job<'a>(&'a self, id: &'a JobId) -> JobProbe<'a> {
        JobProbe { cloud: self, id, meter: Meter::new(self.limiter.clone()) }
    }

    /// Obtains the credentials now rather than with the first poll: a token for a password, or
    /// the keys of an agency.
    ///
    /// # Errors
    ///
    /// The [`Fault`] that kept it from obtaining them.
    pub async fn sign_in(&self) -> Result<(), Fault> {
        match self.refresh_credentials(&Meter::new(self.limiter.clone())).await {
            Ok(()) | Err(Observation::Seen(_)) => Ok(()),
            Err(
                Observation::Transient { fault, .. }
                | Observation::Permanent(fault)
                | Observation::NotVisible(fault),
            ) => Err(fault),
        }
    }

    async fn refresh_credentials(&self, meter: &Meter) -> Result<(), Observation> {
        let scope = || {
            Scope::Project(match (&self.project, self.resolved_project.get()) {
                (Project::Id(id), _) | (_, Some(id)) => IdOrName::Id(id.to_string()),
                (Project::Name(name), None) => IdOrName::Name(name.clone()),
            })
        };
        if let Some(id) = self.credentials.refresh_if_due(self.iam.as_ref(), &scope, meter).await? {
            // If it is set already, it is the same project.
            let _ = self.resolved_project.set(id);
        }
        Ok(())
    }

    /// Sends a GET request, and returns what `classify` makes of the response, with the generation of the
    /// credentials.
    ///
    /// # Errors
    ///
    /// The observation of a request that could not be sent for lack of credentials.
    async fn attempt<T>(
        &self,
        url: impl Fn(&ProjectId) -> Url,
        classify: impl Fn(&Response) -> Result<T, Observation>,
        meter: &Meter,
    ) -> Result<(Result<T, Observation>, Generation), Observation> {
        self.refresh_credentials(meter).await?;
        let Some(trial) = self.credentials.start_trial().await? else {
            return self.attempt_now(url, classify, meter).await;
        };
        let attempt = self.attempt_now(url, classify, meter).await;
        if let Ok((result, _)) = &attempt {
            trial.end(result);
        }
        attempt
    }

    /// Sends a GET request with the credentials that are active.
    async fn attempt_now<T>(
        &self,
        url: impl Fn(&ProjectId) -> Url,
        classify: impl Fn(&Response) -> Result<T, Observation>,
        meter: &Meter,
    ) -> Result<(Result<T, Observation>, Generation), Observation> {
        let generation = self.credentials.generation();
        let project = match self.project(meter).await {
            Ok(project) => project,
            Err(observation) => return Ok((Err(observation), generation)),
        };
        // Another poll may have been refused while IAM was asked for the project.
        if self.credentials.are_missing() {
            self.refresh_credentials(meter).await?;
        }
        let mut request = Request::new(Method::GET, url(project));
        request.headers_mut().extend(self.headers.clone());
        let generation = self.credentials.authorize(&mut request, Some(project), wall_clock());

        debug!(method = %request.method(), url = %request.url(), "polling");
        let response = self.client.send(request, meter).await;
        Ok((response.and_then(|response| classify(&response)), generation))
    }

    /// Sends a GET request, and once more with other credentials if these are refused and there are others.
    ///
    /// # Errors
    ///
    /// The observation of a request without the requested response, without secrets.
    async fn send<T>(
        &self,
        url: impl Fn(&ProjectId) -> Url,
        classify: impl Fn(&Response) -> Result<T, Observation>,
        meter: &Meter,
    ) -> Result<T, Observation> {
        let first = self.attempt(&url, &classify, meter).await;
        let result = match first {
            Ok((Err(Observation::Permanent(fault)), refused))
                if fault.kind == FaultKind::Unauthenticated && self.credentials.renew(refused).await =>
            {
                debug!("the credentials were refused; polling with renewed ones");
                let retried = self.attempt(&url, &classify, meter).await;
                retried.and_then(|(result, _)| result)
            }
            first => first.and_then(|(result, _)| result),
        };
        result.map_err(|observation| self.credentials.redact_observation(observation))
    }

    /// Polls a task.
    ///
    /// # Errors
    ///
    /// The observation of a poll that did not see the task.
    async fn poll(&self, id: &JobId, meter: &Meter) -> Result<Job, Observation> {
        let url = |project: &ProjectId| {
            let mut url = self.endpoint.jobs(project);
            url.query_pairs_mut().append_pair("id", id.as_str());
            url
        };
        let classify = |response: &Response| response::classify(response, id, self.service).into_job();
        let observation = match self.send(url, classify, meter).await {
            Ok(job) => self.credentials.redact_observation(Observation::Seen(job)),
            Err(observation) => observation,
        };
        self.log(&observation);
        observation.into_job()
    }

    fn log(&self, observation: &Observation) {
        match observation {
            Observation::Seen(job) => {
                debug!(status = %safe(job.status().as_str(), 60), "seen");
                if tracing::enabled!(tracing::Level::TRACE) {
                    let job = self.credentials.redact(&without_needless_escapes(job.as_json()));
                    trace!(job = %safe(&job, 4096), "seen");
                }
            }
            // Other responses may contain anything, so only what was understood is logged.
            Observation::NotVisible(fault)
            | Observation::Permanent(fault)
            | Observation::Transient { fault, .. } => {
                debug!(
                    status = fault.http_status,
                    kind = %fault.kind,
                    message = %safe(&fault.message, 500),
                    code = %safe(fault.error_code.as_deref().unwrap_or_default(), 60),
                    request_id = %safe(fault.request_id.as_deref().unwrap_or_default(), 100),
                    "not seen"
                );
            }
        }
    }

    async fn project(&self, meter: &Meter) -> Result<&ProjectId, Observation> {
        match (&self.project, self.resolved_project.get()) {
            (Project::Id(id), _) | (_, Some(id)) => Ok(id),
            (Project::Name(name), None) => {
                let iam = self.iam.as_ref().ok_or_else(no_iam)?;
                debug!(name = %safe(name, 60), "asking IAM for the project");
                let find = || projects::find(iam, name, &self.credentials, meter, wall_clock());
                let mut found = find().await;
                if iam.changes_host(&found) {
                    found = find().await;
                }
                let id = found
                    .map_err(|observation| self.credentials.redact_observation(observation))
                    // All tasks need the same project.
                    .inspect_err(|observation| self.credentials.guard().record_exchange(observation))?;
                debug!(%id, "found the project");
                Ok(self.resolved_project.get_or_init(|| id))
            }
        }
    }
}

/// The probe for one task of a [`Cloud`].
///
/// ```no_run
/// # async fn example(cloud: jobwait::Cloud, id: jobwait::JobId) {
/// let verdict = jobwait::Wait::new().run(&mut cloud.job(&id), |_| {}).await;
/// # }
/// ```
#[derive(Debug)]
pub struct JobProbe<'a> {
    cloud: &'a Cloud,
    id: &'a JobId,
    meter: Meter,
}

impl JobProbe<'_> {
    /// Counts the requests in `requests` as they are sent, so that the number is known during a poll and
    /// after one that was abandoned.
    #[must_use]
    pub fn count_in(mut self, requests: Arc<AtomicU32>) -> Self {
        self.meter.count_in(requests);
        self
    }
}

impl Probe for JobProbe<'_> {
    /// Polls once. A sign-in that was refused is not repeated, and credentials that were refused for
    /// good are not sent again.
    async fn poll(&mut self) -> Observation {
        let poll = async || {
            self.meter.start_poll();
            self.cloud.poll(self.id, &self.meter).await
        };
        let seen = self.cloud.credentials.guard().watch(poll).await;
        seen.map_or_else(|observation| observation, Observation::Seen)
    }

    fn requests(&self) -> Option<u32> {
        Some(self.meter.requests())
    }
}
