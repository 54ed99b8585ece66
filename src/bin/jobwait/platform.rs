//! The differences between platforms, but for signals.

#[cfg(unix)]
pub(crate) use self::unix::{check_descriptors, forbid_core_dumps, is_in_foreground, unbuffered};

#[cfg(not(unix))]
pub(crate) use self::other::{check_descriptors, forbid_core_dumps, is_in_foreground, unbuffered};

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io::{self, Write};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use rustix::process::{Resource, Rlimit, getpgrp, setrlimit};

    /// Forbids core dumps, which would contain the secrets in memory. If that fails, the setting of the
    /// system remains.
    pub(crate) fn forbid_core_dumps() {
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }

    /// A writer to the same file as a standard stream, without its buffer, in which text could be left
    /// behind.
    pub(crate) fn unbuffered<T: Write + AsFd + Send + 'static>(stream: T) -> Box<dyn Write + Send> {
        match stream.as_fd().try_clone_to_owned() {
            Ok(file) => Box::new(File::from(file)),
            Err(_) => Box::new(stream),
        }
    }

    /// Returns whether this process is in the foreground of the terminal of its standard error. One that is
    /// not the terminal of its session has no background.
    pub(crate) fn is_in_foreground() -> bool {
        rustix::termios::tcgetpgrp(io::stderr()).map_or(true, |group| group == getpgrp())
    }

    /// Checks that there are enough file descriptors for two runtimes and the signals. Without them, the
    /// runtime would panic.
    ///
    /// # Errors
    ///
    /// The error of the system, such as "Too many open files".
    pub(crate) fn check_descriptors() -> io::Result<()> {
        // A runtime takes three or four, the signals take three. All are open at once, and then closed again.
        (0..5).map(|_| UnixStream::pair()).collect::<io::Result<Vec<_>>>().map(drop)
    }
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
mod other {
    use std::io;

    pub(crate) fn forbid_core_dumps() {}

    pub(crate) fn is_in_foreground() -> bool {
        true
    }

    pub(crate) fn unbuffered<T: io::Write + Send + 'static>(stream: T) -> Box<dyn io::Write + Send> {
        Box::new(stream)
    }

    pub(crate) fn check_descriptors() -> io::Result<()> {
        Ok(())
    }
}
