//! Hints beside a verdict: the state that was last seen, the likely cause, the next command. At most four
//! lines.

use std::sync::Arc;

use jobwait::{Fault, FaultKind, Job, JobId, Outcome, Upstream, Verdict};

use super::messages::Messages;
use super::wording::{complaint, meaning, name, status};
use super::{Sink, Summary};
use crate::duration::brief;
use crate::exit::Ending;

#[derive(Debug)]
pub(super) struct Hints(pub(super) Messages);

impl Sink for Hints {
    fn finish(&mut self, summary: &Arc<Summary>) {
        let open: Vec<&JobId> =
            summary.tasks.iter().filter(|task| task.ending.is_open()).map(|task| &task.id).collect();
        let resume = summary.resume.as_ref().map(|resume| resume.sentence(&open));
        if let Some(search) = summary.search.as_ref().filter(|search| {
            summary.tasks.is_empty() || !matches!(search.outcome, Outcome::Completed | Outcome::NotFound)
        }) {
            for line in of_search(search, summary.ending, resume.as_deref()) {
                self.0.write(&line);
            }
            return;
        }
        if let Some(task) = summary.decisive() {
            let label = if summary.tasks.len() > 1 { format!("{}: ", task.id) } else { String::new() };
            for line in hints(&task.verdict, task.ending, resume.as_deref()) {
                self.0.write(&format!("{label}{line}"));
            }
        }
        if let Some(resume) = resume.filter(|_| summary.ending == Ending::Failed && !open.is_empty()) {
            self.0.write(&format!("the other tasks continue in the cloud; {resume}"));
        }
    }
}

/// The hints beside a search that ended the wait.
pub(super) fn of_search(search: &Verdict, ending: Ending, resume: Option<&str>) -> Vec<String> {
    let resume = || resume.map(str::to_owned);
    match (search.outcome, ending) {
        (Outcome::Completed, _) => vec!["no task of the instance is in progress".into()],
        (Outcome::NotFound, _) => {
            let message = search.fault.as_ref().map(complaint).unwrap_or_default();
            let causes = "likely causes: another project or region, another instance, or a task \
                          that ended before; use a longer --since for that";
            vec![message, causes.into()]
        }
        (Outcome::Stopped, Ending::Interrupted(signal)) => {
            let stopped = format!("stopped by {} while searching for tasks", signal.name());
            [stopped].into_iter().chain(resume()).collect()
        }
        (outcome, _) => {
            let what = if outcome == Outcome::Unauthorized { "refused" } else { "no usable response" };
            let lines = complaint_and_cause(what, search.fault.as_ref());
            let may_pass = search.fault.as_ref().is_none_or(|fault| may_pass(fault.kind));
            lines.into_iter().chain(resume().filter(|_| may_pass)).collect()
        }
    }
}

fn hints(verdict: &Verdict, ending: Ending, resume: Option<&str>) -> Vec<String> {
    let continues = || {
        // Only a simulated task has no command that resumes its wait.
        let continues = match resume {
            Some(_) => "the task continues in the cloud",
            None => "the simulated task ends with this process",
        };
        format!("{continues}{}", last_seen(verdict))
    };
    let resume = || resume.map(str::to_owned);
    match verdict.outcome {
        Outcome::Completed => {
            let reason = verdict.job().and_then(|job| job.fail_reason());
            let warning = "warning: the task completed, but it has a fail_reason";
            reason.map(|_| warning.into()).into_iter().collect()
        }
        // The verdict has everything.
        Outcome::Failed => Vec::new(),
        Outcome::NotFound if verdict.last_seen.is_some() => vec![
            format!("the task is gone{}", last_seen(verdict)),
            "its instance may have been deleted: see the task center of the console".into(),
        ],
        Outcome::NotFound => [
            "the service knows no such task in this project. Likely causes: another project or region,"
                .into(),
            "a mistyped ID, a task older than a month, or one that is too new to be visible".into(),
        ]
        .into_iter()
        .chain(resume())
        .collect(),
        Outcome::Unauthorized => complaint_and_cause("refused", verdict.fault.as_ref()),
        Outcome::TimedOut => {
            let fault =
                verdict.fault.as_ref().map(|fault| format!("the last poll failed: {}", complaint(fault)));
            let status = verdict.job().map(Job::status).filter(|status| !meaning(status).is_empty());
            let status = status.map(|status| format!("{}{}", name(status), meaning(status)));
            [continues()].into_iter().chain(fault).chain(status).chain(resume()).collect()
        }
        Outcome::Stopped => {
            let signal = match ending {
                Ending::Interrupted(signal) => signal.name(),
                _ => "a signal",
            };
            [format!("stopped by {signal}; {}", continues())].into_iter().chain(resume()).collect()
        }
        _ => {
            let lines = complaint_and_cause("no usable response", verdict.fault.as_ref());
            let may_pass = verdict.fault.as_ref().is_none_or(|fault| may_pass(fault.kind));
            lines.into_iter().chain(resume().filter(|_| may_pass)).collect()
        }
    }
}

