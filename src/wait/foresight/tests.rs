//! Timetables of single histories, and bounds over very many.

#![expect(
    clippy::float_cmp,
    reason = "these are exact: sums and products of small numbers, or the same expression"
)]

use super::*;

/// A pace that is blind to what is known.
#[derive(Debug, Clone, Copy)]
struct Plain {
    shortest: f64,
    longest: f64,
    factor: f64,
}

const LONGEST: f64 = 15.0;
const PLAIN: Plain = Plain { shortest: 1.0, longest: LONGEST, factor: 1.5 };

/// When a wait without jitter looks at a task of this duration, and what the plain exponential would rest each time.
fn looks(expected: Option<f64>, duration: f64, progress: impl FnMut(f64) -> Option<f64>) -> Vec<f64> {
    let mut times = Vec::new();
    follow(PLAIN, expected, duration, progress, |now, _, _| times.push(now));
    times
}

/// Tells of each look when it was, how long it rested before, and how long the plain exponential would have.
fn follow(
    plain: Plain,
    expected: Option<f64>,
    duration: f64,
    mut progress: impl FnMut(f64) -> Option<f64>,
    mut tell: impl FnMut(f64, f64, f64),
) {
    let mut foresight = Foresight::new(expected);
    let (mut now, mut full) = (0.0, plain.shortest);
    tell(now, 0.0, 0.0);
    while now < duration {
        let rest = foresight.delay(now, progress(now), full, plain.shortest);
        now += rest;
        tell(now, rest, full);
        full = (full * plain.factor).min(plain.longest);
    }
}

/// How often the plain exponential looks.
fn plain(duration: f64) -> usize {
    looks(None, duration, |_| None).len()
}

fn lag(looks: &[f64], duration: f64) -> f64 {
    looks.last().unwrap() - duration
}

fn steps_of(step: f64, duration: f64) -> impl Fn(f64) -> Option<f64> {
    move |now| Some((100.0 * now / duration / step).floor() * step)
}

#[test]
fn even_progress_is_met_where_it_ends() {
    let looks = looks(None, 600.0, |now| Some(now / 6.0));
    assert!(lag(&looks, 600.0) < LONGEST / 8.0, "{looks:?}");
    assert!(looks.len() <= plain(600.0) + 6, "{}", looks.len());
    // Far from the end it costs nothing: there the pace is the plain one.
    assert_eq!(looks[looks.len() / 2] - looks[looks.len() / 2 - 1], LONGEST);
}

#[test]
fn the_rest_is_a_share_of_the_time_left() {
    let mut foresight = Foresight::new(None);
    assert_eq!(foresight.delay(0.0, Some(0.0), 15.0, 1.0), 15.0);
    // 75 % in 15 s: 5 s are left.
    assert_eq!(foresight.delay(15.0, Some(75.0), 15.0, 1.0), 5.0 * SHARE);
    // Then 5 % in 5 s, which counts from now on: 20 s are left.
    assert_eq!(foresight.delay(20.0, Some(80.0), 15.0, 1.0), 20.0 * SHARE);
}

#[test]
fn a_coarse_step_is_taken_to_have_been_between_the_looks() {
    let mut foresight = Foresight::new(None);
    for (now, percent) in [(0.0, 0.0), (10.0, 0.0), (20.0, 50.0)] {
        foresight.delay(now, Some(percent), 15.0, 1.0);
    }
    // At 15 s, after 15 s: it should end at 30 s.
    assert_eq!(foresight.delay(20.0, Some(50.0), 15.0, 1.0), 10.0 * SHARE);
}

#[test]
fn steps_of_twenty_percent_are_foreseen_too() {
    for duration in [300.0, 900.0, 1080.0, 3600.0] {
        let looks = looks(None, duration, steps_of(20.0, duration));
        assert!(lag(&looks, duration) < 5.0, "{duration}: {}", lag(&looks, duration));
    }
}

