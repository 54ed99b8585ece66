//! A failure in the form that GitHub Actions shows beside the run and the commit: `::error title=…::…`.

use std::sync::Arc;

use super::{Sink, Summary, wording};
use crate::exit::Ending;
use crate::stream::Stream;

#[derive(Debug)]
pub(super) struct Annotation(pub(super) Stream);

impl Sink for Annotation {
    fn finish(&mut self, summary: &Arc<Summary>) {
        if matches!(summary.ending, Ending::Completed | Ending::Interrupted(_)) {
            return;
        }
        let text = summary.decisive().map(|task| wording::verdict(&task.id, task.ending, &task.verdict));
        let title = format!("jobwait: {}", summary.ending.name());
        self.0.line(&error(&title, &text.unwrap_or_default()));
    }
}

/// Formats a line that GitHub's runner reads.
fn error(title: &str, text: &str) -> String {
    let escaped = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let title = escaped(title).replace(':', "%3A").replace(',', "%2C");
    format!("::error title={title}::{}", escaped(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_the_runner_would_interpret_is_escaped() {
        assert_eq!(error("jobwait: failed", "99 % of it"), "::error title=jobwait%3A failed::99 %25 of it");
        assert_eq!(error("a,b", "c\r\n::warning::d"), "::error title=a%2Cb::c%0D%0A::warning::d");
    }
}
