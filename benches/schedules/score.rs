//! The score of a schedule over many tasks.

use crate::schedules::Followed;

pub(crate) struct Score {
    /// The mean number of polls of all tasks.
    pub(crate) polls: f64,
    /// The mean lag in seconds, over the tasks whose end was seen.
    pub(crate) lag: f64,
    /// The 99th percentile of the lag.
    pub(crate) late: f64,
    /// The share of tasks that the waiter gave up on.
    pub(crate) given_up: f64,
}

#[expect(clippy::cast_precision_loss, reason = "all numbers here are small")]
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

    /// The product of polls and lag. It is constant for all schedules with a fixed interval.
    pub(crate) fn price(&self) -> f64 {
        self.polls * self.lag
    }
}
