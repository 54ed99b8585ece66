//! Authentication: tokens, signatures, and the IAM that issues tokens.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::auth::signer::{self, Signable};

/// The credentials that the simulator accepts. They are for tests only: do not put a secret here.
#[derive(Clone)]
#[non_exhaustive]
pub struct Accepted {
    /// A token that never expires.
    pub token: String,
    /// An access key.
    pub access_key: String,
    /// The secret key of the access key.
    pub secret_key: String,
    /// The password of every user.
    pub password: String,
    /// The agency that the other credentials may assume, in any account.
    pub agency: String,
    /// The ID token of every identity provider.
    pub id_token: String,
}

impl Default for Accepted {
    /// `test-token`, `TESTACCESSKEY0000001`, `testsecretkey000000000000000000000000000`, `test-password`,
    /// `test-agency` and `test-id-token`.
    fn default() -> Self {
        Self {
            token: "test-token".into(),
            access_key: "TESTACCESSKEY0000001".into(),
            secret_key: "testsecretkey000000000000000000000000000".into(),
            password: "test-password".into(),
            agency: "test-agency".into(),
            id_token: "test-id-token".into(),
        }
    }
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// The check of the credentials of each request.
#[derive(Debug)]
pub(super) struct Authenticator {
    /// The accepted credentials. Without them, all requests are accepted.
    accepted: Option<Accepted>,
    token_life: Duration,
    /// The tokens that were issued, and their times of issue.
    issued: Mutex<HashMap<String, Instant>>,
    /// The temporary keys that were issued, by their access keys.
    keys: Mutex<HashMap<String, TemporaryKeys>>,
}

/// The keys of a role.
#[derive(Debug)]
struct TemporaryKeys {
    secret_key: String,
    security_token: String,
    issued: Instant,
}

/// The account that a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// The account of the accepted credentials.
    Base,
    /// The account of the agency, which has projects of its own.
    Role,
}

/// The parts of a request that decide its response.
pub(super) struct RequestParts<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// The error code and the message of the gateway for a refused request.
type Refusal = (&'static str, &'static str);

impl Authenticator {
    pub(super) fn new(accepted: Option<Accepted>, token_life: Duration) -> Self {
        Self { accepted, token_life, issued: Mutex::default(), keys: Mutex::default() }
    }

    /// Checks the token or the signature of a request at the time `now`.
    pub(super) fn check(&self, request: &RequestParts<'_>, now: Timestamp) -> Result<Identity, Refusal> {
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let access_key = header(AUTHORIZATION.as_str()).and_then(|value| value.split_once("Access="));
        let access_key = access_key.and_then(|(_, rest)| rest.split(',').next()).unwrap_or_default();
        let temporary = keys.get(access_key);
        let identity = if temporary.is_some() { Identity::Role } else { Identity::Base };
        let Some(accepted) = &self.accepted else { return Ok(identity) };
        if let Some(token) = header("x-auth-token") {
            if token == accepted.token {
                return Ok(identity);
            }
            let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
            return match issued.get(token) {
                Some(issued) if issued.elapsed() < self.token_life => Ok(identity),
                Some(_) => Err(("APIGW.0307", "The token must be updated.")),
                None => Err(("APIGW.0301", "Incorrect IAM authentication information: decrypt token fail")),
            };
        }
        let Some(authorization) = header(AUTHORIZATION.as_str()) else {
            return Err(("APIGW.0301", "Incorrect IAM authentication information: x-auth-token not found"));
        };
        let wrong = ("APIGW.0301", "Incorrect IAM authentication information: verify aksk signature fail");
        let signed = authorization
            .split_once("SignedHeaders=")
            .and_then(|(_, rest)| rest.split_once(','))
            .ok_or(wrong)?
            .0;
        let headers: Vec<(&str, &str)> = signed
            .split(';')
            .map(|name| header(name).map(|value| (name, value)))
            .collect::<Option<_>>()
            .ok_or(wrong)?;
        // Each of these headers must be signed if it is sent.
        let must_be_signed = ["host", "x-sdk-date", "x-project-id", "x-security-token"];
        let is_signed = |name: &str| headers.iter().any(|(signed, _)| *signed == name);
        if must_be_signed.into_iter().any(|name| header(name).is_some() && !is_signed(name)) {
            return Err(wrong);
        }
        let date = header("x-sdk-date").and_then(|date| DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok());
        let date = date.and_then(|date| TimeZone::UTC.to_timestamp(date).ok()).ok_or(wrong)?;
        if now.duration_since(date).as_secs().abs() > 15 * 60 {
            return Err(("APIGW.0301", "Incorrect IAM authentication information: signature expired"));
        }
        let RequestParts { method, path, query, body, .. } = *request;
        let signable = Signable { method, path, query, headers: &headers, body };
        let (access_key, secret_key) = match temporary {
            Some(keys) if header("x-security-token") != Some(&keys.security_token) => return Err(wrong),
            Some(keys) if keys.issued.elapsed() >= self.token_life => {
                return Err(("APIGW.0301", "Incorrect IAM authentication information: the key has expired"));
            }
            Some(keys) => (access_key, keys.secret_key.as_str()),
            None => (accepted.access_key.as_str(), accepted.secret_key.as_str()),
        };
        let expected = signer::authorization(signable, access_key, secret_key);
        if authorization == expected { Ok(identity) } else { Err(wrong) }
    }

