//! One value of the service's job object, instead of the line of the result.

use std::sync::Arc;

use jobwait::text::{safe, safe_json};

use super::{Sink, Summary};
use crate::exit::Ending;
use crate::pointer::Pointer;
use crate::stream::Stream;

/// The number of characters of a pointer in a message.
const LONGEST_POINTER: usize = 80;

#[derive(Debug)]
pub(super) struct Print {
    pub(super) stdout: Stream,
    pub(super) stderr: Stream,
    pub(super) pointer: Pointer,
    /// The sink of a task that did not complete.
    pub(super) otherwise: Box<dyn Sink>,
}

impl Sink for Print {
    fn finish(&mut self, summary: &Arc<Summary>) {
        if summary.ending != Ending::Completed {
            return self.otherwise.finish(summary);
        }
        let (summary, pointer) = (Arc::clone(summary), self.pointer.clone());
        let stderr = self.stderr.clone();
        self.stdout.produce(move |text| {
            let job = summary.decisive().and_then(|task| task.verdict.job());
            let json = job.and_then(|job| serde_json::to_string(job).ok()).unwrap_or_default();
            let Some(value) = pointer.find(&json) else {
                let pointer = pointer.to_string();
                let shown = safe(&pointer, LONGEST_POINTER);
                return stderr.message(&format!("warning: the task has no value at '{shown}' (--print)"));
            };
            // A script gets the whole text, but no text can give commands to a terminal or a CI runner.
            match serde_json::from_str::<String>(value.get()) {
                Ok(string) => text.add(&safe(&string, usize::MAX).to_string()),
                Err(_) => text.add(&safe_json(value.get())),
            }
            text.add("\n");
        });
    }
}
