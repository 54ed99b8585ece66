//! Panics. The text of a panic may contain a secret, so only its location is reported.

use std::panic;
use std::time::Duration;

use crate::stream::Stream;

/// Reports the location of every panic from now on. A panic need not end the process: a connection that it
/// broke may be made again.
pub(crate) fn report_location_only(stderr: Stream) {
    panic::set_hook(Box::new(move |panic| {
        let location = panic.location().map(|location| format!(" at {location}")).unwrap_or_default();
        stderr.message(&format!("internal error{location}: this is a bug in jobwait, please report it"));
        stderr.finish(Duration::from_millis(20));
    }));
}

/// Runs the work, and returns `None` if it panics.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Option<T> {
    // Nothing that the work leaves behind is used again.
    panic::catch_unwind(panic::AssertUnwindSafe(work)).ok()
}

/// Panics because another thread, whose result is needed, has panicked. That panic was already reported.
pub(crate) fn propagate() -> ! {
    panic::resume_unwind(Box::new("already reported"))
}
