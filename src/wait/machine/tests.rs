//! Timetables, and every sequence of sightings.

use super::*;
use crate::Pace;

const NEVER: Duration = Duration::from_secs(1_000_000);

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn limits(deadline: f64, grace: f64) -> Limits {
    Limits { deadline: secs(deadline), grace: secs(grace), longest_look: secs(10.0), once: false }
}

/// A wait at the default pace, without jitter.
fn waiting(limits: Limits) -> Waiting {
    let pacer = Pace::default().jitter(0.0).unwrap().start(fastrand::Rng::with_seed(1));
    Waiting::new(limits, pacer, Duration::ZERO)
}

fn job(status: &str, rest: &str) -> Job {
    Job::from_json(&format!(r#"{{"id": "1", "status": "{status}"{rest}}}"#)).unwrap()
}

fn going() -> Sighting {
    Sighting::of(job("Running", ""))
}

fn succeeded() -> Sighting {
    Sighting::of(job("Completed", ""))
}

fn failed() -> Sighting {
    Sighting::of(job("Running", r#", "fail_reason": "disk full""#))
}

fn not_visible() -> Sighting {
    Sighting::NotVisible(Fault::new(FaultKind::NotVisible, "The job does not exist."))
}

fn transient(kind: FaultKind) -> Sighting {
    Sighting::transient(Fault::new(kind, "x"))
}

fn unavailable() -> Sighting {
    let fault = Fault { http_status: Some(503), ..Fault::new(FaultKind::Unavailable, "busy") };
    Sighting::Transient { fault, retry_after: None }
}

fn retry_after(seconds: f64) -> Sighting {
    let fault = Fault { http_status: Some(429), ..Fault::new(FaultKind::Throttled, "slow down") };
    Sighting::Transient { fault, retry_after: Some(secs(seconds)) }
}

fn permanent(kind: FaultKind) -> Sighting {
    Sighting::Permanent(Fault::new(kind, "no"))
}

/// When each look starts, and how it ends, when `see` tells what the look that starts then sees, and each
/// takes `latency`.
fn timetable(
    mut waiting: Waiting,
    latency: f64,
    mut see: impl FnMut(usize, f64) -> Sighting,
) -> (Vec<f64>, Verdict) {
    let mut looks = vec![0.0];
    let mut now = Duration::ZERO;
    loop {
        let sighting = see(looks.len() - 1, now.as_secs_f64());
        now += secs(latency);
        match waiting.after(now, sighting) {
            Step::Done(verdict) => return (looks, verdict),
            Step::Rest { until, waiting: next } => {
                assert!(until > now, "a rest that leads back");
                now = until;
                looks.push((until.as_secs_f64() * 1000.0).round() / 1000.0);
                waiting = next;
            }
        }
    }
}

#[test]
fn s1_a_task_that_has_ended_costs_one_look() {
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
fn a_slow_service_is_asked_earlier_for_the_last_time() {
    let (looks, _) = timetable(waiting(limits(30.0, 60.0)), 1.0, |_, _| going());
    assert_eq!(looks, [0.0, 2.0, 4.5, 7.75, 12.125, 18.188, 26.781, 28.0]);
    assert_eq!(looks.last(), Some(&28.0), "two seconds for an answer that takes one");
}

#[test]
fn the_last_look_is_given_no_more_than_a_look_may_take() {
    let mut limits = limits(30.0, 60.0);
    limits.longest_look = secs(2.0);
    let (looks, verdict) = timetable(waiting(limits), 1.9, |_, _| transient(FaultKind::TimedOut));
    assert_eq!(looks.last(), Some(&28.0));
    assert_eq!((verdict.outcome, verdict.elapsed), (Outcome::Unreachable, secs(29.9)));
}

#[test]
fn s8_a_task_that_completes_on_the_last_look_completed() {
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

#[test]
fn h4_a_task_that_never_becomes_visible_is_not_found_after_the_grace() {
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

#[test]
fn h4_a_task_that_was_visible_is_gone_after_three_looks_in_a_row() {
    let (looks, verdict) =
        timetable(waiting(limits(600.0, 0.0)), 0.0, |n, _| if n < 2 { going() } else { not_visible() });
    assert_eq!((looks.len(), verdict.outcome), (5, Outcome::NotFound));
    assert!(verdict.job().is_some(), "what was seen is reported");
}

#[test]
fn s10_a_task_that_is_unseen_twice_and_then_seen_goes_on() {
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
    assert!(verdict.fault.is_none(), "faults before the last sighting are over");
}

#[test]
fn h10_retry_after_is_honoured_and_never_leads_past_the_last_look() {
    let see = |n, _| match n {
        0 => retry_after(20.0),
        1 => retry_after(0.0),
        _ => retry_after(86_400.0),
    };
    let (looks, verdict) = timetable(waiting(limits(60.0, 60.0)), 0.0, see);
    assert_eq!(looks, [0.0, 20.0, 21.5, 59.9]);
    assert_eq!(verdict.outcome, Outcome::Unreachable);
}

#[test]
fn h12_faults_until_the_deadline_are_unreachable_or_timed_out_by_what_was_seen() {
    let (_, never) = timetable(waiting(limits(30.0, 60.0)), 0.0, |_, _| unavailable());
    assert_eq!((never.outcome, never.fault.unwrap().http_status), (Outcome::Unreachable, Some(503)));

    let see = |n, _| if n == 0 { going() } else { unavailable() };
    let (_, seen) = timetable(waiting(limits(30.0, 60.0)), 0.0, see);
    assert_eq!((seen.outcome, seen.fault.as_ref().unwrap().http_status), (Outcome::TimedOut, Some(503)));
    assert_eq!(seen.seen.unwrap().at, Duration::ZERO, "how old the sighting is can be told");
}

#[test]
fn a_new_id_followed_by_faults_until_the_deadline_is_unreachable() {
    let see = |n, _| if n == 0 { not_visible() } else { unavailable() };
    assert_eq!(timetable(waiting(limits(30.0, 5.0)), 0.0, see).1.outcome, Outcome::Unreachable);
}

#[test]
fn b4_five_unreadable_answers_in_a_row_are_not_the_jobs_api() {
    let (looks, verdict) =
        timetable(waiting(limits(600.0, 60.0)), 0.0, |_, _| transient(FaultKind::Unreadable));
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

#[test]
fn t3_an_unknown_host_is_given_three_looks_or_ten_seconds() {
    let unknown = |_, _| transient(FaultKind::UnknownHost);
    let (looks, verdict) = timetable(waiting(limits(600.0, 60.0)), 0.0, unknown);
    assert_eq!((looks, verdict.outcome), (vec![0.0, 1.0, 2.5], Outcome::Unreachable));
    let (looks, _) = timetable(waiting(limits(600.0, 60.0)), 6.0, unknown);
    assert_eq!(looks, [0.0, 7.0]);
}

#[test]
fn t3_a_host_that_has_answered_once_is_looked_up_until_the_deadline() {
    let see = |n, _| if n == 0 { unavailable() } else { transient(FaultKind::UnknownHost) };
    assert_eq!(timetable(waiting(limits(60.0, 60.0)), 0.0, see).0.last(), Some(&59.9));
    let see = |n, _| if n == 0 { not_visible() } else { transient(FaultKind::UnknownHost) };
    assert_eq!(timetable(waiting(limits(60.0, 60.0)), 0.0, see).0.last(), Some(&59.9));
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
    for (sighting, outcome) in [
        (going(), Outcome::TimedOut),
        (not_visible(), Outcome::NotFound),
        (unavailable(), Outcome::Unreachable),
        (succeeded(), Outcome::Completed),
        (failed(), Outcome::Failed),
    ] {
        let limits = Limits { once: true, ..limits(60.0, 60.0) };
        let Step::Done(verdict) = waiting(limits).after(Duration::ZERO, sighting) else {
            panic!("a second look");
        };
        assert_eq!(verdict.outcome, outcome);
    }
}

#[test]
fn a_wait_that_is_stopped_tells_what_was_seen() {
    let Step::Rest { waiting, .. } = waiting(limits(60.0, 60.0)).after(secs(1.0), going()) else {
        panic!("it ended");
    };
    let verdict = waiting.stopped(secs(1.5));
    assert_eq!((verdict.outcome, verdict.polls, verdict.elapsed), (Outcome::Stopped, 1, secs(1.5)));
    assert_eq!(verdict.seen.unwrap().at, secs(1.0));
}

#[test]
fn the_news_are_of_the_latest_look() {
    let first = waiting(limits(60.0, 60.0));
    assert!(first.news(NEVER).is_none());
    let mut now = first;
    for (sighting, expected) in
        [(not_visible(), "Invisible"), (unavailable(), "Retry"), (going(), "Going"), (unavailable(), "Retry")]
    {
        let Step::Rest { waiting, until } = now.after(secs(1.0), sighting) else { panic!("it ended") };
        let news = format!("{:?}", waiting.news(until).unwrap());
        assert!(news.starts_with(expected), "{news}");
        now = waiting;
    }
}

/// Every sequence of sightings up to length 6, at several deadlines and latencies; the last sighting repeats.
#[test]
fn every_sequence_of_sightings_ends_in_time_and_tells_the_truth() {
    type Make = fn() -> Sighting;
    const KINDS: [Make; 8] = [
        going,
        not_visible,
        succeeded,
        failed,
        unavailable,
        || retry_after(7.0),
        || transient(FaultKind::Unreadable),
        || permanent(FaultKind::Unauthenticated),
    ];
    const LENGTH: u32 = 6;

    // Sequences that end early share their beginning with many longer ones: play a tree, not a list.
    fn explore(
        waiting: &Waiting,
        now: Duration,
        latency: Duration,
        depth: u32,
        history: &mut Vec<usize>,
        ends: &mut u64,
    ) {
        for (kind, make) in KINDS.iter().enumerate() {
            history.push(kind);
            let deadline = waiting.limits.deadline;
            let answered = (now + latency).min(deadline);
            match waiting.clone_for_test().after(answered, make()) {
                Step::Done(verdict) => {
                    *ends += 1;
                    check_end(&verdict, history, deadline);
                }
                Step::Rest { until, waiting } => {
                    assert!(![2, 3, 7].contains(&kind), "an end was not final: {history:?}");
                    assert!(until > answered && until < deadline, "{history:?}: {until:?}");
                    if depth > 1 {
                        explore(&waiting, until, latency, depth - 1, history, ends);
                    } else {
                        // To its end with the same sighting over and over.
                        let (mut waiting, mut now, mut looks) = (waiting, until, 0);
                        loop {
                            looks += 1;
                            assert!(looks < 10_000, "{history:?} never ends");
                            let answered = (now + latency).min(deadline);
                            match waiting.after(answered, make()) {
                                Step::Done(verdict) => {
                                    *ends += 1;
                                    check_end(&verdict, history, deadline);
                                    break;
                                }
                                Step::Rest { until, waiting: next } => (waiting, now) = (next, until),
                            }
                        }
                    }
                }
            }
            history.pop();
        }
    }

    fn check_end(verdict: &Verdict, history: &[usize], deadline: Duration) {
        let last = *history.last().unwrap();
        assert!(verdict.elapsed <= deadline, "{history:?}");
        assert_eq!(
            verdict.outcome == Outcome::Completed,
            last == 2,
            "success only from Completed: {history:?}"
        );
        assert_eq!(verdict.outcome == Outcome::Failed, last == 3, "a failure is never lost: {history:?}");
        assert_eq!(verdict.outcome == Outcome::Unauthorized, last == 7, "{history:?}");
        let saw = history.iter().any(|kind| [0, 2, 3].contains(kind));
        assert_eq!(verdict.seen.is_some(), saw, "the last sighting is never lost: {history:?}");
        assert_ne!(verdict.outcome, Outcome::Stopped);
        match verdict.outcome {
            Outcome::TimedOut => assert!(saw, "{history:?}"),
            Outcome::NotFound => assert_eq!(last, 1, "{history:?}"),
            Outcome::Unreachable => assert!([4, 5, 6].contains(&last), "{history:?}"),
            _ => {}
        }
    }

    let mut ends = 0;
    for (deadline, latency) in [(20.0, 0.0), (20.0, 1.5), (3.0, 0.4)] {
        explore(
            &waiting(limits(deadline, 4.0)),
            Duration::ZERO,
            secs(latency),
            LENGTH,
            &mut Vec::new(),
            &mut ends,
        );
    }
    assert!(ends > 30_000, "{ends} ends");
}

impl Waiting {
    /// A finished wait cannot be asked for more, so it is not `Clone`; the exploration needs branches.
    fn clone_for_test(&self) -> Self {
        Self {
            limits: self.limits.clone(),
            pacer: self.pacer.clone(),
            seen: self.seen.clone(),
            fault: self.fault.clone(),
            ..*self
        }
    }
}
