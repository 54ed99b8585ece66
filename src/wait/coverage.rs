//! The tasks that a list of tasks answers for, and whether a request for the list is worth it. Pure.
//!
//! A request for the list answers for all tasks on its page, so it replaces many polls of single tasks. But a
//! row says less than the response about the task itself, and the list may lag behind. So a row only shows
//! that a task is going on. A poll by ID decides everything else: an end on the list, and a task that is
//! missing there. In each round, some of the listed tasks are polled as well, which shows whether the list is
//! true. A list that turns out to lag is not used again.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::Waits;
use crate::fault::Fault;
use crate::id::JobId;
use crate::job::{Job, Progress};
use crate::probe::ListPage;

/// The number of polls that a request for the list must replace.
const LEAST: usize = Waits::LEAST_LISTED;

/// The number of failures in a row after which the list is not used again.
const FAILURES: u32 = 3;

/// The number of longest delays after which a listed task is polled by its ID.
const UNPOLLED: u32 = 4;

/// The number of longest delays without a list, if it has too many pages or leaves tasks out.
const LONG_PAUSE: u32 = 16;

/// The number of tasks with less progress on the list than in an earlier response that shows that it lags.
/// One task may have gone back.
const BEHIND: usize = 2;

/// The number of tasks that the list left out although they were going on, after which it is not used for a
/// while.
const LEFT_OUT: usize = 8;

/// The tasks, and what is known about the list.
#[derive(Debug)]
pub(super) struct Coverage {
    tasks: Vec<Task>,
    /// The index of each task by its ID.
    numbers: HashMap<String, usize>,
    /// The tasks whose next poll a list may replace, by the time from which it may.
    ready: BTreeSet<(Duration, usize)>,
    /// The number of tasks whose wait has not ended, and of those that may have ended.
    waiting: usize,
    ending: usize,
    /// The longest delay between polls of a task, and the time between two polls that the rate limit allows.
    longest_delay: Duration,
    spacing: Duration,
    /// The number of tasks that the latest list showed, and of its pages.
    listed: usize,
    pages: usize,
    round: Option<Round>,
    rounds: u64,
    /// The time until which there is no round. Some requests of a round go before all polls, so it is
    /// followed by as much time without.
    rest_until: Duration,
    /// The time until which the list is not used.
    paused_until: Duration,
    /// The reason why the latest round had no list, until a poll shows whether the service responds.
    failed: Option<String>,
    failures: u32,
    behind: usize,
    /// The number of tasks that were missing and were still going on, and of those that had ended.
    left_out: usize,
    rightly_missing: usize,
    given_up: bool,
}

/// The requests for all pages of the list.
#[derive(Debug)]
struct Round {
    number: u64,
    started_at: Duration,
    /// The time of the request for the current page.
    page_at: Duration,
    pages: usize,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they do not depend on each other")]
struct Task {
    standing: Standing,
    /// The time from which a list may replace the next poll. `None` while there is no next poll.
    ready_at: Option<Duration>,
    news: Option<News>,
    /// The time of the response to the latest poll, and the progress in it.
    polled_at: Duration,
    polled: Option<Progress>,
    /// The list shows less progress than an earlier response.
    is_behind: bool,
    /// The list says that it may have ended. A poll tells.
    may_have_ended: bool,
    /// The list no longer showed the task, and it was not polled since.
    has_vanished: bool,
    ended_at: Option<Duration>,
    is_over: bool,
    /// The number of the latest round in which the list showed the task, and of that in which it was to be
    /// polled in any case.
    seen_in: u64,
    sampled_in: u64,
}

/// The relation of a task to the list.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Standing {
    /// There was no list yet.
    Unknown,
    Listed,
    /// The latest lists did not show it, so many in a row. It is not expected there before a time.
    Missing {
        times: u32,
        until: Duration,
    },
    /// The list shows an end. Unless a poll confirms that, the list is wrong about the task.
    Ended,
}

/// What the list says about a task.
#[derive(Debug)]
pub(super) enum News {
    /// The task is going on.
    GoingOn(Box<Job>),
    /// The task must be polled now.
    Poll,
}

/// How to proceed with a task whose next poll is due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Choice {
    /// Poll it.
    Poll,
    /// Start a round, and wait for it.
    StartRound,
    /// Wait for the round that is under way.
    AwaitRound,
    /// Wait for a round that starts at this time.
    Until(Duration),
}

