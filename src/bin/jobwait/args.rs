//! The definition of the command line.
//!
//! `parse` adds the variables: each option of a wait has one.

mod advice;
pub(crate) mod help;
mod parse;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, StringValueParser, TypedValueParser as _};
use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jobwait::{InstanceId, Language, RateLimitScope, Service};

pub(crate) use self::parse::{Given, parse, print, unknown_variables};
pub(crate) use self::values::reason;
use crate::duration;
use crate::pointer::Pointer;
use crate::rate_limit::RateLimitArg;

/// Wait for an asynchronous Huawei Cloud TaurusDB task to end. The exit code is the result.
///
/// jobwait only reads: it never starts, cancels or changes a task.
#[derive(Debug, Parser)]
#[command(
    name = "jobwait",
    version,
    after_long_help = help::long(),
    after_help = help::SHORT,
    args_override_self = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    override_usage = "jobwait [OPTIONS] <JOB_ID>...\n       jobwait [OPTIONS] --instance <ID>\n       \
        jobwait <COMMAND>",
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
    /// List recent tasks: to find an ID, and to check credentials, region and project
    List(ListArgs),
    /// Wait for a simulated task, without a cloud and without configuration
    Demo(DemoArgs),
    /// Run the simulator alone, to test hooks and pipelines
    Simulate(SimulateArgs),
    /// Print the times at which a wait would poll, and the worst lag
    Plan(PlanArgs),
    /// Print the JSON schema of the output
    Schema(SchemaArgs),
    /// Print shell completions
    Completions(CompletionsArgs),
    /// Print the manual page in roff
    Man,
}

#[derive(Debug, Group)]
pub(crate) struct WaitArgs {
    /// The IDs of the tasks; '-' reads them from standard input
    ///
    /// The calls that start tasks return job IDs. Standard input is one ID per line, or the JSON responses to
    /// those calls.
    #[arg(value_name = "JOB_ID", required = true, value_parser = values::job_id)]
    pub(crate) job_ids: Vec<String>,

    #[command(flatten)]
    pub(crate) instance: InstanceArgs,

    #[command(flatten)]
    pub(crate) target: TargetArgs,

    #[command(flatten)]
    pub(crate) timing: TimingArgs,

    #[command(flatten)]
    pub(crate) several: SeveralArgs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,

    #[command(flatten)]
    pub(crate) result: ResultArgs,
}

#[derive(Debug, Group)]
#[command(next_help_heading = "Tasks of an instance")]
pub(crate) struct InstanceArgs {
    /// Wait for the tasks of this instance instead of job IDs
    ///
    /// These are its tasks in progress, and those created lately (--since). The service's list of tasks is
    /// asked for their IDs.
    #[arg(long, value_name = "ID", value_parser = values::instance, help_heading = "Target")]
    pub(crate) instance: Option<InstanceId>,

    /// Only tasks whose name contains this text; the case is ignored
    #[arg(long, value_name = "TEXT", hide_short_help = true)]
    pub(crate) task_name: Option<String>,

    /// How long ago a task may have been created that has already ended
    #[arg(long, value_name = "DURATION", hide_short_help = true,
        default_value = "15m", value_parser = duration::any, allow_hyphen_values = true)]
    pub(crate) since: Duration,

    /// End as soon as no task of the instance is in progress, with success, however earlier tasks ended
    #[arg(long, hide_short_help = true)]
    pub(crate) idle: bool,
}

#[derive(Debug, Group)]
#[command(next_help_heading = "Several tasks")]
pub(crate) struct SeveralArgs {
    /// End with the first task that completes
    #[arg(long)]
    pub(crate) any: bool,

    /// Wait for all tasks, even after one has failed (default: end with the first failure)
    #[arg(long)]
    pub(crate) keep_going: bool,

    #[command(flatten)]
    pub(crate) rate: RateArgs,
}

#[derive(Debug, Group)]
pub(crate) struct RateArgs {
    /// The most requests per duration, such as 180/5m, or 'none'; the quota of the account is shared with
    /// other clients
    #[arg(long, value_name = "LIMIT", hide_short_help = true,
        default_value = RateLimitArg::DEFAULT, value_parser = str::parse::<RateLimitArg>)]
    pub(crate) rate_limit: RateLimitArg,

    /// The processes that share the limit: those of this user on this machine for the same account and host,
    /// or this process alone
    #[arg(long, value_name = "SCOPE", hide_short_help = true, default_value = "machine",
        value_parser = PossibleValuesParser::new(["machine", "process"])
            .try_map(|name| name.parse::<RateLimitScope>()))]
    pub(crate) rate_limit_scope: RateLimitScope,
}

