//! The command line. Nothing else knows clap.

mod generated;
mod help;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{FalseyValueParser, PossibleValuesParser, TypedValueParser as _};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Args as Group, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jobwait::{Language, Pace, Service};

pub(crate) use self::generated::{completions, manual};
use crate::duration;
use crate::rate_limit::RateLimitArg;

/// Block until an asynchronous Huawei Cloud TaurusDB task has finished, and tell by the exit code how it
/// ended.
///
/// It only ever reads: it never starts, cancels or changes a task.
#[derive(Debug, Parser)]
#[command(
    name = "jobwait",
    version,
    after_long_help = help::long(),
    after_help = help::SHORT,
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
    /// Print the polls that a wait would make: when, how many, worst lag
    Plan(PlanArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Print the manual page, in roff
    Man,
}

#[derive(Debug, Group)]
pub(crate) struct WaitArgs {
    /// The IDs of the tasks, as the call that started them answered; '-' reads them from standard input, a
    /// line each or in that answer
    #[arg(value_name = "JOB_ID", required = true, value_parser = job_id)]
    pub(crate) job_ids: Vec<String>,

    #[command(flatten)]
    pub(crate) target: TargetArgs,

    #[command(flatten)]
    pub(crate) timing: TimingArgs,

    #[command(flatten)]
    pub(crate) several: SeveralArgs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Group)]
#[command(next_help_heading = "Several tasks")]
pub(crate) struct SeveralArgs {
    /// End with the first that completes
    #[arg(long, env = "JOBWAIT_ANY", hide_env = true, value_parser = FalseyValueParser::new())]
    pub(crate) any: bool,

    /// Wait for all, even after one failed (else the first failure ends the wait)
    #[arg(long, env = "JOBWAIT_KEEP_GOING", hide_env = true, value_parser = FalseyValueParser::new())]
    pub(crate) keep_going: bool,

    /// How many requests in how long, all tasks together: the account's quota is shared; or 'none'
    #[arg(long, value_name = "N/D", env = "JOBWAIT_RATE_LIMIT", hide_env = true, hide_short_help = true,
        default_value = RateLimitArg::DEFAULT, value_parser = str::parse::<RateLimitArg>)]
    pub(crate) rate_limit: RateLimitArg,

    /// The processes that share the limit
    #[arg(
        long,
        value_name = "SCOPE",
        env = "JOBWAIT_RATE_LIMIT_SCOPE",
        hide_env = true,
        hide_short_help = true,
        default_value = "machine"
    )]
    pub(crate) rate_limit_scope: jobwait::RateLimitScope,
}

#[derive(Debug, Group)]
#[command(next_help_heading = "Target")]
pub(crate) struct TargetArgs {
    /// The region of the task, such as cn-north-4: it tells where the service is
    #[arg(long, value_name = "R", env = "JOBWAIT_REGION", hide_env = true)]
    pub(crate) region: Option<String>,

    /// The project of the task: letters and digits; else IAM is asked by the region's name
    #[arg(long, value_name = "P", env = "JOBWAIT_PROJECT_ID", hide_env = true)]
    pub(crate) project_id: Option<String>,

    /// Where the service is, instead of by region: `https://host[:port][/prefix]`
    #[arg(long, value_name = "URL", env = "JOBWAIT_ENDPOINT", hide_env = true)]
    pub(crate) endpoint: Option<String>,

    /// Where IAM is, instead of by region
    #[arg(long, value_name = "URL", env = "JOBWAIT_IAM_ENDPOINT", hide_short_help = true, hide_env = true)]
    pub(crate) iam_endpoint: Option<String>,

    /// The service: others have the same jobs endpoint
    #[arg(long, value_name = "S", env = "JOBWAIT_SERVICE", hide_env = true, default_value = "taurusdb", value_parser = PossibleValuesParser::new(["taurusdb", "rds", "gaussdb", "dds", "geminidb"]).try_map(|name| name.parse::<Service>()))]
    pub(crate) service: Service,

