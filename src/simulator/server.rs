//! The HTTP server, on hyper.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::auth::RequestParts;
use super::routes::Routes;

/// The largest accepted body of a request.
const LARGEST_BODY: usize = 1 << 20;

/// A running server. Dropping the server stops it.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start(listen: SocketAddr, routes: Arc<Routes>) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, accepting: tokio::spawn(accept(listener, routes)) })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Accepts connections. Their tasks belong to this future, so that they end with it.
async fn accept(listener: TcpListener, routes: Arc<Routes>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let routes = Arc::clone(&routes);
                    connections.spawn(async move {
                        let service = service_fn(|request| async {
                            Ok::<_, Infallible>(respond(&routes, request).await)
                        });
                        // An error of a connection concerns only its client.
                        let _ = hyper::server::conn::http1::Builder::new()
                            .timer(TokioTimer::new())
                            .serve_connection(TokioIo::new(stream), service)
                            .await;
                    });
                }
                // For example out of file descriptors, until a connection ends.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the service has a calendar of its own")]
async fn respond(routes: &Routes, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    // A body that is cut or too large counts as empty. A route that needs a body then responds with an error.
    let body = Limited::new(body, LARGEST_BODY)
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let parts = RequestParts {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
        body: &body,
    };
    let reply = routes.reply(&parts, Timestamp::now());
    let mut response = Response::new(Full::from(reply.body.to_string()));
    *response.status_mut() = reply.status.try_into().unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let random = format!("{:032x}", fastrand::u128(..));
    for (name, value) in [("x-request-id", Some(random)), ("x-subject-token", reply.token)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(name, value);
        }
    }
    response
}
