//! The TaurusDB probe: one look is one request to the jobs endpoint.

pub(crate) mod builder;
mod client;
pub(crate) mod endpoint;
mod entry;
mod iam;
pub(crate) mod judge;
pub(crate) mod language;
mod metadata;
pub(crate) mod region;
mod resolver;
mod trust;

use std::sync::OnceLock;

use jiff::SignedDuration;
use reqwest::header::HeaderMap;
use reqwest::{Method, Request};
use tokio::sync::Mutex;
use tracing::{debug, trace};

use self::builder::CloudBuilder;
use self::client::{Client, wall_clock};
use self::entry::Entry;
use self::region::Service;
use crate::credentials::{Named, Need, Sent};
use crate::text::safe;
use crate::{Asked, Credentials, Endpoint, Fault, FaultKind, JobId, Probe, ProjectId, Sighting};

/// When renewing what still holds has failed, it is tried again after this.
const RENEW_AGAIN: SignedDuration = SignedDuration::from_secs(60);

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
    iam: Option<Iam>,
    credentials: Credentials,
    /// Held by whoever signs in, so that others wait for what comes of it.
    signing_in: Mutex<()>,
    entry: Entry,
    headers: HeaderMap,
}

/// Where IAM is, and the way there: a proxy may be on it that is not on the way to the service.
#[derive(Debug)]
struct Iam {
    client: Client,
    endpoint: Endpoint,
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
        CloudBuilder::new(endpoint, project.into(), credentials)
    }

    /// What looks at this task.
    #[must_use]
    pub fn job<'a>(&'a self, id: &'a JobId) -> JobProbe<'a> {
        JobProbe { cloud: self, id }
    }

    /// What the service says of the task, and with which credentials it was asked; or, as an error, why there is nothing to ask
    /// it with.
    async fn ask(&self, id: &JobId) -> Result<(Sighting, Sent), Sighting> {
        self.sign_in().await?;
        let sent = self.credentials.current();
        let project = match self.project().await {
            Ok(project) => project,
            Err(sighting) => return Ok((sighting, sent)),
        };
        // Somebody else may have been refused while the project was asked for.
        if self.credentials.are_none() {
            self.sign_in().await?;
        }
        let mut url = self.endpoint.jobs(project);
        url.query_pairs_mut().append_pair("id", id.as_str());
        let mut request = Request::new(Method::GET, url);
        request.headers_mut().extend(self.headers.clone());
        let sent = self.credentials.authorize(&mut request, Some(project), wall_clock());

        debug!(method = %request.method(), url = %request.url(), "asking");
        let sighting = match self.client.send(request).await {
            Ok(answer) => judge::judge(&answer, id, self.service),
            Err(sighting) => sighting,
        };
        let sighting = self.redacted(sighting);
        match &sighting {
            // Of other answers only what is made of them is told: they may hold anything.
            Sighting::Seen(job) => {
                debug!(status = %safe(job.status().as_str(), 60), "seen");
                trace!(job = %safe(&self.credentials.redact(job.as_json()), 4096), "seen");
            }
            Sighting::NotVisible(fault) | Sighting::Permanent(fault) | Sighting::Transient { fault, .. } => {
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
        Ok((sighting, sent))
    }

    /// Sees to what the credentials need. What is held still is used when nothing fresh can be had.
    async fn sign_in(&self) -> Result<(), Sighting> {
        if matches!(self.credentials.need(wall_clock()), Need::Nothing) {
            return Ok(());
        }
        let _turn = self.signing_in.lock().await;
        // Those before may have been refused for good: an account, too, is locked after some.
        self.entry.refusal()?;
        let fresh = match self.credentials.need(wall_clock()) {
            Need::Nothing => return Ok(()),
            Need::SignIn(login) => {
                let project = match (&self.project, self.found.get()) {
                    (Project::Id(id), _) | (_, Some(id)) => Named::Id(id.to_string()),
                    (Project::Named(name), None) => Named::Name(name.clone()),
                };
                let iam = self.iam()?;
                debug!(user = %safe(&format!("{login:?}"), 200), "signing in");
                iam::sign_in(&iam.client, &iam.endpoint, login, &project).await.map(|signed_in| {
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
        let sighting = match fresh {
            Ok(held) => {
                self.credentials.hold(held);
                return Ok(());
            }
            Err(sighting) => self.redacted(sighting),
        };
        // A sign-in that is refused is not repeated while what is held still is let in: accounts are locked after some.
        let again = match &sighting {
            Sighting::Permanent(_) => None,
            _ => wall_clock().checked_add(RENEW_AGAIN).ok(),
        };
        if self.credentials.keep(again) {
            if let Sighting::Permanent(fault) | Sighting::Transient { fault, .. } = &sighting {
                debug!(message = %safe(&fault.message, 500), "going on with what is held");
            }
            return Ok(());
        }
        self.entry.heard(&sighting);
        Err(sighting)
    }

    async fn project(&self) -> Result<&ProjectId, Sighting> {
        match (&self.project, self.found.get()) {
            (Project::Id(id), _) | (_, Some(id)) => Ok(id),
            (Project::Named(name), None) => {
                let iam = self.iam()?;
                debug!(name = %safe(name, 60), "asking for the project");
                let id = iam::project(&iam.client, &iam.endpoint, name, &self.credentials, wall_clock())
                    .await
                    .map_err(|sighting| self.redacted(sighting))?;
                debug!(%id, "the project");
                Ok(self.found.get_or_init(|| id))
            }
        }
    }

    /// The builder has seen to it that there is one where it is needed.
    #[expect(clippy::result_large_err, reason = "a sighting is what a look ends with")]
    fn iam(&self) -> Result<&Iam, Sighting> {
        self.iam.as_ref().ok_or_else(|| {
            let fault = Fault::new(FaultKind::BadRequest, "where IAM is is not known");
            Sighting::Permanent(Fault { asked: Asked::Iam, ..fault })
        })
    }

    /// A sighting that repeats no secret, should a server have sent one back. The service's own job object is left as
    /// it is, for `json`.
    fn redacted(&self, sighting: Sighting) -> Sighting {
        let redact = |text: &str| self.credentials.redact(text);
        match sighting {
            Sighting::Seen(job) => Sighting::Seen(job.map_texts(redact)),
            other => other.map_fault(|fault| Fault {
                message: redact(&fault.message),
                error_code: fault.error_code.as_deref().map(redact),
                request_id: fault.request_id.as_deref().map(redact),
                ..fault
            }),
        }
    }
}

/// Looks at one task of a [`Cloud`].
#[derive(Debug)]
pub struct JobProbe<'a> {
    cloud: &'a Cloud,
    id: &'a JobId,
}

impl Probe for JobProbe<'_> {
    /// Asks once; and once more with other credentials when these are refused and there are others. A sign-in
    /// that is refused is not repeated, nor is a question with credentials that were refused for good.
    async fn look(&mut self) -> Sighting {
        let entry = &self.cloud.entry;
        let _turn = match entry.turn().await {
            Ok(turn) => turn,
            Err(sighting) => return sighting,
        };
        let sighting = self.ask().await;
        entry.heard(&sighting);
        sighting
    }
}

impl JobProbe<'_> {
    async fn ask(&self) -> Sighting {
        match self.cloud.ask(self.id).await {
            Ok((Sighting::Permanent(fault), sent))
                if fault.kind == FaultKind::Unauthenticated && self.cloud.credentials.renew(sent).await =>
            {
                debug!("the credentials were refused and are renewed");
                let again = self.cloud.ask(self.id).await;
                again.map_or_else(|sighting| sighting, |(sighting, _)| sighting)
            }
            Ok((sighting, _)) | Err(sighting) => sighting,
        }
    }
}
