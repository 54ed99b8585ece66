//! Standard output and standard error, each written by a thread of its own.
//!
//! A stream can block for as long as its reader likes: a terminal after Ctrl-S, a pager, a log collector that
//! hangs. The thread that keeps the time must not wait for it, so it hands its text over, and at the end
//! waits for what is not written yet for a bounded time only.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

/// Bytes that may be waiting. Further ones are lost until the reader reads on: they are progress and logs.
const WAITING: usize = 256 * 1024;

/// A stream that never blocks who writes to it.
#[derive(Clone)]
pub(crate) struct Stream {
    texts: Sender<Text>,
    waiting: Arc<AtomicUsize>,
    /// Starts the thread that writes, at the first text: most waits for a task that has ended say nothing on
    /// standard error.
    start: Arc<Mutex<Option<Start>>>,
}

type Start = Box<dyn FnOnce() + Send>;

enum Text {
    Write(Vec<u8>),
    /// Called once all before it is written.
    Written(Box<dyn FnOnce() + Send>),
}

impl Stream {
    /// A stream into this writer. Where no thread can be had, what is written is lost: the exit code remains.
    pub(crate) fn into(writer: impl Write + Send + 'static) -> Self {
        let (texts, queue) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&waiting);
        let start: Start = Box::new(move || {
            let _ = thread::Builder::new().name("write".into()).spawn(move || serve(writer, &queue, &count));
        });
        Self { texts, waiting, start: Arc::new(Mutex::new(Some(start))) }
    }

    /// A line that may be lost when nobody reads.
    pub(crate) fn line(&self, line: &str) {
        self.text(format!("{line}\n").into_bytes());
    }

    /// A text that may be lost when nobody reads.
    pub(crate) fn text(&self, text: Vec<u8>) {
        if self.waiting.load(Ordering::Relaxed) < WAITING {
            self.keep(text);
        }
    }

    /// A line that waits for its reader, however much there is before it: a result, of which there are few.
    pub(crate) fn result(&self, line: &str) {
        self.keep(format!("{line}\n").into_bytes());
    }

    fn keep(&self, text: Vec<u8>) {
        if let Some(start) = self.start.lock().unwrap_or_else(PoisonError::into_inner).take() {
            start();
        }
        self.waiting.fetch_add(text.len(), Ordering::Relaxed);
        let _ = self.texts.send(Text::Write(text));
    }

    /// Whether nothing was ever to be written.
    fn is_unused(&self) -> bool {
        self.start.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Whether there is something that is not written yet.
    pub(crate) fn is_behind(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Waits until all is written.
    pub(crate) async fn written(&self) {
        let (tell, written) = oneshot::channel();
        let tell = Box::new(move || {
            let _ = tell.send(());
        });
        if !self.is_unused() && self.texts.send(Text::Written(tell)).is_ok() {
            let _ = written.await;
        }
    }

    /// Waits until all is written, and no longer than this. It blocks.
    pub(crate) fn finish(&self, patience: Duration) {
        let (tell, written) = channel();
        let tell = Box::new(move || {
            let _ = tell.send(());
        });
        if !self.is_unused() && self.texts.send(Text::Written(tell)).is_ok() {
            let _ = written.recv_timeout(patience);
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

/// For logs: a record is one write.
impl Write for &Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream that is full or closed changes nothing: how the task ended is told by the exit code.
fn serve(mut writer: impl Write, queue: &Receiver<Text>, waiting: &AtomicUsize) {
    for text in queue {
        match text {
            Text::Write(bytes) => {
                let _ = writer.write_all(&bytes).and_then(|()| writer.flush());
                waiting.fetch_sub(bytes.len(), Ordering::Relaxed);
            }
            Text::Written(tell) => {
                tell();
            }
        }
    }
}
