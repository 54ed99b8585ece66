//! Progress as lines: when the status or `process` changes, on errors, and on the heartbeat. No `\r`, no
//! escape codes. Above bars, which show the progress, only the lines that people need.

use std::ops::Range;
use std::time::Duration;

use jobwait::{Event, EventKind, Fault, FaultKind, Job, JobId, Outcome, Status};

use super::Sink;
use super::messages::Messages;
use super::tally::Tally;
use super::wording::{self, complaint, meaning, name, status, subject};
use crate::duration::brief;
use crate::exit::Ending;
use crate::options::{Shown, View};
use crate::signals::Signal;

/// The most tasks that are shown in detail. With more, a line for each percent would be a flood.
const IN_DETAIL: usize = 20;

/// The hint after the first 429.
const QUOTA_HINT: &str = "the quota of the account is used up, by this or other clients; polls slow down. \
    To use less of it, give all job IDs to one jobwait, or use a longer --max-interval";

#[derive(Debug)]
pub(super) struct Lines {
    messages: Messages,
    kinds: Kinds,
    tasks: Vec<Task>,
    tally: Tally,
    deadline: Duration,
    heartbeat: Option<Duration>,
    last_line: Duration,
    /// Whether the hint on a used-up quota was shown.
    has_hinted: bool,
}

/// The kinds of lines that are shown.
#[derive(Debug, Clone, Copy)]
struct Kinds {
    progress: Shown,
    /// The status of each task.
    states: bool,
    /// Each percent.
    details: bool,
}

/// The lines that were shown of a task.
#[derive(Debug)]
struct Task {
    id: JobId,
    /// The ID, or nothing if there is only one task.
    label: String,
    /// The latest state, and the time of the poll.
    latest: Option<(String, Duration)>,
    was_seen: bool,
    /// The status whose meaning was shown last.
    explained: Option<Status>,
    /// The error of the latest poll, if it failed.
    error: Option<Error>,
}

#[derive(Debug)]
struct Error {
    message: String,
    /// The message with its codes, as it is shown.
    complaint: String,
    /// The time of the first such error in a row.
    since: Duration,
}

impl Lines {
    /// `has_own_bars` is whether each task has a bar of its own.
    pub(super) fn new(
        messages: Messages,
        jobs: &[JobId],
        view: View,
        period: Range<Duration>,
        has_own_bars: bool,
    ) -> Self {
        let several = jobs.len() > 1;
        let in_lines = view.progress == Shown::Lines;
        let kinds = Kinds {
            progress: view.progress,
            states: in_lines || has_own_bars,
            details: in_lines && jobs.len() <= IN_DETAIL,
        };
        let task = |id: &JobId| Task {
            id: id.clone(),
            label: if several { format!("{id}: ") } else { String::new() },
            latest: None,
            was_seen: false,
            explained: None,
            error: None,
        };
        Self {
            messages,
            kinds,
            tasks: jobs.iter().map(task).collect(),
            tally: Tally::of(jobs.len()),
            deadline: period.end,
            heartbeat: in_lines.then_some(view.heartbeat),
            last_line: period.start,
            has_hinted: false,
        }
    }

    fn write(&mut self, elapsed: Duration, line: &str) {
        self.last_line = elapsed;
        self.messages.write(&format!("[{}] {line}", brief(elapsed)));
    }
}

impl Sink for Lines {
    fn event(&mut self, number: usize, event: &Event<'_>, signal: Option<Signal>) {
        let (kinds, task, at) = (self.kinds, &mut self.tasks[number], event.elapsed);
        let line = match event.kind {
            EventKind::Retry { fault, next_poll } => task.retry(fault, at, next_poll),
            EventKind::Invisible { fault, .. } => task.invisible(fault, at, kinds),
            EventKind::Going { job, .. } => task.going(job, at, kinds),
            EventKind::Ended(verdict) => {
                let ending = Ending::of(verdict.outcome, signal);
                self.tally.count(ending);
                task.error = None;
                // A task that is undecided at the end of the whole wait is left to the result.
                let is_decided = !matches!(verdict.outcome, Outcome::Stopped | Outcome::TimedOut);
                let is_shown = is_decided && !task.label.is_empty() && kinds.progress.has_states();
                is_shown.then(|| wording::verdict(&task.id, ending, verdict))
            }
            _ => None,
        };
        if let Some(line) = line {
            self.write(at, &line);
        }
        if let EventKind::Retry { fault, .. } = event.kind
            && fault.kind == FaultKind::Throttled
            && !std::mem::replace(&mut self.has_hinted, true)
        {
            self.write(at, QUOTA_HINT);
        }
    }

