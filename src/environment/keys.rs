//! An access key in a file.

use secrecy::{ExposeSecret as _, SecretString};

use crate::auth::Credentials;
use crate::error::ConfigError;

/// An access key, its secret key, and the security token of a temporary key.
pub(super) struct FileKeys {
    pub(super) access_key: String,
    pub(super) secret_key: SecretString,
    pub(super) security_token: Option<SecretString>,
}

impl FileKeys {
    pub(super) fn credentials(&self) -> Result<Credentials, ConfigError> {
        let text = |secret: &SecretString| secret.expose_secret().to_owned();
        Credentials::keys(&self.access_key, text(&self.secret_key), self.security_token.as_ref().map(text))
    }
}
