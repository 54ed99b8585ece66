//! Progress on a terminal: one line, redrawn in place.
//!
//! The drawing library writes into a buffer that the stream's own thread takes to the terminal: a terminal that is
//! stopped with Ctrl-S must not stop the wait.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use jobwait::{Event, News, Progress};

use super::name;
use crate::stream::Stream;

/// How often the times are drawn anew.
const EVERY: Duration = Duration::from_secs(1);

/// A terminal that is narrower than this has room for words only.
const WIDTH_OF_WORDS: u16 = 60;

/// The bar, and what it shows.
#[derive(Debug)]
pub(super) struct Bar {
    drawing: ProgressBar,
    width: fn() -> u16,
    deadline: Duration,
    color: bool,
    state: String,
    progress: Option<Progress>,
    next_look: Option<Duration>,
    drawn: Duration,
}

impl Bar {
    pub(super) fn new(
        target: ProgressDrawTarget,
        width: fn() -> u16,
        deadline: Duration,
        color: bool,
    ) -> Self {
        let drawing = ProgressBar::with_draw_target(Some(100), target);
        let state = "asking".to_owned();
        Self {
            drawing,
            width,
            deadline,
            color,
            state,
            progress: None,
            next_look: None,
            drawn: Duration::ZERO,
        }
    }

    pub(super) fn on(stream: Stream, deadline: Duration, color: bool) -> Self {
        let screen = Screen { stream, drawn: Mutex::default() };
        // Each second and each event is little enough to be drawn always: no limit to its rate.
        Self::new(ProgressDrawTarget::term_like(Box::new(screen)), || size().0, deadline, color)
    }

    pub(super) fn event(&mut self, event: &Event<'_>) {
        match event.news {
            News::Invisible { next_look, .. } => {
                "not visible".clone_into(&mut self.state);
                self.progress = None;
                self.next_look = Some(next_look);
            }
            News::Going { job, next_look } => {
                self.state = name(job.status());
                self.progress = job.progress();
                self.next_look = Some(next_look);
            }
            News::Retry { next_look, .. } => {
                if !self.state.ends_with(NO_ANSWER) {
                    self.state += NO_ANSWER;
                }
                self.next_look = Some(next_look);
            }
            _ => return,
        }
        self.draw(event.elapsed);
    }

    /// When the times are to be drawn anew, from the beginning of the wait.
    pub(super) fn due_at(&self) -> Duration {
        self.drawn.saturating_add(EVERY)
    }

    pub(super) fn draw(&mut self, elapsed: Duration) {
        self.drawn = elapsed;
        let width = (self.width)();
        let bar = self.progress.filter(|_| width >= WIDTH_OF_WORDS);
        let template = match (bar, self.color) {
            (Some(_), true) => "[{bar:20.cyan}] {wide_msg}",
            (Some(_), false) => "[{bar:20}] {wide_msg}",
            (None, _) => "{wide_msg}",
        };
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        self.drawing.set_style(style);
        if let Some(progress) = bar {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is 0 to 100")]
            self.drawing.set_position(progress.percent() as u64);
        }
        let room = usize::from(width).saturating_sub(if bar.is_some() { 23 } else { 0 });
        self.drawing.set_message(self.words(elapsed, room));
        self.drawing.tick();
    }

    /// As much as there is room for.
    fn words(&self, elapsed: Duration, room: usize) -> String {
        let state = match self.progress {
            Some(progress) => format!("{progress} {}", self.state),
            None => self.state.clone(),
        };
        let passed = format!("{} elapsed", whole_seconds(elapsed));
        let left = format!("{} left", whole_seconds(self.deadline.saturating_sub(elapsed)));
        let next = match self.next_look.map(|at| at.saturating_sub(elapsed)) {
            None | Some(Duration::ZERO) => ", asking".to_owned(),
            Some(rest) => format!(", next look in {}", whole_seconds(rest)),
        };
        let choices = [
            format!("{state}  {passed}, {left}{next}"),
            format!("{state}  {left}{next}"),
            format!("{state}  {left}"),
        ];
        choices.into_iter().find(|words| words.chars().count() <= room).unwrap_or(state)
    }

    /// Lets something write above the bar. The library's own way pads the line to the terminal's width in place of
    /// ending it, which shows when a window is resized or the text is copied.
    pub(super) fn above(&self, write: impl FnOnce()) {
        self.drawing.suspend(write);
    }

    /// Nothing is left of it.
    pub(super) fn clear(&self) {
        self.drawing.finish_and_clear();
    }
}

const NO_ANSWER: &str = ", no answer";

fn whole_seconds(duration: Duration) -> String {
    // Up, so that no look seems to be overdue.
    let seconds = duration.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX);
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}

/// Columns and lines. The last three columns are left free: a terminal writes `^C` there, and would go on in the next
/// line.
fn size() -> (u16, u16) {
    let size = terminal_size::terminal_size_of(io::stderr());
    size.map_or((77, 24), |(width, height)| (width.0.saturating_sub(3).max(1), height.0))
}

/// A terminal that never blocks who draws.
#[derive(Debug)]
struct Screen {
    stream: Stream,
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
        size().0
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
        let drawn = std::mem::take(&mut *self.drawn.lock().unwrap_or_else(PoisonError::into_inner));
        self.stream.text(drawn.into_bytes());
        Ok(())
    }
}
