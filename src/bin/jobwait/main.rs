//! The command-line tool: parse, wait or serve, report, exit.

mod args;
mod commands;
mod duration;
mod exit;
mod ids;
mod logs;
mod options;
mod panics;
mod platform;
mod rate_limit;
mod report;
mod resume;
mod session;
mod signals;
mod stream;
mod target;
mod worker;

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use jobwait::{Clock, JobId};

use crate::args::{Args, Command, WaitArgs};
use crate::options::{Config, Refusal, Shown};
use crate::signals::Signals;
use crate::stream::Stream;

fn main() -> ExitCode {
    // The deadline counts from here.
    let clock = Clock::start();
    platform::forbid_core_dumps();
    let args = match args::parse(std::env::args_os()) {
        Ok(args) => args,
        // Clap prints help and version on standard output and faults on standard error, and knows the code.
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(exit::USAGE));
        }
    };
    let stderr = Stream::into(std::io::stderr());
    panics::tell_only_where(stderr.clone());
    let (code, last) = match panics::caught(|| run(args, clock, &stderr)) {
        Some(Ok(code)) => return ExitCode::from(code),
        Some(Err(refusal)) => (exit::USAGE, refusal.to_string()),
        None => (exit::UNKNOWN, "how the task is doing is not known".to_owned()),
    };
    stderr.line(&format!("jobwait: {last}"));
    stderr.finish(Duration::from_secs(1));
    ExitCode::from(code)
}

fn run(args: Args, clock: Clock, stderr: &Stream) -> Result<u8, Refusal> {
    match args.command {
        None => serve(async |mut signals| {
            let WaitArgs { job_ids, target, timing, several, output } = args.wait;
            // A typing error should not wait for what is still being read.
            options::pace(&timing.pace)?;
            let reads = job_ids.iter().any(|id| id == "-");
            if reads && target.token_file.as_deref() == Some(Path::new("-")) {
                return Err(Refusal("standard input is either the tasks or --token-file, not both".into()));
            }
            let jobs = match ids::jobs(&job_ids, clock, timing.pace.timeout, &mut signals).await? {
                Ok(jobs) => jobs,
                Err(signal) => {
                    report::unread(signal, output.output, stderr);
                    return Ok(signal.exit_code());
                }
            };
            let config = Config::new(jobs, &several, &timing, &output)?;
            config.view.logs.into_iter().for_each(|logs| logs::start(logs, stderr.clone()));
            let shows = matches!(config.view.progress, Shown::Bar { .. } | Shown::Lines);
            let stretches =
                several.rate_limit.stretches(config.jobs.len(), timing.pace.max_interval, timing.once);
            let stretches = stretches.filter(|_| shows);
            for remark in options::remark(&timing.pace).into_iter().chain(stretches) {
                stderr.line(&format!("jobwait: {remark}"));
            }
            let request_timeout = timing.request_timeout;
            let resume = {
                let settings = resume::settings(&target, &timing, &several, &output);
                move |jobs: &[&JobId]| resume::sentence(&settings, jobs)
            };
            let connect = async move || {
                target::connect(
                    target,
                    request_timeout,
                    several.rate_limit.budget(),
                    several.rate_limit_scope,
                )
                .await
            };
            session::run(config, connect, signals, clock, stderr.clone(), Some(&resume)).await
        }),
        Some(Command::Demo(args)) => {
            serve(async |signals| commands::demo::run(&args, signals, clock, stderr).await)
        }
        Some(Command::Simulate(args)) => serve(async |signals| commands::simulate::run(args, signals).await),
        Some(Command::Plan(args)) => commands::plan::run(&args, stderr),
        Some(Command::Completions(args)) => print(&args::completions(args.shell)),
        Some(Command::Man) => {
            print(&args::manual().map_err(|error| Refusal(format!("the manual page: {error}")))?)
        }
    }
}

/// What waits or serves is told of signals.
fn serve(work: impl AsyncFnOnce(Signals) -> Result<u8, Refusal>) -> Result<u8, Refusal> {
    let runtime = platform::check_descriptors()
        .and_then(|()| tokio::runtime::Builder::new_current_thread().enable_all().build())
        .map_err(|error| Refusal(format!("cannot start: {error}")))?;
    let code = runtime.block_on(async {
        let signals =
            Signals::listen().map_err(|error| Refusal(format!("cannot listen for signals: {error}")))?;
        work(signals).await
    });
    // The exit waits for nobody, whatever they hang in.
    runtime.shutdown_background();
    code
}

/// Prints what was asked for.
///
/// # Errors
///
/// When it cannot be printed, unless nobody reads it any more.
fn print(text: &[u8]) -> Result<u8, Refusal> {
    let mut stdout = io::stdout();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        // Who reads the first lines only has what they want.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Refusal(format!("cannot print it: {error}")))
        }
        _ => Ok(0),
    }
}
