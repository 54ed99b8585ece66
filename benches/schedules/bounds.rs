//! The documented limits of jobwait's pace, relative to polling the same tasks every 10 s.

use std::fmt::Write as _;

use crate::Study;
use crate::schedules::{FIXED, JOBWAIT, PLAIN};
use crate::score::count;
use crate::shapes::{PREDICTIVE, PROMISED, Shape, shapes};

/// Checks all limits, and returns a line for each.
///
/// # Errors
///
/// The lines of the limits that are exceeded.
pub(crate) fn check(study: &Study) -> Result<String, String> {
    let ratio = |shape| study.score(JOBWAIT, shape).price() / study.score(FIXED, shape).price();
    let mut kept = String::new();
    let mut missed = String::new();
    let mut promise = |what: &str, value: f64, most: f64| {
        let text = if value <= most { &mut kept } else { &mut missed };
        let _ = writeln!(text, "{what}: {value:.2}, at most {most}");
    };

    let ratios = PREDICTIVE.map(ratio);
    let average = ratios.iter().sum::<f64>() / count(ratios.len());
    promise("polls × mean lag where progress is reported, relative to fixed 10 s, on average", average, 0.25);
    for shape in PREDICTIVE {
        promise(&format!("  {}", shape.name()), ratio(shape), 0.5);
    }
    for shape in [Shape::Stuck, Shape::StuckAtTheEnd, Shape::None] {
        promise(&format!("where progress says nothing: {}", shape.name()), ratio(shape), 1.2);
    }
    promise("with an expected duration, right to within a quarter", ratio(Shape::Expected), 0.5);
    for shape in PROMISED {
        let polls = study.score(JOBWAIT, shape).polls / study.score(FIXED, shape).polls;
        promise(&format!("polls relative to fixed 10 s: {}", shape.name()), polls, 1.0);
    }
    for shape in shapes() {
        let polls = study.score(JOBWAIT, shape).polls / (1.3 * study.score(PLAIN, shape).polls + 20.0);
        promise(
            &format!("polls relative to 1.3 times exponential backoff plus 20: {}", shape.name()),
            polls,
            1.0,
        );
    }
    for shape in PREDICTIVE {
        let ours = study.score(JOBWAIT, shape);
        let better = study.rows.iter().filter(|(schedule, _)| schedule.is_peer()).filter(|(schedule, _)| {
            let theirs = study.score(schedule.name, shape);
            theirs.polls <= ours.polls && theirs.lag <= ours.lag
        });
        promise(
            &format!("schedules better in both polls and lag: {}", shape.name()),
            count(better.count()),
            0.0,
        );
    }
    if missed.is_empty() { Ok(kept) } else { Err(format!("exceeded limits:\n{missed}")) }
}
