//! The command that resumes a wait, from wherever its settings came. None of them is a secret.

use std::path::Path;

use jobwait::{Endpoint, JobId};

use crate::args::{TargetArgs, TimingArgs};

/// The command line, quoted for a shell. Credentials still come from where they came from.
pub(crate) fn command(job: &JobId, target: &TargetArgs, timing: &TimingArgs) -> String {
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
    let mut words = vec!["jobwait".to_owned()];
    for (option, value) in settings {
        if let Some(value) = value {
            words.extend([option.to_owned(), quoted(&value)]);
        }
    }
    if target.insecure_http {
        words.push("--insecure-http".into());
    }
    words.push(quoted(job.as_str()));
    words.join(" ")
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

    #[test]
    fn words_are_quoted_where_a_shell_would_change_them() {
        for (word, shown) in
            [("a-b.c", "a-b.c"), ("it's", r"'it'\''s'"), ("", "''"), ("a b", "'a b'"), ("$(x)", "'$(x)'")]
        {
            assert_eq!(quoted(word), shown);
        }
    }
}
