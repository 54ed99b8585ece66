//! The options of a wait, checked, from the command line and the environment.

use std::env;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

use jobwait::{ConfigError, Overrides, Pace, Setting, Until, Wait};

use crate::args::{
    Given, LogFormat, Output, OutputArgs, PaceArgs, Progress, RateArgs, SeveralArgs, TargetArgs, TimingArgs,
};
use crate::duration::brief;

/// The time beyond the longest delay after which a state counts as old.
const STALE_MARGIN: Duration = Duration::from_secs(5);

/// The options of a wait, but for the connection.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) wait: Wait,
    pub(crate) deadline: Duration,
    pub(crate) grace: Duration,
    pub(crate) once: bool,
    pub(crate) until: Until,
    pub(crate) view: View,
}

impl Options {
    pub(crate) fn new(
        timing: &TimingArgs,
        several: &SeveralArgs,
        output: &OutputArgs,
        given: &Given,
    ) -> Result<Self, ConfigError> {
        let deadline = timing.pace.timeout;
        let wait = Wait::new()
            .deadline(deadline)
            .grace(timing.not_found_grace)
            .request_timeout(timing.request_timeout)
            .pace(pace(&timing.pace, given)?);
        Ok(Self {
            wait: if timing.once { wait.once() } else { wait },
            deadline,
            grace: timing.not_found_grace,
            once: timing.once,
            until: match (several.any, several.keep_going) {
                (true, _) => Until::FirstSuccess,
                (false, true) => Until::AllEnded,
                (false, false) => Until::FirstFailure,
            },
            view: View { stale_after: timing.pace.max_interval + STALE_MARGIN, ..View::new(output) },
        })
    }
}

/// Returns the pace of these options.
pub(crate) fn pace(args: &PaceArgs, given: &Given) -> Result<Pace, ConfigError> {
    let names = || format!("{} and {}", given.origin("interval"), given.origin("max_interval"));
    let pace = Pace::new(args.interval, args.max_interval)
        .map_err(|error| error.at(names()))?
        .factor(args.backoff)
        .map_err(|error| error.at("--backoff"))?
        .jitter(args.jitter)
        .map_err(|error| error.at("--jitter"))?;
    match args.expect {
        Some(expected) => pace.expect(expected).map_err(|error| error.at("--expect")),
        None => Ok(pace),
    }
}

/// A remark on an option that has no effect.
pub(crate) fn remark(args: &PaceArgs) -> Option<String> {
    // Polls become denser from three quarters of the expected time.
    let expected = args.expect.filter(|expected| *expected * 3 / 4 >= args.timeout)?;
    let (expected, timeout) = (brief(expected), brief(args.timeout));
    Some(format!("--expect {expected} has no effect: --timeout {timeout} ends the wait long before"))
}

/// The settings of the connection, each with the option or variable that it came from.
pub(crate) fn overrides(
    args: TargetArgs,
    rate: &RateArgs,
    request_timeout: Duration,
    given: &Given,
) -> Overrides {
    let mut overrides = Overrides::default();
    overrides.region = args.region.map(|name| Setting::new(name, given.origin("region")));
    overrides.project_id = args.project_id.map(|id| Setting::new(id, given.origin("project_id")));
    overrides.endpoint = args.endpoint.map(|url| Setting::new(url, given.origin("endpoint")));
    overrides.iam_endpoint = args.iam_endpoint.map(|url| Setting::new(url, given.origin("iam_endpoint")));
    overrides.token_file = args.token_file.map(|path| Setting::new(path, given.origin("token_file")));
    overrides.ca_cert = args.ca_cert.map(|path| Setting::new(path, given.origin("ca_cert")));
    overrides.service = args.service;
    overrides.language = args.language;
    overrides.insecure_http = args.insecure_http;
    overrides.request_timeout = request_timeout;
    overrides.rate_limit = rate.rate_limit.limit();
    overrides.rate_limit_scope = rate.rate_limit_scope;
    overrides
}

/// The outputs of a wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) output: Output,
    pub(crate) progress: Shown,
    /// The longest time without a sign of life.
    pub(crate) heartbeat: Duration,
    /// The age from which a state is marked with it: the pace alone does not explain it.
    pub(crate) stale_after: Duration,
    /// The log is read by GitHub Actions, which shows errors of a certain form beside the run.
    pub(crate) annotates: bool,
    pub(crate) logs: Option<Logs>,
}

/// The progress that is shown on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// A bar that is redrawn in place, and above it the lines that people need.
    Bar { color: bool },
    /// A line for each change and error, and for each heartbeat.
    Lines,
    /// Each error once while it lasts.
    Errors,
    /// Nothing before the verdict.
    Nothing,
}

impl Shown {
    /// Returns whether the states of tasks are shown.
    pub(crate) fn has_states(self) -> bool {
        matches!(self, Self::Bar { .. } | Self::Lines)
    }
}

/// The level and the format of the logs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Logs {
    pub(crate) level: tracing::Level,
    pub(crate) format: LogFormat,
}

impl Logs {
    /// Returns the logs of this many `-v`.
    pub(crate) fn new(verbose: u8, format: LogFormat) -> Option<Self> {
        let level = match verbose {
            0 => return None,
            1 => tracing::Level::DEBUG,
            _ => tracing::Level::TRACE,
        };
        Some(Self { level, format })
    }
}

impl View {
    pub(crate) fn new(args: &OutputArgs) -> Self {
        let can_redraw = || {
            // Logs, or events on the same terminal, would break the bar.
            args.verbose == 0
                && !(args.output == Output::Jsonl && io::stdout().is_terminal())
                && io::stderr().is_terminal()
                && !matches!(variable("TERM").as_str(), "dumb" | "")
        };
        let progress = match args.progress {
            Progress::None => Shown::Nothing,
            _ if args.quiet => Shown::Errors,
            Progress::Auto if !matches!(variable("CI").as_str(), "" | "0" | "false") => Shown::Lines,
            Progress::Auto | Progress::Bar if can_redraw() => {
                Shown::Bar { color: variable("NO_COLOR").is_empty() }
            }
            Progress::Auto | Progress::Bar | Progress::Plain => Shown::Lines,
        };
        let logs = Logs::new(args.verbose, args.log_format);
        let annotates = variable("GITHUB_ACTIONS") == "true";
        let stale_after = Duration::from_secs(15) + STALE_MARGIN;
        Self { output: args.output, progress, heartbeat: args.heartbeat, stale_after, annotates, logs }
    }
}

fn variable(name: &str) -> String {
    env::var_os(name).unwrap_or_default().to_string_lossy().into_owned()
}
