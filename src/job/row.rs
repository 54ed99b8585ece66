//! A row of a list of tasks.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Instance, Job, Progress, Status, one_line, reason, string};
use crate::id::JobId;

/// The names of each field, in the lists of all services.
const ID: [&str; 2] = ["job_id", "id"];
const NAME: [&str; 2] = ["job_name", "name"];
const STATUS: [&str; 2] = ["status", "job_status"];
const PROGRESS: [&str; 2] = ["process", "progress"];
const CREATED: [&str; 6] =
    ["created_time", "create_time", "created_at", "create_at", "created", "start_time"];
/// The objects that contain the ID and the name of the instance, where the row itself does not.
const INSTANCE: [&str; 2] = ["instance", "instance_info"];

/// A row of a list of tasks: the fields that people ask for, and the whole object as it was received.
///
/// A row says less than the response about the task itself and may lag behind it, so it never decides whether
/// a task has ended. It serializes to the service's own object, with every field, number and order unchanged.
/// A field with a surprising type is missing, and never an error.
///
/// ```no_run
/// # async fn example(cloud: jobwait::Cloud) -> Result<(), jobwait::Fault> {
/// for row in cloud.tasks(&jobwait::TaskFilter::new()).await? {
///     println!("{:?} {}", row.id(), row.status().as_str());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TaskRow {
    raw: Box<RawValue>,
    id: Option<JobId>,
    name: Option<String>,
    status: Status,
    progress: Option<Progress>,
    instance: Instance,
    created: Option<Created>,
}

/// The time of creation, as the service writes it and by the calendar.
#[derive(Debug, Clone)]
struct Created {
    text: String,
    at: Option<Timestamp>,
}

impl TaskRow {
    /// Reads a row, or nothing if it is not an object.
    pub(crate) fn read(raw: &RawValue) -> Option<Self> {
        let fields = object(raw)?;
        let first = |names: &[&str]| names.iter().find_map(|name| fields.get(*name).copied());
        let text = |names: &[&str]| {
            let texts = names.iter().filter_map(|name| string(fields.get(*name)?));
            texts.map(|text| text.trim().to_owned()).find(|text| !text.is_empty())
        };
        let instance = first(&INSTANCE).and_then(object).unwrap_or_default();
        let of_instance = |own: &str, names: [&str; 2]| {
            let nested = || names.iter().find_map(|name| string(instance.get(*name)?));
            text(&[own]).or_else(nested)
        };
        Some(Self {
            raw: RawValue::from_string(one_line::one_line(raw.get()).ok()?).ok()?,
            id: text(&ID).and_then(|id| JobId::parse(&id).ok()),
            name: text(&NAME),
            status: Status::from(text(&STATUS).unwrap_or_default()),
            progress: PROGRESS.iter().find_map(|name| Progress::read(fields.get(*name)?)),
            instance: Instance {
                id: of_instance("instance_id", ["id", "instance_id"]),
                name: of_instance("instance_name", ["name", "instance_name"]),
            },
            created: CREATED.iter().find_map(|name| created(fields.get(*name)?)),
        })
    }

    /// The task as the row describes it, if the row has an ID.
    pub(crate) fn into_job(self) -> Option<Job> {
        let fail_reason = object(&self.raw)?.get("fail_reason").and_then(|raw| reason(raw));
        let Self { raw, id, name, status, progress, instance, .. } = self;
        let id = id?.as_str().to_owned();
        Some(Job { raw: raw.into(), id, name, status, progress, instance: Some(instance), fail_reason })
    }

    /// Applies `change` to the texts for people. The service's own object stays as it is.
    pub(crate) fn map_texts(self, change: impl Fn(&str) -> String) -> Self {
        Self {
            name: self.name.map(|name| change(&name)),
            status: self.status.map_text(&change),
            instance: self.instance.map_texts(&change),
            created: self.created.map(|created| Created { text: change(&created.text), ..created }),
            ..self
        }
    }

    /// The task's ID, if the row has one that can be asked for.
    #[must_use]
    pub fn id(&self) -> Option<&JobId> {
        self.id.as_ref()
    }

    /// The kind of task, such as `CreateGaussDBforMySQLInstance`.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The status, empty if the row has none.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Whether the task is in progress, as far as the list knows: it has no status of an end.
    #[must_use]
    pub fn is_in_progress(&self) -> bool {
        let ends = [Status::Completed, Status::Failed, Status::Canceled];
        !ends.iter().any(|end| end.as_str().eq_ignore_ascii_case(self.status.as_str()))
    }

