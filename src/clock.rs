//! The clock of a wait.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The longest timer. Timers do not advance while the machine sleeps, so a long delay is checked this often.
const LONGEST_TIMER: Duration = Duration::from_secs(1);

/// Something that should have ended at the deadline and ended this much later was suspended, together with
/// the machine or the process.
const OVERSLEPT: Duration = Duration::from_millis(250);

/// The least time for a poll that starts after the deadline.
pub(crate) const POLL_AFTER_SLEEP: Duration = Duration::from_millis(200);

/// Returns whether something that should have ended at the deadline was suspended past it.
pub(crate) fn overslept(deadline: Duration, now: Duration) -> bool {
    now > deadline.saturating_add(OVERSLEPT)
}

/// A clock that counts the time since its start. On Linux and Android it includes the time during which the
/// machine was asleep; elsewhere it does not.
///
/// ```
/// let clock = jobwait::Clock::start();
/// assert!(clock.elapsed() < std::time::Duration::from_secs(60));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    asleep_before: Duration,
    /// Returns the total time that the machine has been asleep.
    asleep: fn() -> Duration,
}

impl Clock {
    /// Starts a clock.
    #[must_use]
    pub fn start() -> Self {
        Self::with(asleep)
    }

    fn with(asleep: fn() -> Duration) -> Self {
        Self { start: Instant::now(), asleep_before: asleep(), asleep }
    }

    /// The time since the start.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        let asleep = (self.asleep)().saturating_sub(self.asleep_before);
        self.start.elapsed().saturating_add(asleep)
    }

    /// Sleeps until `at`, a time since the start. If the machine is asleep at that time, the future is ready
    /// within a second after it wakes. A time that the clock cannot represent is never reached. Needs tokio's
    /// timer.
    pub async fn sleep_until(self, at: Duration) {
        loop {
            let left = at.saturating_sub(self.elapsed());
            match Instant::now().checked_add(left.min(LONGEST_TIMER)) {
                Some(next) => sleep_until(next).await,
                None => std::future::pending().await,
            }
            if left <= LONGEST_TIMER {
                return;
            }
        }
    }
}

/// The time of a clock that all processes of this machine share. It counts sleep, and setting the wall clock
/// does not change it.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn machine_time() -> Duration {
    read(rustix::time::ClockId::Boottime)
}

/// Other systems only share the wall clock.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[expect(clippy::disallowed_methods, reason = "readers correct a clock that was set back")]
pub(crate) fn machine_time() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn read(clock: rustix::time::ClockId) -> Duration {
    let rustix::time::Timespec { tv_sec, tv_nsec } = rustix::time::clock_gettime(clock);
    Duration::new(u64::try_from(tv_sec).unwrap_or(0), u32::try_from(tv_nsec).unwrap_or(0))
}

/// Returns the difference of the clock that counts sleep and the one that does not, in steps of 10 ms: the
/// two cannot be read at the same instant.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn asleep() -> Duration {
    use rustix::time::ClockId;

    // A process stopped between the two readings would take the stop for sleep.
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

/// Other systems have no such clock: there, the deadline moves by the time that the machine is asleep.
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
    async fn sleep_of_the_machine_counts_as_elapsed_time() {
        let clock = clock();
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(clock.elapsed(), Duration::from_secs(5));
        ASLEEP.set(Duration::from_secs(1000 + 3600));
        assert_eq!(clock.elapsed(), Duration::from_secs(3605));
    }

    /// Covers C5.
    #[tokio::test(start_paused = true)]
    async fn a_delay_ends_soon_after_the_machine_wakes() {
        let clock = clock();
        let delay = tokio::spawn(clock.sleep_until(Duration::from_secs(600)));
        tokio::time::sleep(Duration::from_millis(10_500)).await;
        assert!(!delay.is_finished());
        ASLEEP.set(ASLEEP.get() + Duration::from_secs(3600));
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        assert!(delay.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn a_delay_takes_exactly_its_time() {
        let clock = clock();
        for millis in [0, 1, 999, 1000, 1001, 12_345] {
            let before = clock.elapsed();
            clock.sleep_until(before + Duration::from_millis(millis)).await;
            assert_eq!(clock.elapsed(), before + Duration::from_millis(millis));
        }
    }

    #[test]
    fn the_clock_of_the_system_does_not_jump_while_the_machine_is_awake() {
        let first = asleep();
        for _ in 0..10_000 {
            let difference = asleep().abs_diff(first);
            assert!(difference <= Duration::from_millis(10), "{difference:?}");
        }
    }
}
