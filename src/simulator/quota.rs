//! The quota of the simulated account: a number of requests in any window, refused ones included.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::limiter::RateLimit;

/// The requests of the latest window.
#[derive(Debug)]
pub(super) struct Quota {
    limit: Option<RateLimit>,
    counted: Mutex<VecDeque<Instant>>,
}

impl Quota {
    pub(super) fn new(limit: Option<RateLimit>) -> Self {
        Self { limit, counted: Mutex::default() }
    }

    /// Counts a request.
    ///
    /// # Errors
    ///
    /// The gateway's message, if the quota is used up.
    pub(super) fn count(&self, now: Instant) -> Result<(), String> {
        let Some(limit) = self.limit else { return Ok(()) };
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        while counted.front().is_some_and(|at| now.duration_since(*at) >= limit.window()) {
            counted.pop_front();
        }
        let most = limit.requests() as usize;
        let is_over = counted.len() >= most;
        counted.push_back(now);
        // Twice the quota is enough to know that it is used up, and bounds the memory.
        counted.truncate(most.saturating_mul(2));
        if is_over { Err(message(limit)) } else { Ok(()) }
    }
}

fn message(limit: RateLimit) -> String {
    let (requests, window) = (limit.requests(), limit.window());
    let seconds = window.as_secs().max(1);
    let (time, unit) =
        if seconds.is_multiple_of(60) { (seconds / 60, "minute") } else { (seconds, "second") };
    format!(
        "The throttling threshold has been reached: policy user over \
         ratelimit,limit:{requests},time:{time} {unit}"
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn requests_beyond_the_quota_are_refused_until_the_window_has_passed() {
        let limit = RateLimit::new(2, Duration::from_secs(60)).unwrap();
        let quota = Quota::new(Some(limit));
        let start = Instant::now();
        let at = |seconds| quota.count(start + Duration::from_secs(seconds));
        assert!(at(0).is_ok() && at(1).is_ok());
        assert!(at(2).unwrap_err().ends_with("limit:2,time:1 minute"));
        // The refused request counts, too.
        assert!(at(61).is_ok() && at(61).is_err() && at(200).is_ok());
    }
}