    /// Issues temporary keys for the agency that a request names.
    ///
    /// # Errors
    ///
    /// The body of IAM's error when it is another agency, or none.
    pub(super) fn assume(&self, body: &[u8], now: Timestamp) -> Result<Value, Value> {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let role = &request["auth"]["identity"]["assume_role"];
        let is_known = self.accepted.as_ref().is_none_or(|accepted| role["agency_name"] == accepted.agency);
        if !is_known || !(role["domain_name"].is_string() || role["domain_id"].is_string()) {
            let message = "You have no right to do this action.";
            return Err(json!({"error": {"code": 403, "message": message, "title": "Forbidden"}}));
        }
        let random = |length: usize| format!("{:032X}", fastrand::u128(..))[..length].to_owned();
        let (access_key, secret_key) = (random(20), random(32));
        let security_token = random(32);
        let expires = self.expires(now);
        let credential = json!({
            "access": access_key, "secret": secret_key, "securitytoken": security_token,
            "expires_at": expires,
        });
        let keys = TemporaryKeys { secret_key, security_token, issued: Instant::now() };
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(access_key, keys);
        Ok(json!({ "credential": credential }))
    }

    /// Exchanges the ID token of an identity provider for a token. Returns the token and the body of the
    /// response.
    ///
    /// # Errors
    ///
    /// The body of IAM's error when the provider or the ID token is wrong.
    pub(super) fn federate(
        &self,
        request: &RequestParts<'_>,
        now: Timestamp,
    ) -> Result<(String, Value), Value> {
        let body: Value = serde_json::from_slice(request.body).unwrap_or_default();
        let id_token = &body["auth"]["id_token"]["id"];
        let is_known = self.accepted.as_ref().is_none_or(|accepted| *id_token == accepted.id_token);
        if !is_known || !id_token.is_string() || !request.headers.contains_key("x-idp-id") {
            let message = "The ID token is invalid.";
            return Err(json!({"error": {"code": 401, "message": message, "title": "Unauthorized"}}));
        }
        Ok(self.issue(&body["auth"]["scope"]["project"], now))
    }

    fn expires(&self, now: Timestamp) -> String {
        let lifetime = jiff::SignedDuration::try_from(self.token_life).unwrap_or_default();
        let expires = now.checked_add(lifetime).unwrap_or(Timestamp::MAX);
        expires.strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string()
    }

