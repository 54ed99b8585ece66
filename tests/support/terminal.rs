//! A terminal that a child writes to, and whose screen a test reads.

use std::fs::File;
use std::io::{Read, Write as _};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::child::Run;

const LINES: u16 = 50;

pub struct Terminal {
    columns: u16,
    slave: File,
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<thread::JoinHandle<()>>,
}

impl Terminal {
    pub fn new(columns: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize { ws_row: LINES, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let read = Arc::clone(&bytes);
        let reader = thread::spawn(move || keep(master, &read));
        Self { columns, slave, bytes, reader: Some(reader) }
    }

    /// The child's standard error is this terminal.
    pub fn stderr(&self, run: Run) -> Run {
        run.env("TERM", "xterm-256color").stderr(self.end())
    }

    /// Its standard output too.
    pub fn both(&self, run: Run) -> Run {
        self.stderr(run).stdout(self.end())
    }

    /// Shows a key that was pressed, as a terminal does.
    pub fn echo(&self, text: &str) {
        (&self.slave).write_all(text.as_bytes()).unwrap();
    }

    fn end(&self) -> Stdio {
        self.slave.try_clone().unwrap().into()
    }

    /// The text that was written so far.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    /// All bytes that were written, and the lines of the screen, once the child has ended.
    pub fn bytes(mut self) -> (String, Vec<String>) {
        let Self { columns, slave, bytes, reader } = &mut self;
        // Reading ends when the last writer has closed its end.
        *slave = File::open("/dev/null").unwrap();
        reader.take().unwrap().join().unwrap();
        let bytes = bytes.lock().unwrap().clone();
        let mut screen = vt100::Parser::new(LINES, *columns, 0);
        screen.process(&bytes);
        let lines = screen.screen().contents().lines().map(str::to_owned).collect();
        (String::from_utf8(bytes).unwrap(), lines)
    }
}

fn keep(master: OwnedFd, bytes: &Mutex<Vec<u8>>) {
    let mut master = File::from(master);
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = master.read(&mut buffer) {
        bytes.lock().unwrap().extend(&buffer[..read]);
    }
}
