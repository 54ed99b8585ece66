//! The exchange of an identity for a token at IAM, OpenStack Keystone's v3 API; and the keys that IAM and the
//! metadata service issue.

use jiff::{SignedDuration, Timestamp};
use reqwest::Request;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::keys::Keys;
use super::token::Token;
use super::{Active, Iam, IdOrName, Secret};
use crate::fault::{Fault, FaultKind, Upstream};
use crate::http::meter::Meter;
use crate::http::{Response, refusal, retry_after};
use crate::id::ProjectId;
use crate::probe::Observation;

/// Credentials are refreshed when a tenth of their lifetime is left, and at most this many seconds before
/// their end.
const EARLIEST_REFRESH: i64 = 300;

/// The scope of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// A project.
    Project(IdOrName),
    /// The account, for requests to IAM itself.
    Account,
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

#[derive(Deserialize)]
struct KeysResponse {
    credential: Credential,
}

#[derive(Deserialize)]
struct Credential {
    access: String,
    secret: SecretString,
    securitytoken: SecretString,
    expires_at: Option<String>,
}

/// Reads temporary keys, and the time at which they expire.
///
/// # Errors
///
/// The reason why the response contains none, without a secret.
pub(super) fn keys(response: &Response) -> Result<(Keys, Option<Timestamp>), String> {
    // The error of serde is dropped, because it may quote a secret.
    let KeysResponse { credential } = serde_json::from_slice(&response.body)
        .map_err(|_| format!("HTTP {}, but the response contains no keys", response.status))?;
    let Credential { access, secret, securitytoken, expires_at } = credential;
    let keys = Keys::new(&access, &secret, Some(&securitytoken)).map_err(|error| error.to_string())?;
    Ok((keys, expires_at.and_then(|at| at.parse().ok())))
}

impl IdOrName {
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Id(id) => json!({ "id": id }),
            Self::Name(name) => json!({ "name": name }),
        }
    }
}

/// Sends a request for a token.
pub(super) async fn token(iam: &Iam, request: Request, meter: &Meter) -> Result<SignedIn, Observation> {
    let during = |observation| {
        refusal::during(&format!("signing in at {}", iam.endpoint()), Upstream::Iam, observation)
    };
    let response = iam.client().send(request, meter).await.map_err(during)?;
    if response.status != 201 {
        return Err(during(refusal::classify(&response)));
    }
    let token = response.headers.get("x-subject-token").and_then(|token| token.to_str().ok());
    let token = token.and_then(|token| Token::new(&token.into()).ok()).ok_or_else(|| {
        let fault = Fault::new(FaultKind::Unreadable, "HTTP 201, but the response contains no token");
        during(Observation::transient(Fault { http_status: Some(response.status), ..fault }))
    })?;
    // The token is all that is needed. The rest of the response is optional.
    let body = serde_json::from_slice(&response.body).ok().map(|TokenResponse { token }| token);
    let project = body.as_ref().and_then(|body| ProjectId::parse(&body.project.as_ref()?.id).ok());
    let expires = body.and_then(|body| body.expires_at?.parse().ok());
    let refresh_at = expires.and_then(|at| refresh_at(&response, at));
    Ok(SignedIn { active: Active { secret: Secret::Token(token), refresh_at }, project })
}

/// The time to refresh credentials, by this machine's clock. The remaining lifetime is computed with the
/// server's clock. A lifetime that is over makes no sense: the credentials are then used until they are
/// refused.
pub(super) fn refresh_at(response: &Response, expires: Timestamp) -> Option<Timestamp> {
    let sent = retry_after::sent(&response.headers).unwrap_or(response.received);
    let lifetime = expires.duration_since(sent).as_secs();
    if lifetime <= 0 {
        return None;
    }
    let usable = lifetime - (lifetime / 10).min(EARLIEST_REFRESH);
    Some(response.received.checked_add(SignedDuration::from_secs(usable)).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{DATE, HeaderMap, HeaderValue};

    use super::*;

    fn refreshed_after(expires: &str, date: Option<&'static str>) -> Option<i64> {
        let mut headers = HeaderMap::new();
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_static(date));
        }
        let received: Timestamp = "2026-01-02T12:00:00Z".parse().unwrap();
        let response = Response { status: 201, headers, body: Vec::new(), received };
        let refresh_at = refresh_at(&response, expires.parse().unwrap());
        refresh_at.map(|at| at.duration_since(received).as_secs())
    }

    #[test]
    fn credentials_are_refreshed_before_they_expire() {
        assert_eq!(refreshed_after("2026-01-03T12:00:00Z", None), Some(86_400 - 300), "five minutes before");
        assert_eq!(refreshed_after("2026-01-02T12:00:30Z", None), Some(27), "or a tenth of their life");
        assert_eq!(refreshed_after("2026-01-02T11:00:00Z", None), None);
    }

    #[test]
    fn a_lifetime_is_computed_with_the_clock_of_iam() {
        // IAM's clock is a day behind ours.
        let date = Some("Thu, 01 Jan 2026 12:00:00 GMT");
        assert_eq!(refreshed_after("2026-01-01T13:00:00Z", date), Some(3600 - 300));
    }
}
