//! What an answer means for a wait. Pure: status, headers and body in, sighting out.
//!
//! Texts of the service are neither cut nor escaped here: secrets are taken out of whole texts, and what is shown is made
//! safe where it is shown.

mod complaint;
mod retry_after;

use reqwest::header::{HeaderMap, LOCATION};
use serde::Deserialize;
use serde_json::value::RawValue;

use self::complaint::Complaint;
pub(super) use self::retry_after::sent;
use super::client::Answer;
use super::region::Service;
use crate::{Asked, Fault, FaultKind, Job, JobId, Sighting};

/// "The job does not exist." It is a 400, not a 404.
const NO_SUCH_JOB: &str = "DBS.200543";

/// "Invalid token.": a 403 that means what a 401 means elsewhere.
const INVALID_TOKEN: &str = "DBS.280056";

/// Judges the answer of a service to a question about the task `asked`.
pub(super) fn judge(answer: &Answer, asked: &JobId, service: Service) -> Sighting {
    match answer.status {
        200 => read_job(answer, asked, service)
            .unwrap_or_else(|fault| Sighting::transient(complete(fault, answer, Complaint::default()))),
        status => {
            let complaint = Complaint::read(&answer.body);
            if is_not_visible(status, complaint.code.as_deref(), service) {
                not_visible(answer, complaint)
            } else {
                refused(answer, complaint)
            }
        }
    }
}

/// A door for the fuzzer, which is there in its builds only: what comes from the network goes through here.
#[cfg(fuzzing)]
#[must_use]
pub fn judge_anything(
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    asked: &JobId,
    service: Service,
) -> Sighting {
    judge(&Answer { status, headers, body, received: jiff::Timestamp::UNIX_EPOCH }, asked, service)
}

/// Judges an answer that is not what was asked for, by its status.
pub(super) fn refusal(answer: &Answer) -> Sighting {
    refused(answer, Complaint::read(&answer.body))
}

fn refused(answer: &Answer, complaint: Complaint) -> Sighting {
    use Hope::{Later, Never};
    let (hope, kind) = match (answer.status, complaint.code.as_deref()) {
        (304 | ..300 | 600.., _) => (Later, FaultKind::Unreadable),
        (300..400, _) => return Sighting::Permanent(redirected(answer)),
        (401, _) | (403, Some(INVALID_TOKEN)) => return unauthenticated(answer, complaint),
        (403, _) => (Never, FaultKind::Forbidden),
        (404 | 501 | 505, _) => (Never, FaultKind::WrongApi),
        (407, _) => (Never, FaultKind::Proxy),
        (429, _) => (Later, FaultKind::Throttled),
        (408 | 425 | 500..600, _) => (Later, FaultKind::Unavailable),
        (400..500, _) => (Never, FaultKind::BadRequest),
    };
    let fault = fault(kind, answer, complaint);
    match hope {
        Later => {
            Sighting::Transient { fault, retry_after: retry_after::read(&answer.headers, answer.received) }
        }
        Never => Sighting::Permanent(fault),
    }
}

/// Whether another look may tell more.
enum Hope {
    Later,
    Never,
}

/// A sighting whose fault says first what it is about, and who was asked.
pub(super) fn about(what: &str, asked: Asked, sighting: Sighting) -> Sighting {
    sighting.map_fault(|fault| Fault { message: format!("{what}: {}", fault.message), asked, ..fault })
}

/// On TaurusDB it is a 400, and a 404 is a wrong address. Siblings answer a 404 of their own for a task that they do
/// not know; one without a code, or of the gateway, is a wrong address there as well.
fn is_not_visible(status: u16, code: Option<&str>, service: Service) -> bool {
    match code {
        Some(NO_SUCH_JOB) => matches!(status, 400 | 404),
        Some(code) => status == 404 && service != Service::TaurusDb && !code.starts_with("APIGW."),
        None => false,
    }
}

fn not_visible(answer: &Answer, complaint: Complaint) -> Sighting {
    let message = complaint.message.clone().unwrap_or_else(|| "The job does not exist.".to_owned());
    Sighting::NotVisible(complete(Fault::new(FaultKind::NotVisible, message), answer, complaint))
}

/// A signature is refused when it is dated a quarter of an hour off: then the service's own clock tells.
fn unauthenticated(answer: &Answer, complaint: Complaint) -> Sighting {
    let mut fault = fault(FaultKind::Unauthenticated, answer, complaint);
    let off = sent(&answer.headers).map_or(0, |sent| answer.received.duration_since(sent).as_mins());
    if off.abs() >= 10 {
        let side = if off > 0 { "ahead of" } else { "behind" };
        fault.message =
            format!("{}; this machine's clock is {} min {side} the service's", fault.message, off.abs());
    }
    Sighting::Permanent(fault)
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
    job: Option<&'a RawValue>,
    /// What GeminiDB answers: none when it knows no such task.
    #[serde(borrow)]
    jobs: Option<Vec<&'a RawValue>>,
}

fn read_job(answer: &Answer, asked: &JobId, service: Service) -> Result<Sighting, Fault> {
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
    let job = match (service, envelope.job, envelope.jobs.as_deref()) {
        (_, Some(job), _) => job,
        (Service::GeminiDb, None, Some([])) => return Ok(not_visible(answer, Complaint::default())),
        (Service::GeminiDb, None, Some([job])) => *job,
        _ => return Err(unreadable("there is no job in it".into())),
    };
    let job = Job::from_json(job.get()).map_err(|fault| unreadable(fault.message))?;
    if !job.id().eq_ignore_ascii_case(asked.as_str()) {
        return Err(unreadable(format!("the answer is about another task, '{}'", job.id())));
    }
    Ok(Sighting::Seen(job))
}

/// What an answer that is not the service's looks like, in two words.
fn form(answer: &Answer, body: &[u8]) -> String {
    if let Some(coding) = answer.headers.get("content-encoding") {
        return format!("encoded as '{}'", String::from_utf8_lossy(coding.as_bytes()));
    }
    match body.trim_ascii() {
        [] => "empty".to_owned(),
        [b'<', ..] => complaint::title(body)
            .map_or_else(|| "a page of HTML".to_owned(), |title| format!("a page of HTML, '{title}'")),
        [b'[' | b'"' | b'n' | b't' | b'f' | b'0'..=b'9', ..] => "JSON of another form".to_owned(),
        _ if std::str::from_utf8(body).is_err() => "not UTF-8".to_owned(),
        _ => "not JSON".to_owned(),
    }
}

fn redirected(answer: &Answer) -> Fault {
    let target = answer.headers.get(LOCATION).map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned());
    // The host only: what follows it may hold a secret of the request.
    let host = target.as_deref().and_then(|target| {
        let is_scheme =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let rest = match target.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => rest,
            _ => target.strip_prefix("//")?,
        };
        rest.split(['/', '?', '#', '\\']).next()?.rsplit('@').next()
    });
    let to = match (host, &target) {
        (Some(host), _) => format!(" to '{host}'"),
        (None, Some(_)) => " to another path of this host".to_owned(),
        (None, None) => String::new(),
    };
    let message = format!("HTTP {}: the answer is a redirect{to}, which is never followed", answer.status);
    complete(Fault::new(FaultKind::Redirected, message), answer, Complaint::default())
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
