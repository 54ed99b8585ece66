//! The built binary and the public library, from outside. Rows such as T1 are those of the bad cases that a wait
//! must survive.
#![expect(unreachable_pub, reason = "the modules of a test are no interface")]
#![expect(clippy::disallowed_methods, reason = "a test measures time")]
#![expect(clippy::print_stdout, reason = "what a test leaves out is to be seen")]
#![expect(clippy::unwrap_used, reason = "a test ends by it")]

#[path = "../support/mod.rs"]
mod support;

mod body;
mod credentials;
mod docs;
mod http;
mod input;
mod layers;
mod library;
mod meaning;
mod output;
mod plan;
mod process;
mod reliability;
#[cfg(unix)]
mod screen;
mod secrets;
mod several;
mod simulator;
mod soak;
mod time;
mod tls;
mod transport;
mod usage;
