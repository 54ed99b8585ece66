//! Signals, on each platform.

pub(crate) use self::platform::Signals;

/// A signal that ends a wait. The task is not affected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// The terminal is gone.
    #[cfg_attr(not(unix), expect(dead_code, reason = "only Unix has this signal"))]
    Hangup,
    /// Ctrl-C.
    Interrupt,
    /// A request to end, such as that of `kill`.
    #[cfg_attr(not(unix), expect(dead_code, reason = "only Unix has this signal"))]
    Terminate,
}

impl Signal {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hangup => "SIGHUP",
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// 128 plus the number of the signal, as in a shell.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Hangup => 129,
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

#[cfg(unix)]
mod platform {
    use std::io::{self, Read as _};
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::flag;
    use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

    use super::Signal;

    /// The signals that the process receives.
    #[derive(Debug)]
    pub(crate) struct Signals {
        hangup: Option<Stream>,
        interrupt: Stream,
        terminate: Stream,
    }

    impl Signals {
        /// Takes over the signals, inside a tokio runtime. The second one ends the process at once.
        pub(crate) fn listen() -> io::Result<Self> {
            let second = Arc::new(AtomicBool::new(false));
            let listen = |number: i32| {
                // The order matters: the first signal finds the flag down and raises it for the second.
                flag::register_conditional_shutdown(number, 128 + number, Arc::clone(&second))?;
                flag::register(number, Arc::clone(&second))?;
                signal(SignalKind::from_raw(number))
            };
            Ok(Self {
                hangup: if hangups_are_ignored() { None } else { Some(listen(SIGHUP)?) },
                interrupt: listen(SIGINT)?,
                terminate: listen(SIGTERM)?,
            })
        }

        /// Waits for the next signal.
        pub(crate) async fn next(&mut self) -> Signal {
            let hangup = async {
                match &mut self.hangup {
                    Some(stream) => stream.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = self.interrupt.recv() => Signal::Interrupt,
                _ = self.terminate.recv() => Signal::Terminate,
                _ = hangup => Signal::Hangup,
            }
        }
    }

    /// Returns whether hangups are ignored, as under `nohup`, where the wait is meant to outlive its
    /// terminal. Only Linux shows that without unsafe code. Elsewhere a hangup ends the wait.
    fn hangups_are_ignored() -> bool {
        // The capacity lets the file be read in one piece.
        let mut status = String::with_capacity(4096);
        let _ =
            std::fs::File::open("/proc/self/status").and_then(|mut file| file.read_to_string(&mut status));
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask & (1 << (SIGHUP - 1)) != 0)
    }
}

#[cfg(not(unix))]
mod platform {
    use std::io;

    use super::Signal;

    /// Ctrl-C is the only signal. Tokio takes it over at the first wait for it.
    #[derive(Debug)]
    pub(crate) struct Signals;

    impl Signals {
        #[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
        pub(crate) fn listen() -> io::Result<Self> {
            Ok(Self)
        }

        pub(crate) async fn next(&mut self) -> Signal {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
            Signal::Interrupt
        }
    }
}
