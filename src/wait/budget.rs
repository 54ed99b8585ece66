//! How often several waits may ask together.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::Quota;

use crate::ConfigError;

/// The share of a budget that may be spent at once: the rest comes back evenly, so that no window of its length sees
/// more than the whole.
const AT_ONCE: u32 = 4;

/// A number of requests that may be sent in any window of a length.
///
/// A quarter of them may go at once, the others evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    requests: NonZeroU32,
    window: Duration,
}

impl Budget {
    /// So many requests in any window of this length.
    ///
    /// # Errors
    ///
    /// When it is none, or the window is shorter than a millisecond or longer than 30 days.
    pub fn new(requests: u32, window: Duration) -> Result<Self, ConfigError> {
        let requests =
            NonZeroU32::new(requests).ok_or_else(|| ConfigError::new("a budget of no request is none"))?;
        if !(Duration::from_millis(1)..=crate::Pace::LONGEST).contains(&window) {
            return Err(ConfigError::new(format!(
                "a window of {window:?} is not from a millisecond to {:?}",
                crate::Pace::LONGEST
            )));
        }
        Ok(Self { requests, window })
    }

    pub(super) fn quota(self) -> Option<Quota> {
        let requests = self.requests.get();
        let at_once = NonZeroU32::new(requests.div_ceil(AT_ONCE)).unwrap_or(NonZeroU32::MIN);
        let evenly = (requests - at_once.get()).max(1);
        Some(Quota::with_period(self.window / evenly)?.allow_burst(at_once))
    }
}
