//! The lists of tasks: rows with the fields of the service, filters and pages.

use jiff::Timestamp;
use serde_json::{Value, json};

/// A function that returns the value of a parameter of the query.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Returns a page of the list of the tasks that run at once, or the name of a malformed parameter. The offset
/// is a page number from 1.
pub(super) fn immediate(jobs: &[Value], lookup: Lookup<'_>) -> Result<Value, &'static str> {
    let limit = number(lookup, "limit", 10, |limit| matches!(limit, 10 | 20 | 50))?;
    let page = number(lookup, "offset", 1, |page| page >= 1)?;
    let row = |job: &Value| {
        json!({
            "job_id": job["id"], "job_name": job["name"], "status": job["status"], "process": job["process"],
            "fail_reason": job["fail_reason"], "instance_id": job["instance"]["id"],
            "instance_name": job["instance"]["name"], "instance_status": "normal", "order_id": "",
            "created_time": job["created"], "ended_time": job["ended"], "show_detail": false,
            "extend_fields": {},
        })
    };
    let rows = selected(jobs, lookup)?.map(row).collect::<Vec<_>>();
    let start = (page - 1).saturating_mul(limit);
    let shown: Vec<&Value> = rows.iter().skip(start).take(limit).collect();
    Ok(json!({ "jobs": shown, "total_count": rows.len(), "action_names": [] }))
}

/// Returns a page of the list of the tasks that wait for a maintenance window, or the name of a malformed
/// parameter. The offset is an index from 0.
pub(super) fn scheduled(jobs: &[Value], lookup: Lookup<'_>) -> Result<Value, &'static str> {
    let limit = number(lookup, "limit", 10, |limit| (1..=100).contains(&limit))?;
    let start = number(lookup, "offset", 0, |_| true)?;
    let row = |job: &Value| {
        json!({
            "job_id": job["id"], "job_name": job["name"], "job_status": job["status"],
            "instance_id": job["instance"]["id"], "instance_name": job["instance"]["name"],
            "instance_status": "normal", "create_time": job["created"], "start_time": "", "end_time": "",
            "target_config": {}, "proxy_id": "",
        })
    };
    let rows = selected(jobs, lookup)?.map(row).collect::<Vec<_>>();
    let shown: Vec<&Value> = rows.iter().skip(start).take(limit).collect();
    Ok(json!({ "schedules": shown, "total_count": rows.len() }))
}

/// Returns a number of the query.
fn number(
    lookup: Lookup<'_>,
    name: &'static str,
    default: usize,
    is_valid: impl Fn(usize) -> bool,
) -> Result<usize, &'static str> {
    let Some(text) = lookup(name) else { return Ok(default) };
    text.parse().ok().filter(|number| is_valid(*number)).ok_or(name)
}

/// Returns the job objects that the filters of the query select.
fn selected<'a>(
    jobs: &'a [Value],
    lookup: Lookup<'_>,
) -> Result<impl Iterator<Item = &'a Value> + use<'a>, &'static str> {
    let is = |name: &str, field: fn(&Value) -> &Value| {
        let wanted = lookup(name);
        move |job: &Value| wanted.as_ref().is_none_or(|wanted| field(job) == wanted)
    };
    let time = |name: &'static str| match lookup(name) {
        Some(text) => parse(&text).map(Some).ok_or(name),
        None => Ok(None),
    };
    let (start, end) = (time("start_time")?, time("end_time")?);
    let is_in_time = move |job: &Value| {
        let created = job["created"].as_str().and_then(parse);
        created.is_none_or(|at| start.is_none_or(|start| start <= at) && end.is_none_or(|end| at <= end))
    };
    let has_id = is("job_id", |job| &job["id"]);
    let has_name = is("job_name", |job| &job["name"]);
    let has_status = is("status", |job| &job["status"]);
    let has_instance = is("instance_id", |job| &job["instance"]["id"]);
    Ok(jobs.iter().filter(move |job| {
        has_id(job) && has_name(job) && has_status(job) && has_instance(job) && is_in_time(job)
    }))
}

/// Parses a time with an offset without a colon.
fn parse(text: &str) -> Option<Timestamp> {
    Timestamp::strptime("%Y-%m-%dT%H:%M:%S%z", text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(count: usize) -> Vec<Value> {
        let job = |n: usize| {
            json!({
                "id": n.to_string(), "name": "Restart", "status": if n == 3 { "Failed" } else { "Running" },
                "created": format!("2026-01-02T03:{n:02}:00+0000"), "ended": "", "process": "7%",
                "instance": {"id": format!("i{}", n % 2), "name": "n"}, "fail_reason": null,
            })
        };
        (0..count).map(job).collect()
    }

    fn ids(list: fn(&[Value], Lookup<'_>) -> Result<Value, &'static str>, query: &[(&str, &str)]) -> String {
        let lookup =
            |name: &str| query.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let page = match list(&jobs(25), &lookup) {
            Ok(page) => page,
            Err(name) => return format!("error: {name}"),
        };
        let rows = page.get("jobs").unwrap_or(&page["schedules"]).as_array().unwrap();
        let ids: Vec<&str> = rows.iter().map(|row| row["job_id"].as_str().unwrap()).collect();
        format!("{} of {}", ids.join(","), page["total_count"])
    }

    #[test]
    fn pages_and_filters_are_those_of_the_service() {
        assert_eq!(ids(immediate, &[("offset", "3")]), "20,21,22,23,24 of 25");
        assert_eq!(ids(immediate, &[("status", "Failed")]), "3 of 1");
        assert_eq!(ids(immediate, &[("job_id", "7")]), "7 of 1");
        assert_eq!(ids(immediate, &[("start_time", "2026-01-02T05:23:00+0200")]), "23,24 of 2");
        assert_eq!(ids(immediate, &[("end_time", "2026-01-02T03:01:00+0000")]), "0,1 of 2");
        assert_eq!(ids(scheduled, &[("offset", "24"), ("limit", "1")]), "24 of 25");
        assert_eq!(ids(scheduled, &[("instance_id", "i0"), ("limit", "2")]), "0,2 of 13");
        for (name, value) in [("limit", "7"), ("offset", "0"), ("start_time", "yesterday")] {
            assert_eq!(ids(immediate, &[(name, value)]), format!("error: {name}"));
        }
        assert_eq!(ids(scheduled, &[("limit", "101")]), "error: limit");
    }
}
