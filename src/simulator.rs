//! An embedded service for tests, on loopback, with the endpoints that a wait uses.
//!
//! The service responds as TaurusDB does. A new ID is unknown for a while. Waits, hooks and pipelines can be
//! tested with it without a cloud.
//!
//! | request | response |
//! | --- | --- |
//! | `POST /v3/{project}/instances` | 202, `instance` and `job_id` |
//! | `POST /v3/{project}/instances/{instance}/restart` | 202, `job_id`; with `{"delay": true}` scheduled |
//! | `DELETE /v3/{project}/instances/{instance}` | 202, `job_id` |
//! | `GET /v3/{project}/jobs?id={job}` | 200, `job`; 400 `DBS.200543` when the task is unknown or too new |
//! | `GET /v3/{project}/immediate-jobs` | 200, `jobs` and `total_count` |
//! | `GET /v3/{project}/scheduled-jobs` | 200, `schedules` and `total_count` |
//! | `POST /v3/auth/tokens` | 201, a token for a password |
//! | `POST /v3.0/OS-AUTH/id-token/tokens` | 201, a token for the ID token of an identity provider |
//! | `POST /v3.0/OS-CREDENTIAL/securitytokens` | 201, temporary keys of an agency |
//! | `GET /v3/projects?name={name}` | 200, one project of this name; the agency's account has its own |
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use jobwait::simulator::Simulator;
//! use jobwait::{Cloud, Credentials, Outcome, Pace, ProjectId, Wait};
//!
//! let service = Simulator::new()
//!     .appear_after(Duration::from_millis(50))
//!     .duration(Duration::from_millis(100))
//!     .start("127.0.0.1:0".parse()?)
//!     .await?;
//! let project = ProjectId::parse("0123456789abcdef0123456789abcdef")?;
//! let job = service.create_instance(&project);
//!
//! let credentials = Credentials::token("any")?;
//! let cloud = Cloud::builder(service.endpoint(), project, credentials).without_proxy().build()?;
//! let pace = Pace::new(Duration::from_millis(20), Duration::from_millis(20))?;
//! let verdict = Wait::new().pace(pace).run(&mut cloud.job(&job), |_| {}).await;
//! assert_eq!(verdict.outcome, Outcome::Completed);
//! # Ok(())
//! # }
//! ```

mod auth;
mod lists;
mod quota;
mod routes;
mod server;
mod tasks;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use self::auth::Accepted;
use self::auth::Authenticator;
use self::quota::Quota;
use self::routes::Routes;
use self::server::Server;
use self::tasks::Tasks;
use crate::endpoint::Endpoint;
use crate::error::ConfigError;
use crate::id::{JobId, ProjectId};
use crate::limiter::RateLimit;

/// The settings of a simulated service and its tasks.
#[derive(Debug, Clone)]
#[must_use]
pub struct Simulator {
    duration: Duration,
    appear_after: Duration,
    fail_reason: Option<String>,
    accepted: Option<Accepted>,
    token_life: Duration,
    quota: Option<RateLimit>,
    list_lag: Duration,
}

impl Default for Simulator {
    fn default() -> Self {
        Self::new()
    }
}

impl Simulator {
    /// Settings for tasks that are unknown for 3 s, then run for 30 s, and complete.
    pub fn new() -> Self {
        Self {
            duration: Duration::from_secs(30),
            appear_after: Duration::from_secs(3),
            fail_reason: None,
            accepted: None,
            token_life: Duration::from_secs(24 * 60 * 60),
            quota: None,
            list_lag: Duration::ZERO,
        }
    }

    /// Sets the time from a task's first appearance to its end. Default: 30 s.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// Sets the time for which a new task's ID is unknown. Default: 3 s.
    pub fn appear_after(mut self, delay: Duration) -> Self {
        self.appear_after = delay;
        self
    }

    /// Makes tasks fail with this reason, at 60 % of the duration.
    pub fn fail_reason(mut self, reason: impl Into<String>) -> Self {
        self.fail_reason = Some(reason.into());
        self
    }

    /// Accepts only requests with this token, with a signature by this key, or with a token for this
    /// password. By default, all requests are accepted.
    pub fn require_auth(mut self, accepted: Accepted) -> Self {
        self.accepted = Some(accepted);
        self
    }

    /// Sets the lifetime of the tokens and of the temporary keys that are issued. Default: 24 h.
    pub fn token_life(mut self, life: Duration) -> Self {
        self.token_life = life;
        self
    }

    /// Refuses requests beyond this number in any window, with a 429 in the service's words. Refused requests
    /// count, too. By default, there is no quota.
    pub fn quota(mut self, quota: RateLimit) -> Self {
        self.quota = Some(quota);
        self
    }

    /// Sets the age of the state that the lists of tasks show. Default: none, the current state.
    pub fn list_lag(mut self, lag: Duration) -> Self {
        self.list_lag = lag;
        self
    }

    /// Starts the service on `listen`, in tasks of the current tokio runtime. Dropping the service stops it.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] when `listen` is not a loopback address, and any error of listening on
    /// it.
    pub async fn start(self, listen: SocketAddr) -> io::Result<Service> {
        if !listen.ip().is_loopback() {
            let error = ConfigError::invalid("address", listen, "not a loopback address");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        }
        let authenticator = Authenticator::new(self.accepted.clone(), self.token_life);
        let quota = Quota::new(self.quota);
        let routes = Arc::new(Routes { tasks: Tasks::new(self), authenticator, quota });
        let server = Server::start(listen, Arc::clone(&routes)).await?;
        Ok(Service { routes, server })
    }
}

/// A running simulated service. Dropping the service stops it.
#[derive(Debug)]
pub struct Service {
    routes: Arc<Routes>,
    server: Server,
}

impl Service {
    /// The address that the service listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The address that the service listens on, as an endpoint for a [`Cloud`](crate::Cloud).
    ///
    /// # Panics
    ///
    /// Never: a loopback address is a valid endpoint.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::parse(&format!("http://{}", self.address())).expect("a loopback address is an endpoint")
    }

    /// Starts a task that creates an instance, as `POST /v3/{project}/instances` does.
    #[must_use]
    pub fn create_instance(&self, project: &ProjectId) -> JobId {
        let (job, _) = self.routes.tasks.create(project.as_str(), tasks::Kind::Create, None);
        JobId::parse(&job).unwrap_or_else(|_| unreachable!("simulated IDs are UUIDs"))
    }
}
