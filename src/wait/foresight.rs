//! The prediction of a task's end, and the shorter delays that it allows. Pure arithmetic.
//!
//! With a fixed interval, a shorter lag costs proportionally more polls: polls × mean lag is always half the
//! duration of the task. To do better, polls must be dense where the end is likely:
//!
//! * **Progress moves.** Its recent speed predicts the time at which it reaches 100 %. The delay is a share
//!   of the time left, so that each poll corrects the prediction. *Recent* means as far back as there is
//!   progress left to go: far from the end this evens out coarse steps, and close to the end it forgets how
//!   fast the task was before a slow tail or a burst. Past the predicted end the delay is half of the time
//!   since: the longer a prediction was wrong, the less it counts.
//! * **An expected duration.** It may be a quarter off, so the end is equally likely anywhere from ¾ to ⁴⁄₃
//!   of it. All spare polls are spread evenly over the rest of that window.
//!
//! A prediction only shortens delays, and pays from a purse: a delay of `d` in place of `full` costs
//! `1 − d/full` polls. The purse starts with 18 polls and gains a quarter of a poll with each regular one. A
//! delay that it cannot pay for is not shortened. So a wait polls at most 1.25 times as often as the plain
//! exponential, plus 18 and the current one, whatever the service reports. The promise is 1.3 times plus 20.
//! `docs/pace.md` has the results.

use std::collections::VecDeque;

/// The delay as a share of the time until the predicted end, and as a share of the time since.
const SHARE: f64 = 0.4;
const SHARE_SINCE: f64 = 0.5;
/// The window in which the end is likely, in parts of the expected duration.
const WINDOW: (f64, f64) = (3.0 / 4.0, 4.0 / 3.0);
/// The number of extra polls at the start, and the gain with each regular poll.
const PURSE: f64 = 18.0;
const GAIN: f64 = 0.25;
/// The shortest delay as a part of the plain one. No prediction is good enough to spend the
/// purse on one moment.
const SHORTEST: f64 = 1.0 / 8.0;
/// The percentage by which progress may go back without starting over. Some services find
/// more work on the way.
const WOBBLE: f64 = 5.0;

/// The knowledge about a task's end. All times are seconds since the start of the wait.
#[derive(Debug, Clone)]
pub(super) struct Foresight {
    expected: Option<f64>,
    /// The progress when it was first seen or went back. It says nothing about speed: it may have
    /// been there for long.
    start: Mark,
    /// The moves of the progress, at most one for each whole percent.
    moves: VecDeque<Mark>,
    /// The latest time at which progress had not moved since its last move.
    still_at: Option<f64>,
    purse: f64,
    /// The end that the latest poll predicted.
    predicted_end: Option<f64>,
    /// Whether the latest delay was shortened, because the end may be near.
    is_near_end: bool,
}

/// A progress, and the time at which it was first seen.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: f64,
    percent: f64,
}

impl Foresight {
    pub(super) fn new(expected: Option<f64>) -> Self {
        let start = Mark { at: 0.0, percent: f64::INFINITY };
        Self {
            expected,
            start,
            moves: VecDeque::new(),
            still_at: None,
            purse: PURSE,
            predicted_end: None,
            is_near_end: false,
        }
    }

    /// The delay after a poll at `now` that found `percent`. It is never longer than `full`, the delay of the
    /// plain pace, and never shorter than `shortest`, unless `full` is.
    pub(super) fn delay(&mut self, now: f64, percent: Option<f64>, full: f64, shortest: f64) -> f64 {
        let end = percent.and_then(|percent| self.end(now, percent.floor()));
        self.predicted_end = end;
        let predicted = match end {
            Some(end) if end > now => (end - now) * SHARE,
            Some(end) => (now - end) * SHARE_SINCE,
            None => full,
        };
        let expected = match self.expected {
            // Moving progress takes precedence over the expected duration until it is late.
            Some(expected) if end.is_none_or(|end| end < now) => self.spread(now, expected, full),
            _ => full,
        };
        let least = shortest.max(full * SHORTEST.max(1.0 - self.purse));
        let delay = predicted.min(expected).max(least).min(full);
        self.is_near_end = delay < full;
        let share = delay / full;
        self.purse += GAIN * share - (1.0 - share);
        delay
    }

    /// The end that the latest poll predicted, if progress has moved.
    pub(super) fn predicted_end(&self) -> Option<f64> {
        self.predicted_end
    }

    /// Whether the latest delay was shortened, because the end may be near.
    pub(super) fn is_near_end(&self) -> bool {
        self.is_near_end
    }

    /// The predicted time of 100 %, if progress has moved.
    fn end(&mut self, now: f64, percent: f64) -> Option<f64> {
        let latest = self.moves.back().unwrap_or(&self.start).percent;
        if percent > latest {
            // After a standstill the move happened at any time since. Otherwise it happened between two
            // polls.
            let at = self.still_at.take().map_or(now, |still_at| f64::midpoint(still_at, now));
            self.moves.push_back(Mark { at, percent });
        } else if percent < latest - WOBBLE {
            self.start = Mark { at: now, percent };
            self.moves.clear();
            self.still_at = None;
        } else {
            self.still_at = Some(now);
        }
        let last = *self.moves.back()?;
        let left = 100.0 - last.percent;
        while self.moves.len() > 2 && self.moves[0].percent < last.percent - left {
            self.moves.pop_front();
        }
        let since = if self.moves.len() > 1 { self.moves[0] } else { self.start };
        Some(last.at + left * (last.at - since.at) / (last.percent - since.percent))
    }

    /// The delay that spreads the purse over the rest of the expected window.
    fn spread(&self, now: f64, expected: f64, full: f64) -> f64 {
        let (opens, closes) = (WINDOW.0 * expected, WINDOW.1 * expected);
        if now + full <= opens || now >= closes {
            return full;
        }
        let until_open = (opens - now).max(0.0);
        let polls_per_second = 1.0 / full + self.purse / (closes - now - until_open);
        until_open + 1.0 / polls_per_second
    }
}

#[cfg(test)]
mod tests;
