//! The classification of transport errors. Pure: an error of the HTTP library in, an observation out.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use reqwest::Url;

use super::resolver::LookupError;
use super::tls;
use crate::fault::{Fault, FaultKind};
use crate::probe::Observation;

/// The target of a request, as far as an error text names it.
#[derive(Debug, Clone)]
pub(super) struct Target {
    host: String,
    /// The host, and the port unless it is the default.
    place: String,
    is_plain_http: bool,
    request_timeout: Duration,
    /// There was a response before, so that what fails now did not always fail.
    has_responded: bool,
    /// The proxy on the route.
    proxy: Option<String>,
}

impl Target {
    pub(super) fn of(url: &Url, request_timeout: Duration, has_responded: bool) -> Self {
        let host = url.host_str().unwrap_or_default().to_owned();
        let place = host.clone() + &url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let is_plain_http = url.scheme() == "http";
        Self { host, place, is_plain_http, request_timeout, has_responded, proxy: None }
    }

    /// Adds the proxy on the route.
    pub(super) fn through(self, proxy: Option<String>) -> Self {
        Self { proxy, ..self }
    }
}

/// The properties of an error that decide its meaning.
#[derive(Debug, Default)]
struct Cause<'a> {
    lookup: Option<&'a LookupError>,
    tls: Option<&'a rustls::Error>,
    io: Option<&'a io::Error>,
    is_timeout: bool,
    is_connect: bool,
    /// The text of the innermost error. The outer ones only say "error sending request".
    root: String,
}

/// Classifies the error of a request. The text names the host and nothing else of the request.
pub(super) fn classify(error: &reqwest::Error, target: &Target) -> Observation {
    let cause = Cause {
        lookup: in_chain(error),
        tls: in_chain(error),
        io: in_chain(error),
        is_timeout: error.is_timeout(),
        is_connect: error.is_connect(),
        root: root_cause(error),
    };
    let (kind, message) = describe(&cause, target);
    let fault = Fault::new(kind, message);
    match kind {
        // A load balancer that is being reconfigured sends the same alerts for a while.
        FaultKind::Handshake if target.has_responded => Observation::transient(fault),
        FaultKind::Untrusted | FaultKind::Handshake => Observation::Permanent(fault),
        // A proxy that fails to connect may do so later. The others refuse this client.
        FaultKind::Proxy if cause.root != PROXY_FAILED => Observation::Permanent(fault),
        _ => Observation::transient(fault),
    }
}

/// The texts of the HTTP library, which keeps the types of these errors, and the status of the proxy, to
/// itself: a proxy that refuses for good cannot be distinguished from one that is out of order.
const PROXY_FAILED: &str = "tunnel error: unsuccessful";
const PROXY_AUTHENTICATION: &str = "tunnel error: proxy authorization required";
const PROXY_SCHEME: &str = "unsupported scheme ";
const CLOSED_EARLY: &str = "connection closed before message completed";

