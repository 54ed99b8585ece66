//! Enough file descriptors to start with.

use std::io;

/// Tells what is wrong when there are not enough of them for two runtimes and the signals: the runtime would panic.
///
/// # Errors
///
/// The system's own, such as "Too many open files".
#[cfg(unix)]
pub(crate) fn check() -> io::Result<()> {
    use std::os::unix::net::UnixStream;

    // They are closed again when all are open. A runtime takes three or four, the signals three.
    (0..5).map(|_| UnixStream::pair()).collect::<io::Result<Vec<_>>>().map(drop)
}

#[cfg(not(unix))]
pub(crate) fn check() -> io::Result<()> {
    Ok(())
}
