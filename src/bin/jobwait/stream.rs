//! Standard output, standard error and the files of a result, each written by a thread of its own.
//!
//! A stream can block for as long as its reader likes: a terminal after Ctrl-S, a pager, a log collector that
//! hangs. And a result can be large: to format it takes time. The thread that keeps the time does neither. It
//! hands over its text, or a function that produces it, and waits at the end while the reader reads.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::platform;

/// The time for the reader of a last message before the process exits.
pub(crate) const READ: Duration = Duration::from_millis(200);

/// The bytes of progress and logs that may be queued. Further text is dropped until the reader reads on.
const QUEUED: usize = 256 * 1024;

/// The bytes that are written at once. A write returns when the reader has made room for all of them, so
/// small ones show that a slow reader still reads.
const PIECE: usize = 4096;

/// The bytes of a produced text that are collected for a write.
const COLLECTED: usize = 64 * 1024;

/// The time until the next attempt to write to a stream in non-blocking mode.
const NOT_WRITABLE: Duration = Duration::from_millis(1);

/// A stream that never blocks its writer.
#[derive(Clone)]
pub(crate) struct Stream {
    texts: Sender<Text>,
    shared: Arc<Shared>,
}

struct Shared {
    /// The bytes of text that are queued, and the number of texts that are not written yet.
    queued: AtomicUsize,
    texts: AtomicUsize,
    /// The number of texts that were dropped.
    dropped: AtomicUsize,
    /// The number of writes so far, and whether one is under way.
    writes: AtomicU64,
    is_writing: AtomicBool,
    /// The error of the first write that failed.
    fault: OnceLock<String>,
    /// The parts of the thread until it starts, with the first text: most waits for a task that has ended
    /// write nothing on standard error. They stay here if there can be no thread.
    parts: Mutex<Option<Parts>>,
    thread: Mutex<Thread>,
}

/// The thread that writes. If it cannot start, the next text tries again.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Thread {
    NotNeeded,
    None,
    Running,
    #[cfg_attr(not(test), expect(dead_code, reason = "only a test rules out a thread"))]
    Impossible,
}

struct Parts {
    queue: Receiver<Text>,
    writer: Box<dyn Write + Send>,
}

