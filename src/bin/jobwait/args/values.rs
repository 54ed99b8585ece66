//! Parsers of the values of options. Clap names the option and the value, so an error says only what is
//! expected.

use jobwait::{ConfigError, InstanceId, Pace};

use super::SummaryTo;
use crate::ids::MOST_TASKS;

/// The names of the commands. To get them from clap would build the whole command line again.
const COMMANDS: [&str; 7] = ["list", "demo", "simulate", "plan", "schema", "completions", "man"];

/// Accepts everything but the name of a command. The ID itself is checked later.
pub(super) fn job_id(text: &str) -> Result<String, String> {
    if COMMANDS.contains(&text) {
        return Err("a command must come before all options".into());
    }
    let instead = match text {
        "help" => "for the help, run 'jobwait --help'",
        "version" => "for the version, run 'jobwait --version'",
        "wait" => "to wait is what jobwait does without a command: run 'jobwait <JOB_ID>'",
        "status" => "to poll a task once, run 'jobwait --once <JOB_ID>'; to list tasks, run 'jobwait list'",
        _ => return Ok(text.to_owned()),
    };
    Err(format!("not a job ID; {instead}"))
}

/// Parses the place of the summary. A variable cannot leave out its value, so it may say yes or no.
pub(super) fn summary(text: &str) -> SummaryTo {
    let text = text.trim();
    match text.to_ascii_lowercase().as_str() {
        "" | "1" | "true" | "yes" | "on" => SummaryTo::Step,
        "0" | "false" | "no" | "off" => SummaryTo::Nowhere,
        _ => SummaryTo::File(text.into()),
    }
}

/// Parses the variable of a yes/no option.
pub(super) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "" | "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("expected 1, true, yes or on, or 0, false, no, off or nothing".into()),
    }
}

/// Parses the level of the logs, which `-v` counts: a number, or yes or no.
pub(super) fn verbosity(text: &str) -> Result<u8, String> {
    let level = text.trim().parse().ok().or_else(|| yes_or_no(text).ok().map(u8::from));
    level.ok_or_else(|| "expected 1 for debug, 2 for trace, or 0".into())
}

pub(super) fn instance(text: &str) -> Result<InstanceId, String> {
    let text = text.trim();
    InstanceId::parse(text).map_err(|error| {
        let reason = reason(error);
        if reason.contains("of a task") { format!("{reason}: run 'jobwait {text}'") } else { reason }
    })
}

pub(super) fn backoff(text: &str) -> Result<f64, String> {
    number(text, |factor| Pace::default().factor(factor))
}

pub(super) fn jitter(text: &str) -> Result<f64, String> {
    number(text, |share| Pace::default().jitter(share))
}

pub(super) fn tasks(text: &str) -> Result<usize, String> {
    let tasks = text.trim().parse().ok().filter(|tasks| (1..=MOST_TASKS).contains(tasks));
    tasks.ok_or_else(|| format!("expected a number from 1 to {MOST_TASKS}"))
}

pub(super) fn percent(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let percent = text.strip_suffix('%').unwrap_or(text).trim_end().parse().unwrap_or(f64::NAN);
    let accepted = Some(percent).filter(|percent| (0.01..=100.0).contains(percent));
    accepted.ok_or_else(|| "expected a percentage from 0.01 to 100".into())
}

fn number(text: &str, check: impl Fn(f64) -> Result<Pace, ConfigError>) -> Result<f64, String> {
    let number = text.trim().parse().unwrap_or(f64::NAN);
    check(number).map(|_| number).map_err(reason)
}

/// The reason alone of an error in a value.
pub(crate) fn reason(error: ConfigError) -> String {
    match error {
        ConfigError::Invalid { reason, .. } => reason,
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::args::Args;

    #[test]
    fn the_list_of_commands_is_complete() {
        let command = Args::command();
        let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        assert_eq!(names, COMMANDS);
    }
}
