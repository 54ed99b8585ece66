//! The HTTP client: trust, timeouts, a cap on the body, no redirects. All that is sent is sent here.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Request;
use reqwest::header::HeaderMap;

use super::resolver::{LookupError, SystemResolver};
use super::trust::{self, Trust};
use crate::{ConfigError, Fault, FaultKind, Sighting};

/// No answer about one task comes near it: a megabyte is read, no more.
const LARGEST_BODY: usize = 1 << 20;

/// How to reach a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// Through the proxy that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name, if any.
    ProxyOfTheEnvironment,
    /// Straight.
    Direct,
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) received: Timestamp,
}

/// A client with kept connections.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    request_timeout: Duration,
    /// Whether there was an answer since a connection was last found broken twice, so that some are kept.
    answered: Arc<AtomicBool>,
}

impl Client {
    pub(super) fn new(request_timeout: Duration, route: Route, trust: &Trust) -> Result<Self, ConfigError> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("jobwait/", env!("CARGO_PKG_VERSION")))
            .timeout(request_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .dns_resolver(Arc::new(SystemResolver))
            .tls_backend_preconfigured(trust.config()?);
        match route {
            Route::Direct => builder = builder.no_proxy(),
            Route::ProxyOfTheEnvironment => check_proxies()?,
        }
        let http = builder
            .build()
            .map_err(|error| ConfigError::new(format!("no HTTP client: {}", root_cause(&error))))?;
        Ok(Self { http, request_timeout, answered: Arc::default() })
    }

    /// Sends a request and reads its whole answer, or tells what a look saw in its stead.
    pub(super) async fn send(&self, request: Request) -> Result<Answer, Sighting> {
        let place = request.url().host_str().unwrap_or_default().to_owned()
            + &request.url().port().map(|port| format!(":{port}")).unwrap_or_default();
        let plain = request.url().scheme() == "http";
        let failed = |error: &reqwest::Error| self.fault(error, &place, plain);

        let mut response = self.execute(request).await.map_err(|error| failed(&error))?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
            if body.len() + chunk.len() > LARGEST_BODY {
                // Dropping the response drops the connection: the rest is never read.
                let status = Some(response.status().as_u16());
                let fault = Fault::new(FaultKind::Unreadable, "the answer is longer than 1 MiB");
                return Err(Sighting::transient(Fault { http_status: status, ..fault }));
            }
            body.extend_from_slice(&chunk);
        }
        self.answered.store(true, Ordering::Relaxed);
        Ok(Answer {
            status: response.status().as_u16(),
            headers: std::mem::take(response.headers_mut()),
            body,
            received: wall_clock(),
        })
    }

    /// Sends a request. A connection that was kept may have been given up by the other side, or by what stands between,
    /// just when it was used again: that tells nothing about the service, so a question is asked once more at once, on
    /// a new one.
    async fn execute(&self, request: Request) -> Result<reqwest::Response, reqwest::Error> {
        let again = request.try_clone().filter(|again| again.method() == reqwest::Method::GET);
        match (self.http.execute(request).await, again) {
            (Err(error), Some(again)) if was_given_up(&error) && self.answered.load(Ordering::Relaxed) => {
                let result = self.http.execute(again).await;
                // Then it is no matter of kept connections.
                if result.is_err() {
                    self.answered.store(false, Ordering::Relaxed);
                }
                result
            }
            (result, _) => result,
        }
    }

    /// What it means for a look that a request failed. Nothing of the request is in the text but the host.
    fn fault(&self, error: &reqwest::Error, place: &str, plain: bool) -> Sighting {
        if let Some(lookup) = in_chain::<LookupError>(error) {
            let of_the_proxy = lookup.host() != place.split(':').next().unwrap_or_default();
            let what = if of_the_proxy { " (the proxy)" } else { "" };
            return Sighting::transient(Fault::new(FaultKind::UnknownHost, format!("{lookup}{what}")));
        }
        if let Some(why @ rustls::Error::InvalidCertificate(_)) = in_chain::<rustls::Error>(error) {
            let why = trust::plain(why);
            // As it is made by hand for a test, and used as it is.
            let why = match why.as_str() {
                "CaUsedAsEndEntity" => "it is a CA's own: the server needs one that is issued by that CA",
                why => why,
            };
            let message = format!("the certificate of {place} is refused: {why}");
            return Sighting::Permanent(Fault::new(FaultKind::Untrusted, message));
        }
        // Hyper keeps its type for these to itself, and the status with it: a proxy that refuses for good cannot be
        // told from one that is out of order.
        let cause = root_cause(error);
        if cause == "tunnel error: proxy authorization required" {
            let message = format!("the proxy on the way to {place} wants a user and a password");
            return Sighting::Permanent(Fault::new(FaultKind::Proxy, message));
        }
        if let Some(scheme) = cause.strip_prefix("unsupported scheme ") {
            let message =
                format!("the proxy of ALL_PROXY is of the kind {scheme}: only http and https are supported");
            return Sighting::Permanent(Fault::new(FaultKind::Proxy, message));
        }
        let (kind, message) = if cause == "tunnel error: unsuccessful" {
            (FaultKind::Proxy, format!("the proxy on the way does not connect to {place}"))
        } else if error.is_timeout() {
            (FaultKind::TimedOut, format!("no answer from {place} within {:?}", self.request_timeout))
        } else if in_chain::<io::Error>(error).is_some_and(is_local) {
            (FaultKind::Local, format!("this machine cannot open a connection: {cause}"))
        } else if let Some(rustls::Error::InvalidMessage(_)) = in_chain::<rustls::Error>(error) {
            (FaultKind::Network, format!("{place} does not speak TLS ({cause}): is it plain http there?"))
        } else if error.is_connect() {
            (FaultKind::Network, format!("cannot connect to {place}: {cause}"))
        } else {
            // What a TLS server does when it is asked in plain text.
            let hint = if plain { "; is it https there?" } else { "" };
            (FaultKind::Network, format!("the connection to {place} broke: {cause}{hint}"))
        };
        Sighting::transient(Fault::new(kind, message))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "signatures and the ends of tokens are of the wall clock; no deadline or delay is"
)]
pub(super) fn wall_clock() -> Timestamp {
    Timestamp::now()
}

