//! Name lookup, with a fault of its own: that a name is unknown has to be told apart from a refused connection.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

/// The system's lookup.
#[derive(Debug)]
pub(super) struct SystemResolver;

/// The system could not look a name up.
#[derive(Debug, thiserror::Error)]
#[error("cannot look up {host}: {source}")]
pub(super) struct LookupError {
    host: String,
    source: std::io::Error,
}

impl LookupError {
    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            match lookup_host((name.as_str(), 0)).await {
                Ok(addresses) => Ok(Box::new(addresses.collect::<Vec<_>>().into_iter()) as Addrs),
                Err(source) => Err(LookupError { host: name.as_str().to_owned(), source }.into()),
            }
        })
    }
}