    /// Issues a token for a project.
    fn issue(&self, scope: &Value, now: Timestamp) -> (String, Value) {
        let token = format!("{:032x}", fastrand::u128(..));
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).insert(token.clone(), Instant::now());
        let expires = self.expires(now);
        let project = match (scope["id"].as_str(), scope["name"].as_str()) {
            (Some(id), _) => json!({"id": id, "name": "simulated"}),
            (None, Some(name)) => json!({"id": project_id(Identity::Base, name), "name": name}),
            // A token of the account.
            (None, None) => return (token, json!({"token": {"expires_at": expires}})),
        };
        (token, json!({"token": {"expires_at": expires, "project": project}}))
    }

    /// Exchanges a password for a token. Returns the token and the body of the response.
    ///
    /// # Errors
    ///
    /// The body of IAM's error when the user or the password is wrong.
    pub(super) fn sign_in(&self, body: &[u8], now: Timestamp) -> Result<(String, Value), Value> {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let user = &request["auth"]["identity"]["password"]["user"];
        let has_password =
            self.accepted.as_ref().is_none_or(|accepted| user["password"] == accepted.password);
        let has_name = user["id"].is_string() || (user["name"].is_string() && user["domain"].is_object());
        if !has_password || !has_name {
            let message = "The username or password is wrong.";
            return Err(json!({"error": {"code": 401, "message": message, "title": "Unauthorized"}}));
        }
        Ok(self.issue(&request["auth"]["scope"]["project"], now))
    }
}

/// Returns the ID of the project with this name. It is always the same.
pub(super) fn project_id(identity: Identity, name: &str) -> String {
    let account = if identity == Identity::Role { "role/" } else { "" };
    signer::sha256(format!("{account}{name}").as_bytes())[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Credentials;
    use crate::id::ProjectId;

    /// Checks a request that was signed so many seconds ago and then changed by `change`.
    fn check(seconds_ago: i64, change: impl Fn(&mut HeaderMap)) -> Result<Identity, Refusal> {
        let accepted = Accepted::default();
        let credentials = Credentials::keys(&accepted.access_key, accepted.secret_key.clone(), None).unwrap();
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let signed = now - jiff::SignedDuration::from_secs(seconds_ago);
        let url = "http://127.0.0.1:80/v3/0a/jobs?id=1";
        let mut request = reqwest::Request::new(reqwest::Method::GET, url.parse().unwrap());
        credentials.authorize(&mut request, Some(&ProjectId::parse("0a").unwrap()), signed);
        let mut headers = request.headers().clone();
        change(&mut headers);
        let request =
            RequestParts { method: "GET", path: "/v3/0a/jobs", query: "id=1", headers: &headers, body: b"" };
        Authenticator::new(Some(accepted), Duration::ZERO).check(&request, now)
    }

    #[test]
    fn a_signature_is_accepted_for_fifteen_minutes_before_and_after_its_date() {
        for (seconds_ago, accepted) in [(0, true), (900, true), (901, false), (-900, true), (-901, false)] {
            assert_eq!(check(seconds_ago, |_| {}).is_ok(), accepted, "{seconds_ago}");
        }
    }

    #[test]
    fn a_request_with_headers_changed_after_signing_is_refused() {
        for (name, value) in
            [("x-project-id", "0b"), ("host", "other"), ("x-security-token", "added"), ("x-sdk-date", "now")]
        {
            let change = |headers: &mut HeaderMap| {
                headers.insert(name, value.parse().unwrap());
            };
            assert!(check(0, change).is_err(), "{name}");
        }
        assert!(check(0, HeaderMap::clear).is_err());
    }

    #[test]
    fn debug_shows_no_secret() {
        let text = format!(
            "{:?} {:?}",
            Accepted::default(),
            Authenticator::new(Some(Accepted::default()), Duration::ZERO)
        );
        assert!(
            !text.contains("secretkey") && !text.contains("password") && !text.contains("test-token"),
            "{text}"
        );
    }
}
