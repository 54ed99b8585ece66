//! A wait without a clock, a network or a task.

use std::iter;
use std::time::Duration;

use super::Wait;
use super::machine::{Step, Waiting};
use crate::Sighting;

impl Wait {
    /// The times at which this wait would look, from its beginning, were each look to take no time and to see what
    /// `see` says is there at that time. Nothing is asked, and nobody rests: this is for planning a pace, and for
    /// tests. `seed` decides the jitter: the same seed, the same times.
    ///
    /// ```
    /// use std::time::Duration;
    /// use jobwait::{Job, Pace, Sighting, Status, Wait};
    ///
    /// # fn main() -> Result<(), jobwait::ConfigError> {
    /// let still_going = |_| Sighting::Seen(Job::new("1", &Status::Running));
    /// let wait = Wait::new().deadline(Duration::from_secs(30)).pace(Pace::default().jitter(0.0)?);
    /// let looks: Vec<f64> = wait.rehearse(0, still_going).map(|at| at.as_secs_f64()).take(5).collect();
    /// assert_eq!(looks, [0.0, 1.0, 2.5, 4.75, 8.125]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn rehearse(
        self,
        seed: u64,
        mut see: impl FnMut(Duration) -> Sighting,
    ) -> impl Iterator<Item = Duration> {
        let pacer = self.pace.start(fastrand::Rng::with_seed(seed));
        let mut next = Some((Duration::ZERO, Waiting::new(self.limits, pacer, Duration::ZERO)));
        iter::from_fn(move || {
            let (at, waiting) = next.take()?;
            if let Step::Rest { until, waiting } = waiting.after(at, see(at)) {
                next = Some((until, waiting));
            }
            Some(at)
        })
    }
}
