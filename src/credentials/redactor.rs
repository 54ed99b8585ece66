//! What takes secrets out of texts that the service sent.

use std::collections::{HashSet, VecDeque};
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

/// Shorter secrets are parts of words; IAM asks for six characters.
const SHORTEST: usize = 6;

/// So many bytes in a row that are a secret's too are no accident: a piece of one, cut or quoted.
const PIECE: usize = 16;

/// How many secrets are remembered: those shown now, and some that were renewed.
const REMEMBERED: usize = 6;

const MASK: &str = "[secret]";

/// The secrets that were shown to somebody, who may send them back.
#[derive(Default)]
pub(super) struct Redactor {
    secrets: VecDeque<(SecretString, HashSet<[u8; PIECE]>)>,
}

/// No secret.
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

    /// The text without these secrets, and without pieces of them.
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
    // Up to where the text is kept or masked already.
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
        // Characters are masked whole.
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
    fn whole_secrets_and_pieces_of_them_are_masked() {
        let redactor = redactor(&[TOKEN, "hunter", "short"]);
        for (text, shown) in [
            ("nothing", "nothing"),
            (TOKEN, "[secret]"),
            ("<hunter> is short", "<[secret]> is short"),
            ("MIIEabcdefghijklmno...", "[secret]..."),
            ("of 磁MIIEabcdefghijkl盘: no", "of 磁[secret]盘: no"),
            ("abcdefghijklmnopqrstuvwxyz%2FABCDEFGHIJKLMNOPQRSTUVWXYZ", "[secret]%2F[secret]"),
            ("abcdefghijklmno", "abcdefghijklmno"),
            ("", ""),
        ] {
            assert_eq!(redactor.redact(text), shown, "{text}");
        }
    }

    #[test]
    fn old_secrets_are_remembered_and_not_without_end() {
        let tokens: Vec<String> = (0..10).map(|n| format!("a-token-of-many-{n}")).collect();
        let redactor = redactor(&tokens.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(redactor.secrets.len(), REMEMBERED);
        assert_eq!(redactor.redact("a-token-of-many-8"), "[secret]");
        assert_eq!(format!("{redactor:?}"), "Redactor of 6");
    }

    proptest! {
        #[test]
        fn no_piece_is_left_and_nothing_else_is_taken(
            before in "[ -~磁盘]{0,30}", start in 0..59_usize, length in 0..60_usize, after in "[ -~磁盘]{0,30}",
        ) {
            let piece = &TOKEN[start..(start + length).min(TOKEN.len())];
            let shown = redactor(&[TOKEN]).redact(&format!("{before}|{piece}|{after}"));
            if piece.len() >= PIECE {
                prop_assert!(!shown.contains(piece), "{shown}");
                prop_assert_eq!(shown, format!("{before}|{MASK}|{after}"));
            } else {
                prop_assert_eq!(shown, format!("{before}|{piece}|{after}"));
            }
        }
    }
}