    /// A file with the X-Auth-Token, read again when the token is refused; '-' is standard input
    #[arg(long, value_name = "F", env = "JOBWAIT_TOKEN_FILE", hide_env = true, help_heading = "Credentials")]
    pub(crate) token_file: Option<PathBuf>,

    /// A profile of the shared config file, ~/.hcloud/config.json
    #[arg(long, value_name = "NAME", env = "JOBWAIT_PROFILE", hide_env = true, help_heading = "Credentials")]
    pub(crate) profile: Option<String>,

    /// The language of names and reasons
    #[arg(
        long,
        value_name = "L",
        env = "JOBWAIT_LANGUAGE",
        hide_short_help = true,
        hide_env = true,
        default_value = "en-us", value_parser = PossibleValuesParser::new(["en-us", "zh-cn"]).try_map(|name| name.parse::<Language>()))]
    pub(crate) language: Language,

    /// A PEM file with more trust roots
    #[arg(long, value_name = "F", env = "JOBWAIT_CA_CERT", hide_env = true)]
    pub(crate) ca_cert: Option<PathBuf>,

    /// Allow a plain http:// endpoint that is not on this machine
    #[arg(long, env = "JOBWAIT_INSECURE_HTTP", hide_short_help = true, hide_env = true, value_parser = FalseyValueParser::new())]
    pub(crate) insecure_http: bool,
}

#[derive(Debug, Group)]
#[command(next_help_heading = "Timing")]
pub(crate) struct TimingArgs {
    #[command(flatten)]
    pub(crate) pace: PaceArgs,

    /// Look once and exit: 124 when the task is still going
    #[arg(long, env = "JOBWAIT_ONCE", hide_env = true, value_parser = FalseyValueParser::new())]
    pub(crate) once: bool,

    /// How long a new ID may be unknown to the service; 0s is strict
    #[arg(long, value_name = "D", env = "JOBWAIT_NOT_FOUND_GRACE", hide_short_help = true, hide_env = true,
        default_value = "60s", value_parser = duration::any, allow_hyphen_values = true)]
    pub(crate) not_found_grace: Duration,

    /// For one request, connection included; never past the deadline
    #[arg(long, value_name = "D", env = "JOBWAIT_REQUEST_TIMEOUT", hide_short_help = true, hide_env = true,
        default_value = "10s", value_parser = duration::positive, allow_hyphen_values = true)]
    pub(crate) request_timeout: Duration,
}

#[derive(Debug, Group)]
#[command(next_help_heading = "Timing")]
pub(crate) struct PaceArgs {
    /// The deadline, from the start of the process; it covers everything
    #[arg(short, long, value_name = "D", env = "JOBWAIT_TIMEOUT", hide_env = true,
        default_value = "60m", value_parser = duration::timeout, allow_hyphen_values = true)]
    pub(crate) timeout: Duration,

    /// The first delay, and the shortest before jitter
    #[arg(long, value_name = "D", env = "JOBWAIT_INTERVAL", hide_short_help = true, hide_env = true,
        default_value = "1s", value_parser = duration::interval, allow_hyphen_values = true)]
    pub(crate) interval: Duration,

    /// The longest delay
    #[arg(long, value_name = "D", env = "JOBWAIT_MAX_INTERVAL", hide_short_help = true, hide_env = true,
        default_value = "15s", value_parser = duration::interval, allow_hyphen_values = true)]
    pub(crate) max_interval: Duration,

    /// Growth of the delay per poll, 1 to 10; 1 is a fixed interval
    #[arg(long, value_name = "F", env = "JOBWAIT_BACKOFF", hide_short_help = true, hide_env = true,
        default_value = "1.5", value_parser = backoff, allow_hyphen_values = true)]
    pub(crate) backoff: f64,

    /// Each delay is shortened by up to this share, 0 to below 1
    #[arg(long, value_name = "F", env = "JOBWAIT_JITTER", hide_short_help = true, hide_env = true,
        default_value = "0.1", value_parser = jitter, allow_hyphen_values = true)]
    pub(crate) jitter: f64,

    /// How long such a task usually takes, from the start of the wait: polls become dense from three quarters
    /// to four thirds of it, while the task tells no progress
    #[arg(long, value_name = "D", env = "JOBWAIT_EXPECT", hide_env = true,
        value_parser = duration::positive, allow_hyphen_values = true)]
    pub(crate) expect: Option<Duration>,
}

