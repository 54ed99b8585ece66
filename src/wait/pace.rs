//! The delays between polls: exponential at most, shorter where `foresight` expects the end, less jitter.
//!
//! The `backoff` crate serves as a pure generator of intervals, and only here: with randomization 0 and no
//! limit on the elapsed time, because its defaults stop silently after 15 minutes and its jitter exceeds its
//! cap. Jitter, floor, cap and `Retry-After` are added here. A differential test compares the generator with
//! the closed form `interval · factorⁿ`.

use std::time::Duration;

use backoff::backoff::Backoff as _;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};

use super::foresight::Foresight;
use crate::error::ConfigError;
use crate::job::Progress;

/// The delays between polls: exponential from a shortest to a longest delay, shorter where the end of the
/// task is near, less jitter.
///
/// By default the delay grows from 1 s by half each time, up to 15 s. Each delay is shortened by up to a
/// tenth, so that waits which start together do not poll together.
///
/// While a task's [progress](crate::Job::progress) moves, its speed predicts the end of the task. Delays get
/// shorter toward that moment, down to the shortest delay. A prediction never lengthens a delay, and a wait
/// polls at most 1.3 times as often as without, plus 20 polls. The interval is fixed if the longest delay
/// equals the shortest, or if the factor is 1.
///
/// ```
/// use std::time::Duration;
/// use jobwait::Pace;
///
/// let pace = Pace::new(Duration::from_secs(2), Duration::from_secs(30))?.factor(2.0)?.jitter(0.2)?;
/// # Ok::<(), jobwait::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    interval: Duration,
    max_interval: Duration,
    factor: f64,
    jitter: f64,
    expected: Option<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            max_interval: Duration::from_secs(15),
            factor: 1.5,
            jitter: 0.1,
            expected: None,
        }
    }
}

impl Pace {
    /// The shortest interval that is accepted.
    pub const SHORTEST: Duration = Duration::from_millis(10);

    /// The longest interval that is accepted: 30 days. The service keeps a task for a month.
    pub const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

    /// Sets the first and shortest delay, and the longest.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] when `interval` is shorter than [`Pace::SHORTEST`] or longer than
    /// `max_interval`, or that is longer than [`Pace::LONGEST`].
    pub fn new(interval: Duration, max_interval: Duration) -> Result<Self, ConfigError> {
        if interval < Self::SHORTEST {
            let reason = format!("shorter than {:?}", Self::SHORTEST);
            return Err(ConfigError::invalid("interval", shown(interval), reason));
        }
        if max_interval > Self::LONGEST {
            return Err(ConfigError::invalid("interval", shown(max_interval), "longer than 30 days"));
        }
        if interval > max_interval {
            let reason = format!("longer than the longest interval, {max_interval:?}");
            return Err(ConfigError::invalid("interval", shown(interval), reason));
        }
        Ok(Self { interval, max_interval, ..Self::default() })
    }

    /// Sets the growth: each delay is `factor` times the one before. 1 makes a fixed interval.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] when `factor` is not from 1 to 10.
    pub fn factor(self, factor: f64) -> Result<Self, ConfigError> {
        if (1.0..=10.0).contains(&factor) {
            Ok(Self { factor, ..self })
        } else {
            Err(ConfigError::invalid("factor", factor, "expected a number from 1 to 10"))
        }
    }

    /// Sets the jitter: each delay is shortened by a random share of up to `share`, and never lengthened.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] when `share` is not from 0 to 1, or is 1.
    pub fn jitter(self, share: f64) -> Result<Self, ConfigError> {
        if (0.0..1.0).contains(&share) {
            Ok(Self { jitter: share, ..self })
        } else {
            Err(ConfigError::invalid("jitter", share, "expected a number from 0 to below 1"))
        }
    }

    /// Sets the usual duration of such a task, counted from the start of the wait. Delays are shorter from
    /// three quarters to four thirds of this time, while the task reports no progress or has outlasted the
    /// prediction of its progress.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] when `duration` is zero or longer than [`Pace::LONGEST`].
    pub fn expect(self, duration: Duration) -> Result<Self, ConfigError> {
        if duration.is_zero() || duration > Self::LONGEST {
            let reason = "expected more than zero and at most 30 days";
            return Err(ConfigError::invalid("expected duration", shown(duration), reason));
        }
        Ok(Self { expected: Some(duration), ..self })
    }

    pub(super) fn longest_delay(&self) -> Duration {
        self.max_interval
    }

    pub(super) fn start(self, random: fastrand::Rng) -> Pacer {
        let intervals = || {
            ExponentialBackoffBuilder::new()
                .with_initial_interval(self.interval)
                .with_max_interval(self.max_interval)
                .with_multiplier(self.factor)
                .with_randomization_factor(0.0)
                .with_max_elapsed_time(None)
                .build()
        };
        let foresight = Foresight::new(self.expected.map(|expected| expected.as_secs_f64()));
        Pacer { going: intervals(), errors: intervals(), foresight, pace: self, random }
    }
}

