//! A failure in the form that a CI system shows beside the run: `::error title=…::…` for GitHub Actions,
//! `##vso[task.logissue type=error]…` for Azure Pipelines.

use std::sync::Arc;

use super::{Sink, Summary, wording};
use crate::exit::Ending;
use crate::options::CiSystem;
use crate::stream::Stream;

#[derive(Debug)]
pub(super) struct Annotation {
    pub(super) stderr: Stream,
    pub(super) system: CiSystem,
}

impl Sink for Annotation {
    fn finish(&mut self, summary: &Arc<Summary>) {
        if matches!(summary.ending, Ending::Completed | Ending::Interrupted(_)) {
            return;
        }
        let text = summary.decisive().map(|task| wording::verdict(&task.id, task.ending, &task.verdict));
        let (title, text) = (format!("jobwait: {}", summary.ending.name()), text.unwrap_or_default());
        self.stderr.line(&match self.system {
            CiSystem::GitHub => github(&title, &text),
            CiSystem::Azure => azure(&title, &text),
        });
    }
}

/// Formats a line that the runner of GitHub reads.
fn github(title: &str, text: &str) -> String {
    let escaped = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let title = escaped(title).replace(':', "%3A").replace(',', "%2C");
    format!("::error title={title}::{}", escaped(text))
}

/// Formats a line that the agent of Azure Pipelines reads. An issue has no title there.
fn azure(title: &str, text: &str) -> String {
    // The agent decodes these everywhere in a command, so that '%' comes first.
    let escapes = [("%", "%AZP25"), ("\r", "%0D"), ("\n", "%0A"), (";", "%3B"), ("]", "%5D")];
    let text = if text.is_empty() { title.to_owned() } else { format!("{title}: {text}") };
    let text = escapes.iter().fold(text, |text, (from, to)| text.replace(from, to));
    format!("##vso[task.logissue type=error]{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_the_runner_of_github_would_interpret_is_escaped() {
        assert_eq!(github("jobwait: failed", "99 % of it"), "::error title=jobwait%3A failed::99 %25 of it");
        assert_eq!(github("a,b", "c\r\n::warning::d"), "::error title=a%2Cb::c%0D%0A::warning::d");
    }

    #[test]
    fn text_that_the_agent_of_azure_would_interpret_is_escaped() {
        assert_eq!(
            azure("jobwait: failed", "99 % of [it]; %0A\r\n"),
            "##vso[task.logissue type=error]jobwait: failed: 99 %AZP25 of [it%5D%3B %AZP250A%0D%0A"
        );
        assert_eq!(azure("jobwait: failed", ""), "##vso[task.logissue type=error]jobwait: failed");
    }
}
