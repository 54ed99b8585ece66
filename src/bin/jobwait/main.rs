//! The command-line tool: parses the command line, runs the command, and exits with its code.

mod args;
mod commands;
mod delivery;
mod duration;
mod exit;
mod ids;
mod logs;
mod options;
mod panics;
mod platform;
mod pointer;
mod rate_limit;
mod report;
mod resume;
mod session;
mod signals;
mod stream;
mod worker;

use std::process::ExitCode;

use jobwait::Clock;

use crate::stream::{READ, Stream};

fn main() -> ExitCode {
    // The deadline counts from here.
    let clock = Clock::start();
    platform::forbid_core_dumps();
    let (args, given) = match args::parse(std::env::args_os()) {
        Ok(parsed) => parsed,
        Err(error) => return ExitCode::from(args::print(&error)),
    };
    let stderr = Stream::stderr();
    panics::report_location_only(stderr.clone());
    let (code, reason) = match panics::catch(|| commands::run(args, &given, clock, &stderr)) {
        Some(Ok(code)) => return ExitCode::from(code),
        Some(Err(refusal)) => (exit::USAGE, refusal.to_string()),
        None => {
            (exit::UNKNOWN, "the state of the task is unknown; the task itself is not affected".to_owned())
        }
    };
    stderr.message(&reason);
    stderr.finish(READ);
    ExitCode::from(code)
}
