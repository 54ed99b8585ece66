//! Whether the service lets the credentials in.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{OnceLock, PoisonError};

use tokio::sync::{Mutex, MutexGuard};

use crate::{Fault, FaultKind, Sighting};

/// The way in to the service, which locks a key that is refused five times. So of many who look at once, one knocks for all, and
/// those who stood behind it while nobody answered take that for their answer; and who was refused for good is not sent again.
#[derive(Debug, Default)]
pub(super) struct Entry {
    is_open: AtomicBool,
    knocking: Mutex<()>,
    refused: OnceLock<Fault>,
    knocked: std::sync::Mutex<Knocked>,
}

/// How often somebody knocked and nobody answered, and what was seen of that.
#[derive(Debug, Default)]
struct Knocked {
    times: u64,
    latest: Option<Sighting>,
}

impl Entry {
    /// Waits until whoever knocks has an answer. What comes of it is held while asking.
    ///
    /// # Errors
    ///
    /// What there is to see without asking: the credentials were refused for good, or nobody answered whoever knocked.
    pub(super) async fn turn(&self) -> Result<Option<MutexGuard<'_, ()>>, Sighting> {
        let before = self.knocked().times;
        let turn = if self.is_open() { None } else { Some(self.knocking.lock().await) };
        self.refusal()?;
        let knocked = self.knocked();
        match &knocked.latest {
            _ if self.is_open() => Ok(None),
            Some(seen) if knocked.times > before => Err(seen.clone()),
            _ => Ok(turn),
        }
    }

    /// # Errors
    ///
    /// When the credentials were refused for good.
    #[expect(clippy::result_large_err, reason = "a sighting is what a look ends with")]
    pub(super) fn refusal(&self) -> Result<(), Sighting> {
        self.refused.get().map_or(Ok(()), |fault| Err(Sighting::Permanent(fault.clone())))
    }

    /// What came of asking.
    pub(super) fn heard(&self, sighting: &Sighting) {
        match sighting {
            Sighting::Permanent(fault) if fault.kind == FaultKind::Unauthenticated => {
                // The first that was refused is as good.
                let _ = self.refused.set(fault.clone());
            }
            Sighting::Seen(_) | Sighting::NotVisible(_) => self.open(),
            // These are of one task.
            Sighting::Permanent(fault)
                if matches!(fault.kind, FaultKind::Forbidden | FaultKind::BadRequest) =>
            {
                self.open();
            }
            // That nobody answers is no matter of a task, and may have taken long to find out.
            Sighting::Transient { fault, .. } if fault.http_status.is_none() => {
                let mut knocked = self.knocked();
                knocked.times += 1;
                knocked.latest = Some(sighting.clone());
            }
            // A gateway that is out of order has not looked at the credentials: the next one knocks.
            Sighting::Permanent(_) | Sighting::Transient { .. } => {}
        }
    }

    fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    fn open(&self) {
        self.is_open.store(true, Ordering::Relaxed);
    }

    fn knocked(&self) -> std::sync::MutexGuard<'_, Knocked> {
        self.knocked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::{Job, Status};

    fn permanent(kind: FaultKind) -> Sighting {
        Sighting::Permanent(Fault::new(kind, "no"))
    }

    fn transient(http_status: Option<u16>) -> Sighting {
        Sighting::transient(Fault { http_status, ..Fault::new(FaultKind::Network, "broken") })
    }

    #[tokio::test]
    async fn one_knocks_for_all_until_the_service_answers() {
        let seen = Sighting::Seen(Job::new("1", &Status::Running));
        let unknown = Sighting::NotVisible(Fault::new(FaultKind::NotVisible, "?"));
        for sighting in [seen, unknown, permanent(FaultKind::Forbidden), permanent(FaultKind::BadRequest)] {
            let entry = Entry::default();
            let turn = entry.turn().await.unwrap();
            let mut behind = Box::pin(entry.turn());
            assert!(turn.is_some() && (&mut behind).now_or_never().is_none(), "another one has to wait");
            entry.heard(&sighting);
            drop(turn);
            assert!(behind.await.unwrap().is_none() && entry.turn().await.unwrap().is_none(), "{sighting:?}");
        }
    }

    #[tokio::test]
    async fn those_behind_one_whom_nobody_answers_take_that_for_theirs_and_the_next_one_knocks() {
        let entry = Entry::default();
        for _ in 0..2 {
            let turn = entry.turn().await.unwrap();
            let mut behind: Vec<_> = (0..3).map(|_| Box::pin(entry.turn())).collect();
            assert!(behind.iter_mut().all(|other| other.now_or_never().is_none()));
            entry.heard(&transient(None));
            drop(turn);
            for other in behind {
                assert!(matches!(other.await, Err(Sighting::Transient { .. })));
            }
        }
        assert!(entry.turn().await.unwrap().is_some());
    }

    #[tokio::test]
    async fn those_behind_an_answer_of_a_gateway_knock_one_after_the_other() {
        for sighting in [transient(Some(503)), transient(Some(200)), permanent(FaultKind::Redirected)] {
            let entry = Entry::default();
            let turn = entry.turn().await.unwrap();
            let mut behind = Box::pin(entry.turn());
            assert!((&mut behind).now_or_never().is_none());
            entry.heard(&sighting);
            drop(turn);
            let turn = behind.await.unwrap();
            assert!(turn.is_some() && entry.turn().now_or_never().is_none(), "{sighting:?}");
        }
    }

    #[tokio::test]
    async fn who_was_refused_for_good_is_not_sent_again() {
        let entry = Entry::default();
        entry.heard(&Sighting::Seen(Job::new("1", &Status::Running)));
        assert!(entry.refusal().is_ok());
        entry.heard(&permanent(FaultKind::Unauthenticated));
        assert!(entry.refusal().is_err() && matches!(entry.turn().await, Err(Sighting::Permanent(_))));
    }
}
