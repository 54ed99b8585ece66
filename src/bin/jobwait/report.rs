//! Shows a wait: progress and advice on standard error, the result on standard output.

mod advice;
mod annotation;
mod bar;
mod events;
mod plain;
mod result;

use std::time::Duration;

use std::io::IsTerminal as _;

use jobwait::text::safe;
use jobwait::{Event, Fault, Job, JobId, Status, Verdict};

use self::bar::Bar;
use self::events::Events;
use self::plain::Plain;
use crate::args::Output;
use crate::config::{Shown, View};
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
    annotates: bool,
    plain: Plain,
    bar: Option<Bar>,
    events: Option<Events>,
    result: Stream,
    progress: Stream,
}

impl Report {
    pub(crate) fn new(job: JobId, view: View, deadline: Duration, result: Stream, progress: Stream) -> Self {
        let bar = match view.progress {
            Shown::Bar { color } => Some(Bar::on(progress.clone(), deadline, color)),
            _ => None,
        };
        let events = (view.output == Output::Jsonl).then(|| Events::new(job.clone(), view.heartbeat));
        let plain = Plain::new(view, deadline);
        Self { job, output: view.output, annotates: view.annotates, plain, bar, events, result, progress }
    }

    pub(crate) fn event(&mut self, event: &Event<'_>) {
        if let Some(line) = self.events.as_mut().and_then(|events| events.line(event)) {
            self.result.line(&line);
        }
        if let Some(line) = self.plain.line(event) {
            self.say(&line);
        }
        if let Some(bar) = &mut self.bar {
            bar.event(event);
        }
    }

    /// When something is to be shown though nothing happens, from the beginning of the wait.
    pub(crate) fn due_at(&self) -> Option<Duration> {
        let bar = self.bar.as_ref().map(Bar::due_at);
        let events = self.events.as_ref().map(Events::heartbeat_at);
        [self.plain.heartbeat_at(), bar, events].into_iter().flatten().min()
    }

    /// Shows what is due.
    pub(crate) fn pass(&mut self, elapsed: Duration) {
        if self.plain.heartbeat_at().is_some_and(|due| due <= elapsed) {
            let line = self.plain.heartbeat(elapsed);
            self.say(&line);
        }
        if let Some(bar) = self.bar.as_mut().filter(|bar| bar.due_at() <= elapsed) {
            bar.draw(elapsed);
        }
        if let Some(events) = self.events.as_mut().filter(|events| events.heartbeat_at() <= elapsed) {
            let line = events.heartbeat(elapsed);
            self.result.line(&line);
        }
    }

    /// Shows a verdict, and what to do about it; the exit code. `resume` is the command that waits on, if there is
    /// one.
    pub(crate) fn verdict(&mut self, verdict: &Verdict, signal: Option<Signal>, resume: Option<&str>) -> u8 {
        let (name, code) = exit::of(verdict.outcome, signal);
        // Nothing is left of the bar but the lines above it.
        let bar = self.bar.take();
        if let Some(bar) = &bar {
            bar.clear();
        }
        for line in advice::on(verdict, signal, resume) {
            self.say(&line);
        }
        let text = result::text(&self.job, name, verdict);
        if self.annotates && code != 0 && signal.is_none() {
            self.progress.line(&annotation::error(&format!("jobwait: {name}"), &text));
        }
        // Who reads the log does not see the document that a script reads, nor who looks at the terminal what goes into
        // a variable.
        if self.output != Output::Text || (bar.is_some() && !std::io::stdout().is_terminal()) {
            self.say(&format!(": {text}"));
        }
        let result = match &self.events {
            Some(events) => events.end(name, code, verdict),
            None if self.output == Output::Json => result::json(&self.job, name, code, verdict),
            None => text,
        };
        // Both streams often end in one log or terminal: there the result comes last.
        self.progress.finish(IN_ORDER);
        self.result.result(&result);
        code
    }

    /// One line for people.
    pub(crate) fn say(&self, line: &str) {
        let line = format!("jobwait{line}");
        match &self.bar {
            Some(bar) => bar.above(|| self.progress.line(&line)),
            None => self.progress.line(&line),
        }
    }
}

/// `Running`
fn name(status: &Status) -> String {
    safe(status.as_str(), 60).to_string()
}

/// `Running 40%`
fn status(job: &Job) -> String {
    let status = name(job.status());
    match job.progress() {
        Some(progress) => format!("{status} {progress}"),
        None => status,
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

#[cfg(test)]
mod tests;
