//! The schedules: jobwait's, by the library itself, and the defaults of other waiters.

use std::time::Duration;

use jobwait::{Job, Observation, Pace, Wait};

use crate::shapes::Task;

pub(crate) const JOBWAIT: &str = "jobwait";
/// jobwait's delays without regard to progress.
pub(crate) const PLAIN: &str = "jobwait, blind";
/// The schedule that all others are compared with.
pub(crate) const FIXED: &str = "fixed 10 s (Terraform provider, TaurusDB task)";

/// The result of one wait.
pub(crate) struct Followed {
    pub(crate) polls: u32,
    /// Seconds from the end of the task until the end was seen; `None` if the wait gave up before.
    pub(crate) lag: Option<f64>,
}

pub(crate) struct Schedule {
    pub(crate) name: &'static str,
    kind: Kind,
}

enum Kind {
    Jobwait { blind: bool },
    Growing(Growing),
}

/// A delay that grows. Times are seconds.
struct Growing {
    first: f64,
    delay: f64,
    factor: f64,
    cap: f64,
    jitter: Jitter,
    limit: Limit,
}

enum Jitter {
    None,
    /// Uniform from the shortest delay to the current one.
    FromShortest,
    /// Up to a second longer.
    UpToASecondMore,
    /// Up to half longer or shorter.
    Half,
}

enum Limit {
    None,
    Seconds(f64),
    Polls(u32),
}

/// The defaults of well-known waiters, from their documentation and code.
pub(crate) fn schedules() -> Vec<Schedule> {
    use Jitter::{FromShortest, Half, UpToASecondMore};
    use Limit::{Polls, Seconds};
    let growing = |name, first, delay, factor, cap, jitter, limit| {
        let growing = Growing { first, delay, factor, cap, jitter, limit };
        Schedule { name, kind: Kind::Growing(growing) }
    };
    let fixed = |name, first, delay, limit| growing(name, first, delay, 1.0, delay, Jitter::None, limit);
    vec![
        Schedule { name: JOBWAIT, kind: Kind::Jobwait { blind: false } },
        Schedule { name: PLAIN, kind: Kind::Jobwait { blind: true } },
        fixed(FIXED, 10.0, 10.0, Seconds(3600.0)),
        fixed("Terraform provider, TaurusDB creation", 180.0, 20.0, Seconds(3600.0)),
        growing("Terraform SDK, bare", 0.0, 0.2, 2.0, 10.0, Jitter::None, Limit::None),
        fixed("KooCLI waiter, default", 0.0, 5.0, Seconds(180.0)),
        fixed("KooCLI waiter, longest", 0.0, 10.0, Seconds(600.0)),
        fixed("AWS waiters, most", 0.0, 15.0, Polls(40)),
        fixed("AWS waiters, RDS", 0.0, 30.0, Polls(60)),
        growing("Smithy waiters", 0.0, 2.0, 2.0, 120.0, FromShortest, Limit::None),
        growing("Google Cloud, Rust", 1.0, 1.0, 2.0, 60.0, Jitter::None, Limit::None),
        growing("gcloud", 1.0, 2.0, 1.4, 180.0, UpToASecondMore, Seconds(1800.0)),
        growing("gcloud sql", 1.0, 2.0, 2.0, 20.0, UpToASecondMore, Seconds(600.0)),
        fixed("Azure CLI", 0.0, 30.0, Seconds(3600.0)),
        fixed("OpenStack client", 0.0, 5.0, Limit::None),
        growing("OCI CLI", 0.0, 1.0, 2.0, 30.0, Jitter::None, Seconds(1200.0)),
        fixed("gh run watch", 0.0, 3.0, Limit::None),
        growing("`backoff` crate", 0.0, 0.5, 1.5, 60.0, Half, Seconds(900.0)),
    ]
}

impl Schedule {
    /// Returns whether this is the schedule of another waiter.
    pub(crate) fn is_peer(&self) -> bool {
        matches!(self.kind, Kind::Growing(_))
    }

    pub(crate) fn follow(&self, task: &Task, seed: u64) -> Followed {
        match &self.kind {
            Kind::Jobwait { blind } => jobwait(task, *blind, seed),
            Kind::Growing(growing) => growing.follow(task, seed),
        }
    }
}

/// Follows a task with the defaults of the library. The deadline of two hours is too late to move a poll forward.
fn jobwait(task: &Task, blind: bool, seed: u64) -> Followed {
    let look = |at: Duration| {
        let at = at.as_secs_f64();
        let status = if at < task.duration { "Running" } else { "Completed" };
        let process =
            task.progress(at).filter(|_| !blind).map_or(String::new(), |percent| percent.to_string());
        let json = format!(r#"{{"id": "1", "status": "{status}", "process": "{process}"}}"#);
        Job::from_json(&json).map_or_else(Observation::Permanent, Observation::Seen)
    };
    let pace = match task.expected {
        Some(expected) if !blind => Pace::default()
            .expect(Duration::from_secs_f64(expected))
            .expect("a duration that can be expected"),
        _ => Pace::default(),
    };
    let wait = Wait::new().deadline(Duration::from_secs(7200)).pace(pace);
    let (mut polls, mut last) = (0, 0.0);
    for at in wait.rehearse(seed, look) {
        polls += 1;
        last = at.as_secs_f64();
    }
    Followed { polls, lag: Some(last - task.duration) }
}

impl Growing {
    fn follow(&self, task: &Task, seed: u64) -> Followed {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut at, mut delay, mut polls) = (self.first, self.delay, 0);
        loop {
            let given_up = match self.limit {
                Limit::None => false,
                Limit::Seconds(limit) => at > limit,
                Limit::Polls(limit) => polls >= limit,
            };
            if given_up {
                return Followed { polls, lag: None };
            }
            polls += 1;
            if at >= task.duration {
                return Followed { polls, lag: Some(at - task.duration) };
            }
            at += match self.jitter {
                Jitter::None => delay,
                Jitter::FromShortest => self.delay + (delay - self.delay) * random.f64(),
                Jitter::UpToASecondMore => delay + random.f64(),
                Jitter::Half => delay * (0.5 + random.f64()),
            };
            delay = (delay * self.factor).min(self.cap);
        }
    }
}
