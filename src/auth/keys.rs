//! An access key, permanent or temporary, and the requests that it signs.

use std::fmt;

use jiff::Timestamp;
use reqwest::Request;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

use super::signer::{self, Signable};
use crate::error::ConfigError;
use crate::id::ProjectId;

/// An access key and its secret key. A temporary one has a security token as well. `Debug` shows four
/// characters of the access key, and nothing else.
#[derive(Clone)]
pub(super) struct Keys {
    access_key: SecretString,
    secret_key: SecretString,
    security_token: Option<SecretString>,
}

impl Keys {
    pub(super) fn new(
        access_key: &str,
        secret_key: &SecretString,
        security_token: Option<&SecretString>,
    ) -> Result<Self, ConfigError> {
        let access_key = access_key.trim();
        let fits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let unfit = |what: &'static str| {
            let reason = "empty, or with white space, control or non-ASCII characters";
            Err(ConfigError::invalid_secret(what, reason))
        };
        if !fits(access_key) {
            return unfit("access key");
        }
        let secret_key = SecretString::from(secret_key.expose_secret().trim());
        if !fits(secret_key.expose_secret()) {
            return unfit("secret key");
        }
        let security_token = security_token.map(|token| SecretString::from(token.expose_secret().trim()));
        if security_token.as_ref().is_some_and(|token| !fits(token.expose_secret())) {
            return unfit("security token");
        }
        Ok(Self { access_key: access_key.into(), secret_key, security_token })
    }

    /// Signs a request at the time `now`. A signature is valid for a quarter of an hour, so each
    /// request has its own.
    pub(super) fn sign(&self, request: &mut Request, project: Option<&ProjectId>, now: Timestamp) {
        let url = request.url().clone();
        let host = url.host_str().unwrap_or_default().to_owned();
        let host = url.port().map_or(host.clone(), |port| format!("{host}:{port}"));
        let date = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let content_type = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();

        let mut signed = vec![("host", host.as_str()), ("x-sdk-date", &date)];
        if !content_type.is_empty() {
            signed.push(("content-type", &content_type));
        }
        if let Some(project) = project {
            signed.push(("x-project-id", project.as_str()));
        }
        let domain = request.headers().get("x-domain-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        if let Some(domain) = &domain {
            signed.push(("x-domain-id", domain));
        }
        if let Some(token) = &self.security_token {
            signed.push(("x-security-token", token.expose_secret()));
        }
        let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
        let authorization = signer::authorization(
            Signable {
                method: request.method().as_str(),
                path: url.path(),
                query: url.query().unwrap_or_default(),
                headers: &signed,
                body,
            },
            self.access_key.expose_secret(),
            self.secret_key.expose_secret(),
        );
        let values: Vec<(&'static str, HeaderValue)> = signed
            .iter()
            .filter(|(name, _)| *name != "content-type")
            .filter_map(|&(name, value)| {
                let mut value = HeaderValue::from_str(value).ok()?;
                value.set_sensitive(name == "x-security-token");
                Some((name, value))
            })
            .collect();
        let headers = request.headers_mut();
        for (name, value) in values {
            // Hyper would set the same host. This makes sure that the signed one is sent.
            if name == "host" {
                headers.insert(HOST, value)
            } else {
                headers.insert(name, value)
            };
        }
        if let Ok(mut value) = HeaderValue::from_str(&authorization) {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.security_token.is_some() { "temporary" } else { "permanent" };
        write!(f, "Keys({}, {kind})", self.abbreviated())
    }
}

impl Keys {
    /// The texts that must not be shown. The access key is not secret, but logs need only its beginning.
    pub(super) fn secrets(&self) -> Vec<&SecretString> {
        [&self.access_key, &self.secret_key].into_iter().chain(&self.security_token).collect()
    }

    /// Names the account by the access key. The result goes into a digest, and is not shown.
    pub(super) fn account(&self) -> String {
        format!("access key {}", self.access_key.expose_secret())
    }

    /// A name of the keys at a host, which reveals none of them. A security token belongs to them: keys that
    /// were refused without it may be accepted with it.
    pub(super) fn fingerprint(&self, host: &str) -> String {
        let body = self.security_token.as_ref().map_or("", |token| token.expose_secret()).as_bytes();
        let signable = Signable { method: "", path: "/", query: "", headers: &[("host", host)], body };
        let (access_key, secret_key) = (self.access_key.expose_secret(), self.secret_key.expose_secret());
        signer::sha256(signer::authorization(signable, access_key, secret_key).as_bytes())
    }

    /// The beginning of the access key, enough to recognize it.
    pub(super) fn abbreviated(&self) -> String {
        self.access_key.expose_secret().chars().take(4).chain("…".chars()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_another_fingerprint_with_each_token_secret_and_host() {
        let of = |secret: &str, token: Option<&str>, host: &str| {
            let (secret, token) = (SecretString::from(secret), token.map(SecretString::from));
            Keys::new("AKEXAMPLE", &secret, token.as_ref()).unwrap().fingerprint(host)
        };
        let all = [
            ("s", None, "h"),
            ("s", Some("t"), "h"),
            ("s", Some("u"), "h"),
            ("x", None, "h"),
            ("s", None, "i"),
        ];
        let names: std::collections::BTreeSet<String> =
            all.into_iter().map(|(secret, token, host)| of(secret, token, host)).collect();
        assert_eq!(names.len(), all.len());
        assert_eq!(of("s", Some("t"), "h"), of("s", Some("t"), "h"));
    }

    fn signed(token: Option<&str>) -> Request {
        let keys = Keys::new(
            "AKEXAMPLE0000000001",
            &"sKeXaMpLe00000000000000000000000000000001".into(),
            token.map(SecretString::from).as_ref(),
        );
        let project = ProjectId::parse("054e292c9880d4992f02c0196d3ea468").unwrap();
        let url = "https://gaussdb.cn-north-4.myhuaweicloud.com/v3/054e292c9880d4992f02c0196d3ea468/jobs\
                   ?id=a9767ede-fe0f-4888-9003-e843a4c90514";
        let mut request = Request::new(reqwest::Method::GET, url.parse().unwrap());
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        keys.unwrap().sign(&mut request, Some(&project), "2026-01-02T03:04:05Z".parse().unwrap());
        request
    }

    #[test]
    fn a_request_carries_the_official_signature() {
        for (token, names, signature) in [
            (
                None,
                "content-type;host;x-project-id;x-sdk-date",
                "ddb454f426b69c9709249ab19893d4416948ebbfc61bd83628cb7cfe1d73b4b1",
            ),
            (
                Some("gQpjbi1ub3J0aC00EXAMPLETOKEN=="),
                "content-type;host;x-project-id;x-sdk-date;x-security-token",
                "5a742ef1ec8c76d0b113121acc9c9ad5de7bc2006cba5fe3363c881afe2a922f",
            ),
        ] {
            let request = signed(token);
            let expected = format!(
                "SDK-HMAC-SHA256 Access=AKEXAMPLE0000000001, SignedHeaders={names}, Signature={signature}"
            );
            assert_eq!(request.headers()[AUTHORIZATION], expected.as_str());
            assert_eq!(request.headers()["x-sdk-date"], "20260102T030405Z");
            assert_eq!(request.headers()[HOST], "gaussdb.cn-north-4.myhuaweicloud.com");
            assert_eq!(request.headers().get("x-security-token").map(|value| value.to_str().unwrap()), token);
        }
    }

    #[test]
    fn a_non_default_port_is_part_of_the_signed_host() {
        let keys = Keys::new("AK", &"sk".into(), None).unwrap();
        let mut request = Request::new(reqwest::Method::GET, "http://127.0.0.1:8080/v3".parse().unwrap());
        keys.sign(&mut request, None, "2026-01-02T03:04:05Z".parse().unwrap());
        assert_eq!(request.headers()[HOST], "127.0.0.1:8080");
    }

    /// Covers A1.
    #[test]
    fn debug_shows_four_characters_of_the_access_key() {
        let keys = Keys::new("AKCANARY", &"CANARY".into(), Some(&"CANARY".into())).unwrap();
        assert_eq!(format!("{keys:?}"), "Keys(AKCA…, temporary)");
        assert!(!format!("{:?}", signed(Some("CANARY")).headers()).contains("CANARY"));
    }

    /// Covers A2.
    #[test]
    fn invalid_keys_are_refused_without_repeating_them() {
        for (access, secret, token) in [
            ("", "s", None),
            ("A\n1", "s", None),
            ("A", "", None),
            ("A", "CAN\0ARY", None),
            ("A", "s", Some("CAN ARY")),
        ] {
            let error = Keys::new(access, &secret.into(), token.map(SecretString::from).as_ref())
                .unwrap_err()
                .to_string();
            assert!(!error.contains("CAN") && error.contains("key") | error.contains("token"), "{error}");
        }
    }
}