#[derive(Debug, Group)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// The result on standard output
    #[arg(short, long, value_name = "F", env = "JOBWAIT_OUTPUT", hide_env = true, default_value = "text")]
    pub(crate) output: Output,

    /// Progress on standard error
    #[arg(long, value_name = "P", env = "JOBWAIT_PROGRESS", hide_env = true, default_value = "auto")]
    pub(crate) progress: Progress,

    /// A line of progress at least this often
    #[arg(long, value_name = "D", env = "JOBWAIT_HEARTBEAT", hide_short_help = true, hide_env = true,
        default_value = "30s", value_parser = duration::positive, allow_hyphen_values = true)]
    pub(crate) heartbeat: Duration,

    /// No progress; verdict and errors stay (--progress none leaves out errors that pass as well)
    #[arg(short, long, env = "JOBWAIT_QUIET", hide_env = true, value_parser = FalseyValueParser::new())]
    pub(crate) quiet: bool,

    /// Logs on standard error: -v debug, -vv trace
    #[arg(short, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// The form of the logs
    #[arg(
        long,
        value_name = "F",
        env = "JOBWAIT_LOG_FORMAT",
        hide_short_help = true,
        hide_env = true,
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

    /// How long a task runs, from when it is visible
    #[arg(long, value_name = "D", default_value = "30s", value_parser = duration::any)]
    pub(crate) duration: Duration,

    /// How long a new task's ID is unknown
    #[arg(long, value_name = "D", default_value = "3s", value_parser = duration::any)]
    pub(crate) appear_after: Duration,

    /// Let every task fail, for this reason
    #[arg(long, value_name = "TEXT")]
    pub(crate) fail_reason: Option<String>,

    /// The requests in any window beyond which 429 is answered
    #[arg(long, value_name = "N/D")]
    pub(crate) quota: Option<RateLimitArg>,

    /// Let in only who has the token, a signature by the access key, or the password below: test values only
    #[arg(long)]
    pub(crate) require_auth: bool,

    /// The token that is let in
    #[arg(long, value_name = "TOKEN", default_value = "test-token")]
    pub(crate) token: String,

    /// The access key that is let in
    #[arg(long, value_name = "AK", default_value = "TESTACCESSKEY0000001")]
    pub(crate) access_key: String,

    /// Its secret key
    #[arg(long, value_name = "SK", default_value = "testsecretkey000000000000000000000000000")]
    pub(crate) secret_key: String,

    /// The password of every user, exchanged for tokens at POST /v3/auth/tokens
    #[arg(long, value_name = "PASSWORD", default_value = "test-password")]
    pub(crate) password: String,

    /// How long these tokens live
    #[arg(long, value_name = "D", default_value = "24h", value_parser = duration::any)]
    pub(crate) token_life: Duration,
}

#[derive(Debug, Group)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) pace: PaceArgs,

    /// How long the planned task takes; else it goes on until the deadline
    #[arg(long, value_name = "D", value_parser = duration::positive, allow_hyphen_values = true, help_heading = "Task")]
    pub(crate) duration: Option<Duration>,

    /// That it tells its progress, in steps of so many percent: 1, 5, 20
    #[arg(long, value_name = "PERCENT", value_parser = percent, allow_hyphen_values = true,
        requires = "duration", help_heading = "Task")]
    pub(crate) steps: Option<f64>,

    /// The form of the plan; jsonl is json
    #[arg(
        short,
        long,
        value_name = "F",
        env = "JOBWAIT_OUTPUT",
        hide_env = true,
        default_value = "text",
        help_heading = "Output"
    )]
    pub(crate) output: Output,
}

#[derive(Debug, Group)]
pub(crate) struct CompletionsArgs {
    /// For which shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// The form of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// One line
    Text,
    /// One document when the wait ends
    Json,
    /// An object a line as it happens
    Jsonl,
}

