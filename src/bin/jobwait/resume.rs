//! The command that resumes a wait. The command line holds no secret, so it is the one that was given.

use std::ffi::OsString;

/// The command line, quoted for a shell.
pub(crate) fn command(words: impl Iterator<Item = OsString>) -> String {
    let words = words.skip(1).map(|word| quoted(&word.to_string_lossy()));
    std::iter::once("jobwait".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_change_them() {
        let words = ["/usr/bin/jobwait", "--endpoint=https://h:1/x", "it's", "", "a b"].map(OsString::from);
        assert_eq!(command(words.into_iter()), r"jobwait --endpoint=https://h:1/x 'it'\''s' '' 'a b'");
    }
}
