//! Single-flight authentication: until one request has been authenticated, polls go one at a time.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, Semaphore, SemaphorePermit};

use crate::fault::{Fault, FaultKind};
use crate::probe::Observation;

/// The longest delay of a poll for the sake of another one that tries credentials which were accepted before.
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// The polls at a time with credentials that are locked after five refusals in a row.
const FEW: usize = 4;

/// The guard before the first authenticated request. The service locks a key that it refuses five times, so
/// many polls must not try a wrong key at once.
///
/// Until one request has been authenticated, other polls wait for it and share a connection failure. After a
/// final refusal nothing more is sent.
///
/// A key can be revoked during a wait. A cautious guard therefore allows only a few polls at a time, and
/// starts over whenever none is under way: only the polls that are on the wire at that moment are refused.
#[derive(Debug, Default)]
pub(crate) struct AuthGuard {
    is_authenticated: AtomicBool,
    was_authenticated: AtomicBool,
    /// The polls that a cautious guard allows at a time.
    few: Option<Semaphore>,
    under_way: AtomicU32,
    in_flight: Mutex<()>,
    refusal: OnceLock<Fault>,
    failures: std::sync::Mutex<Failures>,
}

/// The connection failures so far.
#[derive(Debug, Default)]
struct Failures {
    count: u64,
    latest: Option<Observation>,
}

/// The permission for a poll, held while it is under way.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    guard: &'a AuthGuard,
    /// The place among the few polls that a cautious guard allows.
    place: Option<SemaphorePermit<'a>>,
    /// The poll tries the credentials alone, while it holds this.
    alone: Option<MutexGuard<'a, ()>>,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let was_last = self.guard.under_way.fetch_sub(1, Ordering::Relaxed) == 1;
        if was_last && self.guard.few.is_some() {
            self.guard.is_authenticated.store(false, Ordering::Relaxed);
        }
    }
}

impl AuthGuard {
    /// A guard of credentials that are locked after some refusals.
    pub(super) fn cautious() -> Self {
        Self { few: Some(Semaphore::new(FEW)), ..Self::default() }
    }

    /// Makes a request with the credentials, and takes note of its result.
    ///
    /// # Errors
    ///
    /// The observation of the request, or of one that is not sent: see [`acquire`](Self::acquire).
    pub(crate) async fn watch<T>(
        &self,
        request: impl AsyncFnOnce() -> Result<T, Observation>,
    ) -> Result<T, Observation> {
        let _permit = self.acquire().await?;
        let result = request().await;
        match &result {
            Ok(_) => self.set_authenticated(),
            Err(observation) => self.record(observation),
        }
        result
    }

