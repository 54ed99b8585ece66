//! The rate of requests that several waits may send together.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::error::ConfigError;

/// The longest window: the service keeps a task for a month.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The divisor for the burst: one request in four may be sent without spacing. The rest comes back evenly, so
/// that no window sees more than the limit.
const BURST_DIVISOR: u32 = 4;

/// A number of requests in any window of a given length.
///
/// A quarter of them may be sent in a burst, the others evenly spaced.
///
/// ```
/// use std::time::Duration;
/// use jobwait::RateLimit;
///
/// let limit = RateLimit::new(180, Duration::from_secs(300))?;
/// assert_eq!(limit.spacing(), Duration::from_secs(300) / 135);
/// # Ok::<(), jobwait::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    requests: NonZeroU32,
    window: Duration,
}

impl RateLimit {
    /// Allows `requests` in any `window`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] when `requests` is zero, or the window is not between a
    /// millisecond and 30 days.
    pub fn new(requests: u32, window: Duration) -> Result<Self, ConfigError> {
        let shown = || format!("{requests}/{window:?}");
        let Some(requests) = NonZeroU32::new(requests) else {
            return Err(ConfigError::invalid("rate limit", shown(), "at least one request must be allowed"));
        };
        if !(Duration::from_millis(1)..=LONGEST).contains(&window) {
            let reason = "the window must be between 1ms and 30 days";
            return Err(ConfigError::invalid("rate limit", shown(), reason));
        }
        Ok(Self { requests, window })
    }

    /// The number of requests.
    #[must_use]
    pub fn requests(self) -> u32 {
        self.requests.get()
    }

    /// The length of the window.
    #[must_use]
    pub fn window(self) -> Duration {
        self.window
    }

    /// The time between two requests after the burst.
    #[must_use]
    pub fn spacing(self) -> Duration {
        self.window / (self.requests() - self.burst()).max(1)
    }

    /// The number of requests without spacing, at least 1.
    pub(crate) fn burst(self) -> u32 {
        self.requests().div_ceil(BURST_DIVISOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_from_a_millisecond_to_thirty_days() {
        let accepted = |window| RateLimit::new(1, window).is_ok();
        let (shortest, longest) = (Duration::from_millis(1), Duration::from_secs(2_592_000));
        assert!(accepted(shortest) && accepted(longest));
        assert!(!accepted(Duration::from_nanos(999_999)) && !accepted(longest + Duration::from_nanos(1)));
        assert!(RateLimit::new(0, longest).is_err());
    }
}
