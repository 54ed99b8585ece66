//! Advice after an error in the usage: what users of other tools probably meant.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Arg, Command};

/// The options of other tools, each with the advice for its users.
const OF_OTHERS: [(&[&str], &str); 9] = [
    (
        &[
            "ak",
            "sk",
            "access-key",
            "access-key-id",
            "secret-key",
            "secret-access-key",
            "security-token",
            "password",
            "user",
            "username",
        ],
        "no secret is an option: set HW_ACCESS_KEY and HW_SECRET_KEY, or see --help for other credentials",
    ),
    (&["token", "auth-token", "x-auth-token"], "no secret is an option: use --token-file or HW_AUTH_TOKEN"),
    (&["json", "jsonl", "text"], "the format of the result is --output, such as '--output json'"),
    (&["format", "cli-output"], "the format of the result is --output, such as '--output json'"),
    (
        &["job", "job-id", "job_id", "jobid", "id", "task", "task-id"],
        "a task's ID is given without an option",
    ),
    (&["instance-id", "instance_id"], "the ID of an instance is given as '--instance <ID>'"),
    (&["debug", "trace"], "logs are '-v' for debug and '-vv' for trace"),
    (&["wait", "max-wait", "wait-timeout", "cli-waiter"], "the deadline is '--timeout <DURATION>'"),
    (
        &["poll", "poll-interval", "delay", "sleep"],
        "the first delay between polls is '--interval <DURATION>'",
    ),
];

/// The least similarity of two names that are taken for each other.
const SIMILAR: f64 = 0.8;

/// Returns the advice after an error. `argument` is the one that clap rejects.
pub(super) fn after(
    kind: ErrorKind,
    argument: Option<&str>,
    words: &[OsString],
    command: &Command,
) -> Option<String> {
    if kind == ErrorKind::MissingRequiredArgument && argument.is_some_and(|name| name.contains("JOB_ID")) {
        return Some("'-' reads IDs from standard input; --instance <ID> needs none".into());
    }
    if let Some(long) = words.iter().find_map(|word| with_one_dash(word.to_str()?, command)) {
        return Some(format!("a long option begins with two dashes: '--{long}'"));
    }
    let unknown = argument.filter(|_| kind == ErrorKind::UnknownArgument)?.strip_prefix("--")?;
    let unknown = unknown.split(['=', ' ']).next().unwrap_or(unknown);
    let unknown = unknown.strip_prefix("cli-").unwrap_or(unknown);
    if let Some((_, advice)) = OF_OTHERS.iter().find(|(names, _)| names.contains(&unknown)) {
        return Some((*advice).to_owned());
    }
    let same = long_options(command).find(|long| *long == unknown);
    same.map(|long| format!("the option is '--{long}'"))
}

/// Returns the name of a long option in a word that begins with one dash, such as `-timeout`.
fn with_one_dash<'a>(word: &'a str, command: &Command) -> Option<&'a str> {
    let name = word.strip_prefix('-').filter(|name| name.len() > 2 && !name.starts_with('-'))?;
    let name = name.split('=').next().unwrap_or(name);
    long_options(command).any(|long| long == name).then_some(name)
}

fn long_options(command: &Command) -> impl Iterator<Item = &str> {
    command.get_arguments().filter_map(Arg::get_long)
}

/// Returns the known name that is nearest to an unknown one, if there is one that is near.
pub(super) fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let own = |name: &str| name.trim_start_matches("JOBWAIT_").to_ascii_lowercase();
    let similarity = |name: &str| strsim::jaro_winkler(&own(name), &own(unknown));
    let by_similarity = known.map(|name| (similarity(name), name));
    let nearest = by_similarity.max_by(|one, other| one.0.total_cmp(&other.0));
    nearest.filter(|(similarity, _)| *similarity >= SIMILAR).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_if_there_is_one() {
        let nearest = |unknown: &str| nearest(unknown, ["timeout", "interval", "max-interval"].into_iter());
        assert_eq!(nearest("JOBWAIT_TIMOUT"), Some("timeout"));
        assert_eq!(nearest("JOBWAIT_MAX_INTERVALL"), Some("max-interval"));
        assert_eq!(nearest("JOBWAIT_COLOR"), None);
    }
}
