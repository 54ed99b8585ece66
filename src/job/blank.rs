//! Values that say nothing. Pure.

use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};

use crate::text::is_invisible;

/// Returns whether a text has nothing that a person could read: it is invisible, or JSON such as `null`, `0`,
/// `false` and empty containers, which some services send where they have no text.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || is_invisible(c))
        || serde_json::from_str(text).is_ok_and(|Blank(is_blank)| is_blank)
}

/// Whether a JSON value is blank. No tree is built: that of a megabyte of small objects takes a hundred.
struct Blank(bool);

impl<'de> Deserialize<'de> for Blank {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BlankVisitor).map(Self)
    }
}

struct BlankVisitor;

impl<'de> Visitor<'de> for BlankVisitor {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_bool<E>(self, value: bool) -> Result<bool, E> {
        Ok(!value)
    }

    fn visit_i64<E>(self, value: i64) -> Result<bool, E> {
        Ok(value == 0)
    }

    fn visit_u64<E>(self, value: u64) -> Result<bool, E> {
        Ok(value == 0)
    }

    fn visit_f64<E>(self, value: f64) -> Result<bool, E> {
        Ok(value == 0.0)
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        Ok(is_blank(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<bool, A::Error> {
        let mut all = true;
        while let Some(Blank(is_blank)) = parts.next_element()? {
            all &= is_blank;
        }
        Ok(all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<bool, A::Error> {
        let mut all = true;
        while let Some((_, Blank(is_blank))) = fields.next_entry::<serde::de::IgnoredAny, _>()? {
            all &= is_blank;
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_can_read_is_blank() {
        for text in
            ["", " \n", "\u{200b}\u{ad}", "null", "0", "-0.0", "false", "[[], {}]", "\"\"", r#"{"a": [" "]}"#]
        {
            assert!(is_blank(text), "{text}");
        }
        for text in
            ["x", "1", "true", "null and void", r#"{"code": 7}"#, r#"["", "x"]"#, "1e999", "[0", "nil"]
        {
            assert!(!is_blank(text), "{text}");
        }
    }
}
