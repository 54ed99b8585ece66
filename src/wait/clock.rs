//! The one clock of a wait.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A timer does not count while the machine sleeps, so that a long one is looked after this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// The time since it was started, that in which the machine was asleep included: on Linux and Android; elsewhere that is left out.
///
/// ```
/// let clock = jobwait::Clock::start();
/// assert!(clock.elapsed() < std::time::Duration::from_secs(60));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    asleep_before: Duration,
    /// How long the machine has been asleep since it was started.
    asleep: fn() -> Duration,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self::with(asleep)
    }

    fn with(asleep: fn() -> Duration) -> Self {
        Self { start: Instant::now(), asleep_before: asleep(), asleep }
    }

    /// The time since it was started.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        let asleep = (self.asleep)().saturating_sub(self.asleep_before);
        self.start.elapsed().saturating_add(asleep)
    }

    /// Sleeps until `at`, a time from the beginning. When the machine was asleep past it, ready within a second of its
    /// waking. What no clock can reach is never. It needs tokio's timer.
    pub async fn sleep_until(self, at: Duration) {
        loop {
            let left = at.saturating_sub(self.elapsed());
            match Instant::now().checked_add(left.min(LONGEST_SLEEP)) {
                Some(next) => sleep_until(next).await,
                None => std::future::pending().await,
            }
            if left <= LONGEST_SLEEP {
                return;
            }
        }
    }
}

/// The clock that runs on while the machine sleeps, less the one that does not. To the hundredth of a second: the
/// two cannot be read at the same instant.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn asleep() -> Duration {
    use rustix::time::{ClockId, Timespec, clock_gettime};

    let read = |clock| {
        let Timespec { tv_sec, tv_nsec } = clock_gettime(clock);
        Duration::new(u64::try_from(tv_sec).unwrap_or(0), u32::try_from(tv_nsec).unwrap_or(0))
    };
    // A process that is stopped in between would take that for sleep.
    for _ in 0..3 {
        let before = read(ClockId::Monotonic);
        let boot = read(ClockId::Boottime);
        if read(ClockId::Monotonic).saturating_sub(before) < Duration::from_millis(10) {
            let asleep = boot.saturating_sub(before).as_millis() / 10 * 10;
            return Duration::from_millis(u64::try_from(asleep).unwrap_or(u64::MAX));
        }
    }
    Duration::ZERO
}

/// Elsewhere no clock tells it: the deadline is later by the time that the machine slept.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn asleep() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static ASLEEP: Cell<Duration> = const { Cell::new(Duration::from_secs(1000)) };
    }

    fn clock() -> Clock {
        Clock::with(|| ASLEEP.get())
    }

    /// Covers C5.
    #[tokio::test(start_paused = true)]
    async fn the_time_that_the_machine_sleeps_counts() {
        let clock = clock();
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(clock.elapsed(), Duration::from_secs(5));
        ASLEEP.set(Duration::from_secs(1000 + 3600));
        assert_eq!(clock.elapsed(), Duration::from_secs(3605));
    }

    /// Covers C5.
    #[tokio::test(start_paused = true)]
    async fn a_rest_ends_soon_after_the_machine_wakes() {
        let clock = clock();
        let rest = tokio::spawn(clock.sleep_until(Duration::from_secs(600)));
        tokio::time::sleep(Duration::from_millis(10_500)).await;
        assert!(!rest.is_finished());
        ASLEEP.set(ASLEEP.get() + Duration::from_secs(3600));
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        assert!(rest.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_takes_as_long_as_it_is_told_to() {
        let clock = clock();
        for millis in [0, 1, 999, 1000, 1001, 12_345] {
            let before = clock.elapsed();
            clock.sleep_until(before + Duration::from_millis(millis)).await;
            assert_eq!(clock.elapsed(), before + Duration::from_millis(millis));
        }
    }

    #[test]
    fn the_real_clock_does_not_jump_while_the_machine_is_awake() {
        let first = asleep();
        for _ in 0..10_000 {
            let difference = asleep().abs_diff(first);
            assert!(difference <= Duration::from_millis(10), "{difference:?}");
        }
    }
}
