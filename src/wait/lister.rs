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

/// The longest time for a page, in which polls wait, is this part of the longest delay, or at least a second;
/// but never more than this part of the time until the deadline.
const PART_OF_DELAY: u32 = 3;
const LEAST_PATIENCE: Duration = Duration::from_secs(1);
const PART_OF_REST: u32 = 10;

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
    pub(super) fn new(jobs: &[JobId], longest_delay: Duration, limit: Option<RateLimit>) -> Self {
        let spacing = limit.map_or(Duration::ZERO, RateLimit::spacing);
        Self {
            coverage: Mutex::new(Coverage::new(jobs, longest_delay, spacing)),
            start: Notify::new(),
            round_ends: Notify::new(),
            changed: jobs.iter().map(|_| Notify::new()).collect(),
            longest_delay,
            patience: (longest_delay / PART_OF_DELAY).max(LEAST_PATIENCE),
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
    pub(super) fn cost(&self, task: usize, now: Duration) -> f64 {
        self.coverage().cost(task, now)
    }

    /// Plans the next poll of a task, which a list may replace.
    pub(super) fn plan(&self, task: usize, from: Duration, until: Duration) {
        self.coverage().plan(task, from, until);
    }

    /// Takes a task off the list while it is polled.
    pub(super) fn unplan(&self, task: usize) {
        self.coverage().unplan(task);
    }

    /// Takes note that the wait for a task has ended.
    pub(super) fn end(&self, task: usize) {
        self.coverage().end(task);
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
        // Each second page goes before all polls, because it replaces many. The others take turns with them.
        let members = [limiter.join_first(), limiter.join()];
        while !self.coverage().is_given_up() {
            self.start.notified().await;
            if let Err((fault, is_permanent)) = self.round(list, &members, limiter, clock, deadline).await {
                debug!(%fault, "no list of tasks");
                self.coverage().fail(&fault, is_permanent);
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
        members: &[Member; 2],
        limiter: &Limiter,
        clock: Clock,
        deadline: Duration,
    ) -> Result<(), (Fault, bool)> {
        let mut restart = true;
        for member in members.iter().cycle() {
            let plan = Plan::at(clock.elapsed());
            let _permit = member.acquire(plan, clock, deadline).await.map_err(|fault| (fault, false))?;
            let asked_at = clock.elapsed();
            let patience = self.patience.min(deadline.saturating_sub(asked_at) / PART_OF_REST);
            self.coverage().start_page(asked_at);
            let page = tokio::select! {
                page = list.page(restart) => page,
                () = clock.sleep_until(asked_at + patience) => {
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
            let changed = coverage.page(page.jobs);
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
        Ok(())
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
        let short = member.is_short();
        let choice = coverage.choose(task, now, short);
        if choice == Choice::StartRound {
            coverage.start_round(now, short);
            self.start.notify_one();
        }
        choice
    }
}

#[cfg(test)]
mod tests;
