//! The removal of secrets from texts of the service.

use std::collections::{HashSet, VecDeque};
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

/// The shortest secret that is removed. Shorter ones could be parts of words, and IAM demands six characters.
const SHORTEST: usize = 6;

/// The number of bytes in a row that identify a piece of a secret, for example one that was cut.
const PIECE: usize = 16;

/// The number of secrets that are remembered: the current ones, and some that were renewed.
const REMEMBERED: usize = 6;

const MASK: &str = "[secret]";

/// The secrets that were sent. A server may send them back.
#[derive(Default)]
pub(super) struct Redactor {
    secrets: VecDeque<(SecretString, HashSet<[u8; PIECE]>)>,
}

/// Shows no secret.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor of {}", self.secrets.len())
    }
}

impl Redactor {
    pub(super) fn learn(&mut self, secret: &SecretString) {
        let text = secret.expose_secret();
        let known = |(known, _): &(SecretString, _)| known.expose_secret() == text;
        if text.len() < SHORTEST || self.secrets.iter().any(known) {
            return;
        }
        let pieces = text.as_bytes().windows(PIECE).filter_map(|piece| piece.try_into().ok()).collect();
        self.secrets.push_front((secret.clone(), pieces));
        self.secrets.truncate(REMEMBERED);
    }

    /// Masks the secrets, and pieces of them, in a text.
    pub(super) fn redact(&self, text: &str) -> String {
        let whole = self
            .secrets
            .iter()
            .fold(text.to_owned(), |text, (secret, _)| text.replace(secret.expose_secret(), MASK));
        self.secrets.iter().fold(whole, |text, (_, pieces)| without_pieces(text, pieces))
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
        assert_eq!(redactor.secrets.len(), REMEMBERED);
        assert_eq!(redactor.redact("a-token-of-many-8"), "[secret]");
        assert_eq!(format!("{redactor:?}"), "Redactor of 6");
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
