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