#[derive(Debug, Group)]
#[command(next_help_heading = "Target")]
pub(crate) struct TargetArgs {
    /// The region of the task, such as cn-north-4; it determines the endpoint
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,

    /// The ID of the project of the task (default: the project of the region, found by IAM)
    #[arg(long, value_name = "ID")]
    pub(crate) project_id: Option<String>,

    /// The endpoint of the service, instead of that of the region: `https://host[:port][/prefix]`
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,

    /// The endpoint of IAM, instead of that of the region
    #[arg(long, value_name = "URL", hide_short_help = true)]
    pub(crate) iam_endpoint: Option<String>,

    /// The service that runs the task
    #[arg(long, value_name = "SERVICE", default_value = "taurusdb",
        value_parser = PossibleValuesParser::new(["taurusdb", "rds", "gaussdb", "dds", "geminidb"])
            .try_map(|name| name.parse::<Service>()))]
    pub(crate) service: Service,

    /// A file that contains the X-Auth-Token, read again when the token is refused; '-' is standard input
    #[arg(long, value_name = "FILE", help_heading = "Credentials")]
    pub(crate) token_file: Option<PathBuf>,

    /// A profile of ~/.hcloud/config.json; it beats all variables
    #[arg(long, value_name = "NAME", help_heading = "Credentials")]
    pub(crate) profile: Option<String>,

    /// The language of names and reasons
    #[arg(long, value_name = "LANGUAGE", hide_short_help = true, default_value = "en-us",
        value_parser = PossibleValuesParser::new(["en-us", "zh-cn"])
            .try_map(|name| name.parse::<Language>()))]
    pub(crate) language: Language,

    /// A PEM file with additional trust roots
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(crate) ca_cert: Option<PathBuf>,

    /// Allow a plain http:// endpoint on another machine
    #[arg(long, hide_short_help = true)]
    pub(crate) insecure_http: bool,
}

#[derive(Debug, Group)]
#[command(next_help_heading = "Timing")]
pub(crate) struct TimingArgs {
    #[command(flatten)]
    pub(crate) pace: PaceArgs,

    /// Poll once and exit; the exit code is 124 if the task is still running
    #[arg(long)]
    pub(crate) once: bool,

    /// The time for which the service may not know a new ID yet; 0s is strict
    #[arg(long, value_name = "DURATION", hide_short_help = true,
        default_value = "60s", value_parser = duration::any, allow_hyphen_values = true)]
    pub(crate) not_found_grace: Duration,

    /// The longest time for one request, including the connection; never past the deadline
    #[arg(long, value_name = "DURATION", hide_short_help = true,
        default_value = "10s", value_parser = duration::positive, allow_hyphen_values = true)]
    pub(crate) request_timeout: Duration,

    /// End as by SIGTERM when the process that started this one ends (not on Windows)
    #[arg(long, hide_short_help = true)]
    pub(crate) exit_with_parent: bool,
}

#[derive(Debug, Group)]
#[command(next_help_heading = "Timing")]
pub(crate) struct PaceArgs {
    /// The deadline, from the start of the process; it covers everything
    #[arg(short, long, value_name = "DURATION",
        default_value = "60m", value_parser = duration::timeout, allow_hyphen_values = true)]
    pub(crate) timeout: Duration,

    /// The first delay between polls, and the shortest before jitter
    #[arg(long, value_name = "DURATION", hide_short_help = true,
        default_value = "1s", value_parser = duration::interval, allow_hyphen_values = true)]
    pub(crate) interval: Duration,

    /// The longest delay between polls
    #[arg(long, value_name = "DURATION", hide_short_help = true,
        default_value = "15s", value_parser = duration::interval, allow_hyphen_values = true)]
    pub(crate) max_interval: Duration,

    /// The growth of the delay with each poll, from 1 to 10; 1 is a fixed interval
    #[arg(long, value_name = "FACTOR", hide_short_help = true,
        default_value = "1.5", value_parser = values::backoff, allow_hyphen_values = true)]
    pub(crate) backoff: f64,

    /// The largest share by which a delay is shortened at random, from 0 to below 1
    #[arg(long, value_name = "SHARE", hide_short_help = true,
        default_value = "0.1", value_parser = values::jitter, allow_hyphen_values = true)]
    pub(crate) jitter: f64,

    /// The usual duration of such a task, from the start of the wait; polls are denser around it
    ///
    /// They are denser from three quarters to four thirds of it while the task reports no progress.
    #[arg(long, value_name = "DURATION", value_parser = duration::positive, allow_hyphen_values = true)]
    pub(crate) expect: Option<Duration>,
}

