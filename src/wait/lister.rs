//! The list in front of the polls: it asks for the list of tasks where that replaces enough polls, and tells
//! each wait what the list says.

use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tracing::debug;

use super::coverage::{Choice, Coverage, News};
use crate::clock::Clock;
use crate::fault::{Fault, FaultKind};
use crate::id::JobId;
use crate::job::Job;
use crate::limiter::{Limiter, Member, Plan, RateLimit};
use crate::probe::{ListProbe, Observation};

/// The longest time for a page, as a share of the longest delay, and the shortest such time. Meanwhile, polls
/// wait.
const PATIENCE: u32 = 3;
const LEAST_PATIENCE: Duration = Duration::from_secs(1);

/// The list of several waits.
#[derive(Debug)]
pub(super) struct Lister {
    coverage: Mutex<Coverage>,
    /// Notified when a round has to start.
    start: Notify,
    /// Notified when a round ends.
    round_ends: Notify,
    /// For each task, notified when it has news.
    changed: Vec<Notify>,
    longest_delay: Duration,
    patience: Duration,
}

/// The next step of a wait whose delay is over.
#[derive(Debug)]
pub(super) enum Next {
    /// The list shows the task going on.
    Listed(Job),
    /// The poll is due.
    Poll,
    /// The list says that the task may have ended, so that it is polled at once.
    PollNow,
}

impl Lister {
    /// Polls of single tasks would see each one about every `longest_delay`, or less often where `limit` does
    /// not allow that. So the list may lag by half of that.
    pub(super) fn new(jobs: &[JobId], longest_delay: Duration, limit: Option<RateLimit>) -> Self {
        let tasks = u32::try_from(jobs.len()).unwrap_or(u32::MAX);
        let cycle = limit.map_or(Duration::ZERO, |limit| limit.spacing().saturating_mul(tasks));
        let tolerated_lag = longest_delay.max(cycle) / 2;
        Self {
            coverage: Mutex::new(Coverage::new(jobs, longest_delay, tolerated_lag)),
            start: Notify::new(),
            round_ends: Notify::new(),
            changed: jobs.iter().map(|_| Notify::new()).collect(),
            longest_delay,
            patience: (longest_delay / PATIENCE).max(LEAST_PATIENCE),
        }
    }

    fn coverage(&self) -> MutexGuard<'_, Coverage> {
        self.coverage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify(&self, tasks: Vec<usize>) {
        for task in tasks {
            self.changed[task].notify_one();
        }
    }

    /// The number of requests that an observation of the task costs.
    pub(super) fn cost(&self, task: usize) -> f64 {
        self.coverage().cost(task)
    }

    /// Plans the next poll of a task, which a list may replace.
    pub(super) fn plan(&self, task: usize, from: Duration, until: Duration) {
        self.coverage().plan(task, from, until);
    }

    /// Takes a task off the list while it is polled, and when its wait has ended.
    pub(super) fn unplan(&self, task: usize) {
        self.coverage().unplan(task);
    }

    /// Takes note of a response to a poll of the task.
    pub(super) fn polled(&self, task: usize, now: Duration, job: &Job) {
        self.coverage().polled(task, now, job);
    }

    /// Asks for the list each time that it is worth it, for ever.
    pub(super) async fn run<L: ListProbe>(
        &self,
        list: &mut L,
        limiter: &Limiter,
        clock: Clock,
        deadline: Duration,
    ) {
        let member = limiter.join_first();
        while !self.coverage().is_given_up() {
            self.start.notified().await;
            if let Err((fault, is_permanent)) = self.round(list, &member, limiter, clock, deadline).await {
                debug!(%fault, "no list of tasks");
                self.coverage().fail(clock.elapsed(), &fault, is_permanent);
            }
            // Tasks that the round did not answer for are polled.
            self.round_ends.notify_waiters();
        }
        std::future::pending::<()>().await;
    }

