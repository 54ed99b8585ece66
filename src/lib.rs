//! Block until an asynchronous Huawei Cloud TaurusDB task has finished, and learn how it ended.
//!
//! A wait is a loop of *looks*. Each look asks the service once and is judged to a [`Sighting`]; a pure
//! state machine turns the sighting and the time into the next step; a [`Pace`] says how long to rest; and
//! the driver, [`Wait`], carries the steps out and tells about them in [`Event`]s, until there is a
//! [`Verdict`]. It only ever reads: it never starts, cancels or changes a task, and dropping the wait's
//! future cancels the wait, never the task. It runs on tokio, with its timer enabled, and for [`Cloud`] its I/O too.
//!
//! ```no_run
//! use std::time::Duration;
//! use jobwait::{Cloud, Credentials, Endpoint, JobId, Outcome, ProjectId, Wait};
//!
//! # async fn example() -> Result<(), jobwait::ConfigError> {
//! let endpoint = Endpoint::parse("https://gaussdb.cn-north-4.myhuaweicloud.com")?;
//! let project = ProjectId::parse("054e292c9880d4992f02c0196d3ea468")?;
//! let token = std::env::var("HW_AUTH_TOKEN").unwrap_or_default();
//! let cloud = Cloud::builder(endpoint, project, Credentials::token(token)?).build()?;
//!
//! let id = JobId::parse("a9767ede-fe0f-4888-9003-e843a4c90514")?;
//! let verdict = Wait::new()
//!     .deadline(Duration::from_secs(30 * 60))
//!     .run(&mut cloud.job(&id), |event| println!("{event:?}"))
//!     .await;
//! match verdict.outcome {
//!     Outcome::Completed => println!("deploy"),
//!     other => println!("do not deploy: {other}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Where things are
//!
//! * **Whom to ask**: [`Endpoint`], or a [`Region`] that knows its own; [`ProjectId`], or the project's name, which IAM is asked for;
//!   [`Credentials`]; or [`Settings`], which finds all three where the tools of this cloud keep them. [`Cloud`] asks.
//! * **How to wait**: [`Wait`] has the deadline, the grace for a new ID and the [`Pace`]; [`Wait::rehearse`] tells when it would
//!   look. [`Waits`] waits for several tasks by one deadline and one [`Budget`] of requests.
//! * **What comes of it**: a [`Verdict`] with its [`Outcome`], the [`Job`] as it was last seen, and the last [`Fault`]. A task that
//!   failed is an outcome, not an error; [`ConfigError`] is of what was wrong before anything was sent.
//! * **Something else to wait for**: implement [`Probe`], one async method, `look`.
//!
//! # Features
//!
//! * `cli` (default): the `jobwait` binary, and the simulator. The library alone is `default-features = false`.
//! * `simulator`: the module `simulator`, an embedded service to wait for.
//! * `bundled-roots`: Mozilla's trust roots, for a system that has none.

mod cloud;
mod credentials;
mod error;
mod event;
mod id;
mod job;
mod settings;
mod sighting;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod text;
mod wait;

/// The crate of the secrets in this crate's signatures.
pub use secrecy;

pub use cloud::builder::CloudBuilder;
pub use cloud::endpoint::Endpoint;
#[cfg(fuzzing)]
#[doc(hidden)]
pub use cloud::judge::judge_anything;
pub use cloud::language::Language;
pub use cloud::region::{Region, Service};
pub use cloud::{Cloud, JobProbe, Project};
pub use credentials::{Credentials, Login, Named};
pub use error::{Asked, ConfigError, Fault, FaultKind};
pub use event::{Event, News};
pub use id::{JobId, ProjectId};
pub use job::{End, Instance, Job, Progress, Status};
pub use settings::{Found, Settings};
pub use sighting::{Probe, Sighting};
pub use wait::Wait;
pub use wait::budget::Budget;
pub use wait::clock::Clock;
pub use wait::many::{Until, Waits};
pub use wait::pace::Pace;
pub use wait::verdict::{Outcome, Seen, Verdict};
