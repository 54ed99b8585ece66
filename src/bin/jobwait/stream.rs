//! Standard output and standard error, each written by a thread of its own.
//!
//! A stream can block for as long as its reader likes: a terminal after Ctrl-S, a pager, a log collector that
//! hangs. The thread that keeps the time must not wait for it. It hands its text over, and waits at the end,
//! for a bounded time, until the text is written.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

/// The bytes of progress and logs that may be queued. Further text is dropped until the reader reads on.
const QUEUED: usize = 256 * 1024;

/// A stream that never blocks its writer.
#[derive(Clone)]
pub(crate) struct Stream {
    texts: Sender<Text>,
    queued: Arc<AtomicUsize>,
    /// Starts the thread at the first text. Most waits for a task that has ended write nothing on standard
    /// error.
    start: Arc<Mutex<Option<Start>>>,
}

type Start = Box<dyn FnOnce() + Send>;

enum Text {
    Write(Vec<u8>),
    /// A callback for the time when all earlier text is written.
    Written(Box<dyn FnOnce() + Send>),
}

impl Stream {
    /// A stream to this writer. If no thread can be started, the text is lost and the exit code remains.
    pub(crate) fn to(writer: impl Write + Send + 'static) -> Self {
        let (texts, queue) = channel();
        let queued = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&queued);
        let start: Start = Box::new(move || {
            let _ = thread::Builder::new().name("write".into()).spawn(move || serve(writer, &queue, &count));
        });
        Self { texts, queued, start: Arc::new(Mutex::new(Some(start))) }
    }

    /// Writes a message for people.
    pub(crate) fn message(&self, text: &str) {
        self.line(&format!("jobwait: {text}"));
    }

    /// Writes a line that may be dropped if the reader is slow.
    pub(crate) fn line(&self, line: &str) {
        self.text(format!("{line}\n").into_bytes());
    }

    /// Writes a text that may be dropped if the reader is slow.
    pub(crate) fn text(&self, text: Vec<u8>) {
        if self.queued.load(Ordering::Relaxed) < QUEUED {
            self.keep(text);
        }
    }

    /// Writes a line that is never dropped. There are few of these: the results.
    pub(crate) fn result(&self, line: &str) {
        self.keep(format!("{line}\n").into_bytes());
    }

    fn keep(&self, text: Vec<u8>) {
        if let Some(start) = self.start.lock().unwrap_or_else(PoisonError::into_inner).take() {
            start();
        }
        self.queued.fetch_add(text.len(), Ordering::Relaxed);
        let _ = self.texts.send(Text::Write(text));
    }

    /// Returns whether some text is not written yet.
    pub(crate) fn is_behind(&self) -> bool {
        self.queued.load(Ordering::Relaxed) > 0
    }

    /// Waits until everything is written.
    pub(crate) async fn written(&self) {
        let (done, written) = oneshot::channel();
        if self.when_written(move || _ = done.send(())) {
            let _ = written.await;
        }
    }

    /// Waits until everything is written, but no longer than `patience`. Blocks.
    pub(crate) fn finish(&self, patience: Duration) {
        let (done, written) = channel();
        if self.when_written(move || _ = done.send(())) {
            let _ = written.recv_timeout(patience);
        }
    }

    /// Returns whether `done` will be called. It will not if there is no thread.
    fn when_written(&self, done: impl FnOnce() + Send + 'static) -> bool {
        let has_thread = self.start.lock().unwrap_or_else(PoisonError::into_inner).is_none();
        has_thread && self.texts.send(Text::Written(Box::new(done))).is_ok()
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("queued", &self.queued).finish_non_exhaustive()
    }
}

/// Writes logs, where each record is one write.
impl Write for &Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the queued texts. A stream that is full or closed is ignored, because the exit code is the result.
fn serve(mut writer: impl Write, queue: &Receiver<Text>, queued: &AtomicUsize) {
    for text in queue {
        match text {
            Text::Write(bytes) => {
                let _ = writer.write_all(&bytes).and_then(|()| writer.flush());
                queued.fetch_sub(bytes.len(), Ordering::Relaxed);
            }
            Text::Written(done) => done(),
        }
    }
}
