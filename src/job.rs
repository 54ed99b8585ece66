//! A task as the service describes it.

mod blank;
mod one_line;
mod progress;
mod row;
mod status;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use self::progress::Progress;
pub use self::row::TaskRow;
pub use self::status::Status;
use crate::fault::{Fault, FaultKind};

/// A task as the service describes it: the fields that people ask for, and the whole object as it was
/// received.
///
/// It serializes to the service's own object, with every field, number and order unchanged.
///
/// ```
/// use jobwait::{End, Job};
///
/// let json = r#"{"id": "1", "status": "Failed", "fail_reason": "disk full", "process": "60%"}"#;
/// let job = Job::from_json(json)?;
/// assert_eq!((job.end(), job.fail_reason()), (Some(End::Failure), Some("disk full")));
/// # Ok::<(), jobwait::Fault>(())
/// ```
#[derive(Clone)]
pub struct Job {
    raw: Arc<RawValue>,
    id: String,
    name: Option<String>,
    status: Status,
    progress: Option<Progress>,
    instance: Option<Instance>,
    fail_reason: Option<String>,
}

/// The fields of interest. `id` and `status` must have the right type. The others only inform: they are kept
/// raw, so that a service which changes the type of one of them does not break the wait.
#[derive(Deserialize)]
struct Wire<'a> {
    id: String,
    status: String,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    process: Option<&'a RawValue>,
    /// The name that sibling services use for `process`.
    progress: Option<&'a RawValue>,
    instance: Option<&'a RawValue>,
    fail_reason: Option<&'a RawValue>,
}

impl Job {
    /// Parses the service's job object: the value of `job` in the response of the jobs endpoint.
    ///
    /// # Errors
    ///
    /// An [unreadable](FaultKind::Unreadable) fault when the text is not a JSON object; when `id` or `status`
    /// is missing, duplicated or not a string; when it is nested deeper than 120 levels; or when it contains
    /// a string that is not Unicode.
    pub fn from_json(json: &str) -> Result<Self, Fault> {
        let unreadable = |why: &str| Fault::new(FaultKind::Unreadable, format!("the job object {why}"));

        // serde also reads a struct from an array, by position: `["x", "Completed"]` is not a job.
        if !json.trim_start().starts_with('{') {
            return Err(unreadable("is not an object"));
        }
        let wire: Wire<'_> = serde_json::from_str(json).map_err(|error| unreadable(&format!("({error})")))?;
        let raw = one_line::one_line(json).map_err(unreadable)?;
        let raw = RawValue::from_string(raw).map_err(|error| unreadable(&format!("({error})")))?;
        Ok(Self {
            raw: raw.into(),
            name: wire.name.and_then(string).filter(|name| !name.is_empty()),
            status: Status::from(wire.status),
            progress: wire
                .process
                .and_then(Progress::read)
                .or_else(|| wire.progress.and_then(Progress::read)),
            instance: wire.instance.and_then(|raw| serde_json::from_str(raw.get()).ok()),
            fail_reason: wire.fail_reason.and_then(reason),
            id: wire.id,
        })
    }

    /// Makes a task from an ID and a status, for probes of other services.
    #[must_use]
    pub fn new(id: &str, status: &Status) -> Self {
        Self::from_json(&serde_json::json!({ "id": id, "status": status.as_str() }).to_string())
            .unwrap_or_else(|_| unreachable!("an ID and a status make a job object"))
    }

    /// Returns the end of the task, or `None` while it is going on.
    ///
    /// `Completed` is success, whatever the other fields say. `Failed`, `Canceled`, and a non-blank
    /// `fail_reason` with any other status are failure. Everything else is going on, including `Pending`,
    /// `Unauthorized` and unknown statuses. `ended`, `process` and `name` decide nothing: the service has
    /// been seen to set `ended` on a running task.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        match self.status {
            Status::Completed => Some(End::Success),
            Status::Failed | Status::Canceled => Some(End::Failure),
            _ => self.fail_reason().map(|_| End::Failure),
        }
    }

    /// Applies `change` to the texts for people. The service's own object stays as it is.
    pub(crate) fn map_texts(self, change: impl Fn(&str) -> String) -> Self {
        let text = |text: Option<String>| text.map(|text| change(&text));
        Self {
            name: text(self.name),
            status: self.status.map_text(&change),
            instance: self.instance.map(|instance| instance.map_texts(&change)),
            fail_reason: text(self.fail_reason),
            ..self
        }
    }

    /// The task's ID.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The kind of task, such as `CreateGaussDBforMySQLInstance`. Its spelling varies between
    /// versions of the service.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The task's status.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// The share of the work that is done, if the service reports it. It can go back.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        self.progress
    }

    /// The instance that the task works on.
    #[must_use]
    pub fn instance(&self) -> Option<&Instance> {
        self.instance.as_ref()
    }

    /// The reason of the failure, if the service gives one that is not blank.
    #[must_use]
    pub fn fail_reason(&self) -> Option<&str> {
        self.fail_reason.as_deref()
    }

    /// The service's own object on one line, otherwise unaltered.
    #[must_use]
    pub fn as_json(&self) -> &str {
        self.raw.get()
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Job").field(&self.raw.get()).finish()
    }
}

