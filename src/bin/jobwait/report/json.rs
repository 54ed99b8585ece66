//! The result as one JSON document.

use std::sync::Arc;

use super::document::{Document, Entry, FORMAT_VERSION, line};
use super::{Sink, Summary};
use crate::stream::Stream;

#[derive(Debug)]
pub(super) struct Json(pub(super) Stream);

impl Sink for Json {
    fn finish(&mut self, summary: &Arc<Summary>) {
        let summary = Arc::clone(summary);
        self.0.produce(move |text| {
            let Summary { ending, tasks, .. } = &*summary;
            let frame = line(&Document {
                format_version: FORMAT_VERSION,
                outcome: ending.name(),
                exit_code: ending.code(),
                jobs: Vec::new(),
            });
            let (start, end) = frame.split_once("[]").unwrap_or((&frame, ""));
            text.add(start);
            text.add("[");
            for (number, task) in tasks.iter().enumerate() {
                text.add(if number > 0 { "," } else { "" });
                text.add(&line(&Entry::new(&task.id, task.ending, &task.verdict)));
            }
            text.add("]");
            text.add(end);
            text.add("\n");
        });
    }
}
