//! The meaning of a response that is not the requested one, by its status. Pure.

use reqwest::header::{HeaderMap, LOCATION};

use super::error_body::ErrorBody;
use super::{Response, quota, retry_after};
use crate::fault::{Fault, FaultKind, Upstream};
use crate::probe::Observation;

/// "Invalid token." This code comes with a 403 and means the same as a 401.
const INVALID_TOKEN: &str = "DBS.280056";

/// Whether a retry may help.
enum Retry {
    Useful,
    Useless,
}

/// Classifies a response with an unexpected status.
pub(crate) fn classify(response: &Response) -> Observation {
    with_body(response, ErrorBody::read(&response.body))
}

/// Classifies a response with an unexpected status, whose body was already read.
pub(crate) fn with_body(response: &Response, body: ErrorBody) -> Observation {
    use Retry::{Useful, Useless};
    let (retry, kind) = match (response.status, body.code.as_deref()) {
        (304 | ..300 | 600.., _) => (Useful, FaultKind::Unreadable),
        (300..400, _) => return Observation::Permanent(redirect(response)),
        (401, _) | (403, Some(INVALID_TOKEN)) => return unauthenticated(response, body),
        (403, _) => (Useless, FaultKind::Forbidden),
        (404 | 501 | 505, _) => (Useless, FaultKind::WrongApi),
        (407, _) => (Useless, FaultKind::Proxy),
        (429, _) => (Useful, FaultKind::Throttled),
        (408 | 425 | 500..600, _) => (Useful, FaultKind::Unavailable),
        (400..500, _) => (Useless, FaultKind::BadRequest),
    };
    let mut fault = fault(kind, response, body);
    if kind == FaultKind::Throttled {
        fault.quota_window = quota::window(&fault.message);
    }
    match retry {
        Useful => Observation::Transient {
            fault,
            retry_after: retry_after::read(&response.headers, response.received),
        },
        Useless => Observation::Permanent(fault),
    }
}

/// Adds what was attempted to the text of the fault, and the server that was asked.
pub(crate) fn during(action: &str, upstream: Upstream, observation: Observation) -> Observation {
    observation.map_fault(|fault| Fault {
        message: format!("{action}: {}", fault.message),
        upstream,
        ..fault
    })
}

/// A signature is refused when its date is off by a quarter of an hour. The `Date` header of the response
/// then shows the difference of the clocks.
fn unauthenticated(response: &Response, body: ErrorBody) -> Observation {
    let mut fault = fault(FaultKind::Unauthenticated, response, body);
    let off = retry_after::sent(&response.headers)
        .map_or(0, |sent| response.received.duration_since(sent).as_mins());
    if off.abs() >= 10 {
        let side = if off > 0 { "ahead of" } else { "behind" };
        fault.message =
            format!("{}; this machine's clock is {} min {side} the service's", fault.message, off.abs());
    }
    Observation::Permanent(fault)
}

/// The ID of the request, which the service's support asks for.
fn request_id(headers: &HeaderMap) -> Option<String> {
    ["x-request-id", "x-iam-trace-id"]
        .iter()
        .find_map(|name| headers.get(*name))
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .filter(|id| !id.is_empty())
}

fn redirect(response: &Response) -> Fault {
    let target = response.headers.get(LOCATION).map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned());
    let to = match (target.as_deref().and_then(host_of), &target) {
        (Some(host), _) => format!(" to '{host}'"),
        (None, Some(_)) => " to another path of this host".to_owned(),
        (None, None) => String::new(),
    };
    let message =
        format!("HTTP {}: the response is a redirect{to}, which is never followed", response.status);
    complete(Fault::new(FaultKind::Redirected, message), response, ErrorBody::default())
}

/// The host of a redirect's target. The path and the query may repeat a secret of the request.
fn host_of(target: &str) -> Option<&str> {
    let is_scheme =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let rest = match target.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => rest,
        _ => target.strip_prefix("//")?,
    };
    rest.split(['/', '?', '#', '\\']).next()?.rsplit('@').next()
}

/// A fault in the words of the service, or of the HTTP specification if the service gave none.
fn fault(kind: FaultKind, response: &Response, body: ErrorBody) -> Fault {
    let reason =
        reqwest::StatusCode::from_u16(response.status).ok().and_then(|status| status.canonical_reason());
    let mut message = format!("HTTP {}", response.status);
    if let Some(text) = body.message.as_deref().or(reason) {
        message = format!("{message}: {text}");
    }
    complete(Fault::new(kind, message), response, body)
}

/// Completes the fault of a response with the status 200 that is not the requested one. Some gateways send
/// errors with that status. The words of the service then replace those about the form of the response.
pub(crate) fn with_words(fault: Fault, response: &Response, body: ErrorBody) -> Fault {
    match (&body.code, &body.message) {
        (Some(_), Some(message)) => {
            let message = format!("HTTP 200, but an error: {message}");
            complete(Fault { message, ..fault }, response, body)
        }
        _ => complete(fault, response, ErrorBody::default()),
    }
}

/// Adds the status, the error code and the request ID of a response to a fault.
pub(crate) fn complete(fault: Fault, response: &Response, body: ErrorBody) -> Fault {
    Fault {
        error_code: body.code,
        request_id: body.request_id.or_else(|| request_id(&response.headers)),
        http_status: Some(response.status),
        ..fault
    }
}
