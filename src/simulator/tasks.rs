//! The simulated tasks, and their job objects at a given time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Simulator;

/// The tasks of all projects.
#[derive(Debug)]
pub(super) struct Tasks {
    settings: Simulator,
    start: Instant,
    start_by_calendar: Timestamp,
    /// The tasks, by project and ID.
    known: Mutex<HashMap<(String, String), Task>>,
}

/// A task that was created.
#[derive(Debug)]
struct Task {
    kind: Kind,
    instance: String,
    /// The time of creation, since the start of the service.
    created: Duration,
}

/// The kind of a task, by its effect on the instance.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Create,
    Restart,
    /// A restart that waits for the maintenance window, which never comes.
    DelayedRestart,
    Delete,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "CreateGaussDBforMySQLInstance",
            Self::Restart | Self::DelayedRestart => "RestartGaussDBforMySQLInstance",
            Self::Delete => "DeleteGaussDBforMySQLInstance",
        }
    }
}

impl Tasks {
    #[expect(clippy::disallowed_methods, reason = "the service has a clock and a calendar of its own")]
    pub(super) fn new(settings: Simulator) -> Self {
        Self { settings, start: Instant::now(), start_by_calendar: Timestamp::now(), known: Mutex::default() }
    }

    /// Starts a task, on a new instance if `instance` is `None`. Returns the IDs of the task and the
    /// instance.
    pub(super) fn create(&self, project: &str, kind: Kind, instance: Option<&str>) -> (String, String) {
        let id = uuid(fastrand::u128(..));
        let instance =
            instance.map_or_else(|| format!("{:032x}", fastrand::u128(..)) + "in07", str::to_owned);
        let task = Task { kind, instance: instance.clone(), created: self.start.elapsed() };
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((project.to_owned(), id.clone()), task);
        (id, instance)
    }

    /// Returns the current job object of a task, or `None` if the project has no such task or the task is too
    /// new.
    pub(super) fn job(&self, project: &str, id: &str) -> Option<Value> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let task = known.get(&(project.to_owned(), id.to_ascii_lowercase()))?;
        let age = self.start.elapsed().saturating_sub(task.created);
        let visible_for = age.checked_sub(self.settings.appear_after)?;
        let by_calendar = |at: Duration| calendar(self.start_by_calendar, at);
        Some(describe(id, task, visible_for, &self.settings, by_calendar))
    }

    /// Returns the job objects that a list shows: those of the visible tasks of a project, newest first, as
    /// they were when the lag of the lists began.
    pub(super) fn listed(&self, project: &str, scheduled: bool) -> Vec<Value> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.start.elapsed().checked_sub(self.settings.list_lag);
        let by_calendar = |at: Duration| calendar(self.start_by_calendar, at);
        let is_listed = |task: &Task| matches!(task.kind, Kind::DelayedRestart) == scheduled;
        let mut tasks: Vec<(&str, &Task, Duration)> = known
            .iter()
            .filter(|((of, _), task)| of == project && is_listed(task))
            .filter_map(|((_, id), task)| {
                let age = now?.checked_sub(task.created)?;
                Some((id.as_str(), task, age.checked_sub(self.settings.appear_after)?))
            })
            .collect();
        tasks.sort_by_key(|(_, task, _)| std::cmp::Reverse(task.created));
        let describe = |(id, task, visible_for)| describe(id, task, visible_for, &self.settings, by_calendar);
        tasks.into_iter().map(describe).collect()
    }
}

