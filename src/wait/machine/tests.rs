//! Timetables, and every sequence of sightings.

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

fn job(status: &str, rest: &str) -> Job {
    Job::from_json(&format!(r#"{{"id": "1", "status": "{status}"{rest}}}"#)).unwrap()
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

/// When each look starts, and how it ends, when `see` tells what the look that starts then sees, and each
/// takes `latency`. A look that would be answered after the deadline is cut at it.
fn timetable(
    waiting: Waiting,
    latency: f64,
    see: impl FnMut(usize, f64) -> Observation,
) -> (Vec<f64>, Verdict) {
    timetable_of(waiting, |_| latency, see)
}

/// The same with a latency for each look.
fn timetable_of(
    mut waiting: Waiting,
    latency: impl Fn(usize) -> f64,
    mut see: impl FnMut(usize, f64) -> Observation,
) -> (Vec<f64>, Verdict) {
    let deadline = waiting.limits.deadline;
    let mut looks = vec![0.0];
    let mut now = Duration::ZERO;
    loop {
        let observation = see(looks.len() - 1, now.as_secs_f64());
        now += secs(latency(looks.len() - 1));
        if now > deadline {
            let Step::Done(verdict) = waiting.cut(deadline) else { panic!("a cut at the deadline goes on") };
            return (looks, verdict);
        }
        match waiting.after(now, observation) {
            Step::Done(verdict) => return (looks, verdict),
            Step::Delay { until, waiting: next, .. } => {
                assert!(until > now, "a rest that leads back");
                now = until;
                looks.push((until.as_secs_f64() * 1000.0).round() / 1000.0);
                waiting = next;
            }
        }
    }
}

#[test]
fn a_turn_that_does_not_come_is_told_only_where_there_is_nothing_else() {
    let after = |sightings: Vec<Observation>| {
        let start = waiting(limits(60.0, 60.0));
        let waiting = sightings.into_iter().fold(start, |waiting, observation| {
            let Step::Delay { waiting, .. } = waiting.after(secs(1.0), observation) else {
                panic!("it ended")
            };
            waiting
        });
        let verdict = waiting.starved(secs(60.0), Fault::new(FaultKind::RateLimited, "spent"));
        (verdict.outcome, verdict.fault.map(|fault| fault.kind), verdict.polls)
    };
    assert_eq!(after(vec![]), (Outcome::Unreachable, Some(FaultKind::RateLimited), 0));
    assert_eq!(after(vec![going()]), (Outcome::TimedOut, None, 1));
    assert_eq!(after(vec![not_visible()]), (Outcome::NotFound, Some(FaultKind::NotVisible), 1));
    assert_eq!(after(vec![going(), unavailable()]), (Outcome::TimedOut, Some(FaultKind::Unavailable), 2));
    assert_eq!(after(vec![unavailable()]), (Outcome::Unreachable, Some(FaultKind::Unavailable), 1));
}

/// Covers S1.
#[test]
fn a_task_that_has_ended_costs_one_look() {
    let (looks, verdict) = timetable(waiting(limits(60.0, 60.0)), 0.0, |_, _| succeeded());
    assert_eq!((looks, verdict.outcome, verdict.polls), (vec![0.0], Outcome::Completed, 1));
}

#[test]
fn the_last_look_falls_on_the_deadline_less_the_time_to_answer() {
    let (looks, verdict) = timetable(waiting(limits(30.0, 60.0)), 0.0, |_, _| going());
    assert_eq!(looks, [0.0, 1.0, 2.5, 4.75, 8.125, 13.188, 20.781, 29.9]);
    assert_eq!((verdict.outcome, verdict.polls), (Outcome::TimedOut, 8));
}

#[test]
fn progress_that_moves_is_met_where_it_ends() {
    let see = |_, now: f64| {
        let process = format!(r#", "process": "{}%""#, (now / 2.0).floor());
        if now < 200.0 { Observation::Seen(job("Running", &process)) } else { succeeded() }
    };
    let (looks, verdict) = timetable(waiting(limits(600.0, 60.0)), 0.0, see);
    assert_eq!(looks[..9], [0.0, 1.0, 2.5, 4.75, 8.125, 13.188, 20.781, 32.172, 47.172]);
    assert_eq!((looks.len(), verdict.outcome), (23, Outcome::Completed));
    assert!(verdict.elapsed < secs(202.0), "{looks:?}");
}

#[test]
fn a_slow_service_is_asked_in_time_to_answer() {
    let (looks, verdict) = timetable(waiting(limits(30.0, 60.0)), 1.0, |_, _| going());
    // Two seconds for an answer that takes one, and a last look should the next one be quick.
    assert_eq!(looks, [0.0, 2.0, 4.5, 7.75, 12.125, 18.188, 26.781, 28.0, 29.9]);
    assert_eq!((verdict.outcome, verdict.elapsed, verdict.polls), (Outcome::TimedOut, secs(30.0), 9));
    assert_eq!(verdict.last_seen.unwrap().at, secs(29.0));
}

#[test]
fn one_slow_look_does_not_end_a_wait_early() {
    for (timeout, first, rest) in
        [(20.0, 10.0, vec![11.0]), (10.0, 5.0, vec![6.0]), (10.0, 4.0, vec![5.0]), (120.0, 60.0, vec![61.0])]
    {
        let mut limits = limits(timeout, 60.0);
        limits.request_timeout = secs(first);
        let latency = |n| if n == 0 { first } else { 0.0 };
        let see = |n, _| if n == 0 { transient(FaultKind::TimedOut) } else { succeeded() };
        let (looks, verdict) = timetable_of(waiting(limits), latency, see);
        assert_eq!((looks, verdict.outcome), ([vec![0.0], rest].concat(), Outcome::Completed));
    }
}

#[test]
fn a_service_that_gets_faster_is_moved_forward_once() {
    let latency = |n| if n < 9 { 1.0 } else { 0.2 };
    let (looks, _) = timetable_of(waiting(limits(60.0, 60.0)), latency, |_, _| going());
    assert_eq!(looks[8..], [55.172, 58.0, 59.9], "{looks:?}");
}

#[test]
fn a_short_wait_has_its_last_look_a_tenth_before_its_deadline() {
    let (looks, verdict) = timetable(waiting(limits(0.5, 60.0)), 0.0, |_, _| going());
    assert_eq!((looks, verdict.outcome), (vec![0.0, 0.45], Outcome::TimedOut));
}

#[test]
fn looks_that_hang_until_their_timeout_go_on_until_the_deadline() {
    let mut limits = limits(30.0, 60.0);
    limits.request_timeout = secs(2.0);
    let (looks, verdict) = timetable(waiting(limits), 1.9, |_, _| transient(FaultKind::TimedOut));
    assert_eq!(looks.last(), Some(&28.0));
    assert_eq!((verdict.outcome, verdict.elapsed), (Outcome::Unreachable, secs(29.9)));
}

/// Covers H12.
#[test]
fn a_look_that_is_cut_at_the_deadline_hides_nothing() {
    let latency = |n| if n < 3 { 0.0 } else { 99.0 };
    let end = |see: fn() -> Observation| timetable_of(waiting(limits(30.0, 60.0)), latency, |_, _| see()).1;
    let busy = end(unavailable);
    assert_eq!((busy.outcome, busy.fault.unwrap().http_status), (Outcome::Unreachable, Some(503)));
    let unknown = end(not_visible);
    assert_eq!((unknown.outcome, unknown.fault.unwrap().kind), (Outcome::NotFound, FaultKind::NotVisible));
    let seen = end(going);
    assert_eq!((seen.outcome, seen.polls), (Outcome::TimedOut, 4));
    let silent = timetable(waiting(limits(30.0, 60.0)), 99.0, |_, _| going()).1;
    assert_eq!((silent.outcome, silent.fault.unwrap().kind), (Outcome::Unreachable, FaultKind::TimedOut));
}

/// Covers C5.
#[test]
fn a_look_is_cut_at_the_deadline_and_one_that_starts_later_gets_as_long_as_they_take() {
    let cuts = |waiting: &mut Waiting| [0.0, 29.999, 30.0, 500.0].map(|now| waiting.start_poll(secs(now)));
    // A fifth of a second, while it is not known how long they take.
    assert_eq!(cuts(&mut waiting(limits(30.0, 60.0))), [30.0, 30.0, 30.2, 500.2].map(secs));
    let after = waiting(limits(30.0, 60.0)).after(secs(2.0), going());
    let Step::Delay { mut waiting, .. } = after else { panic!("it goes on") };
    // Twice the two seconds of the latest one.
    assert_eq!(cuts(&mut waiting), [30.0, 30.0, 34.0, 504.0].map(secs));
}

/// What a look sees that began before the deadline, and ended when the machine woke an hour later.
/// Covers C5.
#[test]
fn what_was_slept_through_is_looked_at_anew_once_unless_it_is_an_end() {
    let woken = secs(3600.0);
    for kind in Kind::ALL {
        for seen in [false, true] {
            let mut asleep = waiting(limits(30.0, 7200.0));
            if seen {
                let Step::Delay { waiting, .. } = asleep.after(secs(0.0), going()) else {
                    panic!("it goes on")
                };
                asleep = waiting;
            }
            assert_eq!(asleep.start_poll(secs(1.0)), secs(30.0));
            let step = asleep.after(woken, kind.observation());
            // A name that cannot be looked up for an hour is no other than after ten seconds.
            let ends = kind.is_final() || (kind == Kind::UnknownHost && !seen);
            let mut again = match step {
                Step::Done(_) if ends => continue,
                Step::Delay { until, waiting, .. } if !ends && until == woken => waiting,
                other => panic!("{kind:?}, {seen}: {other:?}"),
            };
            assert!(again.start_poll(woken) > woken, "{kind:?}");
            let Step::Done(verdict) = again.after(woken + secs(0.1), going()) else {
                panic!("{kind:?} goes on")
            };
            assert_eq!((verdict.outcome, verdict.elapsed), (Outcome::TimedOut, woken + secs(0.1)));
        }
    }
    let mut asleep = waiting(limits(30.0, 60.0));
    asleep.start_poll(secs(1.0));
    let Step::Delay { until, mut waiting, .. } = asleep.cut(woken) else {
        panic!("it is not looked at anew")
    };
    assert_eq!(until, woken);
    waiting.start_poll(woken);
    assert!(matches!(
        waiting.cut(woken + secs(0.2)),
        Step::Done(Verdict { outcome: Outcome::Unreachable, .. })
    ));
}

#[test]
fn a_cut_that_is_a_little_late_was_not_slept_through() {
    for (late, goes_on) in [(0.25, false), (0.251, true)] {
        let mut waiting = waiting(limits(30.0, 60.0));
        waiting.start_poll(secs(1.0));
        assert_eq!(matches!(waiting.cut(secs(30.0 + late)), Step::Delay { .. }), goes_on, "{late}");
    }
    let once = Limits { once: true, ..limits(30.0, 60.0) };
    let mut waiting = waiting(once);
    waiting.start_poll(secs(1.0));
    assert!(matches!(waiting.after(secs(3600.0), going()), Step::Done(_)));
}

/// Covers S8.
#[test]
fn a_task_that_completes_on_the_last_look_completed() {
    let see = |_, at: f64| if at > 29.0 { succeeded() } else { going() };
    let (looks, verdict) = timetable(waiting(limits(30.0, 60.0)), 0.0, see);
    assert_eq!((looks.last(), verdict.outcome), (Some(&29.9), Outcome::Completed));
}

#[test]
fn a_new_id_is_asked_for_at_the_first_interval_and_the_pace_starts_over_when_it_is_visible() {
    let see = |n, _| match n {
        0..4 => not_visible(),
        8.. => succeeded(),
        _ => going(),
    };
    let (looks, verdict) = timetable(waiting(limits(600.0, 60.0)), 0.0, see);
    assert_eq!(looks, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.5, 8.75, 12.125]);
    assert_eq!(verdict.outcome, Outcome::Completed);
}

/// Covers H4.
#[test]
fn a_task_that_never_becomes_visible_is_not_found_after_the_grace() {
    let (looks, verdict) = timetable(waiting(limits(600.0, 5.0)), 0.0, |_, _| not_visible());
    assert_eq!(looks, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(verdict.outcome, Outcome::NotFound);
    assert_eq!(verdict.fault.unwrap().kind, FaultKind::NotVisible);
}

#[test]
fn no_grace_is_strict() {
    let (looks, verdict) = timetable(waiting(limits(600.0, 0.0)), 0.0, |_, _| not_visible());
    assert_eq!((looks, verdict.outcome), (vec![0.0], Outcome::NotFound));
}

#[test]
fn a_grace_that_outlasts_the_deadline_ends_with_it_as_not_found() {
    let (_, verdict) = timetable(waiting(limits(3.0, 60.0)), 0.0, |_, _| not_visible());
    assert_eq!(verdict.outcome, Outcome::NotFound);
}

/// Covers H4.
#[test]
fn a_task_that_was_visible_is_gone_after_three_looks_in_a_row() {
    let (looks, verdict) =
        timetable(waiting(limits(600.0, 0.0)), 0.0, |n, _| if n < 2 { going() } else { not_visible() });
    assert_eq!((looks.len(), verdict.outcome), (5, Outcome::NotFound));
    assert!(verdict.job().is_some(), "what was seen is reported");
}

/// Covers S10.
#[test]
fn a_task_that_is_unseen_twice_and_then_seen_goes_on() {
    let see = |n, _| match n {
        1 | 2 | 4 | 5 => not_visible(),
        7 => succeeded(),
        _ => going(),
    };
    assert_eq!(timetable(waiting(limits(600.0, 60.0)), 0.0, see).1.outcome, Outcome::Completed);
}

#[test]
fn a_fault_between_two_looks_that_do_not_see_a_task_neither_counts_nor_clears() {
    let see = |n, _| match n {
        0 => going(),
        2 => unavailable(),
        _ => not_visible(),
    };
    assert_eq!(timetable(waiting(limits(600.0, 60.0)), 0.0, see).0.len(), 5);
}

#[test]
fn errors_rest_at_a_pace_of_their_own() {
    let see = |n, _| match n {
        2..5 => unavailable(),
        7.. => succeeded(),
        _ => going(),
    };
    let (looks, verdict) = timetable(waiting(limits(600.0, 60.0)), 0.0, see);
    // Going rests 1 and 1.5, errors 1, 1.5 and 2.25, then going 2.25 where it had left off.
    assert_eq!(looks, [0.0, 1.0, 2.5, 3.5, 5.0, 7.25, 9.5, 12.875]);
    assert!(verdict.fault.is_none(), "faults before the last observation are over");
}

/// Covers H10.
#[test]
fn retry_after_is_honoured_and_never_leads_past_the_last_look() {
    let see = |n, _| match n {
        0 => retry_after(20.0),
        1 => retry_after(0.0),
        _ => retry_after(86_400.0),
    };
    let (looks, verdict) = timetable(waiting(limits(60.0, 60.0)), 0.0, see);
    assert_eq!(looks, [0.0, 20.0, 21.5, 59.9]);
    assert_eq!(verdict.outcome, Outcome::Unreachable);
}

/// Covers H12.
#[test]
fn faults_until_the_deadline_are_unreachable_or_timed_out_by_what_was_seen() {
    let (_, never) = timetable(waiting(limits(30.0, 60.0)), 0.0, |_, _| unavailable());
    assert_eq!((never.outcome, never.fault.unwrap().http_status), (Outcome::Unreachable, Some(503)));

    let see = |n, _| if n == 0 { going() } else { unavailable() };
    let (_, seen) = timetable(waiting(limits(30.0, 60.0)), 0.0, see);
    assert_eq!((seen.outcome, seen.fault.as_ref().unwrap().http_status), (Outcome::TimedOut, Some(503)));
    assert_eq!(seen.last_seen.unwrap().at, Duration::ZERO, "how old the observation is can be told");
}

#[test]
fn a_new_id_followed_by_faults_until_the_deadline_is_unreachable() {
    let see = |n, _| if n == 0 { not_visible() } else { unavailable() };
    assert_eq!(timetable(waiting(limits(30.0, 5.0)), 0.0, see).1.outcome, Outcome::Unreachable);
}

/// Covers B4.
#[test]
fn five_unreadable_answers_in_a_row_are_not_the_jobs_api() {
    let (looks, verdict) =
        timetable(waiting(limits(600.0, 60.0)), 0.0, |_, _| transient(FaultKind::Unreadable));
    assert_eq!((looks.len(), verdict.outcome), (5, Outcome::Unreachable));
}

/// Covers T12.
#[test]
fn a_proxy_that_refuses_is_given_five_looks() {
    let (looks, verdict) = timetable(waiting(limits(600.0, 60.0)), 0.0, |_, _| transient(FaultKind::Proxy));
    assert_eq!((looks.len(), verdict.outcome), (5, Outcome::Unreachable));
}

#[test]
fn unreadable_answers_in_a_row_are_counted_anew_after_anything_else() {
    let see = |n, _| match n {
        20 => succeeded(),
        n if n % 5 == 4 => unavailable(),
        _ => transient(FaultKind::Unreadable),
    };
    assert_eq!(timetable(waiting(limits(600.0, 60.0)), 0.0, see).1.outcome, Outcome::Completed);
}

#[test]
fn once_the_task_was_seen_unreadable_answers_are_retried_until_the_deadline() {
    let see = |n, _| if n == 0 { going() } else { transient(FaultKind::Unreadable) };
    let (looks, verdict) = timetable(waiting(limits(60.0, 60.0)), 0.0, see);
    assert_eq!((looks.last(), verdict.outcome), (Some(&59.9), Outcome::TimedOut));
}

/// Covers T3.
#[test]
fn an_unknown_host_is_given_three_looks_or_ten_seconds() {
    let unknown = |_, _| transient(FaultKind::UnknownHost);
    let (looks, verdict) = timetable(waiting(limits(600.0, 60.0)), 0.0, unknown);
    assert_eq!((looks, verdict.outcome), (vec![0.0, 1.0, 2.5], Outcome::Unreachable));
    let (looks, _) = timetable(waiting(limits(600.0, 60.0)), 6.0, unknown);
    assert_eq!(looks, [0.0, 7.0]);
}

/// Covers T3.
#[test]
fn a_host_that_has_answered_once_is_looked_up_until_the_deadline() {
    let see = |n, _| if n == 0 { unavailable() } else { transient(FaultKind::UnknownHost) };
    assert_eq!(timetable(waiting(limits(60.0, 60.0)), 0.0, see).0.last(), Some(&59.9));
    for first in [not_visible, going, || transient(FaultKind::Network), || transient(FaultKind::TimedOut)] {
        let see = |n, _| if n == 0 { first() } else { transient(FaultKind::UnknownHost) };
        assert_eq!(timetable(waiting(limits(60.0, 60.0)), 0.0, see).0.last(), Some(&59.9));
    }
}

#[test]
fn a_permanent_fault_ends_the_wait_by_its_kind() {
    for (kind, outcome) in [
        (FaultKind::Unauthenticated, Outcome::Unauthorized),
        (FaultKind::Forbidden, Outcome::Unauthorized),
        (FaultKind::WrongApi, Outcome::Unreachable),
        (FaultKind::Redirected, Outcome::Unreachable),
        (FaultKind::BadRequest, Outcome::Unreachable),
    ] {
        let see = |n, _| if n == 0 { going() } else { permanent(kind) };
        let (looks, verdict) = timetable(waiting(limits(60.0, 60.0)), 0.0, see);
        assert_eq!((looks.len(), verdict.outcome), (2, outcome));
        assert!(verdict.job().is_some() && verdict.fault.is_some());
    }
}

#[test]
fn once_is_one_look_whatever_it_sees() {
    for (observation, outcome) in [
        (going(), Outcome::TimedOut),
        (not_visible(), Outcome::NotFound),
        (unavailable(), Outcome::Unreachable),
        (succeeded(), Outcome::Completed),
        (failed(), Outcome::Failed),
    ] {
        let limits = Limits { once: true, ..limits(60.0, 60.0) };
        let Step::Done(verdict) = waiting(limits).after(Duration::ZERO, observation) else {
            panic!("a second look");
        };
        assert_eq!(verdict.outcome, outcome);
    }
}

#[test]
fn a_wait_that_is_stopped_tells_what_was_seen() {
    let Step::Delay { waiting, .. } = waiting(limits(60.0, 60.0)).after(secs(1.0), going()) else {
        panic!("it ended");
    };
    let verdict = waiting.stopped(secs(1.5));
    assert_eq!((verdict.outcome, verdict.polls, verdict.elapsed), (Outcome::Stopped, 1, secs(1.5)));
    assert_eq!(verdict.last_seen.unwrap().at, secs(1.0));
}

#[test]
fn the_news_are_of_the_latest_look() {
    let first = waiting(limits(60.0, 60.0));
    assert!(first.event_kind(NEVER).is_none());
    let mut now = first;
    for (observation, expected) in
        [(not_visible(), "Invisible"), (unavailable(), "Retry"), (going(), "Going"), (unavailable(), "Retry")]
    {
        let Step::Delay { waiting, until, .. } = now.after(secs(1.0), observation) else {
            panic!("it ended")
        };
        let news = format!("{:?}", waiting.event_kind(until).unwrap());
        assert!(news.starts_with(expected), "{news}");
        now = waiting;
    }
}

/// Every sequence of sightings up to length 6, at several deadlines and latencies; the last observation repeats.
#[test]
fn every_sequence_of_sightings_ends_in_time_and_tells_the_truth() {
    let mut ends = 0;
    for (deadline, latencies) in [(20.0, [0.0, 0.0]), (20.0, [0.2, 3.0]), (3.0, [0.4, 0.0])] {
        let waiting = waiting(limits(deadline, GRACE));
        let mut exploration = Exploration { latencies: latencies.map(secs), told: Vec::new(), ends: 0 };
        exploration.from(&waiting, Duration::ZERO, 6);
        ends += exploration.ends;
    }
    assert!(ends > 100_000, "{ends} ends");
}

/// The grace of the exploration, in seconds.
const GRACE: f64 = 4.0;

/// What a look can see, as the exploration tells it worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Going,
    /// Its progress is near the end.
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

    fn saw(self) -> bool {
        matches!(self, Self::Going | Self::Nearly | Self::Succeeded | Self::Failed)
    }

    fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Unauthenticated)
    }
}

struct Exploration {
    /// Of the looks with an even number, and of those with an odd one.
    latencies: [Duration; 2],
    /// What the looks so far saw that were not cut.
    told: Vec<Kind>,
    ends: u64,
}

impl Exploration {
    /// Plays every sequence that goes on from here: a tree, since sequences share their beginnings.
    fn from(&mut self, waiting: &Waiting, now: Duration, depth: usize) {
        for kind in Kind::ALL {
            let told = self.told.len();
            if let Some((waiting, until)) = self.poll(waiting.branch(), now, kind) {
                if depth > 1 {
                    self.from(&waiting, until, depth - 1);
                } else {
                    let (mut waiting, mut now) = (waiting, until);
                    while let Some((next, until)) = self.poll(waiting, now, kind) {
                        assert!(self.told.len() < 10_000, "it never ends");
                        (waiting, now) = (next, until);
                    }
                }
            }
            self.told.truncate(told);
        }
    }

    /// One look: what goes on, or nothing where it ended.
    fn poll(&mut self, waiting: Waiting, now: Duration, kind: Kind) -> Option<(Waiting, Duration)> {
        let deadline = waiting.limits.deadline;
        let answered = now + self.latencies[self.told.len() % 2];
        if answered > deadline {
            let Step::Done(verdict) = waiting.cut(deadline) else { panic!("a cut at the deadline goes on") };
            self.check(&verdict, deadline);
            return None;
        }
        self.told.push(kind);
        match waiting.after(answered, kind.observation()) {
            Step::Done(verdict) => {
                self.check(&verdict, deadline);
                None
            }
            Step::Delay { until, waiting, .. } => {
                assert!(!kind.is_final(), "an end was not final: {:?}", self.told);
                assert!(until > answered && until < deadline, "{:?}: {until:?}", self.told);
                let rest = until.saturating_sub(answered);
                let (shortest, longest) = match kind {
                    Kind::RetryAfter => (7.0, 15.0),
                    Kind::NotVisible if !self.told.iter().any(|kind| kind.saw()) => (1.0, 1.0),
                    _ => (1.0, 15.0),
                };
                // The two looks before the deadline, and no other.
                let last = secs(0.1).min(deadline / 10);
                let cut_short = [last, waiting.response_time].contains(&deadline.saturating_sub(until));
                assert!(rest >= secs(shortest) || cut_short, "polls hot: {:?}: {rest:?}", self.told);
                assert!(rest <= secs(longest), "rests for too long: {:?}: {rest:?}", self.told);
                assert!(!self.is_gone(answered), "a vanished task is not reported: {:?}", self.told);
                Some((waiting, until))
            }
        }
    }

    /// Whether the latest look shows that the task is gone, or never was.
    fn is_gone(&self, elapsed: Duration) -> bool {
        let since_seen = self.told.iter().rev().take_while(|kind| !kind.saw());
        let unseen = since_seen.filter(|kind| **kind == Kind::NotVisible).count();
        let saw = self.told.iter().any(|kind| kind.saw());
        let enough = if saw { unseen >= 3 } else { elapsed >= secs(GRACE) };
        self.told.last() == Some(&Kind::NotVisible) && enough
    }

    fn check(&mut self, verdict: &Verdict, deadline: Duration) {
        self.ends += 1;
        let told = &self.told;
        let last = told.last().copied();
        let saw = told.iter().any(|kind| kind.saw());
        let is = |outcome| verdict.outcome == outcome;

        assert!(verdict.elapsed <= deadline, "{told:?}");
        assert_eq!(
            is(Outcome::Completed),
            last == Some(Kind::Succeeded),
            "success only from Completed: {told:?}"
        );
        assert_eq!(is(Outcome::Failed), last == Some(Kind::Failed), "a failure is never lost: {told:?}");
        assert_eq!(is(Outcome::Unauthorized), last == Some(Kind::Unauthenticated), "{told:?}");
        assert_eq!(verdict.last_seen.is_some(), saw, "the last observation is never lost: {told:?}");
        match verdict.outcome {
            Outcome::TimedOut => assert!(saw, "{told:?}"),
            Outcome::NotFound => assert_eq!(last, Some(Kind::NotVisible), "{told:?}"),
            Outcome::Unreachable => assert!(!saw || last == Some(Kind::Unauthenticated), "{told:?}"),
            _ => {}
        }
        if last.is_some_and(|kind| !kind.saw()) && !last.is_some_and(Kind::is_final) {
            assert!(verdict.fault.is_some(), "the last fault is never lost: {told:?}");
        }

        let alike = told.iter().rev().take_while(|kind| Some(**kind) == last).count();
        let may_end_early = match last {
            Some(Kind::NotVisible) => self.is_gone(verdict.elapsed),
            Some(Kind::Unreadable) => !saw && alike >= 5,
            Some(Kind::UnknownHost) => alike == told.len() && (alike >= 3 || verdict.elapsed >= secs(10.0)),
            Some(kind) => kind.is_final(),
            None => false,
        };
        let shortest = secs(0.1).min(deadline / 10);
        assert!(
            may_end_early || verdict.elapsed + shortest >= deadline,
            "given up early: {told:?} {verdict:?}"
        );
    }
}

impl Waiting {
    /// A finished wait cannot be asked for more, so it is not `Clone`; the exploration needs branches.
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
