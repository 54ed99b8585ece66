//! Many processes on one quota: the machine, the pace and the limiter's state against a model of the quota.
//! Virtual time, no network.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts and times of a simulation are small"
)]

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use super::Pace;
use super::machine::{Limits, Step, Waiting};
use crate::fault::{Fault, FaultKind};
use crate::job::{Job, Status};
use crate::limiter::state::{Demand, ProcessDemand, State};
use crate::limiter::{Plan, RateLimit};
use crate::outcome::Outcome;
use crate::probe::Observation;

/// The quota of an account, as a gateway may enforce it.
#[derive(Debug, Clone, Copy)]
struct Quota {
    limit: usize,
    window: f64,
    is_sliding: bool,
    counts_refused: bool,
}

/// A gateway with a quota.
struct Gateway {
    quota: Quota,
    /// The times of the counted requests.
    counted: VecDeque<f64>,
    requests: usize,
    refused: usize,
}

impl Gateway {
    fn new(quota: Quota) -> Self {
        Self { quota, counted: VecDeque::new(), requests: 0, refused: 0 }
    }

    fn accepts(&mut self, now: f64) -> bool {
        let Quota { limit, window, is_sliding, counts_refused } = self.quota;
        let start = if is_sliding { now - window } else { (now / window).floor() * window };
        while self.counted.front().is_some_and(|&at| at < start || (is_sliding && at <= start)) {
            self.counted.pop_front();
        }
        let accepted = self.counted.len() < limit;
        if accepted || counts_refused {
            self.counted.push_back(now);
        }
        self.requests += 1;
        self.refused += usize::from(!accepted);
        accepted
    }
}

/// How the limiter's state is shared.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sharing {
    /// Each process has a state of its own, as on separate machines.
    Separate,
    /// All processes share the state.
    Machine,
}

/// The result of a simulation.
#[derive(Debug)]
struct Report {
    outcomes: Vec<Outcome>,
    /// The lag of each task that was seen to complete, in seconds.
    lags: Vec<f64>,
    requests: usize,
    refused: usize,
}

impl Report {
    fn mean_lag(&self) -> f64 {
        self.lags.iter().sum::<f64>() / self.lags.len().max(1) as f64
    }

    fn refused_share(&self) -> f64 {
        self.refused as f64 / self.requests.max(1) as f64
    }

    fn all_completed(&self) -> bool {
        self.outcomes.iter().all(|outcome| *outcome == Outcome::Completed)
    }
}

fn seconds(time: f64) -> Duration {
    Duration::from_secs_f64(time.max(0.0))
}

/// Simulates one wait for each duration of a task. Tasks are invisible for 3 s and report their progress in
/// steps of 5 %, all starting at 0.
fn simulate(
    durations: &[f64],
    deadline: f64,
    sharing: Sharing,
    limit: Option<RateLimit>,
    quota: Quota,
) -> Report {
    let count = durations.len();
    let mut random = fastrand::Rng::with_seed(7);
    let mut gateway = Gateway::new(quota);
    let mut states = vec![State::default(); if sharing == Sharing::Machine { 1 } else { count }];
    let limits = || Limits {
        deadline: seconds(deadline),
        grace: seconds(60.0),
        request_timeout: seconds(10.0),
        once: false,
    };
    let mut waits: Vec<Option<(Waiting, Plan)>> = (0..count)
        .map(|n| {
            let pacer = Pace::default().start(fastrand::Rng::with_seed(n as u64));
            Some((Waiting::new(limits(), pacer, Duration::ZERO), Plan::at(Duration::ZERO)))
        })
        .collect();
    let mut report =
        Report { outcomes: vec![Outcome::Stopped; count], lags: Vec::new(), requests: 0, refused: 0 };
    // Processes of a launcher start within a second.
    let mut next: BinaryHeap<Reverse<(u64, usize)>> =
        (0..count).map(|n| Reverse(((random.f64() * 1e6) as u64, n))).collect();
    while let Some(Reverse((micros, n))) = next.pop() {
        let now = micros as f64 / 1e6;
        let state = &mut states[if sharing == Sharing::Machine { 0 } else { n }];
        let Some((waiting, plan)) = waits[n].take() else { continue };
        let due = plan.due(state.stretch(seconds(now), limit)).as_secs_f64();
        let last = deadline - 1.0;
        let resumes = if now < last { state.pause(seconds(now)).as_secs_f64().min(last - now) } else { 0.0 };
        let blocked = if now < due {
            due - now
        } else if resumes > 0.0 {
            resumes
        } else if let Some(Err(retry)) = limit.map(|limit| state.take(seconds(now), limit)) {
            retry.as_secs_f64()
        } else {
            0.0
        };
        if blocked > 0.0 && now < deadline {
            // A limiter wakes up in between, because the stretch may fall.
            let wake = now + (blocked / 2.0).max(0.2).min(blocked) + 1e-6;
            waits[n] = Some((waiting, plan));
            next.push(Reverse(((wake * 1e6) as u64 + 1, n)));
            continue;
        }
        let mut waiting = waiting;
        waiting.start_poll(seconds(now));
        let observation = if now >= deadline {
            report.outcomes[n] = Outcome::TimedOut;
            continue;
        } else if gateway.accepts(now) {
            state.throttle.accepted(seconds(now));
            observe(now, durations[n])
        } else {
            let window = Some(seconds(quota.window));
            state.throttle.throttled(seconds(now), None, window, random.f64());
            Observation::transient(Fault::new(FaultKind::Throttled, "over quota"))
        };
        let done = now + 0.05;
        match waiting.after(seconds(done), observation) {
            Step::Done(verdict) => {
                if verdict.outcome == Outcome::Completed {
                    report.lags.push(done - durations[n]);
                }
                report.outcomes[n] = verdict.outcome;
                state.set_demand(seconds(now), demand(n, Demand::default(), now));
            }
            Step::Delay { until, bound, waiting } => {
                let plan = Plan {
                    from: seconds(done),
                    until,
                    bound,
                    may_stretch: waiting.may_stretch(),
                    is_near_end: waiting.is_near_end(),
                    predicted_end: waiting.predicted_end(),
                    cost: 1.0,
                };
                state.set_demand(seconds(now), demand(n, plan.demand(), now));
                waits[n] = Some((waiting, plan));
                next.push(Reverse(((done * 1e6) as u64, n)));
            }
        }
    }
    (report.requests, report.refused) = (gateway.requests, gateway.refused);
    report
}