/// The form of progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Progress {
    /// A bar on a terminal, else lines
    Auto,
    /// One line that is redrawn in place; lines where that cannot be
    Bar,
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
    let unset = |arg: clap::Arg| {
        let empty =
            arg.get_env().is_some_and(|name| std::env::var_os(name).is_some_and(|value| value.is_empty()));
        // Clap cannot take a variable back; no variable has an empty name.
        if empty { arg.env("").hide_env(true) } else { arg }
    };
    let mut command = Args::command().mut_args(unset).mut_subcommands(move |command| command.mut_args(unset));
    let matches = command.try_get_matches_from_mut(words)?;
    let mut args = Args::from_arg_matches(&matches)?;

    let rank = |name: &str| matches.value_source(name).unwrap_or(ValueSource::DefaultValue);
    if args.wait.timing.once {
        let message = "--once looks once and --timeout waits: give one of them";
        args.wait.timing.once = beats(rank("once"), rank("timeout"), message, &mut command)?;
    }
    if args.wait.several.any && args.wait.several.keep_going {
        let message = "--any ends with the first success and --keep-going waits for all: give one of them";
        args.wait.several.any = beats(rank("any"), rank("keep_going"), message, &mut command)?;
        args.wait.several.keep_going = !args.wait.several.any;
    }
    Ok(args)
}

/// Whether the first of two settings that exclude each other counts: an option beats the other's variable.
///
/// # Errors
///
/// When both are given in the same way.
fn beats(
    first: ValueSource,
    second: ValueSource,
    message: &str,
    command: &mut clap::Command,
) -> Result<bool, clap::Error> {
    match (first, second) {
        (ValueSource::CommandLine, ValueSource::CommandLine)
        | (ValueSource::EnvVariable, ValueSource::EnvVariable) => {
            Err(command.error(ErrorKind::ArgumentConflict, message))
        }
        (ValueSource::EnvVariable, ValueSource::CommandLine) => Ok(false),
        _ => Ok(true),
    }
}

/// The names of the commands. To ask clap for them is to build the whole command line anew.
const COMMANDS: [&str; 5] = ["demo", "simulate", "plan", "completions", "man"];

/// An ID is checked where it is used; here, that it is not something else.
fn job_id(text: &str) -> Result<String, String> {
    if COMMANDS.contains(&text) {
        return Err("that is a command, and comes before all options".into());
    }
    Ok(text.to_owned())
}

fn backoff(text: &str) -> Result<f64, String> {
    number(text, |factor| Pace::default().factor(factor))
}

fn jitter(text: &str) -> Result<f64, String> {
    number(text, |share| Pace::default().jitter(share))
}

fn percent(text: &str) -> Result<f64, String> {
    let error = || "it is not a percentage from 0.01 to 100".to_owned();
    let text = text.trim();
    let percent = text.strip_suffix('%').unwrap_or(text).trim_end().parse().map_err(|_| error())?;
    if (0.01..=100.0).contains(&percent) { Ok(percent) } else { Err(error()) }
}

fn number<T>(text: &str, check: impl Fn(f64) -> Result<T, jobwait::ConfigError>) -> Result<f64, String> {
    let number = text.trim().parse().map_err(|_| "it is not a number".to_owned())?;
    check(number).map(|_| number).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_long_option_has_a_variable() {
        let command = Args::command();
        let options = command.get_arguments().filter_map(|arg| Some((arg.get_long()?, arg.get_env())));
        let options: Vec<_> = options.filter(|(name, _)| !["help", "version"].contains(name)).collect();
        assert!(options.len() > 20, "{options:?}");
        for (name, variable) in options {
            let expected = format!("JOBWAIT_{}", name.to_uppercase().replace('-', "_"));
            assert_eq!(variable, Some(expected.as_ref()), "--{name}");
        }
    }

    #[test]
    fn all_commands_are_known_by_name() {
        let command = Args::command();
        let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        assert_eq!(names, COMMANDS);
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }
}