#[derive(Debug, Group)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// The format of the result on standard output
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,

    /// The style of progress on standard error
    #[arg(long, value_name = "STYLE", default_value = "auto")]
    pub(crate) progress: Progress,

    /// Write a line of progress at least this often
    #[arg(long, value_name = "DURATION", hide_short_help = true,
        default_value = "30s", value_parser = duration::positive, allow_hyphen_values = true)]
    pub(crate) heartbeat: Duration,

    /// Show only errors and the verdict
    ///
    /// --progress none also hides errors that are retried.
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Log to standard error: -v debug, -vv trace
    #[arg(short, long, action = clap::ArgAction::Count, value_parser = values::verbosity)]
    pub(crate) verbose: u8,

    /// The format of the logs
    #[arg(long, value_name = "FORMAT", hide_short_help = true, default_value = "text")]
    pub(crate) log_format: LogFormat,
}

#[derive(Debug, Group)]
#[command(next_help_heading = "Output")]
pub(crate) struct ResultArgs {
    /// Print this value of the service's job object instead of the line of a task that completed
    ///
    /// It is a JSON Pointer, such as /entities/instance/endpoint. A string is printed without quotes.
    #[arg(long, value_name = "POINTER", hide_short_help = true, value_parser = Pointer::parse)]
    pub(crate) print: Option<Pointer>,

    /// Append a Markdown table of the result to FILE, or to `$GITHUB_STEP_SUMMARY`
    ///
    /// Under GitHub Actions, outcome and exit-code also become outputs of the step (`$GITHUB_OUTPUT`).
    #[arg(long, value_name = "FILE", hide_short_help = true, num_args = 0..=1, require_equals = true,
        default_missing_value = "",
        value_parser = StringValueParser::new().map(|text| values::summary(&text)))]
    pub(crate) summary: Option<SummaryTo>,
}

/// The place of the summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SummaryTo {
    /// The summary of the step of GitHub Actions.
    Step,
    File(PathBuf),
    /// No summary: its variable says no.
    Nowhere,
}

#[derive(Debug, Group)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,

    #[command(flatten)]
    pub(crate) target: TargetArgs,

    /// The deadline, from the start of the process
    #[arg(short, long, value_name = "DURATION", help_heading = "Timing",
        default_value = "1m", value_parser = duration::timeout, allow_hyphen_values = true)]
    pub(crate) timeout: Duration,

    /// The longest time for one request, including the connection
    #[arg(long, value_name = "DURATION", hide_short_help = true, help_heading = "Timing",
        default_value = "10s", value_parser = duration::positive, allow_hyphen_values = true)]
    pub(crate) request_timeout: Duration,

    #[command(flatten, next_help_heading = "Quota")]
    pub(crate) rate: RateArgs,

    /// The format of the list; jsonl is the same as json
    #[arg(short, long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    pub(crate) output: ListOutput,

    /// Show no errors that are retried
    #[arg(short, long, help_heading = "Output")]
    pub(crate) quiet: bool,

    /// Log to standard error: -v debug, -vv trace
    #[arg(short, long, action = clap::ArgAction::Count, value_parser = values::verbosity,
        help_heading = "Output")]
    pub(crate) verbose: u8,

    /// The format of the logs
    #[arg(
        long,
        value_name = "FORMAT",
        hide_short_help = true,
        default_value = "text",
        help_heading = "Output"
    )]
    pub(crate) log_format: LogFormat,
}

#[derive(Debug, Group)]
#[command(next_help_heading = "Tasks")]
pub(crate) struct FilterArgs {
    /// Only the tasks of this instance
    #[arg(long, value_name = "ID", value_parser = values::instance)]
    pub(crate) instance: Option<InstanceId>,

    /// Only tasks whose name contains this text; the case is ignored
    #[arg(long, value_name = "TEXT")]
    pub(crate) task_name: Option<String>,

    /// Only tasks with this status, such as Running or Failed; the case is ignored
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<String>,

