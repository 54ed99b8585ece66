//! The job IDs, from the command line or from standard input: a list, or the JSON that the service returns.

use std::collections::HashSet;
use std::io::{self, Read};

use jobwait::text::safe;
use jobwait::{ConfigError, InstanceId, JobId};
use serde_json::Value;

use crate::exit::Refusal;
use crate::panics;

/// The most bytes of standard input. Ten thousand IDs are half a megabyte, and as many responses one and a
/// half.
const LONGEST: u64 = 4 << 20;

/// The most tasks of one process. Each takes some kilobytes, and more of them could not all be reported in
/// time at the deadline.
pub(crate) const MOST_TASKS: usize = 20_000;

/// The keys of a job ID in the response to a call, and in a list of tasks.
const OF_A_CALL: [&str; 2] = ["job_id", "jobId"];
const OF_A_LIST: [&str; 3] = ["job_id", "jobId", "id"];

/// The fields that contain lists of IDs or of tasks, in the responses of all services.
const LISTS: [&str; 4] = ["job_ids", "jobs", "schedules", "tasks"];

/// The most lines before the JSON that are tried as its beginning.
const BEGINNINGS: usize = 3;

/// Parses the words of the command line, of which `-` stands for the IDs on standard input.
pub(crate) async fn jobs(words: &[String]) -> Result<Vec<JobId>, Refusal> {
    let mut jobs = Vec::new();
    for word in words {
        jobs.extend(if word == "-" {
            let read = tokio::task::spawn_blocking(|| read(io::stdin().lock()));
            let read = read.await.unwrap_or_else(|_| panics::propagate());
            read.map_err(|error| Refusal(format!("standard input: {error}")))?
        } else {
            ids(word).map_err(|error| Refusal(format!("<JOB_ID>: {error}")))?
        });
    }
    let jobs = unique(jobs);
    if jobs.len() > MOST_TASKS {
        let count = jobs.len();
        return Err(Refusal(format!(
            "{count} tasks: one process waits for at most {MOST_TASKS}, so split the list"
        )));
    }
    Ok(jobs)
}

/// Reads IDs. Blocks.
fn read(reader: impl Read) -> Result<Vec<JobId>, String> {
    let mut bytes = Vec::new();
    reader.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot read it: {error}"))?;
    if bytes.len() as u64 > LONGEST {
        return Err(format!("longer than {} MiB, so it is not a list of job IDs", LONGEST >> 20));
    }
    let text = String::from_utf8(bytes).map_err(|_| "not UTF-8, so it is not a list of job IDs")?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).trim();
    if text.is_empty() {
        return Err("empty: the command before it printed nothing, or failed".into());
    }
    if text.starts_with("HTTP/") {
        return Err(
            "HTTP headers, as 'curl -i' prints them: leave out -i, so that only the body is piped in".into(),
        );
    }
    let json = after_warnings(text);
    if json.is_some() || text.starts_with(['{', '[', '"']) {
        of_responses(json.unwrap_or(text))
    } else {
        of_lines(text)
    }
}

/// Returns the JSON after lines that a tool printed before it, such as warnings. A line that could be an ID
/// is no warning.
fn after_warnings(text: &str) -> Option<&str> {
    let mut start = 0;
    let mut beginnings = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if trimmed.starts_with(['{', '[']) {
            let rest = &text[start..];
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<serde::de::IgnoredAny>();
            if values.all(|value| value.is_ok()) {
                return Some(rest);
            }
            // A broken object may be the response of a call, so it is not skipped.
            beginnings += 1;
            if trimmed.starts_with('{') || beginnings == BEGINNINGS {
                return None;
            }
        } else if !trimmed.contains(' ') && !trimmed.is_empty() {
            return None;
        }
        start += line.len();
    }
    None
}

/// Removes duplicates: the same ID twice is one task.
fn unique(ids: Vec<JobId>) -> Vec<JobId> {
    let mut known = HashSet::with_capacity(ids.len());
    let new: Vec<bool> = ids.iter().map(|id| known.insert(id.as_str())).collect();
    ids.into_iter().zip(new).filter_map(|(id, new)| new.then_some(id)).collect()
}

/// Parses one text. The service joins the IDs of the tasks that one call started by commas.
fn ids(text: &str) -> Result<Vec<JobId>, String> {
    let id = |text: &str| match text {
        // A missing field in jq, JavaScript and Python.
        "null" | "undefined" | "None" => {
            let why = "the call before it returned no job ID, so it was probably refused";
            Err(format!("'{text}' is not a job ID: {why}"))
        }
        text if InstanceId::parse(text).is_ok() => Err(format!(
            "'{text}' is the ID of an instance, not of a task: to wait for the tasks of the instance, run \
             'jobwait --instance {text}'"
        )),
        text => JobId::parse(text).map_err(|error: ConfigError| error.to_string()),
    };
    let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
    let ids: Vec<JobId> = ids.map(id).collect::<Result<_, _>>()?;
    if ids.is_empty() { id(text).map(|id| vec![id]) } else { Ok(ids) }
}

