//! The result as text: one line per task.

use super::{Sink, Summary, wording};
use crate::stream::Stream;

#[derive(Debug)]
pub(super) struct Text(pub(super) Stream);

impl Sink for Text {
    fn finish(&mut self, summary: &Summary<'_>) {
        for task in &summary.tasks {
            self.0.result(&wording::verdict(task.id, task.ending, task.verdict));
        }
    }
}
