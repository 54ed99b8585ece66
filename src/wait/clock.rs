//! The one clock of a wait.

use std::time::{Duration, Instant as StdInstant};

use tokio::time::{Instant, sleep_until};

/// Time since a wait began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that runs since `start`, or since now.
    pub(super) fn since(start: Option<StdInstant>) -> Self {
        Self { start: start.map_or_else(Instant::now, Instant::from_std) }
    }

    pub(super) fn elapsed(self) -> Duration {
        self.start.elapsed()
    }

    /// Sleeps until `at`, a time from the beginning. What no clock can reach is never.
    pub(super) async fn sleep_until(self, at: Duration) {
        match self.start.checked_add(at) {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}
