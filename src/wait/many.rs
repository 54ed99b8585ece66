//! Several waits as one: one deadline, one budget, all or any.

use std::future;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::watch;
use tokio::task::unconstrained;

use super::Wait;
use super::budget::Budget;
use super::clock::Clock;
use super::gate::Gate;
use crate::{Event, Outcome, Probe, Verdict};

/// Half as many as the connections that one service may see of us: one that was just used is not always free when the
/// next look starts.
const LOOKS_AT_ONCE: usize = 64;

/// When several waits are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Until {
    /// When all tasks completed, or one did not. None is cut short by another that the deadline ended, nor where each is
    /// looked at only once.
    #[default]
    FirstFailure,
    /// When all have ended, whatever became of them.
    AllEnded,
    /// When one completed, or all have ended otherwise.
    FirstSuccess,
}

/// Several waits as one, by one deadline. Nobody waits much longer for their turn than the others.
///
/// ```
/// use jobwait::{Job, Outcome, Probe, Sighting, Status, Until, Wait, Waits};
///
/// struct Script(Vec<Status>);
///
/// impl Probe for Script {
///     async fn look(&mut self) -> Sighting {
///         Sighting::Seen(Job::new("1", &self.0.remove(0)))
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
    budget: Option<Budget>,
}

impl Waits {
    /// Waits like this one for each task, until the first does not complete, without a budget.
    pub fn new(wait: Wait) -> Self {
        Self { wait, until: Until::default(), budget: None }
    }

    /// When they are over.
    pub fn until(mut self, until: Until) -> Self {
        self.until = until;
        self
    }

    /// How often they may look, all together.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Waits for what these probes look at; the verdicts are in their order. A task that was undecided when the wait
    /// ended for another's sake is [`Outcome::Stopped`]. Events come with the number of their probe. Dropping the
    /// future cancels all, never a task.
    pub async fn run<P: Probe + Send>(
        self,
        probes: Vec<P>,
        tell: impl FnMut(usize, Event<'_>),
    ) -> Vec<Verdict> {
        self.run_until(probes, future::pending(), tell).await
    }

    /// Waits as [`run`](Self::run) does, but at the latest until `stop` is ready.
    pub async fn run_until<P: Probe + Send>(
        self,
        probes: Vec<P>,
        stop: impl Future<Output = ()>,
        tell: impl FnMut(usize, Event<'_>),
    ) -> Vec<Verdict> {
        let clock = self.wait.clock.unwrap_or_else(Clock::start);
        let deadline = self.wait.limits.deadline;
        // A single look at each is no more than the budget has, if it is that large: it need not be spread.
        let fits = |budget: &Budget| self.wait.limits.once && probes.len() <= budget.requests() as usize;
        let budget = self.budget.filter(|budget| !fits(budget));
        let gate = match probes.len() {
            1 => Gate::of_one(clock, deadline, budget),
            _ => Gate::of_many(clock, deadline, budget, LOOKS_AT_ONCE),
        };
        let (halt, halted) = watch::channel(false);
        let tell = Mutex::new(tell);
        let mut verdicts: Vec<Option<Verdict>> = vec![None; probes.len()];
        let mut running: FuturesUnordered<_> = probes
            .into_iter()
            .enumerate()
            .map(|(number, mut probe)| {
                let (wait, mut halted, gate, tell) = (self.wait.clone(), halted.clone(), &gate, &tell);
                async move {
                    let stop = async {
                        // The other end lives as long as this.
                        let _ = halted.wait_for(|halted| *halted).await;
                    };
                    let tell = |event: Event<'_>| {
                        tell.lock().unwrap_or_else(PoisonError::into_inner)(number, event);
                    };
                    (number, wait.behind(gate, clock, &mut probe, stop, tell).await)
                }
            })
            .collect();
        let mut stop = pin!(stop);
        let mut stopping = false;
        loop {
            tokio::select! {
                biased;
                () = &mut stop, if !stopping => stopping = true,
                // Tokio's budget for one turn of a task would be spent on the first hundred: all others would be asked in vain
                // each time.
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

    /// Whether this verdict ends the others' wait.
    fn ends_with(&self, verdict: &Verdict) -> bool {
        let limits = &self.wait.limits;
        let completed = verdict.outcome == Outcome::Completed;
        match self.until {
            // At the deadline, and after a single look, each ends by itself, and has something to tell.
            Until::FirstFailure => !completed && !limits.once && verdict.elapsed < limits.last_look(),
            Until::AllEnded => false,
            Until::FirstSuccess => completed,
        }
    }
}

#[cfg(test)]
mod tests;
