//! A count of the tasks that have ended, by their endings.

use std::collections::BTreeMap;
use std::fmt;

use crate::exit::{Ending, TaskEnd};

#[derive(Debug, Clone)]
pub(super) struct Tally {
    tasks: usize,
    /// By the name of the ending.
    ended: BTreeMap<&'static str, usize>,
}

impl Tally {
    pub(super) fn of(tasks: usize) -> Self {
        Self { tasks, ended: BTreeMap::new() }
    }

    /// The tally of tasks that have ended.
    pub(super) fn of_ended(tasks: &[TaskEnd]) -> Self {
        let mut tally = Self::of(tasks.len());
        for task in tasks {
            tally.count(task.ending);
        }
        tally
    }

    pub(super) fn count(&mut self, ending: Ending) {
        *self.ended.entry(ending.name()).or_default() += 1;
    }

    /// Formats the tally for a narrow terminal: `13 of 50`.
    pub(super) fn brief(&self) -> String {
        format!("{} of {}", self.ended.values().sum::<usize>(), self.tasks)
    }
}

/// `12 of 50 tasks completed, 1 failed`
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let completed = Ending::Completed.name();
        let count = self.ended.get(completed).copied().unwrap_or_default();
        write!(f, "{count} of {} tasks completed", self.tasks)?;
        let mut others = self.ended.iter().filter(|(name, _)| **name != completed);
        others.try_for_each(|(name, count)| write!(f, ", {count} {name}"))
    }
}
