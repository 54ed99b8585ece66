//! The route to a host: direct, or through the proxy of the environment.

use reqwest::ClientBuilder;

use crate::error::ConfigError;

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
        match self {
            Self::Direct => Ok(builder.no_proxy()),
            Self::Environment => check_variables().map(|()| builder),
        }
    }
}

/// Checks the proxy variables. The HTTP library would ignore a malformed one and connect directly. The error
/// does not repeat the value, which may contain a password. `ALL_PROXY` is not checked here but where it is
/// used: desktops set it to a SOCKS proxy beside the variables for HTTP.
fn check_variables() -> Result<(), ConfigError> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if set("NO_PROXY").or_else(|| set("no_proxy")).is_some_and(|hosts| hosts == "*") {
        return Ok(());
    }
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] {
        let Some(url) = set(name) else { continue };
        let url = url.to_string_lossy();
        let url = if url.contains("://") { url.into_owned() } else { format!("http://{url}") };
        // The parser decodes escapes in a host name, and in debug builds it panics on some of them.
        let has_plain_host = url.rsplit('@').next().is_some_and(|host| !host.contains('%'));
        let is_readable = has_plain_host
            && reqwest::Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !is_readable || reqwest::Proxy::all(&url).is_err() {
            let reason = "malformed (expected http://[user:password@]host:port)";
            return Err(ConfigError::invalid_secret("proxy", reason).at(name));
        }
    }
    Ok(())
}