    /// Waits until no other poll is trying the credentials, or until they were accepted. The result is
    /// held during the poll. Credentials that were accepted before are not worth a long delay.
    ///
    /// # Errors
    ///
    /// The observation of this poll, without a request: the credentials were refused for good, or the poll
    /// that it waited for got no response.
    async fn acquire(&self) -> Result<Permit<'_>, Observation> {
        let failures_before = self.failures().count;
        // A poll that waits counts, too, so that those which waited for the same one go at the same time.
        self.under_way.fetch_add(1, Ordering::Relaxed);
        let mut permit = Permit { guard: self, place: None, alone: None };
        let alone = if self.is_authenticated() {
            None
        } else if self.was_authenticated() {
            tokio::time::timeout(LONGEST_DELAY, self.in_flight.lock()).await.ok()
        } else {
            Some(self.in_flight.lock().await)
        };
        if let Some(few) = &self.few {
            // The semaphore is never closed.
            permit.place = tokio::time::timeout(LONGEST_DELAY, few.acquire()).await.ok().and_then(Result::ok);
        }
        self.refusal()?;
        let failures = self.failures();
        match &failures.latest {
            _ if self.is_authenticated() => {}
            Some(latest) if failures.count > failures_before => return Err(latest.clone()),
            _ => permit.alone = alone,
        }
        Ok(permit)
    }

    /// # Errors
    ///
    /// The refusal, if the credentials were refused for good.
    #[expect(clippy::result_large_err, reason = "the error is the observation of a poll")]
    pub(crate) fn refusal(&self) -> Result<(), Observation> {
        self.refusal.get().map_or(Ok(()), |fault| Err(Observation::Permanent(fault.clone())))
    }

    /// Takes note of a failed exchange of credentials, such as a sign-in, or of a lookup at IAM. A refusal is
    /// final whatever its status: it concerns no single task, and accounts are locked after some of them.
    /// The polls that wait for the exchange share its failure.
    pub(crate) fn record_exchange(&self, observation: &Observation) {
        if let Observation::Permanent(fault) = observation {
            let _ = self.refusal.set(fault.clone());
        } else {
            self.share(observation);
        }
    }

    /// Lets the polls that wait share a failure.
    fn share(&self, observation: &Observation) {
        let mut failures = self.failures();
        failures.count += 1;
        failures.latest = Some(observation.clone());
    }

    /// Takes note of the observation of a poll.
    fn record(&self, observation: &Observation) {
        match observation {
            Observation::Permanent(fault) if fault.kind == FaultKind::Unauthenticated => {
                // The first refusal is kept.
                let _ = self.refusal.set(fault.clone());
            }
            Observation::Seen(_) | Observation::NotVisible(_) => self.set_authenticated(),
            // These refusals concern one task: the service has accepted the credentials.
            Observation::Permanent(fault)
                if matches!(fault.kind, FaultKind::Forbidden | FaultKind::BadRequest) =>
            {
                self.set_authenticated();
            }
            // A missing response does not depend on the task, and may have taken a whole request timeout.
            Observation::Transient { fault, .. } if fault.http_status.is_none() => {
                self.share(observation);
            }
            // A gateway that is out of order has not checked the credentials: the next poll tries them.
            Observation::Permanent(_) | Observation::Transient { .. } => {}
        }
    }

    /// Whether the credentials were ever accepted.
    pub(super) fn was_authenticated(&self) -> bool {
        self.was_authenticated.load(Ordering::Relaxed)
    }

    fn is_authenticated(&self) -> bool {
        self.is_authenticated.load(Ordering::Relaxed)
    }

    fn set_authenticated(&self) {
        self.is_authenticated.store(true, Ordering::Relaxed);
        self.was_authenticated.store(true, Ordering::Relaxed);
    }

    fn failures(&self) -> std::sync::MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::job::{Job, Status};

    fn permanent(kind: FaultKind) -> Observation {
        Observation::Permanent(Fault::new(kind, "no"))
    }

    fn transient(http_status: Option<u16>) -> Observation {
        Observation::transient(Fault { http_status, ..Fault::new(FaultKind::Network, "broken") })
    }

    #[tokio::test]
    async fn polls_wait_until_one_request_is_authenticated() {
        let seen = Observation::Seen(Job::new("1", &Status::Running));
        let unknown = Observation::NotVisible(Fault::new(FaultKind::NotVisible, "?"));
        for observation in [seen, unknown, permanent(FaultKind::Forbidden), permanent(FaultKind::BadRequest)]
        {
            let guard = AuthGuard::default();
            let first = guard.acquire().await.unwrap();
            let mut queued = Box::pin(guard.acquire());
            assert!(
                first.alone.is_some() && (&mut queued).now_or_never().is_none(),
                "another poll has to wait"
            );
            guard.record(&observation);
            drop(first);
            assert!(
                queued.await.unwrap().alone.is_none() && guard.acquire().await.unwrap().alone.is_none(),
                "{observation:?}"
            );
        }
    }

    #[tokio::test]
    async fn queued_polls_share_a_connection_failure_and_the_next_one_tries_again() {
        let guard = AuthGuard::default();
        for _ in 0..2 {
            let first = guard.acquire().await.unwrap();
            let mut queued: Vec<_> = (0..3).map(|_| Box::pin(guard.acquire())).collect();
            assert!(queued.iter_mut().all(|other| other.now_or_never().is_none()));
            guard.record(&transient(None));
            drop(first);
            for other in queued {
                assert!(matches!(other.await, Err(Observation::Transient { .. })));
            }
        }
        assert!(guard.acquire().await.unwrap().alone.is_some());
    }

    #[tokio::test]
    async fn queued_polls_try_one_by_one_after_a_gateway_error() {
        for observation in [transient(Some(503)), transient(Some(200)), permanent(FaultKind::Redirected)] {
            let guard = AuthGuard::default();
            let first = guard.acquire().await.unwrap();
            let mut queued = Box::pin(guard.acquire());
            assert!((&mut queued).now_or_never().is_none());
            guard.record(&observation);
            drop(first);
            let first = queued.await.unwrap();
            assert!(first.alone.is_some() && guard.acquire().now_or_never().is_none(), "{observation:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_cautious_guard_starts_over_when_no_poll_is_under_way() {
        let guard = AuthGuard::cautious();
        let first = guard.acquire().await.unwrap();
        guard.record(&Observation::Seen(Job::new("1", &Status::Running)));
        let second = guard.acquire().await.unwrap();
        drop(first);
        assert!(guard.acquire().await.unwrap().alone.is_none(), "the second is under way");
        drop(second);
        let third = guard.acquire().await.unwrap();
        assert!(third.alone.is_some());
        // A poll that hangs does not hold back the others for long.
        assert!(guard.acquire().await.unwrap().alone.is_none());
    }

    #[tokio::test]
    async fn refused_credentials_are_never_sent_again() {
        let guard = AuthGuard::default();
        guard.record(&Observation::Seen(Job::new("1", &Status::Running)));
        assert!(guard.refusal().is_ok());
        guard.record(&permanent(FaultKind::Unauthenticated));
        assert!(guard.refusal().is_err() && matches!(guard.acquire().await, Err(Observation::Permanent(_))));
    }
}
