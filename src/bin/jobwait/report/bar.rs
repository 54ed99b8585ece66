//! Progress on a terminal: a bar for each task, redrawn in place, or one for all if there are more than fit.
//!
//! The drawing library writes into a buffer, which the thread of the stream takes to the terminal. A terminal
//! that is stopped with Ctrl-S must not stop the wait.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use jobwait::{Event, EventKind, JobId, Progress};

use super::tally::Tally;
use super::wording::name;
use super::{Sink, Summary};
use crate::exit::Ending;
use crate::options::View;
use crate::signals::Signal;
use crate::stream::Stream;

/// The time between two redraws of the times.
const REDRAW: Duration = Duration::from_secs(1);

/// The width below which a terminal has room for text only.
const WIDTH_FOR_BARS: u16 = 60;

/// A function that returns the columns and lines of a terminal.
pub(super) type Size = fn() -> (u16, u16);

/// The bars of all tasks.
#[derive(Debug)]
pub(super) struct Bars {
    multi: MultiProgress,
    each: Vec<Bar>,
    /// The line for several tasks.
    total: Option<ProgressBar>,
    tally: Tally,
    size: Size,
    deadline: Duration,
    drawn: Duration,
}

impl Bars {
    pub(super) fn new(
        target: ProgressDrawTarget,
        size: Size,
        jobs: &[JobId],
        view: View,
        deadline: Duration,
        color: bool,
    ) -> Self {
        let multi = MultiProgress::with_draw_target(target);
        let several = jobs.len() > 1;
        // One line is for the total, and one for the cursor.
        let fit = jobs.len() + 2 <= usize::from(size().1);
        let bar = |job: &JobId| Bar {
            drawing: multi.add(ProgressBar::new(100)),
            size,
            label: several.then(|| job.as_str().to_owned()),
            deadline,
            color,
            state: "connecting".to_owned(),
            progress: None,
            next_poll: None,
            seen_at: None,
            stale_after: view.stale_after,
        };
        let each = if fit || !several { jobs.iter().map(bar).collect() } else { Vec::new() };
        let total = several.then(|| multi.add(ProgressBar::new(100).with_style(style("{msg}"))));
        let tally = Tally::of(jobs.len());
        Self { multi, each, total, tally, size, deadline, drawn: Duration::ZERO }
    }

    pub(super) fn on(stream: Stream, jobs: &[JobId], view: View, deadline: Duration, color: bool) -> Self {
        // Several lines are drawn as one that continues over the whole width.
        let margin = if jobs.len() > 1 { 0 } else { MARGIN };
        let screen = Screen { stream, margin, drawn: Mutex::default() };
        // One redraw for each second and each event is little, so the rate is not limited.
        Self::new(ProgressDrawTarget::term_like(Box::new(screen)), size, jobs, view, deadline, color)
    }

    /// The drawing, which is suspended while a message is written above it.
    pub(super) fn drawing(&self) -> MultiProgress {
        self.multi.clone()
    }

    /// Returns whether each task has a bar of its own.
    pub(super) fn show_each(&self) -> bool {
        !self.each.is_empty()
    }

    fn draw_total(&self, elapsed: Duration) {
        let Some(total) = &self.total else { return };
        let left = whole_seconds(self.deadline.saturating_sub(elapsed));
        let elapsed = whole_seconds(elapsed);
        let long = format!("{}; {elapsed} elapsed, times out in {left}", self.tally);
        let room = room(self.size);
        let short = || format!("{}, times out in {left}", self.tally.brief()).chars().take(room).collect();
        total.set_message(if long.chars().count() <= room { long } else { short() });
        total.tick();
    }
}

impl Sink for Bars {
    fn event(&mut self, task: usize, event: &Event<'_>, signal: Option<Signal>) {
        if let Some(bar) = self.each.get_mut(task) {
            bar.event(event);
        }
        // The times of a single bar were drawn with the event.
        if self.total.is_none() {
            self.drawn = event.elapsed;
        }
        if let EventKind::Ended(verdict) = event.kind {
            self.tally.count(Ending::of(verdict.outcome, signal));
            self.draw_total(event.elapsed);
        }
    }

    fn due_at(&self) -> Option<Duration> {
        Some(self.drawn.saturating_add(REDRAW))
    }

    fn pass(&mut self, elapsed: Duration) {
        if self.drawn.saturating_add(REDRAW) <= elapsed {
            self.drawn = elapsed;
            self.each.iter_mut().for_each(|bar| bar.draw(elapsed));
            self.draw_total(elapsed);
        }
    }

    fn finish(&mut self, _: &Arc<Summary>) {
        self.clear();
    }

