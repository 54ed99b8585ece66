//! How many of several tasks' waits have ended, and how.

use std::collections::BTreeMap;
use std::fmt;

use super::exit;

/// What there is to tell of all.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    pub(super) tasks: usize,
    /// By the name of the outcome.
    ends: BTreeMap<&'static str, usize>,
}

impl Tally {
    pub(super) fn of(tasks: usize) -> Self {
        Self { tasks, ends: BTreeMap::new() }
    }

    pub(super) fn count(&mut self, outcome: &'static str) {
        *self.ends.entry(outcome).or_default() += 1;
    }

    pub(super) fn ended(&self) -> usize {
        self.ends.values().sum()
    }
}

/// `12 of 50 tasks completed, 1 failed`
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let completed = self.ends.get(exit::COMPLETED).copied().unwrap_or_default();
        write!(f, "{completed} of {} tasks completed", self.tasks)?;
        let mut others = self.ends.iter().filter(|(outcome, _)| **outcome != exit::COMPLETED);
        others.try_for_each(|(outcome, count)| write!(f, ", {count} {outcome}"))
    }
}
