//! The HTTP client: timeouts, a limit on the body, no redirects.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Request;

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

/// A client that keeps its connections.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    request_timeout: Duration,
    route: Route,
    /// Whether there was a response since a connection last broke twice in a row. Only then can a broken
    /// connection be an idle one that the server closed.
    has_responded: Arc<AtomicBool>,
}

impl Client {
    pub(crate) fn new(request_timeout: Duration, route: Route, trust: &Trust) -> Result<Self, ConfigError> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("jobwait/", env!("CARGO_PKG_VERSION")))
            .timeout(request_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .dns_resolver(Arc::new(SystemResolver))
            .tls_backend_preconfigured(trust.config()?);
        let http = route.apply(builder)?.build().map_err(|error| ConfigError::setup("HTTP", error))?;
        Ok(Self { http, request_timeout, route, has_responded: Arc::default() })
    }

    /// Sends a request that the meter counts, and reads the complete response.
    ///
    /// # Errors
    ///
    /// The observation of a poll that got no response.
    pub(crate) async fn send(&self, request: Request, meter: &Meter) -> Result<Response, Observation> {
        let target = Target::of(request.url(), self.request_timeout);
        let target = target.through(self.route.proxy(request.url()));
        let failed = |error: reqwest::Error| transport_fault::classify(&error, &target);

        let mut response = self.execute(request, meter).await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LARGEST_BODY {
                // Dropping the response closes the connection, so the rest is never read.
                let status = Some(response.status().as_u16());
                let fault = Fault::new(FaultKind::Unreadable, "the response is longer than 1 MiB");
                return Err(Observation::transient(Fault { http_status: status, ..fault }));
            }
            body.extend_from_slice(&chunk);
        }
        self.has_responded.store(true, Ordering::Relaxed);
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
