//! JSON on one line, for `jsonl` and logs, with numbers, strings and order unchanged.

/// The deepest nesting. `serde_json` reads 127 levels, and the report nests the job a few levels deep: any
/// reader can parse our output.
const DEEPEST: usize = 120;

/// Removes the white space between the tokens of a valid JSON text.
///
/// # Errors
///
/// When it is nested too deeply, or a string contains half of a surrogate pair. Readers of our output
/// could not parse either.
pub(super) fn one_line(json: &str) -> Result<String, &'static str> {
    let mut out = String::with_capacity(json.len());
    let mut depth = 0_usize;
    let mut rest = json;
    while let Some(c) = rest.chars().next() {
        let token = match c {
            '"' => {
                let literal = &rest[..string_length(rest)];
                if serde_json::from_str::<String>(literal).is_err() {
                    return Err("contains a string that is not Unicode");
                }
                literal
            }
            c => {
                match c {
                    '{' | '[' => depth += 1,
                    '}' | ']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                &rest[..c.len_utf8()]
            }
        };
        if depth > DEEPEST {
            return Err("is nested too deeply");
        }
        if !c.is_ascii_whitespace() {
            out.push_str(token);
        }
        rest = &rest[token.len()..];
    }
    Ok(out)
}

/// Returns the length of the string literal at the start of `text`, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_removed_only_outside_of_strings() {
        assert_eq!(one_line("{ \"a \\\" b\" :\r\n [ 1 , \t\"\\\\\" ] }").unwrap(), r#"{"a \" b":[1,"\\"]}"#);
    }

    /// Covers B6.
    #[test]
    fn half_a_surrogate_pair_is_refused_in_names_and_values() {
        assert!(one_line(r#"{"a": ["\ud83d\ude00"]}"#).is_ok());
        assert!(one_line(r#"{"a": ["\ud83d"]}"#).is_err());
        assert!(one_line(r#"{"\ude00": 1}"#).is_err());
    }

    /// Covers B7.
    #[test]
    fn deep_nesting_is_refused_without_a_deep_stack() {
        assert!(one_line(&format!("{}{}", "[".repeat(120), "]".repeat(120))).is_ok());
        assert!(one_line(&format!("{}{}", "[".repeat(121), "]".repeat(121))).is_err());
        assert!(one_line(&format!("{}{}", "[".repeat(200_000), "]".repeat(200_000))).is_err());
    }
}
