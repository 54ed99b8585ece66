//! The tasks that a list of tasks answers for, and whether a request for the list is worth it. Pure.
//!
//! A request for the list answers for all tasks on its page, so it replaces many polls of single tasks. But a
//! row says less than the response about the task itself, and the list may lag behind. So a row only shows
//! that a task is going on. A poll by ID decides everything else: an end on the list, a task that is missing
//! there, and a task that the list shows unchanged for long. A list that turns out to lag is not used again.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::fault::{Fault, FaultKind};
use crate::id::JobId;
use crate::job::{Job, Progress, Status};

/// The number of polls that a request for the list must replace.
const LEAST: usize = 4;

/// The estimate of the tasks on a page until there was a list.
const PAGE: usize = 50;

/// The number of rounds in a row without a complete list, after which the list is not used again.
const FAILURES: u32 = 3;

/// The number of longest delays for which a row may show the same before the task is polled.
const LONG_UNCHANGED: u32 = 4;

/// The tasks, and what is known about the list.
#[derive(Debug)]
pub(super) struct Coverage {
    tasks: Vec<Task>,
    /// The place of each task by its ID.
    numbers: HashMap<String, usize>,
    /// The tasks whose next poll a list may replace, by the time from which it may.
    ready: BTreeSet<(Duration, usize)>,
    /// The number of tasks that may have ended.
    ending: usize,
    /// The longest delay between polls.
    longest_delay: Duration,
    /// The lag with which the list is still better than polls.
    tolerated_lag: Duration,
    /// The number of tasks that the latest list showed, and of its pages.
    listed: usize,
    pages: usize,
    round: Option<Round>,
    /// The time until which there is no round. A round goes first, so it is followed by as much time without.
    rest_until: Duration,
    /// The time until which the list is not used, and the number of failures in a row.
    paused_until: Duration,
    failures: u32,
    given_up: bool,
}

/// The requests for all pages of the list.
#[derive(Debug)]
struct Round {
    started_at: Duration,
    /// The time of the request for the current page.
    page_at: Duration,
    pages: usize,
    /// The task that is polled in any case, because its row has not changed for long.
    sample: Option<usize>,
}

#[derive(Debug)]
struct Task {
    standing: Standing,
    /// The time from which a list may replace the next poll. `None` while there is no next poll.
    ready_at: Option<Duration>,
    news: Option<News>,
    /// The time of the response to the latest poll, and the progress in it.
    polled_at: Duration,
    polled: Option<Progress>,
    /// The list shows less progress than an earlier poll.
    is_behind: bool,
    /// It must be polled, because the list says that it may have ended.
    may_have_ended: bool,
    ended_at: Option<Duration>,
    /// The time since which the rows show the same.
    unchanged_since: Duration,
    shown: Option<(Status, Option<Progress>)>,
    /// The start of the latest round in which the list showed the task.
    seen_in: Option<Duration>,
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
    /// The list shows an end that the task denies.
    Contradicted,
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
    pub(super) fn new(jobs: &[JobId], longest_delay: Duration, tolerated_lag: Duration) -> Self {
        let task = || Task {
            standing: Standing::Unknown,
            ready_at: Some(Duration::ZERO),
            news: None,
            polled_at: Duration::ZERO,
            polled: None,
            is_behind: false,
            may_have_ended: false,
            ended_at: None,
            unchanged_since: Duration::ZERO,
            shown: None,
            seen_in: None,
        };
        Self {
            tasks: jobs.iter().map(|_| task()).collect(),
            numbers: jobs.iter().enumerate().map(|(number, job)| (job.as_str().to_owned(), number)).collect(),
            ready: (0..jobs.len()).map(|task| (Duration::ZERO, task)).collect(),
            ending: 0,
            longest_delay,
            tolerated_lag,
            listed: 0,
            pages: jobs.len().div_ceil(PAGE).max(1),
            round: None,
            rest_until: Duration::ZERO,
            paused_until: Duration::ZERO,
            failures: 0,
            given_up: jobs.len() < LEAST,
        }
    }

    /// The number of requests that an observation of this task costs.
    #[expect(clippy::cast_precision_loss, reason = "there are not that many tasks")]
    pub(super) fn cost(&self, task: usize) -> f64 {
        let is_listed = !self.given_up && self.tasks[task].standing == Standing::Listed;
        if is_listed { (self.pages as f64 / self.listed.max(1) as f64).min(1.0) } else { 1.0 }
    }

