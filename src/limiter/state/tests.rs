//! The arithmetic of the limiter's state.

#![expect(clippy::float_cmp, reason = "the factors are powers of two")]

use super::*;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

fn limit(requests: u32, seconds: u64) -> RateLimit {
    RateLimit::new(requests, Duration::from_secs(seconds)).unwrap()
}

fn demand(process: u64, regular: f64, near_end: f64, expires_at: Duration) -> ProcessDemand {
    ProcessDemand { process, demand: Demand { regular, near_end }, expires_at }
}

#[test]
fn a_quarter_of_the_limit_is_a_burst_and_the_rest_is_spaced() {
    let (limit, mut state) = (limit(8, 60), State::default());
    assert_eq!(limit.spacing(), SECOND * 10);
    let now = SECOND * 1000;
    assert_eq!(state.take(now, limit), Ok(()));
    assert_eq!(state.take(now, limit), Ok(()));
    assert_eq!(state.take(now, limit), Err(SECOND * 10));
    assert_eq!(state.take(now + SECOND * 4, limit), Err(SECOND * 6));
    assert_eq!(state.take(now + SECOND * 10, limit), Ok(()));
}

#[test]
fn the_windows_and_demands_are_those_of_the_documents() {
    assert_eq!((DEFAULT_WINDOW, LONGEST_WINDOW), (SECOND * 300, SECOND * 86_400));
    assert_eq!(LONGEST_DEMAND, SECOND * 3600);
    let (many, one) = (Demand { regular: 3.0, near_end: 5.0 }, Demand { regular: 1.0, near_end: 2.0 });
    assert_eq!(many - one, Demand { regular: 2.0, near_end: 3.0 });
    assert_eq!(many + one, Demand { regular: 4.0, near_end: 7.0 });
}

#[test]
fn a_state_with_a_negative_demand_is_none() {
    let mut state = State::default();
    state.set_demand(SECOND, demand(1, -5.0, 0.0, SECOND * 60));
    assert_eq!(State::parse(&state.to_text()), None);
    assert!(State::parse(&State::default().to_text()).is_some());
}

#[test]
fn demands_that_have_expired_or_lie_too_far_ahead_are_removed() {
    let now = SECOND * 1000;
    let kept = |expires_at: Duration| {
        let mut state = State::default();
        state.demands.push(demand(1, 1.0, 0.0, expires_at));
        state.clamped(now, limit(8, 60)).demands.len()
    };
    let nanosecond = Duration::from_nanos(1);
    let latest = now + LONGEST_DEMAND;
    let before = now.saturating_sub(nanosecond);
    let times = [before, now, now + nanosecond, latest, latest + nanosecond];
    assert_eq!(times.map(kept), [0, 0, 1, 1, 0]);
    // Another process counts until it expires, and no longer.
    let mut state = State::default();
    state.set_demand(SECOND, demand(1, 100.0, 0.0, now));
    state.full_at = now * 2;
    assert!(state.stretch(before, Some(limit(8, 60))) > 1.0);
    assert_eq!(state.stretch(now, Some(limit(8, 60))), 1.0);
    state.set_demand(now, demand(2, 1.0, 0.0, now * 2));
    assert_eq!(state.demands.len(), 1);
}

#[test]
fn a_pause_grows_with_each_further_429_up_to_the_window_and_starts_over_after_a_success() {
    let mut throttle = Throttle::default();
    let window = Some(SECOND * 100);
    let mut now = SECOND * 50;
    let mut pauses = Vec::new();
    for _ in 0..9 {
        throttle.throttled(now, None, window, 0.5);
        pauses.push((throttle.paused_until.saturating_sub(now)).as_secs_f64().round());
        now = throttle.paused_until;
    }
    assert_eq!(pauses, [10.0, 15.0, 23.0, 34.0, 51.0, 76.0, 100.0, 100.0, 100.0]);
    assert!(throttle.would_change(now));
    throttle.accepted(now);
    assert!(!throttle.would_change(now));
    throttle.throttled(now, None, window, 0.5);
    assert_eq!(throttle.paused_until.saturating_sub(now), SECOND * 10);
}

