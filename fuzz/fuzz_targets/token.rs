//! The reader of a token from standard input or a file.
#![no_main]

use jobwait::Credentials;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let trimmed = String::from_utf8_lossy(bytes);
    let trimmed = trimmed.trim();
    let is_valid = !trimmed.is_empty() && trimmed.bytes().all(|byte| byte.is_ascii_graphic());
    match Credentials::token_from(bytes) {
        Ok(credentials) => {
            assert!(is_valid);
            // A short token may be part of a word in the text.
            let is_shown = format!("{credentials:?}").contains(trimmed);
            assert!(trimmed.len() < 24 || !is_shown, "the text shows the token");
        }
        Err(error) => {
            assert!(!is_valid || bytes.len() > 1 << 20, "a valid token is refused: {error}");
            assert!(!error.to_string().contains("CANARY"), "the error repeats the token: {error}");
        }
    }
});
