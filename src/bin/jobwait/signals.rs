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
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use nix::sys::signal::{SigSet, Signal as Number};
    use rustix::process::{Pid, getppid};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::flag;
    use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
    use tokio::time::Instant;

    use super::Signal;

    /// The same signal again within this time is not a second one: `timeout(1)` sends it to its child and to
    /// the group of the child, and a terminal to the whole group.
    const SAME: Duration = Duration::from_millis(500);

    /// The interval at which it is checked whether the process that started this one has ended.
    const CHECK_PARENT: Duration = Duration::from_millis(100);

    const SIGNALS: [Signal; 3] = [Signal::Hangup, Signal::Interrupt, Signal::Terminate];

    /// The signals that the process receives.
    #[derive(Debug)]
    pub(crate) struct Signals {
        /// The stream of each signal, unless it is ignored.
        streams: [Option<Stream>; 3],
        /// For each signal, whether the next one ends the process at once.
        second: [Arc<AtomicBool>; 3],
        latest: Option<(Signal, Instant)>,
        /// The process that started this one, if its end counts as SIGTERM. It has no number here if it is
        /// outside of the container.
        parent: Parent,
    }

    /// The process that started this one.
    #[derive(Debug, Clone, Copy)]
    enum Parent {
        Ignored,
        /// Its end counts as SIGTERM. It has no number here if it is outside of the container.
        Watched(Option<Pid>),
    }

    impl Signals {
        /// Takes over the signals, inside a tokio runtime and before there are other threads. A signal that
        /// is ignored stays so, as under `nohup` or after a shell's `trap ''`. A signal that is blocked is
        /// unblocked: a launcher that blocks it for itself leaves that to its children by mistake.
        pub(crate) fn listen() -> io::Result<Self> {
            let ignored = ignored();
            let second: [Arc<AtomicBool>; 3] = std::array::from_fn(|_| Arc::default());
            let mut streams = [None, None, None];
            for (at, name) in SIGNALS.into_iter().enumerate() {
                let number = number(name);
                if ignored & (1 << (number - 1)) != 0 {
                    continue;
                }
                // The order matters: the first signal finds its flag down, and raises those of the others.
                flag::register_conditional_shutdown(number, 128 + number, Arc::clone(&second[at]))?;
                for (_, other) in second.iter().enumerate().filter(|(other, _)| *other != at) {
                    flag::register(number, Arc::clone(other))?;
                }
                streams[at] = Some(signal(SignalKind::from_raw(number))?);
            }
            let listened: SigSet = [Number::SIGHUP, Number::SIGINT, Number::SIGTERM].into_iter().collect();
            listened.thread_unblock()?;
            Ok(Self { streams, second, latest: None, parent: Parent::Ignored })
        }

        /// Takes the end of the process that started this one for SIGTERM.
        #[expect(clippy::unnecessary_wraps, reason = "it fails elsewhere")]
        pub(crate) fn end_with_parent(&mut self) -> io::Result<()> {
            self.parent = Parent::Watched(getppid());
            Ok(())
        }

        /// Waits for the next signal. The same one again within half a second is left out.
        pub(crate) async fn next(&mut self) -> Signal {
            loop {
                let signal = self.any().await;
                let now = Instant::now();
                let is_same = self.latest.is_some_and(|(latest, at)| latest == signal && now < at + SAME);
                if is_same {
                    continue;
                }
                self.latest = Some((signal, now));
                let second = SIGNALS.iter().position(|name| *name == signal).map(|at| &self.second[at]);
                if let Some(second) = second.map(Arc::clone) {
                    // Even if nothing waits for signals then.
                    tokio::spawn(async move {
                        tokio::time::sleep(SAME).await;
                        second.store(true, Ordering::Relaxed);
                    });
                }
                return signal;
            }
        }

        async fn any(&mut self) -> Signal {
            async fn received(stream: &mut Option<Stream>) {
                match stream {
                    Some(stream) => _ = stream.recv().await,
                    None => std::future::pending().await,
                }
            }
            let [hangup, interrupt, terminate] = &mut self.streams;
            let ended = async {
                match self.parent {
                    // A process whose parent has ended gets another one.
                    Parent::Watched(parent) => {
                        while getppid() == parent {
                            tokio::time::sleep(CHECK_PARENT).await;
                        }
                    }
                    Parent::Ignored => std::future::pending().await,
                }
            };
            tokio::select! {
                () = received(interrupt) => Signal::Interrupt,
                () = received(terminate) => Signal::Terminate,
                () = received(hangup) => Signal::Hangup,
                () = ended => {
                    self.parent = Parent::Ignored;
                    Signal::Terminate
                }
            }
        }
    }

    fn number(signal: Signal) -> i32 {
        match signal {
            Signal::Hangup => SIGHUP,
            Signal::Interrupt => SIGINT,
            Signal::Terminate => SIGTERM,
        }
    }

    /// Returns the mask of the signals that are ignored. Only Linux shows that without unsafe code.
    /// Elsewhere, every signal ends the wait.
    fn ignored() -> u64 {
        // The capacity lets the file be read in one piece.
        let mut status = String::with_capacity(4096);
        let _ =
            std::fs::File::open("/proc/self/status").and_then(|mut file| file.read_to_string(&mut status));
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
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

        #[expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "it succeeds on Unix")]
        pub(crate) fn end_with_parent(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(crate) async fn next(&mut self) -> Signal {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
            Signal::Interrupt
        }
    }
}