#[test]
fn a_slow_tail_and_a_late_burst_are_noticed() {
    let tail = |now: f64| Some(if now < 300.0 { now * 0.3 } else { 90.0 + (now - 300.0) / 30.0 });
    let tail = looks(None, 600.0, tail);
    assert!(lag(&tail, 600.0) < 3.0 && tail.len() < plain(600.0) + 20, "{tail:?}");
    let burst = |now: f64| Some(if now < 500.0 { now * 0.04 } else { 20.0 + (now - 500.0) * 0.8 });
    let burst = looks(None, 600.0, burst);
    assert!(lag(&burst, 600.0) < 3.0 && burst.len() < plain(600.0) + 12, "{burst:?}");
}

#[test]
fn progress_that_stands_still_is_soon_believed_no_more() {
    // 99 % after five minutes, and then for an hour.
    let stuck = looks(None, 3900.0, |now| Some((now * 0.33).min(99.0).floor()));
    assert!(stuck.len() <= plain(3900.0) + 15, "{} for {}", stuck.len(), plain(3900.0));
    let [.., before, last] = stuck[..] else { panic!("two looks at least") };
    assert_eq!(last - before, LONGEST);
}

#[test]
fn progress_that_goes_back_starts_over() {
    let mut foresight = Foresight::new(None);
    for (now, percent) in [(0.0, 0.0), (10.0, 90.0)] {
        foresight.delay(now, Some(percent), 15.0, 1.0);
    }
    assert_eq!(foresight.delay(11.0, Some(10.0), 15.0, 1.0), 15.0, "nothing moved since");
    // 60 % in 18 s: 30 % take 9 s.
    assert_eq!(foresight.delay(29.0, Some(70.0), 15.0, 1.0), 9.0 * SHARE);
}

#[test]
fn progress_that_goes_back_forgets_how_long_it_stood() {
    let mut foresight = Foresight::new(None);
    for (now, percent) in [(0.0, 50.0), (10.0, 50.0), (20.0, 10.0)] {
        foresight.delay(now, Some(percent), 15.0, 1.0);
    }
    // 10 % at 20 s and 55 % at 29 s, not midway from 10 s on: 9 s are left.
    assert_eq!(foresight.delay(29.0, Some(55.0), 15.0, 1.0), 9.0 * SHARE);
}

