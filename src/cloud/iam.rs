//! Signing in, and looking a project up: OpenStack Keystone's v3 API.

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request};
use serde::Deserialize;

use super::client::{Answer, Client};
use super::judge;
use crate::credentials::signer;
use crate::credentials::{Credentials, Held, Login, Named, Pass, Token};
use crate::text::safe;
use crate::{Asked, Endpoint, Fault, FaultKind, ProjectId, Sighting};

/// A token is renewed before its end by a tenth of its life, and this many seconds at the most.
const EARLY: i64 = 300;

/// A token, and the project that it is for when IAM names it.
pub(super) struct SignedIn {
    pub(super) held: Held,
    pub(super) project: Option<ProjectId>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: TokenBody,
}

#[derive(Deserialize)]
struct TokenBody {
    expires_at: Option<String>,
    project: Option<Project>,
}

#[derive(Deserialize)]
struct Projects {
    projects: Vec<Project>,
}

#[derive(Deserialize)]
struct Project {
    id: String,
    name: Option<String>,
}

/// Exchanges a password for a token that is good for `project`.
pub(super) async fn sign_in(
    client: &Client,
    iam: &Endpoint,
    login: &Login,
    project: &Named,
) -> Result<SignedIn, Sighting> {
    let mut url = iam.join("/v3/auth/tokens");
    url.set_query(Some("nocatalog=true"));
    let mut request = Request::new(Method::POST, url);
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *request.body_mut() = Some(login.request(project).into());

    let about = |sighting| judge::about(&format!("signing in at {iam}"), Asked::Iam, sighting);
    let answer = client.send(request).await.map_err(about)?;
    if answer.status != 201 {
        return Err(about(judge::refusal(&answer)));
    }
    let unreadable = |why: &str| about(Sighting::transient(Fault::new(FaultKind::Unreadable, why)));
    let token = answer.headers.get("x-subject-token").and_then(|token| token.to_str().ok());
    let token = token.and_then(|token| Token::new(&token.into()).ok());
    let token = token.ok_or_else(|| unreadable("HTTP 201, but there is no token in it"))?;
    // Only the token is needed; what the body adds is taken when it is there.
    let body: Option<TokenBody> =
        serde_json::from_slice::<TokenAnswer>(&answer.body).ok().map(|answer| answer.token);
    let project = body.as_ref().and_then(|body| ProjectId::parse(&body.project.as_ref()?.id).ok());
    let expires = body.and_then(|body| body.expires_at?.parse().ok());
    Ok(SignedIn {
        held: Held { pass: Pass::Token(token), renew_at: expires.map(|at| renew_at(&answer, at)) },
        project,
    })
}

/// When to renew what expires, by this machine's clock: the time it lives is told by the service's.
fn renew_at(answer: &Answer, expires: Timestamp) -> Timestamp {
    let sent = judge::sent(&answer.headers).unwrap_or(answer.received);
    let lives = expires.duration_since(sent).as_secs().max(0);
    let usable = lives - (lives / 10).min(EARLY);
    answer.received.checked_add(jiff::SignedDuration::from_secs(usable)).unwrap_or(Timestamp::MAX)
}

/// The ID of the project with this name.
pub(super) async fn project(
    client: &Client,
    iam: &Endpoint,
    name: &str,
    credentials: &Credentials,
    now: Timestamp,
) -> Result<ProjectId, Sighting> {
    let mut url = iam.join("/v3/projects");
    // As it is signed, so it is sent.
    url.set_query(Some(&format!("name={}", signer::encoded(name.as_bytes()))));
    let mut request = Request::new(Method::GET, url);
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    credentials.authorize(&mut request, None, now);

    let about = |sighting| judge::about(&format!("asking {iam} for the project"), Asked::Iam, sighting);
    let answer = client.send(request).await.map_err(about)?;
    if answer.status != 200 {
        return Err(about(judge::refusal(&answer)));
    }
    let projects: Projects = serde_json::from_slice(&answer.body).map_err(|_| {
        about(Sighting::transient(Fault::new(
            FaultKind::Unreadable,
            "HTTP 200, but it is no list of projects",
        )))
    })?;
    let called = |project: &Project| project.name.as_deref().is_none_or(|found| found == name);
    let mut found = projects.projects.iter().filter(|project| called(project));
    let why = match (found.next(), found.next()) {
        (Some(one), None) => match ProjectId::parse(&one.id) {
            Ok(id) => return Ok(id),
            Err(error) => error.to_string(),
        },
        (None, _) => format!("there is none named '{}'", safe(name, 60)),
        (Some(_), Some(_)) => format!("there are several named '{}'", safe(name, 60)),
    };
    Err(about(Sighting::Permanent(Fault::new(FaultKind::UnknownProject, why))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{DATE, HeaderMap};

    fn renewed_after(expires: &str, date: Option<&'static str>) -> i64 {
        let mut headers = HeaderMap::new();
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_static(date));
        }
        let received: Timestamp = "2026-01-02T12:00:00Z".parse().unwrap();
        let answer = Answer { status: 201, headers, body: Vec::new(), received };
        renew_at(&answer, expires.parse().unwrap()).duration_since(received).as_secs()
    }

    #[test]
    fn a_token_is_renewed_before_its_end() {
        assert_eq!(renewed_after("2026-01-03T12:00:00Z", None), 86_400 - 300, "five minutes before");
        assert_eq!(renewed_after("2026-01-02T12:00:30Z", None), 27, "or a tenth of its life");
        assert_eq!(renewed_after("2026-01-02T11:00:00Z", None), 0);
    }

    #[test]
    fn how_long_a_token_lives_is_told_by_the_clock_of_iam() {
        // IAM's clock is a day behind ours.
        let date = Some("Thu, 01 Jan 2026 12:00:00 GMT");
        assert_eq!(renewed_after("2026-01-01T13:00:00Z", date), 3600 - 300);
    }
}
