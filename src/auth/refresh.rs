//! The credentials in use, and their renewal.

use jiff::{SignedDuration, Timestamp};
use tracing::debug;

use super::exchange::{Scope, SignedIn};
use super::keys::Keys;
use super::password::Login;
use super::token::Token;
use super::{Credentials, Federation, Iam, Role, Source, agency};
use crate::endpoint::Endpoint;
use crate::fault::{Fault, FaultKind, Upstream};
use crate::http::meter::Meter;
use crate::http::wall_clock;
use crate::id::ProjectId;
use crate::probe::Observation;
use crate::text::safe;

/// The delay after a failed refresh of credentials that are still valid.
const RETRY_REFRESH: SignedDuration = SignedDuration::from_secs(60);

/// The number of attempts to get the first keys of an agency, if the metadata service is slow.
const AGENCY_ATTEMPTS: u32 = 3;

/// The number of the credentials in use. It grows with each refresh, so that a poll refused with old ones can
/// take up the new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Generation(pub(super) u64);

/// The credentials in use.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) secret: Secret,
    /// The time of the refresh. `None` if there is nothing to refresh from.
    pub(super) refresh_at: Option<Timestamp>,
}

/// The secret that authenticates a request.
#[derive(Debug)]
pub(super) enum Secret {
    Token(Token),
    Keys(Keys),
}

