//! The command that resumes a wait, with every value that was given, wherever it came from. None of them is a
//! secret.

use std::env;

use clap::{Arg, ArgAction};
use jobwait::text::safe;
use jobwait::{Endpoint, JobId};

use crate::args::{Given, SummaryTo};

/// The options that count from the start of a wait.
const FROM_THE_START: [&str; 2] = ["expect", "once"];

/// The variables that a resumed wait may not find in its environment.
const REGION: [&str; 5] =
    ["HW_REGION_NAME", "OS_REGION_NAME", "HUAWEICLOUD_SDK_REGION", "HUAWEI_CLOUD_REGION", "OS_REGION"];
const PROJECT: [&str; 4] = ["HW_PROJECT_ID", "OS_PROJECT_ID", "OS_TENANT_ID", "HUAWEICLOUD_SDK_PROJECT_ID"];

const ROLE: &str = "HW_ASSUME_ROLE_AGENCY_NAME";

/// The most IDs in a command that a person would copy.
const COPIED: usize = 20;

/// The options that select the tasks of an instance.
const OF_AN_INSTANCE: [&str; 4] = ["instance", "task_name", "since", "idle"];

/// The command that resumes a wait, without the IDs.
#[derive(Debug)]
pub(crate) struct Resume {
    by_ids: String,
    /// The command that searches for the tasks of an instance again.
    by_instance: Option<String>,
    /// The tasks that were found do not matter, only what is in progress.
    is_idle: bool,
}

impl Resume {
    pub(crate) fn new(given: &Given) -> Self {
        let command = |leaves_out: &[&str]| {
            let arguments = given.command.get_arguments();
            let kept = arguments.filter(|arg| !leaves_out.contains(&arg.get_id().as_str()));
            let options = kept.filter_map(|arg| option(arg, given));
            options.fold("jobwait".to_owned(), |command, option| command + " " + &option)
        };
        Self {
            by_ids: command(&OF_AN_INSTANCE),
            by_instance: given.contains("instance").then(|| command(&[])),
            is_idle: given.contains("idle"),
        }
    }

    /// The sentence with the command for these tasks. The tasks of an instance are resumed by their IDs: when
    /// they have ended meanwhile, `--since` may no longer find them.
    pub(crate) fn sentence(&self, jobs: &[&JobId]) -> String {
        if let Some(command) = self.by_instance.as_ref().filter(|_| self.is_idle || jobs.is_empty()) {
            return format!("to resume, run: {command}");
        }
        if jobs.len() > COPIED {
            return format!("to resume, run with the job IDs on standard input: {} -", self.by_ids);
        }
        format!("to resume, run: {}", self.command(jobs))
    }

    fn command(&self, jobs: &[&JobId]) -> String {
        // An ID that begins with a dash would be taken for an option.
        let has_dash = jobs.iter().any(|job| job.as_str().starts_with('-'));
        let command = if has_dash { format!("{} --", self.by_ids) } else { self.by_ids.clone() };
        jobs.iter().fold(command, |command, job| command + " " + &quoted(job.as_str()))
    }
}

/// An option with its value, if it was given.
fn option(arg: &Arg, given: &Given) -> Option<String> {
    let id = arg.get_id().as_str();
    let is_given = given.contains(id) && !FROM_THE_START.contains(&id);
    match arg.get_action() {
        ArgAction::SetTrue => is_given.then(|| format!("--{}", arg.get_long().unwrap_or(id))),
        ArgAction::Count => {
            let short = arg.get_short().unwrap_or_default().to_string();
            is_given.then(|| format!("-{}", short.repeat(given.matches.get_count(id).into())))
        }
        ArgAction::Set => {
            let value = given.matches.get_raw(id).filter(|_| is_given).and_then(|mut values| values.next());
            let value = value.map(|value| value.to_string_lossy().trim().to_owned());
            let value = match id {
                // A profile that an option names may have its own.
                "region" if !given.contains("profile") => value.or_else(|| variable(&REGION)),
                // The project of a role is not that of the variables.
                "project_id" if !given.contains("profile") && variable(&[ROLE]).is_none() => {
                    value.or_else(|| variable(&PROJECT))
                }
                // A malformed URL may contain a password.
                "endpoint" | "iam_endpoint" => Some(Endpoint::parse_insecure(&value?).ok()?.to_string()),
                // The summary of a step is not there when a person resumes the wait elsewhere.
                "summary" => value.filter(|_| matches!(given.matches.get_one(id), Some(SummaryTo::File(_)))),
                _ => value,
            };
            let (long, value) = (arg.get_long()?, value?);
            let needs_equals = arg.is_require_equals_set() || value.starts_with('-');
            let separator = if needs_equals { '=' } else { ' ' };
            Some(format!("--{long}{separator}{}", quoted(&value)))
        }
        _ => None,
    }
}

