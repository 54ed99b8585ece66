//! Tests of several scripted tasks on a paused clock.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::fault::{Fault, FaultKind};
use crate::job::{Job, Status};
use crate::limiter::{MAX_CONCURRENT_POLLS, RateLimit};
use crate::probe::Observation;
use crate::wait::Pace;

/// The polls of all tasks: the number of the task, and the time.
type Polls = Arc<Mutex<Vec<(usize, Duration)>>>;

/// A task that runs until `ends_at`, and then ends with `end`.
struct Scripted {
    number: usize,
    start: Instant,
    ends_at: Duration,
    end: End,
    latency: Duration,
    polls: Polls,
    /// The number of polls under way, and its maximum so far.
    concurrency: Arc<(AtomicUsize, AtomicUsize)>,
}

impl Probe for Scripted {
    async fn poll(&mut self) -> Observation {
        let now = self.start.elapsed();
        self.polls.lock().unwrap().push((self.number, now));
        let (under_way, maximum) = &*self.concurrency;
        maximum.fetch_max(under_way.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        tokio::time::sleep(self.latency).await;
        under_way.fetch_sub(1, Ordering::Relaxed);
        if now >= self.ends_at { self.end.observation() } else { seen(&Status::Running) }
    }
}

/// The end of a task.
#[derive(Debug, Clone, Copy)]
enum End {
    Completed,
    Failed,
    Forbidden,
}

impl End {
    fn observation(self) -> Observation {
        match self {
            Self::Completed => seen(&Status::Completed),
            Self::Failed => seen(&Status::Failed),
            Self::Forbidden => Observation::Permanent(Fault::new(FaultKind::Forbidden, "no")),
        }
    }
}

fn seen(status: &Status) -> Observation {
    Observation::Seen(Job::new("1", status))
}

struct Tasks {
    scripted: Vec<Scripted>,
    polls: Polls,
    concurrency: Arc<(AtomicUsize, AtomicUsize)>,
}

fn tasks(ends: impl IntoIterator<Item = (u64, End)>) -> Tasks {
    let (polls, concurrency) = (Polls::default(), Arc::default());
    let start = Instant::now();
    let scripted = |(number, (ends_at, end))| Scripted {
        number,
        start,
        ends_at: Duration::from_secs(ends_at),
        end,
        latency: Duration::ZERO,
        polls: Arc::clone(&polls),
        concurrency: Arc::clone(&concurrency),
    };
    let scripted = ends.into_iter().enumerate().map(scripted).collect();
    Tasks { scripted, polls, concurrency }
}

fn waits() -> Waits {
    let pace = Pace::new(Duration::from_secs(1), Duration::from_secs(5)).unwrap().jitter(0.0).unwrap();
    Waits::new(Wait::new().deadline(Duration::from_secs(100)).pace(pace))
}

fn outcomes(verdicts: &[Verdict]) -> Vec<Outcome> {
    verdicts.iter().map(|verdict| verdict.outcome).collect()
}

use Outcome::{Completed, Failed, Stopped, TimedOut, Unauthorized};

#[tokio::test(start_paused = true)]
async fn verdicts_are_reported_for_every_task_and_returned_in_the_order_of_the_tasks() {
    let tasks = tasks([(30, End::Completed), (0, End::Completed), (10, End::Completed)]);
    let mut reported = HashSet::new();
    let verdicts = waits().run(tasks.scripted, |number, event| {
        if let crate::event::EventKind::Ended(verdict) = event.kind {
            reported.insert((number, verdict.outcome));
        }
    });
    assert_eq!(outcomes(&verdicts.await), [Completed; 3]);
    assert_eq!(reported, HashSet::from([(0, Completed), (1, Completed), (2, Completed)]));
}

#[tokio::test(start_paused = true)]
async fn the_first_polls_start_at_once() {
    for count in [1, 3] {
        let many = tasks(vec![(0, End::Completed); count]);
        waits().run(many.scripted, |_, _| {}).await;
        let polls = many.polls.lock().unwrap().clone();
        assert!(polls.len() == count && polls.iter().all(|(_, at)| at.is_zero()), "{polls:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_stops_the_other_waits_unless_all_are_waited_for() {
    for (end, outcome) in [(End::Failed, Failed), (End::Forbidden, Unauthorized)] {
        let start = Instant::now();
        let verdicts = waits()
            .run(tasks([(30, End::Completed), (10, end), (0, End::Completed)]).scripted, |_, _| {})
            .await;
        assert_eq!(outcomes(&verdicts), [Stopped, outcome, Completed]);
        assert!(verdicts[0].last_seen.is_some() && start.elapsed() < Duration::from_secs(16));

        let all = waits().until(Until::AllEnded);
        let verdicts = all
            .run(tasks([(30, End::Completed), (10, end), (200, End::Completed)]).scripted, |_, _| {})
            .await;
        assert_eq!(outcomes(&verdicts), [Completed, outcome, TimedOut]);
    }
}

#[tokio::test(start_paused = true)]
async fn every_task_still_running_at_the_deadline_is_timed_out() {
    for until in [Until::FirstFailure, Until::AllEnded, Until::FirstSuccess] {
        let verdicts = waits().until(until).run(tasks([(200, End::Completed); 3]).scripted, |_, _| {}).await;
        assert_eq!(outcomes(&verdicts), [TimedOut; 3], "{until:?}");
        assert!(verdicts.iter().all(|verdict| verdict.fault.is_none()), "{verdicts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn once_polls_every_task_even_after_a_failure() {
    let many = tasks([(9, End::Completed), (0, End::Failed), (9, End::Completed), (0, End::Completed)]);
    let once = Waits::new(waits().wait.once());
    assert_eq!(outcomes(&once.run(many.scripted, |_, _| {}).await), [TimedOut, Failed, TimedOut, Completed]);
    assert_eq!(many.polls.lock().unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn polls_of_once_are_spread_only_if_they_are_more_than_the_burst() {
    for (count, spread) in [(10, false), (11, true)] {
        let rate_limit = RateLimit::new(40, Duration::from_secs(10)).unwrap();
        let many = tasks(vec![(0, End::Completed); count]);
        let once = Waits::new(waits().wait.once()).limiter(Limiter::new(Some(rate_limit)));
        assert_eq!(once.run(many.scripted, |_, _| {}).await.len(), count);
        let last = many.polls.lock().unwrap().last().unwrap().1;
        assert_eq!(!last.is_zero(), spread, "{count}: {last:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_without_a_poll_reports_that_the_rate_limit_was_used_up() {
    let rate_limit = RateLimit::new(4, Duration::from_secs(80)).unwrap();
    let many = tasks([(200, End::Completed); 9]);
    let verdicts = waits()
        .limiter(Limiter::new(Some(rate_limit)))
        .until(Until::AllEnded)
        .run(many.scripted, |_, _| {})
        .await;
    // One poll at once, and three in each window.
    for (number, verdict) in verdicts.iter().enumerate() {
        let polls = many.polls.lock().unwrap().iter().filter(|(polled, _)| *polled == number).count();
        assert_eq!(verdict.polls as usize, polls);
        if polls > 0 {
            assert_eq!((verdict.outcome, &verdict.fault), (TimedOut, &None));
        } else {
            assert_eq!(verdict.outcome, Outcome::Unreachable);
            assert_eq!(verdict.fault.as_ref().unwrap().kind, FaultKind::RateLimited);
        }
        assert_eq!(verdict.elapsed, Duration::from_secs(100));
    }
    assert_eq!(many.polls.lock().unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn until_first_success_a_completed_task_stops_the_other_waits_and_a_failure_does_not() {
    let first_success = || waits().until(Until::FirstSuccess);
    let verdicts = first_success()
        .run(tasks([(30, End::Completed), (5, End::Failed), (10, End::Completed)]).scripted, |_, _| {});
    assert_eq!(outcomes(&verdicts.await), [Stopped, Failed, Completed]);
    let verdicts = first_success().run(tasks([(10, End::Failed), (5, End::Failed)]).scripted, |_, _| {});
    assert_eq!(outcomes(&verdicts.await), [Failed, Failed]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_every_wait_and_an_empty_list_of_tasks_has_no_verdicts() {
    let stop = tokio::time::sleep(Duration::from_secs(7));
    let many = tasks([(30, End::Completed), (0, End::Completed)]);
    let verdicts = waits().run_until(many.scripted, stop, |_, _| {}).await;
    assert_eq!(outcomes(&verdicts), [Stopped, Completed]);
    assert!(waits().run(Vec::<Scripted>::new(), |_, _| {}).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn dropping_the_future_cancels_every_wait() {
    /// A probe that never responds, and counts when it is dropped.
    struct Hanging(Arc<AtomicUsize>);

    impl Probe for Hanging {
        async fn poll(&mut self) -> Observation {
            std::future::pending().await
        }
    }

    impl Drop for Hanging {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    let dropped = Arc::default();
    let probes = (0..100).map(|_| Hanging(Arc::clone(&dropped))).collect();
    let result = tokio::time::timeout(Duration::from_secs(3), waits().run(probes, |_, _| {})).await;
    assert!(result.is_err());
    assert_eq!(dropped.load(Ordering::Relaxed), 100);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_of_zero_is_reported_as_the_reason_for_no_poll() {
    for count in [1, 3] {
        let many = tasks(vec![(0, End::Completed); count]);
        let waits = Waits::new(waits().wait.deadline(Duration::ZERO));
        let verdicts = waits.run(many.scripted, |_, _| {}).await;
        let fault = verdicts[count - 1].fault.as_ref().unwrap();
        assert_eq!(fault.message, "this task was not polled: the deadline came first");
        assert!(many.polls.lock().unwrap().is_empty() && verdicts[0].outcome == Outcome::Unreachable);
    }
}

#[tokio::test(start_paused = true)]
async fn polls_that_are_still_queued_at_the_deadline_never_start() {
    let mut many = tasks([(1000, End::Completed); 200]);
    for task in &mut many.scripted {
        task.latency = Duration::from_secs(1000);
    }
    let start = Instant::now();
    let verdicts = waits().run(many.scripted, |_, _| {}).await;
    assert_eq!(start.elapsed().as_secs(), 100);
    // Until the first response, there is one poll at a time.
    assert_eq!(many.polls.lock().unwrap().len(), 1);
    let reason = |verdict: &Verdict| verdict.fault.as_ref().unwrap().message.clone();
    assert_eq!(reason(&verdicts[0]), "no response before the deadline");
    assert!(
        reason(&verdicts[199]).contains("the polls before it got no response"),
        "{}",
        reason(&verdicts[199])
    );
}

/// The first pause is a tenth of the window, 30 s with the default of 5 min, and each further one half as
/// long again.
///
/// Covers Q3.
#[tokio::test(start_paused = true)]
async fn a_429_pauses_all_tasks_and_one_poll_finds_out_when_it_is_over() {
    /// A task that gets a 429 for the first three polls of all tasks.
    struct Throttled(Scripted);

    impl Probe for Throttled {
        async fn poll(&mut self) -> Observation {
            let before = self.0.polls.lock().unwrap().len();
            let observation = self.0.poll().await;
            if before < 3 {
                return Observation::transient(Fault::new(FaultKind::Throttled, "slow down"));
            }
            observation
        }
    }

    for count in [3, 45, 200] {
        let mut many = tasks(vec![(60, End::Completed); count]);
        for task in &mut many.scripted {
            task.latency = Duration::from_millis(100);
        }
        let probes = many.scripted.into_iter().map(Throttled).collect();
        let mut reported = Vec::new();
        let wait = waits().wait.deadline(Duration::from_secs(3600));
        let verdicts = Waits::new(wait)
            .run(probes, |_, event| {
                if let crate::event::EventKind::Retry { next_poll, .. } = event.kind {
                    reported.push(next_poll.as_secs_f64());
                }
            })
            .await;
        assert!(verdicts.iter().all(|verdict| verdict.outcome == Completed), "{:?}", outcomes(&verdicts));
        let at: Vec<f64> = many.polls.lock().unwrap().iter().map(|(_, at)| at.as_secs_f64()).collect();
        // The pauses are 30, 45 and 67.5 s, each with a jitter of up to a half. One poll goes first after
        // each.
        let pauses: Vec<f64> = at[..4].windows(2).map(|pair| pair[1] - pair[0] - 0.1).collect();
        for (pause, expected) in pauses.iter().zip([30.0, 45.0, 67.5]) {
            assert!((0.5..=1.5).contains(&(pause / expected)), "{count}: {pauses:?}");
        }
        // Only then do the others follow, and the event has told the time of the next poll.
        assert!(at[4] > at[3] && reported[0] >= at[1] - 0.1, "{count}: {:?} {reported:?}", &at[..5]);
        assert_eq!(reported.len(), 3, "one poll for each 429");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_holds_in_every_window_and_is_shared_fairly() {
    let window = Duration::from_secs(10);
    let many = tasks([(1000, End::Completed); 50]);
    let rate_limit = RateLimit::new(40, window).unwrap();
    waits().limiter(Limiter::new(Some(rate_limit))).run(many.scripted, |_, _| {}).await;
    let polls = many.polls.lock().unwrap().clone();
    for (first, (_, from)) in polls.iter().enumerate() {
        let within = polls[first..].iter().take_while(|(_, at)| at.saturating_sub(*from) < window).count();
        assert!(within <= 40, "{within} from {from:?}");
    }
    // The limit is used: a quarter of it at once, and then 30 polls in each window, evenly spaced.
    assert_eq!(polls.iter().filter(|(_, at)| at.is_zero()).count(), 10);
    assert!(polls.len() >= 300, "{}", polls.len());
    // The fair share of 50 tasks is a poll in 16.7 s. No task waits twice as long.
    let delays = |task: usize| {
        let at: Vec<Duration> =
            polls.iter().filter(|(number, _)| *number == task).map(|(_, at)| *at).collect();
        assert!(at.len() >= 5, "{task}: {at:?}");
        at.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect::<Vec<_>>()
    };
    let longest = (0..50).flat_map(delays).max().unwrap();
    assert!(longest <= Duration::from_secs(33), "{longest:?}");
}

/// Covers Q5.
#[tokio::test(start_paused = true)]
async fn new_tasks_do_not_use_up_the_burst_while_they_are_invisible() {
    /// A task that is invisible for 5 s.
    struct New(Scripted);

    impl Probe for New {
        async fn poll(&mut self) -> Observation {
            match self.0.poll().await {
                _ if self.0.start.elapsed() < Duration::from_secs(5) => {
                    Observation::NotVisible(Fault::new(FaultKind::NotVisible, "unknown"))
                }
                observation => observation,
            }
        }
    }

    let many = tasks([(1000, End::Completed); 30]);
    let limiter = Limiter::new(Some(RateLimit::new(180, Duration::from_secs(300)).unwrap()));
    let probes = many.scripted.into_iter().map(New).collect();
    waits().limiter(limiter).run(probes, |_, _| {}).await;
    let polls = many.polls.lock().unwrap().clone();
    let before = |seconds| polls.iter().filter(|(_, at)| *at < Duration::from_secs(seconds)).count();
    assert_eq!(before(1), 30, "the first poll of each task is immediate");
    // Without a limiter, 30 tasks would send 150 requests in 5 s.
    assert!(before(5) <= 45, "{}", before(5));
    let second = |task: usize| polls.iter().filter(|(number, _)| *number == task).nth(1).unwrap().1;
    let latest = (0..30).map(second).max().unwrap();
    assert!(latest <= Duration::from_secs(75), "{latest:?}");
}

#[tokio::test(start_paused = true)]
async fn concurrent_polls_are_limited() {
    let mut many = tasks([(3, End::Completed); 1000]);
    for task in &mut many.scripted {
        task.latency = Duration::from_millis(100);
    }
    let verdicts = waits().run(many.scripted, |_, _| {}).await;
    assert!(verdicts.iter().all(|verdict| verdict.outcome == Completed));
    assert_eq!(many.concurrency.1.load(Ordering::Relaxed), MAX_CONCURRENT_POLLS);
}

#[tokio::test(start_paused = true)]
async fn a_429_with_retry_after_pauses_all_tasks() {
    /// A task that, if it is the third one, gets a 429 from 5 s to 20 s.
    struct Throttled(Scripted);

    impl Probe for Throttled {
        async fn poll(&mut self) -> Observation {
            let observation = self.0.poll().await;
            let now = self.0.start.elapsed();
            if self.0.number == 2 && (5..20).contains(&now.as_secs()) {
                let fault = Fault::new(FaultKind::Throttled, "slow down");
                return Observation::Transient { fault, retry_after: Some(Duration::from_secs(20)) };
            }
            observation
        }
    }

    let many = tasks([(60, End::Completed); 3]);
    let probes: Vec<Throttled> = many.scripted.into_iter().map(Throttled).collect();
    assert_eq!(outcomes(&waits().run(probes, |_, _| {}).await), [Completed; 3]);
    let polls = many.polls.lock().unwrap().clone();
    let throttled = polls.iter().find(|(number, at)| *number == 2 && at.as_secs() >= 5).unwrap().1;
    let next = polls.iter().find(|(_, at)| *at > throttled).unwrap().1;
    assert!(next >= throttled + Duration::from_secs(20), "{throttled:?} {next:?}");
}

/// A `Retry-After` beyond the deadline pauses the tasks until their last polls.
///
/// Covers H10.
#[tokio::test(start_paused = true)]
async fn a_pause_ends_in_time_for_the_last_polls() {
    /// A task that gets a 429 for the first poll of all tasks.
    struct Throttled(Scripted);

    impl Probe for Throttled {
        async fn poll(&mut self) -> Observation {
            let first = self.0.polls.lock().unwrap().is_empty();
            let observation = self.0.poll().await;
            if first {
                let fault = Fault::new(FaultKind::Throttled, "slow down");
                return Observation::Transient { fault, retry_after: Some(Duration::from_secs(1000)) };
            }
            observation
        }
    }

    let many = tasks([(90, End::Completed); 3]);
    let probes: Vec<Throttled> = many.scripted.into_iter().map(Throttled).collect();
    assert_eq!(outcomes(&waits().run(probes, |_, _| {}).await), [Completed; 3]);
    let polls = many.polls.lock().unwrap().clone();
    assert_eq!(polls.iter().filter(|(_, at)| (1..99).contains(&at.as_secs())).count(), 0, "{polls:?}");
}

#[test]
fn a_rate_limit_out_of_range_is_refused() {
    let day = Duration::from_secs(24 * 60 * 60);
    assert!(RateLimit::new(0, day).is_err() && RateLimit::new(1, Duration::ZERO).is_err());
    assert!(
        RateLimit::new(1, day * 31).is_err() && RateLimit::new(u32::MAX, Duration::from_millis(1)).is_ok()
    );
    assert!(RateLimit::new(1, day).is_ok() && RateLimit::new(180, Duration::from_secs(300)).is_ok());
}
