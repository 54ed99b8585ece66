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

/// The window of a quota, if the service does not name it.
pub(crate) const DEFAULT_WINDOW: Duration = Duration::from_secs(5 * 60);

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

/// The share of the rate that the stretched demand may use. The rest serves polls near an end, sign-ins and
/// retries.
const USABLE: f64 = 0.8;

/// The shared state. All times are on one clock that never goes back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    /// The theoretical arrival time of GCRA: the time at which the burst is complete again.
    pub(super) full_at: Duration,
    pub(crate) throttle: Throttle,
    /// The demand of each process, in requests per second.
    pub(super) demands: Vec<ProcessDemand>,
}

/// The consequences of 429 responses.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Throttle {
    /// The end of the pause.
    pub(super) paused_until: Duration,
    /// The latest pause, without its jitter. Zero after a success.
    pub(super) pause: Duration,
    /// The stretch, and the time at which it is halved. A stretch below 1 counts as 1.
    pub(super) stretch: f64,
    pub(super) relax_at: Duration,
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
    /// Takes the permission for one request, of which `burst` may be sent without spacing.
    ///
    /// # Errors
    ///
    /// The time until the next attempt can succeed.
    pub(crate) fn take(&mut self, now: Duration, limit: RateLimit, burst: u32) -> Result<(), Duration> {
        let full_at = self.full_at.max(now);
        let longest = limit.spacing().saturating_mul(burst - 1);
        let ahead = full_at - now;
        if ahead > longest {
            return Err(ahead - longest);
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
        let longest = self.throttle.window.saturating_mul(2).max(DEFAULT_WINDOW);
        self.throttle.paused_until = self.throttle.paused_until.min(now.saturating_add(longest));
        self.throttle.relax_at = self.throttle.relax_at.min(now.saturating_add(longest.saturating_mul(2)));
        let latest = now.saturating_add(DEFAULT_WINDOW);
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
            let asked = now.saturating_add(retry_after.unwrap_or_default());
            self.paused_until = self.paused_until.max(asked);
            return;
        }
        self.window = window.unwrap_or(DEFAULT_WINDOW);
        let is_first = self.pause.is_zero();
        let first = self.window.mul_f64(FIRST_PAUSE);
        self.pause = self.pause.mul_f64(PAUSE_GROWTH).clamp(first, self.window);
        let jitter = 1.0 + JITTER * (2.0 * random - 1.0);
        let pause = retry_after.unwrap_or_default().max(self.pause.mul_f64(jitter));
        self.paused_until = now.saturating_add(pause);
        if is_first {
            self.stretch = (self.stretch(now) * STRETCH).min(LARGEST_STRETCH);
        }
        self.relax_at = self.paused_until.saturating_add(self.window.mul_f64(jitter));
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limit(requests: u32, seconds: u64) -> RateLimit {
        RateLimit::new(requests, Duration::from_secs(seconds)).unwrap()
    }

    fn demand(process: u64, regular: f64, near_end: f64, expires_at: Duration) -> ProcessDemand {
        ProcessDemand { process, demand: Demand { regular, near_end }, expires_at }
    }

    #[test]
    fn a_quarter_of_the_limit_is_a_burst_and_the_rest_is_spaced() {
        let (limit, mut state) = (limit(8, 60), State::default());
        assert_eq!(limit.spacing(), SECOND * 10);
        let now = SECOND * 1000;
        assert_eq!(state.take(now, limit, limit.burst()), Ok(()));
        assert_eq!(state.take(now, limit, limit.burst()), Ok(()));
        assert_eq!(state.take(now, limit, limit.burst()), Err(SECOND * 10));
        assert_eq!(state.take(now + SECOND * 4, limit, limit.burst()), Err(SECOND * 6));
        assert_eq!(state.take(now + SECOND * 10, limit, limit.burst()), Ok(()));
        // All eight at once, as for waits with a single poll.
        let mut state = State::default();
        assert!((0..8).all(|_| state.take(now, limit, limit.requests()).is_ok()));
        assert!(state.take(now, limit, limit.requests()).is_err());
    }

    #[test]
    fn a_pause_grows_with_each_further_429_up_to_the_window_and_starts_over_after_a_success() {
        let mut throttle = Throttle::default();
        let window = Some(SECOND * 100);
        let mut now = SECOND * 50;
        let mut pauses = Vec::new();
        for _ in 0..9 {
            throttle.throttled(now, None, window, 0.5);
            pauses.push((throttle.paused_until - now).as_secs_f64().round());
            now = throttle.paused_until;
        }
        assert_eq!(pauses, [10.0, 15.0, 23.0, 34.0, 51.0, 76.0, 100.0, 100.0, 100.0]);
        assert!(throttle.would_change(now));
        throttle.accepted(now);
        assert!(!throttle.would_change(now));
        throttle.throttled(now, None, window, 0.5);
        assert_eq!(throttle.paused_until - now, SECOND * 10);
    }

    #[test]
    fn a_pause_has_a_wide_jitter_and_lasts_at_least_as_long_as_retry_after() {
        for (random, retry_after, pause) in [(0.0, 0, 15), (1.0, 0, 45), (0.0, 40, 40), (0.5, 7200, 7200)] {
            let mut throttle = Throttle::default();
            throttle.throttled(SECOND, Some(SECOND * retry_after), None, random);
            assert_eq!(throttle.paused_until, SECOND * (1 + pause), "{random}, {retry_after}");
        }
    }

    #[test]
    fn responses_to_requests_that_were_under_way_count_as_one_429() {
        let mut throttle = Throttle::default();
        throttle.throttled(SECOND, None, None, 0.5);
        let first = throttle.clone();
        throttle.throttled(SECOND * 2, None, None, 0.5);
        assert_eq!(throttle, first);
        // A success that was under way does not end the pause, either.
        throttle.accepted(SECOND * 2);
        assert_eq!(throttle, first);
        throttle.throttled(SECOND * 3, Some(SECOND * 60), None, 0.5);
        assert_eq!((throttle.paused_until, throttle.stretch), (SECOND * 63, first.stretch));
    }

    #[test]
    fn the_stretch_after_a_429_is_halved_after_each_quiet_window() {
        let mut state = State::default();
        assert_eq!(state.stretch(SECOND, None), 1.0);
        for _ in 0..2 {
            let now = state.throttle.paused_until + SECOND;
            state.throttle.throttled(now, None, Some(SECOND * 100), 0.5);
            state.throttle.accepted(state.throttle.paused_until);
        }
        let quiet = state.throttle.relax_at;
        assert_eq!(state.stretch(quiet - SECOND, None), 4.0);
        assert_eq!(state.stretch(quiet, None), 2.0);
        assert_eq!(state.stretch(quiet + SECOND * 99, None), 2.0);
        assert_eq!(state.stretch(quiet + SECOND * 100, None), 1.0);
        assert_eq!(state.stretch(quiet + SECOND * 100_000, None), 1.0);
    }

    #[test]
    fn delays_are_stretched_only_where_the_demand_is_larger_than_the_rate_and_the_burst_is_short() {
        // A request in 10 s.
        let (limit, now) = (limit(8, 60), SECOND * 1000);
        let with = |used: u32, regular: f64, near_end: f64| {
            let mut state = State { full_at: now + limit.spacing() * used, ..State::default() };
            state.set_demand(now, demand(1, regular, near_end, now + SECOND));
            state.stretch(now, Some(limit))
        };
        assert_eq!(with(2, 0.08, 0.0), 1.0, "the demand fits");
        assert_eq!(with(0, 8.0, 0.0), 1.0, "the burst is complete");
        assert_eq!(with(1, 8.0, 0.0), 1.0, "half of the burst is left");
        assert!((with(2, 8.0, 0.0) - 100.0).abs() < 1e-6, "0.08 per second are usable");
        // Near an end, delays are stretched by the square root: 0.08 = 0.16 / √4.
        assert!((with(2, 0.0, 0.16) - 4.0).abs() < 1e-6);
    }

    #[test]
    fn the_demand_of_a_process_is_replaced_removed_and_expires() {
        let mut state = State::default();
        state.set_demand(SECOND, demand(1, 1.0, 0.0, SECOND * 10));
        state.set_demand(SECOND, demand(1, 2.0, 0.0, SECOND * 10));
        state.set_demand(SECOND, demand(2, 1.0, 0.0, SECOND * 20));
        assert_eq!(state.demands.len(), 2);
        state.set_demand(SECOND * 11, demand(3, 1.0, 0.0, SECOND * 20));
        assert_eq!(state.demands.iter().map(|demand| demand.process).collect::<Vec<_>>(), [2, 3]);
        state.set_demand(SECOND * 11, demand(2, 0.0, 0.0, SECOND * 20));
        assert_eq!(state.demands.len(), 1);
    }

    proptest! {
        #[test]
        fn no_window_sees_more_than_the_limit(
            requests in 1..50_u32,
            window in 1..1000_u64,
            gaps in proptest::collection::vec(0.0..3.0_f64, 1..400),
        ) {
            let limit = limit(requests, window);
            let (mut state, mut now, mut taken) = (State::default(), SECOND, Vec::new());
            for gap in gaps {
                now += limit.spacing().mul_f64(gap * gap);
                for _ in 0..3 {
                    if state.take(now, limit, limit.burst()).is_ok() {
                        taken.push(now);
                    }
                }
            }
            for (first, from) in taken.iter().enumerate() {
                let within = taken[first..].iter().take_while(|at| **at - *from < limit.window()).count();
                prop_assert!(within <= requests as usize, "{} in {:?}", within, limit);
            }
        }

        #[test]
        fn a_state_is_read_as_it_was_written(
            full_at in 0..1_000_000_u64, pause in 0..1000_u64, quarters in 0..256_u32, count in 0..5_u64,
        ) {
            // Numbers with a short binary form survive the conversion to text.
            let stretch = f64::from(quarters) / 4.0;
            let mut state = State { full_at: Duration::from_millis(full_at), ..State::default() };
            state.throttle.pause = Duration::from_millis(pause);
            state.throttle.stretch = stretch;
            state.demands = (0..count).map(|process| demand(process, stretch, 1.0, SECOND)).collect();
            prop_assert_eq!(State::parse(&format!("{}   ", state.to_text())), Some(state));
        }
    }
}
