//! Tests of the times of polls for single histories of progress, and of the bounds for a million random ones.

#![expect(
    clippy::float_cmp,
    reason = "the values are exact: sums and products of small numbers, or the same expression"
)]

use super::*;

/// A plain exponential pace, which ignores progress.
#[derive(Debug, Clone, Copy)]
struct Plain {
    shortest: f64,
    longest: f64,
    factor: f64,
}

const LONGEST: f64 = 15.0;
const PLAIN: Plain = Plain { shortest: 1.0, longest: LONGEST, factor: 1.5 };

/// Returns the times of the polls of a wait without jitter for a task of this duration.
fn poll_times(expected: Option<f64>, duration: f64, progress: impl FnMut(f64) -> Option<f64>) -> Vec<f64> {
    let mut times = Vec::new();
    follow(PLAIN, expected, duration, progress, |now, _, _| times.push(now));
    times
}

/// Simulates a wait, and calls `record` for each poll with its time, the delay before it, and the delay of
/// the plain pace.
fn follow(
    plain: Plain,
    expected: Option<f64>,
    duration: f64,
    mut progress: impl FnMut(f64) -> Option<f64>,
    mut record: impl FnMut(f64, f64, f64),
) {
    let mut foresight = Foresight::new(expected);
    let (mut now, mut full) = (0.0, plain.shortest);
    record(now, 0.0, 0.0);
    while now < duration {
        let delay = foresight.delay(now, progress(now), full, plain.shortest);
        now += delay;
        record(now, delay, full);
        full = (full * plain.factor).min(plain.longest);
    }
}

/// Returns the number of polls at the plain pace.
fn plain(duration: f64) -> usize {
    poll_times(None, duration, |_| None).len()
}

/// Returns the time from the end of the task to the last poll.
fn lag(poll_times: &[f64], duration: f64) -> f64 {
    poll_times.last().unwrap() - duration
}

/// Even progress in steps of so many percent.
fn steps_of(step: f64, duration: f64) -> impl Fn(f64) -> Option<f64> {
    move |now| Some((100.0 * now / duration / step).floor() * step)
}

#[test]
fn even_progress_shortens_only_the_last_delays() {
    let poll_times = poll_times(None, 600.0, |now| Some(now / 6.0));
    assert!(lag(&poll_times, 600.0) < LONGEST / 8.0, "{poll_times:?}");
    assert!(poll_times.len() <= plain(600.0) + 6, "{}", poll_times.len());
    // Far from the end the delays are the plain ones.
    assert_eq!(poll_times[poll_times.len() / 2] - poll_times[poll_times.len() / 2 - 1], LONGEST);
}

#[test]
fn a_delay_is_a_share_of_the_time_left() {
    let mut foresight = Foresight::new(None);
    assert_eq!(foresight.delay(0.0, Some(0.0), 15.0, 1.0), 15.0);
    // 75 % in 15 s: 5 s are left.
    assert_eq!(foresight.delay(15.0, Some(75.0), 15.0, 1.0), 5.0 * SHARE);
    // Then 5 % in 5 s: at this speed, 20 s are left.
    assert_eq!(foresight.delay(20.0, Some(80.0), 15.0, 1.0), 20.0 * SHARE);
}

#[test]
fn a_coarse_step_is_assumed_midway_between_two_polls() {
    let mut foresight = Foresight::new(None);
    for (now, percent) in [(0.0, 0.0), (10.0, 0.0), (20.0, 50.0)] {
        foresight.delay(now, Some(percent), 15.0, 1.0);
    }
    // The step is assumed at 15 s, and the end at 30 s.
    assert_eq!(foresight.delay(20.0, Some(50.0), 15.0, 1.0), 10.0 * SHARE);
}

#[test]
fn steps_of_twenty_percent_are_enough_for_a_prediction() {
    for duration in [300.0, 900.0, 1080.0, 3600.0] {
        let poll_times = poll_times(None, duration, steps_of(20.0, duration));
        assert!(lag(&poll_times, duration) < 5.0, "{duration}: {}", lag(&poll_times, duration));
    }
}

#[test]
fn a_slow_tail_and_a_late_burst_correct_the_prediction() {
    let tail = |now: f64| Some(if now < 300.0 { now * 0.3 } else { 90.0 + (now - 300.0) / 30.0 });
    let tail = poll_times(None, 600.0, tail);
    assert!(lag(&tail, 600.0) < 3.0 && tail.len() < plain(600.0) + 20, "{tail:?}");
    let burst = |now: f64| Some(if now < 500.0 { now * 0.04 } else { 20.0 + (now - 500.0) * 0.8 });
    let burst = poll_times(None, 600.0, burst);
    assert!(lag(&burst, 600.0) < 3.0 && burst.len() < plain(600.0) + 12, "{burst:?}");
}

