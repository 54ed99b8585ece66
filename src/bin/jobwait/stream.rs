//! Standard output and standard error, each written by a thread of its own.
//!
//! A stream can block for as long as its reader likes: a terminal after Ctrl-S, a pager, a log collector that hangs.
//! The thread that keeps the time must not wait for it, so it hands its text over, and at the end waits for
//! what is not written yet for a bounded time only.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

/// Bytes that may be waiting. Further ones are lost until the reader reads on: they are progress and logs.
const WAITING: usize = 256 * 1024;

/// A stream that never blocks who writes to it.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    texts: Sender<Text>,
    waiting: Arc<AtomicUsize>,
}

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
        let _ = thread::Builder::new().name("write".into()).spawn(move || serve(writer, &queue, &count));
        Self { texts, waiting }
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
        self.waiting.fetch_add(text.len(), Ordering::Relaxed);
        let _ = self.texts.send(Text::Write(text));
    }

    /// Waits until all is written.
    pub(crate) async fn written(&self) {
        let (tell, written) = oneshot::channel();
        let tell = Box::new(move || {
            let _ = tell.send(());
        });
        if self.texts.send(Text::Written(tell)).is_ok() {
            let _ = written.await;
        }
    }

    /// Waits until all is written, and no longer than this. It blocks.
    pub(crate) fn finish(&self, patience: Duration) {
        let (tell, written) = channel();
        let tell = Box::new(move || {
            let _ = tell.send(());
        });
        if self.texts.send(Text::Written(tell)).is_ok() {
            let _ = written.recv_timeout(patience);
        }
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
                waiting.fetch_sub(bytes.len(), Ordering::Relaxed);
                let _ = writer.write_all(&bytes).and_then(|()| writer.flush());
            }
            Text::Written(tell) => {
                tell();
            }
        }
    }
}
