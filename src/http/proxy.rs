//! The route to a host: direct, or through the proxy of the environment.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, Url};

use crate::error::ConfigError;

/// The variables of a proxy.
const VARIABLES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// The route to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// Through the proxy that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` select, if any.
    Environment,
    /// Without a proxy.
    Direct,
}

impl Route {
    /// Applies the route to a client.
    pub(super) fn apply(self, builder: ClientBuilder) -> Result<ClientBuilder, ConfigError> {
        if self == Self::Direct || bypasses_all() {
            return Ok(builder.no_proxy());
        }
        check_variables().map(|()| builder)
    }

    /// The host and the port of the proxy on the route to a URL.
    pub(super) fn proxy(self, url: &Url) -> Option<String> {
        if self == Self::Direct || bypasses_all() {
            return None;
        }
        let proxy = Matcher::from_env().intercept(&url.as_str().parse().ok()?)?;
        let (host, port) = (proxy.uri().host()?, proxy.uri().port());
        Some(port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
    }
}

/// The secrets in the variables: each password as it is written, and the header that contains it.
pub(crate) fn secrets() -> Vec<String> {
    let mut secrets = Vec::new();
    for value in VARIABLES.iter().filter_map(|name| variable(name)) {
        let authority = value.split_once("://").map_or(value.as_str(), |(_, rest)| rest);
        let user_info = authority.rsplit_once('@').map(|(user_info, _)| user_info);
        secrets
            .extend(user_info.and_then(|info| info.split_once(':')).map(|(_, password)| password.to_owned()));
        let basic = matched(&value).and_then(|(basic, _)| basic);
        secrets.extend(basic.and_then(|basic| basic.strip_prefix("Basic ").map(str::to_owned)));
    }
    secrets
}

fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
    Some(value.to_string_lossy().into_owned())
}

/// Whether `NO_PROXY` turns off all proxies. The HTTP library takes `*` for the hosts with a name only.
fn bypasses_all() -> bool {
    let hosts = variable("NO_PROXY").or_else(|| variable("no_proxy")).unwrap_or_default();
    hosts.split(',').any(|host| host.trim() == "*")
}

/// Parses the value of a variable as the HTTP library does. Returns the header with the credentials, and the
/// scheme.
fn matched(value: &str) -> Option<(Option<String>, String)> {
    let matcher = Matcher::builder().all(value.to_owned()).build();
    let proxy = matcher.intercept(&Uri::from_static("https://host.invalid"))?;
    let basic = proxy.basic_auth().and_then(|basic| basic.to_str().ok()).map(str::to_owned);
    Some((basic, proxy.uri().scheme_str().unwrap_or_default().to_owned()))
}

/// Checks the proxy variables. The HTTP library would ignore a malformed one and connect directly. The error
/// does not repeat the value, which may contain a password. `ALL_PROXY` does not matter beside the other
/// variables: desktops set it to a SOCKS proxy there.
fn check_variables() -> Result<(), ConfigError> {
    let has_own = VARIABLES[..4].iter().any(|name| variable(name).is_some());
    for name in VARIABLES {
        let is_general = name.eq_ignore_ascii_case("ALL_PROXY");
        let Some(value) = variable(name).filter(|_| !(is_general && has_own)) else { continue };
        let wrong = |reason: &str| {
            let reason = format!("{reason} (expected http://[user:password@]host:port)");
            Err(ConfigError::invalid_secret("proxy", reason).at(name))
        };
        if value.trim() != value {
            return wrong("white space or a line break around it");
        }
        if value.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return wrong("a space or a control character in it, which a password must have encoded, as %20");
        }
        // The parser of URLs decodes escapes in a host name, and in debug builds it panics on some of them.
        if value.rsplit('@').next().is_some_and(|host| host.contains('%')) {
            return wrong("malformed");
        }
        match matched(&value) {
            Some((_, scheme)) if is_general || scheme.starts_with("http") => {
                let url = if value.contains("://") { value } else { format!("http://{value}") };
                let is_http = url.starts_with("http");
                if is_http && (Url::parse(&url).is_err() || reqwest::Proxy::all(&url).is_err()) {
                    return wrong("malformed");
                }
            }
            _ => return wrong("malformed"),
        }
    }
    Ok(())
}
