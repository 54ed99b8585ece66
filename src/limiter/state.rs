//! The state of a limiter. Pure: the time is an argument, and the state serves in memory as well as in a
//! file.
//!
//! * **The rate** is a generic cell rate algorithm (GCRA): a burst, and then a fixed spacing between
//!   requests.
//! * **The pause** follows a 429. It grows with each further one, up to the window that the service names.
//! * **The stretch** lengthens all delays by one factor, so that polls slow down together and stay dense
//!   where an end is near. It follows the demand where the rate is short, and it doubles with a 429 until a
//!   window has passed without one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::RateLimit;

/// The window of a quota, if the service does not name it, and the longest one.
pub(crate) const DEFAULT_WINDOW: Duration = Duration::from_secs(5 * 60);
const LONGEST_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest time for which the demand of a process counts without being renewed.
pub(super) const LONGEST_DEMAND: Duration = Duration::from_secs(60 * 60);

/// The first pause after a 429 without `Retry-After`, as a share of the window: 30 s of 5 min. Each further
/// 429 in a row makes it longer, up to the window.
const FIRST_PAUSE: f64 = 1.0 / 10.0;
const PAUSE_GROWTH: f64 = 1.5;

/// The jitter of a pause and of a stretch after a 429. It is wide, because many processes hit the quota
/// together.
const JITTER: f64 = 0.5;

/// The factor by which the first 429 after a success lengthens all delays, and the largest one.
const STRETCH: f64 = 2.0;
const LARGEST_STRETCH: f64 = 64.0;

/// The share of the burst that must be left for delays at full pace. Below it, delays are stretched.
const RESERVE: f64 = 0.5;

/// The share of the rate into which the demand is stretched while the burst is used up. The burst then
/// recovers, and the stretch falls, until polls use the whole rate.
const USABLE: f64 = 0.4;

/// The shared state. All times are on one clock that never goes back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    /// The time at which the whole burst is available again: the theoretical arrival time of GCRA.
    pub(super) full_at: Duration,
    pub(crate) throttle: Throttle,
    /// The demand of each process, in requests per second.
    pub(super) demands: Vec<ProcessDemand>,
}

/// The consequences of 429 responses.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Throttle {
    /// The end of the pause, and its length.
    pub(super) paused_until: Duration,
    pub(super) length: Duration,
    /// The latest pause, without its jitter. Zero after a success.
    pub(super) pause: Duration,
    /// The stretch, and the time at which it is halved. A stretch below 1 counts as 1.
    pub(super) stretch: f64,
    pub(super) relax_at: Duration,
    /// The earliest time at which the stretch may grow again.
    pub(super) stretch_at: Duration,
    pub(super) window: Duration,
}

/// A demand in requests per second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Demand {
    pub(crate) regular: f64,
    /// The demand of tasks whose end may be near.
    pub(crate) near_end: f64,
}

impl std::ops::Add for Demand {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { regular: self.regular + other.regular, near_end: self.near_end + other.near_end }
    }
}

impl std::ops::Sub for Demand {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { regular: self.regular - other.regular, near_end: self.near_end - other.near_end }
    }
}

impl Demand {
    /// The factor that fits the demand into `rate`, if a delay near an end is stretched by its square root.
    fn stretch(self, rate: f64) -> f64 {
        let Self { regular, near_end } = self;
        let root = (near_end + (near_end * near_end + 4.0 * rate * regular).sqrt()) / (2.0 * rate);
        (root * root).max(1.0)
    }
}

/// The demand of one process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ProcessDemand {
    pub(crate) process: u64,
    pub(crate) demand: Demand,
    /// The time at which it expires, if the process is killed.
    pub(crate) expires_at: Duration,
}

impl State {
    /// Takes the permission for one request.
    ///
    /// # Errors
    ///
    /// The time until the next attempt can succeed.
    pub(crate) fn take(&mut self, now: Duration, limit: RateLimit) -> Result<(), Duration> {
        let longest = limit.spacing().saturating_mul(limit.burst() - 1);
        let mut full_at = self.full_at.max(now);
        // A 429 means that the quota is used up. So is the burst, then: requests after a pause are spaced.
        let resumed = self.throttle.paused_until;
        if !resumed.is_zero() && now >= resumed {
            full_at = full_at.max(resumed.saturating_add(longest));
        }
        let ahead = full_at.saturating_sub(now);
        if ahead > longest {
            return Err(ahead.saturating_sub(longest));
        }
        self.full_at = full_at.saturating_add(limit.spacing());
        Ok(())
    }

