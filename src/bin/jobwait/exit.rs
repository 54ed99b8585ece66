//! From how a wait ended to what a script sees. Names and codes are API.

use jobwait::Outcome;

use crate::signals::Signal;

/// Usage or configuration is wrong; nothing was sent.
pub(crate) const USAGE: u8 = 2;

/// The name of an outcome in JSON, and its exit code.
pub(crate) fn of(outcome: Outcome, signal: Option<Signal>) -> (&'static str, u8) {
    match outcome {
        Outcome::Completed => ("completed", 0),
        Outcome::Failed => ("failed", 1),
        Outcome::NotFound => ("not_found", 3),
        Outcome::Unauthorized => ("unauthorized", 4),
        Outcome::TimedOut => ("timed_out", 124),
        Outcome::Stopped => ("interrupted", signal.map_or(130, Signal::exit_code)),
        // `Outcome` may grow. What is not known here told nothing about the task either.
        Outcome::Unreachable | _ => ("unreachable", 125),
    }
}
