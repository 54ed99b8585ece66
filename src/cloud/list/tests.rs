use serde_json::value::RawValue;

use super::*;
use crate::service::Service;

fn row(json: &str) -> TaskRow {
    TaskRow::read(&RawValue::from_string(json.to_owned()).unwrap()).unwrap()
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

const INSTANCE: &str = "a48e43ff268f4c0e879652d65e63d0fbin07";

fn of_instance() -> TaskFilter {
    TaskFilter::new().instance(InstanceId::parse(INSTANCE).unwrap()).since(Duration::from_secs(900))
}

#[test]
fn a_filter_selects_recent_tasks_and_those_in_progress() {
    let start = at("2026-01-02T03:00:00Z");
    let task = |status: &str, created: &str, instance: &str| {
        row(&format!(
            r#"{{"job_id": "1", "job_name": "CreateBackup", "status": "{status}", "instance_id": "{instance}",
                 "created_time": {created}}}"#
        ))
    };
    let (new, old) = (r#""2026-01-02T03:00:00+0000""#, r#""2026-01-02T02:59:59+0000""#);
    for (filter, status, created, selected) in [
        (of_instance(), "Failed", new, true),
        (of_instance(), "Failed", old, false),
        (of_instance(), "Running", old, true),
        (of_instance(), "A new status", old, true),
        (of_instance(), "Completed", r#""soon""#, true),
        (of_instance(), "Completed", "[]", true),
        (of_instance().only_in_progress(), "Failed", new, false),
        (of_instance().only_in_progress(), "Pending", new, true),
        (of_instance().name("BACKUP"), "Failed", new, true),
        (of_instance().name("restore"), "Failed", new, false),
        (of_instance().status("failed"), "Failed", new, true),
        (of_instance().status("Running"), "Failed", new, false),
        (of_instance().status("Exploded"), "EXPLODED", new, true),
    ] {
        let row = task(status, created, &INSTANCE.to_uppercase());
        assert_eq!(filter.selects(&row, start), selected, "{filter:?} {row:?}");
        assert!(!filter.selects(&task(status, created, "other"), start));
    }
    assert!(!of_instance().selects(&row("{}"), start), "a row without an instance");
    assert!(TaskFilter::new().selects(&row("{}"), start));
}

#[test]
fn older_tasks_in_progress_are_asked_for_by_their_status() {
    let (now, form) = (at("2026-02-01T00:15:00Z"), Service::TaurusDb.list());
    let statuses = |filter: &TaskFilter| {
        filter.queries(form, now).iter().map(|query| query.status.unwrap_or("any")).collect::<Vec<_>>()
    };
    assert_eq!(statuses(&of_instance()), ["any", "Running", "Pending", "Unauthorized"]);
    assert_eq!(statuses(&of_instance().only_recent()), ["any"]);
    assert_eq!(statuses(&of_instance().status("pending")), ["any", "Pending"]);
    assert_eq!(statuses(&of_instance().status("failed")), ["any"]);
    assert_eq!(statuses(&of_instance().since(Duration::from_secs(30 * 24 * 3600))), ["any"]);
    assert_eq!(statuses(&of_instance().since(Duration::MAX)), ["any"]);
}

#[test]
fn each_service_has_its_own_parameters() {
    let now = at("2026-02-01T00:15:00Z");
    let text = |service: Service| {
        let (filter, form) = (of_instance(), service.list());
        filter.queries(form, now)[0].text(form, filter.instance.as_ref(), 7, now)
    };
    let start = "start_time=2026-02-01T00%3A00%3A00%2B0000";
    assert_eq!(text(Service::TaurusDb), format!("limit=50&offset=7&{start}"));
    assert_eq!(
        text(Service::Rds),
        format!("instance_id={INSTANCE}&limit=50&offset=7&start_time=1769904000000")
    );
    assert_eq!(text(Service::GaussDb), format!("limit=100&offset=7&{start}"));
    let end = "end_time=2026-02-01T00%3A20%3A00%2B0000";
    assert_eq!(text(Service::Dds), format!("{end}&limit=50&offset=7&{start}"));
    assert_eq!(text(Service::GeminiDb), format!("limit=50&offset=7&{start}"));
}

#[test]
fn rows_are_sorted_and_a_task_on_two_pages_is_one_row() {
    let mut rows = Rows::default();
    for (id, status, second) in
        [("a", "Running", "01"), ("b", "Running", "03"), ("c", "Running", "02"), ("a", "Completed", "01")]
    {
        let time = format!("2026-01-02T03:00:{second}+0000");
        rows.add(row(&format!(r#"{{"job_id": "{id}", "status": "{status}", "created_time": "{time}"}}"#)));
    }
    rows.add(row(r#"{"status": "no ID"}"#));
    rows.add(row(r#"{"status": "no ID"}"#));
    let rows = rows.sorted();
    let ids: Vec<_> = rows.iter().map(|row| row.id().map_or("-", JobId::as_str)).collect();
    assert_eq!(ids, ["b", "c", "a", "-"]);
    assert_eq!(rows[2].status(), &Status::Completed);
}

#[test]
fn the_message_of_an_empty_list_names_the_filter() {
    let fault = of_instance().name("Backup").nothing();
    assert_eq!(
        fault.message,
        format!(
            "no task of instance {INSTANCE} with 'backup' in its name is in progress, and none was \
             created in the last 15m"
        )
    );
}
