//! Several waits as one: a common deadline, a common rate limit, and a rule for the end.

use std::future;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::watch;
use tokio::task::unconstrained;

use super::Wait;
use super::driver::{self, Place};
use super::lister::Lister;
use crate::clock::Clock;
use crate::event::Event;
use crate::id::JobId;
use crate::limiter::Limiter;
use crate::outcome::{Outcome, Verdict};
use crate::probe::{ListProbe, Probe};

/// The rule that ends several waits.
///
/// ```
/// assert_eq!(jobwait::Until::default(), jobwait::Until::FirstFailure);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Until {
    /// All tasks completed, or one ended otherwise. A wait that only timed out does not end the others, and
    /// neither does any wait with [`Wait::once`].
    #[default]
    FirstFailure,
    /// All tasks have ended, in any way.
    AllEnded,
    /// One task completed, or all have ended otherwise.
    FirstSuccess,
}

/// Several waits with a common deadline and a common rate limit.
///
/// ```
/// use jobwait::{Job, Outcome, Probe, Observation, Status, Until, Wait, Waits};
///
/// struct Script(Vec<Status>);
///
/// impl Probe for Script {
///     async fn poll(&mut self) -> Observation {
///         Observation::Seen(Job::new("1", &self.0.remove(0)))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let tasks = vec![
///     Script(vec![Status::Running, Status::Running, Status::Completed]),
///     Script(vec![Status::Running, Status::Failed]),
/// ];
/// let verdicts = Waits::new(Wait::new()).until(Until::AllEnded).run(tasks, |_, _| {}).await;
/// let outcomes: Vec<Outcome> = verdicts.iter().map(|verdict| verdict.outcome).collect();
/// assert_eq!(outcomes, [Outcome::Completed, Outcome::Failed]);
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Waits {
    wait: Wait,
    until: Until,
}

impl Waits {
    /// The least number of polls that a request for a list replaces, so that fewer tasks never need a list.
    pub const LEAST_LISTED: usize = 4;

    /// Waits like `wait` for each task, until the first failure, without a rate limit.
    pub fn new(wait: Wait) -> Self {
        Self { wait, until: Until::default() }
    }

    /// Sets the rule that ends the waits. Default: [`Until::FirstFailure`].
    pub fn until(mut self, until: Until) -> Self {
        self.until = until;
        self
    }

    /// Sets the limiter of all waits together. Default: one without a rate limit.
    pub fn limiter(mut self, limiter: Limiter) -> Self {
        self.wait.limiter = Some(limiter);
        self
    }

    /// Waits with one probe for each task, and calls `report` with the index of the probe for each event. The
    /// verdicts are in the order of the probes. A task that was still running when another one ended the wait
    /// is [`Outcome::Stopped`]. Dropping the future cancels the waits, never a task.
    pub async fn run<P: Probe + Send>(
        self,
        probes: Vec<P>,
        report: impl FnMut(usize, Event<'_>),
    ) -> Vec<Verdict> {
        self.run_until(probes, future::pending(), report).await
    }

    /// Waits as [`run`](Self::run) does, at the latest until `stop` is ready.
    pub async fn run_until<P: Probe + Send>(
        self,
        probes: Vec<P>,
        stop: impl Future<Output = ()>,
        report: impl FnMut(usize, Event<'_>),
    ) -> Vec<Verdict> {
        let (clock, limiter) = self.clock_and_limiter();
        self.drive(probes, None, clock, &limiter, stop, report).await
    }

    /// Waits as [`run_until`](Self::run_until) does, with a list that answers for several tasks where that
    /// saves requests. The probes are those of the `jobs`, in the same order. Only a probe decides that a
    /// task has ended. The list is not used if it lags behind the probes, cannot be read, or is too long.
    ///
    /// ```no_run
    /// # async fn example(cloud: jobwait::Cloud, jobs: Vec<jobwait::JobId>) {
    /// let probes = jobs.iter().map(|id| cloud.job(id)).collect();
    /// let waits = jobwait::Waits::new(jobwait::Wait::new());
    /// let never = std::future::pending();
    /// let verdicts = waits.run_with_list(&jobs, probes, cloud.task_list(), never, |_, _| {}).await;
    /// # }
    /// ```
    pub async fn run_with_list<P: Probe + Send, L: ListProbe>(
        self,
        jobs: &[JobId],
        probes: Vec<P>,
        mut list: L,
        stop: impl Future<Output = ()>,
        report: impl FnMut(usize, Event<'_>),
    ) -> Vec<Verdict> {
        let (clock, limiter) = self.clock_and_limiter();
        let deadline = self.wait.limits.deadline;
        let lister = Lister::new(jobs, self.wait.pace.longest_delay(), limiter.rate_limit());
        tokio::select! {
            biased;
            verdicts = self.drive(probes, Some(&lister), clock, &limiter, stop, report) => verdicts,
            () = lister.run(&mut list, &limiter, clock, deadline) => unreachable!("a lister does not end"),
        }
    }

    fn clock_and_limiter(&self) -> (Clock, Limiter) {
        let limiter = self.wait.limiter.clone().unwrap_or_else(|| Limiter::new(None));
        (self.wait.clock.unwrap_or_else(Clock::start), limiter)
    }

    async fn drive<P: Probe + Send>(
        self,
        probes: Vec<P>,
        lister: Option<&Lister>,
        clock: Clock,
        limiter: &Limiter,
        stop: impl Future<Output = ()>,
        report: impl FnMut(usize, Event<'_>),
    ) -> Vec<Verdict> {
        let (halt, halted) = watch::channel(false);
        let report = Mutex::new(report);
        let mut verdicts: Vec<Option<Verdict>> = vec![None; probes.len()];
        let mut running: FuturesUnordered<_> = probes
            .into_iter()
            .enumerate()
            .map(|(number, mut probe)| {
                let (wait, mut halted) = (self.wait.clone(), halted.clone());
                let report = &report;
                let place = lister.map(|lister| Place { lister, task: number });
                async move {
                    let stop = async {
                        // The sender lives longer than this future.
                        let _ = halted.wait_for(|halted| *halted).await;
                    };
                    let report = |event: Event<'_>| {
                        report.lock().unwrap_or_else(PoisonError::into_inner)(number, event);
                    };
                    (number, driver::drive(wait, limiter, place, clock, &mut probe, stop, report).await)
                }
            })
            .collect();
        let mut stop = pin!(stop);
        let mut stopping = false;
        loop {
            tokio::select! {
                biased;
                () = &mut stop, if !stopping => stopping = true,
                // Tokio's cooperative budget would be used up by the first hundred futures, and polling all
                // others in vain each time would take quadratic time.
                ended = unconstrained(running.next()) => match ended {
                    Some((number, verdict)) => {
                        stopping |= self.ends_with(&verdict);
                        verdicts[number] = Some(verdict);
                    }
                    None => break,
                }
            }
            halt.send_if_modified(|halted| {
                let halts = stopping && !*halted;
                *halted = stopping;
                halts
            });
        }
        verdicts.into_iter().flatten().collect()
    }

    /// Whether this verdict ends the other waits.
    fn ends_with(&self, verdict: &Verdict) -> bool {
        let limits = &self.wait.limits;
        let completed = verdict.outcome == Outcome::Completed;
        match self.until {
            // At the deadline and after a single poll, each wait ends anyway, with a result of its own.
            Until::FirstFailure => !completed && !limits.once && verdict.elapsed < limits.last_poll_start(),
            Until::AllEnded => false,
            Until::FirstSuccess => completed,
        }
    }
}

#[cfg(test)]
mod tests;
