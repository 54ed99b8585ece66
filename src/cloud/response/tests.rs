//! The table of answers.

use super::*;
use crate::fault::Upstream;
use crate::job::{End, Status};
use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;

const ID: &str = "31b8ae23-c687-4d80-b7b4-42a66c9bb886";

fn answer(status: u16, body: impl Into<Vec<u8>>) -> Response {
    Response {
        status,
        headers: HeaderMap::new(),
        body: body.into(),
        received: "2026-01-02T12:00:00Z".parse().unwrap(),
    }
}

fn judged(status: u16, body: impl Into<Vec<u8>>) -> Observation {
    classify(&answer(status, body), &JobId::parse(ID).unwrap(), Service::TaurusDb)
}

fn with_header(status: u16, name: &str, value: &str) -> Observation {
    let mut answer = answer(status, "");
    answer.headers.insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    classify(&answer, &JobId::parse(ID).unwrap(), Service::TaurusDb)
}

fn error(code: &str) -> String {
    format!(r#"{{"error_code": "{code}", "error_msg": "said"}}"#)
}

fn running(rest: &str) -> String {
    format!(r#"{{"job": {{"id": "{ID}", "status": "Running"{rest}}}}}"#)
}

/// The kind of the fault, and whether the wait may go on.
#[derive(Debug, PartialEq)]
enum Tells {
    Retry(FaultKind),
    Stop(FaultKind),
    NotVisible,
    Task,
}

fn tells(observation: &Observation) -> Tells {
    match observation {
        Observation::Transient { fault, .. } => Tells::Retry(fault.kind),
        Observation::Permanent(fault) => Tells::Stop(fault.kind),
        Observation::NotVisible(_) => Tells::NotVisible,
        Observation::Seen(_) => Tells::Task,
    }
}

#[test]
fn every_row_of_the_error_table() {
    use FaultKind::*;
    use Tells::{NotVisible, Retry, Stop};
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
        assert_eq!(tells(&judged(status, error(code))), expected, "{status} {code}");
    }
}

#[test]
fn siblings_have_their_own_ways_to_know_no_task() {
    use Service::{Dds, GaussDb, GeminiDb, Rds, TaurusDb};
    let judged = |service, status, body: &str| {
        tells(&classify(&answer(status, body), &JobId::parse(ID).unwrap(), service))
    };
    let wrong_api = || Tells::Stop(FaultKind::WrongApi);
    for service in [TaurusDb, Rds, GaussDb, Dds, GeminiDb] {
        assert_eq!(judged(service, 400, &error("DBS.200543")), Tells::NotVisible);
        assert_eq!(judged(service, 404, &error("APIGW.0101")), wrong_api());
        assert_eq!(judged(service, 404, "<html>"), wrong_api());
        let own = if service == TaurusDb { wrong_api() } else { Tells::NotVisible };
        assert_eq!(judged(service, 404, &error("RDS.5041")), own);
        let none = judged(service, 200, r#"{"jobs": [], "total_count": 0}"#);
        let listed =
            judged(service, 200, &format!(r#"{{"jobs": [{{"id": "{ID}", "status": "Completed"}}]}}"#));
        if service == GeminiDb {
            assert_eq!((none, listed), (Tells::NotVisible, Tells::Task));
        } else {
            let unreadable = || Tells::Retry(FaultKind::Unreadable);
            assert_eq!((none, listed), (unreadable(), unreadable()));
        }
    }
    let two = format!(
        r#"{{"jobs": [{{"id": "{ID}", "status": "Completed"}}, {{"id": "2", "status": "Failed"}}]}}"#
    );
    assert_eq!(judged(GeminiDb, 200, &two), Tells::Retry(FaultKind::Unreadable));
}

/// Covers A6.
#[test]
fn a_clock_that_is_off_is_told_with_a_refusal() {
    for (date, said) in [
        ("Fri, 02 Jan 2026 11:00:00 GMT", Some("60 min ahead of the service's")),
        ("Fri, 02 Jan 2026 13:30:00 GMT", Some("90 min behind the service's")),
        ("Fri, 02 Jan 2026 11:50:00 GMT", Some("10 min ahead")),
        ("Fri, 02 Jan 2026 11:50:01 GMT", None),
        ("Fri, 02 Jan 2026 12:09:59 GMT", None),
        ("soon", None),
    ] {
        let Observation::Permanent(fault) = with_header(401, "date", date) else { panic!() };
        assert_eq!(fault.message.contains("clock"), said.is_some(), "{}", fault.message);
        assert!(fault.message.contains(said.unwrap_or_default()), "{}", fault.message);
    }
}

#[test]
fn a_fault_keeps_the_services_own_words() {
    let mut answer = answer(400, error("DBS.200001"));
    answer.headers.insert("x-request-id", HeaderValue::from_static("r-9"));
    let Observation::Permanent(fault) = classify(&answer, &JobId::parse(ID).unwrap(), Service::TaurusDb)
    else {
        panic!()
    };
    assert_eq!(fault.message, "HTTP 400: said");
    assert_eq!(fault.error_code.as_deref(), Some("DBS.200001"));
    assert_eq!(fault.request_id.as_deref(), Some("r-9"));
    assert_eq!(fault.http_status, Some(400));
}

#[test]
fn the_documented_success_is_success() {
    let body = include_str!("success.json");
    let Observation::Seen(job) = judged(200, body) else { panic!("not seen") };
    assert_eq!(job.end(), Some(End::Success));
    assert_eq!(job.name(), Some("CreateGaussDBforMySQLInstance"));
    assert_eq!(job.instance().unwrap().name.as_deref(), Some("DO-NOT-TOUCH-mgr2-mysql-single"));
    assert_eq!(job.progress(), None);
}

/// Covers H1.
#[test]
fn an_answer_without_a_job_is_unreadable() {
    for status in [100, 101, 201, 202, 204, 206, 304] {
        assert_eq!(tells(&judged(status, running(""))), Tells::Retry(FaultKind::Unreadable), "{status}");
    }
}

/// Covers H2.
#[test]
fn a_redirect_stops_and_names_only_the_host_it_leads_to() {
    for status in [300, 301, 302, 303, 307, 308] {
        assert_eq!(tells(&judged(status, running(""))), Tells::Stop(FaultKind::Redirected), "{status}");
    }
    for (to, said) in [
        ("https://evil.example/x?token=CANARY", "'evil.example'"),
        ("//u:CANARY@evil.example:81/", "'evil.example:81'"),
        ("https://u:CANARY@evil.example:81/", "'evil.example:81'"),
        ("/v4/CANARY", "another path of this host"),
    ] {
        let Observation::Permanent(fault) = with_header(302, "location", to) else { panic!("{to}") };
        assert!(fault.message.contains(said) && !fault.message.contains("CANARY"), "{}", fault.message);
    }
}

/// Covers H10.
#[test]
fn retry_after_comes_with_every_answer_that_may_get_better() {
    for status in [408, 429, 500, 503] {
        let Observation::Transient { retry_after, .. } = with_header(status, "retry-after", "7") else {
            panic!()
        };
        assert_eq!(retry_after, Some(Duration::from_secs(7)), "{status}");
    }
}

/// Covers B4.
#[test]
fn what_is_not_one_job_is_unreadable() {
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
        assert_eq!(tells(&judged(200, body)), Tells::Retry(FaultKind::Unreadable), "{body}");
    }
}

#[test]
fn what_an_unreadable_answer_looks_like_is_said() {
    let utf16 = "{}".encode_utf16().flat_map(u16::to_le_bytes).chain([0xd8]).collect::<Vec<u8>>();
    for (body, said) in [
        (b"  ".to_vec(), "the answer is empty"),
        (b"[1]".to_vec(), "JSON of another form"),
        (b"null".to_vec(), "JSON of another form"),
        (b"<html>".to_vec(), "an HTML page"),
        (b"hello".to_vec(), "not JSON"),
        (utf16, "not UTF-8"),
        (b"{".to_vec(), "is malformed"),
        (b"{}".to_vec(), "contains no job"),
    ] {
        let Observation::Transient { fault, .. } = judged(200, body) else { panic!() };
        assert!(
            fault.message.starts_with("HTTP 200, but ") && fault.message.contains(said),
            "{}",
            fault.message
        );
    }
}

#[test]
fn a_fault_says_first_what_it_is_about_and_keeps_the_rest() {
    for status in [401, 503] {
        let before = refusal::classify(&answer(status, error("X.1")));
        let (Observation::Permanent(fault) | Observation::Transient { fault, .. }) =
            refusal::during("signing in", Upstream::Iam, before)
        else {
            panic!()
        };
        assert_eq!(fault.message, format!("signing in: HTTP {status}: said"));
        assert_eq!((fault.error_code.as_deref(), fault.http_status), (Some("X.1"), Some(status)));
        assert_eq!(fault.upstream, Upstream::Iam);
    }
}

/// Covers H14.
#[test]
fn a_login_page_is_called_by_its_title() {
    let Observation::Transient { fault, .. } = judged(200, "<html><title>Log in</title></html>") else {
        panic!()
    };
    assert!(fault.message.contains("an HTML page, 'Log in'"), "{}", fault.message);
    assert_eq!(fault.http_status, Some(200));
}

/// Covers B6.
#[test]
fn only_utf_8_is_read_with_or_without_a_byte_order_mark() {
    assert_eq!(tells(&judged(200, format!("\u{feff}{}", running("")))), Tells::Task);
    let utf16: Vec<u8> = running("").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin1 =
        running(r#", "name": "M"#).into_bytes().into_iter().chain(*b"\xfcller\"}}").collect::<Vec<_>>();
    for bad in [utf16, latin1, running(r#", "name": "\ud800""#).into_bytes(), b"\xff".to_vec()] {
        assert_eq!(tells(&judged(200, bad)), Tells::Retry(FaultKind::Unreadable));
    }
}

/// Covers B7.
#[test]
fn deep_nesting_is_unreadable() {
    let deep = format!(r#", "entities": {}{}"#, "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(tells(&judged(200, running(&deep))), Tells::Retry(FaultKind::Unreadable));
    assert_eq!(tells(&judged(400, "[".repeat(200_000))), Tells::Stop(FaultKind::BadRequest));
}

/// Covers S6.
#[test]
fn an_answer_about_another_task_is_unreadable() {
    let other = r#"{"job": {"id": "a9767ede-fe0f-4888-9003-e843a4c90514", "status": "Completed"}}"#;
    assert_eq!(tells(&judged(200, other)), Tells::Retry(FaultKind::Unreadable));
    assert_eq!(tells(&judged(200, running("").replace(ID, &ID.to_uppercase()))), Tells::Task);
}

/// Covers S2, S3, S4 and S5.
#[test]
fn the_end_of_a_task_is_its_status_or_a_reason() {
    for (status, rest, end) in [
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
        let body = format!(r#"{{"job": {{"id": "{ID}", "status": "{status}"{rest}}}}}"#);
        let Observation::Seen(job) = judged(200, body) else { panic!("not seen") };
        let seen = job.end().map(|end| end == End::Success);
        assert_eq!(seen, end, "{status}{rest}");
    }
}

proptest! {
    /// Whatever a server says, it is judged without a panic, and only `Completed` of this very task succeeds.
    #[test]
    fn no_junk_is_success(status in 0_u16..1000, body in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(!matches!(judged(status, body), Observation::Seen(_)));
    }

    /// The same for what is JSON, and nearly the right one.
    #[test]
    fn no_form_of_json_is_seen_but_the_right_one(
        http in prop_oneof![4 => Just(200_u16), 1 => 0_u16..1000],
        wrapped in prop_oneof![4 => Just("job"), 1 => Just("jobs"), 1 => Just("Job")],
        id in prop_oneof![4 => Just(format!("\"{ID}\"")), 1 => "\"[a-z0-9-]{0,40}\"", 1 => Just("7".to_owned())],
        status in prop_oneof![
            3 => Just("\"Completed\"".to_owned()),
            3 => "\"[A-Za-z ]{0,12}\"",
            1 => Just("null".to_owned()),
            1 => Just("[\"Completed\"]".to_owned()),
            1 => Just("true".to_owned()),
        ],
        extra in prop_oneof![Just(""), Just(r#", "status2": 1e999"#), Just(r#", "fail_reason": " ""#), Just(r#", "x": {"a": [1, {}]}"#)],
        tail in prop_oneof![4 => Just(""), 1 => Just(" x"), 1 => Just("{}"), 1 => Just(",")],
    ) {
        let body = format!(r#"{{"{wrapped}": {{"id": {id}, "status": {status}{extra}}}}}{tail}"#);
        let right = http == 200 && wrapped == "job" && tail.is_empty() && id == format!("\"{ID}\"");
        let named = status.starts_with('"') && !status.trim_matches(['"', ' ']).is_empty();
        match judged(http, body.as_bytes()) {
            Observation::Seen(job) => {
                prop_assert!(right && status.starts_with('"'), "{body}");
                prop_assert_eq!(job.end() == Some(End::Success), status == "\"Completed\"");
            }
            _ => prop_assert!(!(right && named), "{body}"),
        }
    }

    #[test]
    fn no_mangled_success_is_success_of_another_task(cut in 0_usize..200, flip in any::<u8>()) {
        let whole = format!(r#"{{"job": {{"id": "{ID}", "status": "Completed", "name": "x"}}}}"#).into_bytes();
        let mut body = whole.clone();
        let at = cut % body.len();
        body[at] = flip;
        if let Observation::Seen(job) = judged(200, body) {
            prop_assert!(job.id().eq_ignore_ascii_case(ID));
            prop_assert_eq!(job.end() == Some(End::Success), *job.status() == Status::Completed);
        }
        prop_assert!(!matches!(judged(200, &whole[..at]), Observation::Seen(_)));
    }
}
