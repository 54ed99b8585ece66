//! A role: an agency of an account, which other credentials assume. IAM issues temporary keys for it.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, Request};
use serde_json::json;

use super::exchange;
use super::{Active, Credentials, Iam, IdOrName, Secret};
use crate::error::ConfigError;
use crate::fault::{Fault, FaultKind, Upstream};
use crate::http::meter::Meter;
use crate::http::{refusal, wall_clock};
use crate::probe::Observation;
use crate::text::safe;

/// An agency of an account, and the lifetime of the keys for it.
///
/// ```
/// use jobwait::{Credentials, IdOrName, Role};
///
/// let base = Credentials::keys("AKEXAMPLE0000000001", "secretkey", None)?;
/// let role = Role::new("deployer", IdOrName::Name("account".into()));
/// let credentials = Credentials::role(base, role);
/// # Ok::<(), jobwait::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    agency: String,
    domain: IdOrName,
    duration: Duration,
    base_domain_id: Option<String>,
}

impl Role {
    /// The agency of this name in a domain (an account), for an hour at a time.
    #[must_use]
    pub fn new(agency: impl Into<String>, domain: IdOrName) -> Self {
        let duration = Duration::from_secs(60 * 60);
        Self { agency: agency.into(), domain, duration, base_domain_id: None }
    }

    /// Sets the lifetime of the keys. Default: an hour.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] when it is shorter than 15 minutes or longer than a day.
    pub fn duration(self, duration: Duration) -> Result<Self, ConfigError> {
        if !(15 * 60..=24 * 60 * 60).contains(&duration.as_secs()) {
            let reason = "expected a number of seconds from 900 to 86400";
            return Err(ConfigError::invalid("duration of a role", duration.as_secs(), reason));
        }
        Ok(Self { duration, ..self })
    }

    /// Sets the ID of the domain of the credentials that assume the role.
    #[must_use]
    pub fn base_domain_id(self, id: impl Into<String>) -> Self {
        Self { base_domain_id: Some(id.into()), ..self }
    }

    /// Names the role for people.
    pub(super) fn name(&self) -> String {
        let (IdOrName::Id(domain) | IdOrName::Name(domain)) = &self.domain;
        format!("the agency '{}' of '{}'", safe(&self.agency, 60), safe(domain, 60))
    }

    /// Assumes the role with credentials that are active.
    pub(super) async fn assume(
        &self,
        base: &Credentials,
        iam: &Iam,
        meter: &Meter,
    ) -> Result<Active, Observation> {
        let (client, endpoint) = (iam.client(), iam.endpoint());
        let during = |observation| {
            refusal::during(&format!("assuming {} at {endpoint}", self.name()), Upstream::Iam, observation)
        };
        let mut request = Request::new(Method::POST, endpoint.join("/v3.0/OS-CREDENTIAL/securitytokens"));
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(id) = self.base_domain_id.as_ref().and_then(|id| HeaderValue::from_str(id).ok()) {
            headers.insert(HeaderName::from_static("x-domain-id"), id);
        }
        *request.body_mut() = Some(self.request_body().into());
        base.authorize(&mut request, None, wall_clock());

        let response = client.send(request, meter).await.map_err(during)?;
        if response.status != 201 {
            return Err(during(refusal::classify(&response)));
        }
        let (keys, expires) = exchange::keys(&response)
            .map_err(|reason| during(Observation::transient(Fault::new(FaultKind::Unreadable, reason))))?;
        let refresh_at = expires.and_then(|at| exchange::refresh_at(&response, at));
        Ok(Active { secret: Secret::Keys(keys), refresh_at })
    }

    fn request_body(&self) -> String {
        let mut role = json!({ "agency_name": self.agency, "duration_seconds": self.duration.as_secs() });
        match &self.domain {
            IdOrName::Id(id) => role["domain_id"] = id.as_str().into(),
            IdOrName::Name(name) => role["domain_name"] = name.as_str().into(),
        }
        let identity = json!({ "methods": ["assume_role"], "assume_role": role });
        json!({ "auth": { "identity": identity } }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_of_a_role_is_sent_by_name_or_id() {
        let body = |domain| {
            let role = Role::new("deployer", domain).duration(Duration::from_secs(900)).unwrap();
            let body: serde_json::Value = serde_json::from_str(&role.request_body()).unwrap();
            body["auth"]["identity"]["assume_role"].clone()
        };
        assert_eq!(
            body(IdOrName::Name("account".into())),
            json!({"agency_name": "deployer", "domain_name": "account", "duration_seconds": 900})
        );
        assert_eq!(body(IdOrName::Id("d1".into()))["domain_id"], "d1");
        let role = Role::new("deployer", IdOrName::Id("d1".into()));
        for seconds in [0, 899, 86_401] {
            assert!(role.clone().duration(Duration::from_secs(seconds)).is_err(), "{seconds}");
        }
    }
}
