//! The built binary, as a child process with a cleared environment.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::punctual::{AFTER_A_SIGNAL, AFTER_THE_DEADLINE, slack};
use super::{CANARY, ID, PROJECT, schema};

/// Most processes need less memory than this, in KiB, whatever the server sends: a response of 1 MiB is held a few
/// times over.
const MOST_MEMORY: u64 = 24 * 1024;

/// A process that runs for this long hangs.
const HANGS: Duration = Duration::from_secs(150);

/// The binary, with nothing set in its environment.
pub fn bare() -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobwait"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // No metadata service listens there: the tests never leave this machine.
    command.env("JOBWAIT_METADATA_ADDRESS", "http://127.0.0.1:9");
    // Tests that run at the same time do not share a rate limit.
    command.env("JOBWAIT_RATE_LIMIT_SCOPE", "process");
    Run { command, stdin: None, most_memory: MOST_MEMORY }
}

/// A wait at `endpoint` that polls fast.
pub fn at(endpoint: &str) -> Run {
    bare()
        .env("HW_AUTH_TOKEN", CANARY)
        .env("HW_PROJECT_ID", PROJECT)
        .args(["--endpoint", endpoint, "--interval", "20ms", "--max-interval", "60ms"])
        .arg(ID)
}

/// A wait whose name lookup never returns. None, with a message, without a C compiler.
#[cfg(target_os = "linux")]
pub fn with_a_lookup_that_hangs() -> Option<Run> {
    Some(at("https://jobs.example").env("LD_PRELOAD", lookup()?))
}

/// The same wait on a machine that knows no name of a host, or with the system's name lookup without a C compiler.
pub fn with_unknown_hosts(run: Run) -> Run {
    #[cfg(target_os = "linux")]
    if let Some(library) = lookup() {
        return run.env("LD_PRELOAD", library).env("UNKNOWN_HOSTS", "1");
    }
    run
}

/// The same wait where each host has these addresses, separated by commas. None without a C compiler.
#[cfg(target_os = "linux")]
pub fn with_addresses(run: Run, addresses: &str) -> Option<Run> {
    Some(run.env("LD_PRELOAD", lookup()?).env("LOOKUP_ADDRESSES", addresses))
}

#[cfg(target_os = "linux")]
fn lookup() -> Option<&'static str> {
    static LIBRARY: std::sync::OnceLock<Option<std::path::PathBuf>> = std::sync::OnceLock::new();
    LIBRARY.get_or_init(|| preloaded("lookup")).as_ref()?.to_str()
}

/// The same wait with a wall clock that jumps by this number of seconds, 300 ms after the start. None without a C
/// compiler.
#[cfg(target_os = "linux")]
pub fn with_a_clock_that_jumps(run: Run, seconds: i64) -> Option<Run> {
    static LIBRARY: std::sync::OnceLock<Option<std::path::PathBuf>> = std::sync::OnceLock::new();
    let library = LIBRARY.get_or_init(|| preloaded("jumping_clock"));
    Some(run.env("LD_PRELOAD", library.as_ref()?.to_str().unwrap()).env("JUMP", &seconds.to_string()))
}

/// The same wait with a clock that fails once, 300 ms after the start: the standard library panics. None without a C
/// compiler.
#[cfg(target_os = "linux")]
pub fn with_a_clock_that_breaks(run: Run) -> Option<Run> {
    Some(with_a_clock_that_jumps(run, 0)?.env("BREAK", "1"))
}

/// Builds a library that replaces a part of the system's.
#[cfg(target_os = "linux")]
fn preloaded(name: &str) -> Option<std::path::PathBuf> {
    let library = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("jobwait-{name}-{}.so", std::process::id()));
    let source = format!("{}/tests/support/{name}.c", env!("CARGO_MANIFEST_DIR"));
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).args([&source, "-ldl"]).status();
    let built = built.is_ok_and(|status| status.success());
    if !built {
        println!("skipped: there is no C compiler to build {name}.c");
    }
    built.then_some(library)
}

pub struct Run {
    command: Command,
    stdin: Option<Vec<u8>>,
    most_memory: u64,
}

/// A process that has ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
    /// The largest resident memory that was sampled, in KiB. 0 where the system does not report it.
    pub peak: u64,
}

impl Run {
    pub fn arg(mut self, arg: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub fn args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.command.args(args);
        self
    }

    pub fn each(mut self, args: &[impl AsRef<std::ffi::OsStr>]) -> Self {
        self.command.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn timeout(self, timeout: &str) -> Self {
        self.args(["--timeout", timeout])
    }

    /// Pipes these bytes into standard input.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.command.stdin(Stdio::piped());
        self.stdin = Some(bytes.into());
        self
    }

    /// Allows this many MiB of memory, instead of what one task needs.
    pub fn with_memory(mut self, mib: u64) -> Self {
        self.most_memory = mib * 1024;
        self
    }

    pub fn stdin_from(mut self, from: Stdio) -> Self {
        self.command.stdin(from);
        self
    }

    /// Starts it by another program, such as `nohup`.
    pub fn under(self, program: &str) -> Self {
        self.under_words([program])
    }

