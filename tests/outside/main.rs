//! The built binary and the public library, from outside. Cases such as T1 are those of `docs/reliability.md`.
#![expect(unreachable_pub, reason = "the modules of a test are not an interface")]
#![expect(clippy::disallowed_methods, reason = "a test measures time")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

#[path = "../support/mod.rs"]
mod support;

mod body;
mod bulk;
mod credentials;
mod docs;
#[cfg(unix)]
mod ending;
mod formats;
mod guarded;
mod hosts;
mod http;
mod input;
mod layers;
mod library;
mod lists;
mod meaning;
mod output;
mod plan;
mod process;
#[cfg(unix)]
mod quota;
mod reliability;
mod result;
mod roles;
#[cfg(unix)]
mod screen;
mod secrets;
mod several;
mod simulator;
mod soak;
mod sources;
mod time;
mod tls;
mod transport;
mod usage;
