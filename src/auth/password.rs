//! A user and a password, exchanged at IAM for a token: OpenStack Keystone's v3 API.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::token::Token;
use super::{Active, Iam, Secret};
use crate::endpoint::Endpoint;
use crate::fault::{Fault, FaultKind, Upstream};
use crate::http::meter::Meter;
use crate::http::{Response, refusal, retry_after};
use crate::id::ProjectId;
use crate::probe::Observation;

/// A token is refreshed when a tenth of its lifetime is left, and at most this many seconds before its end.
const EARLIEST_REFRESH: i64 = 300;

/// An ID, or a name.
///
/// ```
/// use jobwait::{IdOrName, Login};
///
/// let account = IdOrName::Name("account".into());
/// let login = Login::new(IdOrName::Name("ci".into()), "a password", Some(account));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdOrName {
    /// An ID.
    Id(String),
    /// A name.
    Name(String),
}

impl IdOrName {
    fn to_json(&self) -> Value {
        match self {
            Self::Id(id) => json!({ "id": id }),
            Self::Name(name) => json!({ "name": name }),
        }
    }
}

/// A user with a password. `Debug` does not show the password.
///
/// ```
/// use jobwait::{Credentials, IdOrName, Login};
///
/// let account = IdOrName::Name("account".into());
/// let login = Login::new(IdOrName::Name("ci".into()), "a password", Some(account));
/// assert!(!format!("{login:?}").contains("a password"));
/// let credentials = Credentials::password(login);
/// ```
#[derive(Clone)]
pub struct Login {
    user: IdOrName,
    password: SecretString,
    domain: Option<IdOrName>,
}

/// The result of a sign-in: a token, and its project if IAM names it.
pub(super) struct SignedIn {
    pub(super) active: Active,
    pub(super) project: Option<ProjectId>,
}

#[derive(Deserialize)]
struct TokenResponse {
    token: TokenBody,
}

#[derive(Deserialize)]
struct TokenBody {
    expires_at: Option<String>,
    project: Option<Project>,
}

#[derive(Deserialize)]
struct Project {
    id: String,
}

impl Login {
    /// A user of a domain (an account). IAM needs the domain beside the name of a user, not beside an ID.
    #[must_use]
    pub fn new(user: IdOrName, password: impl Into<String>, domain: Option<IdOrName>) -> Self {
        Self { user, password: SecretString::from(password.into()), domain }
    }

    pub(super) fn secret(&self) -> &SecretString {
        &self.password
    }

    /// Names the user and the domain.
    pub(super) fn account(&self) -> String {
        format!("user {:?} of {:?}", self.user, self.domain)
    }

    /// Exchanges the password for a token that is valid for `project`.
    pub(super) async fn sign_in(
        &self,
        iam: &Iam,
        project: &IdOrName,
        meter: &Meter,
    ) -> Result<SignedIn, Observation> {
        let Iam { client, endpoint } = iam;
        let mut url = endpoint.join("/v3/auth/tokens");
        url.set_query(Some("nocatalog=true"));
        let mut request = Request::new(Method::POST, url);
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *request.body_mut() = Some(self.request_body(project).into());

        let during = |observation| during(endpoint, observation);
        let response = client.send(request, meter).await.map_err(during)?;
        if response.status != 201 {
            return Err(during(refusal::classify(&response)));
        }
        let token = response.headers.get("x-subject-token").and_then(|token| token.to_str().ok());
        let token = token.and_then(|token| Token::new(&token.into()).ok()).ok_or_else(|| {
            let fault = Fault::new(FaultKind::Unreadable, "HTTP 201, but the response contains no token");
            during(Observation::transient(fault))
        })?;
        // The token is all that is needed. The rest of the response is optional.
        let body = serde_json::from_slice(&response.body).ok().map(|TokenResponse { token }| token);
        let project = body.as_ref().and_then(|body| ProjectId::parse(&body.project.as_ref()?.id).ok());
        let expires = body.and_then(|body| body.expires_at?.parse().ok());
        let refresh_at = expires.map(|at| refresh_at(&response, at));
        Ok(SignedIn { active: Active { secret: Secret::Token(token), refresh_at }, project })
    }

