//! The result in files: a Markdown table for people, and the outputs of a step of GitHub Actions.

use std::sync::Arc;

use super::tally::Tally;
use super::{Sink, Summary, wording};
use crate::duration::brief;
use crate::exit::{Ending, TaskEnd};
use crate::stream::Stream;

/// The most rows. GitHub rejects a summary of more than 1 MiB.
const MOST: usize = 200;

/// A Markdown table of the tasks.
#[derive(Debug)]
pub(super) struct Table(pub(super) Stream);

impl Sink for Table {
    fn finish(&mut self, summary: &Arc<Summary>) {
        let summary = Arc::clone(summary);
        self.0.produce(move |text| {
            let Summary { ending, tasks, search, .. } = &*summary;
            text.add(&format!("### jobwait: {}, exit code {}\n\n", ending.name(), ending.code()));
            if tasks.is_empty() {
                let fault = search.as_ref().and_then(|search| search.fault.as_ref());
                let reason = fault.map(|fault| format!(" {}", inert(&wording::complaint(fault))));
                text.add(&format!("No task was waited for.{}\n", reason.unwrap_or_default()));
                return;
            }
            text.add("| Task | Outcome | Name | Duration | Details |\n| --- | --- | --- | --- | --- |\n");
            let mut shown: Vec<&TaskEnd> = tasks.iter().collect();
            if shown.len() > MOST {
                shown.sort_by_key(|task| task.ending == Ending::Completed);
                shown.truncate(MOST);
            }
            for task in &shown {
                text.add(&row(task));
            }
            if tasks.len() > 1 {
                let tally = Tally::of_ended(tasks);
                let rest = tasks.len() - shown.len();
                let rest = if rest > 0 { format!("; {rest} are not shown") } else { String::new() };
                text.add(&format!("\n{tally}{rest}\n"));
            }
        });
    }
}

fn row(TaskEnd { id, ending, verdict }: &TaskEnd) -> String {
    let job = verdict.job();
    let name = job.and_then(wording::subject).unwrap_or_default();
    let state = job.and_then(|job| wording::state(*ending, job));
    let fault = verdict.fault.as_ref().map(wording::complaint);
    let details: Vec<String> = state.into_iter().chain(fault).collect();
    let cells = [
        // An ID consists of letters, digits, '-' and '_'.
        format!("`{id}`"),
        inert(ending.name()),
        inert(&name),
        brief(verdict.elapsed),
        inert(&details.join("; ")),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// Returns Markdown that shows a text of one line as it is, in a cell of a table: no character of it ends the
/// cell, or starts code, emphasis, a link or HTML.
fn inert(text: &str) -> String {
    let mut markdown = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\`*_[]<>&|~$".contains(c) {
            markdown.extend(["&#", &u32::from(c).to_string(), ";"]);
        } else {
            markdown.push(c);
        }
    }
    markdown
}

/// The outputs of a step of GitHub Actions, one per line. None of them contains text of the service, so none
/// can contain the end of a line or of a value.
#[derive(Debug)]
pub(super) struct Outputs(pub(super) Stream);

impl Sink for Outputs {
    fn finish(&mut self, summary: &Arc<Summary>) {
        let ending = summary.ending;
        self.0.produce(move |text| {
            text.add(&format!("outcome={}\nexit-code={}\n", ending.name(), ending.code()));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_markdown_would_interpret_is_inert() {
        assert_eq!(inert("磁盘 at 99.5 %: no (more) space"), "磁盘 at 99.5 %: no (more) space");
        assert_eq!(inert(r"a|b\|`c`"), "a&#124;b&#92;&#124;&#96;c&#96;");
        assert_eq!(inert("<img src=x> &lt;"), "&#60;img src=x&#62; &#38;lt;");
        assert_eq!(
            inert("[a](b) *c* __d__ ~e~ $f$"),
            "&#91;a&#93;(b) &#42;c&#42; &#95;&#95;d&#95;&#95; &#126;e&#126; &#36;f&#36;"
        );
    }
}