    /// Plans the next poll of a task, after a delay from `from` until `until`.
    pub(super) fn plan(&mut self, task: usize, from: Duration, until: Duration) {
        self.unplan(task);
        let mut ready_at = from + until.saturating_sub(from) / 2;
        match self.tasks[task].standing {
            Standing::Contradicted => return,
            // Such a task may be in a status that is not asked for.
            Standing::Missing { until, .. } => ready_at = ready_at.max(until),
            Standing::Unknown | Standing::Listed => {}
        }
        self.tasks[task].ready_at = Some(ready_at);
        self.ready.insert((ready_at, task));
    }

    /// Cancels the plan of a task, which is polled, or has ended.
    pub(super) fn unplan(&mut self, task: usize) {
        if let Some(ready_at) = self.tasks[task].ready_at.take() {
            self.ready.remove(&(ready_at, task));
        }
        self.tasks[task].news = None;
        self.expect_no_end(task);
    }

    fn expect_no_end(&mut self, task: usize) {
        self.ending -= usize::from(std::mem::take(&mut self.tasks[task].may_have_ended));
    }

    pub(super) fn take_news(&mut self, task: usize) -> Option<News> {
        self.tasks[task].news.take()
    }

    /// Returns how to proceed with a task whose next poll is due. Where requests are `short`, a listed task
    /// waits until a list is worth it.
    pub(super) fn choose(&self, task: usize, now: Duration, short: bool) -> Choice {
        let Some(ready_at) = self.tasks[task].ready_at.filter(|_| !self.given_up) else {
            return Choice::Poll;
        };
        if self.round.is_some() && ready_at <= now {
            return Choice::AwaitRound;
        }
        if now < self.paused_until || ready_at > now {
            return Choice::Poll;
        }
        let Some((enough_at, _)) = self.ready.iter().nth(LEAST * self.pages - 1) else {
            return Choice::Poll;
        };
        let mut at = self.rest_until.max(*enough_at);
        // There is no use in finding more ends than can be confirmed.
        if self.ending >= self.pages {
            at = at.max(now + self.longest_delay / 4);
        }
        if now >= at {
            Choice::StartRound
        } else if short && self.tasks[task].standing == Standing::Listed {
            Choice::Until(at)
        } else {
            Choice::Poll
        }
    }

    pub(super) fn start_round(&mut self, now: Duration) {
        let unchanged = |task: &Task| {
            let is_waiting = task.standing == Standing::Listed && task.ready_at.is_some();
            is_waiting && now.saturating_sub(task.unchanged_since) > self.longest_delay * LONG_UNCHANGED
        };
        let sample = (0..self.tasks.len())
            .filter(|task| unchanged(&self.tasks[*task]))
            .min_by_key(|task| self.tasks[*task].unchanged_since);
        self.round = Some(Round { started_at: now, page_at: now, pages: 0, sample });
    }

    /// Starts the request for a page.
    pub(super) fn start_page(&mut self, now: Duration) {
        if let Some(round) = &mut self.round {
            round.page_at = now;
        }
    }

    /// Takes note of a page at `now`. Returns the tasks with news.
    pub(super) fn page(&mut self, now: Duration, jobs: Vec<Job>) -> Vec<usize> {
        let Some(round) = &mut self.round else { return Vec::new() };
        round.pages += 1;
        let (started_at, page_at, sample) = (round.started_at, round.page_at, round.sample);
        let mut changed = Vec::new();
        for job in jobs {
            let Some(&number) = self.numbers.get(job.id()) else { continue };
            let task = &mut self.tasks[number];
            task.seen_in = Some(started_at);
            let has_ended = job.end().is_some();
            if task.ended_at.is_some_and(|ended| !has_ended && page_at > ended + self.tolerated_lag) {
                self.give_up("it shows a task that has ended as going on");
                return changed;
            }
            // The response to a poll since then is newer.
            if task.standing == Standing::Contradicted || task.polled_at > page_at {
                continue;
            }
            task.standing = Standing::Listed;
            // It may also have gone back: the next poll tells.
            let is_behind = job.progress() < task.polled && page_at > task.polled_at + self.tolerated_lag;
            task.is_behind |= is_behind;
            let shown = (job.status().clone(), job.progress());
            if task.shown.as_ref() != Some(&shown) {
                task.unchanged_since = now;
                task.shown = Some(shown);
            }
            if let Some(ready_at) = task.ready_at.take() {
                self.ready.remove(&(ready_at, number));
                let poll = has_ended || is_behind || sample == Some(number);
                task.news = Some(if poll { News::Poll } else { News::GoingOn(Box::new(job)) });
                if has_ended {
                    // Unless the poll confirms it.
                    task.standing = Standing::Contradicted;
                    task.may_have_ended = true;
                    self.ending += 1;
                }
                changed.push(number);
            }
        }
        changed
    }

