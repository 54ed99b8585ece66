//! The result: one line of text, or one JSON document. Field names are API.

use std::time::Duration;

use jobwait::text::{safe, safe_json};
use jobwait::{Fault, Job, JobId, Verdict};
use serde::Serialize;

use super::words::{LONGEST_TEXT, complaint, status, subject};
use crate::duration::brief;

/// `<job id> <outcome> …`
pub(super) fn text(id: &JobId, outcome: &str, verdict: &Verdict) -> String {
    let job = verdict.job();
    let subject = job.and_then(subject).map(|subject| format!(" {subject}"));
    let took = brief(verdict.elapsed);
    let end = match (outcome, job) {
        ("completed" | "failed", Some(job)) => match job.fail_reason() {
            Some(reason) => format!(": {}", safe(reason.trim(), LONGEST_TEXT)),
            None if outcome == "failed" => format!(": {}, without a reason", status(job)),
            None => String::new(),
        },
        (_, Some(job)) => format!(", last seen {}", status(job)),
        (_, None) => String::new(),
    };
    let fault = verdict.fault.as_ref().map(|fault| format!(": {}", complaint(fault)));
    format!("{id} {outcome}{} after {took}{end}{}", subject.unwrap_or_default(), fault.unwrap_or_default())
}

/// One document, on one line.
pub(super) fn json(outcome: &'static str, exit_code: u8, jobs: Vec<Entry<'_>>) -> String {
    line(&Document { outcome, exit_code, jobs })
}

/// On one line.
pub(super) fn line(document: &impl Serialize) -> String {
    // It has string keys and finite numbers only, and a job is JSON already.
    let json = serde_json::to_string(document).unwrap_or_else(|_| unreachable!("a document of plain fields"));
    safe_json(&json).into_owned()
}

/// To the millisecond.
pub(super) fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

#[derive(Serialize)]
struct Document<'a> {
    outcome: &'static str,
    exit_code: u8,
    jobs: Vec<Entry<'a>>,
}

/// How one task ended.
#[derive(Serialize)]
pub(super) struct Entry<'a> {
    /// Where it stands by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    job_id: &'a str,
    outcome: &'static str,
    elapsed_seconds: f64,
    polls: u32,
    fail_reason: Option<&'a str>,
    error: Option<Error<'a>>,
    job: Option<&'a Job>,
}

impl<'a> Entry<'a> {
    pub(super) fn new(
        event: Option<&'static str>,
        id: &'a JobId,
        outcome: &'static str,
        verdict: &'a Verdict,
    ) -> Self {
        Self {
            event,
            job_id: id.as_str(),
            outcome,
            elapsed_seconds: seconds(verdict.elapsed),
            polls: verdict.polls,
            fail_reason: verdict.job().and_then(Job::fail_reason),
            error: verdict.fault.as_ref().map(Error::from),
            job: verdict.job(),
        }
    }
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the service's own name for it")]
struct Error<'a> {
    message: &'a str,
    error_code: Option<&'a str>,
    request_id: Option<&'a str>,
    http_status: Option<u16>,
}

impl<'a> From<&'a Fault> for Error<'a> {
    fn from(fault: &'a Fault) -> Self {
        Self {
            message: &fault.message,
            error_code: fault.error_code.as_deref(),
            request_id: fault.request_id.as_deref(),
            http_status: fault.http_status,
        }
    }
}