#[test]
fn progress_that_stands_still_soon_stops_shortening_delays() {
    // 99 % after five minutes, and no further progress for an hour.
    let stuck = poll_times(None, 3900.0, |now| Some((now * 0.33).min(99.0).floor()));
    assert!(stuck.len() <= plain(3900.0) + 15, "{} for {}", stuck.len(), plain(3900.0));
    let [.., before, last] = stuck[..] else { panic!("fewer than two polls") };
    assert_eq!(last - before, LONGEST);
}

#[test]
fn progress_that_goes_back_starts_the_prediction_over() {
    let mut foresight = Foresight::new(None);
    for (now, percent) in [(0.0, 0.0), (10.0, 90.0)] {
        foresight.delay(now, Some(percent), 15.0, 1.0);
    }
    assert_eq!(foresight.delay(11.0, Some(10.0), 15.0, 1.0), 15.0, "no progress since then");
    // 60 % took 18 s, so the remaining 30 % take 9 s.
    assert_eq!(foresight.delay(29.0, Some(70.0), 15.0, 1.0), 9.0 * SHARE);
}

#[test]
fn progress_that_goes_back_resets_the_time_of_its_standstill() {
    let mut foresight = Foresight::new(None);
    for (now, percent) in [(0.0, 50.0), (10.0, 50.0), (20.0, 10.0)] {
        foresight.delay(now, Some(percent), 15.0, 1.0);
    }
    // 10 % at 20 s and 55 % at 29 s, without the standstill before: 9 s are left.
    assert_eq!(foresight.delay(29.0, Some(55.0), 15.0, 1.0), 9.0 * SHARE);
}

#[test]
fn progress_that_goes_back_by_a_few_percent_does_not_start_over() {
    let mut foresight = Foresight::new(None);
    for (now, percent) in [(0.0, 0.0), (10.0, 50.0), (12.0, 45.0), (14.0, 50.0)] {
        foresight.delay(now, Some(percent), 15.0, 1.0);
    }
    assert_eq!(foresight.moves.len(), 1);
    assert_eq!(foresight.delay(15.0, Some(49.0), 15.0, 1.0), 5.0 * SHARE);
    foresight.delay(16.0, Some(44.9), 15.0, 1.0);
    assert!(foresight.moves.is_empty());
}

#[test]
fn only_whole_percents_count_as_progress() {
    let mut foresight = Foresight::new(None);
    for (now, percent) in [(0.0, 0.0), (10.0, 50.0), (11.0, 50.4), (12.0, 50.9)] {
        foresight.delay(now, Some(percent), 15.0, 1.0);
    }
    assert_eq!(foresight.moves.len(), 1);
    assert_eq!(foresight.still_at, Some(12.0));
}

#[test]
fn the_first_progress_of_a_wait_says_nothing_about_speed() {
    let mut foresight = Foresight::new(None);
    // The task had 40 % for an unknown time. Then it reaches 60 % and 80 %, at 20 % in 100 s.
    for (now, percent) in [(0.0, 40.0), (2.0, 40.0), (4.0, 60.0), (100.0, 60.0), (106.0, 80.0)] {
        foresight.delay(now, Some(percent), 15.0, 1.0);
    }
    // 60 % at 3 s and 80 % at 103 s predict the end at 203 s.
    assert_eq!(foresight.delay(193.0, Some(80.0), 15.0, 1.0), 10.0 * SHARE);
}

#[test]
fn speed_is_measured_over_as_many_percent_as_are_left() {
    let mut foresight = Foresight::new(None);
    for (now, percent) in [(0.0, 0.0), (1.0, 70.0), (2.0, 80.0), (6.0, 85.0)] {
        foresight.delay(now, Some(percent), 15.0, 0.0);
    }
    // 10 % are left, and the last 10 % took 6 s.
    assert_eq!(foresight.delay(8.0, Some(90.0), 15.0, 0.0), 6.0 * SHARE);

    let mut foresight = Foresight::new(None);
    for (now, percent) in [(0.0, 0.0), (1.0, 10.0)] {
        foresight.delay(now, Some(percent), 15.0, 0.0);
    }
    // No poll found 90 % to 95 %, so the move before counts.
    let delay = foresight.delay(101.0, Some(95.0), 15.0, 0.0);
    assert!((delay - 5.0 * 100.0 / 85.0 * SHARE).abs() < 1e-9, "{delay}");
}

