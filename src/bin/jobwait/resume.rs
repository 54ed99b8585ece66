//! The command that resumes a wait, from wherever its settings came. None of them is a secret.

use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;
use jobwait::{Endpoint, JobId};

use crate::args::{LogFormat, Output, OutputArgs, Progress, SeveralArgs, TargetArgs, TimingArgs};
use crate::rate_limit::RateLimitArg;

/// What tells the command that waits on for some tasks.
pub(crate) type Resume<'a> = &'a dyn Fn(&[&JobId]) -> String;

/// More IDs than this make no command that anybody copies.
const COPIED: usize = 20;

/// How to wait on for these tasks.
pub(crate) fn sentence(settings: &str, jobs: &[&JobId]) -> String {
    if jobs.len() > COPIED {
        return format!("wait on, with the IDs of the tasks on standard input, with: {settings} -");
    }
    format!("wait on with: {}", command(settings, jobs))
}

fn command(settings: &str, jobs: &[&JobId]) -> String {
    jobs.iter().fold(settings.to_owned(), |command, job| command + " " + &quoted(job.as_str()))
}

/// The command and its settings, quoted for a shell. Credentials still come from where they came from.
pub(crate) fn settings(
    target: &TargetArgs,
    timing: &TimingArgs,
    several: &SeveralArgs,
    output: &OutputArgs,
) -> String {
    let variable = |names: &[&str]| {
        names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    };
    // What is no endpoint may hold a password: it is refused elsewhere, and not repeated here.
    let endpoint = |url: &Option<String>| Some(Endpoint::parse_insecure(url.as_deref()?).ok()?.to_string());
    let region = target.region.clone().or_else(|| variable(&["HW_REGION_NAME", "OS_REGION_NAME"]));
    let project = ["HW_PROJECT_ID", "OS_PROJECT_ID", "OS_TENANT_ID", "HUAWEICLOUD_SDK_PROJECT_ID"];
    let project = target.project_id.clone().or_else(|| variable(&project));
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let settings = [
        ("--region", region),
        ("--project-id", project),
        ("--endpoint", endpoint(&target.endpoint)),
        ("--iam-endpoint", endpoint(&target.iam_endpoint)),
        ("--service", Some(target.service.to_string()).filter(|service| service != "taurusdb")),
        ("--token-file", target.token_file.as_deref().map(path)),
        ("--profile", target.profile.clone()),
        ("--ca-cert", target.ca_cert.as_deref().map(path)),
        (
            "--timeout",
            Some(timing.pace.timeout)
                .filter(|_| !timing.once)
                .map(|timeout| humantime::format_duration(timeout).to_string()),
        ),
    ];
    // What is not as it is without being told. What was expected counts from the start of a wait, so that it
    // is left out.
    let pace = &timing.pace;
    let duration =
        |is: Duration, default: Duration| (is != default).then(|| humantime::format_duration(is).to_string());
    let number = |is: f64, default: &str| Some(is.to_string()).filter(|text| text != default);
    let settings = settings.into_iter().chain([
        ("--language", Some(target.language.as_str().to_owned()).filter(|language| language != "en-us")),
        ("--interval", duration(pace.interval, Duration::from_secs(1))),
        ("--max-interval", duration(pace.max_interval, Duration::from_secs(15))),
        ("--backoff", number(pace.backoff, "1.5")),
        ("--jitter", number(pace.jitter, "0.1")),
        ("--not-found-grace", duration(timing.not_found_grace, Duration::from_secs(60))),
        ("--request-timeout", duration(timing.request_timeout, Duration::from_secs(10))),
        ("--rate-limit", Some(several.rate_limit.to_string()).filter(|limit| limit != RateLimitArg::DEFAULT)),
        ("--output", name(&output.output, &Output::Text)),
        ("--progress", name(&output.progress, &Progress::Auto)),
        ("--heartbeat", duration(output.heartbeat, Duration::from_secs(30))),
        ("--log-format", name(&output.log_format, &LogFormat::Text)),
    ]);
    let mut words = vec!["jobwait".to_owned()];
    for (option, value) in settings {
        if let Some(value) = value {
            words.extend([option.to_owned(), quoted(&value)]);
        }
    }
    if target.insecure_http {
        words.push("--insecure-http".into());
    }
    if several.any {
        words.push("--any".into());
    }
    if several.keep_going {
        words.push("--keep-going".into());
    }
    if output.quiet {
        words.push("--quiet".into());
    }
    if output.verbose > 0 {
        words.push(format!("-{}", "v".repeat(output.verbose.into())));
    }
    words.join(" ")
}

/// A value as it is given, unless it is the default.
fn name<T: ValueEnum + PartialEq>(value: &T, default: &T) -> Option<String> {
    let value = Some(value).filter(|value| *value != default)?;
    Some(value.to_possible_value()?.get_name().to_owned())
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Args, WaitArgs, parse};

    fn parsed(words: &str) -> WaitArgs {
        let words = words.split(' ').map(Into::into);
        let Args { command: None, wait } = parse(words).unwrap() else { panic!("it is a command") };
        wait
    }

    #[test]
    fn the_command_waits_on_as_it_was_waited() {
        for words in [
            "jobwait --region r-1 --endpoint http://127.0.0.1:1 --timeout 1h x",
            "jobwait --region r-1 --project-id 0a --endpoint http://127.0.0.1:1 --iam-endpoint http://127.0.0.1:2 \
             --service rds --token-file t --profile p --ca-cert c --timeout 2m --language zh-cn --interval 2s \
             --max-interval 20s --backoff 2 --jitter 0.25 --not-found-grace 2m --request-timeout 3s \
             --output jsonl --progress plain --heartbeat 1m --log-format json --rate-limit 5/1s --keep-going --insecure-http --quiet -vv x",
        ] {
            let args = parsed(words);
            let id = JobId::parse("x").unwrap();
            let settings = settings(&args.target, &args.timing, &args.several, &args.output);
            let again = command(&settings, &[&id]);
            assert_eq!(format!("{:?}", parsed(&again)), format!("{args:?}"), "{again}");
        }
    }

    #[test]
    fn what_counts_from_the_start_is_left_out() {
        let args = parsed("jobwait --region r-1 --project-id 0a --endpoint http://127.0.0.1:1 --expect 9m x");
        let settings = settings(&args.target, &args.timing, &args.several, &args.output);
        let again = command(&settings, &[&JobId::parse("x").unwrap()]);
        assert_eq!(
            again,
            "jobwait --region r-1 --project-id 0a --endpoint http://127.0.0.1:1 --timeout 1h x"
        );
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_change_them() {
        for (word, shown) in
            [("a-b.c", "a-b.c"), ("it's", r"'it'\''s'"), ("", "''"), ("a b", "'a b'"), ("$(x)", "'$(x)'")]
        {
            assert_eq!(quoted(word), shown);
        }
    }
}
