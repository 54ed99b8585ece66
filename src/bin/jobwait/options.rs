//! From the command line to what a wait needs.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use jobwait::{ConfigError, JobId, Pace, RateLimit, Until, Wait};

use crate::args::{LogFormat, Output, OutputArgs, PaceArgs, Progress, SeveralArgs, TimingArgs};
use crate::duration::brief;

/// What a wait needs, but for whom to ask.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) jobs: Vec<JobId>,
    pub(crate) several: Several,
    pub(crate) timing: Timing,
    pub(crate) view: View,
}

/// When several waits are over, and how often they may look together.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Several {
    pub(crate) until: Until,
    pub(crate) budget: Option<RateLimit>,
}

impl Several {
    fn new(args: &SeveralArgs) -> Self {
        let until = match (args.any, args.keep_going) {
            (true, _) => Until::FirstSuccess,
            (false, true) => Until::AllEnded,
            (false, false) => Until::FirstFailure,
        };
        Self { until, budget: args.rate_limit.budget() }
    }
}

/// When to look.
#[derive(Debug, Clone)]
pub(crate) struct Timing {
    pub(crate) wait: Wait,
    pub(crate) deadline: Duration,
}

/// What is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) output: Output,
    pub(crate) progress: Shown,
    /// How long at the most nothing is told of a wait.
    pub(crate) heartbeat: Duration,
    /// Whether the log is read by GitHub Actions, which shows errors of this form where people look first.
    pub(crate) annotates: bool,
    pub(crate) logs: Option<Logs>,
}

/// What is shown on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// A bar that is redrawn in place, and above it what people must know.
    Bar { color: bool },
    /// Progress and errors, and a line each heartbeat.
    Lines,
    /// Errors, each once while it lasts.
    Errors,
    /// Nothing before the verdict.
    Nothing,
}

/// The logs that were asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Logs {
    pub(crate) level: tracing::Level,
    pub(crate) format: LogFormat,
}

impl Config {
    pub(crate) fn new(
        jobs: Vec<JobId>,
        several: &SeveralArgs,
        timing: &TimingArgs,
        output: &OutputArgs,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            jobs,
            several: Several::new(several),
            timing: Timing::new(timing)?,
            view: View::new(output),
        })
    }
}

impl Timing {
    fn new(args: &TimingArgs) -> Result<Self, Refusal> {
        let deadline = args.pace.timeout;
        let wait = Wait::new()
            .deadline(deadline)
            .grace(args.not_found_grace)
            .request_timeout(args.request_timeout)
            .pace(pace(&args.pace)?);
        let wait = if args.once { wait.once() } else { wait };
        Ok(Self { wait, deadline })
    }
}

/// The pace that was asked for.
pub(crate) fn pace(args: &PaceArgs) -> Result<Pace, Refusal> {
    let pace = Pace::new(args.interval, args.max_interval)
        .map_err(|error| refuse("--interval and --max-interval", &error))?
        .factor(args.backoff)
        .map_err(|error| refuse("--backoff", &error))?
        .jitter(args.jitter)
        .map_err(|error| refuse("--jitter", &error))?;
    match args.expect {
        Some(expected) => pace.expect(expected).map_err(|error| refuse("--expect", &error)),
        None => Ok(pace),
    }
}

/// What is worth a word about a pace that can be had, but does not do what was meant.
pub(crate) fn remark(args: &PaceArgs) -> Option<String> {
    // Polls become dense from three quarters of what is expected.
    let expected = args.expect.filter(|expected| *expected * 3 / 4 >= args.timeout)?;
    let (expected, timeout) = (brief(expected), brief(args.timeout));
    Some(format!("--expect {expected} changes nothing: the deadline, --timeout {timeout}, is long before"))
}

impl View {
    pub(crate) fn new(args: &OutputArgs) -> Self {
        let can_redraw = || {
            // Logs go between the lines, and would break it.
            args.verbose == 0
                // Events that go to the same terminal would, too.
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
        let level = match args.verbose {
            0 => None,
            1 => Some(tracing::Level::DEBUG),
            _ => Some(tracing::Level::TRACE),
        };
        let logs = level.map(|level| Logs { level, format: args.log_format });
        let annotates = variable("GITHUB_ACTIONS") == "true";
        Self { output: args.output, progress, heartbeat: args.heartbeat, annotates, logs }
    }
}

fn variable(name: &str) -> String {
    std::env::var_os(name).unwrap_or_default().to_string_lossy().into_owned()
}

/// Why nothing was sent.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refusal(pub(crate) String);

/// A setting that cannot be used, by the name under which it was given.
pub(crate) fn refuse(name: &str, error: &ConfigError) -> Refusal {
    Refusal(format!("{name}: {error}"))
}
