//! The study as Markdown.

use std::fmt::Write as _;

use crate::Study;
use crate::schedules::{FIXED, JOBWAIT, PLAIN};
use crate::score::{Score, count};
use crate::shapes::{PROMISED, TELLING, shapes};

const BEGIN: &str = "<!-- the study's table: cargo bench --bench schedules -->\n";
const END: &str = "<!-- the end of the study's table -->\n";

/// Returns the table of the README: jobwait against polls every 10 s, with means over the
/// tasks of each shape.
pub(crate) fn brief(study: &Study) -> String {
    let mut text = String::from(
        "| progress | mean polls, and of fixed 10 s | mean lag, and of fixed 10 s | 99 % within | ratio of polls × lag |\n| --- | --- | --- | --- | --- |\n",
    );
    for shape in PROMISED {
        let (ours, fixed) = (study.score(JOBWAIT, shape), study.score(FIXED, shape));
        let _ = writeln!(
            text,
            "| {} | {:.0}, {:.0} | {:.1} s, {:.1} s | {:.1} s | {:.2} |",
            shape.name(),
            ours.polls,
            fixed.polls,
            ours.lag,
            fixed.lag,
            ours.late,
            ours.price() / fixed.price()
        );
    }
    text
}

/// Returns `docs/schedules.md`: all schedules, over the informative shapes together and over each shape.
pub(crate) fn full(study: &Study) -> String {
    let mut text = format!(
        "# Schedules of polls, compared\n\nWritten by `cargo bench --bench schedules`: {} tasks of each shape, from 20 s to 1 h. What is measured, and why, is in \
         [pace.md](pace.md).\n\n![polls against lag](schedules.svg)\n",
        study.tasks
    );
    let _ = writeln!(text, "\n## All shapes that tell together\n");
    head(&mut text);
    for (schedule, _) in &study.rows {
        row(&mut text, schedule.name, &together(study, schedule.name), &together(study, FIXED));
    }
    for shape in shapes() {
        let _ = writeln!(text, "\n## {}\n", shape.name());
        head(&mut text);
        for (schedule, _) in &study.rows {
            row(&mut text, schedule.name, study.score(schedule.name, shape), study.score(FIXED, shape));
        }
    }
    let _ = writeln!(text, "\n`{PLAIN}` has the same delays, and does not look at progress.");
    text
}

/// Returns the mean score over the shapes with progress that predicts the end.
pub(crate) fn together(study: &Study, name: &str) -> Score {
    let scores = TELLING.map(|shape| study.score(name, shape));
    let mean =
        |of: fn(&Score) -> f64| scores.iter().map(|score| of(score)).sum::<f64>() / count(scores.len());
    Score {
        polls: mean(|score| score.polls),
        lag: mean(|score| score.lag),
        late: scores.iter().map(|score| score.late).fold(0.0, f64::max),
        given_up: mean(|score| score.given_up),
    }
}

/// Replaces the table in the text of the README.
pub(crate) fn placed(text: &str, table: &str) -> Result<String, String> {
    let missing = || "the README has no place for the study's table".to_owned();
    let (before, rest) = text.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!("{before}{BEGIN}{table}{END}{after}"))
}

fn head(text: &mut String) {
    text.push_str(
        "| schedule | polls | mean lag, s | 99 % within, s | polls × lag, to fixed 10 s | given up on |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
}

fn row(text: &mut String, name: &str, score: &Score, fixed: &Score) {
    let Score { polls, lag, late, given_up } = score;
    let ratio = score.price() / fixed.price();
    let given_up = given_up * 100.0;
    let _ = writeln!(text, "| {name} | {polls:.1} | {lag:.2} | {late:.1} | {ratio:.2} | {given_up:.0} % |");
}