    fn due_at(&self) -> Option<Duration> {
        self.heartbeat.map(|heartbeat| self.last_line.saturating_add(heartbeat))
    }

    fn pass(&mut self, elapsed: Duration) {
        if self.due_at().is_some_and(|due| due <= elapsed) {
            let state = match &self.tasks[..] {
                [] => "looking for the tasks of the instance".to_owned(),
                [task] => task.state(elapsed),
                tasks => format!("{}{}", self.tally, errors(tasks)),
            };
            let left = brief(self.deadline.saturating_sub(elapsed));
            self.write(elapsed, &format!("{state}; times out in {left}"));
        }
    }
}

impl Task {
    /// The same error again is left to the heartbeat.
    fn retry(&mut self, fault: &Fault, at: Duration, next_poll: Duration) -> Option<String> {
        // Each request has an ID of its own, so only the messages are compared.
        if self.error.as_ref().is_some_and(|error| error.message == fault.message) {
            return None;
        }
        let complaint = complaint(fault);
        // After a 429, all tasks are polled later.
        let whose =
            if fault.kind == FaultKind::Throttled && !self.label.is_empty() { " of all tasks" } else { "" };
        let delay = brief(next_poll.saturating_sub(at));
        let line = format!("{}{complaint}; next poll{whose} in {delay}", self.label);
        self.error = Some(Error { message: fault.message.clone(), complaint, since: at });
        Some(line)
    }

    fn invisible(&mut self, fault: &Fault, at: Duration, kinds: Kinds) -> Option<String> {
        let (state, remark) = if self.was_seen {
            ("no longer visible", "polling again")
        } else {
            ("not visible yet", "a new task takes a few seconds")
        };
        // The bars of several tasks show which are new.
        let is_shown = self.was_seen || self.label.is_empty() || kinds.progress == Shown::Lines;
        let is_new = self.is_new(state, at) && kinds.states;
        (is_new && is_shown).then(|| format!("{}{state}: {}; {remark}", self.label, complaint(fault)))
    }

    fn going(&mut self, job: &Job, at: Duration, kinds: Kinds) -> Option<String> {
        let state = if kinds.details { status(job) } else { name(job.status()) };
        let is_first = !std::mem::replace(&mut self.was_seen, true);
        if !self.is_new(&state, at) || !kinds.states {
            return None;
        }
        let is_explained = self.explained.replace(job.status().clone()).as_ref() == Some(job.status());
        let meaning = if is_explained { "" } else { meaning(job.status()) };
        let subject = subject(job).filter(|_| is_first).map(|subject| format!("  {subject}"));
        Some(format!("{}{state}{meaning}{}", self.label, subject.unwrap_or_default()))
    }

    /// Takes note of a state, and returns whether it is worth a line: it is new, or it follows an error.
    fn is_new(&mut self, state: &str, at: Duration) -> bool {
        let is_new = self.latest.as_ref().is_none_or(|(latest, _)| latest != state);
        self.latest = Some((state.to_owned(), at));
        self.error.take().is_some() || is_new
    }

    fn state(&self, elapsed: Duration) -> String {
        let ago = |at: Duration| brief(elapsed.saturating_sub(at));
        let state = match &self.latest {
            Some((state, at)) => format!("{state}, polled {} ago", ago(*at)),
            None => "no response yet".to_owned(),
        };
        match &self.error {
            Some(error) => format!("{state}; for {}: {}", ago(error.since), error.complaint),
            None => state,
        }
    }
}

/// Formats the errors of several tasks, with one of them as an example.
fn errors(tasks: &[Task]) -> String {
    let mut failing = tasks.iter().filter_map(|task| task.error.as_ref()).peekable();
    let example = failing.peek().map(|error| error.complaint.clone());
    let count = failing.count();
    example.map_or_else(String::new, |example| format!("; polls of {count} fail: {example}"))
}
