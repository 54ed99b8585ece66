//! Events as lines of JSON, as they happen.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jobwait::{Event, EventKind, JobId, Progress};

use super::document::{Entry, Failure, Line, Seconds, line};
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
}

impl Sink for Jsonl {
    fn event(&mut self, number: usize, event: &Event<'_>, signal: Option<Signal>) {
        let (task, job_id, at) = (&mut self.tasks[number], self.jobs[number].as_str(), event.elapsed);
        let elapsed_seconds = at.into();
        let until = |next_poll: Duration| Seconds::from(next_poll.saturating_sub(at));
        let event = match event.kind {
            EventKind::Invisible { fault, next_poll } => task
                .is_new(State::default())
                .then(|| Line::Invisible(Failure::new(job_id, elapsed_seconds, fault, until(next_poll)))),
            EventKind::Retry { fault, next_poll } => {
                Some(Line::Retry(Failure::new(job_id, elapsed_seconds, fault, until(next_poll))))
            }
            EventKind::Going { job, next_poll } => {
                let (status, progress) = (job.status().as_str(), job.progress().map(Progress::percent));
                let next_poll_seconds = until(next_poll);
                task.is_new(State { status: Some(status.to_owned()), progress }).then_some(Line::Status {
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
                    text.add(&line(&Line::Verdict(Entry::new(&jobs[number], ending, &verdict))));
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
        while self.due_at().is_some_and(|due| due <= elapsed)
            && let Some((_, number)) = self.silent.pop_first()
        {
            let task = &mut self.tasks[number];
            task.last_line = elapsed;
            self.silent.insert((elapsed, number));
            let state = task.state.as_ref();
            self.stdout.line(&line(&Line::Heartbeat {
                job_id: self.jobs[number].as_str(),
                elapsed_seconds: elapsed.into(),
                status: state.and_then(|state| state.status.as_deref()),
                progress: state.and_then(|state| state.progress),
            }));
        }
    }

    fn finish(&mut self, summary: &Arc<Summary>) {
        let summary = Arc::clone(summary);
        self.stdout.produce(move |text| {
            text.add(&line(&Line::Result {
                job_id: (),
                elapsed_seconds: summary.elapsed().into(),
                outcome: summary.ending.name(),
                exit_code: summary.ending.code(),
            }));
            text.add("\n");
        });
    }
}