impl Coverage {
    pub(super) fn new(jobs: &[JobId], longest_delay: Duration, spacing: Duration) -> Self {
        let task = || Task {
            standing: Standing::Unknown,
            ready_at: Some(Duration::ZERO),
            news: None,
            polled_at: Duration::ZERO,
            polled: None,
            is_behind: false,
            may_have_ended: false,
            has_vanished: false,
            ended_at: None,
            is_over: false,
            seen_in: 0,
            sampled_in: 0,
        };
        Self {
            tasks: jobs.iter().map(|_| task()).collect(),
            numbers: jobs.iter().enumerate().map(|(number, job)| (job.as_str().to_owned(), number)).collect(),
            ready: (0..jobs.len()).map(|task| (Duration::ZERO, task)).collect(),
            waiting: jobs.len(),
            ending: 0,
            longest_delay,
            spacing,
            listed: 0,
            pages: jobs.len().div_ceil(ListPage::USUAL).max(1),
            round: None,
            rounds: 0,
            rest_until: Duration::ZERO,
            paused_until: Duration::ZERO,
            failed: None,
            failures: 0,
            behind: 0,
            left_out: 0,
            rightly_missing: 0,
            given_up: jobs.len() < LEAST,
        }
    }

    /// The number of requests that it takes to see this task.
    #[expect(clippy::cast_precision_loss, reason = "there are not that many tasks")]
    pub(super) fn cost(&self, task: usize, now: Duration) -> f64 {
        let is_listed = self.is_usable(now) && self.tasks[task].standing == Standing::Listed;
        if is_listed { (self.pages as f64 / self.listed.max(1) as f64).min(1.0) } else { 1.0 }
    }

    fn is_usable(&self, now: Duration) -> bool {
        !self.given_up && self.failed.is_none() && now >= self.paused_until
    }

    /// The lag up to which the list is no worse than polls. Polls of single tasks would see each one about
    /// every longest delay, or less often where the rate limit does not allow that.
    fn tolerated_lag(&self) -> Duration {
        let cycle = self.spacing.saturating_mul(u32::try_from(self.waiting).unwrap_or(u32::MAX));
        self.longest_delay.max(cycle) / 2
    }

    /// Plans the next poll of a task, after a delay from `from` until `until`.
    pub(super) fn plan(&mut self, task: usize, from: Duration, until: Duration) {
        self.unplan(task);
        let mut ready_at = from + until.saturating_sub(from) / 2;
        match self.tasks[task].standing {
            Standing::Ended => return,
            // Such a task may be in a status that is not asked for.
            Standing::Missing { until, .. } => ready_at = ready_at.max(until),
            Standing::Unknown | Standing::Listed => {}
        }
        self.tasks[task].ready_at = Some(ready_at);
        self.ready.insert((ready_at, task));
    }

    /// Cancels the plan of a task that is polled.
    pub(super) fn unplan(&mut self, task: usize) {
        self.set_may_have_ended(task, false);
        self.take_plan(task);
        self.tasks[task].news = None;
    }

    /// Takes note that the wait for a task has ended.
    pub(super) fn end(&mut self, task: usize) {
        self.unplan(task);
        self.waiting -= usize::from(!std::mem::replace(&mut self.tasks[task].is_over, true));
    }

    fn take_plan(&mut self, task: usize) -> Option<Duration> {
        let ready_at = self.tasks[task].ready_at.take()?;
        self.ready.remove(&(ready_at, task));
        Some(ready_at)
    }

    fn set_may_have_ended(&mut self, task: usize, may_have_ended: bool) {
        let before = std::mem::replace(&mut self.tasks[task].may_have_ended, may_have_ended);
        self.ending = self.ending + usize::from(may_have_ended) - usize::from(before);
    }

    pub(super) fn take_news(&mut self, task: usize) -> Option<News> {
        self.tasks[task].news.take()
    }

    /// Returns how to proceed with a task whose next poll is due. Where requests are `short`, a listed task
    /// waits for a round that starts soon.
    pub(super) fn choose(&self, task: usize, now: Duration, short: bool) -> Choice {
        let is_ready = self.tasks[task].ready_at.is_some_and(|ready_at| ready_at <= now);
        if !is_ready || !self.is_usable(now) {
            return Choice::Poll;
        }
        if self.round.is_some() {
            return Choice::AwaitRound;
        }
        let Some((enough_at, _)) = self.ready.iter().nth(LEAST * self.pages - 1) else {
            return Choice::Poll;
        };
        // Tasks that are not expected on the list soon must not hold up the others.
        let is_soon = *enough_at <= now + self.longest_delay / 2;
        let mut at = self.rest_until.max(*enough_at);
        // Ends that are known are confirmed before others are searched.
        if self.ending >= self.pages {
            at = at.max(now + self.longest_delay / 4);
        }
        if now >= at {
            Choice::StartRound
        } else if short && is_soon && self.tasks[task].standing == Standing::Listed {
            Choice::Until(at)
        } else {
            Choice::Poll
        }
    }

