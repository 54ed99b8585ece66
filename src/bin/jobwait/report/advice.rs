//! What to say beside a verdict: the last observation, the likely causes, the next command. At most four
//! lines.

use jobwait::{Fault, FaultKind, Job, Outcome, Status, Upstream, Verdict};

use super::plain::meaning;
use super::words::{complaint, name, status};
use crate::duration::brief;
use crate::signals::Signal;

pub(super) fn on(verdict: &Verdict, signal: Option<Signal>, resume: Option<&str>) -> Vec<String> {
    let goes_on = || {
        // Without a command that waits on, there is no task to wait for: the simulated one ends with its
        // process.
        let goes = if resume.is_some() {
            "the task goes on in the cloud"
        } else {
            "the simulated task ends with it"
        };
        format!("{goes}{}", observation(verdict))
    };
    let wait_on = || resume.map(|resume| format!(": {resume}"));
    match verdict.outcome {
        Outcome::Completed => {
            let reason = verdict.job().and_then(|job| job.fail_reason());
            reason
                .map(|_| ": warning: the task completed, and gives a fail_reason all the same".into())
                .into_iter()
                .collect()
        }
        // The result says it all.
        Outcome::Failed => Vec::new(),
        Outcome::NotFound if verdict.last_seen.is_some() => vec![
            format!(": the task was there and is gone{}", observation(verdict)),
            ": its instance may have been deleted; the console's task center lists what became of it".into(),
        ],
        Outcome::NotFound => [
            ": the service knows no such task in this project: likely another project or region than the task's, a mistyped ID,".into(),
            ": a task older than a month, or one so new that it is not visible yet".into(),
        ]
        .into_iter()
        .chain(wait_on())
        .collect(),
        Outcome::Unauthorized => said_and_cause("refused", verdict.fault.as_ref()),
        Outcome::TimedOut => {
            let mut lines = vec![format!(": {}", goes_on())];
            lines.extend(
                verdict.fault.as_ref().map(|fault| format!(": the last look failed: {}", complaint(fault))),
            );
            lines.extend(
                verdict.job().map(|job| meaning(job.status())).filter(|meaning| !meaning.is_empty()).map(
                    |meaning| format!(": {}{meaning}", name(verdict.job().map_or(&Status::Running, Job::status))),
                ),
            );
            lines.extend(wait_on());
            lines
        }
        Outcome::Stopped => {
            let name = signal.map_or("a signal", Signal::name);
            std::iter::once(format!(": ended by {name}; {}", goes_on())).chain(wait_on()).collect()
        }
        _ => {
            let mut lines = said_and_cause("no usable answer", verdict.fault.as_ref());
            // What no retry can mend is not mended by waiting on.
            let may_pass = verdict.fault.as_ref().is_none_or(|fault| {
                matches!(
                    fault.kind,
                    FaultKind::Network
                        | FaultKind::TimedOut
                        | FaultKind::Unavailable
                        | FaultKind::Throttled
                        | FaultKind::UnknownHost
                        | FaultKind::Local
                        | FaultKind::RateLimited
                )
            });
            lines.extend(wait_on().filter(|_| may_pass));
            lines
        }
    }
}

/// How the task was last seen, and how long ago.
fn observation(verdict: &Verdict) -> String {
    verdict.last_seen.as_ref().map_or_else(
        || "; it was not seen".to_owned(),
        |seen| {
            let age = brief(verdict.elapsed.saturating_sub(seen.at));
            format!("; last seen {} {age} ago", status(&seen.job))
        },
    )
}

/// What was said, and what is likely wrong. The result says the former too, but it may go elsewhere.
fn said_and_cause(what: &str, fault: Option<&Fault>) -> Vec<String> {
    let said = fault.map_or_else(|| "nothing was said".to_owned(), complaint);
    let cause = fault.and_then(cause).map(|cause| format!(": {cause}"));
    std::iter::once(format!(": {what}: {said}")).chain(cause).collect()
}

/// What is likely wrong, and where to look.
fn cause(fault: &Fault) -> Option<&'static str> {
    Some(match (fault.upstream, fault.kind) {
        (_, FaultKind::Unauthenticated) => {
            "the credentials are wrong, have expired, or are of another region; -v tells which were used"
        }
        (_, FaultKind::UnknownProject) => "give --project-id, or the --region whose project it is",
        (_, FaultKind::Untrusted) => {
            "give the issuer's certificate with --ca-cert, and check the host and this machine's clock"
        }
        (_, FaultKind::Proxy) => "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
        (_, FaultKind::RateLimited) => "so many tasks need a larger --rate-limit, or a longer --timeout",
        (Upstream::Iam, FaultKind::Forbidden) => {
            "they may not ask IAM for the project's ID: give --project-id"
        }
        (Upstream::Iam, _) => {
            "check --region and --iam-endpoint; with --project-id, and without a password, IAM is not asked"
        }
        (Upstream::Metadata, _) => "check the agency of this ECS instance",
        (_, FaultKind::Forbidden) => {
            "these credentials need gaussdbformysql:task:list (or the sibling's like) in this project"
        }
        (_, FaultKind::UnknownHost) => "check --region and --endpoint, and this machine's name lookup",
        (_, FaultKind::Redirected | FaultKind::WrongApi) => {
            "check host and path prefix of --endpoint: the jobs API is not there"
        }
        (_, FaultKind::Unreadable) => {
            "something else answers at --endpoint: a login page, a proxy, another API"
        }
        (_, FaultKind::BadRequest) => "check --project-id and the ID of the task",
        (_, FaultKind::Network | FaultKind::TimedOut) => {
            "check --endpoint, the network and the proxy on the way"
        }
        (_, FaultKind::Unavailable) => {
            "the service, or what stands before it, is out of order; its status page may tell"
        }
        (_, FaultKind::Throttled) => {
            "too many requests for this account: who else polls? A longer --max-interval asks less often"
        }
        (_, FaultKind::Local) => "this machine is short of something; see the error",
        _ => return None,
    })
}
