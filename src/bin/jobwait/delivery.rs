//! The delivery of a result: the process stays while the readers of its streams read.

use std::time::Duration;

use jobwait::Clock;

use crate::options::AppendedFile;
use crate::signals::{Signal, Signals};
use crate::stream::Stream;

/// The time in which a reader must take something, or else it is given up.
const SILENCE: Duration = Duration::from_millis(150);

/// The same for standard error, if standard output was given up.
const MOMENT: Duration = Duration::from_millis(50);

/// The longest time for a reader that reads.
const LONGEST_READ: Duration = Duration::from_secs(5);

/// The patience with the reader of standard output.
pub(crate) struct Delivery {
    clock: Clock,
    signals: Signals,
    /// The time from which a silent reader counts as gone: the deadline, or the time of a signal.
    from: Duration,
    /// The signal that came, before the result or since.
    signal: Option<Signal>,
}

impl Delivery {
    pub(crate) fn new(clock: Clock, signals: Signals, deadline: Duration, signal: Option<Signal>) -> Self {
        let now = clock.elapsed();
        let from = if signal.is_some() { now } else { deadline.max(now) };
        Self { clock, signals, from, signal }
    }

    /// Waits until the result is written to standard output, or until its reader is silent, reads for too
    /// long, or a second signal comes. Says on standard error what was not written. The reader of standard
    /// error gets only a moment. Returns the signal that came, if one did.
    pub(crate) async fn finish(
        mut self,
        stdout: &Stream,
        stderr: &Stream,
        files: &[&AppendedFile],
    ) -> Option<Signal> {
        self.written(stdout, SILENCE).await;
        if let Some(fault) = stdout.fault() {
            stderr.message(&format!("cannot write the result to standard output: {fault}"));
        } else if stdout.is_behind() {
            stderr.message("the result on standard output is incomplete: its reader was too slow");
        }
        if let lost @ 1.. = stdout.dropped() {
            stderr
                .message(&format!("{lost} events on standard output were left out: its reader was too slow"));
        }
        for file in files {
            // A file has no reader that may come later.
            self.from = self.from.min(self.clock.elapsed().saturating_add(LONGEST_READ));
            self.written(&file.stream, SILENCE).await;
            if let Some(warning) = file.warning() {
                stderr.message(&warning);
            }
        }
        self.from = self.clock.elapsed();
        let silence = if stdout.is_behind() { MOMENT } else { SILENCE };
        self.written(stderr, silence).await;
        self.signal
    }

    async fn written(&mut self, stream: &Stream, silence: Duration) {
        loop {
            tokio::select! {
                biased;
                () = written(stream, self.clock, self.from, silence) => return,
                signal = self.signals.next() => {
                    if self.signal.replace(signal).is_some() {
                        return;
                    }
                    self.from = self.clock.elapsed();
                }
            }
        }
    }
}

/// Waits until everything is written to the stream, or until its reader takes nothing for the time of
/// `silence` after `from`, or reads for too long.
async fn written(stream: &Stream, clock: Clock, from: Duration, silence: Duration) {
    let end = from.saturating_add(LONGEST_READ);
    let reading = async {
        clock.sleep_until(from).await;
        loop {
            let write = stream.write_under_way();
            clock.sleep_until(clock.elapsed().saturating_add(silence).min(end)).await;
            let is_silent = write.is_some() && stream.write_under_way() == write;
            if is_silent || clock.elapsed() >= end {
                break;
            }
        }
    };
    tokio::select! {
        biased;
        () = stream.written() => {}
        () = reading => {}
    }
}
