//! Shows a wait: progress and advice on standard error, the result on standard output.

mod advice;
mod plain;
mod result;

use std::time::Duration;

use jobwait::text::safe;
use jobwait::{Event, Fault, Job, JobId, Verdict};

use self::plain::Plain;
use crate::args::Output;
use crate::config::View;
use crate::exit;
use crate::signals::Signal;
use crate::stream::Stream;

/// How long the result waits for what is said before it. A stream that nobody reads must not hold it up.
const IN_ORDER: Duration = Duration::from_millis(20);

/// As much of one text of the service as a line shows.
const LONGEST_TEXT: usize = 300;

/// Where a wait is shown.
#[derive(Debug)]
pub(crate) struct Report {
    job: JobId,
    output: Output,
    plain: Plain,
    result: Stream,
    progress: Stream,
}

impl Report {
    pub(crate) fn new(job: JobId, view: View, deadline: Duration, result: Stream, progress: Stream) -> Self {
        let plain = Plain::new(view.progress, deadline);
        Self { job, output: view.output, plain, result, progress }
    }

    pub(crate) fn event(&mut self, event: &Event<'_>) {
        if let Some(line) = self.plain.line(event) {
            self.say(&line);
        }
    }

    /// When a heartbeat is due, from the beginning of the wait.
    pub(crate) fn heartbeat_at(&self) -> Option<Duration> {
        self.plain.heartbeat_at()
    }

    pub(crate) fn heartbeat(&mut self, elapsed: Duration) {
        let line = self.plain.heartbeat(elapsed);
        self.say(&line);
    }

    /// Shows a verdict, and what to do about it; the exit code. `resume` is the command that waits on, if there is
    /// one.
    pub(crate) fn verdict(&self, verdict: &Verdict, signal: Option<Signal>, resume: Option<&str>) -> u8 {
        let (name, code) = exit::of(verdict.outcome, signal);
        for line in advice::on(verdict, signal, resume) {
            self.say(&line);
        }
        let text = result::text(&self.job, name, verdict);
        let result = match self.output {
            Output::Text => text,
            Output::Json => {
                // Who reads the log does not see the document that a script reads.
                self.say(&format!(": {text}"));
                result::json(&self.job, name, code, verdict)
            }
        };
        // Both streams often end in one log or terminal: there the result comes last.
        self.progress.finish(IN_ORDER);
        self.result.line(&result);
        code
    }

    /// One line for people.
    pub(crate) fn say(&self, line: &str) {
        self.progress.line(&format!("jobwait{line}"));
    }
}

/// `Running 40%`
fn status(job: &Job) -> String {
    let status = safe(job.status().as_str(), 60);
    match job.progress() {
        Some(progress) => format!("{status} {progress}"),
        None => status.to_string(),
    }
}

/// `CreateGaussDBforMySQLInstance of simulated-mysql (…in07)`, or what there is of it.
fn subject(job: &Job) -> Option<String> {
    let name = job.name().map(|name| safe(name, 80).to_string());
    let instance = job.instance().and_then(|instance| match (&instance.name, &instance.id) {
        (Some(name), Some(id)) => Some(format!("{} ({})", safe(name, 80), safe(id, 60))),
        (Some(one), None) | (None, Some(one)) => Some(safe(one, 80).to_string()),
        (None, None) => None,
    });
    match (name, instance) {
        (Some(name), Some(instance)) => Some(format!("{name} of {instance}")),
        (one, other) => one.or(other),
    }
}

/// The service's own words, its code and the ID that its support asks for.
fn complaint(fault: &Fault) -> String {
    let mut said = safe(&fault.message, LONGEST_TEXT).to_string();
    let code = fault.error_code.as_deref().map(|code| safe(code, 40).to_string());
    let request = fault.request_id.as_deref().map(|id| format!("request {}", safe(id, 80)));
    let details: Vec<String> = code.into_iter().chain(request).collect();
    if !details.is_empty() {
        said = format!("{said} ({})", details.join(", "));
    }
    said
}
