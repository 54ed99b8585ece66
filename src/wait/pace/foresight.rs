//! When a task should end, and how much sooner that lets a wait look. Pure arithmetic.
//!
//! Who polls evenly pays for a shorter lag with just as many more polls: polls × mean lag stays half the task's
//! duration. So polls have to stand where the end is likely:
//!
//! * **Progress moves.** Its recent speed says when it will be at 100 %. The rest is a share of the time left until
//!   then, so that each look corrects the estimate before what is left is spent. *Recent* is as far back as there is
//!   left to go: far from the end that evens coarse steps out, close to it that forgets how things went before a
//!   slow tail or a burst. Past the expected end the rest is half of the time since: the longer an estimate was
//!   wrong, the less is it believed.
//! * **An expected duration.** Taken to be a quarter off at the most, so that the end is as likely anywhere from ¾ to
//!   ⁴⁄₃ of it. All looks that can be spared are spread evenly over what is left of that window.
//!
//! Either only shortens, and from a purse: a rest of `d` where `full` was due costs `1 − d/full` looks. The purse
//! begins with 18 and gains a quarter of a look with each that was due anyway; what it cannot pay is not shortened.
//! So a wait looks at most 1.25 times as often as the plain exponential, plus 18 and the rest under way, whatever the
//! service says: 1.3 times plus 20 is what it promises. `docs/pace.md` tells how well this does.

use std::collections::VecDeque;

/// The share of the time to the expected end that a rest takes, and of the time since.
const SHARE: f64 = 0.4;
const SHARE_SINCE: f64 = 0.5;
/// Where the end is likely, in parts of the expected duration.
const WINDOW: (f64, f64) = (3.0 / 4.0, 4.0 / 3.0);
/// How many looks may be spent on foresight at once, and how many more with each look that was due anyway.
const PURSE: f64 = 18.0;
const GAIN: f64 = 0.25;
/// A rest of less than this part of the plain one would spend the purse on a moment: no estimate is that good.
const SHORTEST: f64 = 1.0 / 8.0;
/// Percents by which progress may go back without starting over: some services count what they find on the way.
const WOBBLE: f64 = 5.0;

/// What is known of a task's end. All times are seconds since the wait began.
#[derive(Debug, Clone)]
pub(super) struct Foresight {
    expected: Option<f64>,
    /// Where progress was when it was first seen, or went back. That is no move: who knows for how long it was there.
    start: Mark,
    /// One for each whole percent, at the most.
    moves: VecDeque<Mark>,
    /// When progress was last seen to stand still since it moved.
    still_at: Option<f64>,
    purse: f64,
}

/// Progress, and when it was first seen to be there.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: f64,
    percent: f64,
}

impl Foresight {
    pub(super) fn new(expected: Option<f64>) -> Self {
        let start = Mark { at: 0.0, percent: f64::INFINITY };
        Self { expected, start, moves: VecDeque::new(), still_at: None, purse: PURSE }
    }

    /// The rest after a look at `now` that saw `percent`, where the plain pace rests for `full`: never longer, and
    /// never shorter than `shortest`, if that is shorter than `full`.
    pub(super) fn rest(&mut self, now: f64, percent: Option<f64>, full: f64, shortest: f64) -> f64 {
        let end = percent.and_then(|percent| self.end(now, percent.floor()));
        let told = match end {
            Some(end) if end > now => (end - now) * SHARE,
            Some(end) => (now - end) * SHARE_SINCE,
            None => full,
        };
        let expected = match self.expected {
            // Progress that moves is believed before what was expected, until it is late.
            Some(expected) if end.is_none_or(|end| end < now) => self.spread(now, expected, full),
            _ => full,
        };
        let least = shortest.max(full * SHORTEST.max(1.0 - self.purse));
        let rest = told.min(expected).max(least).min(full);
        let share = rest / full;
        self.purse += GAIN * share - (1.0 - share);
        rest
    }

    /// When progress will be at 100 %, if it moved.
    fn end(&mut self, now: f64, percent: f64) -> Option<f64> {
        let latest = self.moves.back().unwrap_or(&self.start).percent;
        if percent > latest {
            // What stood still moved at any time since then; what moves from look to look is here just now.
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

    /// The rest that spreads what is in the purse over the window in which the end is expected.
    fn spread(&self, now: f64, expected: f64, full: f64) -> f64 {
        let (opens, closes) = (WINDOW.0 * expected, WINDOW.1 * expected);
        if now + full <= opens || now >= closes {
            return full;
        }
        let until_open = (opens - now).max(0.0);
        let looks_a_second = 1.0 / full + self.purse / (closes - now - until_open);
        until_open + 1.0 / looks_a_second
    }
}

#[cfg(test)]
mod tests;
