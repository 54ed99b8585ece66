//! The command line. Nothing else knows clap.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Args as Group, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use jobwait::{Language, Pace};

use crate::duration;

const AFTER_HELP: &str = "\
Exit codes:
    0  every task completed
    1  a task ended without success: Failed, Canceled, or with a fail_reason
    2  usage or configuration is wrong; nothing was sent
    3  the service knows no such task, and the grace is over
    4  the service refuses these credentials
  124  the deadline passed, and the task was last seen going on
  125  no usable answer about the task could be had
  129, 130, 143  SIGHUP, SIGINT, SIGTERM; the task goes on in the cloud

Environment:
  JOBWAIT_<OPTION>            every long option, upper case, '-' as '_'; an option beats its variable
  HW_AUTH_TOKEN, OS_AUTH_TOKEN
                              the X-Auth-Token; a secret is never an option
  HW_PROJECT_ID, OS_PROJECT_ID, HUAWEICLOUD_SDK_PROJECT_ID
                              the project
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY
                              the proxy

Durations are 90s, 5m, 1h30m; a bare number is seconds.";

/// Block until an asynchronous Huawei Cloud TaurusDB task has finished, and tell by the exit code how it ended.
///
/// It only ever reads: it never starts, cancels or changes a task.
#[derive(Debug, Parser)]
#[command(
    name = "jobwait",
    version,
    after_long_help = AFTER_HELP,
    after_help = "Try 'jobwait demo' without any cloud, and '--help' for exit codes and the environment.",
    args_override_self = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    max_term_width = 110
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) wait: WaitArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Wait for a task of the embedded simulator: no cloud and no configuration needed
    Demo(DemoArgs),
    /// Run the simulator by itself, to try hooks and pipelines against
    Simulate(SimulateArgs),
}

#[derive(Debug, Group)]
pub(crate) struct WaitArgs {
    /// The ID of the task, as the call that started it answered
    #[arg(value_name = "JOB_ID", required = true)]
    pub(crate) job_id: Option<String>,

    #[command(flatten)]
    pub(crate) target: TargetArgs,

    #[command(flatten)]
    pub(crate) timing: TimingArgs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Group)]
#[command(next_help_heading = "Target")]
pub(crate) struct TargetArgs {
    /// Where the service is: `https://host[:port][/prefix]`
    #[arg(long, value_name = "URL", env = "JOBWAIT_ENDPOINT", hide_env_values = true)]
    pub(crate) endpoint: Option<String>,

    /// The project of the task: letters and digits
    #[arg(long, value_name = "P", env = "JOBWAIT_PROJECT_ID", hide_env_values = true)]
    pub(crate) project_id: Option<String>,

    /// A file with the X-Auth-Token, read again when the token is refused; '-' is standard input
    #[arg(long, value_name = "F", env = "JOBWAIT_TOKEN_FILE", hide_env_values = true)]
    pub(crate) token_file: Option<PathBuf>,

    /// The language of names and reasons: en-us, zh-cn
    #[arg(long, value_name = "L", env = "JOBWAIT_LANGUAGE", hide_env_values = true, default_value = "en-us")]
    pub(crate) language: Language,

    /// Allow a plain http:// endpoint that is not on this machine
    #[arg(long, env = "JOBWAIT_INSECURE_HTTP", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) insecure_http: bool,
}

#[derive(Debug, Group)]
#[command(next_help_heading = "Timing")]
pub(crate) struct TimingArgs {
    /// The deadline, from the start of the process; it covers everything
    #[arg(short, long, value_name = "D", env = "JOBWAIT_TIMEOUT", hide_env_values = true,
        default_value = "60m", value_parser = duration::timeout, allow_hyphen_values = true)]
    pub(crate) timeout: Duration,

    /// Look once and exit: 124 when the task is still going
    #[arg(long, env = "JOBWAIT_ONCE", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) once: bool,

    /// The first delay, and the shortest before jitter
    #[arg(long, value_name = "D", env = "JOBWAIT_INTERVAL", hide_env_values = true,
        default_value = "1s", value_parser = duration::interval, allow_hyphen_values = true)]
    pub(crate) interval: Duration,

    /// The longest delay
    #[arg(long, value_name = "D", env = "JOBWAIT_MAX_INTERVAL", hide_env_values = true,
        default_value = "15s", value_parser = duration::interval, allow_hyphen_values = true)]
    pub(crate) max_interval: Duration,

    /// Growth of the delay per poll, 1 to 10; 1 is a fixed interval
    #[arg(long, value_name = "F", env = "JOBWAIT_BACKOFF", hide_env_values = true,
        default_value = "1.5", value_parser = backoff, allow_hyphen_values = true)]
    pub(crate) backoff: f64,

    /// Each delay is shortened by up to this share, 0 to below 1
    #[arg(long, value_name = "F", env = "JOBWAIT_JITTER", hide_env_values = true,
        default_value = "0.1", value_parser = jitter, allow_hyphen_values = true)]
    pub(crate) jitter: f64,

    /// How long a new ID may be unknown to the service; 0s is strict
    #[arg(long, value_name = "D", env = "JOBWAIT_NOT_FOUND_GRACE", hide_env_values = true,
        default_value = "60s", value_parser = duration::any, allow_hyphen_values = true)]
    pub(crate) not_found_grace: Duration,

    /// For one request, connection included; never past the deadline
    #[arg(long, value_name = "D", env = "JOBWAIT_REQUEST_TIMEOUT", hide_env_values = true,
        default_value = "10s", value_parser = duration::positive, allow_hyphen_values = true)]
    pub(crate) request_timeout: Duration,
}

