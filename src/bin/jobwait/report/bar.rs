//! Progress on a terminal: a line a task, redrawn in place; one for all when there are more than it holds.
//!
//! The drawing library writes into a buffer that the stream's own thread takes to the terminal: a terminal
//! that is stopped with Ctrl-S must not stop the wait.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use jobwait::{Event, EventKind, JobId, Progress};

use super::tally::Tally;
use super::words::name;
use crate::stream::Stream;

/// How often the times are drawn anew.
const EVERY: Duration = Duration::from_secs(1);

/// A terminal that is narrower than this has room for words only.
const WIDTH_OF_WORDS: u16 = 60;

/// Columns and lines of a terminal.
pub(super) type Size = fn() -> (u16, u16);

/// The bars of all tasks.
#[derive(Debug)]
pub(super) struct Bars {
    multi: MultiProgress,
    each: Vec<Bar>,
    /// Of several tasks.
    summary: Option<ProgressBar>,
    size: Size,
    deadline: Duration,
    drawn: Duration,
}

impl Bars {
    pub(super) fn new(
        target: ProgressDrawTarget,
        size: Size,
        jobs: &[JobId],
        deadline: Duration,
        color: bool,
    ) -> Self {
        let multi = MultiProgress::with_draw_target(target);
        let several = jobs.len() > 1;
        // One line is of all, and one the cursor's.
        let fit = jobs.len() + 2 <= usize::from(size().1);
        let bar = |job: &JobId| {
            let drawing = multi.add(ProgressBar::new(100));
            Bar::new(drawing, size, several.then(|| job.as_str().to_owned()), deadline, color)
        };
        let each = if fit || !several { jobs.iter().map(bar).collect() } else { Vec::new() };
        let summary = several.then(|| multi.add(ProgressBar::new(100)));
        if let Some(summary) = &summary {
            summary.set_style(style("{msg}"));
        }
        Self { multi, each, summary, size, deadline, drawn: Duration::ZERO }
    }

    pub(super) fn on(stream: Stream, jobs: &[JobId], deadline: Duration, color: bool) -> Self {
        // Several lines are drawn as one that goes on over the whole width.
        let margin = if jobs.len() > 1 { 0 } else { MARGIN };
        let screen = Screen { stream, margin, drawn: Mutex::default() };
        // Each second and each event is little enough to be drawn always: no limit to its rate.
        Self::new(ProgressDrawTarget::term_like(Box::new(screen)), size, jobs, deadline, color)
    }

    /// Whether each task has a bar of its own.
    pub(super) fn show_each(&self) -> bool {
        !self.each.is_empty()
    }

    pub(super) fn event(&mut self, number: usize, event: &Event<'_>, tally: &Tally) {
        if let Some(bar) = self.each.get_mut(number) {
            bar.event(event);
        }
        if matches!(event.kind, EventKind::Ended(_)) {
            self.draw_summary(event.elapsed, tally);
        }
    }

    /// When the times are to be drawn anew, from the beginning of the wait.
    pub(super) fn due_at(&self) -> Duration {
        let latest = if self.summary.is_some() {
            self.drawn
        } else {
            self.each.first().map_or(self.drawn, |bar| bar.drawn)
        };
        latest.saturating_add(EVERY)
    }

    pub(super) fn draw(&mut self, elapsed: Duration, tally: &Tally) {
        self.drawn = elapsed;
        self.each.iter_mut().for_each(|bar| bar.draw(elapsed));
        self.draw_summary(elapsed, tally);
    }

    fn draw_summary(&self, elapsed: Duration, tally: &Tally) {
        let Some(summary) = &self.summary else { return };
        let left = whole_seconds(self.deadline.saturating_sub(elapsed));
        let words = format!("{tally}; {} elapsed, {left} left", whole_seconds(elapsed));
        let short = format!("{} of {}, {left} left", tally.ended(), tally.tasks);
        let fits = words.chars().count() <= room(self.size);
        let words = if fits { words } else { short.chars().take(room(self.size)).collect() };
        summary.set_message(words);
        summary.tick();
    }