#[test]
fn a_delay_that_the_purse_cannot_pay_for_is_not_shortened() {
    let mut foresight = Foresight::new(None);
    foresight.delay(0.0, Some(0.0), 15.0, 7.5);
    // The end is always near: each delay costs half a poll, and a quarter of the other half is gained.
    let delays: Vec<f64> = (1..100).map(|_| foresight.delay(1.0, Some(100.0), 15.0, 7.5)).collect();
    assert_eq!(delays.iter().position(|delay| *delay > 7.5), Some(48), "{delays:?}");
    // Then the gain of each poll pays for the next one: a delay of four fifths costs a fifth, and gains as
    // much.
    assert_eq!(delays[48], 11.25);
    assert!((delays[98] - 12.0).abs() < 1e-9, "{}", delays[98]);
}

#[test]
fn a_delay_is_at_least_an_eighth_of_the_plain_one() {
    let mut foresight = Foresight::new(None);
    foresight.delay(0.0, Some(0.0), 15.0, 0.01);
    assert_eq!(foresight.delay(1.0, Some(100.0), 15.0, 0.01), 15.0 / 8.0);
    assert_eq!(foresight.delay(1.0, Some(100.0), 15.0, 2.0), 2.0);
    assert_eq!(foresight.delay(1.0, Some(100.0), 1.0, 1.0), 1.0);
}

#[test]
fn an_expected_duration_shortens_delays_only_in_its_window() {
    let delay = |now| Foresight::new(Some(120.0)).delay(now, None, 15.0, 1.0);
    let polls_per_second = 1.0 / 15.0 + PURSE / 70.0;
    assert_eq!([delay(60.0), delay(75.0)], [15.0, 15.0]);
    // The window is from 90 s to 160 s. A delay that leads into it ends soon after its start.
    assert!((delay(80.0) - (10.0 + 1.0 / polls_per_second)).abs() < 1e-9, "{}", delay(80.0));
    assert!((delay(90.0) - 1.0 / polls_per_second).abs() < 1e-9, "{}", delay(90.0));
    assert_eq!([delay(160.0), delay(170.0)], [15.0, 15.0]);
    // The window is from 10 s to 17.8 s, and the wait has just started.
    let soon = Foresight::new(Some(40.0 / 3.0)).delay(0.5, None, 15.0, 1.0);
    assert!((9.5..10.5).contains(&soon), "{soon}");
}

#[test]
fn delays_grow_again_while_progress_stands_at_its_end() {
    let mut foresight = Foresight::new(None);
    foresight.delay(0.0, Some(0.0), 15.0, 1.0);
    let delays: Vec<f64> = [100.0, 101.0, 105.0, 110.0, 120.0, 160.0]
        .map(|now| foresight.delay(now, Some(100.0), 15.0, 1.0))
        .to_vec();
    assert_eq!(delays, [15.0 / 8.0, 15.0 / 8.0, 5.0 / 2.0, 10.0 / 2.0, 20.0 / 2.0, 15.0]);
}

#[test]
fn polls_are_dense_around_an_expected_end_and_plain_before_and_after() {
    let poll_times = poll_times(Some(540.0), 1200.0, |_| None);
    let delays: Vec<(f64, f64)> = poll_times.windows(2).map(|pair| (pair[0], pair[1] - pair[0])).collect();
    for &(at, delay) in &delays {
        if (40.0..540.0 * 0.75 - LONGEST).contains(&at) || at > 540.0 / 0.75 {
            assert!((delay - LONGEST).abs() < 1e-9, "{delay} at {at}");
        } else if (540.0 * 0.76..540.0 * 1.25).contains(&at) {
            assert!((15.0 / 8.0..LONGEST * 0.6).contains(&delay), "{delay} at {at}");
        }
    }
    assert!(poll_times.len() >= plain(1200.0) + 10, "{} for {}", poll_times.len(), plain(1200.0));
}

#[test]
fn progress_takes_precedence_over_an_expected_duration() {
    let poll_times = poll_times(Some(300.0), 900.0, |now| Some(now / 9.0));
    assert!(lag(&poll_times, 900.0) < LONGEST / 8.0);
    let around: Vec<_> = poll_times.iter().filter(|at| (225.0..400.0).contains(*at)).collect();
    assert!(around.len() <= 13, "{around:?}");
}

