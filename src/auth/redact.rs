//! The removal of secrets from texts of the service.

use std::collections::{HashSet, VecDeque};
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

/// The shortest secret that is removed. Shorter ones could be parts of words, and IAM demands six characters.
const SHORTEST: usize = 6;

/// The number of bytes in a row that identify a piece of a secret, for example one that was cut.
const PIECE: usize = 16;

/// The number of renewed secrets that are remembered. Those that a user has configured are never forgotten.
const REMEMBERED: usize = 6;

const MASK: &str = "[secret]";

/// The secrets that were sent. A server may send them back.
#[derive(Default)]
pub(super) struct Redactor {
    kept: Vec<Known>,
    renewed: VecDeque<Known>,
}

/// A secret, and its pieces.
type Known = (SecretString, HashSet<[u8; PIECE]>);

/// Shows no secret.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor of {}", self.kept.len() + self.renewed.len())
    }
}

impl Redactor {
    /// Learns a secret that is renewed.
    pub(super) fn learn(&mut self, secret: &SecretString) {
        for known in self.unknown_forms(secret) {
            self.renewed.push_front(known);
        }
        self.renewed.truncate(REMEMBERED);
    }

    /// Learns a secret that stays the same, such as a password.
    pub(super) fn keep(&mut self, secret: &SecretString) {
        let known = self.unknown_forms(secret);
        self.kept.extend(known);
    }

    /// Returns the forms of a secret that are unknown: as it is, and as it is in JSON.
    fn unknown_forms(&self, secret: &SecretString) -> Vec<Known> {
        let text = secret.expose_secret();
        let quoted = serde_json::to_string(text).unwrap_or_default();
        let in_json = quoted.trim_start_matches('"').strip_suffix('"').unwrap_or_default();
        let mut forms = vec![text];
        forms.extend(Some(in_json).filter(|form| *form != text));
        forms.retain(|form| {
            let is_known = self.all().any(|(known, _)| known.expose_secret() == *form);
            form.len() >= SHORTEST && !is_known
        });
        let pieces = |text: &str| -> HashSet<[u8; PIECE]> {
            text.as_bytes().windows(PIECE).filter_map(|piece| piece.try_into().ok()).collect()
        };
        forms.into_iter().map(|form| (SecretString::from(form), pieces(form))).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Known> {
        self.kept.iter().chain(&self.renewed)
    }

    /// Masks the secrets, and pieces of them, in a text.
    pub(super) fn redact(&self, text: &str) -> String {
        let whole = self.all().fold(text.to_owned(), |text, (secret, _)| {
            let secret = secret.expose_secret();
            // Texts can be long: a copy costs more than a search.
            if text.contains(secret) { text.replace(secret, MASK) } else { text }
        });
        self.all().fold(whole, |text, (_, pieces)| without_pieces(text, pieces))
    }
}

fn without_pieces(text: String, pieces: &HashSet<[u8; PIECE]>) -> String {
    let mut masked = String::new();
    // The end of the text that is already copied or masked.
    let mut done = 0;
    let mut at = 0;
    let bytes = text.as_bytes();
    let is_piece = |at: usize| bytes.get(at..at + PIECE).is_some_and(|piece| pieces.contains(piece));
    while at + PIECE <= bytes.len() {
        if !is_piece(at) {
            at += 1;
            continue;
        }
        let mut end = at + PIECE;
        while is_piece(end + 1 - PIECE) {
            end += 1;
        }
        // Only whole characters can be masked.
        let start = (0..=at).rev().find(|&start| text.is_char_boundary(start)).unwrap_or(0);
        let end = (end..=text.len()).find(|&end| text.is_char_boundary(end)).unwrap_or(text.len());
        masked.push_str(&text[done..start.max(done)]);
        masked.push_str(MASK);
        (done, at) = (end, end);
    }
    if done == 0 {
        return text;
    }
    masked.push_str(&text[done..]);
    masked
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        let mut redactor = Redactor::default();
        for secret in secrets {
            redactor.learn(&(*secret).to_owned().into());
        }
        redactor
    }

    const TOKEN: &str = "MIIEabcdefghijklmnopqrstuvwxyz/ABCDEFGHIJKLMNOPQRSTUVWXYZ==";

    #[test]
    fn secrets_and_pieces_of_secrets_are_masked() {
        let redactor = redactor(&[TOKEN, "hunter", "short"]);
        for (text, redacted) in [
            ("nothing", "nothing"),
            (TOKEN, "[secret]"),
            ("<hunter> is short", "<[secret]> is short"),
            ("MIIEabcdefghijklmno...", "[secret]..."),
            ("of 磁MIIEabcdefghijkl盘: no", "of 磁[secret]盘: no"),
            ("abcdefghijklmnopqrstuvwxyz%2FABCDEFGHIJKLMNOPQRSTUVWXYZ", "[secret]%2F[secret]"),
            ("abcdefghijklmno", "abcdefghijklmno"),
            ("", ""),
        ] {
            assert_eq!(redactor.redact(text), redacted, "{text}");
        }
    }

    #[test]
    fn only_a_bounded_number_of_secrets_is_remembered() {
        let tokens: Vec<String> = (0..10).map(|n| format!("a-token-of-many-{n}")).collect();
        let redactor = redactor(&tokens.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(redactor.renewed.len(), REMEMBERED);
        assert_eq!(redactor.redact("a-token-of-many-8"), "[secret]");
        assert_eq!(format!("{redactor:?}"), "Redactor of 6");
    }

    #[test]
    fn a_secret_that_stays_the_same_is_never_forgotten() {
        let mut redactor = Redactor::default();
        redactor.keep(&"the-password".into());
        (0..10).for_each(|n| redactor.learn(&format!("a-token-of-many-{n}").into()));
        assert_eq!(redactor.redact("<the-password>"), "<[secret]>");
        redactor.keep(&"pass\"word\\".into());
        assert_eq!(redactor.redact(r#"{"a": "pass\"word\\"}"#), r#"{"a": "[secret]"}"#);
    }

    proptest! {
        #[test]
        fn pieces_are_masked_and_nothing_else(
            before in "[ -~磁盘]{0,30}", start in 0..59_usize, length in 0..60_usize, after in "[ -~磁盘]{0,30}",
        ) {
            let piece = &TOKEN[start..(start + length).min(TOKEN.len())];
            let redacted = redactor(&[TOKEN]).redact(&format!("{before}|{piece}|{after}"));
            if piece.len() >= PIECE {
                prop_assert!(!redacted.contains(piece), "{redacted}");
                prop_assert_eq!(redacted, format!("{before}|{MASK}|{after}"));
            } else {
                prop_assert_eq!(redacted, format!("{before}|{piece}|{after}"));
            }
        }
    }
}
