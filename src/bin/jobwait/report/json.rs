//! The result as one JSON document.

use super::document::{Document, Entry, line};
use super::{Sink, Summary};
use crate::stream::Stream;

#[derive(Debug)]
pub(super) struct Json(pub(super) Stream);

impl Sink for Json {
    fn finish(&mut self, summary: &Summary<'_>) {
        let Summary { ending, tasks, .. } = summary;
        let jobs = tasks.iter().map(|task| Entry::new(task.id, task.ending, task.verdict)).collect();
        let document = Document { outcome: ending.name(), exit_code: ending.code(), jobs };
        self.0.result(&line(&document));
    }
}
