//! The classification of a response of any bytes.
//!
//! The input is a line with the status and the service, lines of headers, an empty line, and the body.
#![no_main]

use http::{HeaderMap, HeaderName, HeaderValue};
use jobwait::text::safe;
use jobwait::{End, Fault, JobId, Service, Observation, Status, classify_anything};
use libfuzzer_sys::fuzz_target;

const ID: &str = "a9767ede-fe0f-4888-9003-e843a4c90514";

fuzz_target!(|bytes: &[u8]| {
    let (head, body) = match bytes.windows(2).position(|two| two == b"\n\n") {
        Some(at) => (&bytes[..at], &bytes[at + 2..]),
        None => (bytes, &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (status, service) = first.split_once(' ').unwrap_or((&first, ""));
    let status = status.parse().unwrap_or(200);
    let service = service.parse().unwrap_or(Service::TaurusDb);
    let mut headers = HeaderMap::new();
    for line in lines.take(100) {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default().trim_ascii();
        let name = HeaderName::from_bytes(&line[..colon]);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let id = JobId::parse(ID).unwrap();

    match classify_anything(status, headers, body.to_vec(), &id, service) {
        Observation::Seen(job) => {
            assert_eq!(status, 200, "a task is seen in a response with another status");
            assert!(job.id().eq_ignore_ascii_case(ID), "the job is another task");
            if job.end() == Some(End::Success) {
                assert_eq!(job.status(), &Status::Completed, "success without `Completed`");
            }
            if let Some(progress) = job.progress() {
                assert!((0.0..=100.0).contains(&progress.percent()));
            }
            assert!(!job.as_json().contains('\n'), "the JSON has several lines");
            // The job object keeps every field, and numbers of any size.
            let whole = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
            if let (Ok(whole), Ok(kept)) = (
                serde_json::from_slice::<serde_json::Value>(whole),
                serde_json::from_str::<serde_json::Value>(job.as_json()),
            ) {
                assert!(whole["job"] == kept || whole["jobs"][0] == kept, "the job object was altered");
            }
            check_texts(&[Some(job.status().as_str()), job.name(), job.fail_reason()]);
        }
        Observation::NotVisible(fault) | Observation::Permanent(fault) => check_fault(&fault),
        Observation::Transient { fault, .. } => check_fault(&fault),
        other => unreachable!("an unknown kind of observation: {other:?}"),
    }
});

fn check_fault(fault: &Fault) {
    check_texts(&[Some(&fault.message), fault.error_code.as_deref(), fault.request_id.as_deref()]);
}

/// Checks that a displayed text has no control character, and is short.
fn check_texts(texts: &[Option<&str>]) {
    for text in texts.iter().flatten() {
        let shown = safe(text, 300).to_string();
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
        assert!(shown.chars().count() <= 300 * "\\u{10ffff}".len() + 1);
    }
}