    /// Lets something write above the bars. The library's own way pads the line to the terminal's width in
    /// place of ending it, which shows when a window is resized or the text is copied.
    pub(super) fn above(&self, write: impl FnOnce()) {
        self.multi.suspend(write);
    }

    /// Nothing is left of them.
    pub(super) fn clear(&self) {
        for bar in self.each.iter().map(|bar| &bar.drawing).chain(&self.summary) {
            bar.finish_and_clear();
        }
        let _ = self.multi.clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

/// The bar of one task, and what it shows.
#[derive(Debug)]
struct Bar {
    drawing: ProgressBar,
    size: Size,
    label: Option<String>,
    deadline: Duration,
    color: bool,
    state: String,
    progress: Option<Progress>,
    next_poll: Option<Duration>,
    drawn: Duration,
}

impl Bar {
    fn new(drawing: ProgressBar, size: Size, label: Option<String>, deadline: Duration, color: bool) -> Self {
        let state = "asking".to_owned();
        Self {
            drawing,
            size,
            label,
            deadline,
            color,
            state,
            progress: None,
            next_poll: None,
            drawn: Duration::ZERO,
        }
    }

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
                self.next_poll = Some(next_poll);
            }
            EventKind::Retry { next_poll, .. } => {
                if !self.state.ends_with(NO_ANSWER) {
                    self.state += NO_ANSWER;
                }
                self.next_poll = Some(next_poll);
            }
            // The lines above say how it ended.
            EventKind::Ended(_) if self.label.is_some() => return self.drawing.finish_and_clear(),
            _ => return,
        }
        self.draw(event.elapsed);
    }

    fn draw(&mut self, elapsed: Duration) {
        if self.drawing.is_finished() {
            return;
        }
        self.drawn = elapsed;
        let width = (self.size)().0;
        let bar = self.progress.filter(|_| width >= WIDTH_OF_WORDS);
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

    /// As much as there is room for.
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
        let passed = format!("{} elapsed", whole_seconds(elapsed));
        let left = format!("{} left", whole_seconds(self.deadline.saturating_sub(elapsed)));
        let next = match self.next_poll.map(|at| at.saturating_sub(elapsed)) {
            // Of several, each has to wait for its turn.
            Some(Duration::ZERO) if self.label.is_some() => ", next look in its turn".to_owned(),
            None | Some(Duration::ZERO) => ", asking".to_owned(),
            Some(rest) => format!(", next look in {}", whole_seconds(rest)),
        };
        let choices = [
            format!("{state}  {passed}, {left}{next}"),
            format!("{state}  {left}{next}"),
            format!("{state}  {left}"),
        ];
        choices
            .into_iter()
            .find(|words| words.chars().count() <= room)
            .unwrap_or_else(|| state.chars().take(room).collect())
    }
}

const NO_ANSWER: &str = ", no answer";

fn whole_seconds(duration: Duration) -> String {
    // Up, so that no look seems to be overdue.
    let seconds = duration.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX);
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}

/// Columns and lines.
fn size() -> (u16, u16) {
    let size = terminal_size::terminal_size_of(io::stderr());
    size.map_or((80, 24), |(width, height)| (width.0.max(1), height.0))
}

/// Columns that are left free: a line that is full to its end goes on in the next one on some terminals.
const MARGIN: u16 = 3;

/// How long a line may be.
fn room(size: Size) -> usize {
    usize::from(size().0.saturating_sub(MARGIN).max(1))
}

/// A terminal that never blocks who draws.
#[derive(Debug)]
struct Screen {
    stream: Stream,
    /// How many columns the drawing library is not told of: it fills a line to its end.
    margin: u16,
    drawn: Mutex<String>,
}

impl Screen {
    fn add(&self, text: &str) {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
    }

    /// Moves the cursor; where it would not move, a terminal moves it by one.
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
        // A terminal writes `^C` where the cursor is: at the end of a full line it would go on in the next
        // one.
        self.add("\r");
        let drawn = std::mem::take(&mut *self.drawn.lock().unwrap_or_else(PoisonError::into_inner));
        self.stream.text(drawn.into_bytes());
        Ok(())
    }
}
