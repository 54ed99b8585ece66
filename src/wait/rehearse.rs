//! A dry run of a wait, without a clock, a network or a task.

use std::iter;
use std::time::Duration;

use super::Wait;
use super::machine::{Step, Waiting};
use crate::probe::Observation;

impl Wait {
    /// Returns the times at which this wait would poll, since its start, if each poll took no time and
    /// brought what `observe` returns for that time. Nothing is sent and nothing sleeps: this is for planning
    /// a pace, and for tests. `seed` decides the jitter: the same seed gives the same times.
    ///
    /// ```
    /// use std::time::Duration;
    /// use jobwait::{Job, Pace, Observation, Status, Wait};
    ///
    /// # fn main() -> Result<(), jobwait::ConfigError> {
    /// let still_going = |_| Observation::Seen(Job::new("1", &Status::Running));
    /// let wait = Wait::new().deadline(Duration::from_secs(30)).pace(Pace::default().jitter(0.0)?);
    /// let polls: Vec<f64> = wait.rehearse(0, still_going).map(|at| at.as_secs_f64()).take(5).collect();
    /// assert_eq!(polls, [0.0, 1.0, 2.5, 4.75, 8.125]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn rehearse(
        self,
        seed: u64,
        mut observe: impl FnMut(Duration) -> Observation,
    ) -> impl Iterator<Item = Duration> {
        let pacer = self.pace.start(fastrand::Rng::with_seed(seed));
        let mut next = Some((Duration::ZERO, Waiting::new(self.limits, pacer, Duration::ZERO)));
        iter::from_fn(move || {
            let (at, waiting) = next.take()?;
            if let Step::Delay { until, waiting, .. } = waiting.after(at, observe(at)) {
                next = Some((until, waiting));
            }
            Some(at)
        })
    }
}
