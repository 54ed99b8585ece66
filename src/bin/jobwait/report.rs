//! The report of a wait: progress and hints on standard error, the result on standard output.
//!
//! Each output is a sink in a file of its own. Sinks share the wording and know nothing of each other.

mod annotation;
mod bar;
mod closing;
mod document;
mod hints;
mod json;
mod jsonl;
mod lines;
mod messages;
mod print;
mod searching;
mod summary;
mod tally;
mod text;
mod wording;

use std::fmt::Debug;
use std::io::{self, IsTerminal as _};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jobwait::{Event, JobId, TaskRow, Verdict};

use self::annotation::Annotation;
use self::bar::Bars;
use self::closing::Closing;
pub(crate) use self::document::FORMAT_VERSION;
use self::hints::Hints;
use self::json::Json;
use self::jsonl::Jsonl;
use self::lines::Lines;
use self::messages::Messages;
use self::print::Print;
use self::searching::Searching;
use self::summary::{Outputs, Table};
use self::text::Text;
use crate::args::Output;
use crate::exit::{Ending, Summary};
use crate::options::{ResultOptions, Shown, View};
use crate::signals::Signal;
use crate::stream::Stream;

/// The time that the result waits for earlier messages. A stream without a reader must not delay it.
const IN_ORDER: Duration = Duration::from_millis(20);

/// An output of a report. All times count from the start of the wait.
trait Sink: Debug {
    /// Takes note of an event of a task.
    fn event(&mut self, _task: usize, _event: &Event<'_>, _signal: Option<Signal>) {}

    /// The time at which [`pass`](Self::pass) has something to show.
    fn due_at(&self) -> Option<Duration> {
        None
    }

    /// Shows what is due.
    fn pass(&mut self, _elapsed: Duration) {}

    /// Shows the end.
    fn finish(&mut self, _summary: &Arc<Summary>) {}

    /// Removes what is redrawn in place.
    fn clear(&mut self) {}
}

/// The sinks of a wait.
#[derive(Debug)]
pub(crate) struct Report {
    messages: Messages,
    search: Searching,
    /// The sinks on standard error, in the order in which they finish.
    progress: Vec<Box<dyn Sink>>,
    /// The sinks of the result: that on standard output, and those in files.
    results: Vec<Box<dyn Sink>>,
}

impl Report {
    /// A report of these tasks from the start of the period to its end, the deadline.
    pub(crate) fn new(
        jobs: Arc<[JobId]>,
        view: View,
        options: &ResultOptions,
        period: Range<Duration>,
        stdout: &Stream,
        stderr: &Stream,
    ) -> Self {
        let bars = match view.progress {
            Shown::Bar { color } => Some(Bars::on(stderr.clone(), &jobs, view, period.end, color)),
            _ => None,
        };
        Self::with_bars(bars, jobs, view, options, period, stdout, stderr)
    }

    fn with_bars(
        bars: Option<Bars>,
        jobs: Arc<[JobId]>,
        view: View,
        options: &ResultOptions,
        period: Range<Duration>,
        stdout: &Stream,
        stderr: &Stream,
    ) -> Self {
        let messages = Messages { stderr: stderr.clone(), bars: bars.as_ref().map(Bars::drawing) };
        // The reader of a log does not see a document for a script, and the user of a terminal does not see a
        // result that goes elsewhere.
        let hides_result = view.output != Output::Text || (bars.is_some() && !io::stdout().is_terminal());
        let mut progress: Vec<Box<dyn Sink>> = Vec::new();
        if view.progress != Shown::Nothing {
            let has_own_bars = bars.as_ref().is_some_and(Bars::show_each);
            progress.push(Box::new(Lines::new(messages.clone(), &jobs, view, period.clone(), has_own_bars)));
        }
        progress.extend(bars.map(|bars| Box::new(bars) as Box<dyn Sink>));
        progress.push(Box::new(Hints(messages.clone())));
        for system in view.annotates {
            progress.push(Box::new(Annotation { stderr: stderr.clone(), system: *system }));
        }
        let is_replaced = options.print.is_some();
        let closing = Closing::new(messages.clone(), jobs.len(), view.progress, hides_result, is_replaced);
        progress.push(Box::new(closing));
        let search = Searching::new(messages.clone(), view.progress);
        let result = result(view.output, jobs, view.heartbeat, period.start, stdout.clone());
        let result = match options.print.clone() {
            Some(pointer) => {
                let (stdout, stderr) = (stdout.clone(), stderr.clone());
                Box::new(Print { stdout, stderr, pointer, otherwise: result })
            }
            None => result,
        };
        let results = [result].into_iter().chain(in_files(options)).collect();
        Self { messages, search, progress, results }
    }