#[test]
fn an_expected_duration_counts_once_the_prediction_from_progress_has_failed() {
    let delay = |expected, now| {
        let mut foresight = Foresight::new(expected);
        for (at, percent) in [(0.0, 0.0), (10.0, 50.0)] {
            foresight.delay(at, Some(percent), 15.0, 1.0);
        }
        foresight.delay(now, Some(50.0), 15.0, 1.0)
    };
    // The predicted end is at 20 s. The expected window starts at 90 s.
    assert_eq!([delay(None, 100.0), delay(Some(120.0), 60.0)], [15.0, 15.0]);
    assert!(delay(Some(120.0), 100.0) < 4.0, "{}", delay(Some(120.0), 100.0));
    // Before the predicted end, the expected duration does not count.
    assert_eq!(delay(Some(14.0), 11.0), 9.0 * SHARE);
}

#[test]
fn extreme_expected_durations_cost_few_polls() {
    for expected in [1e-9, 0.5, 2_592_000.0] {
        let poll_times = poll_times(Some(expected), 600.0, |_| None);
        assert!(poll_times.len() <= plain(600.0) + 20, "{expected}: {}", poll_times.len());
    }
}

#[test]
fn memory_is_bounded_by_the_number_of_percents() {
    let mut foresight = Foresight::new(None);
    for poll in 0..100_000_u32 {
        foresight.delay(f64::from(poll), Some(f64::from(poll) / 1000.0), 15.0, 1.0);
        assert!(foresight.moves.len() <= 100, "{} moves", foresight.moves.len());
    }
}

/// Random progress: it stands still, moves, jumps, goes back, is unknown, or is always about to end.
fn random_progress(random: &mut fastrand::Rng) -> impl FnMut(f64) -> Option<f64> {
    let mut random = random.fork();
    let (still, back, unknown) = (random.f64(), random.f64() * 0.3, random.f64() * 0.2);
    let stride = 0.01 * 10_000_f64.powf(random.f64());
    let is_always_near = random.u8(..8) == 0;
    let mut percent = 0.0;
    move |_| {
        if is_always_near {
            // Half of the rest each time, and sometimes a new start: the end is always near.
            percent = if random.u8(..20) == 0 { 0.0 } else { f64::midpoint(percent, 100.0) };
        } else if random.f64() >= still {
            let sign = if random.f64() < back { -1.0 } else { 1.0 };
            percent = (percent + sign * stride * random.f64()).clamp(0.0, 100.0);
        }
        (random.f64() >= unknown).then_some(percent)
    }
}

/// Checks each delay, and the number of polls. Every tenth history has a random pace.
#[test]
fn a_million_histories_of_progress_keep_the_bounds_of_delays_and_polls() {
    let mut random = fastrand::Rng::with_seed(20_260_818);
    let mut most_expensive = 0.0_f64;
    for history in 0..1_000_000 {
        // From 5 s to an hour, evenly distributed by the logarithm.
        let duration = 5.0 * 720_f64.powf(random.f64());
        let expected = (random.u8(..4) == 0).then(|| duration * 4.0 * random.f64());
        let mut plain = PLAIN;
        if history % 10 == 0 {
            plain.shortest = duration * 0.0001_f64.powf(random.f64());
            plain.longest = plain.shortest * (duration / plain.shortest).powf(random.f64());
            plain.factor = 1.0 + 9.0 * random.f64().powi(3);
            // The default pace already covers waits with very many polls.
            plain.longest = plain.longest.max(duration / 300.0);
        }
        let mut count = 0.0;
        follow(plain, expected, duration, random_progress(&mut random), |now, delay, full| {
            count += 1.0;
            let shortest = plain.shortest.min(full).max(full / 8.0);
            let within = (shortest..=full).contains(&delay);
            assert!(now == 0.0 || within, "{history}: {delay} for {full}");
        });
        let (mut now, mut full, mut without) = (0.0, plain.shortest, 1.0);
        while now < duration {
            without += 1.0;
            now += full;
            full = (full * plain.factor).min(plain.longest);
        }
        most_expensive = most_expensive.max(count - 1.3 * without);
        assert!(
            count <= 1.25 * without + 20.0,
            "{history}: {count} polls, {without} at the plain pace, {plain:?}"
        );
    }
    // Some histories come close to the bound.
    assert!(most_expensive > 10.0, "{most_expensive}");
}
