//! An identity provider (OIDC), whose ID tokens IAM exchanges for its own: CI systems and Kubernetes give
//! their jobs such tokens, so that no secret is stored.

use std::fmt;
use std::path::PathBuf;

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, Request};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::Iam;
use super::exchange::{self, Scope, SignedIn};
use super::token::Token;
use crate::error::ConfigError;
use crate::fault::{Fault, FaultKind};
use crate::http::meter::Meter;
use crate::probe::Observation;
use crate::text::safe;

/// The name of an identity provider at IAM, and the ID token that it has issued. `Debug` does not show the
/// token.
///
/// ```no_run
/// use jobwait::{Credentials, Federation};
///
/// let federation = Federation::from_file("github", "/run/secrets/id-token")?;
/// let credentials = Credentials::federation(federation);
/// # Ok::<(), jobwait::ConfigError>(())
/// ```
pub struct Federation {
    provider: HeaderValue,
    id_token: IdToken,
}

enum IdToken {
    Text(Token),
    /// A file, which is read again for each sign-in.
    File(PathBuf),
}

impl Federation {
    /// An identity provider with this ID at IAM, and an ID token.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] when one of them is not a valid header. The text does not repeat the token.
    pub fn new(provider: &str, id_token: impl Into<String>) -> Result<Self, ConfigError> {
        let id_token = IdToken::Text(Token::new(&id_token.into().into())?);
        Ok(Self { provider: header(provider)?, id_token })
    }

    /// The same with the file of an ID token. The file is read now, and again for each sign-in. Blocks while
    /// it reads.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the file cannot be read or contains no token.
    pub fn from_file(provider: &str, path: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        let path = path.into();
        Token::read_file(&path)?;
        Ok(Self { provider: header(provider)?, id_token: IdToken::File(path) })
    }

    /// Names the identity provider.
    pub(super) fn name(&self) -> &str {
        self.provider.to_str().unwrap_or_default()
    }

    /// Returns the ID token, which a file may have replaced.
    pub(super) async fn id_token(&self) -> Result<Token, Observation> {
        match &self.id_token {
            IdToken::Text(token) => Ok(token.clone()),
            IdToken::File(path) => Token::reread_file(path).await.ok_or_else(|| {
                let message = format!("cannot read an ID token from {}", safe(&path.to_string_lossy(), 200));
                Observation::transient(Fault::new(FaultKind::Local, message))
            }),
        }
    }

    /// Exchanges an ID token for a token of IAM.
    pub(super) async fn sign_in(
        &self,
        iam: &Iam,
        id_token: &Token,
        scope: &Scope,
        meter: &Meter,
    ) -> Result<SignedIn, Observation> {
        let mut auth = json!({ "id_token": { "id": id_token.secret().expose_secret() } });
        if let Scope::Project(project) = scope {
            auth["scope"] = json!({ "project": project.to_json() });
        }
        let mut request = Request::new(Method::POST, iam.endpoint().join("/v3.0/OS-AUTH/id-token/tokens"));
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(HeaderName::from_static("x-idp-id"), self.provider.clone());
        *request.body_mut() = Some(json!({ "auth": auth }).to_string().into());
        exchange::token(iam, request, meter).await
    }
}

fn header(provider: &str) -> Result<HeaderValue, ConfigError> {
    let provider = provider.trim();
    let fits = !provider.is_empty() && provider.bytes().all(|byte| byte.is_ascii_graphic());
    HeaderValue::from_str(provider).ok().filter(|_| fits).ok_or_else(|| {
        ConfigError::invalid("identity provider", provider, "expected the ID of an identity provider at IAM")
    })
}

impl fmt::Debug for Federation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Federation").field("provider", &self.provider).finish_non_exhaustive()
    }
}