/// The table of transport errors: the first row that matches decides.
fn describe(cause: &Cause<'_>, target: &Target) -> (FaultKind, String) {
    let Target { host, place, is_plain_http, request_timeout, proxy, .. } = target;
    let root = &cause.root;
    let handshake = cause.tls.and_then(handshake);
    match cause {
        Cause { lookup: Some(lookup), .. } if lookup.is_local => {
            (FaultKind::Local, format!("this machine {lookup}"))
        }
        Cause { lookup: Some(lookup), .. } => {
            // The name was right before, so the resolver is out of order.
            let kind = if lookup.was_known { FaultKind::Network } else { FaultKind::UnknownHost };
            let whose = if lookup.host == *host { "" } else { " (the proxy)" };
            (kind, format!("{lookup}{whose}"))
        }
        Cause { tls: Some(why @ rustls::Error::InvalidCertificate(_)), .. } => {
            let why = match tls::plain(why) {
                // A certificate made by hand for a test often is a CA's own.
                why if why == "CaUsedAsEndEntity" => {
                    "it belongs to a CA itself (the server needs one that is issued by that CA)".to_owned()
                }
                why => why,
            };
            (FaultKind::Untrusted, format!("the certificate of {place} is not trusted: {why}"))
        }
        _ if root == PROXY_AUTHENTICATION => {
            (FaultKind::Proxy, format!("the proxy for {place} requires a user and a password"))
        }
        _ if root.starts_with(PROXY_SCHEME) => {
            let scheme = &root[PROXY_SCHEME.len()..];
            let message =
                format!("ALL_PROXY names a proxy of type {scheme} (supported types: http and https)");
            (FaultKind::Proxy, message)
        }
        _ if root == PROXY_FAILED => {
            let proxy = proxy.as_ref().map(|proxy| format!(" {proxy}")).unwrap_or_default();
            (FaultKind::Proxy, format!("the proxy{proxy} did not connect to {place}"))
        }
        Cause { is_timeout: true, .. } => {
            let through = proxy.as_ref().map(|proxy| format!(" through the proxy {proxy}"));
            let through = through.unwrap_or_default();
            (FaultKind::TimedOut, format!("no response from {place}{through} within {request_timeout:?}"))
        }
        Cause { io: Some(error), .. } if is_local(error) => {
            (FaultKind::Local, format!("this machine cannot open a connection: {root}"))
        }
        Cause { tls: Some(rustls::Error::InvalidMessage(_)), .. } => {
            let message = format!("{place} does not speak TLS ({root}); does it expect plain http?");
            (FaultKind::Network, message)
        }
        Cause { tls: Some(_), .. } if handshake.is_some() => {
            let why = handshake.unwrap_or_default();
            (FaultKind::Handshake, format!("{place} and this client cannot agree on TLS: {why}"))
        }
        Cause { is_connect: true, tls: None, .. } if proxy.is_some() => {
            let proxy = proxy.as_deref().unwrap_or_default();
            (FaultKind::Network, format!("cannot connect to the proxy {proxy} for {place}: {root}"))
        }
        Cause { is_connect: true, .. } => (FaultKind::Network, format!("cannot connect to {place}: {root}")),
        _ => {
            // TLS servers close the connection when they receive plain text.
            let hint = if *is_plain_http { "; does it expect https?" } else { "" };
            (FaultKind::Network, format!("the connection to {place} broke: {root}{hint}"))
        }
    }
}

/// The reason why no retry makes two sides agree on TLS, if that is so.
fn handshake(error: &rustls::Error) -> Option<String> {
    use rustls::AlertDescription as Alert;
    let demands = "it demands a client certificate, which is not supported";
    Some(match error {
        rustls::Error::AlertReceived(alert) => match alert {
            Alert::CertificateRequired | Alert::BadCertificate | Alert::UnknownCA | Alert::AccessDenied => {
                demands.into()
            }
            Alert::HandshakeFailure | Alert::InsufficientSecurity => {
                format!("{alert:?}, so no cipher in common, or it demands a client certificate")
            }
            Alert::ProtocolVersion => "it supports neither TLS 1.2 nor TLS 1.3".into(),
            Alert::UnrecognisedName | Alert::NoApplicationProtocol => format!("{alert:?}"),
            _ => return None,
        },
        rustls::Error::PeerIncompatible(why) => format!("{why:?}"),
        _ => return None,
    })
}

/// Whether a connection ended before any byte of the response.
pub(super) fn is_closed_connection(error: &reqwest::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    let broken = |error: &io::Error| matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset);
    let broken = in_chain::<io::Error>(error).is_some_and(broken);
    !error.is_connect() && (broken || root_cause(error) == CLOSED_EARLY)
}