/// Returns whether a fault may be gone when the wait is resumed.
fn may_pass(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::Network
            | FaultKind::TimedOut
            | FaultKind::Unavailable
            | FaultKind::Throttled
            | FaultKind::UnknownHost
            | FaultKind::Local
            | FaultKind::RateLimited
    )
}

/// The state that was last seen, with its age.
fn last_seen(verdict: &Verdict) -> String {
    verdict.last_seen.as_ref().map_or_else(
        || "; its state is unknown".to_owned(),
        |seen| {
            let age = brief(verdict.elapsed.saturating_sub(seen.at));
            format!("; last seen {} {age} ago", status(&seen.job))
        },
    )
}

/// The message of a fault, and its likely cause. The verdict has the message, too, but may go elsewhere.
fn complaint_and_cause(what: &str, fault: Option<&Fault>) -> Vec<String> {
    let message = fault.map_or_else(|| "no details are known".to_owned(), complaint);
    let cause = fault.and_then(cause).map(str::to_owned);
    [format!("{what}: {message}")].into_iter().chain(cause).collect()
}

/// The likely cause of a fault, or the thing to check.
fn cause(fault: &Fault) -> Option<&'static str> {
    Some(match (fault.upstream, fault.kind) {
        (_, FaultKind::Unauthenticated) => {
            "the credentials are wrong, have expired, or belong to another region; -v shows their source"
        }
        (_, FaultKind::UnknownProject) => "use --project-id, or the --region of the project",
        (_, FaultKind::Untrusted) => {
            "use --ca-cert for the issuer's certificate, and check the host and the clock of this machine"
        }
        (_, FaultKind::Proxy) => "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
        (_, FaultKind::RateLimited) => "so many tasks need a larger --rate-limit or a longer --timeout",
        (Upstream::Iam, FaultKind::Forbidden) => {
            "these credentials may not ask IAM for the project: use --project-id"
        }
        (Upstream::Iam, _) => {
            "check --region and --iam-endpoint; with --project-id and without a password, IAM is not needed"
        }
        (Upstream::Metadata, _) => "check the agency of this ECS instance",
        (_, FaultKind::Forbidden) => {
            "the credentials need permission to list tasks in this project, such as gaussdbformysql:task:list"
        }
        (_, FaultKind::UnknownHost) => "check --region, --endpoint and the DNS settings of this machine",
        (_, FaultKind::Redirected | FaultKind::WrongApi) => {
            "check the host and the path prefix of --endpoint: there is no jobs API at this address"
        }
        (_, FaultKind::Unreadable) => {
            "check --endpoint: something else answers there, such as a login page, a proxy or another API"
        }
        (_, FaultKind::BadRequest) => "check --project-id and the job ID",
        (_, FaultKind::Network | FaultKind::TimedOut) => "check --endpoint, the network and the proxy",
        (_, FaultKind::Unavailable) => {
            "the service or its gateway is out of order: see the status page of the service"
        }
        (_, FaultKind::Throttled) => {
            "the quota of the account is used up: give all job IDs to one jobwait, use a longer \
             --max-interval, or find other clients that poll"
        }
        (_, FaultKind::Local) => "this machine lacks a resource, such as file descriptors",
        _ => return None,
    })
}
