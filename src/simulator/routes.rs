//! The routes: the response to each request.

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::auth::{self, Authenticator, RequestParts};
use super::lists;
use super::quota::Quota;
use super::tasks::{Kind, Tasks};
use crate::auth::signer::{self, Plus};

/// The tasks of the service, and the authentication of requests for them.
#[derive(Debug)]
pub(super) struct Routes {
    pub(super) tasks: Tasks,
    pub(super) authenticator: Authenticator,
    pub(super) quota: Quota,
}

/// A response, before its conversion to HTTP.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) token: Option<String>,
    pub(super) body: Value,
}

impl Reply {
    fn new(status: u16, body: Value) -> Self {
        Self { status, token: None, body }
    }

    fn error(status: u16, code: &str, message: &str) -> Self {
        Self::new(status, json!({ "error_code": code, "error_msg": message }))
    }
}

impl Routes {
    /// Returns the response to a request at the time `now`.
    pub(super) fn reply(&self, request: &RequestParts<'_>, now: Timestamp) -> Reply {
        if let Err(message) = self.quota.count(Instant::now()) {
            return Reply::error(429, "APIGW.0308", &message);
        }
        let segments: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        if (request.method, segments.as_slice()) == ("POST", &["v3", "auth", "tokens"]) {
            return match self.authenticator.sign_in(request.body, now) {
                Ok((token, body)) => Reply { status: 201, token: Some(token), body },
                Err(body) => Reply::new(401, body),
            };
        }
        if (request.method, segments.as_slice()) == ("POST", &["v3.0", "OS-AUTH", "id-token", "tokens"]) {
            return match self.authenticator.federate(request, now) {
                Ok((token, body)) => Reply { status: 201, token: Some(token), body },
                Err(body) => Reply::new(401, body),
            };
        }
        let identity = match self.authenticator.check(request, now) {
            Ok(identity) => identity,
            Err((code, message)) => return Reply::error(401, code, message),
        };
        let started = |(job, _): (String, String)| Reply::new(202, json!({ "job_id": job }));
        let lookup = |name: &str| parameter(request.query, name);
        let list = |page: Result<Value, &str>| match page {
            Ok(page) => Reply::new(200, page),
            Err(parameter) => {
                Reply::error(400, "DBS.280001", &format!("Parameter error. The parameter is '{parameter}'."))
            }
        };
        match (request.method, segments.as_slice()) {
            ("POST", ["v3.0", "OS-CREDENTIAL", "securitytokens"]) => {
                match self.authenticator.assume(request.body, now) {
                    Ok(body) => Reply::new(201, body),
                    Err(body) => Reply::new(403, body),
                }
            }
            ("GET", ["v3", "projects"]) => {
                let project = parameter(request.query, "name")
                    .map(|name| json!({"id": auth::project_id(identity, &name), "name": name}));
                Reply::new(200, json!({ "projects": project.into_iter().collect::<Vec<_>>() }))
            }
            ("GET", ["v3", project, "jobs"]) => match parameter(request.query, "id") {
                Some(id) => match self.tasks.job(project, &id) {
                    Some(job) => Reply::new(200, json!({ "job": job })),
                    None => Reply::error(400, "DBS.200543", "The job does not exist."),
                },
                None => Reply::error(400, "DBS.280001", "Parameter error."),
            },
            ("GET", ["v3", project, "immediate-jobs"]) => {
                list(lists::immediate(&self.tasks.listed(project, false), &lookup))
            }
            ("GET", ["v3", project, "scheduled-jobs"]) => {
                list(lists::scheduled(&self.tasks.listed(project, true), &lookup))
            }
            ("POST", ["v3", project, "instances"]) => {
                let (job, instance) = self.tasks.create(project, Kind::Create, None);
                Reply::new(202, json!({ "instance": {"id": instance, "status": "BUILD"}, "job_id": job }))
            }
            ("POST", ["v3", project, "instances", instance, "restart"]) => {
                let body: Value = serde_json::from_slice(request.body).unwrap_or_default();
                let kind = if body["delay"] == true { Kind::DelayedRestart } else { Kind::Restart };
                started(self.tasks.create(project, kind, Some(instance)))
            }
            ("DELETE", ["v3", project, "instances", instance]) => {
                started(self.tasks.create(project, Kind::Delete, Some(instance)))
            }
            _ => Reply::error(
                404,
                "APIGW.0101",
                "The API does not exist or has not been published in the environment.",
            ),
        }
    }
}

/// Returns the decoded value of a parameter of the query.
fn parameter(query: &str, name: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))?.1;
    String::from_utf8(signer::decoded(value, Plus::IsSpace)).ok()
}