    /// The share of the work that is done, if the row has it.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        self.progress
    }

    /// The instance that the task works on.
    #[must_use]
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// The time of creation, as the service writes it.
    #[must_use]
    pub fn created(&self) -> Option<&str> {
        self.created.as_ref().map(|created| created.text.as_str())
    }

    /// The time of creation, if it is of a known form.
    #[must_use]
    pub fn created_at(&self) -> Option<SystemTime> {
        let since_1970 = Duration::try_from(self.timestamp()?.as_duration()).ok()?;
        UNIX_EPOCH.checked_add(since_1970)
    }

    pub(crate) fn timestamp(&self) -> Option<Timestamp> {
        self.created.as_ref()?.at
    }

    /// The service's own object on one line, otherwise unaltered.
    #[must_use]
    pub fn as_json(&self) -> &str {
        self.raw.get()
    }
}

/// Reads the fields of an object. The last of several with the same name counts, as in most readers.
fn object(raw: &RawValue) -> Option<BTreeMap<String, &RawValue>> {
    Deserialize::deserialize(&mut serde_json::Deserializer::from_str(raw.get())).ok()
}

/// Reads a time, which some lists give as a text and others in milliseconds.
fn created(raw: &RawValue) -> Option<Created> {
    let text = string(raw).unwrap_or_else(|| raw.get().to_owned());
    let text = text.trim();
    if matches!(text, "" | "null") || text.starts_with(['{', '[']) {
        return None;
    }
    let number = || {
        let number: i64 = text.parse().ok()?;
        // No task is from before 1973, so a smaller number is in seconds.
        let in_seconds = number < 100_000_000_000;
        if in_seconds { Timestamp::from_second(number) } else { Timestamp::from_millisecond(number) }.ok()
    };
    let calendar = || {
        let with_offset = |form| Timestamp::strptime(form, text).ok();
        text.parse().ok().or_else(|| with_offset("%Y-%m-%dT%H:%M:%S%z"))
    };
    Some(Created { text: text.to_owned(), at: number().or_else(calendar) })
}

impl fmt::Debug for TaskRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TaskRow").field(&self.raw.get()).finish()
    }
}

impl Serialize for TaskRow {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(json: &str) -> TaskRow {
        TaskRow::read(&RawValue::from_string(json.to_owned()).unwrap()).unwrap()
    }

    #[test]
    fn the_rows_of_all_services_are_read() {
        for json in [
            r#"{"job_id": "a1", "job_name": "Create", "status": "Running", "process": "7%",
             "instance_id": "i",
                "instance_name": "n", "created_time": "2018-08-06T10:41:14+0800"}"#,
            r#"{"job_id": "a1", "job_name": "Create", "job_status": "Running", "progress": 7,
                "instance_id": "i", "instance_name": "n", "create_time": "2018-08-06T02:41:14+0000"}"#,
            r#"{"id": "a1", "name": "Create", "status": "Running", "process": "7", "instance_id": "i",
                "instance_name": "n", "create_time": 1533523274000}"#,
            r#"{"job_id": "a1", "name": "Create", "status": "Running", "process": "7",
                "instance_info": {"instance_id": "i", "instance_name": "n"}, "created_at": "1533523274000"}"#,
            r#"{"id": "a1", "name": "Create", "status": "Running", "progress": "7",
                "instance": {"id": "i", "name": "n"}, "start_time": "2018-08-06T02:41:14Z"}"#,
        ] {
            let row = row(json);
            assert_eq!(row.id().map(JobId::as_str), Some("a1"), "{json}");
            assert_eq!((row.name(), row.status()), (Some("Create"), &Status::Running), "{json}");
            assert_eq!(row.progress().map(Progress::percent), Some(7.0), "{json}");
            assert_eq!(row.instance().id.as_deref(), Some("i"), "{json}");
            assert_eq!(row.instance().name.as_deref(), Some("n"), "{json}");
            assert_eq!(row.timestamp().unwrap().as_second(), 1_533_523_274, "{json}");
        }
    }

    #[test]
    fn a_field_of_a_surprising_type_is_missing() {
        let odd = row(r#"{"job_id": 7, "id": ["a"], "job_name": {}, "status": null, "process": [],
                          "instance_id": 1, "instance": "x", "created_time": {"at": 1}, "job_id": true}"#);
        assert_eq!((odd.id(), odd.name(), odd.progress(), odd.created()), (None, None, None, None));
        assert_eq!((odd.status().as_str(), odd.is_in_progress()), ("", true));
        assert_eq!((&odd.instance().id, &odd.instance().name), (&None, &None));
        let soon = row(r#"{"id": "a b", "created": "soon", "status": 5}"#);
        assert_eq!((soon.id(), soon.created(), soon.created_at()), (None, Some("soon"), None));
        assert!(TaskRow::read(&RawValue::from_string("[1]".to_owned()).unwrap()).is_none());
    }

    #[test]
    fn a_row_is_kept_unchanged() {
        let kept = row("{\"id\":\"a\",  \"n\": 1.50,\n\"status\":\"COMPLETED\"}");
        assert_eq!(serde_json::to_string(&kept).unwrap(), r#"{"id":"a","n":1.50,"status":"COMPLETED"}"#);
        assert!(!kept.is_in_progress());
    }
}
