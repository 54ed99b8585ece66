//! Several waits with a list, against a service of virtual time.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts and times of a simulation are small"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::clock::Clock;
use crate::fault::{Fault, FaultKind};
use crate::id::JobId;
use crate::job::{Job, Status};
use crate::limiter::{Limiter, RateLimit};
use crate::outcome::{Outcome, Verdict};
use crate::probe::{ListPage, ListProbe, Observation, Probe};
use crate::wait::{Until, Wait, Waits};

const PAGE: usize = 50;

/// A service with tasks that run for a given time, and with a list of those that are running.
#[derive(Debug)]
struct Service {
    clock: Clock,
    durations: Vec<f64>,
    /// The list shows the state of this long ago.
    lag: f64,
    /// The tasks have run for this long when the wait starts, and report each percent.
    age: Option<f64>,
    /// The single query does not know tasks until this time.
    visible_at: f64,
    /// These tasks are not on the list.
    never_listed: std::ops::Range<usize>,
    /// Each second list leaves out these tasks.
    left_out: std::ops::Range<usize>,
    /// The service responds with an error in this period.
    outage: std::ops::Range<f64>,
    /// The tasks report no progress.
    is_silent: bool,
    /// The list also shows the tasks that have ended, as if it ignored the status that is asked for.
    shows_ends: bool,
    /// The list shows these as completed, although they are running.
    completed_on_list: Vec<usize>,
    /// The number of other tasks on the list.
    others: usize,
    /// The list shows no later state than that of this time.
    stops_at: f64,
    list_hangs: bool,
    /// The list responds like this instead.
    list_fault: Option<Observation>,
    polls: usize,
    pages: usize,
    /// For each task, the times at which its state was seen.
    seen: Vec<Vec<f64>>,
}

#[derive(Debug, Clone)]
struct Shared(Arc<Mutex<Service>>);

#[derive(Debug)]
struct Task(Shared, usize);

#[derive(Debug)]
struct List(Shared, usize);

fn id(task: usize) -> JobId {
    JobId::parse(&format!("task-{task}")).unwrap()
}

impl Service {
    fn job(&self, task: usize, now: f64) -> Job {
        let duration = self.durations[task];
        if now >= duration {
            return Job::new(id(task).as_str(), &Status::Completed);
        }
        if self.is_silent {
            return Job::new(id(task).as_str(), &Status::Running);
        }
        let percent = match self.age {
            Some(age) => (100.0 * (now + age) / (duration + age)).floor(),
            None => (20.0 * now / duration).floor() * 5.0,
        };
        let json = format!(r#"{{"id": "{}", "status": "Running", "process": "{percent}"}}"#, id(task));
        Job::from_json(&json).unwrap()
    }

    fn rows(&mut self) -> Vec<Job> {
        let now = self.clock.elapsed().as_secs_f64();
        let then = (now - self.lag).min(self.stops_at);
        let mut rows = Vec::new();
        for task in 0..self.durations.len() {
            if self.completed_on_list.contains(&task) && now > 60.0 {
                rows.push(Job::new(id(task).as_str(), &Status::Completed));
                continue;
            }
            let is_left_out = self.left_out.contains(&task) && self.pages.is_multiple_of(2);
            if is_left_out || self.never_listed.contains(&task) {
                continue;
            }
            let is_shown = then < self.durations[task] || self.shows_ends;
            if (then >= 0.0 || self.age.is_some()) && is_shown {
                rows.push(self.job(task, then));
            }
        }
        rows.extend((0..self.others).map(|other| Job::new(&format!("other-{other}"), &Status::Running)));
        rows
    }
}

impl Probe for Task {
    async fn poll(&mut self) -> Observation {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let Self(shared, task) = self;
        let mut service = shared.0.lock().unwrap();
        service.polls += 1;
        let now = service.clock.elapsed().as_secs_f64();
        if service.outage.contains(&now) {
            return Observation::transient(Fault::new(FaultKind::Unavailable, "HTTP 503"));
        }
        if now < service.visible_at {
            return Observation::NotVisible(Fault::new(FaultKind::NotVisible, "The job does not exist."));
        }
        service.seen[*task].push(now);
        Observation::Seen(service.job(*task, now))
    }
}

impl ListProbe for List {
    async fn page(&mut self, restart: bool) -> Result<ListPage, Observation> {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let Self(shared, page) = self;
        shared.0.lock().unwrap().pages += 1;
        if shared.0.lock().unwrap().list_hangs {
            std::future::pending::<()>().await;
        }
        let mut service = shared.0.lock().unwrap();
        if let Some(fault) = &service.list_fault {
            return Err(fault.clone());
        }
        let now = service.clock.elapsed().as_secs_f64();
        if service.outage.contains(&now) {
            return Err(Observation::transient(Fault::new(FaultKind::Unavailable, "HTTP 503")));
        }
        *page = if restart { 0 } else { *page + 1 };
        let rows = service.rows();
        let now = service.clock.elapsed().as_secs_f64();
        let jobs: Vec<Job> = rows.iter().skip(*page * PAGE).take(PAGE).cloned().collect();
        for job in &jobs {
            if let Some(task) = job.id().strip_prefix("task-") {
                service.seen[task.parse::<usize>().unwrap()].push(now);
            }
        }
        Ok(ListPage { jobs, pages_left: rows.len().div_ceil(PAGE).saturating_sub(*page + 1) })
    }
}

/// The results of waits.
#[derive(Debug)]
struct Report {
    verdicts: Vec<Verdict>,
    polls: usize,
    pages: usize,
    lags: Vec<f64>,
    /// The times between two sights of a task while it was running, sorted.
    gaps: Vec<f64>,
    /// For each task, the time of the first poll.
    first_polls: Vec<f64>,
}

impl Report {
    fn mean_lag(&self) -> f64 {
        self.lags.iter().sum::<f64>() / self.lags.len() as f64
    }

