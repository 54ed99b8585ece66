//! Whether the service lets the credentials in.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, MutexGuard};

use crate::{Fault, FaultKind, Sighting};

/// The way in to the service, which locks a key that is refused five times. So of many who look at once, one knocks for all;
/// and who was refused for good is not sent again.
#[derive(Debug, Default)]
pub(super) struct Entry {
    is_open: AtomicBool,
    knocking: Mutex<()>,
    refused: OnceLock<Fault>,
}

impl Entry {
    /// Waits until whoever knocks has an answer. What comes of it is held while asking.
    ///
    /// # Errors
    ///
    /// When the credentials were refused for good.
    pub(super) async fn turn(&self) -> Result<Option<MutexGuard<'_, ()>>, Fault> {
        let turn = if self.is_open.load(Ordering::Relaxed) { None } else { Some(self.knocking.lock().await) };
        match self.refused.get() {
            Some(fault) => Err(fault.clone()),
            None => Ok(turn),
        }
    }

    /// What came of asking.
    pub(super) fn heard(&self, sighting: &Sighting) {
        match sighting {
            Sighting::Permanent(fault) if fault.kind == FaultKind::Unauthenticated => {
                // The first that was refused is as good.
                let _ = self.refused.set(fault.clone());
            }
            // Whoever did not come as far as the service was not let in yet.
            Sighting::Transient { fault, .. } if fault.http_status.is_none() => {}
            _ => self.is_open.store(true, Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn permanent(kind: FaultKind) -> Sighting {
        Sighting::Permanent(Fault::new(kind, "no"))
    }

    fn transient(http_status: Option<u16>) -> Sighting {
        Sighting::transient(Fault { http_status, ..Fault::new(FaultKind::Unavailable, "busy") })
    }

    #[tokio::test]
    async fn one_knocks_for_all_until_the_service_answers() {
        let entry = Entry::default();
        for (sighting, opens) in [(transient(None), false), (transient(Some(503)), true)] {
            let turn = entry.turn().await.unwrap();
            assert!(turn.is_some() && entry.turn().now_or_never().is_none(), "another one has to wait");
            entry.heard(&sighting);
            drop(turn);
            assert_eq!(entry.turn().await.unwrap().is_none(), opens, "{sighting:?}");
        }
        assert!(entry.turn().await.unwrap().is_none() && entry.turn().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn who_was_refused_for_good_is_not_sent_again_and_who_may_not_see_one_task_is() {
        let entry = Entry::default();
        entry.heard(&permanent(FaultKind::Forbidden));
        assert!(entry.turn().await.unwrap().is_none());
        entry.heard(&permanent(FaultKind::Unauthenticated));
        assert_eq!(entry.turn().await.unwrap_err().kind, FaultKind::Unauthenticated);
    }
}
