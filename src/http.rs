//! HTTP: requests are sent, and responses and errors are read, in one place.

pub(crate) mod client;
pub(crate) mod error_body;
pub(crate) mod meter;
pub(crate) mod proxy;
mod quota;
pub(crate) mod refusal;
mod resolver;
pub(crate) mod retry_after;
pub(crate) mod tls;
mod transport_fault;

use jiff::Timestamp;
use reqwest::header::HeaderMap;

/// A complete response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) received: Timestamp,
}

impl Response {
    /// The body without a byte order mark. The mark is not JSON, but some gateways send one.
    pub(crate) fn text_bytes(&self) -> &[u8] {
        self.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.body)
    }
}

/// The current time of the wall clock. Only signatures and the lifetimes of tokens depend on it.
#[expect(clippy::disallowed_methods, reason = "no deadline and no delay depends on the wall clock")]
pub(crate) fn wall_clock() -> Timestamp {
    Timestamp::now()
}
