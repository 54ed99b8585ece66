//! Events as lines of JSON, as they happen.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jobwait::{Event, EventKind, JobId, Progress};

use super::document::{Ended, Entry, FORMAT_VERSION, Failure, Line, Seconds, Time, line};
use super::{Sink, Summary};
use crate::exit::Ending;
use crate::signals::Signal;
use crate::stream::Stream;

#[derive(Debug)]
pub(super) struct Jsonl {
    stdout: Stream,
    jobs: Arc<[JobId]>,
    heartbeat: Duration,
    tasks: Vec<Task>,
    /// The tasks that have not ended, in the order of their last lines.
    silent: BTreeSet<(Duration, usize)>,
}

#[derive(Debug, Clone)]
struct Task {
    last_line: Duration,
    /// The latest state that was reported.
    state: Option<State>,
}

/// The state of a task. The status is missing while the task is not visible.
#[derive(Debug, Clone, Default, PartialEq)]
struct State {
    status: Option<String>,
    progress: Option<f64>,
}

impl Task {
    fn is_new(&mut self, state: State) -> bool {
        let is_new = self.state.as_ref() != Some(&state);
        self.state = Some(state);
        is_new
    }
}

impl Jsonl {
    pub(super) fn new(stdout: Stream, jobs: Arc<[JobId]>, heartbeat: Duration, now: Duration) -> Self {
        let tasks = vec![Task { last_line: now, state: None }; jobs.len()];
        let silent = (0..jobs.len()).map(|task| (now, task)).collect();
        Self { stdout, jobs, heartbeat, tasks, silent }
    }

    /// Returns the time of an event that is about to be written. The version of the format comes before the
    /// first event of a stream. It is not written earlier, because a wrong configuration prints nothing.
    #[expect(clippy::disallowed_methods, reason = "readers compare events with those of other programs")]
    fn time(&self, elapsed_seconds: Seconds) -> Time {
        let time = Time(Timestamp::now());
        if !self.stdout.has_text() {
            let format_version = FORMAT_VERSION;
            self.stdout.line(&line(&Line::Version { time, job_id: (), elapsed_seconds, format_version }));
        }
        time
    }
}

impl Sink for Jsonl {
    fn event(&mut self, number: usize, event: &Event<'_>, signal: Option<Signal>) {
        let at = event.elapsed;
        let elapsed_seconds = at.into();
        let time = self.time(elapsed_seconds);
        let (task, job_id) = (&mut self.tasks[number], self.jobs[number].as_str());
        let until = |next_poll: Duration| Seconds::from(next_poll.saturating_sub(at));
        let failure = |fault, next_poll| Failure::new(time, job_id, elapsed_seconds, fault, until(next_poll));
        let event = match event.kind {
            EventKind::Invisible { fault, next_poll } => {
                task.is_new(State::default()).then(|| Line::Invisible(failure(fault, next_poll)))
            }
            EventKind::Retry { fault, next_poll } => Some(Line::Retry(failure(fault, next_poll))),
            EventKind::Going { job, next_poll } => {
                let (status, progress) = (job.status().as_str(), job.progress().map(Progress::percent));
                let next_poll_seconds = until(next_poll);
                task.is_new(State { status: Some(status.to_owned()), progress }).then_some(Line::Status {
                    time,
                    job_id,
                    elapsed_seconds,
                    status,
                    progress,
                    next_poll_seconds,
                })
            }
            EventKind::Ended(verdict) => {
                self.silent.remove(&(task.last_line, number));
                let ending = Ending::of(verdict.outcome, signal);
                let (jobs, verdict) = (Arc::clone(&self.jobs), verdict.clone());
                return self.stdout.produce(move |text| {
                    let entry = Entry::new(&jobs[number], ending, &verdict);
                    text.add(&line(&Line::Verdict(Ended { time, entry })));
                    text.add("\n");
                });
            }
            _ => None,
        };
        if let Some(event) = event {
            self.silent.remove(&(task.last_line, number));
            task.last_line = at;
            self.silent.insert((at, number));
            self.stdout.line(&line(&event));
        }
    }

    fn due_at(&self) -> Option<Duration> {
        self.silent.first().map(|(last_line, _)| last_line.saturating_add(self.heartbeat))
    }

    fn pass(&mut self, elapsed: Duration) {
        let elapsed_seconds = elapsed.into();
        while self.due_at().is_some_and(|due| due <= elapsed)
            && let Some((_, number)) = self.silent.pop_first()
        {
            let time = self.time(elapsed_seconds);
            let task = &mut self.tasks[number];
            task.last_line = elapsed;
            self.silent.insert((elapsed, number));
            let state = task.state.as_ref();
            self.stdout.line(&line(&Line::Heartbeat {
                time,
                job_id: self.jobs[number].as_str(),
                elapsed_seconds,
                status: state.and_then(|state| state.status.as_deref()),
                progress: state.and_then(|state| state.progress),
            }));
        }
    }

    fn finish(&mut self, summary: &Arc<Summary>) {
        let elapsed_seconds = summary.elapsed().into();
        let time = self.time(elapsed_seconds);
        let summary = Arc::clone(summary);
        self.stdout.produce(move |text| {
            text.add(&line(&Line::Result {
                time,
                job_id: (),
                elapsed_seconds,
                outcome: summary.ending.name(),
                exit_code: summary.ending.code(),
            }));
            text.add("\n");
        });
    }
}