fn variable(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()))
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else if safe(word, usize::MAX).to_string() == word {
        format!("'{}'", word.replace('\'', r"'\''"))
    } else {
        // Control characters are escaped so that the shells of people understand them.
        let escaped = word.chars().map(|c| match c {
            '\'' | '\\' => format!("\\{c}"),
            c if c.is_ascii_graphic() || c == ' ' => c.to_string(),
            c => format!("\\U{:08x}", u32::from(c)),
        });
        format!("$'{}'", escaped.collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Args, WaitArgs, parse};

    fn parsed(words: &str) -> (WaitArgs, Given) {
        let (Args { command: None, wait }, given) = parse(words.split(' ').map(Into::into)).unwrap() else {
            panic!("it is a command")
        };
        (wait, given)
    }

    fn resumed(given: &Given) -> String {
        Resume::new(given).command(&[&JobId::parse("x").unwrap()])
    }

    #[test]
    fn a_resumed_wait_has_the_options_of_the_first() {
        for words in [
            "jobwait --region r-1 --endpoint http://127.0.0.1:1 --timeout 1h --print /a x",
            "jobwait --region r-1 --project-id 0a --endpoint http://127.0.0.1:1 \
             --iam-endpoint http://127.0.0.1:2 --service rds --token-file t --profile p --ca-cert c \
             --language zh-cn --insecure-http --timeout 2m --interval 2s --max-interval 20s --backoff 2 \
             --jitter 0.25 --not-found-grace 2m --request-timeout 3s --keep-going --rate-limit 5/1s \
             --output jsonl --summary=a/b.md --progress plain --heartbeat 1m --quiet -vv --log-format json x",
        ] {
            let (args, given) = parsed(words);
            let again = resumed(&given);
            assert_eq!(format!("{:?}", parsed(&again).0), format!("{args:?}"), "{again}");
        }
    }

    /// Covers U8.
    #[test]
    fn words_that_begin_with_a_dash_are_not_taken_for_options() {
        let (_, given) = parsed("jobwait --region r-1 --project-id 0a --ca-cert=-c -- -x");
        let again = Resume::new(&given).command(&["-x", "y"].map(|id| JobId::parse(id).unwrap()).each_ref());
        assert_eq!(again, "jobwait --region r-1 --project-id 0a --ca-cert=-c -- -x y");
        assert_eq!(parsed(&again).0.job_ids, ["-x", "y"]);
    }

    #[test]
    fn options_that_count_from_the_start_are_not_repeated() {
        let (_, given) = parsed("jobwait --region r-1 --project-id 0a --once --expect 9m --summary x");
        assert_eq!(resumed(&given), "jobwait --region r-1 --project-id 0a x");
    }

    #[test]
    fn the_tasks_of_an_instance_are_resumed_by_their_ids_if_these_are_known() {
        const INSTANCE: &str = "--region r-1 --project-id 0a --instance a48e43ff268f4c0e879652d65e63d0fbin07";
        let (job, more) = (JobId::parse("x").unwrap(), "--task-name Create --since 2h");
        let resume = Resume::new(&parsed(&format!("jobwait {INSTANCE} {more}")).1);
        assert_eq!(resume.sentence(&[&job]), "to resume, run: jobwait --region r-1 --project-id 0a x");
        assert_eq!(
            resume.sentence(&[]),
            "to resume, run: jobwait --instance a48e43ff268f4c0e879652d65e63d0fbin07 --task-name \
             Create --since 2h --region r-1 --project-id 0a"
        );
        let idle = Resume::new(&parsed(&format!("jobwait {INSTANCE} --idle")).1);
        assert!(idle.sentence(&[&job]).ends_with(
            "jobwait --instance a48e43ff268f4c0e879652d65e63d0fbin07 --idle --region r-1 --project-id 0a"
        ));
    }

    #[test]
    fn a_url_that_may_contain_a_password_is_not_repeated() {
        let (_, given) = parsed("jobwait --region r-1 --project-id 0a --endpoint https://u:secret@h x");
        assert_eq!(resumed(&given), "jobwait --region r-1 --project-id 0a x");
    }

    #[test]
    fn words_that_a_shell_would_change_are_quoted() {
        for (word, shown) in [
            ("a-b.c", "a-b.c"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("a b", "'a b'"),
            ("$(x)", "'$(x)'"),
            ("a\u{1b}'b", r"$'a\U0000001b\'b'"),
        ] {
            assert_eq!(quoted(word), shown);
        }
    }
}
