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

    /// How many requests.
    #[must_use]
    pub fn requests(self) -> u32 {
        self.requests.get()
    }

    /// In which time.
    #[must_use]
    pub fn window(self) -> Duration {
        self.window
    }

    /// How far apart the requests are that do not go at once.
    #[must_use]
    pub fn spacing(self) -> Duration {
        self.window / (self.requests() - self.at_once().get()).max(1)
    }

    fn at_once(self) -> NonZeroU32 {
        NonZeroU32::new(self.requests().div_ceil(AT_ONCE)).unwrap_or(NonZeroU32::MIN)
    }

    pub(super) fn quota(self) -> Option<Quota> {
        Some(Quota::with_period(self.spacing())?.allow_burst(self.at_once()))
    }
}