fn demand(process: usize, demand: Demand, now: f64) -> ProcessDemand {
    ProcessDemand { process: process as u64, demand, expires_at: seconds(now + 600.0) }
}

fn observe(now: f64, duration: f64) -> Observation {
    if now < 3.0 {
        return Observation::NotVisible(Fault::new(FaultKind::NotVisible, "unknown"));
    }
    if now >= duration {
        return Observation::Seen(Job::new("1", &Status::Completed));
    }
    let percent = (20.0 * now / duration).floor() * 5.0;
    let json = format!(r#"{{"id": "1", "status": "Running", "process": "{percent}%"}}"#);
    Observation::Seen(Job::from_json(&json).unwrap())
}

/// Durations of tasks between 6 and 14 minutes.
fn durations(count: usize) -> Vec<f64> {
    random_durations(count, 42)
}

fn random_durations(count: usize, seed: u64) -> Vec<f64> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..count).map(|_| 360.0 + 480.0 * random.f64()).collect()
}

fn quota(is_sliding: bool, counts_refused: bool) -> Quota {
    Quota { limit: 200, window: 300.0, is_sliding, counts_refused }
}

fn limit() -> RateLimit {
    RateLimit::new(180, Duration::from_secs(300)).unwrap()
}

/// Covers Q1 and Q2.
#[test]
fn processes_on_separate_machines_converge_on_any_quota() {
    for is_sliding in [true, false] {
        for counts_refused in [true, false] {
            for (count, refused, lag) in [
                (1, 0.0, 2.0),
                (5, 0.0, 5.0),
                (10, 0.2, 20.0),
                (20, 0.3, 60.0),
                (50, 0.6, 300.0),
                (100, 0.8, 600.0),
            ] {
                let quota = quota(is_sliding, counts_refused);
                let report = simulate(&durations(count), 3600.0, Sharing::Separate, Some(limit()), quota);
                assert!(
                    report.all_completed() && report.refused_share() <= refused && report.mean_lag() <= lag,
                    "{count} processes, {quota:?}: {:.2} refused, mean lag {:.1} s",
                    report.refused_share(),
                    report.mean_lag()
                );
            }
        }
    }
}

/// Covers Q1.
#[test]
fn processes_that_share_a_limiter_are_never_refused_and_see_each_end_in_time() {
    const SEEDS: u64 = 4;
    for (count, most) in [(1, 2.0), (5, 4.0), (10, 4.0), (20, 8.0), (50, 20.0), (100, 40.0)] {
        let mut lag = 0.0;
        for seed in 0..SEEDS {
            let durations = random_durations(count, seed);
            let report = simulate(&durations, 3600.0, Sharing::Machine, Some(limit()), quota(true, true));
            assert!(report.all_completed() && report.refused == 0, "{count} processes: {report:?}");
            lag += report.mean_lag() / SEEDS as f64;
        }
        assert!(lag <= most, "{count} processes: mean lag {lag:.1} s");
    }
}

/// Covers Q1.
#[test]
fn waits_converge_for_windows_from_a_minute_to_an_hour() {
    for window in [60.0, 600.0, 3600.0] {
        for count in [10, 40, 100] {
            let quota = Quota { limit: 200, window, is_sliding: true, counts_refused: true };
            // As long as the window is, so long are the tasks.
            let durations: Vec<f64> = durations(count).iter().map(|time| time * window / 300.0).collect();
            let deadline = 3600.0 * window / 300.0;
            let report = simulate(&durations, deadline, Sharing::Separate, None, quota);
            assert!(report.all_completed(), "{count} processes, window {window}: {report:?}");
        }
    }
}

#[test]
fn no_task_starves_while_others_are_near_their_end() {
    let mut durations = vec![1000.0; 40];
    // These tasks end one after the other, each with dense polls around its end.
    durations.extend((0..20).map(|n| 120.0 + 40.0 * f64::from(n)));
    let report = simulate(&durations, 3600.0, Sharing::Machine, Some(limit()), quota(true, true));
    assert!(report.all_completed() && report.refused == 0, "{report:?}");
    let worst = report.lags.iter().copied().fold(0.0_f64, f64::max);
    // The fair share of 60 tasks is a poll every 100 s.
    assert!(worst < 400.0, "{worst}");
}
