//! The HTTP client: timeouts, a limit on the body, no redirects.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Request;
use tokio::sync::Semaphore;

use super::meter::Meter;
use super::proxy::Route;
use super::resolver::SystemResolver;
use super::tls::Trust;
use super::transport_fault::{self, Target};
use super::{Response, wall_clock};
use crate::error::ConfigError;
use crate::fault::{Fault, FaultKind};
use crate::probe::Observation;

/// The largest body that is read. No response about one task comes near it.
const LARGEST_BODY: usize = 1 << 20;

/// The size from which on a body is large, and the number of large bodies that are read at once. It bounds
/// the memory for many tasks.
const LARGE: usize = 64 << 10;
const LARGE_AT_ONCE: usize = 8;

/// A client that keeps its connections.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    resolver: SystemResolver,
    request_timeout: Duration,
    large_bodies: Arc<Semaphore>,
    route: Route,
    /// Whether there was a response since a connection last broke twice in a row. Only then can a broken
    /// connection be an idle one that the server closed.
    has_responded: Arc<AtomicBool>,
}

impl Client {
    pub(crate) fn new(request_timeout: Duration, route: Route, trust: &Trust) -> Result<Self, ConfigError> {
        let resolver = SystemResolver::default();
        let builder = reqwest::Client::builder()
            .user_agent(concat!("jobwait/", env!("CARGO_PKG_VERSION")))
            .timeout(request_timeout)
            // It is divided among the addresses of the host, so that a dead one leaves time for the next. A
            // lookup without a name server takes more than half of it.
            .connect_timeout(request_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .dns_resolver(Arc::new(resolver.clone()))
            .tls_backend_preconfigured(trust.config()?);
        let http = route.apply(builder)?.build().map_err(|error| ConfigError::setup("HTTP", error))?;
        let large_bodies = Arc::new(Semaphore::new(LARGE_AT_ONCE));
        Ok(Self { http, resolver, request_timeout, large_bodies, route, has_responded: Arc::default() })
    }

    /// Sends a request that the meter counts, and reads the complete response.
    ///
    /// # Errors
    ///
    /// The observation of a poll that got no response.
    pub(crate) async fn send(&self, request: Request, meter: &Meter) -> Result<Response, Observation> {
        let has_responded = self.has_responded.load(Ordering::Relaxed);
        let target = Target::of(request.url(), self.request_timeout, has_responded);
        let target = target.through(self.route.proxy(request.url()));
        let failed = |error: reqwest::Error| transport_fault::classify(&error, &target);

        let mut response = self.execute(request, meter).await.map_err(failed)?;
        let mut body = Vec::new();
        let mut permit = None;
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LARGE && permit.is_none() {
                permit = self.large_bodies.acquire().await.ok();
            }
            if body.len() + chunk.len() > LARGEST_BODY {
                // Dropping the response closes the connection, so the rest is never read.
                let status = Some(response.status().as_u16());
                let fault = Fault::new(FaultKind::Unreadable, "the response is longer than 1 MiB");
                return Err(Observation::transient(Fault { http_status: status, ..fault }));
            }
            body.extend_from_slice(&chunk);
        }
        self.has_responded.store(true, Ordering::Relaxed);
        if let Some(address) = response.remote_addr() {
            self.resolver.responded(address.ip());
        }
        Ok(Response {
            status: response.status().as_u16(),
            headers: std::mem::take(response.headers_mut()),
            body,
            received: wall_clock(),
        })
    }

    /// Executes a request. The other side may close an idle connection just when it is used again. That says
    /// nothing about the service, so a GET is sent once more at once, on a new connection.
    async fn execute(&self, request: Request, meter: &Meter) -> Result<reqwest::Response, reqwest::Error> {
        let retry = request.try_clone().filter(|retry| retry.method() == reqwest::Method::GET);
        meter.before_request().await;
        match (self.http.execute(request).await, retry) {
            (Err(error), Some(retry))
                if transport_fault::is_closed_connection(&error)
                    && self.has_responded.load(Ordering::Relaxed) =>
            {
                meter.before_request().await;
                let result = self.http.execute(retry).await;
                // A second failure is not about idle connections.
                if result.is_err() {
                    self.has_responded.store(false, Ordering::Relaxed);
                }
                result
            }
            (result, _) => result,
        }
    }
}