/// Parses one ID per line.
fn of_lines(text: &str) -> Result<Vec<JobId>, String> {
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    let parsed = lines.map(|(n, line)| ids(line).map_err(|error| format!("line {}: {error}", n + 1)));
    Ok(parsed.collect::<Result<Vec<_>, _>>()?.concat())
}

/// Parses the responses to the calls that started the tasks, one after the other.
fn of_responses(text: &str) -> Result<Vec<JobId>, String> {
    let mut jobs = Vec::new();
    for response in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let response = response.map_err(|error| format!("invalid JSON: {error}"))?;
        let mut found = Vec::new();
        collect(&response, &OF_A_CALL, &mut found)?;
        if found.is_empty() {
            return Err(no_id(&response));
        }
        for text in found {
            jobs.extend(ids(text).map_err(|error| format!("job_id: {error}"))?);
        }
    }
    Ok(jobs)
}

/// Collects the texts that are IDs, in all forms: `job_id`, `job.id`, `job_ids`, `jobs[].job_id`,
/// `jobs[].id` and the like, and a list of IDs.
///
/// # Errors
///
/// A part that should name a task does not: one of several calls may have been refused.
fn collect<'a>(response: &'a Value, keys: &[&str], found: &mut Vec<&'a str>) -> Result<(), String> {
    let id = |value: &'a Value| {
        value.as_str().filter(|text| text.contains(|c: char| c != ',' && !c.is_whitespace()))
    };
    let before = found.len();
    match response {
        Value::Array(parts) => return parts.iter().try_for_each(|part| collect(part, keys, found)),
        Value::Object(fields) => {
            let own = keys.iter().find_map(|key| fields.get(*key).and_then(id));
            let own = own.or_else(|| id(fields.get("job")?.get("id")?));
            let lists = LISTS.iter().filter_map(|key| fields.get(*key));
            match own {
                Some(id) => found.push(id),
                None => lists
                    .filter(|list| !list.is_null())
                    .try_for_each(|list| collect(list, &OF_A_LIST, found))?,
            }
        }
        text => found.extend(id(text)),
    }
    if found.len() > before { Ok(()) } else { Err(no_id(response)) }
}