    /// Starts a round. Where requests are `short`, only one listed task is polled beside it, otherwise one
    /// for each page.
    pub(super) fn start_round(&mut self, now: Duration, short: bool) {
        let is_first = self.tasks.iter().all(|task| task.polled_at.is_zero());
        let unpolled = |task: &Task| {
            let is_long = now.saturating_sub(task.polled_at) > self.longest_delay * UNPOLLED;
            task.ready_at.is_some() && (is_first || (is_long && task.standing == Standing::Listed))
        };
        let mut samples: Vec<usize> =
            (0..self.tasks.len()).filter(|task| unpolled(&self.tasks[*task])).collect();
        samples.sort_by_key(|task| self.tasks[*task].polled_at);
        samples.truncate(if short || is_first { 1 } else { self.pages });
        self.rounds += 1;
        for task in samples {
            self.tasks[task].sampled_in = self.rounds;
        }
        self.round = Some(Round { number: self.rounds, started_at: now, page_at: now, pages: 0 });
    }

    /// Starts the request for a page.
    pub(super) fn start_page(&mut self, now: Duration) {
        if let Some(round) = &mut self.round {
            round.page_at = now;
        }
    }

    /// Takes note of a page. Returns the tasks with news.
    pub(super) fn page(&mut self, jobs: Vec<Job>) -> Vec<usize> {
        let tolerated = self.tolerated_lag();
        let Some(round) = &mut self.round else { return Vec::new() };
        round.pages += 1;
        let (number, page_at) = (round.number, round.page_at);
        let mut changed = Vec::new();
        for job in jobs {
            let Some(&at) = self.numbers.get(job.id()) else { continue };
            let task = &mut self.tasks[at];
            task.seen_in = number;
            let has_ended = job.end().is_some();
            if task.ended_at.is_some_and(|ended| !has_ended && page_at > ended + tolerated) {
                self.give_up("it shows a task that has ended as going on");
                return changed;
            }
            // The response to a poll since then is newer.
            if task.standing == Standing::Ended || task.polled_at > page_at {
                continue;
            }
            task.standing = if has_ended { Standing::Ended } else { Standing::Listed };
            let is_behind = is_less(job.progress(), task.polled) && page_at > task.polled_at + tolerated;
            task.is_behind |= is_behind;
            let poll = has_ended || is_behind || task.sampled_in == number;
            if self.take_plan(at).is_some() {
                self.set_may_have_ended(at, has_ended);
                self.tasks[at].news = Some(if poll { News::Poll } else { News::GoingOn(Box::new(job)) });
                changed.push(at);
            }
        }
        changed
    }

    /// Returns whether the rest of the list is worth `pages_left` requests. Otherwise the round is over, and
    /// there is none for a while.
    pub(super) fn is_worth(&mut self, now: Duration, pages_left: usize) -> bool {
        let Some(round) = &self.round else { return false };
        let pages = round.pages + pages_left;
        let is_worth = self.waiting >= LEAST * pages;
        if !is_worth {
            tracing::debug!(pages, "the list has too many pages for these tasks");
            self.pause(now, LONG_PAUSE);
        }
        is_worth
    }

    /// Ends a round in which all pages were read. Returns the tasks with news.
    pub(super) fn end_round(&mut self, now: Duration) -> Vec<usize> {
        let Some(round) = self.round.take() else { return Vec::new() };
        self.rest_until = now + now.saturating_sub(round.started_at);
        self.failures = 0;
        self.pages = round.pages.max(1);
        self.listed = self.tasks.iter().filter(|task| !task.is_over && task.seen_in == round.number).count();
        let mut changed = Vec::new();
        for at in 0..self.tasks.len() {
            let task = &self.tasks[at];
            let is_missing = task.seen_in != round.number && task.polled_at <= round.started_at;
            let Some(ready_at) = task.ready_at.filter(|_| is_missing) else { continue };
            let was_listed = task.standing == Standing::Listed;
            // A task that was not expected on this list is not missing.
            if !was_listed && ready_at > round.started_at {
                continue;
            }
            let times = if let Standing::Missing { times, .. } = task.standing { times + 1 } else { 0 };
            let until = round.page_at + self.longest_delay * (1 << times.min(6));
            self.take_plan(at);
            self.ready.insert((until, at));
            let task = &mut self.tasks[at];
            task.standing = Standing::Missing { times, until };
            task.ready_at = Some(until);
            if was_listed {
                (task.news, task.has_vanished) = (Some(News::Poll), true);
                self.set_may_have_ended(at, true);
                changed.push(at);
            }
        }
        changed
    }