/// The pace of a wait that is under way.
#[derive(Debug, Clone)]
pub(super) struct Pacer {
    pace: Pace,
    going: ExponentialBackoff,
    errors: ExponentialBackoff,
    foresight: Foresight,
    random: fastrand::Rng,
}

impl Pacer {
    /// The delay after a poll at `now`, since the start of the wait, that found the task still
    /// going at `progress`.
    pub(super) fn going(&mut self, now: Duration, progress: Option<Progress>) -> Duration {
        self.errors.reset();
        let full = self.going.next_backoff().unwrap_or(self.pace.max_interval);
        let delay = self.foresight.delay(
            now.as_secs_f64(),
            progress.map(Progress::percent),
            full.as_secs_f64(),
            self.pace.interval.as_secs_f64(),
        );
        self.jittered(Duration::from_secs_f64(delay))
    }

    /// The delay while the task was never visible: the first interval, without growth, because a new ID
    /// becomes visible within seconds. The growth of [`going`](Self::going) starts afterwards.
    pub(super) fn invisible(&mut self) -> Duration {
        self.errors.reset();
        self.jittered(self.pace.interval)
    }

    /// The delay after a failed poll: an exponential delay of its own, and at least the time that
    /// the service asks for.
    pub(super) fn error(&mut self, retry_after: Option<Duration>) -> Duration {
        let full = self.errors.next_backoff().unwrap_or(self.pace.max_interval);
        self.jittered(full).max(retry_after.unwrap_or_default())
    }

    /// The predicted end of the task, since the start of the wait, if its progress moves.
    pub(super) fn predicted_end(&self) -> Option<Duration> {
        self.foresight.predicted_end().and_then(|end| Duration::try_from_secs_f64(end).ok())
    }

    /// Whether the latest delay was shortened, because the end may be near.
    pub(super) fn is_near_end(&self) -> bool {
        self.foresight.is_near_end()
    }

    /// Applies the cap before the jitter, so that no delay exceeds the cap. Jitter may go below the floor.
    fn jittered(&mut self, full: Duration) -> Duration {
        let full = full.clamp(self.pace.interval, self.pace.max_interval);
        full.mul_f64(1.0 - self.pace.jitter * self.random.f64())
    }
}