/// Whether a connection ended before any of the answer came.
fn was_given_up(error: &reqwest::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    let broken = |error: &io::Error| matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset);
    let broken = in_chain::<io::Error>(error).is_some_and(broken);
    !error.is_connect() && (broken || root_cause(error) == "connection closed before message completed")
}

fn is_local(error: &io::Error) -> bool {
    // EMFILE and ENFILE, which std does not name; the numbers are the same on Linux, macOS and the BSDs.
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

/// A proxy that cannot be read would be left out without a word. The text does not repeat it: it may hold a password.
/// `ALL_PROXY` is not checked here, but where it is used: desktops set it to a SOCKS proxy beside those for HTTP.
fn check_proxies() -> Result<(), ConfigError> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if set("NO_PROXY").or_else(|| set("no_proxy")).is_some_and(|hosts| hosts == "*") {
        return Ok(());
    }
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] {
        let Some(url) = set(name) else { continue };
        let url = url.to_string_lossy();
        let url = if url.contains("://") { url.into_owned() } else { format!("http://{url}") };
        let readable = reqwest::Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !readable || reqwest::Proxy::all(&url).is_err() {
            return Err(ConfigError::new(format!(
                "{name} is no proxy: the form is http://[user:password@]host:port"
            )));
        }
    }
    Ok(())
}

/// The first error of type `E` among the causes. An `io::Error` hides what it wraps from `source()`.
fn in_chain<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = wrapped.and_then(|wrapped| in_chain::<E>(wrapped as &(dyn StdError + 'static))) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The last cause says most; those before it say "error sending request".
fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
