//! A user and a password, exchanged at IAM for a token: OpenStack Keystone's v3 API.

use std::fmt;

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::Iam;
use super::exchange::{self, Scope, SignedIn};
use crate::http::meter::Meter;
use crate::probe::Observation;

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
    passcode: Option<SecretString>,
    domain: Option<IdOrName>,
}

impl Login {
    /// A user of a domain (an account). IAM needs the domain beside the name of a user, not beside an ID.
    #[must_use]
    pub fn new(user: IdOrName, password: impl Into<String>, domain: Option<IdOrName>) -> Self {
        Self { user, password: SecretString::from(password.into()), passcode: None, domain }
    }

    /// Adds the code of a second factor. A code is valid once: IAM refuses to renew the token with it.
    #[must_use]
    pub fn passcode(self, passcode: impl Into<String>) -> Self {
        Self { passcode: Some(SecretString::from(passcode.into())), ..self }
    }

    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        std::iter::once(&self.password).chain(&self.passcode)
    }

    /// Names the user and the domain.
    pub(super) fn account(&self) -> String {
        format!("user {:?} of {:?}", self.user, self.domain)
    }

    /// Exchanges the password for a token of this scope.
    pub(super) async fn sign_in(
        &self,
        iam: &Iam,
        scope: &Scope,
        meter: &Meter,
    ) -> Result<SignedIn, Observation> {
        let mut url = iam.endpoint().join("/v3/auth/tokens");
        url.set_query(Some("nocatalog=true"));
        let mut request = Request::new(Method::POST, url);
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *request.body_mut() = Some(self.request_body(scope).into());
        exchange::token(iam, request, meter).await
    }

    /// The body of the request for a token. A user's name and a project's name each need the domain beside
    /// them.
    fn request_body(&self, scope: &Scope) -> String {
        let mut user = self.user.to_json();
        if let Some(domain) = self.domain.as_ref().filter(|_| matches!(self.user, IdOrName::Name(_))) {
            user["domain"] = domain.to_json();
        }
        let mut methods = vec!["password"];
        let mut with_passcode = None;
        if let Some(passcode) = &self.passcode {
            methods.push("totp");
            let mut user = user.clone();
            user["passcode"] = passcode.expose_secret().into();
            with_passcode = Some(json!({ "user": user }));
        }
        user["password"] = self.password.expose_secret().into();
        let mut identity = json!({ "methods": methods, "password": { "user": user } });
        if let Some(totp) = with_passcode {
            identity["totp"] = totp;
        }
        let mut auth = json!({ "identity": identity });
        match (scope, &self.domain) {
            (Scope::Project(project), domain) => {
                let mut project_json = project.to_json();
                if let (IdOrName::Name(_), Some(domain)) = (project, domain) {
                    project_json["domain"] = domain.to_json();
                }
                auth["scope"] = json!({ "project": project_json });
            }
            (Scope::Account, Some(domain)) => auth["scope"] = json!({ "domain": domain.to_json() }),
            // IAM takes the account of the user.
            (Scope::Account, None) => {}
        }
        json!({ "auth": auth }).to_string()
    }
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
    use serde_json::Value;

    use super::*;

    fn request(user: IdOrName, project: &IdOrName) -> Value {
        let scope = Scope::Project(project.clone());
        let login = Login::new(user, "CANARY", Some(IdOrName::Name("account".into())));
        assert!(!format!("{login:?}").contains("CANARY"));
        serde_json::from_str(&login.request_body(&scope)).unwrap()
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

    #[test]
    fn a_passcode_is_sent_as_a_second_factor() {
        let login = Login::new(IdOrName::Id("u1".into()), "CANARY", None).passcode("123456");
        assert!(!format!("{login:?}").contains("123456"));
        let body: Value = serde_json::from_str(&login.request_body(&Scope::Account)).unwrap();
        assert_eq!(body["auth"]["identity"]["methods"], json!(["password", "totp"]));
        assert_eq!(body["auth"]["identity"]["totp"], json!({"user": {"id": "u1", "passcode": "123456"}}));
        assert_eq!(body["auth"]["scope"], Value::Null);
    }
}