    /// The body of the request for a token. A user's name and a project's name each need the domain beside
    /// them.
    fn request_body(&self, project: &IdOrName) -> String {
        let mut user = self.user.to_json();
        user["password"] = self.password.expose_secret().into();
        let mut scope = project.to_json();
        if let Some(domain) = &self.domain {
            if matches!(self.user, IdOrName::Name(_)) {
                user["domain"] = domain.to_json();
            }
            if matches!(project, IdOrName::Name(_)) {
                scope["domain"] = domain.to_json();
            }
        }
        let identity = json!({ "methods": ["password"], "password": { "user": user } });
        json!({ "auth": { "identity": identity, "scope": { "project": scope } } }).to_string()
    }
}

fn during(iam: &Endpoint, observation: Observation) -> Observation {
    refusal::during(&format!("signing in at {iam}"), Upstream::Iam, observation)
}

/// The time to refresh a token, by this machine's clock. The remaining lifetime is computed
/// with the server's clock.
fn refresh_at(response: &Response, expires: Timestamp) -> Timestamp {
    let sent = retry_after::sent(&response.headers).unwrap_or(response.received);
    let lifetime = expires.duration_since(sent).as_secs().max(0);
    let usable = lifetime - (lifetime / 10).min(EARLIEST_REFRESH);
    response.received.checked_add(SignedDuration::from_secs(usable)).unwrap_or(Timestamp::MAX)
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{DATE, HeaderMap};

    fn request(user: IdOrName, project: &IdOrName) -> Value {
        let login = Login::new(user, "CANARY", Some(IdOrName::Name("account".into())));
        assert!(!format!("{login:?}").contains("CANARY"));
        serde_json::from_str(&login.request_body(project)).unwrap()
    }

    #[test]
    fn a_name_is_sent_with_its_domain_and_an_id_without() {
        let by_name = request(IdOrName::Name("ci".into()), &IdOrName::Id("0a".into()));
        let user = json!({"name": "ci", "password": "CANARY", "domain": {"name": "account"}});
        assert_eq!(
            by_name,
            json!({"auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"id": "0a"}}}})
        );
        let by_id = request(IdOrName::Id("u1".into()), &IdOrName::Name("cn-north-4".into()));
        assert_eq!(by_id["auth"]["identity"]["password"]["user"], json!({"id": "u1", "password": "CANARY"}));
        assert_eq!(
            by_id["auth"]["scope"]["project"],
            json!({"name": "cn-north-4", "domain": {"name": "account"}})
        );
    }

    fn refreshed_after(expires: &str, date: Option<&'static str>) -> i64 {
        let mut headers = HeaderMap::new();
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_static(date));
        }
        let received: Timestamp = "2026-01-02T12:00:00Z".parse().unwrap();
        let response = Response { status: 201, headers, body: Vec::new(), received };
        refresh_at(&response, expires.parse().unwrap()).duration_since(received).as_secs()
    }

    #[test]
    fn a_token_is_refreshed_before_it_expires() {
        assert_eq!(refreshed_after("2026-01-03T12:00:00Z", None), 86_400 - 300, "five minutes before");
        assert_eq!(refreshed_after("2026-01-02T12:00:30Z", None), 27, "or a tenth of its life");
        assert_eq!(refreshed_after("2026-01-02T11:00:00Z", None), 0);
    }

    #[test]
    fn the_lifetime_of_a_token_is_computed_with_the_clock_of_iam() {
        // IAM's clock is a day behind ours.
        let date = Some("Thu, 01 Jan 2026 12:00:00 GMT");
        assert_eq!(refreshed_after("2026-01-01T13:00:00Z", date), 3600 - 300);
    }
}
