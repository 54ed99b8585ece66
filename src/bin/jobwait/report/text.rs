//! The result as text: one line per task.

use std::sync::Arc;

use super::{Sink, Summary, wording};
use crate::stream::Stream;

#[derive(Debug)]
pub(super) struct Text(pub(super) Stream);

impl Sink for Text {
    fn finish(&mut self, summary: &Arc<Summary>) {
        let summary = Arc::clone(summary);
        self.0.produce(move |text| {
            for task in &summary.tasks {
                text.add(&wording::verdict(&task.id, task.ending, &task.verdict));
                text.add("\n");
            }
        });
    }
}
