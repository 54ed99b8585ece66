//! A panic is a defect of this program. What it says may hold what was worked on, and that may be a secret: only where it
//! was is told.

use std::panic;
use std::time::Duration;

use crate::stream::Stream;

/// From now on.
pub(crate) fn tell_only_where(stderr: Stream) {
    panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(|at| format!(" at {at}")).unwrap_or_default();
        stderr.line(&format!(
            "jobwait: a defect of jobwait{place}: how the task is doing is not known; please report this"
        ));
        stderr.finish(Duration::from_millis(20));
    }));
}

/// What the work comes to, or this code where it panics.
pub(crate) fn caught<T>(otherwise: T, work: impl FnOnce() -> T) -> T {
    // Nothing that the work leaves behind is looked at again.
    panic::catch_unwind(panic::AssertUnwindSafe(work)).unwrap_or(otherwise)
}
