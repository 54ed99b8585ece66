//! Which tasks to wait for: IDs from the command line, or from standard input in any form in which the service or a
//! script says them.

use std::collections::HashSet;
use std::io::{self, Read};
use std::time::Duration;

use jobwait::text::safe;
use jobwait::{Clock, JobId};
use serde_json::Value;

use crate::config::{Refusal, refuse};
use crate::signals::{Signal, Signals};

/// Ten thousand IDs are half a megabyte. More than this is something else.
const LONGEST: u64 = 8 << 20;

/// The IDs in what a reader gives. It blocks while it reads.
///
/// # Errors
///
/// A sentence that says what it is, and what to do.
fn read(reader: impl Read) -> Result<Vec<JobId>, String> {
    let mut bytes = Vec::new();
    reader
        .take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error: io::Error| format!("it cannot be read: {error}"))?;
    if bytes.len() as u64 > LONGEST {
        return Err("it is longer than any list of IDs".into());
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).trim();
    if text.is_empty() {
        return Err("it is empty: the call before it printed nothing, or failed".into());
    }
    if text.starts_with(['{', '[']) { of_answer(text) } else { of_lines(text) }
}

/// The tasks that are named, on the command line or, by `-`, on standard input, which is read within the deadline.
///
/// # Errors
///
/// When they are none. Ok(Err(…)) is the signal that ended the reading.
pub(crate) async fn jobs(
    words: &[String],
    clock: Clock,
    deadline: Duration,
    signals: &mut Signals,
) -> Result<Result<Vec<JobId>, Signal>, Refusal> {
    let mut jobs = Vec::new();
    for word in words {
        if word == "-" {
            match from_stdin(clock, deadline, signals).await? {
                Ok(read) => jobs.extend(read),
                Err(signal) => return Ok(Err(signal)),
            }
        } else {
            jobs.push(JobId::parse(word).map_err(|error| refuse("<JOB_ID>", &error))?);
        }
    }
    Ok(Ok(unique(jobs)))
}

async fn from_stdin(
    clock: Clock,
    deadline: Duration,
    signals: &mut Signals,
) -> Result<Result<Vec<JobId>, Signal>, Refusal> {
    let refused = |error: &str| Refusal(format!("standard input: {error}"));
    let read = tokio::task::spawn_blocking(|| read(io::stdin().lock()));
    tokio::select! {
        read = read => {
            let read = read.map_err(|error| refused(&error.to_string()))?;
            read.map(Ok).map_err(|error| refused(&error))
        }
        () = clock.sleep_until(deadline) => Err(refused("it did not end before the deadline")),
        signal = signals.next() => Ok(Err(signal)),
    }
}

/// The same ID twice is one task.
fn unique(ids: Vec<JobId>) -> Vec<JobId> {
    let mut known = HashSet::new();
    ids.into_iter().filter(|id| known.insert(id.as_str().to_owned())).collect()
}

/// IDs a line each.
fn of_lines(text: &str) -> Result<Vec<JobId>, String> {
    let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
    lines
        .filter(|(_, line)| !line.is_empty())
        .map(|(number, line)| {
            JobId::parse(line).map_err(|error| format!("line {number}, '{}': {error}", safe(line, 60)))
        })
        .collect()
}

/// What the service answers to the call that starts a task.
fn of_answer(text: &str) -> Result<Vec<JobId>, String> {
    let answer: Value =
        serde_json::from_str(text).map_err(|error| format!("it begins as JSON, and is none: {error}"))?;
    let mut found = Vec::new();
    collect(&answer, &mut found);
    found.retain(|ids| ids.contains(|c: char| c != ',' && !c.is_whitespace()));
    if found.is_empty() {
        return Err(what_else(&answer));
    }
    // An instance and its database of one call come as one text.
    found
        .iter()
        .flat_map(|ids| ids.split(','))
        .map(str::trim)
        .filter(|id| !id.is_empty())
        .map(|id| JobId::parse(id).map_err(|error| format!("its job_id '{}': {error}", safe(id, 60))))
        .collect()
}

