//! The last lines on standard error: the verdicts that the reader would otherwise not see, and the tally of
//! several tasks.

use std::sync::Arc;

use super::messages::Messages;
use super::tally::Tally;
use super::{Sink, Summary, wording};
use crate::exit::Ending;
use crate::options::Shown;

/// The most verdicts that are shown.
const MOST: usize = 20;

#[derive(Debug)]
pub(super) struct Closing {
    messages: Messages,
    verdicts: Verdicts,
}

#[derive(Debug)]
enum Verdicts {
    /// No verdicts: standard output shows them, or they were shown when the tasks ended.
    Shown,
    /// The verdict of a single task.
    Single,
    /// The verdict of a single task that completed: a value of it is printed instead.
    Completed,
    /// The verdicts of the tasks that did not complete.
    Unsuccessful,
}

impl Closing {
    pub(super) fn new(
        messages: Messages,
        tasks: usize,
        progress: Shown,
        hides_result: bool,
        is_replaced: bool,
    ) -> Self {
        let verdicts = match tasks {
            1 if hides_result => Verdicts::Single,
            1 if is_replaced => Verdicts::Completed,
            2.. if hides_result && !progress.has_states() => Verdicts::Unsuccessful,
            _ => Verdicts::Shown,
        };
        Self { messages, verdicts }
    }
}

impl Sink for Closing {
    fn finish(&mut self, summary: &Arc<Summary>) {
        let shown = summary.tasks.iter().filter(|task| match self.verdicts {
            Verdicts::Shown => false,
            Verdicts::Single => true,
            Verdicts::Completed => task.ending == Ending::Completed,
            Verdicts::Unsuccessful => task.ending != Ending::Completed,
        });
        for task in shown.take(MOST) {
            self.messages.write(&wording::verdict(&task.id, task.ending, &task.verdict));
        }
        if summary.tasks.len() > 1 {
            let tally = Tally::of_ended(&summary.tasks);
            self.messages.write(&format!("{}: {tally}", summary.ending.name()));
        }
    }
}
