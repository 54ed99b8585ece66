//! Several scripted tasks on a paused clock.

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

/// Looks of all tasks: which task, and when.
type Looks = Arc<Mutex<Vec<(usize, Duration)>>>;

/// A task that goes on until a time, and then ends so.
struct Scripted {
    number: usize,
    start: Instant,
    ends_at: Duration,
    end: End,
    latency: Duration,
    looks: Looks,
    at_once: Arc<(AtomicUsize, AtomicUsize)>,
}

impl Probe for Scripted {
    async fn poll(&mut self) -> Observation {
        let now = self.start.elapsed();
        self.looks.lock().unwrap().push((self.number, now));
        let (under_way, most) = &*self.at_once;
        most.fetch_max(under_way.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        tokio::time::sleep(self.latency).await;
        under_way.fetch_sub(1, Ordering::Relaxed);
        if now >= self.ends_at { self.end.observation() } else { seen(&Status::Running) }
    }
}

/// How a task ends.
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
    looks: Looks,
    at_once: Arc<(AtomicUsize, AtomicUsize)>,
}

fn tasks(ends: impl IntoIterator<Item = (u64, End)>) -> Tasks {
    let (looks, at_once) = (Looks::default(), Arc::default());
    let start = Instant::now();
    let scripted = |(number, (ends_at, end))| Scripted {
        number,
        start,
        ends_at: Duration::from_secs(ends_at),
        end,
        latency: Duration::ZERO,
        looks: Arc::clone(&looks),
        at_once: Arc::clone(&at_once),
    };
    let scripted = ends.into_iter().enumerate().map(scripted).collect();
    Tasks { scripted, looks, at_once }
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
async fn all_are_waited_for_and_told_in_their_order() {
    let tasks = tasks([(30, End::Completed), (0, End::Completed), (10, End::Completed)]);
    let mut told = HashSet::new();
    let verdicts = waits().run(tasks.scripted, |number, event| {
        if let crate::event::EventKind::Ended(verdict) = event.kind {
            told.insert((number, verdict.outcome));
        }
    });
    assert_eq!(outcomes(&verdicts.await), [Completed; 3]);
    assert_eq!(told, HashSet::from([(0, Completed), (1, Completed), (2, Completed)]));
}

#[tokio::test(start_paused = true)]
async fn the_first_look_is_at_once() {
    for count in [1, 3] {
        let many = tasks(vec![(0, End::Completed); count]);
        waits().run(many.scripted, |_, _| {}).await;
        let looks = many.looks.lock().unwrap().clone();
        assert!(looks.len() == count && looks.iter().all(|(_, at)| at.is_zero()), "{looks:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_that_does_not_complete_ends_it_unless_it_is_told_to_keep_going() {
    for (end, outcome) in [(End::Failed, Failed), (End::Forbidden, Unauthorized)] {
        let start = Instant::now();
        let verdicts = waits()
            .run(tasks([(30, End::Completed), (10, end), (0, End::Completed)]).scripted, |_, _| {})
            .await;
        assert_eq!(outcomes(&verdicts), [Stopped, outcome, Completed]);
        assert!(verdicts[0].last_seen.is_some() && start.elapsed() < Duration::from_secs(16));

        let going = waits().until(Until::AllEnded);
        let verdicts = going
            .run(tasks([(30, End::Completed), (10, end), (200, End::Completed)]).scripted, |_, _| {})
            .await;
        assert_eq!(outcomes(&verdicts), [Completed, outcome, TimedOut]);
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_each_task_ends_by_itself() {
    for until in [Until::FirstFailure, Until::AllEnded, Until::FirstSuccess] {
        let verdicts = waits().until(until).run(tasks([(200, End::Completed); 3]).scripted, |_, _| {}).await;
        assert_eq!(outcomes(&verdicts), [TimedOut; 3], "{until:?}");
        assert!(verdicts.iter().all(|verdict| verdict.fault.is_none()), "{verdicts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn looked_at_once_each_task_is_looked_at() {
    let many = tasks([(9, End::Completed), (0, End::Failed), (9, End::Completed), (0, End::Completed)]);
    let once = Waits::new(waits().wait.once());
    assert_eq!(outcomes(&once.run(many.scripted, |_, _| {}).await), [TimedOut, Failed, TimedOut, Completed]);
    assert_eq!(many.looks.lock().unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn looked_at_once_they_need_not_be_spread_where_the_budget_has_room() {
    for (count, spread) in [(40, false), (41, true)] {
        let budget = RateLimit::new(40, Duration::from_secs(10)).unwrap();
        let many = tasks(vec![(0, End::Completed); count]);
        let once = Waits::new(waits().wait.once()).limiter(Limiter::new(Some(budget)));
        assert_eq!(once.run(many.scripted, |_, _| {}).await.len(), count);
        let last = many.looks.lock().unwrap().last().unwrap().1;
        assert_eq!(!last.is_zero(), spread, "{count}: {last:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_turn_does_not_come_says_so_and_counts_no_look() {
    let budget = RateLimit::new(4, Duration::from_secs(80)).unwrap();
    let many = tasks([(200, End::Completed); 9]);
    let verdicts = waits()
        .limiter(Limiter::new(Some(budget)))
        .until(Until::AllEnded)
        .run(many.scripted, |_, _| {})
        .await;
    // One at once, three in each window.
    for (number, verdict) in verdicts.iter().enumerate() {
        let polls = many.looks.lock().unwrap().iter().filter(|(looked, _)| *looked == number).count();
        assert_eq!(verdict.polls as usize, polls);
        if polls > 0 {
            assert_eq!((verdict.outcome, &verdict.fault), (TimedOut, &None));
        } else {
            assert_eq!(verdict.outcome, Outcome::Unreachable);
            assert_eq!(verdict.fault.as_ref().unwrap().kind, FaultKind::RateLimited);
        }
        assert_eq!(verdict.elapsed, Duration::from_secs(100));
    }
    assert_eq!(many.looks.lock().unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn any_that_completes_ends_it_and_failures_do_not() {
    let any = || waits().until(Until::FirstSuccess);
    let verdicts =
        any().run(tasks([(30, End::Completed), (5, End::Failed), (10, End::Completed)]).scripted, |_, _| {});
    assert_eq!(outcomes(&verdicts.await), [Stopped, Failed, Completed]);
    let verdicts = any().run(tasks([(10, End::Failed), (5, End::Failed)]).scripted, |_, _| {});
    assert_eq!(outcomes(&verdicts.await), [Failed, Failed]);
}

#[tokio::test(start_paused = true)]
async fn it_stops_when_it_is_told_to_and_has_nothing_to_do_without_tasks() {
    let stop = tokio::time::sleep(Duration::from_secs(7));
    let many = tasks([(30, End::Completed), (0, End::Completed)]);
    let verdicts = waits().run_until(many.scripted, stop, |_, _| {}).await;
    assert_eq!(outcomes(&verdicts), [Stopped, Completed]);
    assert!(waits().run(Vec::<Scripted>::new(), |_, _| {}).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn dropping_it_cancels_all() {
    /// Says when it is gone.
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

    let gone = Arc::default();
    let probes = (0..100).map(|_| Hanging(Arc::clone(&gone))).collect();
    let cut = tokio::time::timeout(Duration::from_secs(3), waits().run(probes, |_, _| {})).await;
    assert!(cut.is_err());
    assert_eq!(gone.load(Ordering::Relaxed), 100);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_over_at_the_beginning_says_so() {
    for count in [1, 3] {
        let many = tasks(vec![(0, End::Completed); count]);
        let over = Waits::new(waits().wait.deadline(Duration::ZERO));
        let verdicts = over.run(many.scripted, |_, _| {}).await;
        let fault = verdicts[count - 1].fault.as_ref().unwrap();
        assert_eq!(fault.message, "this task was not polled: the deadline came first");
        assert!(many.looks.lock().unwrap().is_empty() && verdicts[0].outcome == Outcome::Unreachable);
    }
}

#[tokio::test(start_paused = true)]
async fn those_whose_turn_comes_with_the_deadline_are_too_late() {
    let mut many = tasks([(1000, End::Completed); 200]);
    for task in &mut many.scripted {
        task.latency = Duration::from_secs(1000);
    }
    let start = Instant::now();
    let verdicts = waits().run(many.scripted, |_, _| {}).await;
    assert_eq!(start.elapsed().as_secs(), 100);
    assert_eq!(many.looks.lock().unwrap().len(), MAX_CONCURRENT_POLLS);
    let why = |verdict: &Verdict| verdict.fault.as_ref().unwrap().message.clone();
    assert_eq!(why(&verdicts[0]), "no response before the deadline");
    assert!(
        why(&verdicts[199]).contains("there was no answer to those before it"),
        "{}",
        why(&verdicts[199])
    );
}

/// Without a word for how long, all are held back for a second, then for twice as long each time, and start over once one is
/// let through.
#[tokio::test(start_paused = true)]
async fn one_that_is_asked_to_look_less_slows_all_ever_more() {
    /// Refused at first, for all tasks together, nine times, and once later.
    struct Throttled(Scripted);

    impl Probe for Throttled {
        async fn poll(&mut self) -> Observation {
            let before = self.0.looks.lock().unwrap().len();
            let observation = self.0.poll().await;
            if before < 9 || before == 14 {
                return Observation::transient(Fault::new(FaultKind::Throttled, "slower"));
            }
            observation
        }
    }

    let mut many = tasks([(60, End::Completed); 3]);
    for task in &mut many.scripted {
        task.latency = Duration::from_millis(100);
    }
    let probes = many.scripted.into_iter().map(Throttled).collect();
    let mut told = Vec::new();
    waits()
        .run(probes, |_, event| {
            if let crate::event::EventKind::Retry { next_poll, .. } = event.kind {
                told.push(next_poll.as_secs_f64().round());
            }
        })
        .await;
    let at: Vec<f64> = many.looks.lock().unwrap().iter().map(|(_, at)| at.as_secs_f64().round()).collect();
    // Three at once are refused together, which is one refusal; then after 1, 2 and 4 s.
    assert_eq!(at[..9], [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 3.0, 3.0, 3.0], "{at:?}");
    assert_eq!(at[9..12], [7.0, 7.0, 7.0], "{at:?}");
    // What is told is when they will look.
    assert_eq!(told[..9], [1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 7.0, 7.0, 7.0], "{told:?}");
    assert!(at[15] - at[14] < 4.0, "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn a_budget_holds_in_every_window_and_is_shared_fairly() {
    let window = Duration::from_secs(10);
    let many = tasks([(1000, End::Completed); 50]);
    let budget = RateLimit::new(40, window).unwrap();
    waits().limiter(Limiter::new(Some(budget))).run(many.scripted, |_, _| {}).await;
    let looks = many.looks.lock().unwrap().clone();
    for (first, (_, from)) in looks.iter().enumerate() {
        let within = looks[first..].iter().take_while(|(_, at)| at.saturating_sub(*from) < window).count();
        assert!(within <= 40, "{within} from {from:?}");
    }
    // It is made use of: a quarter goes at once, and 30 each window go evenly.
    assert_eq!(looks.iter().filter(|(_, at)| at.is_zero()).count(), 10);
    assert!(looks.len() >= 300, "{}", looks.len());
    // Nobody waits twice as long as another for their turn.
    let gaps = |task: usize| {
        let at: Vec<Duration> =
            looks.iter().filter(|(number, _)| *number == task).map(|(_, at)| *at).collect();
        assert!(at.len() >= 5, "{task}: {at:?}");
        at.windows(2).skip(1).map(|pair| pair[1].saturating_sub(pair[0])).collect::<Vec<_>>()
    };
    let gaps: Vec<Duration> = (0..50).flat_map(gaps).collect();
    let (least, most) = (gaps.iter().min().unwrap(), gaps.iter().max().unwrap());
    assert!(*most <= *least * 2, "{least:?} {most:?}");
}

#[tokio::test(start_paused = true)]
async fn no_more_than_64_look_at_once() {
    let mut many = tasks([(3, End::Completed); 1000]);
    for task in &mut many.scripted {
        task.latency = Duration::from_millis(100);
    }
    let verdicts = waits().run(many.scripted, |_, _| {}).await;
    assert!(verdicts.iter().all(|verdict| verdict.outcome == Completed));
    assert_eq!(many.at_once.1.load(Ordering::Relaxed), MAX_CONCURRENT_POLLS);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_asked_to_look_less_slows_all() {
    /// Refused at 5 s by the third task, for 20 s.
    struct Throttled(Scripted);

    impl Probe for Throttled {
        async fn poll(&mut self) -> Observation {
            let observation = self.0.poll().await;
            let now = self.0.start.elapsed();
            if self.0.number == 2 && (5..20).contains(&now.as_secs()) {
                let fault = Fault::new(FaultKind::Throttled, "slower");
                return Observation::Transient { fault, retry_after: Some(Duration::from_secs(20)) };
            }
            observation
        }
    }

    let many = tasks([(60, End::Completed); 3]);
    let probes: Vec<Throttled> = many.scripted.into_iter().map(Throttled).collect();
    assert_eq!(outcomes(&waits().run(probes, |_, _| {}).await), [Completed; 3]);
    let looks = many.looks.lock().unwrap().clone();
    let refused = looks.iter().find(|(number, at)| *number == 2 && at.as_secs() >= 5).unwrap().1;
    let next = looks.iter().find(|(_, at)| *at > refused).unwrap().1;
    assert!(next >= refused + Duration::from_secs(20), "{refused:?} {next:?}");
}

/// However long the service asks to be left alone, the last looks are before the deadline.
/// Covers H10.
#[tokio::test(start_paused = true)]
async fn nobody_is_held_back_past_the_last_looks() {
    struct Throttled(Scripted);

    impl Probe for Throttled {
        async fn poll(&mut self) -> Observation {
            let first = self.0.looks.lock().unwrap().is_empty();
            let observation = self.0.poll().await;
            if first {
                let fault = Fault::new(FaultKind::Throttled, "slower");
                return Observation::Transient { fault, retry_after: Some(Duration::from_secs(1000)) };
            }
            observation
        }
    }

    let many = tasks([(90, End::Completed); 3]);
    let probes: Vec<Throttled> = many.scripted.into_iter().map(Throttled).collect();
    assert_eq!(outcomes(&waits().run(probes, |_, _| {}).await), [Completed; 3]);
    let looks = many.looks.lock().unwrap().clone();
    assert_eq!(looks.iter().filter(|(_, at)| (1..99).contains(&at.as_secs())).count(), 0, "{looks:?}");
}

#[test]
fn a_budget_that_is_none_is_refused() {
    let day = Duration::from_secs(24 * 60 * 60);
    assert!(RateLimit::new(0, day).is_err() && RateLimit::new(1, Duration::ZERO).is_err());
    assert!(
        RateLimit::new(1, day * 31).is_err() && RateLimit::new(u32::MAX, Duration::from_millis(1)).is_ok()
    );
    assert!(RateLimit::new(1, day).is_ok() && RateLimit::new(180, Duration::from_secs(300)).is_ok());
}