/// The texts that are IDs, in all forms: `job_id`, `job_ids`, `job.id`, `jobs[].job_id`, and a list of IDs.
fn collect<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Array(values) => {
            for value in values {
                match value {
                    Value::String(id) => found.push(id),
                    value => collect(value, found),
                }
            }
        }
        Value::Object(fields) => {
            found.extend(["job_id", "jobId"].iter().filter_map(|name| fields.get(*name)?.as_str()));
            found.extend(fields.get("job").and_then(|job| job.get("id")?.as_str()));
            for name in ["job_ids", "jobs"] {
                match fields.get(name) {
                    Some(Value::String(ids)) => found.push(ids),
                    Some(values @ Value::Array(_)) => collect(values, found),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// What an answer without the ID of a task is.
fn what_else(answer: &Value) -> String {
    let fields = answer.get("error").unwrap_or(answer);
    let text = |names: &[&str]| {
        let value = names.iter().find_map(|name| fields.get(*name))?;
        Some(safe(&value.as_str().map_or_else(|| value.to_string(), str::to_owned), 200).to_string())
    };
    if let Some(code) = text(&["error_code", "errorCode", "errCode", "code"]) {
        let message = text(&["error_msg", "errorMsg", "message", "title"]).unwrap_or_default();
        return format!("the call before it was refused, so there is no task: {message} ({code})");
    }
    if let Some(order) = text(&["order_id", "orderId"]) {
        return format!(
            "it holds an order_id only ('{order}'): a yearly or monthly instance is ordered, and its task has no ID before the order is paid"
        );
    }
    "it is an answer without a job_id: was the call one that starts a task?".into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids(text: &str) -> Result<Vec<String>, String> {
        read(text.as_bytes()).map(|ids| unique(ids).iter().map(|id| id.as_str().to_owned()).collect())
    }

    #[test]
    fn every_form_is_read() {
        for text in [
            "a1\nb2\n",
            "\u{feff} a1 \r\n\r\n  b2\n a1",
            r#"{"job_id": "a1,b2"}"#,
            r#"{"instance": {"id": "x", "job_id": 7}, "job_id": "a1, b2,"}"#,
            r#"{"job_ids": ["a1", "b2"]}"#,
            r#"{"jobs": [{"job_id": "a1"}, {"job_id": "b2"}]}"#,
            r#"{"jobs": [{"job_id": "a1", "job": {"id": "a1"}}, {"job_id": "b2"}]}"#,
            r#"["a1", "b2"]"#,
            r#"[{"job_id": "a1"}, {"job": {"id": "b2"}}]"#,
        ] {
            assert_eq!(ids(text), Ok(vec!["a1".into(), "b2".into()]), "{text}");
        }
        assert_eq!(ids(r#"{"job": {"id": "a1", "status": "Running"}}"#), Ok(vec!["a1".into()]));
    }

    #[test]
    fn what_is_no_id_is_called_what_it_is() {
        for (text, said) in [
            ("", "empty"),
            (" \n", "empty"),
            ("a1\nb 2\n", "line 2, 'b 2': "),
            ("curl: (6) Could not resolve host", "line 1, "),
            (r#"{"job_id": "a1""#, "begins as JSON, and is none"),
            (r#"{"job_id": ""}"#, "without a job_id"),
            (r#"{"job_id": "a b"}"#, "its job_id 'a b'"),
            (r#"{"job_id": null}"#, "without a job_id"),
            (r#"{"order_id": "CS1"}"#, "order_id only ('CS1')"),
            (
                r#"{"error_code": "DBS.200011", "error_msg": "no\n"}"#,
                r"refused, so there is no task: no\n (DBS.200011)",
            ),
            (r#"{"error": {"code": 401, "message": "who"}}"#, "who (401)"),
            ("[]", "without a job_id"),
            ("[[[[]]]]", "without a job_id"),
        ] {
            let error = ids(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
        assert!(read(&b"\xff\xfe"[..]).unwrap_err().contains("UTF-8"));
        assert!(read(io::repeat(b'a')).unwrap_err().contains("longer"));
        assert!(ids(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn an_id_that_is_there_twice_is_one_task() {
        assert_eq!(ids("b\na\nb\n").unwrap(), ["b", "a"]);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(ids) = read(&bytes[..]) {
                prop_assert!(!ids.is_empty());
            }
        }
    }
}