    fn clear(&mut self) {
        for bar in self.each.iter().map(|bar| &bar.drawing).chain(&self.total) {
            bar.finish_and_clear();
        }
        let _ = self.multi.clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

/// The bar of one task.
#[derive(Debug)]
struct Bar {
    drawing: ProgressBar,
    size: Size,
    /// The ID, if there are several tasks.
    label: Option<String>,
    deadline: Duration,
    color: bool,
    state: String,
    progress: Option<Progress>,
    next_poll: Option<Duration>,
    /// The time of the latest observation, and the age from which it is shown.
    seen_at: Option<Duration>,
    stale_after: Duration,
}

impl Bar {
    fn event(&mut self, event: &Event<'_>) {
        match event.kind {
            EventKind::Invisible { next_poll, .. } => {
                "not visible".clone_into(&mut self.state);
                self.progress = None;
                self.next_poll = Some(next_poll);
            }
            EventKind::Going { job, next_poll } => {
                self.state = name(job.status());
                self.progress = job.progress();
                self.seen_at = Some(event.elapsed);
                self.next_poll = Some(next_poll);
            }
            EventKind::Retry { next_poll, .. } => {
                if !self.state.ends_with(NO_RESPONSE) {
                    self.state += NO_RESPONSE;
                }
                self.next_poll = Some(next_poll);
            }
            // The line above shows the verdict.
            EventKind::Ended(_) if self.label.is_some() => return self.drawing.finish_and_clear(),
            _ => return,
        }
        self.draw(event.elapsed);
    }

    fn draw(&mut self, elapsed: Duration) {
        if self.drawing.is_finished() {
            return;
        }
        let width = (self.size)().0;
        let bar = self.progress.filter(|_| width >= WIDTH_FOR_BARS);
        let template = match (bar, self.color) {
            (Some(_), true) => "[{bar:20.cyan}] {msg}",
            (Some(_), false) => "[{bar:20}] {msg}",
            (None, _) => "{msg}",
        };
        self.drawing.set_style(style(template));
        if let Some(progress) = bar {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is 0 to 100")]
            self.drawing.set_position(progress.percent() as u64);
        }
        let room = room(self.size).saturating_sub(if bar.is_some() { 23 } else { 0 });
        self.drawing.set_message(self.words(elapsed, room));
        self.drawing.tick();
    }

    /// The longest text that fits.
    fn words(&self, elapsed: Duration, room: usize) -> String {
        let label = match &self.label {
            Some(label) if room >= 100 => format!("{label} "),
            Some(label) => format!("{}… ", label.chars().take(8).collect::<String>()),
            None => String::new(),
        };
        let state = match self.progress {
            Some(progress) => format!("{label}{progress} {}", self.state),
            None => format!("{label}{}", self.state),
        };
        let age = self.seen_at.map(|at| elapsed.saturating_sub(at)).filter(|age| *age > self.stale_after);
        let state = match age {
            Some(age) => format!("{state} ({} ago)", whole_seconds(age)),
            None => state,
        };
        let passed = format!("{} elapsed", whole_seconds(elapsed));
        let left = format!("times out in {}", whole_seconds(self.deadline.saturating_sub(elapsed)));
        let next = match self.next_poll.map(|at| at.saturating_sub(elapsed)) {
            // Several tasks share a limiter.
            Some(Duration::ZERO) if self.label.is_some() => "queued".to_owned(),
            None | Some(Duration::ZERO) => "polling".to_owned(),
            Some(delay) => format!("next poll in {}", whole_seconds(delay)),
        };
        let choices = [
            format!("{state}  {passed}, {left}, {next}"),
            format!("{state}  {passed}, {left}"),
            format!("{state}  {left}"),
        ];
        choices
            .into_iter()
            .find(|words| words.chars().count() <= room)
            .unwrap_or_else(|| state.chars().take(room).collect())
    }
}

const NO_RESPONSE: &str = ", no response";

fn whole_seconds(duration: Duration) -> String {
    // Rounded up, so that no poll seems to be overdue.
    let seconds = duration.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX);
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}

/// The columns and lines of the terminal.
fn size() -> (u16, u16) {
    let size = terminal_size::terminal_size_of(io::stderr());
    size.map_or((80, 24), |(width, height)| (width.0.max(1), height.0))
}

/// The columns that stay free: on some terminals, a full line continues on the next one.
const MARGIN: u16 = 3;

/// The longest line that fits.
fn room(size: Size) -> usize {
    usize::from(size().0.saturating_sub(MARGIN).max(1))
}

/// A terminal that never blocks the thread that draws.
#[derive(Debug)]
struct Screen {
    stream: Stream,
    /// The columns that are hidden from the drawing library, because it fills a line to its end.
    margin: u16,
    drawn: Mutex<String>,
}

impl Screen {
    fn add(&self, text: &str) {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
    }

    /// Moves the cursor. Zero is left out, because a terminal would move the cursor by one.
    fn go(&self, n: usize, to: char) {
        if n > 0 {
            self.add(&format!("\u{1b}[{n}{to}"));
        }
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        size().0.saturating_sub(self.margin).max(1)
    }

    fn height(&self) -> u16 {
        size().1
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.go(n, 'A');
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.go(n, 'B');
        Ok(())
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.go(n, 'C');
        Ok(())
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.go(n, 'D');
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.add(text);
        self.add("\n");
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.add(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.add("\r\u{1b}[2K");
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        // A terminal writes `^C` at the cursor. At the end of a full line it would continue on the next one.
        self.add("\r");
        let drawn = std::mem::take(&mut *self.drawn.lock().unwrap_or_else(PoisonError::into_inner));
        self.stream.text(drawn.into_bytes());
        Ok(())
    }
}