    /// Returns whether the rest of the list is worth `pages_left` requests. Otherwise the round is over, and
    /// there is none for a while.
    pub(super) fn is_worth(&mut self, now: Duration, pages_left: usize) -> bool {
        let Some(round) = &self.round else { return false };
        let pages = round.pages + pages_left;
        let candidates = self
            .tasks
            .iter()
            .filter(|task| task.ended_at.is_none() && task.standing != Standing::Contradicted);
        let is_worth = candidates.count() >= LEAST * pages;
        if !is_worth {
            tracing::debug!(pages, "the list has too many pages for these tasks");
            self.pages = pages;
            self.pause(now, 16);
        }
        is_worth
    }

    /// Ends a round in which all pages were read. Returns the tasks with news.
    pub(super) fn end_round(&mut self, now: Duration) -> Vec<usize> {
        let Some(round) = self.round.take() else { return Vec::new() };
        self.rest_until = now + now.saturating_sub(round.started_at);
        self.failures = 0;
        self.pages = round.pages.max(1);
        self.listed = self.tasks.iter().filter(|task| task.seen_in == Some(round.started_at)).count();
        let mut changed = Vec::new();
        for (number, task) in self.tasks.iter_mut().enumerate() {
            let is_missing = task.seen_in != Some(round.started_at) && task.polled_at <= round.started_at;
            let Some(ready_at) = task.ready_at.filter(|_| is_missing) else { continue };
            let was_listed = task.standing == Standing::Listed;
            // Unless it was expected later.
            if !was_listed && ready_at > round.started_at {
                continue;
            }
            let times = if let Standing::Missing { times, .. } = task.standing { times + 1 } else { 0 };
            let until = round.page_at + self.longest_delay * (1 << times.min(6));
            task.standing = Standing::Missing { times, until };
            self.ready.remove(&(ready_at, number));
            self.ready.insert((until, number));
            task.ready_at = Some(until);
            // It may have ended.
            if was_listed {
                task.news = Some(News::Poll);
                self.ending += usize::from(!task.may_have_ended);
                task.may_have_ended = true;
                changed.push(number);
            }
        }
        changed
    }

    /// Ends a round without a list.
    pub(super) fn fail(&mut self, now: Duration, fault: &Fault, is_permanent: bool) {
        self.failures += u32::from(fault.kind != FaultKind::Throttled);
        if is_permanent || self.failures >= FAILURES {
            self.give_up(&fault.to_string());
        } else {
            self.pause(now, 1 << self.failures);
        }
    }

    fn pause(&mut self, now: Duration, longest_delays: u32) {
        self.round = None;
        self.paused_until = now.saturating_add(self.longest_delay.saturating_mul(longest_delays));
    }

    fn give_up(&mut self, reason: &str) {
        tracing::debug!(reason = %crate::text::safe(reason, 300), "the list of tasks is left aside");
        (self.given_up, self.round) = (true, None);
        self.ready.clear();
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.given_up
    }

    /// Takes note of a response to a poll of the task.
    pub(super) fn polled(&mut self, task: usize, now: Duration, job: &Job) {
        let task = &mut self.tasks[task];
        let was_behind = std::mem::take(&mut task.is_behind) && job.progress() >= task.polled;
        task.polled_at = now;
        task.polled = job.progress();
        task.unchanged_since = now;
        task.ended_at = job.end().map(|_| now);
        if was_behind {
            self.give_up("it shows less progress than the task has made");
        }
    }
}