    /// Asks for all pages.
    ///
    /// # Errors
    ///
    /// The fault of a request without a page, and whether it is permanent.
    async fn round<L: ListProbe>(
        &self,
        list: &mut L,
        member: &Member,
        limiter: &Limiter,
        clock: Clock,
        deadline: Duration,
    ) -> Result<(), (Fault, bool)> {
        let mut restart = true;
        loop {
            let plan = Plan::at(clock.elapsed());
            let _permit = member.acquire(plan, clock, deadline).await.map_err(|fault| (fault, false))?;
            let asked_at = clock.elapsed();
            self.coverage().start_page(asked_at);
            let page = tokio::select! {
                page = list.page(restart) => page,
                () = clock.sleep_until(asked_at + self.patience) => {
                    let fault = Fault::new(FaultKind::TimedOut, "the list of tasks takes too long");
                    Err(Observation::transient(fault))
                }
            };
            let page = match page {
                Ok(page) => page,
                Err(observation) => {
                    limiter.record(&observation);
                    let is_permanent = !matches!(observation, Observation::Transient { .. });
                    let unknown = || Fault::new(FaultKind::Unreadable, "not a list of tasks");
                    return Err((observation.fault().cloned().unwrap_or_else(unknown), is_permanent));
                }
            };
            limiter.record_response();
            let (count, pages_left, now) = (page.jobs.len(), page.pages_left, clock.elapsed());
            let mut coverage = self.coverage();
            let changed = coverage.page(now, page.jobs);
            debug!(rows = count, pages_left, tasks = changed.len(), "listed");
            self.notify(changed);
            if !coverage.is_worth(now, pages_left) {
                return Ok(());
            }
            if pages_left == 0 {
                self.notify(coverage.end_round(now));
                return Ok(());
            }
            restart = false;
        }
    }

    /// Waits for news about a task from the list, or until the next poll is due and no list replaces it.
    pub(super) async fn next(&self, task: usize, plan: Plan, member: &Member, clock: Clock) -> Next {
        tokio::select! {
            biased;
            next = self.news(task) => next,
            () = self.until_poll(task, plan, member, clock) => Next::Poll,
        }
    }

    /// Waits for news about a task whose poll waits for a permit, and asks for a list now and then.
    pub(super) async fn news_in_queue(&self, task: usize, member: &Member, clock: Clock) -> Next {
        loop {
            tokio::select! {
                biased;
                next = self.news(task) => return next,
                () = clock.sleep_until(clock.elapsed() + self.longest_delay) => {}
            }
            self.choose(task, clock.elapsed(), member);
        }
    }

    async fn news(&self, task: usize) -> Next {
        loop {
            match self.coverage().take_news(task) {
                Some(News::GoingOn(job)) => return Next::Listed(*job),
                Some(News::Poll) => return Next::PollNow,
                None => {}
            }
            self.changed[task].notified().await;
        }
    }

    async fn until_poll(&self, task: usize, plan: Plan, member: &Member, clock: Clock) {
        member.until_due(plan, clock).await;
        loop {
            let mut round_ends = pin!(self.round_ends.notified());
            round_ends.as_mut().enable();
            let now = clock.elapsed();
            // Near the deadline, each task is polled.
            if now >= plan.bound {
                return;
            }
            let wake = match self.choose(task, now, member) {
                Choice::Poll => return,
                Choice::Until(at) => at.min(plan.bound),
                Choice::StartRound | Choice::AwaitRound => plan.bound,
            };
            tokio::select! {
                () = round_ends => {}
                () = clock.sleep_until(wake) => {}
            }
        }
    }

    fn choose(&self, task: usize, now: Duration, member: &Member) -> Choice {
        let mut coverage = self.coverage();
        let choice = coverage.choose(task, now, member.is_short());
        if choice == Choice::StartRound {
            coverage.start_round(now);
            self.start.notify_one();
        }
        choice
    }
}

#[cfg(test)]
mod tests;