enum Text {
    Bytes(Vec<u8>),
    /// A function that produces the text.
    Produced(Box<dyn FnOnce(&mut Pieces<'_>) + Send>),
    /// A callback for the time when all earlier text is written.
    Written(Box<dyn FnOnce() + Send>),
}

/// A text that is written while it is produced.
pub(crate) struct Pieces<'a> {
    shared: &'a Shared,
    writer: &'a mut dyn Write,
    buffer: Vec<u8>,
}

impl Pieces<'_> {
    /// Adds text.
    pub(crate) fn add(&mut self, text: &str) {
        if self.shared.fault.get().is_some() {
            return;
        }
        self.buffer.extend_from_slice(text.as_bytes());
        if self.buffer.len() >= COLLECTED {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.shared.write(self.writer, &self.buffer);
        self.buffer.clear();
    }
}

impl Shared {
    /// Writes bytes. An error is kept, and later text is not written: a reader must not take a part for the
    /// whole.
    fn write(&self, writer: &mut dyn Write, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE) {
            if self.fault.get().is_some() {
                return;
            }
            self.is_writing.store(true, Ordering::Relaxed);
            if let Err(error) = write_piece(writer, piece) {
                let _ = self.fault.set(error.to_string());
            }
            self.is_writing.store(false, Ordering::Relaxed);
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn handle(&self, writer: &mut dyn Write, text: Text) {
        match text {
            Text::Bytes(bytes) => {
                self.write(writer, &bytes);
                self.queued.fetch_sub(bytes.len(), Ordering::Relaxed);
            }
            Text::Produced(produce) => {
                let mut pieces = Pieces { shared: self, writer, buffer: Vec::new() };
                produce(&mut pieces);
                pieces.flush();
            }
            Text::Written(done) => return done(),
        }
        self.texts.fetch_sub(1, Ordering::Release);
    }

    fn parts(&self) -> MutexGuard<'_, Option<Parts>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes all bytes. Another process may have set the stream to non-blocking mode.
fn write_piece(writer: &mut dyn Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match writer.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(NOT_WRITABLE),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    writer.flush()
}

impl Stream {
    /// Standard output.
    pub(crate) fn stdout() -> Self {
        Self::new(platform::unbuffered(io::stdout()))
    }

    /// Standard error.
    pub(crate) fn stderr() -> Self {
        Self::new(platform::unbuffered(io::stderr()))
    }

    /// A stream to the end of a file, which is opened with the first text.
    pub(crate) fn append_to(path: PathBuf) -> Self {
        Self::new(Box::new(Appender { path, file: None }))
    }

    /// A stream to this writer.
    #[cfg(test)]
    pub(crate) fn to(writer: impl Write + Send + 'static) -> Self {
        Self::new(Box::new(writer))
    }

    fn new(writer: Box<dyn Write + Send>) -> Self {
        let (texts, queue) = channel();
        let parts = Mutex::new(Some(Parts { queue, writer }));
        let shared = Shared {
            queued: AtomicUsize::new(0),
            texts: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            writes: AtomicU64::new(0),
            is_writing: AtomicBool::new(false),
            fault: OnceLock::new(),
            parts,
            thread: Mutex::new(Thread::NotNeeded),
        };
        Self { texts, shared: Arc::new(shared) }
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
        if self.shared.queued.load(Ordering::Relaxed) < QUEUED {
            self.shared.queued.fetch_add(text.len(), Ordering::Relaxed);
            self.send(Text::Bytes(text));
        } else {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The number of texts that were dropped.
    pub(crate) fn dropped(&self) -> usize {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Writes a result that is never dropped. It is produced on the thread of the stream.
    pub(crate) fn produce(&self, produce: impl FnOnce(&mut Pieces<'_>) + Send + 'static) {
        self.send(Text::Produced(Box::new(produce)));
    }

    fn send(&self, text: Text) {
        self.shared.texts.fetch_add(usize::from(!matches!(text, Text::Written(_))), Ordering::Relaxed);
        let is_last = !matches!(text, Text::Bytes(_));
        let _ = self.texts.send(text);
        if !self.start() && is_last {
            // Without a thread, a result is written here. That may block, but it is not lost. Progress can
            // wait for a thread.
            let mut parts = self.shared.parts();
            if let Some(Parts { queue, writer }) = parts.as_mut() {
                for text in queue.try_iter() {
                    self.shared.handle(&mut **writer, text);
                }
            }
        }
    }

    /// Starts the thread, unless it has started, and returns whether there is one.
    fn start(&self) -> bool {
        let mut state = self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, Thread::Running | Thread::Impossible) {
            return *state == Thread::Running;
        }
        let shared = Arc::clone(&self.shared);
        let serve = move || {
            let Some(Parts { queue, mut writer }) = shared.parts().take() else { return };
            for text in &queue {
                shared.handle(&mut *writer, text);
            }
        };
        let started = thread::Builder::new().name("write".into()).spawn(serve).is_ok();
        *state = if started { Thread::Running } else { Thread::None };
        started
    }

    /// Returns whether any text was given to the stream.
    pub(crate) fn has_text(&self) -> bool {
        *self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner) != Thread::NotNeeded
    }

    /// Returns whether some text is not written yet.
    pub(crate) fn is_behind(&self) -> bool {
        self.shared.texts.load(Ordering::Acquire) > 0
    }

    /// The number of the write that is under way. It stays the same while the reader takes nothing. `None`
    /// while text is produced, and when there is none.
    pub(crate) fn write_under_way(&self) -> Option<u64> {
        let writes = self.shared.writes.load(Ordering::Relaxed);
        self.shared.is_writing.load(Ordering::Relaxed).then_some(writes)
    }

    /// The error of the first write that failed.
    pub(crate) fn fault(&self) -> Option<&str> {
        self.shared.fault.get().map(String::as_str)
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

    /// Returns whether `done` will be called. It will not if nothing was ever written.
    fn when_written(&self, done: impl FnOnce() + Send + 'static) -> bool {
        if self.has_text() {
            self.send(Text::Written(Box::new(done)));
        }
        self.has_text()
    }
}

/// A writer to the end of a file. To open one can block: it may be a pipe, or on a network.
struct Appender {
    path: PathBuf,
    file: Option<File>,
}

impl Write for Appender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(file) = &mut self.file {
            return file.write(bytes);
        }
        let mut file = File::options().append(true).create(true).open(&self.path)?;
        // The last line of another program may have no end, and Markdown needs an empty line before a table.
        if file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0) {
            file.write_all(b"\n")?;
        }
        self.file.insert(file).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("texts", &self.shared.texts).finish_non_exhaustive()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn text_beyond_the_queue_is_dropped_and_counted_but_a_result_is_not() {
        let kept = Kept::default();
        let stream = Stream::to(kept.clone());
        // Nothing is written while this is held.
        let blocked = kept.0.lock().unwrap();
        for _ in 0..5 {
            stream.text(vec![b'x'; QUEUED / 4]);
        }
        stream.produce(|text| text.add("result"));
        assert_eq!(stream.dropped(), 1);
        drop(blocked);
        stream.finish(Duration::from_secs(10));
        let written = kept.0.lock().unwrap();
        assert_eq!(written.len(), QUEUED + 6);
        assert!(written.ends_with(b"result"));
    }

    /// Covers E7.
    #[test]
    fn without_a_thread_text_is_written_in_place() {
        let kept = Kept::default();
        let stream = Stream::to(kept.clone());
        *stream.shared.thread.lock().unwrap() = Thread::Impossible;
        stream.message("a");
        stream.produce(|text| text.add("b\n"));
        stream.finish(Duration::ZERO);
        assert_eq!(*kept.0.lock().unwrap(), b"jobwait: a\nb\n");
        assert!(!stream.is_behind());
    }
}
