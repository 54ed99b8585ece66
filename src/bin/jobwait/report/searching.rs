//! The search for the tasks of an instance, as messages on standard error.

use jobwait::text::safe;
use jobwait::{Event, EventKind, JobId, TaskRow};

use super::messages::Messages;
use super::wording::{self, complaint};
use crate::duration::brief;
use crate::options::Shown;

/// The most tasks that are named in one message.
const MOST: usize = 10;

#[derive(Debug)]
pub(super) struct Searching {
    messages: Messages,
    progress: Shown,
    /// The latest message, which is not repeated.
    latest: Option<String>,
}

impl Searching {
    pub(super) fn new(messages: Messages, progress: Shown) -> Self {
        Self { messages, progress, latest: None }
    }

    pub(super) fn event(&mut self, event: &Event<'_>) {
        let at = event.elapsed;
        let (is_shown, text, next_poll) = match event.kind {
            EventKind::Retry { fault, next_poll } => {
                let next = format!("; next poll in {}", brief(next_poll.saturating_sub(at)));
                (self.progress != Shown::Nothing, complaint(fault), next)
            }
            EventKind::Invisible { fault, .. } => {
                let text = safe(&fault.message, 300).to_string();
                (
                    self.progress.has_states(),
                    text,
                    "; asking again, because a new task takes a few seconds".into(),
                )
            }
            _ => return,
        };
        if self.latest.replace(text.clone()).as_ref() != Some(&text) && is_shown {
            self.messages.write(&format!("[{}] {text}{next_poll}", brief(at)));
        }
    }

    pub(super) fn found(&self, rows: &[TaskRow], jobs: &[JobId], again: bool) {
        if !self.progress.has_states() {
            return;
        }
        let more = if again { "more " } else { "" };
        let tasks = if jobs.len() == 1 { "task" } else { "tasks" };
        let rows = rows.iter().filter(|row| row.id().is_some_and(|id| jobs.contains(id)));
        let named: Vec<String> = rows.take(MOST).map(wording::row).collect();
        let rest = if jobs.len() > MOST { ", …" } else { "" };
        let count = jobs.len();
        self.messages.write(&format!("found {count} {more}{tasks}: {}{rest}", named.join(", ")));
    }

    pub(super) fn scheduled(&self, rows: &[TaskRow], jobs: &[JobId]) {
        let others = rows.iter().filter(|row| row.id().is_none_or(|id| !jobs.contains(id)));
        let named: Vec<String> = others.take(MOST).map(wording::row).collect();
        if self.progress.has_states() && !named.is_empty() {
            let named = named.join(", ");
            self.messages.write(&format!("not waited for, because of the maintenance window: {named}"));
        }
    }
}
