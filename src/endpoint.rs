//! The address of a service.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;

use crate::error::ConfigError;
use crate::id::ProjectId;

/// The base URL of a service: `https://host[:port][/prefix]`.
///
/// ```
/// use jobwait::Endpoint;
///
/// assert!(Endpoint::parse("https://gaussdb.cn-north-4.myhuaweicloud.com").is_ok());
/// assert!(Endpoint::parse("http://127.0.0.1:8080").is_ok());
/// assert!(Endpoint::parse("http://db.example").is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// Parses an endpoint. Plain `http://` is accepted for loopback only, because a token would cross the
    /// network unencrypted.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] when it is not such a URL. The text never repeats user info,
    /// which may be a secret.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let endpoint = Self::parse_insecure(text)?;
        if endpoint.0.scheme() == "http" && !endpoint.is_loopback() {
            let reason =
                "plain http would send the credentials unencrypted to another machine (use https://)";
            return Err(ConfigError::invalid("endpoint", endpoint, reason));
        }
        Ok(endpoint)
    }

    /// Parses an endpoint, and accepts plain `http://` to any machine. Everybody on the network path can then
    /// read the token and forge the response.
    ///
    /// # Errors
    ///
    /// As for [`parse`](Self::parse).
    pub fn parse_insecure(text: &str) -> Result<Self, ConfigError> {
        let text = text.trim();
        let invalid = |reason: &str| {
            let reason = format!("{reason} (expected https://host[:port][/prefix])");
            if may_contain_secret(text) {
                ConfigError::invalid_secret("endpoint", reason)
            } else {
                ConfigError::invalid("endpoint", text, reason)
            }
        };
        // The parser decodes escapes in a host name, and in debug builds it panics on some of them.
        if text.contains('%') {
            return Err(invalid("it contains '%'"));
        }
        // The parser takes a part of the user info for the host or the path if there is a slash in it.
        if text.contains(['@', '\\']) {
            return Err(invalid("it contains user info, '@' or a backslash"));
        }
        let mut url = Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
        // The parser drops an empty port. It is one of a variable that is not set.
        let after_scheme = text.split_once("://").map_or("", |(_, rest)| rest);
        let authority = after_scheme.split(['/', '\\']).next().unwrap_or_default();
        if authority.ends_with(':') || url.port() == Some(0) {
            return Err(invalid("the port is empty or 0"));
        }
        if !matches!(url.scheme(), "https" | "http") {
            return Err(invalid("the scheme is not https"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("it contains a query or a fragment"));
        }
        // The parser escapes characters such as spaces.
        if url.path().contains("//") || url.path().contains('%') {
            return Err(invalid("the prefix contains '//' or a character that has to be escaped"));
        }
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&prefix);
        Ok(Self(url))
    }

    /// The URL of the jobs of a project.
    pub(crate) fn jobs(&self, project: &ProjectId) -> Url {
        self.join(&format!("/v3/{project}/jobs"))
    }

    /// The URL of a path below the prefix.
    pub(crate) fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", self.0.path().trim_end_matches('/')));
        url
    }

    /// Removes the `/v3` with which Keystone's users end the URL.
    pub(crate) fn without_version(mut self) -> Self {
        let path = self.0.path().trim_end_matches('/').to_owned();
        if let Some(path) = path.strip_suffix("/v3") {
            self.0.set_path(path);
        }
        self
    }

    /// The host and the port.
    pub(crate) fn authority(&self) -> String {
        let port = self.0.port_or_known_default().unwrap_or_default();
        format!("{}:{port}", self.0.host_str().unwrap_or_default())
    }

    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        match host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            // RFC 6761 reserves these names for loopback.
            Err(_) => host == "localhost" || host.ends_with(".localhost"),
        }
    }

    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }
}

/// Whether a text may contain a secret: user info, wherever it is hidden, or a query. A port has digits only.
fn may_contain_secret(text: &str) -> bool {
    let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    // The colons of an IPv6 address are in brackets.
    let after_host = authority.rsplit(']').next().unwrap_or_default();
    let port = after_host.split_once(':').map_or("", |(_, port)| port);
    text.contains(['@', '?', '#', '%', '\\']) || !port.bytes().all(|byte| byte.is_ascii_digit())
}

