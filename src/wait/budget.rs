//! How often several waits may ask together, and how many at once.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{Clock, ConfigError, FaultKind, Probe, Sighting};

/// The share of a budget that may be spent at once: the rest comes back evenly, so that no window of its length sees
/// more than the whole.
const AT_ONCE: u32 = 4;

/// How long all are held back when the service asks for less without saying for how long; twice as long each time.
const HOLD: Duration = Duration::from_secs(1);
const LONGEST_HOLD: Duration = Duration::from_secs(60);

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

    fn quota(self) -> Option<Quota> {
        let requests = self.requests.get();
        let at_once = NonZeroU32::new(requests.div_ceil(AT_ONCE)).unwrap_or(NonZeroU32::MIN);
        let evenly = (requests - at_once.get()).max(1);
        Some(Quota::with_period(self.window / evenly)?.allow_burst(at_once))
    }
}

/// The wait's own clock.
#[derive(Debug, Clone, Copy)]
struct Ticks(Clock);

impl clock::Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Where everybody who looks waits for their turn: first come, first served.
#[derive(Debug)]
pub(super) struct Gate {
    clock: Clock,
    /// Whether there is anybody else to tell.
    several: bool,
    budget: Option<RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Duration>>>,
    turn: tokio::sync::Mutex<()>,
    at_once: Semaphore,
    held: Mutex<Option<Held>>,
}

/// Until when, and for how long, the service wants to be left alone.
#[derive(Debug, Clone, Copy)]
struct Held {
    until: Duration,
    length: Duration,
}

impl Gate {
    pub(super) fn new(clock: Clock, budget: Option<Budget>, at_once: usize, several: bool) -> Self {
        let limiter = |quota| RateLimiter::direct_with_clock(quota, Ticks(clock));
        Self {
            clock,
            several,
            budget: budget.and_then(Budget::quota).map(limiter),
            turn: tokio::sync::Mutex::default(),
            at_once: Semaphore::new(at_once),
            held: Mutex::default(),
        }
    }

    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Both stand in line in the order in which they came.
        let _turn = self.turn.lock().await;
        let permit = self.at_once.acquire().await.ok();
        loop {
            let held = *self.held.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(held) = held.filter(|held| held.until > self.clock.elapsed()) {
                self.clock.sleep_until(held.until).await;
                continue;
            }
            match self.budget.as_ref().map(RateLimiter::check) {
                Some(Err(not_until)) => {
                    let now = self.clock.elapsed();
                    self.clock.sleep_until(now + not_until.wait_time_from(now)).await;
                }
                Some(Ok(())) | None => return permit,
            }
        }
    }

    /// One that is told to ask less tells all.
    fn heard(&self, sighting: &Sighting) {
        if !self.several {
            return;
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match sighting {
            Sighting::Transient { fault, retry_after } if fault.kind == FaultKind::Throttled => {
                let now = self.clock.elapsed();
                let before = held.filter(|held| held.until > now);
                let length = match (before, *held) {
                    // Those that were on their way are told the same.
                    (Some(before), _) => before.length,
                    (None, Some(last)) => (last.length * 2).min(LONGEST_HOLD),
                    (None, None) => HOLD,
                };
                let asked = retry_after.unwrap_or(length);
                let until = now.saturating_add(asked);
                let until = before.map_or(until, |before| before.until.max(until));
                *held = Some(Held { until, length });
            }
            Sighting::Transient { .. } => {}
            _ if held.is_some_and(|held| held.until <= self.clock.elapsed()) => *held = None,
            _ => {}
        }
    }
}

/// A probe that waits for its turn.
#[derive(Debug)]
pub(super) struct Gated<'a, P> {
    pub(super) probe: P,
    pub(super) gate: &'a Gate,
}

impl<P: Probe + Send> Probe for Gated<'_, P> {
    async fn look(&mut self) -> Sighting {
        let _permit = self.gate.turn().await;
        let sighting = self.probe.look().await;
        self.gate.heard(&sighting);
        sighting
    }
}
