//! The agency of an ECS instance, whose temporary keys its metadata service provides.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::HeaderValue;
use reqwest::{Method, Request};

use super::{Active, Secret, exchange};
use crate::endpoint::Endpoint;
use crate::fault::{Fault, FaultKind, Upstream};
use crate::http::client::Client;
use crate::http::meter::Meter;
use crate::http::proxy::Route;
use crate::http::refusal;
use crate::http::tls::Trust;
use crate::probe::Observation;

/// The documented address, the same on every instance.
const ADDRESS: &str = "http://169.254.169.254";

/// The request timeout. The metadata service is one hop away or does not exist.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The remaining lifetime at which keys are refreshed, as the service's documentation demands.
const REFRESH_BEFORE: SignedDuration = SignedDuration::from_mins(40);

/// The address of the metadata service.
pub(super) fn default_address() -> Endpoint {
    Endpoint::parse_insecure(ADDRESS).unwrap_or_else(|_| unreachable!("the address is an endpoint"))
}

/// Asks the metadata service at `metadata` for the keys of the agency.
pub(super) async fn keys(metadata: &Endpoint) -> Result<Active, Observation> {
    let during = |observation| {
        refusal::during("asking the ECS metadata service for keys", Upstream::Metadata, observation)
    };
    let unreadable =
        |reason: String| during(Observation::transient(Fault::new(FaultKind::Unreadable, reason)));
    // A proxy would answer with the keys of its own instance.
    let client =
        Client::new(TIMEOUT, Route::Direct, &Trust::Nobody).map_err(|error| unreadable(error.to_string()))?;

    // The metadata service is not behind the gateway, and has no quota.
    let meter = Meter::default();
    let mut request = Request::new(Method::PUT, metadata.join("/meta-data/latest/api/token"));
    request.headers_mut().insert("x-metadata-token-ttl-seconds", HeaderValue::from_static("21600"));
    let token = client.send(request, &meter).await.map_err(during)?;
    let mut request = Request::new(Method::GET, metadata.join("/openstack/latest/securitykey"));
    match token.status {
        200 => {
            let mut value = HeaderValue::from_bytes(token.body.trim_ascii())
                .map_err(|_| unreadable("the token is not a valid header".into()))?;
            value.set_sensitive(true);
            request.headers_mut().insert("x-metadata-token", value);
        }
        // An older metadata service needs no token.
        404 | 405 => {}
        _ => return Err(during(refusal::classify(&token))),
    }
    let response = client.send(request, &meter).await.map_err(during)?;
    if response.status != 200 {
        return Err(during(refusal::classify(&response)));
    }
    let (keys, expires) = exchange::keys(&response).map_err(&unreadable)?;
    // Keys without an end are requested again for each poll.
    let refresh_at = expires.and_then(|at| at.checked_sub(REFRESH_BEFORE).ok()).unwrap_or(Timestamp::MIN);
    Ok(Active { secret: Secret::Keys(keys), refresh_at: Some(refresh_at) })
}
