//! A user and a password, to be exchanged for a token.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

/// A name, or the ID that stands for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// By name.
    Name(String),
    /// By ID.
    Id(String),
}

impl Named {
    fn to_json(&self) -> Value {
        match self {
            Self::Name(name) => json!({ "name": name }),
            Self::Id(id) => json!({ "id": id }),
        }
    }
}

/// A user with a password. `Debug` does not show the password.
#[derive(Clone)]
pub struct Login {
    user: Named,
    password: SecretString,
    domain: Option<Named>,
}

impl Login {
    /// A user, and the domain (the account) that the user belongs to: IAM needs it beside a user's name.
    #[must_use]
    pub fn new(user: Named, password: impl Into<SecretString>, domain: Option<Named>) -> Self {
        Self { user, password: password.into(), domain }
    }

    pub(crate) fn secret(&self) -> &SecretString {
        &self.password
    }

    /// The request for a token that is good for a project: by ID, or by a name, beside which Keystone asks for a
    /// domain.
    pub(crate) fn request(&self, project: &Named) -> String {
        let mut user = self.user.to_json();
        user["password"] = self.password.expose_secret().into();
        let mut scope = project.to_json();
        if let Some(domain) = &self.domain {
            if matches!(self.user, Named::Name(_)) {
                user["domain"] = domain.to_json();
            }
            if matches!(project, Named::Name(_)) {
                scope["domain"] = domain.to_json();
            }
        }
        let identity = json!({ "methods": ["password"], "password": { "user": user } });
        json!({ "auth": { "identity": identity, "scope": { "project": scope } } }).to_string()
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
    use super::*;

    fn request(user: Named, project: &Named) -> Value {
        let login = Login::new(user, "CANARY", Some(Named::Name("account".into())));
        assert!(!format!("{login:?}").contains("CANARY"));
        serde_json::from_str(&login.request(project)).unwrap()
    }

    #[test]
    fn a_name_comes_with_its_domain_and_an_id_without() {
        let by_name = request(Named::Name("ci".into()), &Named::Id("0a".into()));
        assert_eq!(
            by_name,
            json!({"auth": {
                "identity": {"methods": ["password"], "password": {"user": {"name": "ci", "password": "CANARY", "domain": {"name": "account"}}}},
                "scope": {"project": {"id": "0a"}}}})
        );
        let by_id = request(Named::Id("u1".into()), &Named::Name("cn-north-4".into()));
        assert_eq!(by_id["auth"]["identity"]["password"]["user"], json!({"id": "u1", "password": "CANARY"}));
        assert_eq!(
            by_id["auth"]["scope"]["project"],
            json!({"name": "cn-north-4", "domain": {"name": "account"}})
        );
    }
}
