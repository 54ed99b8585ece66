//! The wording that the sinks share. Text from the service is made safe to show.

use jobwait::text::safe;
use jobwait::{Fault, Job, JobId, Status, TaskRow, Verdict};

use crate::duration::brief;
use crate::exit::Ending;

/// The number of characters of a text of the service in one line.
const LONGEST_TEXT: usize = 300;

/// `Running`
pub(super) fn name(status: &Status) -> String {
    safe(status.as_str(), 60).to_string()
}

/// `Running 40%`
pub(super) fn status(job: &Job) -> String {
    let status = name(job.status());
    match job.progress() {
        Some(progress) => format!("{status} {progress}"),
        None => status,
    }
}

/// The meaning of a status that people may not expect, in parentheses.
pub(super) fn meaning(status: &Status) -> &'static str {
    match status {
        Status::Pending => " (it may be waiting for the maintenance window)",
        Status::Unauthorized => " (a person must approve it)",
        Status::Other(_) => " (an unknown status; the wait continues)",
        _ => "",
    }
}

/// `CreateGaussDBforMySQLInstance of simulated-mysql (…in07)`, or the part of it that is known.
pub(super) fn subject(job: &Job) -> Option<String> {
    let name = job.name().map(|name| safe(name, 80).to_string());
    let instance = job.instance().and_then(|instance| match (&instance.name, &instance.id) {
        (Some(name), Some(id)) => Some(format!("{} ({})", safe(name, 80), safe(id, 60))),
        (Some(one), None) | (None, Some(one)) => Some(safe(one, 80).to_string()),
        (None, None) => None,
    });
    match (name, instance) {
        (Some(name), Some(instance)) => Some(format!("{name} of {instance}")),
        (one, other) => one.or(other),
    }
}

/// `CreateGaussDBforMySQLInstance 31b8ae23-… (Running)`, or the part of it that is known.
pub(super) fn row(row: &TaskRow) -> String {
    let id = row.id().map(ToString::to_string).unwrap_or_default();
    let name = row.name().map(|name| safe(name, 80).to_string()).unwrap_or_default();
    let status = format!("({})", self::name(row.status()));
    let words = [name, id, status].into_iter().filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// The message of a fault, with the service's code and the ID for which its support asks.
pub(super) fn complaint(fault: &Fault) -> String {
    let message = safe(&fault.message, LONGEST_TEXT);
    let code = fault.error_code.as_deref().map(|code| safe(code, 40).to_string());
    let request = fault.request_id.as_deref().map(|id| format!("request {}", safe(id, 80)));
    let details: Vec<String> = code.into_iter().chain(request).collect();
    if details.is_empty() { message.to_string() } else { format!("{message} ({})", details.join(", ")) }
}

/// The reason of an end, or the state in which a task was last seen.
pub(super) fn state(ending: Ending, job: &Job) -> Option<String> {
    match (ending, job.fail_reason()) {
        (Ending::Completed | Ending::Failed, Some(reason)) => {
            Some(safe(reason.trim(), LONGEST_TEXT).to_string())
        }
        (Ending::Completed, None) => None,
        (Ending::Failed, None) => Some(format!("{}, no reason given", status(job))),
        (_, _) => Some(format!("last seen {}", status(job))),
    }
}

/// `<job id> <outcome> …`
pub(super) fn verdict(id: &JobId, ending: Ending, verdict: &Verdict) -> String {
    let job = verdict.job();
    let subject = job.and_then(subject).map(|subject| format!(" {subject}")).unwrap_or_default();
    let separator = if matches!(ending, Ending::Completed | Ending::Failed) { ": " } else { ", " };
    let state = job.and_then(|job| state(ending, job));
    let end = state.map(|state| format!("{separator}{state}")).unwrap_or_default();
    let fault = verdict.fault.as_ref().map(|fault| format!(": {}", complaint(fault))).unwrap_or_default();
    format!("{id} {}{subject} after {}{end}{fault}", ending.name(), brief(verdict.elapsed))
}