#[test]
fn a_pause_lasts_as_long_as_retry_after_or_has_a_wide_jitter() {
    for (random, retry_after, pause) in
        [(0.0, None, 15), (1.0, None, 45), (0.0, Some(0), 0), (0.0, Some(2), 2), (0.5, Some(7200), 7200)]
    {
        let mut throttle = Throttle::default();
        throttle.throttled(SECOND, retry_after.map(|seconds| SECOND * seconds), None, random);
        assert_eq!(throttle.paused_until, SECOND * (1 + pause), "{random}, {retry_after:?}");
    }
}

#[test]
fn a_retry_after_that_was_too_short_counts_only_for_the_first_429_in_a_row() {
    let mut throttle = Throttle::default();
    let (window, asked) = (Some(SECOND * 100), Some(SECOND));
    let pauses = [0, 1, 2].map(|_| {
        let now = throttle.paused_until.max(SECOND);
        throttle.throttled(now, asked, window, 0.5);
        throttle.paused_until.saturating_sub(now)
    });
    assert_eq!(pauses, [SECOND, SECOND * 15, SECOND.mul_f64(22.5)]);
}

#[test]
fn the_burst_is_used_up_after_a_pause() {
    let (limit, mut state) = (limit(8, 60), State::default());
    state.throttle.throttled(SECOND, Some(SECOND * 20), None, 0.5);
    let resumed = SECOND * 21;
    assert_eq!(state.take(resumed, limit), Ok(()));
    assert_eq!(state.take(resumed, limit), Err(SECOND * 10));
    // A final poll before the deadline ignores the pause.
    let mut state = State::default();
    state.throttle.throttled(SECOND, Some(SECOND * 20), None, 0.5);
    assert_eq!([state.take(SECOND * 2, limit), state.take(SECOND * 2, limit)], [Ok(()), Ok(())]);
}

#[test]
fn times_and_numbers_that_no_limiter_writes_are_corrected() {
    let now = SECOND * 1000;
    let limit = limit(8, 60);
    let mut state = State::default();
    state.throttle.throttled(now, Some(SECOND * 7200), None, 0.5);
    assert_eq!(state.clone().clamped(now, limit), state, "a long Retry-After stays");
    let before = now.saturating_sub(SECOND * 500);
    assert_eq!(state.clone().clamped(before, limit).pause(before), SECOND * 7200, "the clock was set back");
    let throttle = &mut state.throttle;
    (throttle.window, throttle.pause, throttle.stretch) = (Duration::MAX, Duration::MAX, f64::MAX);
    (throttle.paused_until, throttle.relax_at, throttle.stretch_at) = (SECOND, Duration::MAX, Duration::MAX);
    state.full_at = Duration::MAX;
    state.set_demand(now, demand(1, 1.0, 1.0, Duration::MAX));
    let mut state = state.clamped(now, limit);
    assert!(state.take(now, limit).unwrap_err() <= SECOND * 80);
    assert!(state.demands.is_empty());
    state.throttle.throttled(now, None, None, 1.0);
    state.throttle.throttled(state.throttle.paused_until, None, None, 1.0);
    assert!(state.pause(now) < SECOND * 1000 && state.stretch(now, Some(limit)) <= LARGEST_STRETCH);
}

#[test]
fn responses_to_requests_that_were_under_way_count_as_one_429() {
    let mut throttle = Throttle::default();
    throttle.throttled(SECOND, None, None, 0.5);
    let first = throttle.clone();
    throttle.throttled(SECOND * 2, None, None, 0.5);
    assert_eq!(throttle, first);
    // A success that was under way does not end the pause, either.
    throttle.accepted(SECOND * 2);
    assert_eq!(throttle, first);
    throttle.throttled(SECOND * 3, Some(SECOND * 60), None, 0.5);
    assert_eq!((throttle.paused_until, throttle.stretch), (SECOND * 63, first.stretch));
}