#[derive(Debug, Group)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// The result on standard output
    #[arg(
        short,
        long,
        value_name = "F",
        env = "JOBWAIT_OUTPUT",
        hide_env_values = true,
        default_value = "text"
    )]
    pub(crate) output: Output,

    /// Progress on standard error
    #[arg(long, value_name = "P", env = "JOBWAIT_PROGRESS", hide_env_values = true, default_value = "auto")]
    pub(crate) progress: Progress,

    /// A line of progress at least this often
    #[arg(long, value_name = "D", env = "JOBWAIT_HEARTBEAT", hide_env_values = true,
        default_value = "30s", value_parser = duration::positive, allow_hyphen_values = true)]
    pub(crate) heartbeat: Duration,

    /// No progress; verdict and errors stay
    #[arg(short, long, env = "JOBWAIT_QUIET", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) quiet: bool,

    /// Logs on standard error: -v debug, -vv trace
    #[arg(short, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// The form of the logs
    #[arg(
        long,
        value_name = "F",
        env = "JOBWAIT_LOG_FORMAT",
        hide_env_values = true,
        default_value = "text"
    )]
    pub(crate) log_format: LogFormat,
}

#[derive(Debug, Group)]
pub(crate) struct DemoArgs {
    /// Let the task fail
    #[arg(long)]
    pub(crate) fail: bool,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Group)]
pub(crate) struct SimulateArgs {
    /// Where to listen, on loopback; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: std::net::SocketAddr,

    /// How long a task runs
    #[arg(long, value_name = "D", default_value = "30s", value_parser = duration::any)]
    pub(crate) duration: Duration,

    /// How long a new task's ID is unknown
    #[arg(long, value_name = "D", default_value = "3s", value_parser = duration::any)]
    pub(crate) appear_after: Duration,

    /// Let every task fail, for this reason
    #[arg(long, value_name = "TEXT")]
    pub(crate) fail_reason: Option<String>,
}

/// The form of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// One line
    Text,
    /// One document when the wait ends
    Json,
}

/// The form of progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Progress {
    /// What fits where it goes
    Auto,
    /// Lines
    Plain,
    /// None
    None,
}

/// The form of the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// An object a line
    Json,
}

/// Reads the command line.
///
/// # Errors
///
/// Clap's own: with its text, and its exit code.
pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Args, clap::Error> {
    // CI systems set variables to nothing where an input was left out: that is as good as unset.
    let command = Args::command().mut_args(|arg| {
        let empty =
            arg.get_env().is_some_and(|name| std::env::var_os(name).is_some_and(|value| value.is_empty()));
        // Clap cannot take a variable back; no variable has an empty name.
        if empty { arg.env("").hide_env(true) } else { arg }
    });
    let matches = command.clone().try_get_matches_from(words)?;
    let mut args = Args::from_arg_matches(&matches)?;

    // An option beats the other's variable; only two of the same rank conflict.
    if args.wait.timing.once {
        let (once, timeout) = (matches.value_source("once"), matches.value_source("timeout"));
        match (once, timeout) {
            (Some(ValueSource::CommandLine), Some(ValueSource::CommandLine))
            | (Some(ValueSource::EnvVariable), Some(ValueSource::EnvVariable)) => {
                return Err(command.clone().error(
                    ErrorKind::ArgumentConflict,
                    "--once looks once and --timeout waits: give one of them",
                ));
            }
            (Some(ValueSource::EnvVariable), Some(ValueSource::CommandLine)) => args.wait.timing.once = false,
            _ => {}
        }
    }
    Ok(args)
}

fn backoff(text: &str) -> Result<f64, String> {
    number(text, |factor| Pace::default().factor(factor))
}

fn jitter(text: &str) -> Result<f64, String> {
    number(text, |share| Pace::default().jitter(share))
}

fn number<T>(text: &str, check: impl Fn(f64) -> Result<T, jobwait::ConfigError>) -> Result<f64, String> {
    let number = text.trim().parse().map_err(|_| "it is not a number".to_owned())?;
    check(number).map(|_| number).map_err(|error| error.to_string())
}