    fn sinks(&mut self) -> impl Iterator<Item = &mut Box<dyn Sink>> {
        self.progress.iter_mut().chain(&mut self.results)
    }

    /// Shows an event of a task.
    pub(crate) fn event(&mut self, task: usize, event: &Event<'_>, signal: Option<Signal>) {
        self.sinks().for_each(|sink| sink.event(task, event, signal));
    }

    /// The time at which something is to be shown even if nothing happens.
    pub(crate) fn due_at(&self) -> Option<Duration> {
        self.progress.iter().chain(&self.results).filter_map(|sink| sink.due_at()).min()
    }

    /// Shows what is due.
    pub(crate) fn pass(&mut self, elapsed: Duration) {
        self.sinks().for_each(|sink| sink.pass(elapsed));
    }

    /// Shows the end.
    pub(crate) fn finish(mut self, summary: &Arc<Summary>) {
        self.progress.iter_mut().for_each(|sink| sink.finish(summary));
        // Both streams often end in one log or terminal. There the result comes last.
        self.messages.stderr.finish(IN_ORDER);
        self.results.iter_mut().for_each(|sink| sink.finish(summary));
    }

    /// Removes what is redrawn in place: another report follows.
    pub(crate) fn close(mut self) {
        self.progress.iter_mut().for_each(|sink| sink.clear());
    }

    /// Shows an event of the search for tasks.
    pub(crate) fn search_event(&mut self, event: &Event<'_>) {
        self.search.event(event);
    }

    /// Shows that tasks were found, `again` if it is not the first time.
    pub(crate) fn found(&self, rows: &[TaskRow], jobs: &[JobId], again: bool) {
        self.search.found(rows, jobs, again);
    }

    /// Names the tasks that wait for a maintenance window, but for those that the wait is about.
    pub(crate) fn scheduled(&self, rows: &[TaskRow], jobs: &[JobId]) {
        self.search.scheduled(rows, jobs);
    }

    /// Shows a message.
    pub(crate) fn message(&self, text: &str) {
        self.messages.write(text);
    }
}

/// The sink of the result.
fn result(
    output: Output,
    jobs: Arc<[JobId]>,
    heartbeat: Duration,
    now: Duration,
    stdout: Stream,
) -> Box<dyn Sink> {
    match output {
        Output::Text => Box::new(Text(stdout)),
        Output::Json => Box::new(Json(stdout)),
        Output::Jsonl => Box::new(Jsonl::new(stdout, jobs, heartbeat, now)),
    }
}

/// The sinks of the result in files.
fn in_files(options: &ResultOptions) -> Vec<Box<dyn Sink>> {
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    if let Some(file) = &options.summary {
        sinks.push(Box::new(Table(file.stream.clone())));
    }
    if let Some(file) = &options.outputs {
        sinks.push(Box::new(Outputs(file.stream.clone())));
    }
    sinks
}

/// Reports a signal that came before the job IDs were read, and returns the exit code.
pub(crate) fn interrupted_early(
    signal: Signal,
    output: Output,
    options: &ResultOptions,
    stderr: &Stream,
) -> u8 {
    let name = signal.name();
    stderr.message(&format!("stopped by {name} while reading job IDs from standard input; nothing was sent"));
    let stdout = Stream::stdout();
    let ending = Ending::Interrupted(signal);
    let nothing = Arc::new(Summary { ending, tasks: Vec::new(), resume: None, search: None });
    result(output, Arc::new([]), Duration::MAX, Duration::ZERO, stdout.clone()).finish(&nothing);
    for mut sink in in_files(options) {
        sink.finish(&nothing);
    }
    stdout.finish(IN_ORDER);
    for file in options.files() {
        file.stream.finish(IN_ORDER);
        file.warning().into_iter().for_each(|warning| stderr.message(&warning));
    }
    stderr.finish(IN_ORDER);
    ending.code()
}

/// The hints beside a list that could not be read.
pub(crate) fn search_hints(search: &Verdict, ending: Ending) -> Vec<String> {
    hints::of_search(search, ending, None)
}

/// Returns a function that shows the errors of a search that is retried.
pub(crate) fn search_messages(stderr: &Stream, quiet: bool) -> impl FnMut(&Event<'_>) + use<> {
    let progress = if quiet { Shown::Nothing } else { Shown::Errors };
    let mut searching = Searching::new(Messages { stderr: stderr.clone(), bars: None }, progress);
    move |event| searching.event(event)
}

#[cfg(test)]
mod tests;
