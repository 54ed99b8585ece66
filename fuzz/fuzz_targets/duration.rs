//! The parser of durations, and their display.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;

#[path = "../../src/bin/jobwait/duration.rs"]
#[allow(unreachable_pub)]
mod duration;

fuzz_target!(|text: &str| {
    const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);
    match duration::any(text) {
        Ok(read) => {
            assert!(read <= LONGEST);
            let shown = duration::brief(read);
            assert!(!shown.is_empty());
            // The displayed text is a valid duration of about the same length.
            let again = duration::any(&shown).expect("the displayed text is a duration");
            assert!(again.abs_diff(read) <= Duration::from_millis(500), "{read:?} is displayed as {shown}");
        }
        Err(error) => assert!(!error.is_empty()),
    }
    assert!(duration::positive(text).is_ok_and(|read| !read.is_zero()) || duration::positive(text).is_err());
    assert!(duration::timeout(text).is_ok() == duration::positive(text).is_ok());
    assert!(duration::interval(text).map_or(true, |read| read >= Duration::from_millis(10)));
});
