//! The ends of a wait, and their exit codes. Codes and names are API.

use std::time::Duration;

use jobwait::{ConfigError, JobId, Outcome, Until, Verdict};

use crate::resume::Resume;
use crate::signals::Signal;

/// Usage or configuration is wrong; nothing was sent.
pub(crate) const USAGE: u8 = 2;

/// Nothing usable is known about the task.
pub(crate) const UNKNOWN: u8 = 125;

/// The endings of several tasks, in the order in which they take precedence.
const WORST_FIRST: [Ending; 6] = [
    Ending::Failed,
    Ending::Unauthorized,
    Ending::NotFound,
    Ending::Unreachable,
    Ending::TimedOut,
    Ending::Completed,
];

/// An error in the usage or the configuration.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refusal(pub(crate) String);

impl From<ConfigError> for Refusal {
    fn from(error: ConfigError) -> Self {
        Self(error.to_string())
    }
}

/// The end of a wait as scripts see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Completed,
    Failed,
    NotFound,
    Unauthorized,
    TimedOut,
    Unreachable,
    /// The task had not ended when a signal came.
    Interrupted(Signal),
    /// The task had not ended when another task ended the wait.
    Waiting,
}

impl Ending {
    pub(crate) fn of(outcome: Outcome, signal: Option<Signal>) -> Self {
        match outcome {
            Outcome::Completed => Self::Completed,
            Outcome::Failed => Self::Failed,
            Outcome::NotFound => Self::NotFound,
            Outcome::Unauthorized => Self::Unauthorized,
            Outcome::TimedOut => Self::TimedOut,
            Outcome::Stopped => signal.map_or(Self::Waiting, Self::Interrupted),
            // `Outcome` may get variants that are unknown here.
            Outcome::Unreachable | _ => Self::Unreachable,
        }
    }

    /// The ending of the whole wait.
    pub(crate) fn of_all(endings: &[Self], until: Until) -> Self {
        let interrupted = endings.iter().copied().find(|ending| matches!(ending, Self::Interrupted(_)));
        let any = Some(Self::Completed).filter(|_| until == Until::FirstSuccess);
        let mut by_precedence = any.into_iter().chain(WORST_FIRST);
        let worst = || by_precedence.find(|ending| endings.contains(ending));
        interrupted.or_else(worst).unwrap_or(Self::Unreachable)
    }

    /// The value of `outcome` in JSON.
    pub(crate) fn name(self) -> &'static str {
        self.name_and_code().0
    }

    pub(crate) fn code(self) -> u8 {
        self.name_and_code().1
    }

    fn name_and_code(self) -> (&'static str, u8) {
        match self {
            Self::Completed => ("completed", 0),
            Self::Failed => ("failed", 1),
            Self::NotFound => ("not_found", 3),
            Self::Unauthorized => ("unauthorized", 4),
            Self::TimedOut => ("timed_out", 124),
            Self::Unreachable => ("unreachable", UNKNOWN),
            Self::Interrupted(signal) => ("interrupted", signal.exit_code()),
            // The wait as a whole never ends so.
            Self::Waiting => ("waiting", UNKNOWN),
        }
    }

    /// Returns whether the task may still be running, as far as this wait knows.
    pub(crate) fn is_open(self) -> bool {
        !matches!(self, Self::Completed | Self::Failed | Self::Unauthorized)
    }
}

/// The end of a wait: of each task, and of the whole.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) ending: Ending,
    pub(crate) tasks: Vec<TaskEnd>,
    pub(crate) resume: Option<Resume>,
    /// The search for tasks, if it ended the wait.
    pub(crate) search: Option<Verdict>,
}

/// The end of the wait for one task.
#[derive(Debug)]
pub(crate) struct TaskEnd {
    pub(crate) id: JobId,
    pub(crate) ending: Ending,
    pub(crate) verdict: Verdict,
}

impl Summary {
    pub(crate) fn new(
        jobs: &[JobId],
        verdicts: Vec<Verdict>,
        signal: Option<Signal>,
        until: Until,
        resume: Option<Resume>,
    ) -> Self {
        let endings: Vec<Ending> =
            verdicts.iter().map(|verdict| Ending::of(verdict.outcome, signal)).collect();
        let ending = Ending::of_all(&endings, until);
        let tasks = jobs.iter().zip(endings).zip(verdicts);
        let tasks =
            tasks.map(|((id, ending), verdict)| TaskEnd { id: id.clone(), ending, verdict }).collect();
        Self { ending, tasks, resume, search: None }
    }

    /// The end of a wait for the tasks of an instance. `idle` is whether only tasks in progress matter.
    pub(crate) fn of_search(mut self, search: Option<Verdict>, signal: Option<Signal>, idle: bool) -> Self {
        if idle {
            let endings: Vec<Ending> = self
                .tasks
                .iter()
                .map(|task| if task.ending == Ending::Failed { Ending::Completed } else { task.ending })
                .collect();
            self.ending = Ending::of_all(&endings, Until::AllEnded);
        }
        match search.as_ref().map(|search| Ending::of(search.outcome, signal)) {
            Some(ending) if self.tasks.is_empty() => self.ending = ending,
            // The search goes on after the tasks have ended, so its own ending counts.
            Some(ending @ (Ending::Interrupted(_) | Ending::Unauthorized | Ending::Unreachable)) => {
                self.ending = ending;
            }
            _ => {}
        }
        self.search = search;
        self
    }

    /// The duration of the wait.
    pub(crate) fn elapsed(&self) -> Duration {
        let tasks = self.tasks.iter().map(|task| task.verdict.elapsed);
        tasks.chain(self.search.iter().map(|search| search.elapsed)).max().unwrap_or_default()
    }

    /// The task that determined the ending of the whole.
    pub(crate) fn decisive(&self) -> Option<&TaskEnd> {
        self.tasks.iter().find(|task| task.ending == self.ending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Ending::{Completed, Failed, NotFound, TimedOut, Unauthorized, Unreachable, Waiting};

    #[test]
    fn the_worst_ending_determines_the_exit_code() {
        for (endings, code) in [
            (&[Completed, Completed][..], 0),
            (&[Completed, TimedOut], 124),
            (&[TimedOut, Unreachable], 125),
            (&[Unreachable, NotFound, TimedOut], 3),
            (&[NotFound, Unauthorized], 4),
            (&[Unauthorized, Failed, Completed], 1),
            (&[Waiting, Failed], 1),
            (&[Waiting, NotFound, Waiting], 3),
        ] {
            assert_eq!(Ending::of_all(endings, Until::FirstFailure).code(), code, "{endings:?}");
            let any = if endings.contains(&Completed) { 0 } else { code };
            assert_eq!(Ending::of_all(endings, Until::FirstSuccess).code(), any, "{endings:?}");
        }
    }

    #[test]
    fn a_signal_takes_precedence_over_every_outcome() {
        let ending = |outcome| Ending::of(outcome, Some(Signal::Terminate));
        let endings = [Outcome::Completed, Outcome::Stopped, Outcome::Failed].map(ending);
        let whole = Ending::of_all(&endings, Until::AllEnded);
        assert_eq!((whole.name(), whole.code()), ("interrupted", 143));
    }
}