impl FromStr for Endpoint {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::parse(text)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(endpoint: &str) -> String {
        Endpoint::parse(endpoint).unwrap().jobs(&ProjectId::parse("0a").unwrap()).to_string()
    }

    #[test]
    fn the_authority_is_the_host_and_the_port() {
        let authority = |url: &str| Endpoint::parse(url).unwrap().authority();
        assert_eq!(authority("https://h.example/mysql"), "h.example:443");
        assert_eq!(authority("http://127.0.0.1:81"), "127.0.0.1:81");
    }

    #[test]
    fn port_and_prefix_are_kept() {
        for (endpoint, url) in [
            ("https://h.example", "https://h.example/v3/0a/jobs"),
            ("https://h.example/", "https://h.example/v3/0a/jobs"),
            ("https://h.example:8443/mysql/", "https://h.example:8443/mysql/v3/0a/jobs"),
            (" HTTPS://H.example\n", "https://h.example/v3/0a/jobs"),
            ("http://127.0.0.1:81", "http://127.0.0.1:81/v3/0a/jobs"),
        ] {
            assert_eq!(jobs(endpoint), url);
        }
    }

    #[test]
    fn an_endpoint_is_displayed_in_its_normal_form() {
        let endpoint = Endpoint::parse("HTTPS://h.example:8443/mysql/").unwrap();
        assert_eq!(endpoint.to_string(), "https://h.example:8443/mysql");
        assert_eq!(format!("{endpoint:?}"), "Endpoint(https://h.example:8443/mysql)");
        assert!(endpoint.is_https() && !Endpoint::parse("http://127.0.0.1").unwrap().is_https());
    }

    /// Covers A4.
    #[test]
    fn plain_http_is_for_loopback_only() {
        for good in [
            "http://127.0.0.1",
            "http://127.8.8.8:1",
            "http://[::1]:1",
            "http://localhost",
            "http://a.localhost",
        ] {
            assert!(Endpoint::parse(good).unwrap().is_loopback(), "{good}");
        }
        for bad in ["http://10.0.0.1", "http://h.example", "http://localhost.example", "http://[::2]"] {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
            assert!(!Endpoint::parse_insecure(bad).unwrap().is_loopback(), "{bad}");
        }
    }

    /// Covers A5.
    #[test]
    fn a_malformed_endpoint_is_refused_without_echoing_user_info() {
        for bad in [
            "",
            "h.example",
            "ftp://h.example",
            "https://",
            "https://user:CANARY@h.example",
            "https://CANARY@h.example",
            "https://:CANARY@h.example",
            "https://h.example?x=CANARY",
            "https://h.example#CANARY",
            "https://h.example/a//b",
            "https://h.example/a%20b",
            "https://h.example/a b",
            "https://A%aa",
            "https://h.example:",
            "https://h.example:/prefix",
            "http://127.0.0.1:0",
            "https://CANARY@A%aa",
            "https://u:12/CANARY@h.example",
            "https://u\\CANARY@h.example",
            "https://u\\CANARY",
            "https://u:CANARY%40h.example",
            "https://u:CANARY",
            "https:u:CANARY@h.example",
            "u:CANARY",
        ] {
            let error = Endpoint::parse(bad).unwrap_err().to_string();
            assert!(error.contains("https") && !error.contains("CANARY"), "{bad}: {error}");
        }
    }

    proptest::proptest! {
        /// Requests go to the host of the endpoint, below its prefix.
        #[test]
        fn requests_stay_below_the_endpoint(text in "(https?://)?[ -~]{0,30}|https://[a-z0-9.:@/?#%]{0,30}") {
            if let Ok(endpoint) = Endpoint::parse_insecure(&text) {
                let url = endpoint.jobs(&ProjectId::parse("0a").unwrap());
                proptest::prop_assert!(url.as_str().starts_with(&endpoint.to_string()), "{endpoint} {url}");
                proptest::prop_assert!(url.path().ends_with("/v3/0a/jobs") && url.username().is_empty());
            }
        }
    }
}