/// The error for a response without a job ID.
fn no_id(response: &Value) -> String {
    let fields = response.get("error").unwrap_or(response);
    let text = |names: &[&str]| {
        let value = names.iter().find_map(|name| fields.get(*name))?;
        Some(safe(&value.as_str().map_or_else(|| value.to_string(), str::to_owned), 200).to_string())
    };
    if let Some(code) = text(&["error_code", "errorCode", "errCode", "code"]) {
        let message = text(&["error_msg", "errorMsg", "message", "title"]).unwrap_or_default();
        return format!("the call before it was refused, so there is no task: {message} ({code})");
    }
    let first = |names: &[&str]| {
        let value = names.iter().find_map(|name| fields.get(*name))?;
        let value = value.as_array().map_or(Some(value), |list| list.first())?;
        let value = value.as_str().filter(|text| !text.is_empty())?;
        Some(safe(value, 200).to_string())
    };
    if let Some(order) = first(&["order_id", "orderId", "order_ids"]) {
        let why = "a yearly or monthly instance has no task before its order is paid";
        return format!("an order_id ('{order}') and no job_id: {why}");
    }
    if let Some(workflow) = first(&["workflow_id", "workflowId"]) {
        let why = "a workflow is not a task; 'jobwait --instance ID' finds the tasks that it starts";
        return format!("a workflow_id ('{workflow}') and no job_id: {why}");
    }
    let is_empty = |name: &&str| fields.get(*name).and_then(Value::as_array).is_some_and(Vec::is_empty);
    if let Some(list) = LISTS.iter().find(|name| is_empty(name)) {
        return format!("an empty list '{list}', so without a job_id: there is no task to wait for");
    }
    if OF_A_CALL.iter().any(|name| fields.get(*name).is_some_and(Value::is_null)) {
        return "a job_id that is null, so without a job_id: the call before it started no task".into();
    }
    "JSON without a job_id: pipe in the response of a call that starts a task".into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids(text: &str) -> Result<Vec<String>, String> {
        read(text.as_bytes()).map(|ids| unique(ids).iter().map(|id| id.as_str().to_owned()).collect())
    }

    /// Covers U1.
    #[test]
    fn ids_are_read_from_lists_and_responses_of_every_form() {
        for text in [
            "a1\nb2\n",
            "\u{feff} a1 \r\n\r\n  b2\n a1",
            r#"{"job_id": "a1,b2"}"#,
            r#"{"instance": {"id": "x", "job_id": 7}, "job_id": "a1, b2,"}"#,
            r#"{"job_ids": ["a1", "b2"]}"#,
            r#"{"jobs": [{"job_id": "a1"}, {"job_id": "b2"}]}"#,
            r#"{"jobs": [{"job_id": "a1", "job": {"id": "a1"}}, {"job_id": "b2"}]}"#,
            r#"{"jobs": [{"id": "a1", "status": "Running"}, {"job_id": "b2", "id": "x"}], "total_count": 2}"#,
            r#"{"schedules": [{"job_id": "a1"}, {"job_id": "b2"}]}"#,
            r#"{"tasks": [{"id": "a1"}, {"id": "b2"}], "total_count": 2}"#,
            r#"{"tasks": [{"job_id": "a1", "id": 7}, {"job_id": "b2"}]}"#,
            "WARNING: a new version is available\n\n{\"job_ids\": [\"a1\", \"b2\"]}",
            "[WARN] slow network\n{\"job_ids\": [\"a1\", \"b2\"]}\n",
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

    /// Covers U2 and U3.
    #[test]
    fn input_without_job_ids_is_refused_with_the_likely_reason() {
        for (text, reason) in [
            ("", "empty"),
            (" \n", "empty"),
            ("a1\nb 2\n", "line 2: invalid job ID 'b 2': "),
            ("curl: (6) Could not resolve host", "line 1: "),
            (r#"{"job_id": "a1""#, "invalid JSON"),
            (r#"{"job_id": ""}"#, "without a job_id"),
            (r#"{"job_id": "a b"}"#, "job_id: invalid job ID 'a b'"),
            (r#"{"job_id": null}"#, "a job_id that is null, so without a job_id"),
            (r#"{"job_id": null, "order_id": null}"#, "a job_id that is null"),
            (r#"{"job_ids": [], "order_ids": ["CS1"]}"#, "an order_id ('CS1') and no job_id"),
            (r#"{"workflow_id": "w1"}"#, "a workflow_id ('w1') and no job_id"),
            ("HTTP/1.1 202 Accepted\r\nX: y\r\n\r\n{\"job_id\": \"a1\"}", "leave out -i"),
            (
                "a48e43ff268f4c0e879652d65e63d0fbin07",
                "'jobwait --instance a48e43ff268f4c0e879652d65e63d0fbin07'",
            ),
            (r#"{"job_id": "a48e43ff268f4c0e879652d65e63d0fbin07"}"#, "the ID of an instance"),
            ("{\"job_id\": \"a1\n{\"job_id\": \"b2\"}", "invalid JSON"),
            ("a1\n{\"job_id\": \"b2\"}", "line 2: "),
            ("[WARN] x\n[WARN] y\n[WARN] z\n{\"job_id\": \"b2\"}", "invalid JSON"),
            (r#"{"order_id": "CS1"}"#, "order_id ('CS1') and no job_id"),
            (
                r#"{"error_code": "DBS.200011", "error_msg": "no\n"}"#,
                r"refused, so there is no task: no\n (DBS.200011)",
            ),
            (r#"{"error": {"code": 401, "message": "who"}}"#, "who (401)"),
            ("[]", "without a job_id"),
            (r#"{"jobs": [], "total_count": 0}"#, "an empty list 'jobs', so without a job_id"),
            (r#"{"job_ids": [7]}"#, "without a job_id"),
            (r#"{"id": "a1", "status": "ACTIVE"}"#, "without a job_id"),
            // One of two calls was refused. To wait only for the other could report a success.
            (
                r#"{"job_id": "a1"} {"error_code": "DBS.1", "error_msg": "no"}"#,
                "refused, so there is no task: no",
            ),
            (r#"{"jobs": [{"job_id": "a1"}, {"error_code": "DBS.1", "error_msg": "no"}]}"#, "no (DBS.1)"),
            (r#"{"job_id": "a1"} b2"#, "invalid JSON"),
            ("a1,b c", "line 1: invalid job ID 'b c': "),
            (",", "line 1: invalid job ID ','"),
            ("null\n", "'null' is not a job ID: the call before it returned no job ID"),
            (r#"{"job_id": "a1,null"}"#, "'null' is not a job ID"),
            ("[[[[]]]]", "without a job_id"),
        ] {
            let error = ids(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(read(&b"\xff\xfe"[..]).unwrap_err().contains("UTF-8"));
        assert!(read(io::repeat(b'a')).unwrap_err().contains("longer"));
        assert!(ids(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn an_id_that_is_given_twice_is_one_task() {
        assert_eq!(ids("b\na\nb\n").unwrap(), ["b", "a"]);
    }

    proptest! {
        #[test]
        fn any_input_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(ids) = read(&bytes[..]) {
                prop_assert!(!ids.is_empty());
            }
        }
    }
}
