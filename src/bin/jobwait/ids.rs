//! Which tasks to wait for: IDs from the command line, or from standard input in any form in which the
//! service or a script says them.

use std::collections::HashSet;
use std::io::{self, Read};
use std::time::Duration;

use jobwait::text::safe;
use jobwait::{Clock, JobId};
use serde_json::Value;

use crate::options::Refusal;
use crate::panics;
use crate::signals::{Signal, Signals};

/// Ten thousand IDs are half a megabyte, and as many answers one and a half. More than this is something
/// else.
const LONGEST: u64 = 4 << 20;

/// Twice as many tasks as anybody is known to wait for at once. Each takes some kilobytes, and more of them
/// than this could not all be told in time at the deadline.
const MOST: usize = 20_000;

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
    if text.starts_with(['{', '[', '"']) { of_answers(text) } else { of_lines(text) }
}

/// The tasks that are named, on the command line or, by `-`, on standard input, which is read within the
/// deadline.
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
            jobs.extend(ids(word).map_err(|error| Refusal(format!("<JOB_ID>: {error}")))?);
        }
    }
    let jobs = unique(jobs);
    if jobs.len() > MOST {
        return Err(Refusal(format!(
            "{} tasks are more than the {MOST} that one process waits for: give them to several",
            jobs.len()
        )));
    }
    Ok(Ok(jobs))
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
            let read = read.unwrap_or_else(|_| panics::pass_on());
            read.map(Ok).map_err(|error| refused(&error))
        }
        () = clock.sleep_until(deadline) => Err(refused("it did not end before the deadline")),
        signal = signals.next() => Ok(Err(signal)),
    }
}

/// The same ID twice is one task.
fn unique(ids: Vec<JobId>) -> Vec<JobId> {
    let mut known = HashSet::with_capacity(ids.len());
    let new: Vec<bool> = ids.iter().map(|id| known.insert(id.as_str())).collect();
    ids.into_iter().zip(new).filter_map(|(id, new)| new.then_some(id)).collect()
}

/// The IDs in one text: the service joins those of the tasks that one call started by commas.
fn ids(text: &str) -> Result<Vec<JobId>, String> {
    let id = |text: &str| match text {
        // What jq, JavaScript and Python make of a field that is not there.
        "null" | "undefined" | "None" => {
            Err(format!("'{text}' is no job ID: the call before it answered none, and was likely refused"))
        }
        text => JobId::parse(text).map_err(|error| error.to_string()),
    };
    let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
    let ids: Vec<JobId> = ids.map(id).collect::<Result<_, _>>()?;
    if ids.is_empty() { id(text).map(|id| vec![id]) } else { Ok(ids) }
}

/// IDs a line each.
fn of_lines(text: &str) -> Result<Vec<JobId>, String> {
    let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty()).map(|(number, line)| {
        ids(line).map_err(|error| format!("line {number}, '{}': {error}", safe(line, 60)))
    });
    Ok(lines.collect::<Result<Vec<_>, _>>()?.concat())
}

/// What the service answers to the call that starts a task; or to several, one answer after the other.
fn of_answers(text: &str) -> Result<Vec<JobId>, String> {
    let mut jobs = Vec::new();
    for answer in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let answer = answer.map_err(|error| format!("it begins as JSON, and is none: {error}"))?;
        let mut found = Vec::new();
        collect(&answer, &OF_A_CALL, &mut found)?;
        if found.is_empty() {
            return Err(what_else(&answer));
        }
        for text in found {
            jobs.extend(ids(text).map_err(|error| format!("its job_id '{}': {error}", safe(text, 60)))?);
        }
    }
    Ok(jobs)
}

/// What a task's ID is called in the answer to a call, and in a list of tasks.
const OF_A_CALL: [&str; 2] = ["job_id", "jobId"];
const OF_A_LIST: [&str; 3] = ["job_id", "jobId", "id"];

/// The texts that are IDs, in all forms: `job_id`, `job.id`, `job_ids`, `jobs[].job_id`, `jobs[].id`, and a
/// list of IDs.
///
/// # Errors
///
/// When a part that should name a task does not: of several calls, one may have been refused.
fn collect<'a>(answer: &'a Value, keys: &[&str], found: &mut Vec<&'a str>) -> Result<(), String> {
    let id = |value: &'a Value| {
        value.as_str().filter(|text| text.contains(|c: char| c != ',' && !c.is_whitespace()))
    };
    let before = found.len();
    match answer {
        Value::Array(parts) => return parts.iter().try_for_each(|part| collect(part, keys, found)),
        Value::Object(fields) => {
            let own = keys.iter().find_map(|key| fields.get(*key).and_then(id));
            let own = own.or_else(|| id(fields.get("job")?.get("id")?));
            let lists = ["job_ids", "jobs"].iter().filter_map(|key| fields.get(*key));
            match own {
                Some(id) => found.push(id),
                None => lists
                    .filter(|list| !list.is_null())
                    .try_for_each(|list| collect(list, &OF_A_LIST, found))?,
            }
        }
        text => found.extend(id(text)),
    }
    if found.len() > before { Ok(()) } else { Err(what_else(answer)) }
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
            r#"{"jobs": [{"id": "a1", "status": "Running"}, {"job_id": "b2", "id": "x"}], "total_count": 2}"#,
            "{\"job_id\": \"a1\"}\n{\"job_id\": \"b2\", \"job_ids\": null}\n",
            r#"{"job_id": "a1"}["b2"]"#,
            "a1, b2,\n",
            "\"a1\"\n\"b2\"\n",
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
            (r#"{"jobs": [], "total_count": 0}"#, "without a job_id"),
            (r#"{"job_ids": [7]}"#, "without a job_id"),
            (r#"{"id": "a1", "status": "ACTIVE"}"#, "without a job_id"),
            // One call of two was refused: to wait for the other would tell of success.
            (
                r#"{"job_id": "a1"} {"error_code": "DBS.1", "error_msg": "no"}"#,
                "refused, so there is no task: no",
            ),
            (r#"{"jobs": [{"job_id": "a1"}, {"error_code": "DBS.1", "error_msg": "no"}]}"#, "no (DBS.1)"),
            (r#"{"job_id": "a1"} b2"#, "begins as JSON, and is none"),
            ("a1,b c", "line 1, 'a1,b c': "),
            (",", "line 1, ','"),
            ("null\n", "'null' is no job ID: the call before it answered none"),
            (r#"{"job_id": "a1,null"}"#, "'null' is no job ID"),
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