    /// How long ago a task may have been created that has already ended
    #[arg(long, value_name = "DURATION",
        default_value = "24h", value_parser = duration::any, allow_hyphen_values = true)]
    pub(crate) since: Duration,
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
    /// The loopback address to listen on; port 0 chooses a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,

    /// The duration of a task once it is visible
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::any)]
    pub(crate) duration: Duration,

    /// The time for which a new task is not visible
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = duration::any)]
    pub(crate) appear_after: Duration,

    /// Let every task fail with this reason
    #[arg(long, value_name = "TEXT")]
    pub(crate) fail_reason: Option<String>,

    /// The quota of the account: requests per duration, such as 200/5m. More are refused with a 429, and
    /// count as well
    #[arg(long, value_name = "LIMIT")]
    pub(crate) quota: Option<RateLimitArg>,

    /// The age of the state that the lists of tasks show
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration::any)]
    pub(crate) list_lag: Duration,

    /// Require the token, a signature with the access key, or the password below; test values only
    #[arg(long)]
    pub(crate) require_auth: bool,

    /// The accepted token
    #[arg(long, value_name = "TOKEN", default_value = "test-token")]
    pub(crate) token: String,

    /// The accepted access key
    #[arg(long, value_name = "KEY", default_value = "TESTACCESSKEY0000001")]
    pub(crate) access_key: String,

    /// The secret key of the access key
    #[arg(long, value_name = "KEY", default_value = "testsecretkey000000000000000000000000000")]
    pub(crate) secret_key: String,

    /// The password of every user, exchanged for tokens at POST /v3/auth/tokens
    #[arg(long, value_name = "PASSWORD", default_value = "test-password")]
    pub(crate) password: String,

    /// The agency that these credentials may assume, in any account
    #[arg(long, value_name = "NAME", default_value = "test-agency")]
    pub(crate) agency: String,

    /// The ID token of every identity provider
    #[arg(long, value_name = "TOKEN", default_value = "test-id-token")]
    pub(crate) id_token: String,

    /// The lifetime of the tokens and of the temporary keys that are issued
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration::any)]
    pub(crate) token_life: Duration,
}

#[derive(Debug, Group)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) pace: PaceArgs,

    /// The duration of the planned task (default: it runs until the deadline)
    #[arg(long, value_name = "DURATION", value_parser = duration::positive, allow_hyphen_values = true,
        help_heading = "Task")]
    pub(crate) duration: Option<Duration>,

    /// The steps in which the task reports its progress, such as 1, 5 or 20 percent
    #[arg(long, value_name = "PERCENT", value_parser = values::percent, allow_hyphen_values = true,
        requires = "duration", help_heading = "Task")]
    pub(crate) steps: Option<f64>,

    /// The number of such tasks that one process waits for
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = values::tasks,
        allow_hyphen_values = true, help_heading = "Several tasks")]
    pub(crate) tasks: usize,

    /// The most requests per duration that these tasks share, such as 180/5m, or 'none'
    #[arg(long, value_name = "LIMIT", help_heading = "Several tasks",
        default_value = RateLimitArg::DEFAULT, value_parser = str::parse::<RateLimitArg>)]
    pub(crate) rate_limit: RateLimitArg,

    /// The format of the plan; jsonl is the same as json
    #[arg(short, long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    pub(crate) output: Output,
}

#[derive(Debug, Group)]
pub(crate) struct SchemaArgs {
    /// The output that the schema describes
    #[arg(value_name = "OUTPUT")]
    pub(crate) output: Described,
}

/// An output that has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Described {
    /// The document of --output json
    Result,
    /// The lines of --output jsonl
    Events,
}

#[derive(Debug, Group)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// The format of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// One line per task
    Text,
    /// One document when the wait ends
    Json,
    /// One object per line as things happen
    Jsonl,
}

/// The format of a list of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListOutput {
    /// A table
    Text,
    /// One document with the rows of the service
    Json,
    /// The same as json
    #[value(hide = true)]
    Jsonl,
    /// One job ID per line
    Ids,
}

/// The style of progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Progress {
    /// A bar on a terminal, otherwise lines
    Auto,
    /// A line that is redrawn in place, or lines where that is not possible
    Bar,
    /// Lines
    Plain,
    /// No progress
    None,
}

/// The format of the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Text for people
    Text,
    /// One object per line
    Json,
}
