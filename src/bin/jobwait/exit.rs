//! From how a wait ended to what a script sees. Names and codes are API.

use jobwait::{Outcome, Until};

use crate::signals::Signal;

/// Usage or configuration is wrong; nothing was sent.
pub(crate) const USAGE: u8 = 2;

/// Nothing usable is known about the task.
pub(crate) const UNKNOWN: u8 = 125;

/// The exit code of several: the first of these that occurred.
const WORST_FIRST: [u8; 6] = [1, 4, 3, 125, 124, 0];

/// The name of how several waits ended, and the exit code.
pub(crate) fn of_all(ends: &[(&'static str, u8)], until: Until) -> (&'static str, u8) {
    let with = |code: u8| ends.iter().copied().find(|(_, is)| *is == code);
    if let Some(interrupted) = ends.iter().copied().find(|(name, _)| *name == INTERRUPTED) {
        return interrupted;
    }
    let first = if until == Until::FirstSuccess { with(0) } else { None };
    let worst = || WORST_FIRST.into_iter().find_map(with);
    first.or_else(worst).unwrap_or((INTERRUPTED, 130))
}

/// The only success.
pub(crate) const COMPLETED: &str = "completed";

/// Undecided at a signal; undecided because the wait ended for another task's sake.
pub(crate) const INTERRUPTED: &str = "interrupted";
pub(crate) const WAITING: &str = "waiting";

/// The name of an outcome in JSON, and its exit code.
pub(crate) fn of(outcome: Outcome, signal: Option<Signal>) -> (&'static str, u8) {
    match outcome {
        Outcome::Completed => (COMPLETED, 0),
        Outcome::Failed => ("failed", 1),
        Outcome::NotFound => ("not_found", 3),
        Outcome::Unauthorized => ("unauthorized", 4),
        Outcome::TimedOut => ("timed_out", 124),
        Outcome::Stopped => signal.map_or((WAITING, 130), |signal| (INTERRUPTED, signal.exit_code())),
        // `Outcome` may grow. What is not known here told nothing about the task either.
        Outcome::Unreachable | _ => ("unreachable", UNKNOWN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Outcome::{Completed, Failed, NotFound, Stopped, TimedOut, Unauthorized, Unreachable};

    #[test]
    fn the_worst_that_occurred_is_told() {
        let end = |outcome| of(outcome, None);
        for (outcomes, code) in [
            (&[Completed, Completed][..], 0),
            (&[Completed, TimedOut], 124),
            (&[TimedOut, Unreachable], 125),
            (&[Unreachable, NotFound, TimedOut], 3),
            (&[NotFound, Unauthorized], 4),
            (&[Unauthorized, Failed, Completed], 1),
            (&[Stopped, Failed], 1),
            (&[Stopped, NotFound, Stopped], 3),
        ] {
            let ends: Vec<_> = outcomes.iter().copied().map(end).collect();
            assert_eq!(of_all(&ends, Until::FirstFailure).1, code, "{outcomes:?}");
            let any = if outcomes.contains(&Completed) { 0 } else { code };
            assert_eq!(of_all(&ends, Until::FirstSuccess).1, any, "{outcomes:?}");
        }
        let signal = Some(Signal::Terminate);
        let ends = [of(Completed, signal), of(Stopped, signal), of(Failed, signal)];
        assert_eq!(of_all(&ends, Until::AllEnded), ("interrupted", 143));
    }
}