#[test]
fn the_stretch_after_a_429_is_halved_after_each_quiet_window() {
    let mut state = State::default();
    assert_eq!(state.stretch(SECOND, None), 1.0);
    for _ in 0..2 {
        let now = state.throttle.stretch_at + SECOND * 10;
        state.throttle.throttled(now, None, Some(SECOND * 100), 0.5);
        state.throttle.accepted(state.throttle.paused_until);
    }
    let quiet = state.throttle.relax_at;
    assert_eq!(state.stretch(quiet.saturating_sub(SECOND), None), 4.0);
    assert_eq!(state.stretch(quiet, None), 2.0);
    assert_eq!(state.stretch(quiet + SECOND * 99, None), 2.0);
    assert_eq!(state.stretch(quiet + SECOND * 100, None), 1.0);
    assert_eq!(state.stretch(quiet + SECOND * 100_000, None), 1.0);
}

#[test]
fn delays_are_stretched_only_where_the_demand_is_larger_than_the_rate_and_the_burst_is_short() {
    // A request in 10 s.
    let (limit, now) = (limit(8, 60), SECOND * 1000);
    let with = |used: u32, regular: f64, near_end: f64| {
        let mut state = State { full_at: now + limit.spacing() * used, ..State::default() };
        state.set_demand(now, demand(1, regular, near_end, now + SECOND));
        state.stretch(now, Some(limit))
    };
    assert_eq!(with(2, 0.04, 0.0), 1.0, "the demand fits");
    assert_eq!(with(0, 8.0, 0.0), 1.0, "the burst is complete");
    assert_eq!(with(1, 8.0, 0.0), 1.0, "half of the burst is left");
    assert!((with(2, 4.0, 0.0) - 100.0).abs() < 1e-6, "0.04 per second are usable");
    // Near an end, delays are stretched by the square root: 0.04 = 0.08 / √4.
    assert!((with(2, 0.0, 0.08) - 4.0).abs() < 1e-6);
}

#[test]
fn the_demand_of_a_process_is_replaced_removed_and_expires() {
    let mut state = State::default();
    state.set_demand(SECOND, demand(1, 1.0, 0.0, SECOND * 10));
    state.set_demand(SECOND, demand(1, 2.0, 0.0, SECOND * 10));
    state.set_demand(SECOND, demand(2, 1.0, 0.0, SECOND * 20));
    assert_eq!(state.demands.len(), 2);
    state.set_demand(SECOND * 11, demand(3, 1.0, 0.0, SECOND * 20));
    assert_eq!(state.demands.iter().map(|demand| demand.process).collect::<Vec<_>>(), [2, 3]);
    state.set_demand(SECOND * 11, demand(2, 0.0, 0.0, SECOND * 20));
    assert_eq!(state.demands.len(), 1);
}

proptest! {
    #[test]
    fn no_window_sees_more_than_the_limit(
        requests in 1..50_u32,
        window in 1..1000_u64,
        gaps in proptest::collection::vec(0.0..3.0_f64, 1..400),
    ) {
        let limit = limit(requests, window);
        let (mut state, mut now, mut taken) = (State::default(), SECOND, Vec::new());
        for gap in gaps {
            now += limit.spacing().mul_f64(gap * gap);
            for _ in 0..3 {
                if state.take(now, limit).is_ok() {
                    taken.push(now);
                }
            }
        }
        for (first, from) in taken.iter().enumerate() {
            let is_within = |at: Duration| at.saturating_sub(*from) < limit.window();
            let within = taken[first..].iter().take_while(|at| is_within(**at)).count();
            prop_assert!(within <= requests as usize, "{} in {:?}", within, limit);
        }
    }

    #[test]
    fn a_state_is_read_as_it_was_written(
        full_at in 0..1_000_000_u64, pause in 0..1000_u64, quarters in 0..256_u32, count in 0..5_u64,
    ) {
        // Numbers with a short binary form survive the conversion to text.
        let stretch = f64::from(quarters) / 4.0;
        let mut state = State { full_at: Duration::from_millis(full_at), ..State::default() };
        state.throttle.pause = Duration::from_millis(pause);
        state.throttle.stretch = stretch;
        state.demands = (0..count).map(|process| demand(process, stretch, 1.0, SECOND)).collect();
        prop_assert_eq!(State::parse(&format!("{}   ", state.to_text())), Some(state));
    }
}
