//! Which request gets which answer.

use hyper::Method;
use serde_json::{Value, json};

use super::tasks::{Kind, Tasks};

/// The status and body that answer a request.
pub(super) fn answer(tasks: &Tasks, method: &Method, path: &str, query: Option<&str>) -> (u16, Value) {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let ["v3", project, rest @ ..] = segments.as_slice() else { return no_such_api() };
    match (method, rest) {
        (&Method::GET, ["jobs"]) => match parameter(query, "id") {
            Some(id) => match tasks.job(project, id) {
                Some(job) => (200, json!({ "job": job })),
                None => refused(400, "DBS.200543", "The job does not exist."),
            },
            None => refused(400, "DBS.280001", "Parameter error."),
        },
        (&Method::POST, ["instances"]) => {
            let (job, instance) = tasks.create(project, Kind::Create, None);
            (202, json!({ "instance": {"id": instance, "status": "BUILD"}, "job_id": job }))
        }
        (&Method::POST, ["instances", instance, "restart"]) => {
            (202, json!({ "job_id": tasks.create(project, Kind::Restart, Some(instance)).0 }))
        }
        (&Method::DELETE, ["instances", instance]) => {
            (202, json!({ "job_id": tasks.create(project, Kind::Delete, Some(instance)).0 }))
        }
        _ => no_such_api(),
    }
}

/// The IDs of tasks hold nothing that a query escapes.
fn parameter<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    query?
        .split('&')
        .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
        .map(|(_, value)| value)
}

fn no_such_api() -> (u16, Value) {
    refused(404, "APIGW.0101", "The API does not exist or has not been published in the environment.")
}

fn refused(status: u16, code: &str, message: &str) -> (u16, Value) {
    (status, json!({ "error_code": code, "error_msg": message }))
}
