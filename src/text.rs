//! Text from the service, made safe to show on a terminal and in a log.

use std::fmt;

/// Shows `text` with control, bidirectional and invisible characters escaped as `\u{…}`, and cut with `…`
/// after `longest` characters.
///
/// Nothing that it shows can move a cursor, ring a bell, set a clipboard or reorder a line.
#[must_use]
pub fn safe(text: &str, longest: usize) -> Safe<'_> {
    Safe { text, longest }
}

/// Text that is shown safely; see [`safe`].
#[derive(Debug, Clone, Copy)]
pub struct Safe<'a> {
    text: &'a str,
    longest: usize,
}

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;

        for (shown, c) in self.text.chars().enumerate() {
            if shown == self.longest {
                return f.write_char('…');
            }
            match c {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if is_treacherous(c) => write!(f, "{}", c.escape_unicode())?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_in_any_script_is_shown_as_it_is() {
        assert_eq!(safe("磁盘不足 – voilà", 80).to_string(), "磁盘不足 – voilà");
    }

    #[test]
    fn control_and_bidirectional_characters_are_escaped() {
        assert_eq!(
            safe("a\u{1b}]52;c;x\u{7}\r\n\u{9b}\u{202e}b", 80).to_string(),
            r"a\u{1b}]52;c;x\u{7}\r\n\u{9b}\u{202e}b"
        );
    }

    #[test]
    fn long_text_is_cut_after_exactly_the_longest() {
        assert_eq!(safe("abc", 3).to_string(), "abc");
        assert_eq!(safe("abcd", 3).to_string(), "abc…");
    }
}