    fn gap(&self, share: f64) -> f64 {
        self.gaps[((self.gaps.len() - 1) as f64 * share) as usize]
    }

    fn assert_completed(&self) {
        assert!(self.verdicts.iter().all(|verdict| verdict.outcome == Outcome::Completed));
        assert!(self.lags.iter().all(|lag| *lag >= 0.0), "an end was seen before it came");
    }
}

fn service(durations: Vec<f64>) -> Service {
    let seen = vec![Vec::new(); durations.len()];
    Service {
        clock: Clock::start(),
        durations,
        lag: 0.0,
        age: None,
        visible_at: 0.0,
        never_listed: 0..0,
        left_out: 0..0,
        outage: 0.0..0.0,
        is_silent: false,
        shows_ends: false,
        completed_on_list: Vec::new(),
        others: 0,
        stops_at: f64::INFINITY,
        list_hangs: false,
        list_fault: None,
        polls: 0,
        pages: 0,
        seen,
    }
}

async fn wait(service: Service) -> Report {
    wait_until(service, 12.0 * 3600.0).await
}

async fn wait_until(service: Service, deadline: f64) -> Report {
    let count = service.durations.len();
    let shared = Shared(Arc::new(Mutex::new(service)));
    let limit = RateLimit::new(180, Duration::from_secs(300)).unwrap();
    let jobs: Vec<JobId> = (0..count).map(id).collect();
    let probes = (0..count).map(|task| Task(shared.clone(), task)).collect();
    let wait = Wait::new().deadline(Duration::from_secs_f64(deadline)).clock(shared.0.lock().unwrap().clock);
    let waits = Waits::new(wait).until(Until::AllEnded).limiter(Limiter::new(Some(limit)));
    let list = List(shared.clone(), 0);
    let verdicts = waits.run_with_list(&jobs, probes, list, std::future::pending(), |_, _| {}).await;
    let service = shared.0.lock().unwrap();
    let lags = verdicts.iter().zip(&service.durations);
    let lags = lags.map(|(verdict, duration)| verdict.elapsed.as_secs_f64() - duration).collect();
    let running = service.seen.iter().zip(&service.durations);
    let gaps = running.flat_map(|(seen, duration)| {
        seen.windows(2).filter(|pair| pair[1] < *duration).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>()
    });
    let mut gaps: Vec<f64> = gaps.collect();
    gaps.sort_by(f64::total_cmp);
    let first_polls = service.seen.iter().filter_map(|seen| seen.first().copied()).collect();
    Report { first_polls, polls: service.polls, pages: service.pages, verdicts, lags, gaps }
}

/// Durations between 10 and 30 minutes.
fn durations(count: usize) -> Vec<f64> {
    let mut random = fastrand::Rng::with_seed(42);
    (0..count).map(|_| 600.0 + 1200.0 * random.f64()).collect()
}

#[tokio::test(start_paused = true)]
async fn two_hundred_tasks_are_seen_at_full_pace() {
    for lag in [0.0, 5.0] {
        let report = wait(Service { lag, ..service(durations(200)) }).await;
        report.assert_completed();
        let (median, most) = (report.gap(0.5), report.gap(0.95));
        assert!(median <= 15.0 && most <= 40.0, "seen every {median:.1} s, and {most:.1} s");
        assert!(report.mean_lag() <= 30.0, "{:.1}", report.mean_lag());
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_saves_requests_for_four_tasks_and_is_not_used_for_three() {
    let report = wait(service(durations(3))).await;
    report.assert_completed();
    assert_eq!(report.pages, 0);
    let without = report.polls / 3 * 4;
    let report = wait(service(durations(4))).await;
    report.assert_completed();
    assert!(report.polls + report.pages < without * 3 / 4, "{} + {}", report.polls, report.pages);
    assert!(report.gap(1.0) <= 15.2 && report.mean_lag() < 5.0, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn twenty_tasks_are_seen_soon_after_their_ends() {
    let report = wait(service(durations(20))).await;
    report.assert_completed();
    assert!(report.mean_lag() <= 5.0, "{:.1}", report.mean_lag());
}

#[tokio::test(start_paused = true)]
async fn a_list_that_lags_is_left_aside_after_the_first_end() {
    let report = wait(Service { lag: 60.0, ..service(durations(20)) }).await;
    report.assert_completed();
    let first = report.verdicts.iter().map(|verdict| verdict.elapsed.as_secs()).min().unwrap();
    assert!(report.pages as u64 <= first / 7, "{} pages until {first} s", report.pages);
}

#[tokio::test(start_paused = true)]
async fn a_steady_lag_of_tasks_that_already_run_is_detected_before_the_first_end() {
    let report = wait(Service { lag: 60.0, age: Some(600.0), ..service(durations(20)) }).await;
    report.assert_completed();
    assert!(report.pages <= 30, "{} pages", report.pages);
    assert!(report.mean_lag() <= 20.0, "{:.1}", report.mean_lag());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_only_the_list_shows_yet_has_its_grace() {
    let report = wait(Service { visible_at: 20.0, age: Some(1.0), ..service(durations(8)) }).await;
    report.assert_completed();
}

#[tokio::test(start_paused = true)]
async fn a_quota_of_the_list_alone_holds_up_no_task_for_long() {
    let fault = Observation::transient(Fault::new(FaultKind::Throttled, "HTTP 429"));
    let report = wait(Service { list_fault: Some(fault), ..service(durations(8)) }).await;
    report.assert_completed();
    assert_eq!(report.pages, 3);
    assert!(report.mean_lag() <= 30.0, "{:.1}", report.mean_lag());
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_service_is_not_held_against_the_list() {
    let report = wait(Service { outage: 100.0..220.0, ..service(durations(50)) }).await;
    report.assert_completed();
    assert!(report.pages >= 60, "{} pages", report.pages);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_leaves_tasks_out_is_paused() {
    let report = wait(Service { left_out: 0..15, ..service(durations(20)) }).await;
    report.assert_completed();
    assert!(report.pages <= 60, "{} pages", report.pages);
    assert!(report.mean_lag() <= 20.0, "{:.1}", report.mean_lag());
}

#[tokio::test(start_paused = true)]
async fn tasks_that_are_never_on_the_list_hold_up_no_others() {
    // As tasks in another status.
    let report = wait(Service { never_listed: 3..8, ..service(durations(8)) }).await;
    report.assert_completed();
    assert!(report.lags.iter().all(|lag| *lag <= 20.0), "{:?}", report.lags);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_right_before_the_deadline_is_polled_by_its_id() {
    let mut durations = vec![3600.0; 8];
    durations[0] = 97.0;
    let report = wait_until(Service { age: Some(600.0), ..service(durations) }, 100.0).await;
    assert_eq!(report.verdicts[0].outcome, Outcome::Completed);
    assert!(report.verdicts[1..].iter().all(|verdict| verdict.outcome == Outcome::TimedOut));
}

#[tokio::test(start_paused = true)]
async fn a_lag_that_polls_cannot_beat_is_tolerated() {
    let report = wait(Service { lag: 60.0, ..service(durations(200)) }).await;
    report.assert_completed();
    assert!(report.mean_lag() <= 90.0, "{:.1}", report.mean_lag());
}

#[tokio::test(start_paused = true)]
async fn an_end_on_the_list_is_confirmed_at_once() {
    // Without progress, only the list tells of the end.
    let report = wait(Service { shows_ends: true, is_silent: true, ..service(durations(20)) }).await;
    report.assert_completed();
    assert!(report.lags.iter().all(|lag| *lag <= 17.0), "{:?}", report.lags);
    assert!(report.verdicts.iter().all(|verdict| verdict.polls > 0));
}

#[tokio::test(start_paused = true)]
async fn an_end_on_the_list_that_the_task_denies_is_none() {
    let report = wait(Service { completed_on_list: vec![3, 7], ..service(durations(20)) }).await;
    report.assert_completed();
    assert!(report.mean_lag() <= 5.0, "{:.1}", report.mean_lag());
}

#[tokio::test(start_paused = true)]
async fn a_list_that_never_changes_ends_no_wait_late() {
    let report = wait(Service { stops_at: 100.0, ..service(durations(20)) }).await;
    report.assert_completed();
    assert!(report.mean_lag() <= 30.0, "{:.1}", report.mean_lag());
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_read_is_given_up() {
    let fault = |kind| Fault::new(kind, "no list");
    for (fault, pages) in [
        (Observation::Permanent(fault(FaultKind::WrongApi)), 1),
        (Observation::Permanent(fault(FaultKind::Forbidden)), 1),
        (Observation::transient(fault(FaultKind::Unreadable)), 3),
        (Observation::transient(fault(FaultKind::Unavailable)), 3),
    ] {
        let report = wait(Service { list_fault: Some(fault), ..service(durations(10)) }).await;
        report.assert_completed();
        assert_eq!(report.pages, pages);
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_of_too_many_other_tasks_is_hardly_used() {
    let report = wait(Service { others: 5000, ..service(durations(10)) }).await;
    report.assert_completed();
    assert!(report.pages <= 10, "{}", report.pages);
}

#[tokio::test(start_paused = true)]
async fn a_list_without_a_response_holds_up_the_polls_for_five_seconds() {
    let report = wait(Service { list_hangs: true, ..service(durations(10)) }).await;
    report.assert_completed();
    assert_eq!(report.pages, 3);
    let first = report.first_polls.iter().copied().fold(0.0, f64::max);
    assert!((5.0..6.0).contains(&first), "{first}");
}

#[tokio::test(start_paused = true)]
async fn many_ends_are_confirmed_before_other_polls() {
    // About as many ends as the rate limit allows to confirm beside the list.
    let durations = (0..400).map(|n| 600.0 + 3.5 * f64::from(n)).collect();
    let report = wait(Service { age: Some(60.0), ..service(durations) }).await;
    report.assert_completed();
    assert!(report.mean_lag() <= 90.0, "{:.1}", report.mean_lag());
}

#[tokio::test(start_paused = true)]
async fn a_thousand_tasks_are_seen_within_a_minute() {
    let report = wait(service(vec![900.0; 1000])).await;
    report.assert_completed();
    let (median, most) = (report.gap(0.5), report.gap(0.9));
    assert!(median <= 50.0 && most <= 60.0, "seen every {median:.1} s, and {most:.1} s");
}
