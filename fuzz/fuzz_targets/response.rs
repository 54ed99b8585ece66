//! What an answer of any bytes means for a wait.
//!
//! The input is a line with the status and the service, lines of headers, an empty line, and the body.
#![no_main]

use http::{HeaderMap, HeaderName, HeaderValue};
use jobwait::text::safe;
use jobwait::{End, Fault, JobId, Service, Observation, Status, classify_anything};
use libfuzzer_sys::fuzz_target;

const ASKED: &str = "a9767ede-fe0f-4888-9003-e843a4c90514";

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
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let asked = JobId::parse(ASKED).unwrap();

    match classify_anything(status, headers, body.to_vec(), &asked, service) {
        Observation::Seen(job) => {
            assert_eq!(status, 200, "a task is seen in a 200 only");
            assert!(job.id().eq_ignore_ascii_case(ASKED), "it is another task's");
            if job.end() == Some(End::Success) {
                assert_eq!(job.status(), &Status::Completed, "only `Completed` is success");
            }
            if let Some(progress) = job.progress() {
                assert!((0.0..=100.0).contains(&progress.percent()));
            }
            assert!(!job.as_json().contains('\n'), "it goes into one line");
            // It stays the JSON that it was: numbers of any size, every field.
            let whole = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
            if let (Ok(whole), Ok(kept)) = (
                serde_json::from_slice::<serde_json::Value>(whole),
                serde_json::from_str::<serde_json::Value>(job.as_json()),
            ) {
                assert!(whole["job"] == kept || whole["jobs"][0] == kept, "it was altered");
            }
            shown(&[Some(job.status().as_str()), job.name(), job.fail_reason()]);
        }
        Observation::NotVisible(fault) | Observation::Permanent(fault) => faulty(&fault),
        Observation::Transient { fault, .. } => faulty(&fault),
    }
});

fn faulty(fault: &Fault) {
    shown(&[Some(&fault.message), fault.error_code.as_deref(), fault.request_id.as_deref()]);
}

/// Nothing that is shown holds a control byte, or is long.
fn shown(texts: &[Option<&str>]) {
    for text in texts.iter().flatten() {
        let shown = safe(text, 300).to_string();
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
        assert!(shown.chars().count() <= 300 * "\\u{10ffff}".len() + 1);
    }
}
