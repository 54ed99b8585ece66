//! Text from the service, made safe to show on a terminal and in a log.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// Formats `text` with control, bidirectional and invisible characters escaped as `\u{…}`, and cut with `…`
/// after `longest` characters.
///
/// The result cannot move a cursor, ring a bell, set a clipboard, reorder a line, or be taken as a command by
/// the CI runner that keeps the log.
///
/// ```
/// assert_eq!(jobwait::text::safe("a\u{1b}[2Jb", 80).to_string(), r"a\u{1b}[2Jb");
/// ```
#[must_use]
pub fn safe(text: &str, longest: usize) -> Safe<'_> {
    Safe { text, longest }
}

/// Text that is safe to print; see [`safe`].
#[derive(Debug, Clone, Copy)]
pub struct Safe<'a> {
    text: &'a str,
    longest: usize,
}

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shown, (at, c)) in self.text.char_indices().enumerate() {
            if shown == self.longest {
                return f.write_char('…');
            }
            match c {
                '#' if is_command(&self.text[at..]) => write!(f, "{}", c.escape_unicode())?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if is_invisible(c) => write!(f, "{}", c.escape_unicode())?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Escapes control, bidirectional and invisible characters in the strings of a JSON text as `\uXXXX`. Parsing
/// the result gives the same value; printing it cannot deceive a person.
#[must_use]
pub fn safe_json(json: &str) -> Cow<'_, str> {
    // Outside of strings, JSON consists of ASCII, where line breaks and tabs are harmless.
    let hides = |c: char| is_invisible(c) && !matches!(c, '\n' | '\r' | '\t');
    if !json.contains(hides) && !COMMANDS.iter().any(|command| json.contains(command)) {
        return Cow::Borrowed(json);
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for (at, c) in json.char_indices() {
        if hides(c) || is_command(&json[at..]) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing into a string cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Replaces the escapes of visible ASCII characters in a JSON text: `\/` and `\u0041`, but for the quotation
/// mark and the backslash, which need one. The result has the same meaning.
pub(crate) fn without_needless_escapes(json: &str) -> Cow<'_, str> {
    if !json.contains('\\') {
        return Cow::Borrowed(json);
    }
    let mut plain = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let escape = &rest[at..];
        let hex = escape.strip_prefix("\\u").and_then(|hex| hex.get(..4));
        let code = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
        let visible = code.filter(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\'));
        let length = match visible {
            Some(visible) => {
                plain.push(visible);
                6
            }
            None if escape.starts_with("\\/") => {
                plain.push('/');
                2
            }
            None => {
                // The next character belongs to the escape, even if it is a backslash.
                let length = 1 + escape[1..].chars().next().map_or(0, char::len_utf8);
                plain.push_str(&escape[..length]);
                length
            }
        };
        rest = &escape[length..];
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// The prefixes that the runners of GitHub and Azure take as a command anywhere in a line.
const COMMANDS: [&str; 2] = ["##[", "##vso["];

fn is_command(text: &str) -> bool {
    COMMANDS.iter().any(|command| text.starts_with(command))
}

/// Whether a character cannot be seen, or changes how others are seen.
pub(crate) fn is_invisible(c: char) -> bool {
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
    fn commands_to_a_ci_runner_are_escaped() {
        assert_eq!(safe("a ##[stop]##vso[x] # ## [", 80).to_string(), r"a \u{23}#[stop]\u{23}#vso[x] # ## [");
        assert_eq!(safe_json(r###"{"a": "##[stop] #"}"###), "{\"a\": \"\\u0023#[stop] #\"}");
    }

    #[test]
    fn escaped_json_has_the_same_meaning() {
        let json = "{ \"a\":\t\"\u{9b}1A\u{202e}\u{7f}\u{e0001}磁盘\" }\n";
        let safe = safe_json(json);
        assert_eq!(safe, "{ \"a\":\t\"\\u009b1A\\u202e\\u007f\\udb40\\udc01磁盘\" }\n");
        let read = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(read(&safe), read(json));
        assert!(matches!(safe_json("{\"a\": \"磁盘 \\u202e\"}"), Cow::Borrowed(_)));
    }

    #[test]
    fn needless_escapes_in_json_are_replaced() {
        for (json, plain) in [
            (r#"{"a": "x"}"#, r#"{"a": "x"}"#),
            (r#""\u0043A\/\u003d""#, r#""CA/=""#),
            (r#""\u0022 \u005c \\u0043 \n \u00e4 \u""#, r#""\u0022 \u005c \\u0043 \n \u00e4 \u""#),
            ("\\", "\\"),
            ("\\ä", "\\ä"),
        ] {
            assert_eq!(without_needless_escapes(json), plain);
        }
    }

    #[test]
    fn text_longer_than_the_limit_is_cut_at_the_limit() {
        assert_eq!(safe("abc", 3).to_string(), "abc");
        assert_eq!(safe("abcd", 3).to_string(), "abc…");
    }
}
