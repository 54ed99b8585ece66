//! Which request gets which answer.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::auth::{self, Gate, Knock};
use super::tasks::{Kind, Tasks};
use crate::auth::signer::{self, Plus};

/// The service: its tasks, behind its gate.
#[derive(Debug)]
pub(super) struct Routes {
    pub(super) tasks: Tasks,
    pub(super) gate: Gate,
}

/// What answers a request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) token: Option<String>,
    pub(super) body: Value,
}

impl Answer {
    fn new(status: u16, body: Value) -> Self {
        Self { status, token: None, body }
    }

    fn refused(status: u16, code: &str, message: &str) -> Self {
        Self::new(status, json!({ "error_code": code, "error_msg": message }))
    }
}

impl Routes {
    pub(super) fn answer(&self, request: &Knock<'_>, now: Timestamp) -> Answer {
        let segments: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        if (request.method, segments.as_slice()) == ("POST", &["v3", "auth", "tokens"]) {
            return match self.gate.sign_in(request.body, now) {
                Ok((token, body)) => Answer { status: 201, token: Some(token), body },
                Err(body) => Answer::new(401, body),
            };
        }
        if let Err((code, message)) = self.gate.check(request, now) {
            return Answer::refused(401, code, message);
        }
        let started = |(job, _): (String, String)| Answer::new(202, json!({ "job_id": job }));
        match (request.method, segments.as_slice()) {
            ("GET", ["v3", "projects"]) => {
                let named = parameter(request.query, "name")
                    .map(|name| json!({"id": auth::project_id(&name), "name": name}));
                Answer::new(200, json!({ "projects": named.into_iter().collect::<Vec<_>>() }))
            }
            ("GET", ["v3", project, "jobs"]) => match parameter(request.query, "id") {
                Some(id) => match self.tasks.job(project, &id) {
                    Some(job) => Answer::new(200, json!({ "job": job })),
                    None => Answer::refused(400, "DBS.200543", "The job does not exist."),
                },
                None => Answer::refused(400, "DBS.280001", "Parameter error."),
            },
            ("POST", ["v3", project, "instances"]) => {
                let (job, instance) = self.tasks.create(project, Kind::Create, None);
                Answer::new(202, json!({ "instance": {"id": instance, "status": "BUILD"}, "job_id": job }))
            }
            ("POST", ["v3", project, "instances", instance, "restart"]) => {
                started(self.tasks.create(project, Kind::Restart, Some(instance)))
            }
            ("DELETE", ["v3", project, "instances", instance]) => {
                started(self.tasks.create(project, Kind::Delete, Some(instance)))
            }
            _ => Answer::refused(
                404,
                "APIGW.0101",
                "The API does not exist or has not been published in the environment.",
            ),
        }
    }
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))?.1;
    String::from_utf8(signer::decoded(value, Plus::IsSpace)).ok()
}
