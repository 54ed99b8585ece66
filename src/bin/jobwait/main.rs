//! The command-line tool: parse, wait or serve, report, exit.

mod apart;
mod args;
mod config;
mod demo;
mod duration;
mod exit;
mod logs;
mod report;
mod resume;
mod session;
mod signals;
mod simulate;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use crate::args::{Args, Command};
use crate::config::{Config, Refusal};
use crate::signals::Signals;

#[expect(clippy::disallowed_methods, reason = "the deadline counts from the start of the process")]
fn main() -> ExitCode {
    let start = Instant::now();
    let args = match args::parse(std::env::args_os()) {
        Ok(args) => args,
        // Clap prints help and version on standard output and faults on standard error, and knows the code.
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(exit::USAGE));
        }
    };
    match run(args, start) {
        Ok(code) => ExitCode::from(code),
        Err(refusal) => {
            let _ = writeln!(std::io::stderr(), "jobwait: {refusal}");
            ExitCode::from(exit::USAGE)
        }
    }
}

fn run(args: Args, start: Instant) -> Result<u8, Refusal> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Refusal(format!("cannot start: {error}")))?;
    let code = runtime.block_on(async {
        let signals =
            Signals::listen().map_err(|error| Refusal(format!("cannot listen for signals: {error}")))?;
        match args.command {
            None => {
                let config = Config::new(args.wait)?;
                config.view.logs.into_iter().for_each(logs::start);
                session::run(config, signals, start, &resume::command(std::env::args_os())).await
            }
            Some(Command::Demo(args)) => demo::run(&args, signals, start).await,
            Some(Command::Simulate(args)) => simulate::run(args, signals).await,
        }
    });
    // The exit waits for nobody, whatever they hang in.
    runtime.shutdown_background();
    code
}