/// Formats a duration for an error.
fn shown(duration: Duration) -> String {
    format!("{duration:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Job;
    use proptest::prelude::*;

    const NOW: Duration = Duration::ZERO;

    fn pacer(interval: f64, max: f64, factor: f64, jitter: f64) -> Pacer {
        Pace::new(Duration::from_secs_f64(interval), Duration::from_secs_f64(max))
            .and_then(|pace| pace.factor(factor))
            .and_then(|pace| pace.jitter(jitter))
            .unwrap()
            .start(fastrand::Rng::with_seed(7))
    }

    fn seconds(delays: impl Iterator<Item = Duration>) -> Vec<f64> {
        delays.map(|delay| delay.as_secs_f64()).collect()
    }

    #[test]
    fn delays_grow_by_the_factor_up_to_the_longest() {
        let mut pacer = pacer(1.0, 15.0, 1.5, 0.0);
        let delays = seconds(std::iter::repeat_with(|| pacer.going(NOW, None)).take(9));
        assert_eq!(delays, [1.0, 1.5, 2.25, 3.375, 5.0625, 7.59375, 11.390_625, 15.0, 15.0]);
    }

    #[test]
    fn a_factor_of_one_is_a_fixed_interval() {
        let mut pacer = pacer(10.0, 15.0, 1.0, 0.0);
        assert_eq!(seconds(std::iter::repeat_with(|| pacer.going(NOW, None)).take(3)), [10.0, 10.0, 10.0]);
    }

    #[test]
    fn an_expected_duration_shortens_the_delays_around_it() {
        let pace = Pace::default().jitter(0.0).unwrap().factor(10.0).unwrap();
        let third = |pace: Pace| {
            let mut pacer = pace.start(fastrand::Rng::with_seed(7));
            (0..3).map(|_| pacer.going(Duration::from_secs(120), None)).last().unwrap()
        };
        assert_eq!(third(pace.clone()), Duration::from_secs(15));
        assert!(third(pace.expect(Duration::from_secs(120)).unwrap()) < Duration::from_secs(4));
    }

    #[test]
    fn a_fixed_interval_is_never_shortened() {
        let progress = |percent| {
            Job::from_json(&format!(r#"{{"id":"1","status":"Running","process":"{percent}"}}"#))
                .unwrap()
                .progress()
        };
        let pace = Pace::new(Duration::from_secs(10), Duration::from_secs(10)).unwrap().jitter(0.0).unwrap();
        let mut pacer = pace.expect(Duration::from_secs(30)).unwrap().start(fastrand::Rng::with_seed(7));
        for (now, percent) in [(0, 10), (10, 80), (20, 99), (30, 99)] {
            assert_eq!(pacer.going(Duration::from_secs(now), progress(percent)), Duration::from_secs(10));
        }
    }

    #[test]
    fn delays_do_not_grow_while_the_task_is_invisible() {
        let mut pacer = pacer(1.0, 15.0, 1.5, 0.0);
        assert_eq!(seconds(std::iter::repeat_with(|| pacer.invisible()).take(3)), [1.0, 1.0, 1.0]);
    }

    #[test]
    fn delays_after_errors_grow_separately_and_start_over() {
        let mut pacer = pacer(1.0, 15.0, 2.0, 0.0);
        let delays = [
            pacer.going(NOW, None),
            pacer.going(NOW, None),
            pacer.error(None),
            pacer.error(None),
            pacer.going(NOW, None),
            pacer.error(None),
        ];
        assert_eq!(seconds(delays.into_iter()), [1.0, 2.0, 1.0, 2.0, 4.0, 1.0]);
    }

    #[test]
    fn an_invisible_task_resets_the_delay_after_errors() {
        let mut pacer = pacer(1.0, 15.0, 2.0, 0.0);
        let delays = [pacer.error(None), pacer.error(None), pacer.invisible(), pacer.error(None)];
        assert_eq!(seconds(delays.into_iter()), [1.0, 2.0, 1.0, 1.0]);
    }

    #[test]
    fn retry_after_only_lengthens_a_delay() {
        let mut pacer = pacer(4.0, 15.0, 1.0, 0.0);
        let after = |seconds| Some(Duration::from_secs(seconds));
        let delays = [pacer.error(after(2)), pacer.error(after(60)), pacer.error(after(0))];
        assert_eq!(seconds(delays.into_iter()), [4.0, 60.0, 4.0]);
    }

    /// Covers C6.
    #[test]
    fn waits_that_start_together_spread_their_polls() {
        let firsts: std::collections::HashSet<Duration> =
            (0..200).map(|_| Pace::default().start(fastrand::Rng::new()).going(NOW, None)).collect();
        assert!(firsts.len() > 190, "{} different first delays", firsts.len());
    }

    /// Covers C3.
    #[test]
    fn a_million_delays_are_within_bounds_and_never_zero() {
        let mut pacer = pacer(0.01, 15.0, 1.1, 0.5);
        for at in 0..1_000_000_u32 {
            let delay = if at % 3 == 0 { pacer.error(None) } else { pacer.going(NOW, None) };
            assert!((0.005..=15.0).contains(&delay.as_secs_f64()), "{delay:?}");
        }
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let pace = Pace::default;
        let millis = Duration::from_millis;
        assert!(Pace::new(millis(9), millis(20)).is_err());
        assert!(Pace::new(millis(10), millis(10)).is_ok());
        assert!(Pace::new(millis(21), millis(20)).is_err());
        assert!(Pace::new(millis(20), Duration::MAX).is_err());
        let longest =
            Pace::new(Pace::LONGEST, Pace::LONGEST).unwrap().start(fastrand::Rng::new()).going(NOW, None);
        assert!(longest <= Pace::LONGEST);
        assert_eq!(Pace::LONGEST.as_secs(), 2_592_000);
        for bad in [0.99, 10.01, -1.0, f64::NAN, f64::INFINITY] {
            assert!(pace().factor(bad).is_err(), "{bad}");
        }
        for bad in [-0.01, 1.0, f64::NAN] {
            assert!(pace().jitter(bad).is_err(), "{bad}");
        }
        for bad in [Duration::ZERO, Pace::LONGEST + Duration::from_nanos(1), Duration::MAX] {
            assert!(pace().expect(bad).is_err(), "{bad:?}");
        }
        assert!(pace().expect(Duration::from_nanos(1)).is_ok() && pace().expect(Pace::LONGEST).is_ok());
        assert!(pace().factor(1.0).is_ok() && pace().factor(10.0).is_ok());
        assert!(pace().jitter(0.0).is_ok() && pace().jitter(0.99).is_ok());
    }

    proptest! {
        /// Compares the `backoff` crate with the closed form.
        #[test]
        fn delays_match_the_closed_form_of_the_exponential(
            interval in 0.01..60.0_f64,
            longer in 0.0..600.0_f64,
            factor in 1.0..=10.0_f64,
        ) {
            let mut pacer = pacer(interval, interval + longer, factor, 0.0);
            for n in 0..40 {
                let closed = (interval * factor.powi(n)).min(interval + longer);
                let delay = pacer.going(NOW, None).as_secs_f64();
                // The generator rounds down to whole nanoseconds in each step.
                prop_assert!((delay - closed).abs() <= 1e-6 * closed.max(1.0), "{n}: {delay} for {closed}");
            }
        }

        #[test]
        fn jitter_only_shortens_and_by_no_more_than_its_share(
            interval in 0.01..60.0_f64,
            factor in 1.0..=10.0_f64,
            jitter in 0.0..1.0_f64,
        ) {
            let mut plain = pacer(interval, 600.0, factor, 0.0);
            let mut jittered = pacer(interval, 600.0, factor, jitter);
            for _ in 0..40 {
                let full = plain.going(NOW, None).as_secs_f64();
                let delay = jittered.going(NOW, None).as_secs_f64();
                prop_assert!(delay <= full && delay >= full * (1.0 - jitter) - 1e-8, "{delay} for {full}");
            }
        }
    }
}