    /// Ends a round without a list. Whether that is the fault of the list, the next poll tells.
    pub(super) fn fail(&mut self, fault: &Fault, is_permanent: bool) {
        self.round = None;
        if is_permanent {
            self.give_up(&fault.to_string());
        } else {
            self.failed = Some(fault.to_string());
        }
    }

    fn pause(&mut self, now: Duration, longest_delays: u32) {
        self.round = None;
        self.paused_until = now.saturating_add(self.longest_delay.saturating_mul(longest_delays));
    }

    fn give_up(&mut self, reason: &str) {
        self.round = None;
        if !std::mem::replace(&mut self.given_up, true) {
            tracing::debug!(reason = %crate::text::safe(reason, 300), "the list of tasks is left aside");
        }
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.given_up
    }

    /// Takes note of a response to a poll of the task, before the plan of the next one.
    pub(super) fn polled(&mut self, at: usize, now: Duration, job: &Job) {
        let task = &mut self.tasks[at];
        let has_ended = job.end().is_some();
        let was_behind = std::mem::take(&mut task.is_behind) && !is_less(job.progress(), task.polled);
        let was_missing = std::mem::take(&mut task.has_vanished);
        task.polled_at = now;
        task.polled = job.progress();
        task.ended_at = has_ended.then_some(now);
        self.behind += usize::from(was_behind);
        self.left_out += usize::from(was_missing && !has_ended);
        self.rightly_missing += usize::from(was_missing && has_ended);
        if self.behind >= BEHIND {
            self.give_up("it shows less progress than the tasks have made");
        }
        if self.left_out >= LEFT_OUT && self.left_out > 2 * self.rightly_missing {
            tracing::debug!("the list leaves out tasks that are going on");
            (self.left_out, self.rightly_missing) = (0, 0);
            self.pause(now, LONG_PAUSE);
        }
        // The service responds, but had no list.
        if let Some(reason) = self.failed.take() {
            self.failures += 1;
            if self.failures >= FAILURES {
                self.give_up(&reason);
            } else {
                self.pause(now, 1 << self.failures);
            }
        }
    }
}

/// Returns whether progress is less by whole percents. Missing progress says nothing.
fn is_less(progress: Option<Progress>, than: Option<Progress>) -> bool {
    let percent = |progress: Progress| progress.percent().floor();
    progress.zip(than).is_some_and(|(progress, than)| percent(progress) < percent(than))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Status;

    const SECOND: Duration = Duration::from_secs(1);

    /// The tasks after a round at `now` that shows the first of them in `status`, and the others as running.
    fn round(coverage: &mut Coverage, now: Duration, status: &Status) -> Vec<usize> {
        coverage.start_round(now, true);
        coverage.start_page(now);
        let status_of = |task| if task == 0 { status } else { &Status::Running };
        let rows = (0..4).map(|task| Job::new(&format!("task-{task}"), status_of(task))).collect();
        let mut changed = coverage.page(rows);
        changed.extend(coverage.end_round(now));
        changed
    }

    #[test]
    fn a_task_that_denies_an_end_on_the_list_is_only_polled() {
        let jobs: Vec<JobId> = (0..4).map(|task| JobId::parse(&format!("task-{task}")).unwrap()).collect();
        let mut coverage = Coverage::new(&jobs, SECOND * 15, SECOND);
        assert_eq!(coverage.choose(0, SECOND, true), Choice::StartRound);
        assert_eq!(round(&mut coverage, SECOND, &Status::Completed), [0, 1, 2, 3]);
        assert!(matches!(coverage.take_news(0), Some(News::Poll)), "the end is confirmed");
        assert!(matches!(coverage.take_news(1), Some(News::GoingOn(_))));
        // The task is still running, whatever the list says.
        coverage.unplan(0);
        coverage.polled(0, SECOND * 2, &Job::new("task-0", &Status::Running));
        for task in 0..4 {
            coverage.plan(task, SECOND * 2, SECOND * 17);
        }
        assert_eq!(coverage.choose(0, SECOND * 17, true), Choice::Poll);
        assert_eq!(round(&mut coverage, SECOND * 17, &Status::Completed), [1, 2, 3]);
        assert!(coverage.take_news(0).is_none());
    }
}
