//! The lookup of a project's ID at IAM.

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request};
use serde::Deserialize;

use crate::auth::{Credentials, Iam, signer};
use crate::fault::{Fault, FaultKind, Upstream};
use crate::http::meter::Meter;
use crate::http::refusal;
use crate::id::ProjectId;
use crate::probe::Observation;
use crate::text::safe;

#[derive(Deserialize)]
struct Projects {
    projects: Vec<Project>,
}

#[derive(Deserialize)]
struct Project {
    id: String,
    name: Option<String>,
}

/// Asks IAM for the ID of the project with this name.
pub(super) async fn find(
    iam: &Iam,
    name: &str,
    credentials: &Credentials,
    meter: &Meter,
    now: Timestamp,
) -> Result<ProjectId, Observation> {
    let (client, endpoint) = (iam.client(), iam.endpoint());
    let mut url = endpoint.join("/v3/projects");
    // The signature covers the encoded form, so the same form must be sent.
    url.set_query(Some(&format!("name={}", signer::encoded(name.as_bytes()))));
    let mut request = Request::new(Method::GET, url);
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    credentials.authorize(&mut request, None, now);

    let during = |observation| {
        refusal::during(&format!("asking {endpoint} for the project"), Upstream::Iam, observation)
    };
    let response = client.send(request, meter).await.map_err(during)?;
    if response.status != 200 {
        return Err(during(refusal::classify(&response)));
    }
    let projects: Projects = serde_json::from_slice(&response.body).map_err(|_| {
        let fault = Fault::new(FaultKind::Unreadable, "HTTP 200, but the response is not a list of projects");
        during(Observation::transient(fault))
    })?;
    let matches = |project: &&Project| project.name.as_deref().is_none_or(|found| found == name);
    let mut found = projects.projects.iter().filter(matches);
    let reason = match (found.next(), found.next()) {
        (Some(one), None) => match ProjectId::parse(&one.id) {
            Ok(id) => return Ok(id),
            Err(error) => error.to_string(),
        },
        (None, _) => format!("there is no project named '{}'", safe(name, 60)),
        (Some(_), Some(_)) => format!("there are several projects named '{}'", safe(name, 60)),
    };
    Err(during(Observation::Permanent(Fault::new(FaultKind::UnknownProject, reason))))
}
