//! What only some platforms have. Signals are in `signals`, and the clock that runs on while the machine
//! sleeps in the library.

#[cfg(unix)]
pub(crate) use self::unix::{check_descriptors, forbid_core_dumps};

#[cfg(not(unix))]
pub(crate) use self::other::{check_descriptors, forbid_core_dumps};

#[cfg(unix)]
mod unix {
    use std::io;
    use std::os::unix::net::UnixStream;

    use rustix::process::{Resource, Rlimit, setrlimit};

    /// No core dumps from now on: they would hold the secrets that are in memory. Where it cannot be had, the
    /// system's setting stands.
    pub(crate) fn forbid_core_dumps() {
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }

    /// Tells what is wrong when there are not enough file descriptors for two runtimes and the signals: the
    /// runtime would panic.
    ///
    /// # Errors
    ///
    /// The system's own, such as "Too many open files".
    pub(crate) fn check_descriptors() -> io::Result<()> {
        // They are closed again when all are open. A runtime takes three or four, the signals three.
        (0..5).map(|_| UnixStream::pair()).collect::<io::Result<Vec<_>>>().map(drop)
    }
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "there it can fail")]
mod other {
    use std::io;

    pub(crate) fn forbid_core_dumps() {}

    pub(crate) fn check_descriptors() -> io::Result<()> {
        Ok(())
    }
}
