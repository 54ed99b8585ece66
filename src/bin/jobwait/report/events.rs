//! Events as lines of JSON, as they happen. Field names are API.

use std::time::Duration;

use jobwait::{Event, EventKind, Fault, JobId, Progress, Verdict};
use serde::Serialize;

use super::result::{Entry, line, seconds};

/// What has been told.
#[derive(Debug)]
pub(super) struct Events {
    job: JobId,
    heartbeat: Duration,
    last_line: Duration,
    /// What the last look that told something saw.
    latest: Option<State>,
}

/// A status and a percentage, or none of both while the task is not visible.
type State = Option<(String, Option<f64>)>;

impl Events {
    pub(super) fn new(job: JobId, heartbeat: Duration) -> Self {
        Self { job, heartbeat, last_line: Duration::ZERO, latest: None }
    }

    /// The line that an event is worth, if any.
    pub(super) fn line(&mut self, event: &Event<'_>) -> Option<String> {
        let at = event.elapsed;
        let next = |look: Duration| seconds(look.saturating_sub(at));
        let text = match event.kind {
            EventKind::Invisible { fault, next_poll } => {
                if !self.is_new(None) {
                    return None;
                }
                line(&Failed::new("invisible", &self.job, at, fault, next(next_poll)))
            }
            EventKind::Retry { fault, next_poll } => {
                line(&Failed::new("retry", &self.job, at, fault, next(next_poll)))
            }
            EventKind::Going { job, next_poll } => {
                let progress = job.progress().map(Progress::percent);
                if !self.is_new(Some((job.status().as_str().to_owned(), progress))) {
                    return None;
                }
                line(&Going::new(
                    "status",
                    &self.job,
                    at,
                    Some(job.status().as_str()),
                    progress,
                    Some(next(next_poll)),
                ))
            }
            // The end is the verdict's to tell.
            _ => return None,
        };
        self.last_line = at;
        Some(text)
    }

    pub(super) fn heartbeat_at(&self) -> Duration {
        self.last_line.saturating_add(self.heartbeat)
    }

    pub(super) fn heartbeat(&mut self, elapsed: Duration) -> String {
        self.last_line = elapsed;
        let state = self.latest.as_ref().and_then(Option::as_ref);
        let (status, progress) =
            (state.map(|(status, _)| status.as_str()), state.and_then(|(_, progress)| *progress));
        line(&Going::new("heartbeat", &self.job, elapsed, status, progress, None))
    }

    /// The task's last line.
    pub(super) fn verdict(&self, outcome: &'static str, verdict: &Verdict) -> String {
        line(&Entry::new(Some("verdict"), &self.job, outcome, verdict))
    }

    fn is_new(&mut self, state: State) -> bool {
        let new = self.latest.as_ref() != Some(&state);
        self.latest = Some(state);
        new
    }
}

/// The last line, of the whole.
pub(super) fn whole(elapsed: Duration, outcome: &'static str, exit_code: u8) -> String {
    line(&Whole { event: "result", job_id: (), elapsed_seconds: seconds(elapsed), outcome, exit_code })
}

#[derive(Serialize)]
struct Going<'a> {
    event: &'static str,
    job_id: &'a str,
    elapsed_seconds: f64,
    status: Option<&'a str>,
    progress: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_poll_seconds: Option<f64>,
}

impl<'a> Going<'a> {
    fn new(
        event: &'static str,
        job: &'a JobId,
        at: Duration,
        status: Option<&'a str>,
        progress: Option<f64>,
        next_poll_seconds: Option<f64>,
    ) -> Self {
        let job_id = job.as_str();
        Self { event, job_id, elapsed_seconds: seconds(at), status, progress, next_poll_seconds }
    }
}

#[derive(Serialize)]
struct Failed<'a> {
    event: &'static str,
    job_id: &'a str,
    elapsed_seconds: f64,
    message: &'a str,
    error_code: Option<&'a str>,
    request_id: Option<&'a str>,
    http_status: Option<u16>,
    next_poll_seconds: f64,
}

impl<'a> Failed<'a> {
    fn new(
        event: &'static str,
        job: &'a JobId,
        at: Duration,
        fault: &'a Fault,
        next_poll_seconds: f64,
    ) -> Self {
        Self {
            event,
            job_id: job.as_str(),
            elapsed_seconds: seconds(at),
            message: &fault.message,
            error_code: fault.error_code.as_deref(),
            request_id: fault.request_id.as_deref(),
            http_status: fault.http_status,
            next_poll_seconds,
        }
    }
}

/// Of all tasks, so that it is of none: `null`.
#[derive(Serialize)]
struct Whole {
    event: &'static str,
    job_id: (),
    elapsed_seconds: f64,
    outcome: &'static str,
    exit_code: u8,
}
