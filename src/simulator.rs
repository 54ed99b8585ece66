//! The embedded service: the endpoints that a wait touches, on loopback.
//!
//! It answers as TaurusDB does, a new ID that is unknown for a while included, so that a wait, a hook or a
//! pipeline can be tried without a cloud.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /v3/{project}/instances` | 202, `instance` and `job_id` |
//! | `POST /v3/{project}/instances/{instance}/restart` | 202, `job_id` |
//! | `DELETE /v3/{project}/instances/{instance}` | 202, `job_id` |
//! | `GET /v3/{project}/jobs?id={job}` | 200, `job`; 400 `DBS.200543` when it is unknown or too new |
//! | `POST /v3/auth/tokens` | 201, a token for a password |
//! | `GET /v3/projects?name={name}` | 200, one project of this name |
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
//! let cloud = Cloud::builder(service.endpoint(), project, Credentials::token("any")?).without_proxy().build()?;
//! let pace = Pace::new(Duration::from_millis(20), Duration::from_millis(20))?;
//! let verdict = Wait::new().pace(pace).run(&mut cloud.job(&job), |_| {}).await;
//! assert_eq!(verdict.outcome, Outcome::Completed);
//! # Ok(())
//! # }
//! ```

mod auth;
mod routes;
mod server;
mod tasks;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use self::auth::Accepted;
use self::auth::Gate;
use self::routes::Routes;
use self::server::Server;
use self::tasks::Tasks;
use crate::endpoint::Endpoint;
use crate::error::ConfigError;
use crate::id::{JobId, ProjectId};

/// How the simulated tasks behave.
#[derive(Debug, Clone)]
#[must_use]
pub struct Simulator {
    duration: Duration,
    appear_after: Duration,
    fail_reason: Option<String>,
    accepted: Option<Accepted>,
    token_life: Duration,
}

impl Default for Simulator {
    fn default() -> Self {
        Self::new()
    }
}

impl Simulator {
    /// Tasks that are unknown for 3 s, run for 30 s and complete.
    pub fn new() -> Self {
        Self {
            duration: Duration::from_secs(30),
            appear_after: Duration::from_secs(3),
            fail_reason: None,
            accepted: None,
            token_life: Duration::from_secs(24 * 60 * 60),
        }
    }

    /// How long a task runs from when it is visible.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// How long a new task's ID is unknown.
    pub fn appear_after(mut self, delay: Duration) -> Self {
        self.appear_after = delay;
        self
    }

    /// Tasks fail for this reason, at 60 % of the duration.
    pub fn fail_reason(mut self, reason: impl Into<String>) -> Self {
        self.fail_reason = Some(reason.into());
        self
    }

    /// Lets in only who has one of these tokens, signatures or passwords. Without it, everybody is let in.
    pub fn require_auth(mut self, accepted: Accepted) -> Self {
        self.accepted = Some(accepted);
        self
    }

    /// How long the tokens live that are handed out for a password. Default: 24 h.
    pub fn token_life(mut self, life: Duration) -> Self {
        self.token_life = life;
        self
    }

    /// Serves on `listen`, in tasks of the current tokio runtime, until the service is dropped.
    ///
    /// # Errors
    ///
    /// When `listen` is not a loopback address, or cannot be listened on.
    pub async fn start(self, listen: SocketAddr) -> io::Result<Service> {
        if !listen.ip().is_loopback() {
            let why = ConfigError::invalid("address", listen, "not a loopback address");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let gate = Gate::new(self.accepted.clone(), self.token_life);
        let routes = Arc::new(Routes { tasks: Tasks::new(self), gate });
        let server = Server::start(listen, Arc::clone(&routes)).await?;
        Ok(Service { routes, server })
    }
}

/// A simulated service that runs. Dropping it ends it.
#[derive(Debug)]
pub struct Service {
    routes: Arc<Routes>,
    server: Server,
}

impl Service {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Where it listens, as an endpoint to look at.
    ///
    /// # Panics
    ///
    /// Never: it only listens on loopback.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::parse(&format!("http://{}", self.address())).expect("a loopback address is an endpoint")
    }

    /// Starts a task that creates an instance, as the `POST` does.
    #[must_use]
    pub fn create_instance(&self, project: &ProjectId) -> JobId {
        let (job, _) = self.routes.tasks.create(project.as_str(), tasks::Kind::Create, None);
        JobId::parse(&job).unwrap_or_else(|_| unreachable!("simulated IDs are UUIDs"))
    }
}