impl Serialize for Job {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// Reads a reason. Every known one is a string. Any other value is kept as JSON rather than
/// lost, unless it is blank.
fn reason(raw: &RawValue) -> Option<String> {
    let text = string(raw).unwrap_or_else(|| raw.get().to_owned());
    (!blank::is_blank(&text)).then_some(text)
}

/// The end of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// It completed.
    Success,
    /// It ended without success.
    Failure,
}

/// The database instance that a task works on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Instance {
    /// Its ID: 36 characters that end in `in07` on TaurusDB.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
}

impl Instance {
    fn map_texts(self, change: impl Fn(&str) -> String) -> Self {
        let text = |text: Option<String>| text.map(|text| change(&text));
        Self { id: text(self.id), name: text(self.name) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(fields: &str) -> Job {
        Job::from_json(&format!(r#"{{"id": "1", "status": "Running", {fields}}}"#)).unwrap()
    }

    /// Covers B5.
    #[test]
    fn a_missing_repeated_or_non_string_id_or_status_is_unreadable() {
        for bad in [
            r#"{"id": "1"}"#,
            r#"{"status": "Completed"}"#,
            r#"{"id": "1", "status": null}"#,
            r#"{"id": "1", "status": 1}"#,
            r#"{"id": "1", "status": "Running", "status": "Completed"}"#,
            r#"["1", "Completed", null, null, null, null, null]"#,
            r#""Completed""#,
            "",
        ] {
            assert_eq!(Job::from_json(bad).unwrap_err().kind, FaultKind::Unreadable, "{bad}");
        }
    }

    /// Covers B8.
    #[test]
    fn extra_fields_and_numbers_of_any_size_are_kept_unchanged() {
        let json = r#"{ "id":"1", "status":"Running","n": [1e999, 12345678901234567890123, -0.10],
                        "entities": {}, "ended": "", "name": null, "b": " a\u0041 " }"#;
        let fields = r#""entities":{},"ended":"","name":null,"b":" a\u0041 ""#;
        assert_eq!(
            Job::from_json(json).unwrap().as_json(),
            format!(r#"{{"id":"1","status":"Running","n":[1e999,12345678901234567890123,-0.10],{fields}}}"#)
        );
    }

    #[test]
    fn a_job_of_another_service_has_an_id_and_a_status() {
        let job = Job::new("a \"b\"", &Status::Other("Warming up".into()));
        assert_eq!((job.id(), job.status().as_str(), job.end()), ("a \"b\"", "Warming up", None));
        assert_eq!(Job::new("1", &Status::Completed).end(), Some(End::Success));
    }

    /// Covers U5.
    #[test]
    fn a_blank_fail_reason_is_ignored() {
        for blank in [
            "null",
            r#""""#,
            r#"" \n ""#,
            "{}",
            "[ ]",
            "false",
            "0",
            r#"[""]"#,
            r#"{"code": null}"#,
            r#""null""#,
            r#""\u200b\ufeff\u0007""#,
        ] {
            assert_eq!(job(&format!(r#""fail_reason": {blank}"#)).fail_reason(), None, "{blank}");
        }
        assert_eq!(job(r#""fail_reason": " x ""#).fail_reason(), Some(" x "));
        assert_eq!(job(r#""fail_reason": {"code": 7}"#).fail_reason(), Some(r#"{"code": 7}"#));
    }

    /// Covers B10.
    #[test]
    fn times_of_any_form_are_kept_unchanged_and_never_end_a_task() {
        for created in
            ["2018-08-06T10:41:14+0800", "2018-08-06T10:41:14Z", "2018-08-06T10:41:14+08:00", "", "soon"]
        {
            let read = job(&format!(r#""created":"{created}","ended":"{created}""#));
            assert!(read.as_json().contains(&format!(r#""created":"{created}""#)), "{}", read.as_json());
            assert_eq!((read.end(), read.status()), (None, &Status::Running));
        }
    }

    #[test]
    fn progress_has_another_name_on_sibling_services() {
        for field in ["process", "progress"] {
            let read = job(&format!(r#""{field}": "7""#)).progress();
            assert_eq!(read.map(Progress::percent), Some(7.0), "{field}");
        }
    }

    #[test]
    fn an_optional_field_of_the_wrong_type_is_ignored() {
        let odd = job(r#""name": 5, "instance": "x", "process": {}, "created": []"#);
        assert_eq!((odd.name(), odd.instance(), odd.progress()), (None, None, None));
    }
}