#[test]
fn progress_that_wobbles_stands_still() {
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
fn whole_percents_count() {
    let mut foresight = Foresight::new(None);
    for (now, percent) in [(0.0, 0.0), (10.0, 50.0), (11.0, 50.4), (12.0, 50.9)] {
        foresight.delay(now, Some(percent), 15.0, 1.0);
    }
    assert_eq!(foresight.moves.len(), 1);
    assert_eq!(foresight.still_at, Some(12.0));
}

#[test]
fn a_wait_that_begins_late_does_not_take_where_it_begins_for_a_move() {
    let mut foresight = Foresight::new(None);
    // It was at 40 % for long. Then 60 % and 80 % at the pace of 20 % in 100 s.
    for (now, percent) in [(0.0, 40.0), (2.0, 40.0), (4.0, 60.0), (100.0, 60.0), (106.0, 80.0)] {
        foresight.delay(now, Some(percent), 15.0, 1.0);
    }
    // 60 % at 3 s and 80 % at 103 s: the end is at 203 s.
    assert_eq!(foresight.delay(193.0, Some(80.0), 15.0, 1.0), 10.0 * SHARE);
}

#[test]
fn speed_is_taken_from_as_far_back_as_there_is_left_to_go() {
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
    // No look was as late as 90 %: the one before counts.
    let rest = foresight.delay(101.0, Some(95.0), 15.0, 0.0);
    assert!((rest - 5.0 * 100.0 / 85.0 * SHARE).abs() < 1e-9, "{rest}");
}

#[test]
fn what_the_purse_cannot_pay_is_not_shortened() {
    let mut foresight = Foresight::new(None);
    foresight.delay(0.0, Some(0.0), 15.0, 7.5);
    // Always over any moment now: half a look each time, of which a quarter of the other half comes back.
    let rests: Vec<f64> = (1..100).map(|_| foresight.delay(1.0, Some(100.0), 15.0, 7.5)).collect();
    assert_eq!(rests.iter().position(|rest| *rest > 7.5), Some(48), "{rests:?}");
    // Then what each look gains pays for the next: four fifths of a rest cost a fifth, and bring as much.
    assert_eq!(rests[48], 11.25);
    assert!((rests[98] - 12.0).abs() < 1e-9, "{}", rests[98]);
}

#[test]
fn no_rest_is_less_than_an_eighth_of_the_plain_one() {
    let mut foresight = Foresight::new(None);
    foresight.delay(0.0, Some(0.0), 15.0, 0.01);
    assert_eq!(foresight.delay(1.0, Some(100.0), 15.0, 0.01), 15.0 / 8.0);
    assert_eq!(foresight.delay(1.0, Some(100.0), 15.0, 2.0), 2.0);
    assert_eq!(foresight.delay(1.0, Some(100.0), 1.0, 1.0), 1.0);
}

#[test]
fn an_expected_end_is_looked_for_in_its_window_only() {
    let rest = |now| Foresight::new(Some(120.0)).delay(now, None, 15.0, 1.0);
    let looks_a_second = 1.0 / 15.0 + PURSE / 70.0;
    assert_eq!([rest(60.0), rest(75.0)], [15.0, 15.0]);
    // From 90 s to 160 s; a rest that leads into it ends soon after it opens.
    assert!((rest(80.0) - (10.0 + 1.0 / looks_a_second)).abs() < 1e-9, "{}", rest(80.0));
    assert!((rest(90.0) - 1.0 / looks_a_second).abs() < 1e-9, "{}", rest(90.0));
    assert_eq!([rest(160.0), rest(170.0)], [15.0, 15.0]);
    // The window of 10 s to 17.8 s is near though the time has hardly begun.
    let soon = Foresight::new(Some(40.0 / 3.0)).delay(0.5, None, 15.0, 1.0);
    assert!((9.5..10.5).contains(&soon), "{soon}");
}

#[test]
fn progress_at_its_end_is_asked_again_soon_and_then_ever_later() {
    let mut foresight = Foresight::new(None);
    foresight.delay(0.0, Some(0.0), 15.0, 1.0);
    let rests: Vec<f64> = [100.0, 101.0, 105.0, 110.0, 120.0, 160.0]
        .map(|now| foresight.delay(now, Some(100.0), 15.0, 1.0))
        .to_vec();
    assert_eq!(rests, [15.0 / 8.0, 15.0 / 8.0, 5.0 / 2.0, 10.0 / 2.0, 20.0 / 2.0, 15.0]);
}

#[test]
fn an_expected_duration_is_sparse_before_dense_around_and_plain_after() {
    let looks = looks(Some(540.0), 1200.0, |_| None);
    let rests: Vec<(f64, f64)> = looks.windows(2).map(|pair| (pair[0], pair[1] - pair[0])).collect();
    for &(at, rest) in &rests {
        if (40.0..540.0 * 0.75 - LONGEST).contains(&at) || at > 540.0 / 0.75 {
            assert!((rest - LONGEST).abs() < 1e-9, "{rest} at {at}");
        } else if (540.0 * 0.76..540.0 * 1.25).contains(&at) {
            assert!((15.0 / 8.0..LONGEST * 0.6).contains(&rest), "{rest} at {at}");
        }
    }
    assert!(looks.len() >= plain(1200.0) + 10, "{} for {}", looks.len(), plain(1200.0));
}

#[test]
fn progress_that_moves_is_believed_before_what_was_expected() {
    let looks = looks(Some(300.0), 900.0, |now| Some(now / 9.0));
    assert!(lag(&looks, 900.0) < LONGEST / 8.0);
    let around: Vec<_> = looks.iter().filter(|at| (225.0..400.0).contains(*at)).collect();
    assert!(around.len() <= 13, "{around:?}");
}

#[test]
fn progress_that_is_late_leaves_it_to_what_was_expected() {
    let rest = |expected, now| {
        let mut foresight = Foresight::new(expected);
        for (at, percent) in [(0.0, 0.0), (10.0, 50.0)] {
            foresight.delay(at, Some(percent), 15.0, 1.0);
        }
        foresight.delay(now, Some(50.0), 15.0, 1.0)
    };
    // It should have ended at 20 s. It is expected from 90 s on.
    assert_eq!([rest(None, 100.0), rest(Some(120.0), 60.0)], [15.0, 15.0]);
    assert!(rest(Some(120.0), 100.0) < 4.0, "{}", rest(Some(120.0), 100.0));
    // Until then what was expected does not count.
    assert_eq!(rest(Some(14.0), 11.0), 9.0 * SHARE);
}

#[test]
fn what_is_expected_next_to_never_is_no_harm() {
    for expected in [1e-9, 0.5, 2_592_000.0] {
        let looks = looks(Some(expected), 600.0, |_| None);
        assert!(looks.len() <= plain(600.0) + 20, "{expected}: {}", looks.len());
    }
}

#[test]
fn memory_is_bounded_by_percents_not_by_looks() {
    let mut foresight = Foresight::new(None);
    for look in 0..100_000_u32 {
        foresight.delay(f64::from(look), Some(f64::from(look) / 1000.0), 15.0, 1.0);
        assert!(foresight.moves.len() <= 100, "{} moves", foresight.moves.len());
    }
}

/// A task whose progress is as random as a seed makes it: it stands still, moves, jumps, goes back, is unknown, or is
/// always about to end.
fn whims(random: &mut fastrand::Rng) -> impl FnMut(f64) -> Option<f64> {
    let mut random = random.fork();
    let (still, back, unknown) = (random.f64(), random.f64() * 0.3, random.f64() * 0.2);
    let stride = 0.01 * 10_000_f64.powf(random.f64());
    let almost = random.u8(..8) == 0;
    let mut percent = 0.0;
    move |_| {
        if almost {
            // Half of what is left each time, and now and then from the beginning: the end is always near.
            percent = if random.u8(..20) == 0 { 0.0 } else { f64::midpoint(percent, 100.0) };
        } else if random.f64() >= still {
            let sign = if random.f64() < back { -1.0 } else { 1.0 };
            percent = (percent + sign * stride * random.f64()).clamp(0.0, 100.0);
        }
        (random.f64() >= unknown).then_some(percent)
    }
}

/// Every rest within bounds, and the whole within its price: at the defaults, and every tenth time at any other pace.
#[test]
fn no_history_of_progress_in_a_million_makes_a_wait_poll_hot() {
    let mut random = fastrand::Rng::with_seed(20_260_818);
    let mut dearest = 0.0_f64;
    for history in 0..1_000_000 {
        // From 5 s to an hour; short ones are as frequent as long ones, by their logarithm.
        let duration = 5.0 * 720_f64.powf(random.f64());
        let expected = (random.u8(..4) == 0).then(|| duration * 4.0 * random.f64());
        let mut plain = PLAIN;
        if history % 10 == 0 {
            plain.shortest = duration * 0.0001_f64.powf(random.f64());
            plain.longest = plain.shortest * (duration / plain.shortest).powf(random.f64());
            plain.factor = 1.0 + 9.0 * random.f64().powi(3);
            // What lasts for very many looks is tried often enough at the defaults.
            plain.longest = plain.longest.max(duration / 300.0);
        }
        let mut count = 0.0;
        follow(plain, expected, duration, whims(&mut random), |now, rest, full| {
            count += 1.0;
            let least = plain.shortest.min(full).max(full / 8.0);
            let within = (least..=full).contains(&rest);
            assert!(now == 0.0 || within, "{history}: {rest} for {full}");
        });
        let (mut now, mut full, mut without) = (0.0, plain.shortest, 1.0);
        while now < duration {
            without += 1.0;
            now += full;
            full = (full * plain.factor).min(plain.longest);
        }
        dearest = dearest.max(count - 1.3 * without);
        assert!(count <= 1.25 * without + 20.0, "{history}: {count} looks for {without}, {plain:?}");
    }
    // The test is worth something: some histories come close.
    assert!(dearest > 10.0, "{dearest}");
}
