//! Progress as lines: when the status or `process` changes, on errors, and on the heartbeat. No `\r`, no
//! escape codes. Above a bar, which shows the rest, only what people must know.

use std::time::Duration;

use jobwait::{Event, EventKind, Fault, FaultKind, Job, Status};

use super::words::{complaint, name, status, subject};
use crate::duration::brief;
use crate::options::{Shown, View};

/// What has been shown.
#[derive(Debug)]
pub(super) struct Plain {
    /// Which of several tasks it is.
    label: Option<String>,
    /// Whether progress and each error is worth a line, and not the status and what is new alone.
    in_detail: bool,
    shown: Shown,
    deadline: Duration,
    heartbeat: Duration,
    last_line: Duration,
    /// What the last look that told something saw, and when.
    latest: Option<(String, Duration)>,
    subject_shown: bool,
    /// The status that was explained last.
    explained: Option<Status>,
    /// The error that the latest look met, if any.
    error: Option<String>,
}

impl Plain {
    pub(super) fn new(view: View, deadline: Duration, label: Option<String>, in_detail: bool) -> Self {
        Self {
            label,
            in_detail,
            shown: view.progress,
            deadline,
            heartbeat: view.heartbeat,
            last_line: Duration::ZERO,
            latest: None,
            subject_shown: false,
            explained: None,
            error: None,
        }
    }

    /// The line that an event is worth, if any.
    pub(super) fn line(&mut self, event: &Event<'_>) -> Option<String> {
        let line = match event.kind {
            EventKind::Retry { fault, next_poll } => {
                self.error(fault, next_poll.saturating_sub(event.elapsed))
            }
            EventKind::Invisible { .. } | EventKind::Going { .. } => self.progress(event),
            // The end is the verdict's to show.
            _ => None,
        }?;
        self.last_line = event.elapsed;
        let label = self.label.as_ref().map(|label| format!("{label}: ")).unwrap_or_default();
        Some(format!(" [{}] {label}{line}", brief(event.elapsed)))
    }

    fn error(&mut self, fault: &Fault, rest: Duration) -> Option<String> {
        // One that is told to ask less is told for all.
        let whose =
            if fault.kind == FaultKind::Throttled && self.label.is_some() { " of all tasks" } else { "" };
        let line = format!("{}; next look{whose} in {}", complaint(fault), brief(rest));
        // Each request has an ID of its own.
        let new = self.error.replace(fault.message.clone()).as_ref() != Some(&fault.message);
        let worth_a_line = match self.shown {
            // In an outage, each look at each of many tasks would be a flood.
            Shown::Lines => new || self.in_detail,
            Shown::Bar { .. } | Shown::Errors => new,
            Shown::Nothing => false,
        };
        worth_a_line.then_some(line)
    }

    fn progress(&mut self, event: &Event<'_>) -> Option<String> {
        // After an error, it is worth a line that things go on as before.
        let after_an_error = self.error.take().is_some();
        let line = match event.kind {
            EventKind::Invisible { fault, .. } => {
                let seen = self.subject_shown;
                let state = if seen { "gone from sight" } else { "not visible yet" };
                // Of several, their bars say that they are new: these need no line each.
                let told = matches!(self.shown, Shown::Bar { .. }) && self.label.is_some() && !seen;
                if !self.is_new(state, event.elapsed) && !after_an_error || told {
                    return None;
                }
                let why = if seen { "it is asked for again" } else { "a new ID takes some seconds" };
                format!("{state}: {}; {why}", complaint(fault))
            }
            EventKind::Going { job, .. } => {
                let state = if self.in_detail { status(job) } else { name(job.status()) };
                if !self.is_new(&state, event.elapsed) && !after_an_error {
                    return None;
                }
                let first = !std::mem::replace(&mut self.subject_shown, true);
                let subject = subject(job).filter(|_| first).map(|subject| format!("  {subject}"));
                format!("{state}{}{}", self.explanation(job), subject.unwrap_or_default())
            }
            _ => return None,
        };
        matches!(self.shown, Shown::Bar { .. } | Shown::Lines).then_some(line)
    }

    /// When silence has lasted long enough, from the beginning of the wait.
    pub(super) fn heartbeat_at(&self) -> Option<Duration> {
        match self.shown {
            Shown::Lines => Some(self.last_line.saturating_add(self.heartbeat)),
            Shown::Bar { .. } | Shown::Errors | Shown::Nothing => None,
        }
    }

    pub(super) fn heartbeat(&mut self, elapsed: Duration) -> String {
        self.last_line = elapsed;
        let latest = match &self.latest {
            Some((state, at)) => format!("{state}, asked {} ago", brief(elapsed.saturating_sub(*at))),
            None => "no answer about the task yet".to_owned(),
        };
        let left = brief(self.deadline.saturating_sub(elapsed));
        format!(" [{}] {latest}; {left} left", brief(elapsed))
    }

    /// What the job's status means, once.
    fn explanation(&mut self, job: &Job) -> &'static str {
        let known = self.explained.replace(job.status().clone());
        if known.as_ref() == Some(job.status()) { "" } else { meaning(job.status()) }
    }

    fn is_new(&mut self, state: &str, at: Duration) -> bool {
        let new = self.latest.as_ref().is_none_or(|(latest, _)| latest != state);
        self.latest = Some((state.to_owned(), at));
        new
    }
}

/// What people have to know about a status.
pub(super) fn meaning(status: &Status) -> &'static str {
    match status {
        Status::Pending => " (delayed; it may wait for the maintenance window)",
        Status::Unauthorized => " (a person must approve it)",
        Status::Other(_) => " (a status that is not known here; the wait goes on)",
        _ => "",
    }
}
