//! Shows a wait: progress and advice on standard error, the result on standard output.

mod advice;
mod annotation;
mod bar;
mod events;
mod plain;
mod result;
mod tally;
mod words;

use std::io::IsTerminal as _;
use std::time::Duration;

use jobwait::{Event, EventKind, JobId, Outcome, Until, Verdict};

use self::bar::Bars;
use self::events::Events;
use self::plain::Plain;
use self::tally::Tally;
use crate::args::Output;
use crate::duration::brief;
use crate::exit;
use crate::options::{Shown, View};
use crate::resume::Resume;
use crate::signals::Signal;
use crate::stream::Stream;

/// How long the result waits for what is said before it. A stream that nobody reads must not hold it up.
const IN_ORDER: Duration = Duration::from_millis(20);

/// More tasks than this are shown by their status only: each percent of each would be a flood.
const IN_DETAIL: usize = 20;

/// Where a wait is shown.
#[derive(Debug)]
pub(crate) struct Report {
    tasks: Vec<Task>,
    until: Until,
    view: View,
    tally: Tally,
    deadline: Duration,
    bars: Option<Bars>,
    /// When something was last said of several tasks, and when their events were last looked through.
    last_line: Duration,
    last_sweep: Duration,
    result: Stream,
    progress: Stream,
}

/// What is shown of one task.
#[derive(Debug)]
struct Task {
    id: JobId,
    plain: Plain,
    events: Option<Events>,
    ended: bool,
}

impl Report {
    pub(crate) fn new(
        jobs: Vec<JobId>,
        view: View,
        until: Until,
        deadline: Duration,
        result: Stream,
        progress: Stream,
    ) -> Self {
        let several = jobs.len() > 1;
        let bars = match view.progress {
            Shown::Bar { color } => Some(Bars::on(progress.clone(), &jobs, deadline, color)),
            _ => None,
        };
        let in_detail = jobs.len() <= IN_DETAIL && bars.is_none();
        // Where one bar is of all, their states have no place but in it.
        let each_is_shown = bars.as_ref().is_none_or(Bars::show_each);
        let in_lines = View { progress: if each_is_shown { view.progress } else { Shown::Errors }, ..view };
        let task = |id: JobId| Task {
            plain: Plain::new(in_lines, deadline, several.then(|| id.as_str().to_owned()), in_detail),
            events: (view.output == Output::Jsonl).then(|| Events::new(id.clone(), view.heartbeat)),
            ended: false,
            id,
        };
        Self {
            tally: Tally::of(jobs.len()),
            tasks: jobs.into_iter().map(task).collect(),
            until,
            view,
            deadline,
            bars,
            last_line: Duration::ZERO,
            last_sweep: Duration::ZERO,
            result,
            progress,
        }
    }

    fn several(&self) -> bool {
        self.tasks.len() > 1
    }

    /// Shows what happened in the wait for one of the tasks.
    pub(crate) fn event(&mut self, number: usize, event: &Event<'_>, signal: Option<Signal>) {
        let several = self.several();
        let task = &mut self.tasks[number];
        let (mut line, mut told) = (task.plain.line(event), None);
        match (&mut task.events, event.kind) {
            (Some(events), EventKind::Ended(verdict)) => {
                told = Some(events.verdict(exit::of(verdict.outcome, signal).0, verdict));
            }
            (Some(events), _) => told = events.line(event),
            (None, _) => {}
        }
        if let EventKind::Ended(verdict) = event.kind {
            task.ended = true;
            let name = exit::of(verdict.outcome, signal).0;
            self.tally.count(name);
            // What was undecided to the end says nothing new, and the result follows.
            let shown = several && !matches!(verdict.outcome, Outcome::Stopped | Outcome::TimedOut);
            let text = || result::text(&task.id, name, verdict);
            if shown && matches!(self.view.progress, Shown::Bar { .. } | Shown::Lines) {
                line = Some(format!(" [{}] {}", brief(event.elapsed), text()));
            }
        }
        if let Some(told) = told {
            match event.kind {
                EventKind::Ended(_) => self.result.result(&told),
                _ => self.result.line(&told),
            }
        }
        if let Some(line) = line {
            self.last_line = event.elapsed;
            self.say(&line);
        }
        if let Some(bars) = &mut self.bars {
            bars.event(number, event, &self.tally);
        }
    }

    /// When something is to be shown though nothing happens, from the beginning of the wait.
    pub(crate) fn due_at(&self) -> Option<Duration> {
        let bars = self.bars.as_ref().map(Bars::due_at);
        let (lines, events) = if let [task] = &self.tasks[..] {
            (task.plain.heartbeat_at(), task.events.as_ref().map(Events::heartbeat_at))
        } else {
            let lines = self.view.progress == Shown::Lines;
            let events = self.view.output == Output::Jsonl;
            (
                lines.then(|| self.last_line.saturating_add(self.view.heartbeat)),
                events.then(|| self.last_sweep.saturating_add(self.sweep())),
            )
        };
        [lines, bars, events].into_iter().flatten().min()
    }

    /// How often the events of several tasks are looked through.
    fn sweep(&self) -> Duration {
        (self.view.heartbeat / 4).max(Duration::from_millis(1))
    }

