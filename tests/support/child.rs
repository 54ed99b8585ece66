//! The built binary, as a child process with a cleared environment.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{CANARY, ID, PROJECT, schema};

/// How late after its deadline a process may end.
pub const LATE: Duration = Duration::from_millis(250);

/// How much memory a process may have, in KiB, whatever comes from outside: an answer of 1 MiB is held some times over.
const MOST_MEMORY: u64 = 24 * 1024;

/// The binary, with nothing set.
pub fn bare() -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobwait"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Nobody listens there: no test leaves this machine.
    command.env("JOBWAIT_METADATA_ADDRESS", "http://127.0.0.1:9");
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

/// A wait whose name lookup never answers. None where no C compiler is at hand, which is said.
#[cfg(target_os = "linux")]
pub fn with_a_lookup_that_hangs() -> Option<Run> {
    static LIBRARY: std::sync::OnceLock<Option<std::path::PathBuf>> = std::sync::OnceLock::new();
    let library = LIBRARY.get_or_init(|| preloaded("slow_lookup"));
    Some(at("https://jobs.example").env("LD_PRELOAD", library.as_ref()?.to_str().unwrap()))
}

/// This wait with a wall clock that jumps by so many seconds, 300 ms after its start. None as above.
#[cfg(target_os = "linux")]
pub fn with_a_clock_that_jumps(run: Run, seconds: i64) -> Option<Run> {
    static LIBRARY: std::sync::OnceLock<Option<std::path::PathBuf>> = std::sync::OnceLock::new();
    let library = LIBRARY.get_or_init(|| preloaded("jumping_clock"));
    Some(run.env("LD_PRELOAD", library.as_ref()?.to_str().unwrap()).env("JUMP", &seconds.to_string()))
}

/// This wait with a clock that fails once, 300 ms after its start: the standard library panics. None as above.
#[cfg(target_os = "linux")]
pub fn with_a_clock_that_breaks(run: Run) -> Option<Run> {
    Some(with_a_clock_that_jumps(run, 0)?.env("BREAK", "1"))
}

/// A library that takes the place of a part of the system's.
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

/// How it went.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
    /// The most memory that was resident, in KiB, as far as it was seen. 0 where that cannot be told.
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

    /// What it reads on standard input.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.command.stdin(Stdio::piped());
        self.stdin = Some(bytes.into());
        self
    }

    /// It may have so many MiB of memory, instead of what one task needs.
    pub fn with_memory(mut self, mib: u64) -> Self {
        self.most_memory = mib * 1024;
        self
    }

    pub fn stdin_from(mut self, from: Stdio) -> Self {
        self.command.stdin(from);
        self
    }

    /// Started by another program, such as `nohup`.
    pub fn under(self, program: &str) -> Self {
        self.under_words([program])
    }

    fn under_words<'a>(self, words: impl IntoIterator<Item = &'a str>) -> Self {
        let mut words = words.into_iter();
        let mut command = Command::new(words.next().unwrap());
        command.args(words);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.arg(self.command.get_program()).args(self.command.get_args());
        command.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self { command, stdin: self.stdin, most_memory: self.most_memory }
    }

    /// With no more than so many file descriptors.
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

    /// Sends it a signal by name, such as `TERM`.
    pub fn signal(&self, name: &str) -> Instant {
        let now = Instant::now();
        let status =
            Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().unwrap();
        assert!(status.success());
        now
    }

    /// Waits for its end, and checks what holds for every end: no panic, no secret.
    pub fn end(mut self) -> Ended {
        let mut peak = 0;
        let status = loop {
            // It only grows, so that it is enough to look now and then.
            peak = peak_memory(self.pid()).unwrap_or(peak);
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if self.start.elapsed() > Duration::from_secs(60) {
                let _ = self.child.kill();
                panic!("it hangs");
            }
            thread::sleep(Duration::from_millis(2));
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
        assert!(!ended.stderr.contains("panicked"), "{ended:?}");
        let beginning = &CANARY[..10];
        assert!(
            !ended.stdout.contains(beginning) && !ended.stderr.contains(beginning),
            "a secret: {ended:?}"
        );
        assert!(!ended.stderr.contains('\r') && !ended.stderr.contains('\u{1b}'), "control bytes: {ended:?}");
        ended
    }
}

/// How much memory of a process has been resident at the most, in KiB.
fn peak_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

impl Ended {
    /// Its result, which fits the published schema.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        let document = self.object();
        schema::result(&document);
        document
    }

    /// What it printed, if that is one JSON object.
    pub fn object(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Its events, which fit the published schema.
    #[track_caller]
    pub fn events(&self) -> Vec<serde_json::Value> {
        let read =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        let events: Vec<_> = self.stdout.lines().map(read).collect();
        events.iter().for_each(schema::event);
        events
    }

    /// It exited with this code, and said this.
    #[track_caller]
    pub fn expect(self, code: i32, said: &str) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.stdout.contains(said) || self.stderr.contains(said), "'{said}' is missing: {self:?}");
        self
    }

    /// It ended no later than it may after a deadline of so many seconds.
    #[track_caller]
    pub fn within(self, deadline: f64) -> Self {
        assert!(self.took <= Duration::from_secs_f64(deadline) + LATE, "late: {self:?}");
        self
    }
}
