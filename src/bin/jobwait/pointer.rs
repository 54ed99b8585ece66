//! JSON Pointers (RFC 6901), which name a value in a JSON text.

use std::collections::HashMap;
use std::fmt;

use serde_json::value::RawValue;

/// A JSON Pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pointer(String);

impl Pointer {
    /// Parses a pointer.
    ///
    /// # Errors
    ///
    /// The text is not a pointer; the error says why.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if !text.is_empty() && !text.starts_with('/') {
            return Err(format!("expected a JSON Pointer, which starts with '/': /{text}"));
        }
        if text.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1'])) {
            return Err("expected a JSON Pointer, where '~' is written as ~0, and '/' in a name as ~1".into());
        }
        Ok(Self(text.to_owned()))
    }

    /// Finds the value in a JSON text, as it is written there: numbers keep all their digits.
    pub(crate) fn find<'a>(&self, json: &'a str) -> Option<&'a RawValue> {
        let whole = serde_json::from_str(json).ok()?;
        let mut names = self.0.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~"));
        names.try_fold(whole, |value: &RawValue, name| match value.get().as_bytes().first() {
            Some(b'{') => serde_json::from_str::<HashMap<String, &RawValue>>(value.get()).ok()?.remove(&name),
            Some(b'[') => {
                let values = serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()?;
                values.get(index(&name)?).copied()
            }
            _ => None,
        })
    }
}

/// Parses the index of an array: digits without a leading zero.
fn index(name: &str) -> Option<usize> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    name.parse().ok().filter(|_| is_plain)
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn found(json: &str, pointer: &str) -> Option<String> {
        Pointer::parse(pointer).unwrap().find(json).map(|value| value.get().to_owned())
    }

    /// The examples of RFC 6901, section 5.
    #[test]
    fn the_examples_of_the_standard_are_found() {
        let json = r#"{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5,
            "k\"l": 6, " ": 7, "m~n": 8}"#;
        assert_eq!(found(json, "").as_deref(), Some(json));
        for (pointer, value) in [
            ("/foo", r#"["bar", "baz"]"#),
            ("/foo/0", r#""bar""#),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"),
            ("/g|h", "4"),
            (r"/i\j", "5"),
            (r#"/k"l"#, "6"),
            ("/m~0n", "8"),
        ] {
            assert_eq!(found(json, pointer).as_deref(), Some(value), "{pointer}");
        }
    }

    #[test]
    fn a_value_that_is_not_there_is_not_found() {
        let json = r#"{"a": [1, {"b": null}], "c": "text"}"#;
        for pointer in ["/b", "/a/2", "/a/-", "/a/01", "/a/+1", "/a/", "/c/0", "/a/1/b/x", "/~01"] {
            assert_eq!(found(json, pointer), None, "{pointer}");
        }
        assert_eq!(found(json, "/a/1/b").as_deref(), Some("null"));
    }

    #[test]
    fn numbers_of_any_size_are_found_unchanged() {
        let json = r#"{"big": 123456789012345678901234567890, "huge": 1e999, "x": {"same": 1, "same": 2}}"#;
        assert_eq!(found(json, "/big").as_deref(), Some("123456789012345678901234567890"));
        assert_eq!(found(json, "/huge").as_deref(), Some("1e999"));
        assert_eq!(found(json, "/x/same").as_deref(), Some("2"));
    }

    #[test]
    fn other_text_is_no_pointer() {
        for text in ["a", ".a", "$.a", "#/a", "/a~", "/a~2", "/~/a"] {
            assert!(Pointer::parse(text).is_err(), "{text}");
        }
        assert_eq!(Pointer::parse(" /a ").unwrap().to_string(), "/a");
    }
}
