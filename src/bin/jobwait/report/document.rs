//! The JSON documents. Field names are API. Their published schemas are generated from the structs, in
//! `schema`.

#[cfg(test)]
mod schema;

use std::time::Duration;

use jiff::Timestamp;
use jobwait::text::safe_json;
use jobwait::{Fault, Job, JobId, Verdict};
#[cfg(test)]
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::exit::Ending;

/// The version of the format of documents and events; docs/stability.md has the rules.
pub(crate) const FORMAT_VERSION: &str = "1.0";

/// Formats a document on one line.
pub(super) fn line(document: &impl Serialize) -> String {
    // It has string keys and finite numbers only, and a job is JSON already.
    let json = serde_json::to_string(document).unwrap_or_else(|_| unreachable!("a document of plain fields"));
    safe_json(&json).into_owned()
}

/// A time in seconds, rounded to milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(test, derive(JsonSchema), schemars(inline))]
pub(super) struct Seconds(#[cfg_attr(test, schemars(range(min = 0)))] f64);

impl From<Duration> for Seconds {
    fn from(duration: Duration) -> Self {
        Self((duration.as_secs_f64() * 1000.0).round() / 1000.0)
    }
}

/// The time of an event, in UTC and RFC 3339: `2026-01-02T03:04:05.678Z`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time(pub(super) Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.3}", self.0))
    }
}

/// One document, on one line, when a wait ends; for every exit code but 2.
#[derive(Serialize)]
#[cfg_attr(test, derive(JsonSchema), schemars(title = "jobwait --output json"))]
#[cfg_attr(test, schemars(transform = schema::with_exit_codes))]
pub(super) struct Document<'a> {
    #[cfg_attr(test, schemars(schema_with = "schema::format_version"))]
    pub(super) format_version: &'static str,
    #[cfg_attr(test, schemars(schema_with = "schema::outcome"))]
    pub(super) outcome: &'static str,
    /// The exit code of the process.
    pub(super) exit_code: u8,
    /// The tasks, in the order in which they were given. Empty when a signal came before all IDs were read.
    pub(super) jobs: Vec<Entry<'a>>,
}

/// The end of the wait for one task.
#[derive(Serialize)]
#[cfg_attr(test, derive(JsonSchema), schemars(rename = "job"))]
pub(super) struct Entry<'a> {
    job_id: &'a str,
    #[cfg_attr(test, schemars(schema_with = "schema::outcome_of_a_task"))]
    outcome: &'static str,
    /// The time since the start of the process.
    elapsed_seconds: Seconds,
    /// The number of polls of this task.
    polls: u32,
    /// The number of requests: polls, sign-ins, lookups of the project, and requests sent again.
    requests: u32,
    /// The service's own words, never cut.
    fail_reason: Option<&'a str>,
    error: Option<Error<'a>>,
    /// The service's own job object when it was last seen, unaltered.
    #[cfg_attr(test, schemars(with = "Option<serde_json::Map<String, serde_json::Value>>"))]
    job: Option<&'a Job>,
}

impl<'a> Entry<'a> {
    pub(super) fn new(id: &'a JobId, ending: Ending, verdict: &'a Verdict) -> Self {
        Self {
            job_id: id.as_str(),
            outcome: ending.name(),
            elapsed_seconds: verdict.elapsed.into(),
            polls: verdict.polls,
            requests: verdict.requests,
            fail_reason: verdict.job().and_then(Job::fail_reason),
            error: verdict.fault.as_ref().map(Error::new),
            job: verdict.job(),
        }
    }
}

/// The error, if there was one. Every field but message may be null.
#[derive(Serialize)]
#[cfg_attr(test, derive(JsonSchema), schemars(rename = "error"))]
#[expect(clippy::struct_field_names, reason = "the service's own name for it")]
struct Error<'a> {
    message: &'a str,
    /// The service's own code, such as DBS.200543.
    error_code: Option<&'a str>,
    /// The ID for which the service's support asks.
    request_id: Option<&'a str>,
    #[cfg_attr(test, schemars(range(min = 100, max = 999)))]
    http_status: Option<u16>,
}

impl<'a> Error<'a> {
    fn new(fault: &'a Fault) -> Self {
        Self {
            message: &fault.message,
            error_code: fault.error_code.as_deref(),
            request_id: fault.request_id.as_deref(),
            http_status: fault.http_status,
        }
    }
}

/// One object per line, as things happen: first version, last result. Readers ignore events they do not know.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
#[cfg_attr(test, derive(JsonSchema), schemars(title = "jobwait --output jsonl"))]
#[cfg_attr(test, schemars(transform = schema::with_later_events))]
pub(super) enum Line<'a> {
    /// The version of the format. It concerns no single task, so its job ID is null.
    Version {
        time: Time,
        job_id: (),
        elapsed_seconds: Seconds,
        #[cfg_attr(test, schemars(schema_with = "schema::format_version"))]
        format_version: &'static str,
    },
    /// The service knows no such task, and the wait continues. Once, until something else is seen.
    Invisible(Failure<'a>),
    /// The status or the progress has changed.
    Status {
        time: Time,
        job_id: &'a str,
        elapsed_seconds: Seconds,
        status: &'a str,
        /// In percent, if the service reports it.
        #[cfg_attr(test, schemars(range(min = 0, max = 100)))]
        progress: Option<f64>,
        /// The time until the next poll.
        next_poll_seconds: Seconds,
    },
    /// A poll failed, and the wait continues.
    Retry(Failure<'a>),
    /// Nothing has happened for --heartbeat: the state that was last seen.
    Heartbeat {
        time: Time,
        job_id: &'a str,
        elapsed_seconds: Seconds,
        /// In the service's spelling; null while the task is not visible.
        status: Option<&'a str>,
        /// In percent, if the service reports it.
        #[cfg_attr(test, schemars(range(min = 0, max = 100)))]
        progress: Option<f64>,
    },
    /// The end of the wait for this task.
    Verdict(Ended<'a>),
    /// The end of the whole wait. It concerns no single task, so its job ID is null.
    #[cfg_attr(test, schemars(transform = schema::with_exit_codes))]
    Result {
        time: Time,
        job_id: (),
        elapsed_seconds: Seconds,
        #[cfg_attr(test, schemars(schema_with = "schema::outcome"))]
        outcome: &'static str,
        exit_code: u8,
    },
}

/// The end of the wait for one task, at its time.
#[derive(Serialize)]
#[cfg_attr(test, derive(JsonSchema), schemars(inline))]
pub(super) struct Ended<'a> {
    pub(super) time: Time,
    #[serde(flatten)]
    pub(super) entry: Entry<'a>,
}

/// A poll that brought no state of the task.
#[derive(Serialize)]
#[cfg_attr(test, derive(JsonSchema), schemars(inline))]
pub(super) struct Failure<'a> {
    time: Time,
    job_id: &'a str,
    elapsed_seconds: Seconds,
    #[serde(flatten)]
    error: Error<'a>,
    /// The time until the next poll.
    next_poll_seconds: Seconds,
}

impl<'a> Failure<'a> {
    pub(super) fn new(
        time: Time,
        job_id: &'a str,
        elapsed_seconds: Seconds,
        fault: &'a Fault,
        next_poll_seconds: Seconds,
    ) -> Self {
        Self { time, job_id, elapsed_seconds, error: Error::new(fault), next_poll_seconds }
    }
}