    pub fn under_words<'a>(self, words: impl IntoIterator<Item = &'a str>) -> Self {
        let mut words = words.into_iter();
        let mut command = Command::new(words.next().unwrap());
        command.args(words);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.arg(self.command.get_program()).args(self.command.get_args());
        command.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self { command, stdin: self.stdin, most_memory: self.most_memory }
    }

    /// Limits the number of its file descriptors.
    #[cfg(unix)]
    pub fn with_descriptors(self, most: u32) -> Self {
        let limited = format!("ulimit -n {most} && exec \"$@\"");
        self.under_words(["sh", "-c", &limited, "sh"])
    }

    pub fn stdout(mut self, to: Stdio) -> Self {
        self.command.stdout(to);
        self
    }

    pub fn stderr(mut self, to: Stdio) -> Self {
        self.command.stderr(to);
        self
    }

    pub fn start(mut self) -> Running {
        #[cfg(unix)]
        super::punctual::hang_up_children_of_nohup();
        let start = Instant::now();
        let mut child = self.command.spawn().unwrap();
        if let (Some(bytes), Some(mut stdin)) = (self.stdin.take(), child.stdin.take()) {
            thread::spawn(move || stdin.write_all(&bytes));
        }
        let stdout = child.stdout.take().map(reader);
        let stderr = child.stderr.take().map(reader);
        Running { child, start, stdout, stderr, most_memory: self.most_memory }
    }

    pub fn run(self) -> Ended {
        self.start().end()
    }
}

type Reader = thread::JoinHandle<Vec<u8>>;

fn reader(mut from: impl Read + Send + 'static) -> Reader {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        bytes
    })
}

/// A child that runs.
pub struct Running {
    child: Child,
    start: Instant,
    stdout: Option<Reader>,
    stderr: Option<Reader>,
    most_memory: u64,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, such as `TERM`, and returns the time.
    #[cfg(unix)]
    pub fn signal(&self, name: &str) -> Instant {
        use rustix::process::{Pid, Signal, kill_process};

        let signal = match name {
            "CONT" => Signal::CONT,
            "HUP" => Signal::HUP,
            "INT" => Signal::INT,
            "KILL" => Signal::KILL,
            "STOP" => Signal::STOP,
            "TERM" => Signal::TERM,
            _ => panic!("no signal is named {name}"),
        };
        let now = Instant::now();
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        now
    }

    /// Sends a signal, and returns the end that follows within 100 ms.
    #[cfg(unix)]
    #[track_caller]
    pub fn end_by(self, signal: &str) -> Ended {
        self.end_by_within(signal, AFTER_A_SIGNAL)
    }

    /// Sends a signal, and returns the end that follows within this time.
    #[cfg(unix)]
    #[track_caller]
    pub fn end_by_within(self, signal: &str, most: Duration) -> Ended {
        let sent = self.signal(signal);
        let ended = self.end();
        let late = sent.elapsed();
        assert!(late <= most + slack(), "SIG{signal}: {late:?}: {ended:?}");
        ended
    }

    /// Waits until the process handles SIGTERM, and 100 ms more for it to get to its work.
    #[cfg(unix)]
    pub fn handles_signals(self) -> Self {
        if cfg!(target_os = "linux") {
            let status = format!("/proc/{}/status", self.pid());
            super::wait_until("the process handles SIGTERM", || {
                // It may have ended.
                let status = std::fs::read_to_string(&status).unwrap_or_default();
                let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
                let mask = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
                mask.is_none_or(|mask| mask & (1 << 14) != 0)
            });
            thread::sleep(Duration::from_millis(100));
        } else {
            thread::sleep(Duration::from_millis(400));
        }
        self
    }

    /// Waits for the end, and checks what holds for every end: no hang, no panic, no secret, bounded memory.
    pub fn end(mut self) -> Ended {
        let mut peak = 0;
        let status = loop {
            // The peak only grows: sampling it now and then is enough.
            peak = peak_memory(self.pid()).unwrap_or(peak);
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if self.start.elapsed() > HANGS {
                let _ = self.child.kill();
                panic!("it hangs");
            }
            thread::sleep(Duration::from_millis(5));
        };
        let took = self.start.elapsed();
        let text = |reader: Option<Reader>| {
            reader
                .map(|reader| String::from_utf8(reader.join().unwrap()).expect("it prints UTF-8"))
                .unwrap_or_default()
        };
        let (stdout, stderr) = (text(self.stdout.take()), text(self.stderr.take()));
        let ended = Ended { code: status.code(), stdout, stderr, took, peak };
        assert!(peak <= self.most_memory, "it took {peak} KiB: {ended:?}");
        assert!(!ended.stderr.contains(" panicked at "), "{ended:?}");
        let beginning = &CANARY[..10];
        assert!(
            !ended.stdout.contains(beginning) && !ended.stderr.contains(beginning),
            "a secret: {ended:?}"
        );
        assert!(!ended.stderr.contains('\r') && !ended.stderr.contains('\u{1b}'), "control bytes: {ended:?}");
        ended
    }
}

/// The largest resident memory of a process so far, in KiB.
fn peak_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    // Before its new name, a process that has just been started may still have the memory of the test.
    let status = status.strip_prefix("Name:\tjobwait\n")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

impl Ended {
    /// The result on standard output, which fits the published schema.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        let document = self.object();
        schema::result(&document);
        document
    }

    /// The JSON object on standard output.
    pub fn object(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The events on standard output, which fit the published schema.
    #[track_caller]
    pub fn events(&self) -> Vec<serde_json::Value> {
        let read =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        let events: Vec<_> = self.stdout.lines().map(read).collect();
        events.iter().for_each(schema::event);
        events
    }

    /// Asserts the exit code, and a text on either stream.
    #[track_caller]
    pub fn expect(self, code: i32, said: &str) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.stdout.contains(said) || self.stderr.contains(said), "'{said}' is missing: {self:?}");
        self
    }

    /// Asserts an end within 250 ms after a deadline of this number of seconds.
    #[track_caller]
    pub fn within(self, deadline: f64) -> Self {
        let most = Duration::from_secs_f64(deadline) + AFTER_THE_DEADLINE + slack();
        assert!(self.took <= most, "late: {self:?}");
        self
    }
}
