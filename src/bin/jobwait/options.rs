//! The options of a wait, checked, from the command line and the environment.

use std::env;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::time::Duration;

use jobwait::text::safe;
use jobwait::{ConfigError, Overrides, Pace, Setting, Until, Wait};

use crate::args::{
    Given, LogFormat, Output, OutputArgs, PaceArgs, Progress, RateArgs, ResultArgs, SeveralArgs, SummaryTo,
    TargetArgs, TimingArgs,
};
use crate::duration::brief;
use crate::exit::Refusal;
use crate::platform;
use crate::pointer::Pointer;
use crate::stream::Stream;

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
    pub(crate) result: ResultOptions,
}

impl Options {
    pub(crate) fn new(
        timing: &TimingArgs,
        several: &SeveralArgs,
        output: &OutputArgs,
        result: ResultOptions,
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
            result,
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

/// The outputs of the result that depend on its content.
#[derive(Debug, Clone, Default)]
pub(crate) struct ResultOptions {
    /// The value that is printed instead of the line of a task that completed.
    pub(crate) print: Option<Pointer>,
    /// The file of the summary.
    pub(crate) summary: Option<AppendedFile>,
    /// The file of the outputs of a step.
    pub(crate) outputs: Option<AppendedFile>,
}

/// A file to which text is appended.
#[derive(Debug, Clone)]
pub(crate) struct AppendedFile {
    /// The option or variable that names the file.
    origin: String,
    path: PathBuf,
    pub(crate) stream: Stream,
}

impl ResultOptions {
    pub(crate) fn new(args: ResultArgs, given: &Given) -> Result<Self, Refusal> {
        let (print, origin) = (args.print, given.origin("summary"));
        let summary = match args.summary {
            None | Some(SummaryTo::Nowhere) => return Ok(Self { print, ..Self::default() }),
            Some(SummaryTo::File(path)) => AppendedFile::new(&origin, path),
            Some(SummaryTo::Step) => AppendedFile::of_variable("GITHUB_STEP_SUMMARY").ok_or_else(|| {
                let message = "names no file, and GITHUB_STEP_SUMMARY is not set: use --summary=FILE";
                Refusal(format!("{origin} {message}"))
            })?,
        };
        let outputs = AppendedFile::of_variable("GITHUB_OUTPUT");
        Ok(Self { print, summary: Some(summary), outputs })
    }

    /// The files that are written.
    pub(crate) fn files(&self) -> impl Iterator<Item = &AppendedFile> {
        self.summary.iter().chain(&self.outputs)
    }
}

impl AppendedFile {
    fn new(origin: &str, path: PathBuf) -> Self {
        Self { origin: origin.to_owned(), stream: Stream::append_to(path.clone()), path }
    }

    fn of_variable(name: &str) -> Option<Self> {
        let path = env::var_os(name).filter(|path| !path.is_empty())?;
        Some(Self::new(name, path.into()))
    }

    /// A warning about text that is not in the file, if its stream has ended or is given up.
    pub(crate) fn warning(&self) -> Option<String> {
        let reason = match self.stream.fault() {
            Some(fault) => fault,
            None if self.stream.is_behind() => "it takes too long",
            None => return None,
        };
        let path = self.path.to_string_lossy();
        Some(format!("warning: {}: cannot write to {}: {reason}", self.origin, safe(&path, 200)))
    }
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
    /// The systems that read the log, and show errors of a certain form beside the run.
    pub(crate) annotates: &'static [CiSystem],
    pub(crate) logs: Option<Logs>,
}

/// A CI system that shows annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CiSystem {
    GitHub,
    Azure,
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
                // A bar from the background would run across what the user types.
                && (args.progress == Progress::Bar || platform::is_in_foreground())
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
        // Both are set where one system starts the jobs of the other.
        let annotates: &[CiSystem] =
            match (variable("GITHUB_ACTIONS") == "true", !variable("TF_BUILD").is_empty()) {
                (true, true) => &[CiSystem::GitHub, CiSystem::Azure],
                (true, false) => &[CiSystem::GitHub],
                (false, true) => &[CiSystem::Azure],
                (false, false) => &[],
            };
        let stale_after = Duration::from_secs(15) + STALE_MARGIN;
        Self { output: args.output, progress, heartbeat: args.heartbeat, stale_after, annotates, logs }
    }
}

fn variable(name: &str) -> String {
    env::var_os(name).unwrap_or_default().to_string_lossy().into_owned()
}
