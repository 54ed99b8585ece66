//! A token as standard input or a file gives it.
#![no_main]

use jobwait::Credentials;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let trimmed = String::from_utf8_lossy(bytes);
    let trimmed = trimmed.trim();
    let fits = !trimmed.is_empty() && trimmed.bytes().all(|byte| byte.is_ascii_graphic());
    match Credentials::token_from(bytes) {
        Ok(credentials) => {
            assert!(fits);
            // A short one may be a part of the words that are shown.
            assert!(trimmed.len() < 24 || !format!("{credentials:?}").contains(trimmed), "it is shown");
        }
        Err(error) => {
            assert!(!fits || bytes.len() > 1 << 20, "refused: {error}");
            assert!(!error.to_string().contains("CANARY"), "it is repeated: {error}");
        }
    }
});