    /// Parses the text of a file. `None` if it is not a state.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let state: Self = serde_json::from_str(text.trim_end()).ok()?;
        let demands = state.demands.iter().flat_map(|of| [of.demand.regular, of.demand.near_end]);
        let mut numbers = demands.chain([state.throttle.stretch]);
        numbers.all(|number| number.is_finite() && number >= -0.001).then_some(state)
    }

    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Corrects times that a clock which was set back has left in the future.
    pub(super) fn clamped(mut self, now: Duration, limit: RateLimit) -> Self {
        let latest = now.saturating_add(limit.spacing().saturating_mul(limit.requests()));
        self.full_at = self.full_at.min(latest);
        self.throttle.clamp(now);
        let latest = now.saturating_add(LONGEST_DEMAND);
        self.demands.retain(|demand| demand.expires_at > now && demand.expires_at <= latest);
        self
    }

    /// Empties the burst, after a state was lost.
    pub(super) fn empty(now: Duration, limit: RateLimit) -> Self {
        Self { full_at: now + limit.spacing().saturating_mul(limit.burst()), ..Self::default() }
    }

    /// The share of the burst that is available, from 0 to 1.
    fn fill(&self, now: Duration, limit: RateLimit) -> f64 {
        let used = self.full_at.saturating_sub(now).as_secs_f64() / limit.spacing().as_secs_f64();
        (1.0 - used / f64::from(limit.burst())).clamp(0.0, 1.0)
    }

    /// Sets the demand of a process. A demand of zero removes it. Expired demands are removed, too.
    pub(crate) fn set_demand(&mut self, now: Duration, demand: ProcessDemand) {
        self.demands.retain(|other| other.process != demand.process && other.expires_at > now);
        if demand.demand != Demand::default() {
            self.demands.push(demand);
        }
    }

    /// The factor that lengthens delays, at least 1.
    pub(crate) fn stretch(&self, now: Duration, limit: Option<RateLimit>) -> f64 {
        let shared = limit.map_or(1.0, |limit| {
            let valid = self.demands.iter().filter(|demand| demand.expires_at > now);
            let total = valid.fold(Demand::default(), |total, process| total + process.demand);
            let needed = total.stretch(USABLE / limit.spacing().as_secs_f64());
            let short = (1.0 - self.fill(now, limit) / RESERVE).clamp(0.0, 1.0);
            1.0 + (needed - 1.0) * short
        });
        shared.max(self.throttle.stretch(now))
    }

    /// Whether requests are short: half of the burst is used up, or a 429 has stretched the delays.
    pub(crate) fn is_short(&self, now: Duration, limit: Option<RateLimit>) -> bool {
        self.throttle.stretch(now) > 1.0 || limit.is_some_and(|limit| self.fill(now, limit) < RESERVE)
    }

    /// The rest of the pause after a 429, or zero.
    pub(crate) fn pause(&self, now: Duration) -> Duration {
        self.throttle.paused_until.saturating_sub(now)
    }
}

impl Throttle {
    /// Takes note of a 429. `random` is between 0 and 1.
    pub(crate) fn throttled(
        &mut self,
        now: Duration,
        retry_after: Option<Duration>,
        window: Option<Duration>,
        random: f64,
    ) {
        // Requests that were under way get the same response, which says nothing new.
        if now < self.paused_until {
            let asked = retry_after.unwrap_or_default();
            if now.saturating_add(asked) > self.paused_until {
                self.pause_for(now, asked, random);
            }
            return;
        }
        self.window = window.unwrap_or(DEFAULT_WINDOW).min(LONGEST_WINDOW);
        let is_first = self.pause.is_zero();
        let first = self.window.mul_f64(FIRST_PAUSE);
        self.pause = self.pause.mul_f64(PAUSE_GROWTH).clamp(first, self.window);
        let jitter = 1.0 + JITTER * (2.0 * random - 1.0);
        let own = self.pause.mul_f64(jitter);
        let pause = match retry_after {
            Some(asked) if is_first => asked,
            // The delay that the service asked for was too short.
            Some(asked) => asked.max(own),
            None => own,
        };
        self.pause_for(now, pause, random);
        // Single 429s among many successes must not slow the polls down without end.
        if is_first && now >= self.stretch_at {
            self.stretch = (self.stretch(now) * STRETCH).min(LARGEST_STRETCH);
            self.stretch_at = now.saturating_add(first);
        }
    }

    fn pause_for(&mut self, now: Duration, length: Duration, random: f64) {
        self.length = length;
        self.paused_until = now.saturating_add(length);
        self.relax_at = self.paused_until.saturating_add(self.window.mul_f64(1.0 + random));
    }

    /// Corrects values that no limiter writes, and times that a clock which was set back has left in the
    /// future.
    fn clamp(&mut self, now: Duration) {
        self.window = self.window.min(LONGEST_WINDOW);
        self.pause = self.pause.min(self.window);
        self.stretch = self.stretch.clamp(0.0, LARGEST_STRETCH);
        self.paused_until = self.paused_until.min(now.saturating_add(self.length));
        let relax_at = now.saturating_add(self.length).saturating_add(self.window.saturating_mul(2));
        self.relax_at = self.relax_at.min(relax_at);
        self.stretch_at = self.stretch_at.min(now.saturating_add(self.window));
    }

    /// Whether a response that is not a 429 changes anything.
    pub(super) fn would_change(&self, now: Duration) -> bool {
        now >= self.paused_until && !self.pause.is_zero()
    }

    /// Takes note of a response that is not a 429.
    pub(crate) fn accepted(&mut self, now: Duration) {
        if now >= self.paused_until {
            self.pause = Duration::ZERO;
        }
    }

    /// The stretch at `now`: it is halved after each window without a 429.
    fn stretch(&self, now: Duration) -> f64 {
        if self.window.is_zero() {
            return 1.0;
        }
        let quiet = now.saturating_sub(self.relax_at).as_secs_f64() / self.window.as_secs_f64();
        let halvings = if now < self.relax_at { 0.0 } else { quiet.floor() + 1.0 };
        (self.stretch / 2_f64.powf(halvings)).max(1.0)
    }
}

#[cfg(test)]
mod tests;
