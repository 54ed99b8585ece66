//! The metadata service of an ECS instance, which hands out the temporary keys of the instance's agency.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::HeaderValue;
use reqwest::{Method, Request};
use secrecy::SecretString;
use serde::Deserialize;

use super::client::{Client, Route};
use super::judge;
use super::trust::Trust;
use crate::credentials::{Credentials, Held, Keys, Pass};
use crate::{Asked, Endpoint, Fault, FaultKind, Sighting};

/// It is one hop away, or not there.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How often it is asked at the start, should it be slow.
const TRIES: u32 = 3;

/// As the service's documentation asks: renew when less than this is left.
const LEFT: SignedDuration = SignedDuration::from_mins(40);

#[derive(Deserialize)]
struct Answer {
    credential: Credential,
}

#[derive(Deserialize)]
struct Credential {
    access: String,
    secret: SecretString,
    securitytoken: SecretString,
    expires_at: Option<String>,
}

/// The keys of the agency, as of now.
pub(super) async fn keys(metadata: &Endpoint) -> Result<Held, Sighting> {
    let about =
        |sighting| judge::about("asking the ECS metadata service for keys", Asked::Metadata, sighting);
    let unreadable = |why: String| about(Sighting::transient(Fault::new(FaultKind::Unreadable, why)));
    // Never through a proxy: that would be asked for its own keys.
    let client =
        Client::new(TIMEOUT, Route::Direct, &Trust::Nobody).map_err(|error| unreadable(error.to_string()))?;

    let mut ask = Request::new(Method::PUT, metadata.join("/meta-data/latest/api/token"));
    ask.headers_mut().insert("x-metadata-token-ttl-seconds", HeaderValue::from_static("21600"));
    let token = client.send(ask).await.map_err(about)?;
    let mut request = Request::new(Method::GET, metadata.join("/openstack/latest/securitykey"));
    match token.status {
        200 => {
            let mut value = HeaderValue::from_bytes(token.body.trim_ascii())
                .map_err(|_| unreadable("its token fits no header".into()))?;
            value.set_sensitive(true);
            request.headers_mut().insert("x-metadata-token", value);
        }
        // An older metadata service, which needs none.
        404 | 405 => {}
        _ => return Err(about(judge::refusal(&token))),
    }
    let answer = client.send(request).await.map_err(about)?;
    if answer.status != 200 {
        return Err(about(judge::refusal(&answer)));
    }
    // The error of serde would not do: it may quote what it read.
    let Answer { credential } = serde_json::from_slice(&answer.body)
        .map_err(|_| unreadable("HTTP 200, but there are no keys in it".into()))?;
    let keys = Keys::new(&credential.access, &credential.secret, Some(&credential.securitytoken))
        .map_err(|error| unreadable(error.to_string()))?;
    let expires = credential.expires_at.and_then(|at| at.parse::<Timestamp>().ok());
    // Keys that do not say how long they live are asked for again each time.
    let renew_at = expires.and_then(|at| at.checked_sub(LEFT).ok()).unwrap_or(Timestamp::MIN);
    Ok(Held { pass: Pass::Keys(keys), renew_at: Some(renew_at) })
}

/// The documented address, the same on every instance.
const ADDRESS: &str = "http://169.254.169.254";

impl Credentials {
    /// The temporary keys of the agency of the ECS instance that this runs on. They are asked for now, to know
    /// whether there are any, and renewed before they expire.
    ///
    /// # Errors
    ///
    /// When this is no ECS instance, or it has no agency.
    pub async fn of_the_agency() -> Result<Self, Fault> {
        let address = Endpoint::parse_insecure(ADDRESS).unwrap_or_else(|_| unreachable!("it is an address"));
        Self::of_the_agency_at(address).await
    }

    /// The same from another address, for tests and rehearsals.
    #[doc(hidden)]
    pub async fn of_the_agency_at(address: Endpoint) -> Result<Self, Fault> {
        let mut tries = 0;
        loop {
            tries += 1;
            let fault = match keys(&address).await {
                Ok(held) => {
                    let credentials = Self::agency(address);
                    credentials.hold(held);
                    return Ok(credentials);
                }
                Err(
                    Sighting::Transient { fault, .. }
                    | Sighting::Permanent(fault)
                    | Sighting::NotVisible(fault),
                ) => fault,
                Err(Sighting::Seen(_)) => Fault::new(FaultKind::Unreadable, "it answered about a task"),
            };
            // One that is there can be slow or busy; where none is, nothing answers at all or something else does.
            let there =
                matches!(fault.kind, FaultKind::TimedOut | FaultKind::Unavailable | FaultKind::Throttled);
            if !there || tries == TRIES {
                return Err(fault);
            }
        }
    }
}
