//! What an answer says about a task.

mod compact;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Fault;
use crate::error::FaultKind;

/// A task as the service describes it: the fields that people ask for, and the whole object as it came.
///
/// It serializes to the service's own object: every field, numbers and order as they were.
#[derive(Clone)]
pub struct Job {
    raw: Box<RawValue>,
    id: String,
    name: Option<String>,
    status: Status,
    progress: Option<Progress>,
    instance: Option<Instance>,
    fail_reason: Option<String>,
}

/// The fields of interest. Those that only inform are taken as they are, so that a service which
/// changes the type of one of them does not blind the wait; `id` and `status` have to be right.
#[derive(Deserialize)]
struct Wire<'a> {
    id: String,
    status: String,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    process: Option<&'a RawValue>,
    /// What sibling services call `process`.
    progress: Option<&'a RawValue>,
    instance: Option<&'a RawValue>,
    fail_reason: Option<&'a RawValue>,
}

impl Job {
    /// Reads the service's job object: the value of `job` in the answer of the jobs endpoint.
    ///
    /// # Errors
    ///
    /// An [unreadable](FaultKind::Unreadable) fault when it is not a JSON object, `id` or `status` is missing,
    /// not a string or there twice, it is nested deeper than 120 levels, or a string in it is not Unicode.
    pub fn from_json(json: &str) -> Result<Self, Fault> {
        let unreadable = |why: &str| Fault::new(FaultKind::Unreadable, format!("the job object {why}"));

        // serde reads a struct from an array as well, by position: `["x", "Completed"]` is no job.
        if !json.trim_start().starts_with('{') {
            return Err(unreadable("is not an object"));
        }
        let wire: Wire<'_> = serde_json::from_str(json).map_err(|error| unreadable(&format!("({error})")))?;
        let compact = compact::compact(json).map_err(unreadable)?;
        let raw = RawValue::from_string(compact).map_err(|error| unreadable(&format!("({error})")))?;
        Ok(Self {
            raw,
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

    /// A task of which no more is known, for probes of other services.
    #[must_use]
    pub fn new(id: &str, status: &Status) -> Self {
        Self::from_json(&serde_json::json!({ "id": id, "status": status.as_str() }).to_string())
            .unwrap_or_else(|_| unreachable!("these two are all that a job object needs"))
    }

    /// How the task has ended, if it has.
    ///
    /// `Completed` is success, whatever stands beside it. `Failed`, `Canceled`, and a `fail_reason` that is
    /// not blank with any other status, are failure. All else is going on: `Pending`, `Unauthorized` and
    /// statuses that are not known here included. `ended`, `process` and `name` decide nothing: the service
    /// has been seen setting `ended` on a running task.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        match self.status {
            Status::Completed => Some(End::Success),
            Status::Failed | Status::Canceled => Some(End::Failure),
            _ => self.fail_reason().map(|_| End::Failure),
        }
    }

    /// The same with other texts for people. The service's own object stays as it is.
    pub(crate) fn map_texts(self, change: impl Fn(&str) -> String) -> Self {
        let status = match self.status {
            Status::Other(text) => Status::Other(change(&text)),
            known => known,
        };
        let text = |text: Option<String>| text.map(|text| change(&text));
        Self {
            name: text(self.name),
            status,
            instance: self.instance.map(|of| Instance { id: text(of.id), name: text(of.name) }),
            fail_reason: text(self.fail_reason),
            ..self
        }
    }

    /// The task's ID.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the task does, such as `CreateGaussDBforMySQLInstance`. Its spelling varies between versions of
    /// the service.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// How the task is doing.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// How far the task is, when the service says so. It can go back.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        self.progress
    }

    /// The instance that the task works on.
    #[must_use]
    pub fn instance(&self) -> Option<&Instance> {
        self.instance.as_ref()
    }

    /// Why the task failed, when the service gives a reason that is not blank.
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

/// A reason is a string everywhere it was ever seen. Should it come as something else, it is shown as it
/// is rather than lost, unless there is nothing in it.
fn reason(raw: &RawValue) -> Option<String> {
    match string(raw) {
        Some(reason) => Some(reason).filter(|reason| !reason.trim().is_empty()),
        None => Some(raw.get().to_owned()).filter(|other| {
            !matches!(other.replace(char::is_whitespace, "").as_str(), "null" | "{}" | "[]" | "false")
        }),
    }
}

/// How a task has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// It completed.
    Success,
    /// It ended without success.
    Failure,
}

/// How a task is doing. `Completed`, `Failed` and `Canceled` are ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Delayed. It may wait for the maintenance window.
    Pending,
    /// At work.
    Running,
    /// Ended with success.
    Completed,
    /// Ended without success.
    Failed,
    /// Waits for a person to approve it.
    Unauthorized,
    /// Ended by a person.
    Canceled,
    /// A status that is not known here. The service may add some.
    Other(String),
}

impl Status {
    /// The service's spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Unauthorized => "Unauthorized",
            Self::Canceled => "Canceled",
            Self::Other(text) => text,
        }
    }
}

