//! Tests of the times of polls, and of every sequence of observations.

use super::*;
use crate::wait::Pace;

const NEVER: Duration = Duration::from_secs(1_000_000);

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn limits(deadline: f64, grace: f64) -> Limits {
    Limits { deadline: secs(deadline), grace: secs(grace), request_timeout: secs(10.0), once: false }
}

/// A wait at the default pace, without jitter.
fn waiting(limits: Limits) -> Waiting {
    let pacer = Pace::default().jitter(0.0).unwrap().start(fastrand::Rng::with_seed(1));
    Waiting::new(limits, pacer, Duration::ZERO)
}

fn job(status: &str, fields: &str) -> Job {
    Job::from_json(&format!(r#"{{"id": "1", "status": "{status}"{fields}}}"#)).unwrap()
}

fn going() -> Observation {
    Observation::Seen(job("Running", ""))
}

fn succeeded() -> Observation {
    Observation::Seen(job("Completed", ""))
}

fn failed() -> Observation {
    Observation::Seen(job("Running", r#", "fail_reason": "disk full""#))
}

fn not_visible() -> Observation {
    Observation::NotVisible(Fault::new(FaultKind::NotVisible, "The job does not exist."))
}

fn transient(kind: FaultKind) -> Observation {
    Observation::transient(Fault::new(kind, "x"))
}

fn unavailable() -> Observation {
    let fault = Fault { http_status: Some(503), ..Fault::new(FaultKind::Unavailable, "busy") };
    Observation::Transient { fault, retry_after: None }
}

fn retry_after(seconds: f64) -> Observation {
    let fault = Fault { http_status: Some(429), ..Fault::new(FaultKind::Throttled, "slow down") };
    Observation::Transient { fault, retry_after: Some(secs(seconds)) }
}

fn permanent(kind: FaultKind) -> Observation {
    Observation::Permanent(Fault::new(kind, "no"))
}

/// Simulates a wait, and returns the start times of its polls, and its verdict. `observe` gets the index and
/// the start time of a poll, and returns its observation. Each poll takes `latency`. A poll that has no
/// response by the deadline is cut.
fn simulate(
    waiting: Waiting,
    latency: f64,
    observe: impl FnMut(usize, f64) -> Observation,
) -> (Vec<f64>, Verdict) {
    simulate_latencies(waiting, |_| latency, observe)
}

/// Simulates a wait, with a latency for each poll.
fn simulate_latencies(
    mut waiting: Waiting,
    latency: impl Fn(usize) -> f64,
    mut observe: impl FnMut(usize, f64) -> Observation,
) -> (Vec<f64>, Verdict) {
    let deadline = waiting.limits.deadline;
    let mut poll_times = vec![0.0];
    let mut now = Duration::ZERO;
    loop {
        let observation = observe(poll_times.len() - 1, now.as_secs_f64());
        now += secs(latency(poll_times.len() - 1));
        if now > deadline {
            let Step::Done(verdict) = waiting.cut(deadline) else {
                panic!("the wait continued after the deadline")
            };
            return (poll_times, verdict);
        }
        match waiting.after(now, observation) {
            Step::Done(verdict) => return (poll_times, verdict),
            Step::Delay { until, waiting: next, .. } => {
                assert!(until > now, "the delay is not positive");
                now = until;
                poll_times.push((until.as_secs_f64() * 1000.0).round() / 1000.0);
                waiting = next;
            }
        }
    }
}

#[test]
fn a_missing_permit_is_reported_only_if_there_is_nothing_else_to_report() {
    let after = |observations: Vec<Observation>| {
        let start = waiting(limits(60.0, 60.0));
        let waiting = observations.into_iter().fold(start, |waiting, observation| {
            let Step::Delay { waiting, .. } = waiting.after(secs(1.0), observation) else {
                panic!("the wait ended")
            };
            waiting
        });
        let verdict = waiting.starved(secs(60.0), Fault::new(FaultKind::RateLimited, "used up"));
        (verdict.outcome, verdict.fault.map(|fault| fault.kind), verdict.polls)
    };
    assert_eq!(after(vec![]), (Outcome::Unreachable, Some(FaultKind::RateLimited), 0));
    assert_eq!(after(vec![going()]), (Outcome::TimedOut, None, 1));
    assert_eq!(after(vec![not_visible()]), (Outcome::Unreachable, Some(FaultKind::RateLimited), 1));
    assert_eq!(after(vec![going(), unavailable()]), (Outcome::TimedOut, Some(FaultKind::Unavailable), 2));
    assert_eq!(after(vec![unavailable()]), (Outcome::Unreachable, Some(FaultKind::Unavailable), 1));
}

/// Covers S1.
#[test]
fn a_task_that_has_ended_costs_one_poll() {
    let (poll_times, verdict) = simulate(waiting(limits(60.0, 60.0)), 0.0, |_, _| succeeded());
    assert_eq!((poll_times, verdict.outcome, verdict.polls), (vec![0.0], Outcome::Completed, 1));
}

#[test]
fn the_last_poll_starts_a_tenth_of_a_second_before_the_deadline() {
    let (poll_times, verdict) = simulate(waiting(limits(30.0, 60.0)), 0.0, |_, _| going());
    assert_eq!(poll_times, [0.0, 1.0, 2.5, 4.75, 8.125, 13.188, 20.781, 29.9]);
    assert_eq!((verdict.outcome, verdict.polls), (Outcome::TimedOut, 8));
}

#[test]
fn the_end_of_a_task_with_steady_progress_is_seen_soon() {
    let observe = |_, now: f64| {
        let process = format!(r#", "process": "{}%""#, (now / 2.0).floor());
        if now < 200.0 { Observation::Seen(job("Running", &process)) } else { succeeded() }
    };
    let (poll_times, verdict) = simulate(waiting(limits(600.0, 60.0)), 0.0, observe);
    assert_eq!(poll_times[..9], [0.0, 1.0, 2.5, 4.75, 8.125, 13.188, 20.781, 32.172, 47.172]);
    assert_eq!((poll_times.len(), verdict.outcome), (23, Outcome::Completed));
    assert!(verdict.elapsed < secs(202.0), "{poll_times:?}");
}

#[test]
fn a_slow_service_is_polled_early_enough_for_its_response() {
    let (poll_times, verdict) = simulate(waiting(limits(30.0, 60.0)), 1.0, |_, _| going());
    // A response takes 1 s, so 2 s are left for it. The last poll is there in case its response is faster.
    assert_eq!(poll_times, [0.0, 2.0, 4.5, 7.75, 12.125, 18.188, 26.781, 28.0, 29.9]);
    assert_eq!((verdict.outcome, verdict.elapsed, verdict.polls), (Outcome::TimedOut, secs(30.0), 9));
    assert_eq!(verdict.last_seen.unwrap().at, secs(29.0));
}

#[test]
fn one_slow_poll_does_not_end_a_wait_early() {
    for (deadline, first, later) in
        [(20.0, 10.0, vec![11.0]), (10.0, 5.0, vec![6.0]), (10.0, 4.0, vec![5.0]), (120.0, 60.0, vec![61.0])]
    {
        let mut limits = limits(deadline, 60.0);
        limits.request_timeout = secs(first);
        let latency = |n| if n == 0 { first } else { 0.0 };
        let observe = |n, _| if n == 0 { transient(FaultKind::TimedOut) } else { succeeded() };
        let (poll_times, verdict) = simulate_latencies(waiting(limits), latency, observe);
        assert_eq!((poll_times, verdict.outcome), ([vec![0.0], later].concat(), Outcome::Completed));
    }
}

#[test]
fn a_poll_is_moved_forward_only_once_when_a_service_gets_faster() {
    let latency = |n| if n < 9 { 1.0 } else { 0.2 };
    let (poll_times, _) = simulate_latencies(waiting(limits(60.0, 60.0)), latency, |_, _| going());
    assert_eq!(poll_times[8..], [55.172, 58.0, 59.9], "{poll_times:?}");
}

#[test]
fn the_last_poll_of_a_short_wait_starts_after_nine_tenths_of_it() {
    let (poll_times, verdict) = simulate(waiting(limits(0.5, 60.0)), 0.0, |_, _| going());
    assert_eq!((poll_times, verdict.outcome), (vec![0.0, 0.45], Outcome::TimedOut));
}

#[test]
fn polls_that_time_out_are_retried_until_the_deadline() {
    let mut limits = limits(30.0, 60.0);
    limits.request_timeout = secs(2.0);
    let (poll_times, verdict) = simulate(waiting(limits), 1.9, |_, _| transient(FaultKind::TimedOut));
    assert_eq!(poll_times.last(), Some(&28.0));
    assert_eq!((verdict.outcome, verdict.elapsed), (Outcome::Unreachable, secs(29.9)));
}

/// Covers H12.
#[test]
fn a_poll_cut_at_the_deadline_hides_neither_the_last_fault_nor_the_task() {
    let latency = |n| if n < 3 { 0.0 } else { 99.0 };
    let verdict = |observe: fn() -> Observation| {
        simulate_latencies(waiting(limits(30.0, 60.0)), latency, |_, _| observe()).1
    };
    let busy = verdict(unavailable);
    assert_eq!((busy.outcome, busy.fault.unwrap().http_status), (Outcome::Unreachable, Some(503)));
    let unknown = verdict(not_visible);
    assert_eq!((unknown.outcome, unknown.fault.unwrap().kind), (Outcome::NotFound, FaultKind::NotVisible));
    let seen = verdict(going);
    assert_eq!((seen.outcome, seen.polls), (Outcome::TimedOut, 4));
    let silent = simulate(waiting(limits(30.0, 60.0)), 99.0, |_, _| going()).1;
    assert_eq!((silent.outcome, silent.fault.unwrap().kind), (Outcome::Unreachable, FaultKind::TimedOut));
}

/// Covers C5.
#[test]
fn a_poll_is_cut_at_the_deadline_and_a_later_one_after_a_second_at_most() {
    let cuts = |waiting: &mut Waiting| [0.0, 29.999, 30.0, 500.0].map(|now| waiting.start_poll(secs(now)));
    // 200 ms, as no response time is known yet.
    assert_eq!(cuts(&mut waiting(limits(30.0, 60.0))), [30.0, 30.0, 30.2, 500.2].map(secs));
    let after = waiting(limits(30.0, 60.0)).after(secs(2.0), going());
    let Step::Delay { mut waiting, .. } = after else { panic!("the wait ended") };
    // Twice the 2 s of the latest response would be too long.
    assert_eq!(cuts(&mut waiting), [30.0, 30.0, 31.0, 501.0].map(secs));
}

/// A poll starts before the deadline, and ends when the machine wakes an hour later.
///
/// Covers C5.
#[test]
fn a_poll_interrupted_by_sleep_is_repeated_once_unless_its_observation_is_final() {
    let woken = secs(3600.0);
    for kind in Kind::ALL {
        for seen in [false, true] {
            let mut asleep = waiting(limits(30.0, 7200.0));
            if seen {
                let Step::Delay { waiting, .. } = asleep.after(secs(0.0), going()) else {
                    panic!("the wait ended")
                };
                asleep = waiting;
            }
            assert_eq!(asleep.start_poll(secs(1.0)), secs(30.0));
            let step = asleep.after(woken, kind.observation());
            // An unknown host ends a wait after 10 s, and so after an hour.
            let ends = kind.is_final() || (kind == Kind::UnknownHost && !seen);
            let mut again = match step {
                Step::Done(_) if ends => continue,
                Step::Delay { until, waiting, .. } if !ends && until == woken => waiting,
                other => panic!("{kind:?}, {seen}: {other:?}"),
            };
            assert!(again.start_poll(woken) > woken, "{kind:?}");
            let Step::Done(verdict) = again.after(woken + secs(0.1), going()) else {
                panic!("{kind:?}: the wait continued")
            };
            assert_eq!((verdict.outcome, verdict.elapsed), (Outcome::TimedOut, woken + secs(0.1)));
        }
    }
    let mut asleep = waiting(limits(30.0, 60.0));
    asleep.start_poll(secs(1.0));
    let Step::Delay { until, mut waiting, .. } = asleep.cut(woken) else {
        panic!("the poll was not repeated")
    };
    assert_eq!(until, woken);
    waiting.start_poll(woken);
    assert!(matches!(
        waiting.cut(woken + secs(0.2)),
        Step::Done(Verdict { outcome: Outcome::Unreachable, .. })
    ));
}

#[test]
fn a_cut_that_is_slightly_late_does_not_count_as_sleep() {
    for (late, is_sleep) in [(0.25, false), (0.251, true)] {
        let mut waiting = waiting(limits(30.0, 60.0));
        waiting.start_poll(secs(1.0));
        assert_eq!(matches!(waiting.cut(secs(30.0 + late)), Step::Delay { .. }), is_sleep, "{late}");
    }
    let once = Limits { once: true, ..limits(30.0, 60.0) };
    let mut waiting = waiting(once);
    waiting.start_poll(secs(1.0));
    assert!(matches!(waiting.after(secs(3600.0), going()), Step::Done(_)));
}

/// Covers S8.
#[test]
fn the_last_poll_can_find_the_task_completed() {
    let observe = |_, at: f64| if at > 29.0 { succeeded() } else { going() };
    let (poll_times, verdict) = simulate(waiting(limits(30.0, 60.0)), 0.0, observe);
    assert_eq!((poll_times.last(), verdict.outcome), (Some(&29.9), Outcome::Completed));
}

#[test]
fn delays_grow_only_once_a_new_task_is_visible() {
    let observe = |n, _| match n {
        0..4 => not_visible(),
        8.. => succeeded(),
        _ => going(),
    };
    let (poll_times, verdict) = simulate(waiting(limits(600.0, 60.0)), 0.0, observe);
    assert_eq!(poll_times, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.5, 8.75, 12.125]);
    assert_eq!(verdict.outcome, Outcome::Completed);
}

/// Covers H4.
#[test]
fn a_task_that_never_becomes_visible_is_not_found_after_the_grace() {
    let (poll_times, verdict) = simulate(waiting(limits(600.0, 5.0)), 0.0, |_, _| not_visible());
    assert_eq!(poll_times, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(verdict.outcome, Outcome::NotFound);
    assert_eq!(verdict.fault.unwrap().kind, FaultKind::NotVisible);
}

#[test]
fn without_a_grace_an_unknown_id_ends_the_wait_at_once() {
    let (poll_times, verdict) = simulate(waiting(limits(600.0, 0.0)), 0.0, |_, _| not_visible());
    assert_eq!((poll_times, verdict.outcome), (vec![0.0], Outcome::NotFound));
}

#[test]
fn a_task_not_visible_at_the_deadline_is_not_found_even_within_the_grace() {
    let (_, verdict) = simulate(waiting(limits(3.0, 60.0)), 0.0, |_, _| not_visible());
    assert_eq!(verdict.outcome, Outcome::NotFound);
}

/// Covers H4.
#[test]
fn a_visible_task_is_gone_after_three_polls_in_a_row_miss_it() {
    let (poll_times, verdict) =
        simulate(waiting(limits(600.0, 0.0)), 0.0, |n, _| if n < 2 { going() } else { not_visible() });
    assert_eq!((poll_times.len(), verdict.outcome), (5, Outcome::NotFound));
    assert!(verdict.job().is_some(), "the last seen task is reported");
}

/// Covers S10.
#[test]
fn a_visible_task_that_two_polls_in_a_row_miss_is_still_waited_for() {
    let observe = |n, _| match n {
        1 | 2 | 4 | 5 => not_visible(),
        7 => succeeded(),
        _ => going(),
    };
    assert_eq!(simulate(waiting(limits(600.0, 60.0)), 0.0, observe).1.outcome, Outcome::Completed);
}

#[test]
fn a_fault_between_polls_that_miss_the_task_does_not_change_their_count() {
    let observe = |n, _| match n {
        0 => going(),
        2 => unavailable(),
        _ => not_visible(),
    };
    assert_eq!(simulate(waiting(limits(600.0, 60.0)), 0.0, observe).0.len(), 5);
}

#[test]
fn delays_after_errors_grow_separately() {
    let observe = |n, _| match n {
        2..5 => unavailable(),
        7.. => succeeded(),
        _ => going(),
    };
    let (poll_times, verdict) = simulate(waiting(limits(600.0, 60.0)), 0.0, observe);
    // The delays are 1 and 1.5 s, then 1, 1.5 and 2.25 s after errors, and then 2.25 s as if there had been
    // none.
    assert_eq!(poll_times, [0.0, 1.0, 2.5, 3.5, 5.0, 7.25, 9.5, 12.875]);
    assert!(verdict.fault.is_none(), "a task that was seen clears earlier faults");
}

/// Covers H10.
#[test]
fn retry_after_is_honoured_but_never_delays_the_last_poll() {
    let observe = |n, _| match n {
        0 => retry_after(20.0),
        1 => retry_after(0.0),
        _ => retry_after(86_400.0),
    };
    let (poll_times, verdict) = simulate(waiting(limits(60.0, 60.0)), 0.0, observe);
    assert_eq!(poll_times, [0.0, 20.0, 21.5, 59.9]);
    assert_eq!(verdict.outcome, Outcome::Unreachable);
}

/// Covers H12.
#[test]
fn faults_until_the_deadline_mean_timed_out_if_the_task_was_seen_and_unreachable_if_not() {
    let (_, never) = simulate(waiting(limits(30.0, 60.0)), 0.0, |_, _| unavailable());
    assert_eq!((never.outcome, never.fault.unwrap().http_status), (Outcome::Unreachable, Some(503)));

    let observe = |n, _| if n == 0 { going() } else { unavailable() };
    let (_, seen) = simulate(waiting(limits(30.0, 60.0)), 0.0, observe);
    assert_eq!((seen.outcome, seen.fault.as_ref().unwrap().http_status), (Outcome::TimedOut, Some(503)));
    assert_eq!(seen.last_seen.unwrap().at, Duration::ZERO, "the time of the last observation is kept");
}

#[test]
fn faults_after_an_unknown_id_until_the_deadline_mean_unreachable() {
    let observe = |n, _| if n == 0 { not_visible() } else { unavailable() };
    assert_eq!(simulate(waiting(limits(30.0, 5.0)), 0.0, observe).1.outcome, Outcome::Unreachable);
}

/// Covers B4.
#[test]
fn five_unreadable_responses_in_a_row_end_the_wait() {
    let (poll_times, verdict) =
        simulate(waiting(limits(600.0, 60.0)), 0.0, |_, _| transient(FaultKind::Unreadable));
    assert_eq!((poll_times.len(), verdict.outcome), (5, Outcome::Unreachable));
}

/// Covers T12.
#[test]
fn a_proxy_that_refuses_five_polls_in_a_row_ends_the_wait() {
    let (poll_times, verdict) =
        simulate(waiting(limits(600.0, 60.0)), 0.0, |_, _| transient(FaultKind::Proxy));
    assert_eq!((poll_times.len(), verdict.outcome), (5, Outcome::Unreachable));
}

#[test]
fn another_fault_resets_the_count_of_unreadable_responses() {
    let observe = |n, _| match n {
        20 => succeeded(),
        n if n % 5 == 4 => unavailable(),
        _ => transient(FaultKind::Unreadable),
    };
    assert_eq!(simulate(waiting(limits(600.0, 60.0)), 0.0, observe).1.outcome, Outcome::Completed);
}

#[test]
fn unreadable_responses_are_retried_until_the_deadline_once_the_task_was_seen() {
    let observe = |n, _| if n == 0 { going() } else { transient(FaultKind::Unreadable) };
    let (poll_times, verdict) = simulate(waiting(limits(60.0, 60.0)), 0.0, observe);
    assert_eq!((poll_times.last(), verdict.outcome), (Some(&59.9), Outcome::TimedOut));
}

/// Covers T3.
#[test]
fn an_unknown_host_ends_the_wait_after_three_polls_or_ten_seconds() {
    let unknown = |_, _| transient(FaultKind::UnknownHost);
    let (poll_times, verdict) = simulate(waiting(limits(600.0, 60.0)), 0.0, unknown);
    assert_eq!((poll_times, verdict.outcome), (vec![0.0, 1.0, 2.5], Outcome::Unreachable));
    let (poll_times, _) = simulate(waiting(limits(600.0, 60.0)), 6.0, unknown);
    assert_eq!(poll_times, [0.0, 7.0]);
}

/// Covers T3.
#[test]
fn a_host_that_was_resolved_once_is_retried_until_the_deadline() {
    let observe = |n, _| if n == 0 { unavailable() } else { transient(FaultKind::UnknownHost) };
    assert_eq!(simulate(waiting(limits(60.0, 60.0)), 0.0, observe).0.last(), Some(&59.9));
    for first in [not_visible, going, || transient(FaultKind::Network), || transient(FaultKind::TimedOut)] {
        let observe = |n, _| if n == 0 { first() } else { transient(FaultKind::UnknownHost) };
        assert_eq!(simulate(waiting(limits(60.0, 60.0)), 0.0, observe).0.last(), Some(&59.9));
    }
}

#[test]
fn a_permanent_fault_ends_the_wait_with_the_outcome_of_its_kind() {
    for (kind, outcome) in [
        (FaultKind::Unauthenticated, Outcome::Unauthorized),
        (FaultKind::Forbidden, Outcome::Unauthorized),
        (FaultKind::WrongApi, Outcome::Unreachable),
        (FaultKind::Redirected, Outcome::Unreachable),
        (FaultKind::BadRequest, Outcome::Unreachable),
    ] {
        let observe = |n, _| if n == 0 { going() } else { permanent(kind) };
        let (poll_times, verdict) = simulate(waiting(limits(60.0, 60.0)), 0.0, observe);
        assert_eq!((poll_times.len(), verdict.outcome), (2, outcome));
        assert!(verdict.job().is_some() && verdict.fault.is_some());
    }
}

#[test]
fn once_ends_the_wait_after_the_first_poll_in_any_case() {
    for (observation, outcome) in [
        (going(), Outcome::TimedOut),
        (not_visible(), Outcome::NotFound),
        (unavailable(), Outcome::Unreachable),
        (succeeded(), Outcome::Completed),
        (failed(), Outcome::Failed),
    ] {
        let limits = Limits { once: true, ..limits(60.0, 60.0) };
        let Step::Done(verdict) = waiting(limits).after(Duration::ZERO, observation) else {
            panic!("the wait continued");
        };
        assert_eq!(verdict.outcome, outcome);
    }
}

#[test]
fn a_stopped_wait_reports_the_last_seen_task() {
    let Step::Delay { waiting, .. } = waiting(limits(60.0, 60.0)).after(secs(1.0), going()) else {
        panic!("the wait ended");
    };
    let verdict = waiting.stopped(secs(1.5));
    assert_eq!((verdict.outcome, verdict.polls, verdict.elapsed), (Outcome::Stopped, 1, secs(1.5)));
    assert_eq!(verdict.last_seen.unwrap().at, secs(1.0));
}

#[test]
fn an_event_describes_the_latest_poll() {
    let first = waiting(limits(60.0, 60.0));
    assert!(first.event_kind(NEVER).is_none());
    let mut now = first;
    for (observation, expected) in
        [(not_visible(), "Invisible"), (unavailable(), "Retry"), (going(), "Going"), (unavailable(), "Retry")]
    {
        let Step::Delay { waiting, until, .. } = now.after(secs(1.0), observation) else {
            panic!("the wait ended")
        };
        let event = format!("{:?}", waiting.event_kind(until).unwrap());
        assert!(event.starts_with(expected), "{event}");
        now = waiting;
    }
}

/// Explores every sequence of up to 6 observations, at several deadlines and latencies. The last observation
/// of a sequence repeats until the wait ends.
#[test]
fn every_sequence_of_observations_ends_in_time_with_the_right_verdict() {
    let mut ends = 0;
    for (deadline, latencies) in [(20.0, [0.0, 0.0]), (20.0, [0.2, 3.0]), (3.0, [0.4, 0.0])] {
        let waiting = waiting(limits(deadline, GRACE));
        let mut exploration = Exploration { latencies: latencies.map(secs), history: Vec::new(), ends: 0 };
        exploration.from(&waiting, Duration::ZERO, 6);
        ends += exploration.ends;
    }
    assert!(ends > 100_000, "only {ends} sequences");
}

/// The grace of the exploration, in seconds.
const GRACE: f64 = 4.0;

/// The observations of the exploration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Going,
    /// A task that goes on, with its progress near the end.
    Nearly,
    NotVisible,
    Succeeded,
    Failed,
    Unavailable,
    RetryAfter,
    Unreadable,
    UnknownHost,
    Unauthenticated,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Going,
        Self::Nearly,
        Self::NotVisible,
        Self::Succeeded,
        Self::Failed,
        Self::Unavailable,
        Self::RetryAfter,
        Self::Unreadable,
        Self::UnknownHost,
        Self::Unauthenticated,
    ];

    fn observation(self) -> Observation {
        match self {
            Self::Going => Observation::Seen(job("Running", r#", "process": "1%""#)),
            Self::Nearly => Observation::Seen(job("Running", r#", "process": "99%""#)),
            Self::NotVisible => not_visible(),
            Self::Succeeded => succeeded(),
            Self::Failed => failed(),
            Self::Unavailable => unavailable(),
            Self::RetryAfter => retry_after(7.0),
            Self::Unreadable => transient(FaultKind::Unreadable),
            Self::UnknownHost => transient(FaultKind::UnknownHost),
            Self::Unauthenticated => permanent(FaultKind::Unauthenticated),
        }
    }

    fn shows_task(self) -> bool {
        matches!(self, Self::Going | Self::Nearly | Self::Succeeded | Self::Failed)
    }

    fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Unauthenticated)
    }
}

struct Exploration {
    /// The latency of polls with an even index, and of polls with an odd one.
    latencies: [Duration; 2],
    /// The observations so far. A poll that was cut has none.
    history: Vec<Kind>,
    ends: u64,
}

impl Exploration {
    /// Explores every sequence that continues from here. The sequences form a tree: they share their
    /// beginnings.
    fn from(&mut self, waiting: &Waiting, now: Duration, depth: usize) {
        for kind in Kind::ALL {
            let length = self.history.len();
            if let Some((waiting, until)) = self.poll(waiting.branch(), now, kind) {
                if depth > 1 {
                    self.from(&waiting, until, depth - 1);
                } else {
                    let (mut waiting, mut now) = (waiting, until);
                    while let Some((next, until)) = self.poll(waiting, now, kind) {
                        assert!(self.history.len() < 10_000, "the wait never ends");
                        (waiting, now) = (next, until);
                    }
                }
            }
            self.history.truncate(length);
        }
    }

    /// Runs one poll. Returns the wait and the time of its next poll, or `None` if the wait ended.
    fn poll(&mut self, waiting: Waiting, now: Duration, kind: Kind) -> Option<(Waiting, Duration)> {
        let deadline = waiting.limits.deadline;
        let received = now + self.latencies[self.history.len() % 2];
        if received > deadline {
            let Step::Done(verdict) = waiting.cut(deadline) else {
                panic!("the wait continued after the deadline")
            };
            self.check(&verdict, deadline);
            return None;
        }
        self.history.push(kind);
        match waiting.after(received, kind.observation()) {
            Step::Done(verdict) => {
                self.check(&verdict, deadline);
                None
            }
            Step::Delay { until, waiting, .. } => {
                assert!(!kind.is_final(), "the wait continued after a final observation: {:?}", self.history);
                assert!(until > received && until < deadline, "{:?}: {until:?}", self.history);
                let delay = until.saturating_sub(received);
                let (shortest, longest) = match kind {
                    Kind::RetryAfter => (7.0, 15.0),
                    Kind::NotVisible if !self.history.iter().any(|kind| kind.shows_task()) => (1.0, 1.0),
                    _ => (1.0, 15.0),
                };
                // Only the two polls right before the deadline may follow a shorter delay.
                let last = secs(0.1).min(deadline / 10);
                let is_near_deadline =
                    [last, waiting.response_time].contains(&deadline.saturating_sub(until));
                assert!(
                    delay >= secs(shortest) || is_near_deadline,
                    "the delay is too short: {:?}: {delay:?}",
                    self.history
                );
                assert!(delay <= secs(longest), "the delay is too long: {:?}: {delay:?}", self.history);
                assert!(
                    !self.is_gone(received),
                    "the wait continued though the task is gone: {:?}",
                    self.history
                );
                Some((waiting, until))
            }
        }
    }

    /// Returns whether the observations prove that the task is gone or never existed.
    fn is_gone(&self, elapsed: Duration) -> bool {
        let since_seen = self.history.iter().rev().take_while(|kind| !kind.shows_task());
        let missed = since_seen.filter(|kind| **kind == Kind::NotVisible).count();
        let seen = self.history.iter().any(|kind| kind.shows_task());
        let enough = if seen { missed >= 3 } else { elapsed >= secs(GRACE) };
        self.history.last() == Some(&Kind::NotVisible) && enough
    }

    fn check(&mut self, verdict: &Verdict, deadline: Duration) {
        self.ends += 1;
        let history = &self.history;
        let last = history.last().copied();
        let seen = history.iter().any(|kind| kind.shows_task());
        let is = |outcome| verdict.outcome == outcome;

        assert!(verdict.elapsed <= deadline, "{history:?}");
        assert_eq!(
            is(Outcome::Completed),
            last == Some(Kind::Succeeded),
            "success without `Completed`: {history:?}"
        );
        assert_eq!(is(Outcome::Failed), last == Some(Kind::Failed), "a failure is lost: {history:?}");
        assert_eq!(is(Outcome::Unauthorized), last == Some(Kind::Unauthenticated), "{history:?}");
        assert_eq!(verdict.last_seen.is_some(), seen, "the last seen task is lost: {history:?}");
        match verdict.outcome {
            Outcome::TimedOut => assert!(seen, "{history:?}"),
            Outcome::NotFound => assert_eq!(last, Some(Kind::NotVisible), "{history:?}"),
            Outcome::Unreachable => assert!(!seen || last == Some(Kind::Unauthenticated), "{history:?}"),
            _ => {}
        }
        if last.is_some_and(|kind| !kind.shows_task()) && !last.is_some_and(Kind::is_final) {
            assert!(verdict.fault.is_some(), "the last fault is lost: {history:?}");
        }

        let same = history.iter().rev().take_while(|kind| Some(**kind) == last).count();
        let may_end_early = match last {
            Some(Kind::NotVisible) => self.is_gone(verdict.elapsed),
            Some(Kind::Unreadable) => !seen && same >= 5,
            Some(Kind::UnknownHost) => same == history.len() && (same >= 3 || verdict.elapsed >= secs(10.0)),
            Some(kind) => kind.is_final(),
            None => false,
        };
        let shortest = secs(0.1).min(deadline / 10);
        assert!(
            may_end_early || verdict.elapsed + shortest >= deadline,
            "the wait ended early: {history:?} {verdict:?}"
        );
    }
}

impl Waiting {
    /// Copies the wait for a branch of the exploration. `Waiting` is not `Clone`, so that a wait that has
    /// ended cannot be continued.
    fn branch(&self) -> Self {
        Self {
            limits: self.limits.clone(),
            pacer: self.pacer.clone(),
            last_seen: self.last_seen.clone(),
            fault: self.fault.clone(),
            ..*self
        }
    }
}