fn is_local(error: &io::Error) -> bool {
    // EMFILE and ENFILE, for which std has no name. The numbers are the same on Linux, macOS and the BSDs.
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

/// Finds the first error of type `E` in the chain of causes. An `io::Error` hides the error that it
/// wraps from `source()`.
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

/// Returns the text of the innermost error.
fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        Target::of(&url.parse().unwrap(), Duration::from_secs(10), false)
    }

    fn kind_and_text(cause: &Cause<'_>) -> (FaultKind, String) {
        describe(cause, &target("https://db.example:8443"))
    }

    #[test]
    fn every_transport_error_has_its_kind_and_names_the_host() {
        use rustls::{CertificateError, Error as Tls, InvalidMessage};

        let lookup = |host: &str| LookupError::new(host, io::Error::other("no such name"));
        let (own, proxy) = (lookup("db.example"), lookup("proxy.example"));
        let gone = LookupError { was_known: true, ..lookup("db.example") };
        let short = LookupError { is_local: true, ..lookup("db.example") };
        let certificate = |why| Tls::InvalidCertificate(why);
        let (unknown, expired) =
            (certificate(CertificateError::UnknownIssuer), certificate(CertificateError::Expired));
        let no_tls = Tls::InvalidMessage(InvalidMessage::InvalidContentType);
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let descriptors = io::Error::from_raw_os_error(24);
        let root = |root: &str| Cause { root: root.into(), ..Cause::default() };
        for (cause, kind, text) in [
            (Cause { lookup: Some(&own), ..root("x") }, FaultKind::UnknownHost, "cannot look up db.example"),
            (Cause { lookup: Some(&gone), ..root("x") }, FaultKind::Network, "cannot look up db.example"),
            (
                Cause { lookup: Some(&short), ..root("x") },
                FaultKind::Local,
                "this machine cannot look up db.example",
            ),
            (Cause { lookup: Some(&proxy), ..root("x") }, FaultKind::UnknownHost, "(the proxy)"),
            (
                Cause { tls: Some(&unknown), is_connect: true, ..root("x") },
                FaultKind::Untrusted,
                "db.example:8443",
            ),
            (Cause { tls: Some(&expired), ..root("x") }, FaultKind::Untrusted, "is not trusted"),
            (root(PROXY_AUTHENTICATION), FaultKind::Proxy, "requires a user and a password"),
            (root("unsupported scheme socks5"), FaultKind::Proxy, "type socks5"),
            (
                Cause { is_connect: true, ..root(PROXY_FAILED) },
                FaultKind::Proxy,
                "did not connect to db.example:8443",
            ),
            (Cause { is_timeout: true, is_connect: true, ..root("x") }, FaultKind::TimedOut, "within 10s"),
            (
                Cause { io: Some(&descriptors), is_connect: true, ..root("x") },
                FaultKind::Local,
                "this machine",
            ),
            (Cause { tls: Some(&no_tls), is_connect: true, ..root("x") }, FaultKind::Network, "plain http?"),
            (
                Cause { io: Some(&refused), is_connect: true, ..root("refused") },
                FaultKind::Network,
                "connect to db.example:8443: refused",
            ),
            (root("reset"), FaultKind::Network, "broke: reset"),
        ] {
            let (found, message) = kind_and_text(&cause);
            assert!(found == kind && message.contains(text), "{cause:?}: {found:?}, {message}");
        }
    }

    #[test]
    fn a_plain_http_connection_that_breaks_hints_at_https() {
        let cause = Cause { root: CLOSED_EARLY.into(), ..Cause::default() };
        let message = |url: &str| describe(&cause, &target(url)).1;
        assert!(message("http://127.0.0.1:1").ends_with("does it expect https?"));
        assert!(!message("https://127.0.0.1:1").contains("https?"));
    }

    #[test]
    fn an_error_inside_an_io_error_is_found() {
        let inner = rustls::Error::General("inner".into());
        let error = io::Error::other(io::Error::other(inner));
        assert_eq!(in_chain::<rustls::Error>(&error), Some(&rustls::Error::General("inner".into())));
        assert!(in_chain::<LookupError>(&error).is_none());
    }
}