impl From<String> for Status {
    /// By exact spelling: `completed` is not a spelling that the service documents, so it is no end.
    fn from(text: String) -> Self {
        match text.as_str() {
            "Pending" => Self::Pending,
            "Running" => Self::Running,
            "Completed" => Self::Completed,
            "Failed" => Self::Failed,
            "Unauthorized" => Self::Unauthorized,
            "Canceled" => Self::Canceled,
            _ => Self::Other(text),
        }
    }
}

/// How far a task is, in percent, 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Progress(f64);

impl Progress {
    /// The share that is done, in percent.
    #[must_use]
    pub fn percent(self) -> f64 {
        self.0
    }

    /// `"60%"`, `"60"` and `60` are read; all else, and what is out of range, is no progress.
    fn read(raw: &RawValue) -> Option<Self> {
        let text = string(raw).unwrap_or_else(|| raw.get().to_owned());
        let number = text.trim().trim_end_matches('%').trim_end().parse().ok()?;
        (0.0..=100.0).contains(&number).then_some(Self(number))
    }
}

impl fmt::Display for Progress {
    /// Whole percents, rounded down: 99.6 % is not yet 100 %.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0.floor())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn job(fields: &str) -> Job {
        Job::from_json(&format!(r#"{{"id": "1", "status": "Running", {fields}}}"#)).unwrap()
    }

    /// Covers B5.
    #[test]
    fn an_id_or_status_that_is_missing_doubled_or_no_string_is_unreadable() {
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
    fn extra_fields_and_numbers_of_any_size_are_kept_as_they_came() {
        let json = r#"{ "id":"1", "status":"Running","entities": {}, "n": [1e999, 12345678901234567890123, -0.10],
                        "ended": "", "name": null, "b": " a\u0041 " }"#;
        assert_eq!(
            Job::from_json(json).unwrap().as_json(),
            r#"{"id":"1","status":"Running","entities":{},"n":[1e999,12345678901234567890123,-0.10],"ended":"","name":null,"b":" a\u0041 "}"#
        );
    }

    /// Covers B9.
    #[test]
    fn progress_is_read_when_it_is_a_percentage() {
        for (value, percent) in [
            (r#""60%""#, Some(60.0)),
            (r#""60""#, Some(60.0)),
            ("60", Some(60.0)),
            (r#""99.6%""#, Some(99.6)),
            (r#""100%""#, Some(100.0)),
            ("0", Some(0.0)),
            (r#""""#, None),
            ("null", None),
            (r#""abc""#, None),
            (r#""150%""#, None),
            (r#""-1%""#, None),
            (r#""NaN""#, None),
            ("[60]", None),
        ] {
            let read = job(&format!(r#""process": {value}"#)).progress().map(Progress::percent);
            assert_eq!(read, percent, "{value}");
        }
        assert_eq!(job(r#""progress": "7""#).progress(), Some(Progress(7.0)), "siblings call it progress");
        assert_eq!(job(r#""process": "99.6%""#).progress().unwrap().to_string(), "99%");
    }

    #[test]
    fn statuses_keep_the_services_spelling() {
        use Status::{Canceled, Completed, Failed, Other, Pending, Running, Unauthorized};
        for status in [Pending, Running, Completed, Failed, Unauthorized, Canceled, Other("completed".into())]
        {
            assert_eq!(Status::from(status.as_str().to_owned()), status);
            assert_eq!(matches!(status, Other(_)), status.as_str() == "completed");
        }
    }

    #[test]
    fn a_job_of_another_service_has_an_id_and_a_status() {
        let job = Job::new("a \"b\"", &Status::Other("Warming up".into()));
        assert_eq!((job.id(), job.status().as_str(), job.end()), ("a \"b\"", "Warming up", None));
        assert_eq!(Job::new("1", &Status::Completed).end(), Some(End::Success));
    }

    #[test]
    fn a_blank_reason_is_none() {
        for blank in ["null", r#""""#, r#"" \n ""#, "{}", "[ ]", "false"] {
            assert_eq!(job(&format!(r#""fail_reason": {blank}"#)).fail_reason(), None, "{blank}");
        }
        assert_eq!(job(r#""fail_reason": " x ""#).fail_reason(), Some(" x "));
        assert_eq!(job(r#""fail_reason": {"code": 7}"#).fail_reason(), Some(r#"{"code": 7}"#));
    }

    /// Covers B10.
    #[test]
    fn times_of_any_form_are_kept_as_they_came_and_decide_nothing() {
        for created in
            ["2018-08-06T10:41:14+0800", "2018-08-06T10:41:14Z", "2018-08-06T10:41:14+08:00", "", "soon"]
        {
            let read = job(&format!(r#""created":"{created}","ended":"{created}""#));
            assert!(read.as_json().contains(&format!(r#""created":"{created}""#)), "{}", read.as_json());
            assert_eq!((read.end(), read.status()), (None, &Status::Running));
        }
    }

    #[test]
    fn a_field_that_only_informs_never_makes_the_job_unreadable() {
        let odd = job(r#""name": 5, "instance": "x", "process": {}, "created": []"#);
        assert_eq!((odd.name(), odd.instance(), odd.progress()), (None, None, None));
    }
}
