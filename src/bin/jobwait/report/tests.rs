//! Every event, with hostile text, as a terminal, a log and a script see it. `UPDATE_SNAPSHOTS=1` writes them
//! anew.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use indicatif::{InMemoryTerm, ProgressDrawTarget, TermLike as _};
use jobwait::{Fault, FaultKind, Job, Observation, Outcome, Pace, Probe, Status, Wait};

use super::*;

const DEADLINE: Duration = Duration::from_secs(60);
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Moves the cursor, rings, sets a clipboard, reorders, ends the line, pretends to be a log command, and is
/// long.
const HOSTILE: &str =
    "\u{1b}[2J\u{1b}]52;c;aGk=\u{7}\r\n::error::no\u{202e}gnp.exe\u{9b}1A\u{200b}\t磁盘##[stop-commands]x";

/// What the looks of one wait see, of every kind.
fn sightings(hostile: &str) -> Vec<Observation> {
    let job = |fields: &str| {
        let name = serde_json::Value::from(hostile);
        let json =
            format!(r#"{{"id": "1", "name": {name}, "instance": {{"id": "i", "name": {name}}}, {fields}}}"#);
        Observation::Seen(Job::from_json(&json).unwrap())
    };
    let fault = |kind| {
        let mut fault = Fault::new(kind, format!("{hostile}{}", "x".repeat(400)));
        fault.error_code = Some(hostile.into());
        fault.request_id = Some(hostile.into());
        fault.http_status = Some(503);
        fault
    };
    let transient = || Observation::Transient { fault: fault(FaultKind::Unavailable), retry_after: None };
    vec![
        Observation::NotVisible(fault(FaultKind::NotVisible)),
        Observation::NotVisible(fault(FaultKind::NotVisible)),
        job(r#""status": "Pending""#),
        job(r#""status": "Running", "process": "3%""#),
        job(r#""status": "Running", "process": "40%""#),
        transient(),
        transient(),
        job(r#""status": "Running", "process": "40%""#),
        Observation::NotVisible(fault(FaultKind::NotVisible)),
        job(r#""status": "Unauthorized""#),
        job(&format!(r#""status": {}"#, serde_json::Value::from(hostile))),
        job(&format!(r#""status": "Failed", "fail_reason": {}"#, serde_json::Value::from(hostile))),
    ]
}

struct Scripted(std::vec::IntoIter<Observation>);

impl Probe for Scripted {
    async fn poll(&mut self) -> Observation {
        self.0.next().unwrap()
    }
}

/// Where a stream goes.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn text(&self, stream: &Stream) -> String {
        stream.finish(Duration::from_secs(10));
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn view(progress: Shown, output: Output) -> View {
    View { output, progress, heartbeat: HEARTBEAT, annotates: true, logs: None }
}

/// What is on standard output and on standard error after a wait; `seen` is called after each event and each
/// second.
fn shown(view: View, bar: Option<Bars>, hostile: &str, mut seen: impl FnMut(usize)) -> (String, String) {
    let (out, err) = (Sink::default(), Sink::default());
    let (result, progress) = (Stream::into(out.clone()), Stream::into(err.clone()));
    let mut report = Report::new(
        vec![JobId::parse("31b8ae23").unwrap()],
        view,
        Until::default(),
        DEADLINE,
        result.clone(),
        progress.clone(),
    );
    if bar.is_some() {
        report.bars = bar;
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let pace = Pace::new(Duration::from_secs(2), Duration::from_secs(8)).unwrap().jitter(0.0).unwrap();
    let mut step = 0;
    let mut last = Duration::ZERO;
    let verdict = runtime.block_on(Wait::new().deadline(DEADLINE).pace(pace).run(
        &mut Scripted(sightings(hostile).into_iter()),
        |event| {
            // What passes between the looks.
            while report.due_at().is_some_and(|due| due < event.elapsed && due > last) {
                last = report.due_at().unwrap();
                report.pass(last);
                seen(step);
                step += 1;
            }
            last = event.elapsed;
            report.event(0, &event, None);
            seen(step);
            step += 1;
        },
    ));
    assert_eq!(verdict.outcome, Outcome::Failed);
    assert_eq!(report.verdict(std::slice::from_ref(&verdict), None, Some(&|_| COMMAND.into())), 1);
    seen(step);
    (out.text(&result), err.text(&progress))
}

/// What is said at the end of a wait of half a minute that sees this again and again, after `first`.
fn ended(first: Option<Observation>, then: impl Fn() -> Observation + Send) -> (u8, Vec<String>) {
    struct Again<F>(Option<Observation>, F);

    impl<F: Fn() -> Observation + Send> Probe for Again<F> {
        async fn poll(&mut self) -> Observation {
            self.0.take().unwrap_or_else(&self.1)
        }
    }

    let (out, err) = (Sink::default(), Sink::default());
    let (result, progress) = (Stream::into(out.clone()), Stream::into(err.clone()));
    let id = JobId::parse("31b8ae23").unwrap();
    let mut report = Report::new(
        vec![id],
        view(Shown::Nothing, Output::Text),
        Until::default(),
        DEADLINE,
        result.clone(),
        progress.clone(),
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let wait = Wait::new().deadline(Duration::from_secs(30)).grace(Duration::from_secs(5));
    let verdict = runtime.unwrap().block_on(wait.run(&mut Again(first, then), |_| {}));
    let code = report.verdict(std::slice::from_ref(&verdict), None, Some(&|_| COMMAND.into()));
    is_plain(&out.text(&result));
    let said = err.text(&progress);
    is_plain(&said);
    (code, said.lines().filter(|line| !line.starts_with("::error")).map(str::to_owned).collect())
}

/// The code, what is seen first and then again and again, and words of the advice.
type Case = (u8, Option<Observation>, Box<dyn Fn() -> Observation + Send>, &'static [&'static str]);

/// What is said where waiting on may help.
const COMMAND: &str = "wait on with: jobwait 31b8ae23";

#[test]
fn every_end_says_what_is_likely_and_what_to_do_in_four_lines() {
    let hostile = |kind| {
        let mut fault = Fault::new(kind, HOSTILE);
        fault.error_code = Some(HOSTILE.into());
        fault
    };
    let running = || Some(Observation::Seen(Job::new("1", &Status::Running)));
    let transient = move |kind| Observation::Transient { fault: hostile(kind), retry_after: None };
    let cases: Vec<Case> = vec![
        (
            3,
            None,
            Box::new(move || Observation::NotVisible(hostile(FaultKind::NotVisible))),
            &["another project", COMMAND],
        ),
        (
            3,
            running(),
            Box::new(move || Observation::NotVisible(hostile(FaultKind::NotVisible))),
            &["gone", "deleted"],
        ),
        (4, None, Box::new(move || Observation::Permanent(hostile(FaultKind::Forbidden))), &["task:list"]),
        (
            4,
            None,
            Box::new(move || Observation::Permanent(hostile(FaultKind::Unauthenticated))),
            &["expired"],
        ),
        (
            124,
            None,
            Box::new(|| Observation::Seen(Job::new("1", &Status::Running))),
            &["goes on in the cloud", COMMAND],
        ),
        (
            124,
            None,
            Box::new(|| Observation::Seen(Job::new("1", &Status::Unauthorized))),
            &["a person must approve", COMMAND],
        ),
        (
            124,
            None,
            Box::new(|| Observation::Seen(Job::new("1", &Status::Pending))),
            &["maintenance window", COMMAND],
        ),
        (
            124,
            running(),
            Box::new(move || transient(FaultKind::Unavailable)),
            &["the last look failed", COMMAND],
        ),
        (125, None, Box::new(move || transient(FaultKind::Unavailable)), &["out of order", COMMAND]),
        (125, None, Box::new(move || transient(FaultKind::Throttled)), &["too many requests", COMMAND]),
        (125, None, Box::new(move || transient(FaultKind::Network)), &["--endpoint", COMMAND]),
        (125, None, Box::new(move || transient(FaultKind::TimedOut)), &["--endpoint", COMMAND]),
        (125, None, Box::new(move || transient(FaultKind::UnknownHost)), &["--region", COMMAND]),
        (125, None, Box::new(move || transient(FaultKind::Local)), &["this machine", COMMAND]),
        (125, None, Box::new(move || transient(FaultKind::Unreadable)), &["something else answers"]),
        (125, None, Box::new(move || transient(FaultKind::Proxy)), &["HTTPS_PROXY"]),
        (125, None, Box::new(move || Observation::Permanent(hostile(FaultKind::Untrusted))), &["--ca-cert"]),
        (125, None, Box::new(move || Observation::Permanent(hostile(FaultKind::WrongApi))), &["path prefix"]),
        (
            125,
            None,
            Box::new(move || Observation::Permanent(hostile(FaultKind::Redirected))),
            &["path prefix"],
        ),
        (
            125,
            None,
            Box::new(move || Observation::Permanent(hostile(FaultKind::BadRequest))),
            &["--project-id"],
        ),
        (
            125,
            None,
            Box::new(move || Observation::Permanent(hostile(FaultKind::UnknownProject))),
            &["--project-id"],
        ),
    ];
    for (expected, first, then, words) in cases {
        let (code, lines) = ended(first, then);
        assert_eq!(code, expected, "{lines:?}");
        assert!((1..=4).contains(&lines.len()), "{lines:?}");
        for word in words {
            assert!(lines.iter().any(|line| line.contains(word)), "'{word}' is missing: {lines:?}");
        }
        assert_eq!(lines.iter().any(|line| line.contains(COMMAND)), words.contains(&COMMAND), "{lines:?}");
    }
}

#[track_caller]
fn snapshot(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/jobwait/report/snapshots").join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
    }
    let known = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(text, known, "{name}: UPDATE_SNAPSHOTS=1 writes it anew");
}

/// No control byte but the end of a line.
#[track_caller]
fn is_plain(text: &str) {
    let hidden = |c: char| {
        (c.is_control() && c != '\n') || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
    };
    assert!(!text.contains(hidden), "{text:?}");
}

/// Covers L5.
#[test]
fn a_log_shows_what_happened_and_no_control_byte() {
    let (out, err) = shown(view(Shown::Lines, Output::Text), None, HOSTILE, |_| {});
    is_plain(&out);
    is_plain(&err);
    assert_eq!(err.lines().filter(|line| line.starts_with("::")).count(), 1, "the annotation only: {err}");
    snapshot("plain.txt", &format!("{err}== standard output\n{out}"));
}

#[test]
fn quiet_shows_each_error_once_and_none_only_the_verdict() {
    let (_, quiet) = shown(view(Shown::Errors, Output::Text), None, HOSTILE, |_| {});
    snapshot("quiet.txt", &quiet);
    let (_, none) = shown(view(Shown::Nothing, Output::Text), None, HOSTILE, |_| {});
    assert!(none.starts_with("::error title=") && none.lines().count() == 1, "{none}");
}

/// Covers L5.
#[test]
fn json_is_valid_and_unaltered() {
    let (out, _) = shown(view(Shown::Nothing, Output::Json), None, HOSTILE, |_| {});
    assert_eq!(out.lines().count(), 1);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["jobs"][0]["fail_reason"], HOSTILE);
    assert_eq!(document["jobs"][0]["job"]["name"], HOSTILE);
    is_plain(&out);
    snapshot("result.json", &out);
}

#[test]
fn events_are_objects_a_line() {
    let (out, _) = shown(view(Shown::Nothing, Output::Jsonl), None, HOSTILE, |_| {});
    let names: Vec<String> = out
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].as_str().unwrap().to_owned()
        })
        .collect();
    for name in ["invisible", "status", "retry", "heartbeat", "verdict", "result"] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    assert_eq!(names[names.len() - 2..], ["verdict", "result"]);
    is_plain(&out);
    snapshot("events.jsonl", &out);
}

/// The screen after each event, where it changed.
fn terminal(size: bar::Size) -> String {
    let screen = InMemoryTerm::new(200, size().0);
    let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
    let bar = Bars::new(target, size, &[JobId::parse("31b8ae23").unwrap()], DEADLINE, false);
    // The test's terminal cannot hold a wide letter in one column.
    let hostile = if size().0 == 1 { HOSTILE.replace("磁盘", "") } else { HOSTILE.to_owned() };
    let mut last = String::new();
    let mut text = String::new();
    shown(view(Shown::Bar { color: false }, Output::Text), Some(bar), &hostile, |step| {
        let now = screen.contents();
        let line = now.lines().last().unwrap_or_default().to_owned();
        if now != last {
            text.extend([&format!("{step:>3} |"), &line, "\n"]);
        }
        for line in now.lines() {
            assert!(unicode_width(line) <= usize::from(screen.width()), "{line}");
        }
        last = now;
    });
    is_plain(&last);
    format!("{text}== the screen at the end\n{last}\n")
}

fn unicode_width(text: &str) -> usize {
    text.chars().map(|c| if c > '\u{2e80}' { 2 } else { 1 }).sum()
}

/// Covers L6.
#[test]
fn a_terminal_of_any_width_shows_a_line_that_fits() {
    for (width, get) in
        [(1, (|| (1, 24)) as bar::Size), (20, || (20, 24)), (80, || (80, 24)), (300, || (300, 24))]
    {
        snapshot(&format!("terminal-{width}.txt"), &terminal(get));
    }
}

/// What is sent to a terminal holds what draws the bar, and nothing else that is not plain.
/// Covers L5.
#[test]
fn only_the_bar_itself_moves_the_cursor() {
    for color in [false, true] {
        let (_, err) = shown(view(Shown::Bar { color }, Output::Text), None, HOSTILE, |_| {});
        let mut rest = err.replace('\r', "");
        for sequence in ["\u{1b}[2K", "\u{1b}[1A", "\u{1b}[0m"] {
            rest = rest.replace(sequence, "");
        }
        let colored = rest.contains("\u{1b}[36m");
        is_plain(&rest.replace("\u{1b}[36m", ""));
        assert!(!colored || color, "{err:?}");
    }
}
