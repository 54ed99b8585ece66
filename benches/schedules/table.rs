//! Writes the study as Markdown.

use std::fmt::Write as _;

use crate::Study;
use crate::schedules::{FIXED, JOBWAIT, PLAIN};
use crate::score::{Score, count};
use crate::shapes::{PREDICTIVE, PROMISED, shapes};

const BEGIN: &str = "<!-- written by cargo bench --bench schedules -->\n";
const END: &str = "<!-- end of the written table -->\n";

/// Returns the table of `docs/pace.md`: jobwait and fixed 10 s, each the mean over the tasks of a shape.
pub(crate) fn brief(study: &Study) -> String {
    let mut text = String::from(
        "| progress | polls: jobwait, fixed 10 s | mean lag: jobwait, fixed 10 s | 99 % of lags within | \
         polls × lag, relative to fixed 10 s |\n| --- | --- | --- | --- | --- |\n",
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

/// Returns `docs/schedules.md`: every schedule, over all shapes that report progress together and over each shape.
pub(crate) fn full(study: &Study) -> String {
    let mut text = format!(
        "# Polling schedules compared\n\nWritten by `cargo bench --bench schedules`: {} tasks of each kind, from 20 s to 1 h. \
         [pace.md](pace.md) explains what is measured.\n\n![polls and mean lag](schedules.svg)\n",
        study.tasks
    );
    let _ = writeln!(text, "\n## All kinds that report their progress\n");
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
    let _ = writeln!(text, "\n`{PLAIN}` uses the same delays, but ignores progress.");
    text
}

/// Returns the mean over the shapes that report their progress.
pub(crate) fn together(study: &Study, name: &str) -> Score {
    let scores = PREDICTIVE.map(|shape| study.score(name, shape));
    let mean =
        |of: fn(&Score) -> f64| scores.iter().map(|score| of(score)).sum::<f64>() / count(scores.len());
    Score {
        polls: mean(|score| score.polls),
        lag: mean(|score| score.lag),
        late: scores.iter().map(|score| score.late).fold(0.0, f64::max),
        given_up: mean(|score| score.given_up),
    }
}

/// Returns the text with the table between its markers.
///
/// # Errors
///
/// A marker is missing.
pub(crate) fn placed(text: &str, table: &str) -> Result<String, String> {
    let missing = || "docs/pace.md has no markers for the table".to_owned();
    let (before, rest) = text.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!("{before}{BEGIN}{table}{END}{after}"))
}

fn head(text: &mut String) {
    text.push_str(
        "| schedule | polls | mean lag, s | 99 % of lags within, s | polls × lag, relative to fixed 10 s | gave up |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
}

fn row(text: &mut String, name: &str, score: &Score, fixed: &Score) {
    let Score { polls, lag, late, given_up } = score;
    let ratio = score.price() / fixed.price();
    let given_up = given_up * 100.0;
    let _ = writeln!(text, "| {name} | {polls:.1} | {lag:.2} | {late:.1} | {ratio:.2} | {given_up:.0} % |");
}
