//! The classification of a response of the jobs endpoint. Pure: status, headers and body in, an observation
//! out.
//!
//! Texts of the service are neither cut nor escaped here: secrets are removed from whole texts, and a text is
//! made safe where it is shown.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::fault::{Fault, FaultKind};
use crate::http::error_body::{self, ErrorBody};
use crate::http::{Response, refusal};
use crate::id::JobId;
use crate::job::Job;
use crate::probe::Observation;
use crate::service::Service;

/// "The job does not exist." It comes with a 400, not with a 404.
const NO_SUCH_JOB: &str = "DBS.200543";

/// Classifies the response to a poll of the task `id`.
pub(super) fn classify(response: &Response, id: &JobId, service: Service) -> Observation {
    if response.status == 200 {
        return read_job(response, id, service).unwrap_or_else(|fault| without_job(fault, response));
    }
    let body = ErrorBody::read(&response.body);
    if is_not_visible(response.status, body.code.as_deref(), service) {
        not_visible(response, body)
    } else {
        refusal::with_body(response, body)
    }
}

/// An entry point for the fuzzer, in its builds only: everything from the network passes through here.
#[cfg(fuzzing)]
#[must_use]
pub fn classify_anything(
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Vec<u8>,
    id: &JobId,
    service: Service,
) -> Observation {
    classify(&Response { status, headers, body, received: jiff::Timestamp::UNIX_EPOCH }, id, service)
}

/// Whether an error means that the service does not know the ID. On TaurusDB a 404 means a wrong address.
/// Siblings answer with a 404 of their own; one without a code, or from the gateway, means a wrong
/// address there as well.
fn is_not_visible(status: u16, code: Option<&str>, service: Service) -> bool {
    match code {
        Some(NO_SUCH_JOB) => matches!(status, 400 | 404),
        Some(code) => status == 404 && service.responds_404_for_unknown_id() && !code.starts_with("APIGW."),
        None => false,
    }
}

fn not_visible(response: &Response, body: ErrorBody) -> Observation {
    let message = body.message.clone().unwrap_or_else(|| "The job does not exist.".to_owned());
    let fault = Fault::new(FaultKind::NotVisible, message);
    Observation::NotVisible(refusal::complete(fault, response, body))
}

/// The body of the response. `&RawValue` keeps the job as it was received.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    job: Option<&'a RawValue>,
    /// The list of some services, empty for an unknown ID.
    #[serde(borrow)]
    jobs: Option<Vec<&'a RawValue>>,
}

fn read_job(response: &Response, id: &JobId, service: Service) -> Result<Observation, Fault> {
    let unreadable = |why: String| Fault::new(FaultKind::Unreadable, format!("HTTP 200, but {why}"));
    let not_the_api =
        || unreadable(format!("the response is {}, not the jobs API's", describe_body(response)));

    let text = std::str::from_utf8(response.text_bytes()).map_err(|_| not_the_api())?;
    if !text.trim_start().starts_with('{') {
        return Err(not_the_api());
    }
    let envelope: Envelope<'_> = serde_json::from_str(text)
        .map_err(|error| unreadable(format!("the response is malformed: {error}")))?;
    let job = match (service.responds_with_list(), envelope.job, envelope.jobs.as_deref()) {
        (_, Some(job), _) => job,
        (true, None, Some([])) => return Ok(not_visible(response, ErrorBody::default())),
        (true, None, Some([job])) => *job,
        _ => return Err(unreadable("the response contains no job".into())),
    };
    let job = Job::from_json(job.get()).map_err(|fault| unreadable(fault.message))?;
    if !job.id().eq_ignore_ascii_case(id.as_str()) {
        return Err(unreadable(format!("the response is about another task, '{}'", job.id())));
    }
    Ok(Observation::Seen(job))
}

/// The observation of a response with the status 200 that contains no job.
fn without_job(fault: Fault, response: &Response) -> Observation {
    let body = ErrorBody::read(response.text_bytes());
    if body.code.as_deref() == Some(NO_SUCH_JOB) {
        return not_visible(response, body);
    }
    Observation::transient(refusal::with_words(fault, response, body))
}

/// Describes the body of a response that did not come from the service, in a few words.
fn describe_body(response: &Response) -> String {
    if let Some(encoding) = response.headers.get("content-encoding") {
        return format!("encoded as '{}'", String::from_utf8_lossy(encoding.as_bytes()));
    }
    let body = response.text_bytes();
    match body.trim_ascii() {
        [] => "empty".to_owned(),
        [b'<', ..] => error_body::title(body)
            .map_or_else(|| "an HTML page".to_owned(), |title| format!("an HTML page, '{title}'")),
        [b'[' | b'"' | b'n' | b't' | b'f' | b'0'..=b'9', ..] => "JSON of another form".to_owned(),
        _ if std::str::from_utf8(body).is_err() => "not UTF-8".to_owned(),
        _ => "not JSON".to_owned(),
    }
}

#[cfg(test)]
mod tests;
