//! The verdict in the form that GitHub Actions shows beside the run and the commit: `::error title=…::…`.

/// A line that GitHub's runner reads.
pub(super) fn error(title: &str, text: &str) -> String {
    let escaped = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let title = escaped(title).replace(':', "%3A").replace(',', "%2C");
    format!("::error title={title}::{}", escaped(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_runner_would_read_as_its_own_is_escaped() {
        assert_eq!(error("jobwait: failed", "99 % of it"), "::error title=jobwait%3A failed::99 %25 of it");
        assert_eq!(error("a,b", "c\r\n::warning::d"), "::error title=a%2Cb::c%0D%0A::warning::d");
    }
}