    /// Shows what is due.
    pub(crate) fn pass(&mut self, elapsed: Duration) {
        let of = self.tasks.len();
        if let [task] = &mut self.tasks[..] {
            if task.plain.heartbeat_at().is_some_and(|due| due <= elapsed) {
                let line = task.plain.heartbeat(elapsed);
                self.say(&line);
            }
        } else if self.view.progress == Shown::Lines
            && self.last_line.saturating_add(self.view.heartbeat) <= elapsed
        {
            self.last_line = elapsed;
            let left = brief(self.deadline.saturating_sub(elapsed));
            self.say(&format!(" [{}] {}; {left} left", brief(elapsed), self.tally));
        }
        if let Some(bars) = self.bars.as_mut().filter(|bars| bars.due_at() <= elapsed) {
            bars.draw(elapsed, &self.tally);
        }
        // Of several, each within its heartbeat, and not each by a timer of its own.
        let (early, sweep) =
            if of > 1 { (self.sweep(), self.sweep()) } else { (Duration::ZERO, Duration::ZERO) };
        if self.view.output == Output::Jsonl && self.last_sweep.saturating_add(sweep) <= elapsed {
            self.last_sweep = elapsed;
            for task in self.tasks.iter_mut().filter(|task| !task.ended) {
                let due = |events: &&mut Events| events.heartbeat_at() <= elapsed.saturating_add(early);
                if let Some(events) = task.events.as_mut().filter(due) {
                    self.result.line(&events.heartbeat(elapsed));
                }
            }
        }
    }

    /// Shows the verdicts, in the order of the tasks, and what to do about the whole; the exit code. `resume`
    /// makes the command that waits on, if there is one.
    pub(crate) fn verdict(
        &mut self,
        verdicts: &[Verdict],
        signal: Option<Signal>,
        resume: Option<Resume<'_>>,
    ) -> u8 {
        let ends: Vec<(&'static str, u8)> =
            verdicts.iter().map(|verdict| exit::of(verdict.outcome, signal)).collect();
        let (name, code) = exit::of_all(&ends, self.until);
        // Nothing is left of the bars but the lines above them.
        let bars = self.bars.take();
        if let Some(bars) = &bars {
            bars.clear();
        }
        let undecided = |name: &str| !matches!(name, "completed" | "failed" | "unauthorized");
        let open: Vec<&JobId> = self
            .tasks
            .iter()
            .zip(&ends)
            .filter(|(_, end)| undecided(end.0))
            .map(|(task, _)| &task.id)
            .collect();
        let resume = resume.map(|resume| resume(&open));
        // Of several, the one that decided.
        if let Some(decisive) = ends.iter().position(|end| end.0 == name) {
            let label = if self.several() { format!(": {}", self.tasks[decisive].id) } else { String::new() };
            for line in advice::on(&verdicts[decisive], signal, resume.as_deref()) {
                self.say(&format!("{label}{line}"));
            }
        }
        if let Some(resume) = resume.filter(|_| name == "failed" && !open.is_empty()) {
            self.say(&format!(": the other tasks go on in the cloud; {resume}"));
        }
        let texts = || {
            let tasks = self.tasks.iter().zip(&ends).zip(verdicts);
            tasks.map(|((task, (name, _)), verdict)| result::text(&task.id, name, verdict))
        };
        if self.view.annotates && code != 0 && signal.is_none() {
            let text = ends.iter().position(|end| end.0 == name).and_then(|first| texts().nth(first));
            let text = text.unwrap_or_default();
            self.progress.line(&annotation::error(&format!("jobwait: {name}"), &text));
        }
        // Who reads the log does not see the document that a script reads, nor who looks at the terminal what
        // goes into a variable.
        let hidden = self.view.output != Output::Text || (bars.is_some() && !std::io::stdout().is_terminal());
        if self.several() {
            // Of these, each was told when it ended, unless that is not shown.
            let is_told = matches!(self.view.progress, Shown::Bar { .. } | Shown::Lines);
            if hidden && !is_told {
                let without_success = texts().zip(&ends).filter(|(_, end)| end.1 != 0);
                without_success.take(IN_DETAIL).for_each(|(text, _)| self.say(&format!(": {text}")));
            }
            self.say(&format!(": {name}: {}", self.tally));
        } else if hidden {
            texts().for_each(|text| self.say(&format!(": {text}")));
        }
        // Both streams often end in one log or terminal: there the result comes last.
        self.progress.finish(IN_ORDER);
        let entries = self.tasks.iter().zip(&ends).zip(verdicts);
        let entries =
            entries.map(|((task, (name, _)), verdict)| result::Entry::new(None, &task.id, name, verdict));
        match self.view.output {
            Output::Text => self.result.result(&texts().collect::<Vec<_>>().join("\n")),
            Output::Json => self.result.result(&result::json(name, code, entries.collect())),
            Output::Jsonl => {
                let elapsed = verdicts.iter().map(|verdict| verdict.elapsed).max().unwrap_or_default();
                self.result.result(&events::whole(elapsed, name, code));
            }
        }
        code
    }

    /// One line for people.
    pub(crate) fn say(&self, line: &str) {
        let line = format!("jobwait{line}");
        match &self.bars {
            Some(bars) => bars.above(|| self.progress.line(&line)),
            None => self.progress.line(&line),
        }
    }
}

/// Tells of a signal that came while the tasks were still being read, so that there is nothing to wait for
/// yet.
pub(crate) fn unread(signal: Signal, output: Output, stderr: &Stream) {
    stderr.line(&format!(
        "jobwait: ended by {}; the tasks were still being read from standard input, and nothing was sent",
        signal.name()
    ));
    let (name, code) = (exit::INTERRUPTED, signal.exit_code());
    let stdout = Stream::into(std::io::stdout());
    match output {
        Output::Text => {}
        Output::Json => stdout.result(&result::json(name, code, Vec::new())),
        Output::Jsonl => stdout.result(&events::whole(Duration::ZERO, name, code)),
    }
    stderr.finish(IN_ORDER);
    stdout.finish(IN_ORDER);
}

#[cfg(test)]
mod tests;
