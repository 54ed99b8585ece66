//! Scores a schedule over many tasks.

use crate::schedules::Followed;

pub(crate) struct Score {
    /// The mean over all tasks.
    pub(crate) polls: f64,
    /// Mean and 99th percentile in seconds, over the tasks whose end was seen.
    pub(crate) lag: f64,
    pub(crate) late: f64,
    /// The share of tasks whose wait gave up before their end.
    pub(crate) given_up: f64,
}

#[expect(clippy::cast_precision_loss, reason = "all counts are in the thousands")]
pub(crate) fn count(number: usize) -> f64 {
    number as f64
}

impl Score {
    pub(crate) fn of(waits: impl Iterator<Item = Followed>) -> Self {
        let (mut tasks, mut polls, mut lags) = (0, 0.0, Vec::new());
        for wait in waits {
            tasks += 1;
            polls += f64::from(wait.polls);
            lags.extend(wait.lag);
        }
        lags.sort_by(f64::total_cmp);
        Self {
            polls: polls / f64::from(tasks),
            lag: lags.iter().sum::<f64>() / count(lags.len()),
            late: lags[(lags.len() * 99 / 100).min(lags.len() - 1)],
            given_up: 1.0 - count(lags.len()) / f64::from(tasks),
        }
    }

    /// Returns polls × lag, which is the same for all fixed intervals.
    pub(crate) fn price(&self) -> f64 {
        self.polls * self.lag
    }
}
