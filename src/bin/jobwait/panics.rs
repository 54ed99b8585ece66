//! A panic is a defect of this program. What it says may hold what was worked on, and that may be a secret:
//! only where it was is told.

use std::panic;
use std::time::Duration;

use crate::stream::Stream;

/// From now on. A panic need not be the end: the connection that it broke may be made anew.
pub(crate) fn tell_only_where(stderr: Stream) {
    panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(|at| format!(" at {at}")).unwrap_or_default();
        stderr.line(&format!("jobwait: a defect of jobwait{place}: please report this"));
        stderr.finish(Duration::from_millis(20));
    }));
}

/// What the work comes to, unless it panics.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    // Nothing that the work leaves behind is looked at again.
    panic::catch_unwind(panic::AssertUnwindSafe(work)).ok()
}

/// Ends the work as a panic of the thread that it needs has ended that one.
pub(crate) fn pass_on() -> ! {
    panic::resume_unwind(Box::new("told already"))
}
