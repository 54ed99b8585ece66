//! The count of the requests of a poll.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::limiter::Limiter;

/// The count of the requests that the polls of one task send. The permit of a poll covers its first request.
/// Each further one, such as a sign-in or a retry on a new connection, takes a permission of its own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    limiter: Option<Limiter>,
    is_covered: Arc<AtomicBool>,
    requests: Arc<AtomicU32>,
}

impl Meter {
    pub(crate) fn new(limiter: Option<Limiter>) -> Self {
        Self { limiter, ..Self::default() }
    }

    /// Counts in `requests`, which others can read while a poll is under way.
    pub(crate) fn count_in(&mut self, requests: Arc<AtomicU32>) {
        self.requests = requests;
    }

    /// Starts a poll that has a permit.
    pub(crate) fn start_poll(&self) {
        self.is_covered.store(true, Ordering::Relaxed);
    }

    /// Counts a request, and waits for its permission.
    pub(crate) async fn before_request(&self) {
        if !self.is_covered.swap(false, Ordering::Relaxed)
            && let Some(limiter) = &self.limiter
        {
            limiter.take_extra().await;
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of requests so far.
    pub(crate) fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }
}
