//! Waits until asynchronous Huawei Cloud database tasks have ended, and reports how.
//!
//! A wait polls the service. Each poll is one request, and its response is classified as an [`Observation`].
//! A pure state machine turns the observation and the time into the next step, a [`Pace`] determines the
//! delay, and [`Wait`] drives both and reports [`Event`]s until there is a [`Verdict`]. It only reads: it
//! never starts, cancels or changes a task, and dropping the future of a wait cancels the wait, never the
//! task. It runs on tokio with its timer enabled, and for [`Cloud`] its I/O too.
//!
//! ```toml
//! [dependencies]
//! jobwait = { version = "0.1", default-features = false }
//! ```
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let cloud = jobwait::Cloud::from_environment()?;
//! let id = "a9767ede-fe0f-4888-9003-e843a4c90514".parse()?;
//! let job = jobwait::Wait::new()
//!     .deadline(std::time::Duration::from_secs(30 * 60))
//!     .run(&mut cloud.job(&id), |event| println!("{event:?}"))
//!     .await
//!     .into_result()?;
//! println!("{} completed", job.name().unwrap_or("the task"));
//! # Ok(())
//! # }
//! ```
//!
//! # Overview
//!
//! * **Connection**: [`Cloud::from_environment`] uses the variables and files of Terraform, the
//!   SDKs and KooCLI. [`Cloud::builder`] takes an [`Endpoint`] (or that of a [`Region`]), a
//!   [`ProjectId`] and [`Credentials`]. [`Environment`] is in between: it finds the settings, and
//!   [`Overrides`] take precedence.
//! * **Wait**: [`Wait`] has the deadline, the grace for a new ID, and the [`Pace`]. [`Waits`]
//!   waits for several tasks with a common deadline and [`RateLimit`]. [`Wait::rehearse`] computes
//!   the times of the polls.
//! * **Result**: a [`Verdict`] with its [`Outcome`], the [`Job`] as it was last seen, and the last [`Fault`].
//!   A failed task is an outcome; [`Verdict::into_result`] makes it an error. [`ConfigError`] is an error in
//!   a setting, found before anything is sent.
//! * **Lists**: [`Cloud::tasks`] returns the recent tasks of a project or an instance. [`Cloud::search`] is a
//!   probe for a wait until there are some. [`Cloud::task_list`] answers for many tasks in a request.
//! * **Other services**: implement [`Probe`], one async method.
//!
//! # Features
//!
//! * `cli` (default): the `jobwait` binary and the simulator. For the library alone, use
//!   `default-features = false`.
//! * `simulator`: the module `simulator`, an embedded service for tests.
//! * `bundled-roots`: Mozilla's trust roots, for a system that has none.

mod auth;
mod clock;
mod cloud;
mod endpoint;
mod environment;
mod error;
mod event;
mod fault;
mod http;
mod id;
mod job;
mod language;
mod limiter;
mod outcome;
mod probe;
mod region;
mod service;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod text;
mod wait;

pub use auth::{Credentials, Federation, IdOrName, Login, Role};
pub use clock::Clock;
#[cfg(fuzzing)]
#[doc(hidden)]
pub use cloud::classify_anything;
pub use cloud::{Cloud, CloudBuilder, JobProbe, Project, TaskFilter, TaskList, TaskSearch};
pub use endpoint::Endpoint;
pub use environment::{Connection, Environment, Overrides, RateLimitScope, Setting};
pub use error::ConfigError;
pub use event::{Event, EventKind};
pub use fault::{Fault, FaultKind, Upstream};
pub use id::{InstanceId, JobId, ProjectId};
pub use job::{End, Instance, Job, Progress, Status, TaskRow};
pub use language::Language;
pub use limiter::{Limiter, RateLimit};
pub use outcome::{LastSeen, Outcome, Verdict, WaitError};
pub use probe::{ListPage, ListProbe, Observation, Probe};
pub use region::Region;
pub use service::Service;
pub use wait::{Pace, Until, Wait, Waits};