/// Returns the job object of a task that has been visible for a time, with the fields of the documented
/// example.
fn describe(
    id: &str,
    task: &Task,
    visible_for: Duration,
    settings: &Simulator,
    calendar: impl Fn(Duration) -> String,
) -> Value {
    let ends_after = match settings.fail_reason {
        Some(_) => settings.duration.mul_f64(0.6),
        None => settings.duration,
    };
    let is_delayed = matches!(task.kind, Kind::DelayedRestart);
    let ended = visible_for >= ends_after && !is_delayed;
    let end = || calendar(task.created + settings.appear_after + ends_after);
    let (status, reason) = match (ended, &settings.fail_reason) {
        (false, _) if is_delayed => ("Pending", None),
        (false, _) => ("Running", None),
        (true, None) => ("Completed", None),
        (true, Some(reason)) => ("Failed", Some(reason)),
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the value is from 0 to 99")]
    let percent = (visible_for.as_secs_f64() / settings.duration.as_secs_f64().max(0.001) * 100.0)
        .clamp(0.0, 99.0) as u8;
    let entities = match (status, task.kind) {
        ("Completed", Kind::Create) => json!({
            "instance": {"endpoint": "192.168.1.203:3306", "type": "Cluster",
                "datastore": {"type": "gaussdb-mysql", "version": "8.0"}},
            "resource_ids": [format!("{}.vm", task.instance), format!("{}.volume", task.instance)],
        }),
        _ => json!({}),
    };
    json!({
        "id": id,
        "name": task.kind.name(),
        "status": status,
        "created": calendar(task.created),
        "ended": if ended { end() } else { String::new() },
        "process": if ended || is_delayed { String::new() } else { format!("{percent}%") },
        "instance": {"id": task.instance, "name": "simulated-mysql"},
        "entities": entities,
        "fail_reason": reason,
    })
}

/// Formats a time like the service, with an offset without a colon: `2018-08-06T10:41:14+0000`.
fn calendar(start: Timestamp, at: Duration) -> String {
    let at = SignedDuration::try_from(at).ok().and_then(|at| start.checked_add(at).ok()).unwrap_or(start);
    at.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string()
}

/// Formats a random number as a UUID of version 4.
fn uuid(random: u128) -> String {
    let hex = format!("{random:032x}");
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the job object of a task that has been visible for so many seconds.
    fn at(seconds: f64, settings: &Simulator) -> Value {
        let task = Task { kind: Kind::Create, instance: "i".into(), created: Duration::ZERO };
        describe("1", &task, Duration::from_secs_f64(seconds), settings, |at| format!("{at:?}"))
    }

    #[test]
    fn a_task_runs_for_its_duration_and_stays_completed() {
        let settings = Simulator::new().duration(Duration::from_secs(10));
        assert_eq!(
            (&at(0.0, &settings)["status"], &at(0.0, &settings)["process"]),
            (&json!("Running"), &json!("0%"))
        );
        assert_eq!(at(9.99, &settings)["process"], "99%");
        assert_eq!(at(10.0, &settings)["status"], "Completed");
        assert_eq!(at(10.0, &settings)["ended"], "13s", "3 s until it was visible, and 10 s");
        assert_eq!(at(99.0, &settings)["process"], "");
        assert_eq!(at(99.0, &settings)["fail_reason"], Value::Null);
    }

    #[test]
    fn a_failing_task_fails_at_sixty_percent() {
        let settings = Simulator::new().duration(Duration::from_secs(10)).fail_reason("disk full");
        assert_eq!(at(5.99, &settings)["status"], "Running");
        assert_eq!(at(6.0, &settings)["status"], "Failed");
        assert_eq!(at(6.0, &settings)["fail_reason"], "disk full");
        assert_eq!(at(6.0, &settings)["entities"], json!({}));
    }

    #[test]
    fn a_delayed_task_stays_pending() {
        let settings = Simulator::new().duration(Duration::from_secs(10)).fail_reason("disk full");
        let task = Task { kind: Kind::DelayedRestart, instance: "i".into(), created: Duration::ZERO };
        let job = describe("1", &task, Duration::from_secs(99), &settings, |at| format!("{at:?}"));
        assert_eq!((&job["status"], &job["fail_reason"]), (&json!("Pending"), &Value::Null));
    }

    #[test]
    fn ids_are_uuids() {
        assert_eq!(uuid(0), "00000000-0000-4000-a000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-afff-ffffffffffff");
    }
}