/// The exchange that is due before the next request.
#[derive(Debug)]
enum Refresh<'a> {
    NotDue,
    SignIn(&'a Login),
    AgencyKeys(&'a Endpoint),
    Federate(&'a Federation),
    Assume(&'a Credentials, &'a Role),
}

impl Credentials {
    fn refresh(&self, now: Timestamp) -> Refresh<'_> {
        let active = self.active();
        if active.1.as_ref().is_some_and(|active| active.refresh_at.is_none_or(|at| now < at)) {
            return Refresh::NotDue;
        }
        match &self.source {
            Source::Password(login) => Refresh::SignIn(login),
            Source::Agency(metadata) => Refresh::AgencyKeys(metadata),
            Source::Federation(federation) => Refresh::Federate(federation),
            Source::Role(base, role) => Refresh::Assume(base, role),
            Source::Token | Source::TokenFile(_) | Source::Keys => Refresh::NotDue,
        }
    }

    /// Performs the exchange that is due, if any. Valid credentials stay in use if the exchange fails.
    /// Returns the project, if IAM names the one that `scope` selects.
    ///
    /// # Errors
    ///
    /// The observation of a poll that has no credentials.
    pub(crate) async fn refresh_if_due(
        &self,
        iam: Option<&Iam>,
        scope: &(dyn Fn() -> Scope + Sync),
        meter: &Meter,
    ) -> Result<Option<ProjectId>, Observation> {
        if matches!(self.refresh(wall_clock()), Refresh::NotDue) {
            return Ok(None);
        }
        let _in_flight = self.refreshing.lock().await;
        // An earlier exchange may have been refused for good. Accounts are locked after some refusals, too.
        self.guard.refusal()?;
        let exchanged = match self.refresh(wall_clock()) {
            Refresh::NotDue => return Ok(None),
            Refresh::SignIn(login) => {
                debug!(user = %safe(&format!("{login:?}"), 200), "signing in");
                let (iam, scope) = (iam.ok_or_else(no_iam)?, scope());
                let mut signed_in = login.sign_in(iam, &scope, meter).await;
                if iam.changes_host(&signed_in) {
                    signed_in = login.sign_in(iam, &scope, meter).await;
                }
                signed_in.map(|signed_in| (signed_in.active, signed_in.project))
            }
            Refresh::Federate(federation) => {
                debug!(provider = %safe(federation.name(), 60), "signing in with an ID token");
                let signed_in = self.federate(federation, iam.ok_or_else(no_iam)?, &scope(), meter).await;
                signed_in.map(|signed_in| (signed_in.active, signed_in.project))
            }
            Refresh::Assume(base, role) => {
                debug!(role = %role.name(), "assuming a role");
                let iam = iam.ok_or_else(no_iam)?;
                Box::pin(assume(base, role, iam, meter)).await.map(|active| (active, None))
            }
            Refresh::AgencyKeys(metadata) => {
                debug!("asking the ECS metadata service for keys");
                self.agency_keys(metadata).await.map(|active| (active, None))
            }
        };
        let observation = match exchanged {
            Ok((active, project)) => {
                self.activate(active);
                return Ok(project);
            }
            Err(observation) => self.redact_observation(observation),
        };
        // A refused exchange is not repeated while the old credentials still work.
        let retry_at = match &observation {
            Observation::Permanent(_) => None,
            _ => wall_clock().checked_add(RETRY_REFRESH).ok(),
        };
        if self.keep_active(retry_at) {
            if let Observation::Permanent(fault) | Observation::Transient { fault, .. } = &observation {
                debug!(message = %safe(&fault.message, 500), "keeping the old credentials");
            }
            return Ok(None);
        }
        self.guard.record_exchange(&observation);
        Err(observation)
    }

    async fn federate(
        &self,
        federation: &Federation,
        iam: &Iam,
        scope: &Scope,
        meter: &Meter,
    ) -> Result<SignedIn, Observation> {
        let id_token = federation.id_token().await?;
        self.learn(id_token.secret());
        let signed_in = federation.sign_in(iam, &id_token, scope, meter).await;
        if iam.changes_host(&signed_in) {
            return federation.sign_in(iam, &id_token, scope, meter).await;
        }
        signed_in
    }

    /// Asks for the keys of the agency. The first answer decides whether there is an agency at all: only a
    /// slow metadata service is asked again.
    async fn agency_keys(&self, metadata: &Endpoint) -> Result<Active, Observation> {
        if !self.are_missing() {
            return agency::keys(metadata).await;
        }
        let mut attempts = 0;
        loop {
            attempts += 1;
            match agency::keys(metadata).await {
                Err(Observation::Transient { fault, .. }) => {
                    use FaultKind::{Throttled, TimedOut, Unavailable};
                    let is_slow = matches!(fault.kind, TimedOut | Unavailable | Throttled);
                    if !is_slow || attempts == AGENCY_ATTEMPTS {
                        return Err(Observation::Permanent(fault));
                    }
                }
                result => return result,
            }
        }
    }

    /// Looks for other credentials after those of a generation were refused. Returns whether there are any.
    pub(crate) async fn renew(&self, refused: Generation) -> bool {
        match &self.source {
            Source::Password(_) | Source::Federation(_) | Source::Role(..) => {
                let mut active = self.active_mut();
                // Unless another poll was refused, too, and has signed in again already.
                if active.0 == refused {
                    active.1 = None;
                }
                true
            }
            Source::TokenFile(path) => {
                let Some(fresh) = Token::reread_file(path).await else { return false };
                let is_same =
                    |active: &Active| matches!(&active.secret, Secret::Token(token) if token.is(&fresh));
                let changed = !self.active().1.as_ref().is_some_and(is_same);
                if changed {
                    self.activate(Active { secret: Secret::Token(fresh), refresh_at: None });
                }
                // Another refused poll may have read the file already.
                changed || self.generation() != refused
            }
            // The service locks a key after five refusals in a row.
            Source::Keys | Source::Agency(_) | Source::Token => false,
        }
    }
}

/// Assumes a role. Its base may have to be renewed, too.
async fn assume(base: &Credentials, role: &Role, iam: &Iam, meter: &Meter) -> Result<Active, Observation> {
    base.refresh_if_due(Some(iam), &|| Scope::Account, meter).await?;
    let generation = base.generation();
    let mut assumed = role.assume(base, iam, meter).await;
    if iam.changes_host(&assumed) {
        assumed = role.assume(base, iam, meter).await;
    }
    let assumed = match assumed {
        Err(Observation::Permanent(fault))
            if fault.kind == FaultKind::Unauthenticated && base.renew(generation).await =>
        {
            base.refresh_if_due(Some(iam), &|| Scope::Account, meter).await?;
            role.assume(base, iam, meter).await
        }
        assumed => assumed,
    };
    let refused = |fault: Fault| {
        use FaultKind::{BadRequest, Forbidden, WrongApi};
        let is_refusal = matches!(fault.kind, BadRequest | Forbidden | WrongApi);
        let kind = if is_refusal { FaultKind::Unauthenticated } else { fault.kind };
        Observation::Permanent(Fault { kind, ..fault })
    };
    assumed.map_err(|observation| match base.redact_observation(observation) {
        // IAM answers with a 400 or a 404 when there is no such agency, or none for these credentials.
        Observation::Permanent(fault) => refused(fault),
        other => other,
    })
}

/// The builder makes sure that IAM is known where it is needed.
pub(crate) fn no_iam() -> Observation {
    let fault = Fault::new(FaultKind::BadRequest, "the endpoint of IAM is unknown");
    Observation::Permanent(Fault { upstream: Upstream::Iam, ..fault })
}
