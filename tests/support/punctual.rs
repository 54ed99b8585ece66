//! How late a process may be.
//!
//! On a busy machine everything is late, so that `cargo test` adds a slack that only a hang exceeds. With
//! `STRICT_TIMES` set there is none: `cargo test --test outside -- --ignored strict` runs the tests so, one by one.

use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

/// A process ends within this time after its deadline.
pub const AFTER_THE_DEADLINE: Duration = Duration::from_millis(250);

/// A process ends within this time after a signal.
pub const AFTER_A_SIGNAL: Duration = Duration::from_millis(100);

/// The variable that asks for strict times.
pub const STRICT_TIMES: &str = "STRICT_TIMES";

/// The time that a bound leaves to a busy machine.
pub fn slack() -> Duration {
    static STRICT: LazyLock<bool> = LazyLock::new(|| std::env::var_os(STRICT_TIMES).is_some());
    if *STRICT { Duration::ZERO } else { Duration::from_secs(8) }
}

/// Measures how late this machine wakes a sleeping thread: the worst of a hundred times.
pub fn wakes_late_by() -> Duration {
    let nap = Duration::from_millis(2);
    let late = |_| {
        let start = Instant::now();
        thread::sleep(nap);
        start.elapsed().saturating_sub(nap)
    };
    (0..100).map(late).max().unwrap()
}

/// Lets a SIGHUP end the children although `nohup` ignores it for this process: an ignored signal is inherited, a
/// handled one is not.
#[cfg(unix)]
pub fn hang_up_children_of_nohup() {
    use std::sync::Arc;

    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        if mask.is_none_or(|mask| mask & 1 != 0) {
            signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::default()).unwrap();
        }
    });
}
