//! Tests of the classification of responses.

use super::*;
use crate::fault::Upstream;
use crate::job::{End, Status};
use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;

const ID: &str = "31b8ae23-c687-4d80-b7b4-42a66c9bb886";

fn response(status: u16, body: impl Into<Vec<u8>>) -> Response {
    Response {
        status,
        headers: HeaderMap::new(),
        body: body.into(),
        received: "2026-01-02T12:00:00Z".parse().unwrap(),
    }
}

fn observe(status: u16, body: impl Into<Vec<u8>>) -> Observation {
    classify(&response(status, body), &JobId::parse(ID).unwrap(), Service::TaurusDb)
}

fn with_header(status: u16, name: &str, value: &str) -> Observation {
    let mut response = response(status, "");
    response.headers.insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    classify(&response, &JobId::parse(ID).unwrap(), Service::TaurusDb)
}

fn error(code: &str) -> String {
    format!(r#"{{"error_code": "{code}", "error_msg": "no"}}"#)
}

fn running(fields: &str) -> String {
    format!(r#"{{"job": {{"id": "{ID}", "status": "Running"{fields}}}}}"#)
}

/// The variant of an observation, with the kind of its fault.
#[derive(Debug, PartialEq)]
enum Class {
    Retry(FaultKind),
    Stop(FaultKind),
    NotVisible,
    Task,
}

fn class(observation: &Observation) -> Class {
    match observation {
        Observation::Transient { fault, .. } => Class::Retry(fault.kind),
        Observation::Permanent(fault) => Class::Stop(fault.kind),
        Observation::NotVisible(_) => Class::NotVisible,
        Observation::Seen(_) => Class::Task,
    }
}

#[test]
fn every_status_and_error_code_has_its_classification() {
    use Class::{NotVisible, Retry, Stop};
    use FaultKind::*;
    for (status, code, expected) in [
        (400, "DBS.200543", NotVisible),
        (404, "DBS.200543", NotVisible),
        (400, "DBS.200001", Stop(BadRequest)),
        (400, "DBS.280001", Stop(BadRequest)),
        (400, "APIGW.0201", Stop(BadRequest)),
        (401, "APIGW.0301", Stop(Unauthenticated)),
        (401, "APIGW.0307", Stop(Unauthenticated)),
        (403, "DBS.280056", Stop(Unauthenticated)),
        (403, "DBS.200010", Stop(Forbidden)),
        (403, "APIGW.0302", Stop(Forbidden)),
        (404, "APIGW.0101", Stop(WrongApi)),
        (405, "x", Stop(BadRequest)),
        (407, "x", Stop(Proxy)),
        (408, "x", Retry(Unavailable)),
        (425, "x", Retry(Unavailable)),
        (429, "APIGW.0308", Retry(Throttled)),
        (500, "DBS.108000", Retry(Unavailable)),
        (500, "APIGW.0201", Retry(Unavailable)),
        (500, "DBS.200543", Retry(Unavailable)),
        (501, "x", Stop(WrongApi)),
        (502, "x", Retry(Unavailable)),
        (503, "APIGW.0613", Retry(Unavailable)),
        (504, "x", Retry(Unavailable)),
        (505, "x", Stop(WrongApi)),
        (599, "x", Retry(Unavailable)),
        (600, "x", Retry(Unreadable)),
        (999, "x", Retry(Unreadable)),
    ] {
        assert_eq!(class(&observe(status, error(code))), expected, "{status} {code}");
    }
}

#[test]
fn each_service_has_its_own_response_for_an_unknown_task() {
    use Service::{Dds, GaussDb, GeminiDb, Rds, TaurusDb};
    let class_of = |service, status, body: &str| {
        class(&classify(&response(status, body), &JobId::parse(ID).unwrap(), service))
    };
    let wrong_api = || Class::Stop(FaultKind::WrongApi);
    for service in [TaurusDb, Rds, GaussDb, Dds, GeminiDb] {
        assert_eq!(class_of(service, 400, &error("DBS.200543")), Class::NotVisible);
        assert_eq!(class_of(service, 404, &error("APIGW.0101")), wrong_api());
        assert_eq!(class_of(service, 404, "<html>"), wrong_api());
        let own = if service == TaurusDb { wrong_api() } else { Class::NotVisible };
        assert_eq!(class_of(service, 404, &error("RDS.5041")), own);
        let empty = class_of(service, 200, r#"{"jobs": [], "total_count": 0}"#);
        let listed =
            class_of(service, 200, &format!(r#"{{"jobs": [{{"id": "{ID}", "status": "Completed"}}]}}"#));
        if service == GeminiDb {
            assert_eq!((empty, listed), (Class::NotVisible, Class::Task));
        } else {
            let unreadable = || Class::Retry(FaultKind::Unreadable);
            assert_eq!((empty, listed), (unreadable(), unreadable()));
        }
    }
    let two = format!(
        r#"{{"jobs": [{{"id": "{ID}", "status": "Completed"}}, {{"id": "2", "status": "Failed"}}]}}"#
    );
    assert_eq!(class_of(GeminiDb, 200, &two), Class::Retry(FaultKind::Unreadable));
}

/// Covers A6.
#[test]
fn a_401_mentions_a_clock_that_is_off() {
    for (date, expected) in [
        ("Fri, 02 Jan 2026 11:00:00 GMT", Some("60 min ahead of the service's")),
        ("Fri, 02 Jan 2026 13:30:00 GMT", Some("90 min behind the service's")),
        ("Fri, 02 Jan 2026 11:50:00 GMT", Some("10 min ahead")),
        ("Fri, 02 Jan 2026 11:50:01 GMT", None),
        ("Fri, 02 Jan 2026 12:09:59 GMT", None),
        ("soon", None),
    ] {
        let Observation::Permanent(fault) = with_header(401, "date", date) else { panic!() };
        assert_eq!(fault.message.contains("clock"), expected.is_some(), "{}", fault.message);
        assert!(fault.message.contains(expected.unwrap_or_default()), "{}", fault.message);
    }
}

#[test]
fn a_fault_keeps_the_text_code_and_request_id_of_the_service() {
    let mut response = response(400, error("DBS.200001"));
    response.headers.insert("x-request-id", HeaderValue::from_static("r-9"));
    let Observation::Permanent(fault) = classify(&response, &JobId::parse(ID).unwrap(), Service::TaurusDb)
    else {
        panic!()
    };
    assert_eq!(fault.message, "HTTP 400: no");
    assert_eq!(fault.error_code.as_deref(), Some("DBS.200001"));
    assert_eq!(fault.request_id.as_deref(), Some("r-9"));
    assert_eq!(fault.http_status, Some(400));
}

#[test]
fn the_documented_example_is_a_completed_task() {
    let body = include_str!("success.json");
    let Observation::Seen(job) = observe(200, body) else { panic!("not seen") };
    assert_eq!(job.end(), Some(End::Success));
    assert_eq!(job.name(), Some("CreateGaussDBforMySQLInstance"));
    assert_eq!(job.instance().unwrap().name.as_deref(), Some("DO-NOT-TOUCH-mgr2-mysql-single"));
    assert_eq!(job.progress(), None);
}

/// Covers H1.
#[test]
fn a_status_without_a_job_is_unreadable() {
    for status in [100, 101, 201, 202, 204, 206, 304] {
        assert_eq!(class(&observe(status, running(""))), Class::Retry(FaultKind::Unreadable), "{status}");
    }
}

/// Covers H2.
#[test]
fn a_redirect_is_permanent_and_names_only_the_host_of_its_target() {
    for status in [300, 301, 302, 303, 307, 308] {
        assert_eq!(class(&observe(status, running(""))), Class::Stop(FaultKind::Redirected), "{status}");
    }
    for (location, host) in [
        ("https://evil.example/x?token=CANARY", "'evil.example'"),
        ("//u:CANARY@evil.example:81/", "'evil.example:81'"),
        ("https://u:CANARY@evil.example:81/", "'evil.example:81'"),
        ("/v4/CANARY", "another path of this host"),
    ] {
        let Observation::Permanent(fault) = with_header(302, "location", location) else {
            panic!("{location}")
        };
        assert!(fault.message.contains(host) && !fault.message.contains("CANARY"), "{}", fault.message);
    }
}

/// Covers H10.
#[test]
fn every_transient_fault_has_its_retry_after() {
    for status in [408, 429, 500, 503] {
        let Observation::Transient { retry_after, .. } = with_header(status, "retry-after", "7") else {
            panic!()
        };
        assert_eq!(retry_after, Some(Duration::from_secs(7)), "{status}");
    }
}

/// Covers B4.
#[test]
fn a_body_without_exactly_one_job_object_is_unreadable() {
    for body in [
        "",
        " ",
        "null",
        "[]",
        "{}",
        "true",
        "7",
        "\"Completed\"",
        r#"{"job": null}"#,
        r#"{"job": "Completed"}"#,
        r#"{"job": ["Completed"]}"#,
        r#"{"job": []}"#,
        r#"{"jobs": []}"#,
        &format!(r#"[{{"id": "{ID}", "status": "Completed"}}]"#),
        &format!(r#"{{"job": ["{ID}", "Completed", null, null, null, null, null]}}"#),
        &format!("{0}{0}", running("")),
        &format!("{} x", running("")),
        &format!(r#"{{"job": {0}, "job": {0}}}"#, r#"{"id": "1", "status": "Completed"}"#),
        "<html><title>Log in</title></html>",
    ] {
        assert_eq!(class(&observe(200, body)), Class::Retry(FaultKind::Unreadable), "{body}");
    }
}

#[test]
fn an_unreadable_response_is_described() {
    let utf16 = "{}".encode_utf16().flat_map(u16::to_le_bytes).chain([0xd8]).collect::<Vec<u8>>();
    for (body, description) in [
        (b"  ".to_vec(), "the response is empty"),
        (b"[1]".to_vec(), "JSON of another form"),
        (b"null".to_vec(), "JSON of another form"),
        (b"<html>".to_vec(), "an HTML page"),
        (b"hello".to_vec(), "not JSON"),
        (utf16, "not UTF-8"),
        (b"{".to_vec(), "is malformed"),
        (b"{}".to_vec(), "contains no job"),
    ] {
        let Observation::Transient { fault, .. } = observe(200, body) else { panic!() };
        assert!(
            fault.message.starts_with("HTTP 200, but ") && fault.message.contains(description),
            "{}",
            fault.message
        );
    }
}

#[test]
fn the_action_stands_before_the_text_of_a_fault() {
    for status in [401, 503] {
        let observation = refusal::classify(&response(status, error("X.1")));
        let (Observation::Permanent(fault) | Observation::Transient { fault, .. }) =
            refusal::during("signing in", Upstream::Iam, observation)
        else {
            panic!()
        };
        assert_eq!(fault.message, format!("signing in: HTTP {status}: no"));
        assert_eq!((fault.error_code.as_deref(), fault.http_status), (Some("X.1"), Some(status)));
        assert_eq!(fault.upstream, Upstream::Iam);
    }
}

/// Covers H14.
#[test]
fn an_html_page_is_described_by_its_title() {
    let Observation::Transient { fault, .. } = observe(200, "<html><title>Log in</title></html>") else {
        panic!()
    };
    assert!(fault.message.contains("an HTML page, 'Log in'"), "{}", fault.message);
    assert_eq!(fault.http_status, Some(200));
}

/// Covers B6.
#[test]
fn only_utf_8_is_readable_with_or_without_a_byte_order_mark() {
    assert_eq!(class(&observe(200, format!("\u{feff}{}", running("")))), Class::Task);
    let utf16: Vec<u8> = running("").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin1 =
        running(r#", "name": "M"#).into_bytes().into_iter().chain(*b"\xfcller\"}}").collect::<Vec<_>>();
    for bad in [utf16, latin1, running(r#", "name": "\ud800""#).into_bytes(), b"\xff".to_vec()] {
        assert_eq!(class(&observe(200, bad)), Class::Retry(FaultKind::Unreadable));
    }
}

/// Covers B7.
#[test]
fn deep_nesting_is_unreadable() {
    let deep = format!(r#", "entities": {}{}"#, "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(class(&observe(200, running(&deep))), Class::Retry(FaultKind::Unreadable));
    assert_eq!(class(&observe(400, "[".repeat(200_000))), Class::Stop(FaultKind::BadRequest));
}

/// Covers S6.
#[test]
fn a_response_about_another_task_is_unreadable() {
    let other = r#"{"job": {"id": "a9767ede-fe0f-4888-9003-e843a4c90514", "status": "Completed"}}"#;
    assert_eq!(class(&observe(200, other)), Class::Retry(FaultKind::Unreadable));
    assert_eq!(class(&observe(200, running("").replace(ID, &ID.to_uppercase()))), Class::Task);
}

/// Covers S2, S3, S4 and S5.
#[test]
fn a_final_status_or_a_fail_reason_ends_a_task() {
    for (status, fields, end) in [
        ("Completed", "", Some(true)),
        ("Completed", r#", "fail_reason": "warning""#, Some(true)),
        ("Failed", "", Some(false)),
        ("Failed", r#", "fail_reason": "disk full""#, Some(false)),
        ("Canceled", "", Some(false)),
        ("Running", r#", "fail_reason": "disk full""#, Some(false)),
        ("New", r#", "fail_reason": "disk full""#, Some(false)),
        ("Running", r#", "fail_reason": " \t""#, None),
        ("Running", r#", "process": "100%", "ended": "2018-08-06T16:41:14+0000""#, None),
        ("Pending", "", None),
        ("Unauthorized", "", None),
        ("completed", "", None),
        ("failed", "", None),
        ("", "", None),
    ] {
        let body = format!(r#"{{"job": {{"id": "{ID}", "status": "{status}"{fields}}}}}"#);
        let Observation::Seen(job) = observe(200, body) else { panic!("not seen") };
        let succeeded = job.end().map(|end| end == End::Success);
        assert_eq!(succeeded, end, "{status}{fields}");
    }
}

proptest! {
    /// A response of any bytes is classified without a panic, and is never a task.
    #[test]
    fn random_bytes_never_show_a_task(
        status in 0_u16..1000,
        body in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        prop_assert!(!matches!(observe(status, body), Observation::Seen(_)));
    }

    /// JSON that is close to the documented form is only read if it has that form.
    #[test]
    fn only_the_documented_form_of_json_shows_a_task(
        http in prop_oneof![4 => Just(200_u16), 1 => 0_u16..1000],
        wrapped in prop_oneof![4 => Just("job"), 1 => Just("jobs"), 1 => Just("Job")],
        id in prop_oneof![
            4 => Just(format!("\"{ID}\"")),
            1 => "\"[a-z0-9-]{0,40}\"",
            1 => Just("7".to_owned()),
        ],
        status in prop_oneof![
            3 => Just("\"Completed\"".to_owned()),
            3 => "\"[A-Za-z ]{0,12}\"",
            1 => Just("null".to_owned()),
            1 => Just("[\"Completed\"]".to_owned()),
            1 => Just("true".to_owned()),
        ],
        extra in prop_oneof![
            Just(""),
            Just(r#", "status2": 1e999"#),
            Just(r#", "fail_reason": " ""#),
            Just(r#", "x": {"a": [1, {}]}"#),
        ],
        tail in prop_oneof![4 => Just(""), 1 => Just(" x"), 1 => Just("{}"), 1 => Just(",")],
    ) {
        let body = format!(r#"{{"{wrapped}": {{"id": {id}, "status": {status}{extra}}}}}{tail}"#);
        let is_valid = http == 200 && wrapped == "job" && tail.is_empty() && id == format!("\"{ID}\"");
        let has_status = status.starts_with('"') && !status.trim_matches(['"', ' ']).is_empty();
        match observe(http, body.as_bytes()) {
            Observation::Seen(job) => {
                prop_assert!(is_valid && status.starts_with('"'), "{body}");
                prop_assert_eq!(job.end() == Some(End::Success), status == "\"Completed\"");
            }
            _ => prop_assert!(!(is_valid && has_status), "{body}"),
        }
    }

    #[test]
    fn an_altered_response_never_shows_another_task(cut in 0_usize..200, flip in any::<u8>()) {
        let whole =
            format!(r#"{{"job": {{"id": "{ID}", "status": "Completed", "name": "x"}}}}"#).into_bytes();
        let mut body = whole.clone();
        let at = cut % body.len();
        body[at] = flip;
        if let Observation::Seen(job) = observe(200, body) {
            prop_assert!(job.id().eq_ignore_ascii_case(ID));
            prop_assert_eq!(job.end() == Some(End::Success), *job.status() == Status::Completed);
        }
        prop_assert!(!matches!(observe(200, &whole[..at]), Observation::Seen(_)));
    }
}
