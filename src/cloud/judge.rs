//! What an answer means for a wait. Pure: status, headers and body in, sighting out.

mod complaint;
mod retry_after;

use reqwest::header::{HeaderMap, LOCATION};
use serde::Deserialize;
use serde_json::value::RawValue;

use self::complaint::Complaint;
use super::client::Answer;
use crate::text::safe;
use crate::{Fault, FaultKind, Job, JobId, Sighting};

/// "The job does not exist." It is a 400, not a 404.
const NO_SUCH_JOB: &str = "DBS.200543";

/// "Invalid token.": a 403 that means what a 401 means elsewhere.
const INVALID_TOKEN: &str = "DBS.280056";

/// Judges the answer to a question about the task `asked`.
pub(super) fn judge(answer: &Answer, asked: &JobId) -> Sighting {
    let complaint = || Complaint::read(&answer.body);
    match answer.status {
        200 => read_job(answer, asked)
            .unwrap_or_else(|fault| Sighting::transient(complete(fault, answer, Complaint::default()))),
        304 | ..300 => transient(FaultKind::Unreadable, answer, Complaint::default()),
        300..400 => Sighting::Permanent(redirected(answer)),
        400 | 404 if complaint().code.as_deref() == Some(NO_SUCH_JOB) => {
            let complaint = complaint();
            let message = complaint.message.clone().unwrap_or_else(|| "The job does not exist.".to_owned());
            Sighting::NotVisible(complete(Fault::new(FaultKind::NotVisible, message), answer, complaint))
        }
        401 => permanent(FaultKind::Unauthenticated, answer, complaint()),
        403 if complaint().code.as_deref() == Some(INVALID_TOKEN) => {
            permanent(FaultKind::Unauthenticated, answer, complaint())
        }
        403 => permanent(FaultKind::Forbidden, answer, complaint()),
        // Never "the task is gone": that is a 400.
        404 | 501 | 505 => permanent(FaultKind::WrongApi, answer, complaint()),
        407 => permanent(FaultKind::Proxy, answer, complaint()),
        429 => transient(FaultKind::Throttled, answer, complaint()),
        408 | 425 | 500..600 => transient(FaultKind::Unavailable, answer, complaint()),
        400..500 => permanent(FaultKind::BadRequest, answer, complaint()),
        600.. => transient(FaultKind::Unreadable, answer, complaint()),
    }
}

/// The ID that the service's support asks for.
pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    ["x-request-id", "x-iam-trace-id"]
        .iter()
        .find_map(|name| headers.get(*name))
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .filter(|id| !id.is_empty())
}

/// The answer of the jobs endpoint. `&RawValue` keeps the job as it came.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    job: &'a RawValue,
}

fn read_job(answer: &Answer, asked: &JobId) -> Result<Sighting, Fault> {
    let unreadable = |why: String| Fault::new(FaultKind::Unreadable, format!("HTTP 200, but {why}"));

    // A byte order mark is no JSON, but what is meant is clear.
    let body = answer.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&answer.body);
    let text = std::str::from_utf8(body)
        .map_err(|_| unreadable(format!("the answer is {}, not the jobs API's", form(answer, body))))?;
    if !text.trim_start().starts_with('{') {
        return Err(unreadable(format!("the answer is {}, not the jobs API's", form(answer, body))));
    }
    let envelope: Envelope<'_> = serde_json::from_str(text)
        .map_err(|error| unreadable(format!("the answer cannot be read: {error}")))?;
    let job = Job::from_json(envelope.job.get()).map_err(|fault| unreadable(fault.message))?;
    if !job.id().eq_ignore_ascii_case(asked.as_str()) {
        return Err(unreadable(format!("the answer is about another task, '{}'", safe(job.id(), 60))));
    }
    Ok(Sighting::of(job))
}

/// What an answer that is not the service's looks like, in two words.
fn form(answer: &Answer, body: &[u8]) -> String {
    if let Some(coding) = answer.headers.get("content-encoding") {
        return format!("encoded as '{}'", safe(&String::from_utf8_lossy(coding.as_bytes()), 20));
    }
    match body.trim_ascii() {
        [] => "empty".to_owned(),
        [b'<', ..] => complaint::title(body).map_or_else(
            || "a page of HTML".to_owned(),
            |title| format!("a page of HTML, '{}'", safe(&title, 80)),
        ),
        [b'[' | b'"' | b'n' | b't' | b'f' | b'0'..=b'9', ..] => "JSON of another form".to_owned(),
        _ if std::str::from_utf8(body).is_err() => "not UTF-8".to_owned(),
        _ => "not JSON".to_owned(),
    }
}

fn redirected(answer: &Answer) -> Fault {
    let target = answer
        .headers
        .get(LOCATION)
        .map_or_else(|| "nowhere".into(), |to| String::from_utf8_lossy(to.as_bytes()).into_owned());
    // The host only: what follows it may hold a secret of the request.
    let host = target.split_once("://").map_or(target.as_str(), |(_, rest)| rest);
    let host = host.split(['/', '?', '#']).next().unwrap_or_default().rsplit('@').next().unwrap_or_default();
    let to = if host.is_empty() {
        "another path of this host".to_owned()
    } else {
        format!("'{}'", safe(host, 100))
    };
    let message =
        format!("HTTP {}: the answer is a redirect to {to}, which is never followed", answer.status);
    complete(Fault::new(FaultKind::Redirected, message), answer, Complaint::default())
}

fn transient(kind: FaultKind, answer: &Answer, complaint: Complaint) -> Sighting {
    Sighting::Transient {
        retry_after: retry_after::read(&answer.headers, answer.received),
        fault: fault(kind, answer, complaint),
    }
}

fn permanent(kind: FaultKind, answer: &Answer, complaint: Complaint) -> Sighting {
    Sighting::Permanent(fault(kind, answer, complaint))
}

/// A fault in the service's words, or in HTTP's where it has none.
fn fault(kind: FaultKind, answer: &Answer, complaint: Complaint) -> Fault {
    let meaning =
        reqwest::StatusCode::from_u16(answer.status).ok().and_then(|status| status.canonical_reason());
    let mut message = format!("HTTP {}", answer.status);
    if let Some(said) = complaint.message.as_deref().or(meaning) {
        message = format!("{message}: {said}");
    }
    complete(Fault::new(kind, message), answer, complaint)
}

fn complete(fault: Fault, answer: &Answer, complaint: Complaint) -> Fault {
    Fault {
        error_code: complaint.code,
        request_id: complaint.request_id.or_else(|| request_id(&answer.headers)),
        http_status: Some(answer.status),
        ..fault
    }
}

#[cfg(test)]
mod tests;
