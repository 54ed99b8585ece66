//! Progress as lines: when the status or `process` changes, on errors, and on the heartbeat. No `\r`, no escape
//! codes.

use std::time::Duration;

use jobwait::{Event, Job, News, Status};

use super::{complaint, status, subject};
use crate::config::Heartbeat;
use crate::duration::brief;

/// What has been shown.
#[derive(Debug)]
pub(super) struct Plain {
    heartbeat: Duration,
    deadline: Duration,
    last_line: Duration,
    /// What the last look that told something saw, and when.
    latest: Option<(String, Duration)>,
    subject_shown: bool,
    /// The status that was explained last.
    explained: Option<Status>,
}

impl Plain {
    pub(super) fn new(heartbeat: Heartbeat, deadline: Duration) -> Self {
        Self {
            heartbeat: heartbeat.0,
            deadline,
            last_line: Duration::ZERO,
            latest: None,
            subject_shown: false,
            explained: None,
        }
    }

    /// The line that an event is worth, if any.
    pub(super) fn line(&mut self, event: &Event<'_>) -> Option<String> {
        let line = match event.news {
            News::Invisible { fault, .. } => {
                let seen = self.subject_shown;
                let state = if seen { "gone from sight" } else { "not visible yet" };
                if !self.is_new(state, event.elapsed) {
                    return None;
                }
                let why = if seen { "it is asked for again" } else { "a new ID takes some seconds" };
                format!("{state}: {}; {why}", complaint(fault))
            }
            News::Going { job, .. } => {
                let state = status(job);
                if !self.is_new(&state, event.elapsed) {
                    return None;
                }
                let first = !std::mem::replace(&mut self.subject_shown, true);
                let subject = subject(job).filter(|_| first).map(|subject| format!("  {subject}"));
                format!("{state}{}{}", self.explanation(job), subject.unwrap_or_default())
            }
            News::Retry { fault, next_look } => {
                let rest = brief(next_look.saturating_sub(event.elapsed));
                format!("{}; next look in {rest}", complaint(fault))
            }
            // The end is the verdict's to show.
            _ => return None,
        };
        self.last_line = event.elapsed;
        Some(format!(" [{}] {line}", brief(event.elapsed)))
    }

    pub(super) fn heartbeat_at(&self) -> Duration {
        self.last_line.saturating_add(self.heartbeat)
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
fn meaning(status: &Status) -> &'static str {
    match status {
        Status::Pending => " (delayed; it may wait for the maintenance window)",
        Status::Unauthorized => " (a person must approve it)",
        Status::Other(_) => " (a status that is not known here; the wait goes on)",
        _ => "",
    }
}
