//! Name lookup with an error type of its own, so that an unknown host is distinguishable from
//! a refused connection.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

/// The system's resolver.
#[derive(Debug)]
pub(super) struct SystemResolver;

/// A host name that the system could not resolve.
#[derive(Debug, thiserror::Error)]
#[error("cannot look up {host}: {source}")]
pub(super) struct LookupError {
    host: String,
    source: std::io::Error,
}

impl LookupError {
    pub(super) fn new(host: &str, source: std::io::Error) -> Self {
        Self { host: host.to_owned(), source }
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            match lookup_host((name.as_str(), 0)).await {
                Ok(addresses) => Ok(Box::new(addresses.collect::<Vec<_>>().into_iter()) as Addrs),
                Err(source) => Err(LookupError::new(name.as_str(), source).into()),
            }
        })
    }
}
