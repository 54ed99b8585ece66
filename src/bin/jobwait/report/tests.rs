//! Every event, with hostile text, as a terminal, a log and a script see it.

use std::io::Write;
use std::sync::Mutex;

use indicatif::{InMemoryTerm, ProgressDrawTarget, TermLike as _};
use jobwait::{Fault, FaultKind, Job, Observation, Pace, Probe, Status, Until, Verdict, Wait};

use super::*;
use crate::options::CiSystem;
use crate::resume::Resume;

const DEADLINE: Duration = Duration::from_secs(60);
const PERIOD: Range<Duration> = Duration::ZERO..DEADLINE;
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Text that moves the cursor, rings, sets a clipboard, reorders, ends the line, and imitates log commands.
const HOSTILE: &str =
    "\u{1b}[2J\u{1b}]52;c;aGk=\u{7}\r\n::error::no\u{202e}gnp.exe\u{9b}1A\u{200b}\t磁盘##[stop-commands]x";

/// The observations of one wait, of every kind.
fn observations(hostile: &str) -> Vec<Observation> {
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

/// The bytes that were written to a stream.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self, stream: &Stream) -> String {
        stream.finish(Duration::from_secs(10));
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn view(progress: Shown, output: Output) -> View {
    View {
        output,
        progress,
        heartbeat: HEARTBEAT,
        stale_after: Duration::from_secs(20),
        annotates: &[CiSystem::GitHub],
        logs: None,
    }
}

fn jobs() -> Arc<[JobId]> {
    Arc::new([JobId::parse("31b8ae23").unwrap()])
}

/// The command that resumes the wait.
const RESUME: &str = "to resume, run: jobwait 31b8ae23";

fn resume() -> Resume {
    let (_, given) = crate::args::parse(["jobwait", "x"].map(Into::into).into_iter()).unwrap();
    Resume::new(&given)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// Returns standard output and standard error of a wait. `on_step` is called after each event and each
/// second.
fn shown(view: View, bars: Option<Bars>, hostile: &str, mut on_step: impl FnMut(usize)) -> (String, String) {
    let (out, err) = (Written::default(), Written::default());
    let (stdout, stderr) = (Stream::to(out.clone()), Stream::to(err.clone()));
    let mut report = match bars {
        Some(bars) => {
            Report::with_bars(Some(bars), jobs(), view, &ResultOptions::default(), PERIOD, &stdout, &stderr)
        }
        None => Report::new(jobs(), view, &ResultOptions::default(), PERIOD, &stdout, &stderr),
    };
    let pace = Pace::new(Duration::from_secs(2), Duration::from_secs(8)).unwrap().jitter(0.0).unwrap();
    let mut steps = 0..;
    let mut last = Duration::ZERO;
    let verdict = runtime().block_on(Wait::new().deadline(DEADLINE).pace(pace).run(
        &mut Scripted(observations(hostile).into_iter()),
        |event| {
            while let Some(due) = report.due_at().filter(|due| *due < event.elapsed && *due > last) {
                last = due;
                report.pass(due);
                on_step(steps.next().unwrap());
            }
            last = event.elapsed;
            report.event(0, &event, None);
            on_step(steps.next().unwrap());
        },
    ));
    finish(report, &verdict);
    on_step(steps.next().unwrap());
    (out.text(&stdout), err.text(&stderr))
}

/// Finishes the report of a wait for one task, and returns the exit code.
fn finish(report: Report, verdict: &Verdict) -> u8 {
    let verdicts = vec![verdict.clone()];
    let summary = Arc::new(Summary::new(&jobs(), verdicts, None, Until::default(), Some(resume())));
    report.finish(&summary);
    summary.ending.code()
}

/// Returns the exit code and the hints after a wait of half a minute that sees `first`, and then the same
/// again and again.
fn ended(first: Option<Observation>, then: Observation) -> (u8, Vec<String>) {
    struct Again(Option<Observation>, Observation);

    impl Probe for Again {
        async fn poll(&mut self) -> Observation {
            self.0.take().unwrap_or_else(|| self.1.clone())
        }
    }

    let (out, err) = (Written::default(), Written::default());
    let (stdout, stderr) = (Stream::to(out.clone()), Stream::to(err.clone()));
    let report = Report::new(
        jobs(),
        view(Shown::Nothing, Output::Text),
        &ResultOptions::default(),
        PERIOD,
        &stdout,
        &stderr,
    );
    let wait = Wait::new().deadline(Duration::from_secs(30)).grace(Duration::from_secs(5));
    let verdict = runtime().block_on(wait.run(&mut Again(first, then), |_| {}));
    let code = finish(report, &verdict);
    is_plain(&out.text(&stdout));
    let hints = err.text(&stderr);
    is_plain(&hints);
    (code, hints.lines().filter(|line| !line.starts_with("::error")).map(str::to_owned).collect())
}

#[test]
fn every_ending_has_up_to_four_hints_with_the_likely_cause_and_the_next_command() {
    use FaultKind::{
        BadRequest, Forbidden, Local, Network, NotVisible, Proxy, Redirected, Throttled, TimedOut,
        Unauthenticated, Unavailable, UnknownHost, UnknownProject, Unreadable, Untrusted, WrongApi,
    };
    let fault = |kind| {
        let mut fault = Fault::new(kind, HOSTILE);
        fault.error_code = Some(HOSTILE.into());
        fault
    };
    let seen = |status| Observation::Seen(Job::new("1", &status));
    let unseen = || Observation::NotVisible(fault(NotVisible));
    let refused = |kind| Observation::Permanent(fault(kind));
    let transient = |kind| Observation::Transient { fault: fault(kind), retry_after: None };
    let first = || Some(seen(Status::Running));
    // The exit code, the first observation, the further ones, and words of the hints.
    let cases: [(u8, Option<Observation>, Observation, &[&str]); 21] = [
        (3, None, unseen(), &["another project", RESUME]),
        (3, first(), unseen(), &["gone", "deleted"]),
        (4, None, refused(Forbidden), &["task:list"]),
        (4, None, refused(Unauthenticated), &["expired"]),
        (124, None, seen(Status::Running), &["continues in the cloud", RESUME]),
        (124, None, seen(Status::Unauthorized), &["a person must approve", RESUME]),
        (124, None, seen(Status::Pending), &["maintenance window", RESUME]),
        (124, first(), transient(Unavailable), &["the last poll failed", RESUME]),
        (125, None, transient(Unavailable), &["out of order", RESUME]),
        (125, None, transient(Throttled), &["one jobwait", RESUME]),
        (125, None, transient(Network), &["--endpoint", RESUME]),
        (125, None, transient(TimedOut), &["--endpoint", RESUME]),
        (125, None, transient(UnknownHost), &["--region", RESUME]),
        (125, None, transient(Local), &["this machine", RESUME]),
        (125, None, transient(Unreadable), &["something else answers"]),
        (125, None, transient(Proxy), &["HTTPS_PROXY"]),
        (125, None, refused(Untrusted), &["--ca-cert"]),
        (125, None, refused(WrongApi), &["path prefix"]),
        (125, None, refused(Redirected), &["path prefix"]),
        (125, None, refused(BadRequest), &["--project-id"]),
        (125, None, refused(UnknownProject), &["--project-id"]),
    ];
    for (expected, first, then, words) in cases {
        let (code, lines) = ended(first, then);
        assert_eq!(code, expected, "{lines:?}");
        assert!((1..=4).contains(&lines.len()), "{lines:?}");
        for word in words {
            assert!(lines.iter().any(|line| line.contains(word)), "'{word}' is missing: {lines:?}");
        }
        assert_eq!(lines.iter().any(|line| line.contains(RESUME)), words.contains(&RESUME), "{lines:?}");
    }
}

/// Checks that there is no control character but the end of a line.
#[track_caller]
fn is_plain(text: &str) {
    let hidden = |c: char| {
        (c.is_control() && c != '\n') || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
    };
    assert!(!text.contains(hidden), "{text:?}");
}

/// Covers L5.
#[test]
fn a_log_shows_every_change_and_no_control_character() {
    let (out, err) = shown(view(Shown::Lines, Output::Text), None, HOSTILE, |_| {});
    is_plain(&out);
    is_plain(&err);
    assert_eq!(err.lines().filter(|line| line.starts_with("::")).count(), 1, "the annotation only: {err}");
    insta::assert_snapshot!("lines", format!("{err}== standard output\n{out}"));
}

#[test]
fn quiet_shows_each_error_once_and_progress_none_only_the_verdict() {
    let (_, quiet) = shown(view(Shown::Errors, Output::Text), None, HOSTILE, |_| {});
    insta::assert_snapshot!("quiet", quiet);
    let (_, none) = shown(view(Shown::Nothing, Output::Text), None, HOSTILE, |_| {});
    assert!(none.starts_with("::error title=") && none.lines().count() == 1, "{none}");
}

/// Covers L5.
#[test]
fn json_is_valid_and_has_the_unaltered_text_of_the_service() {
    let (out, _) = shown(view(Shown::Nothing, Output::Json), None, HOSTILE, |_| {});
    assert_eq!(out.lines().count(), 1);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["jobs"][0]["fail_reason"], HOSTILE);
    assert_eq!(document["jobs"][0]["job"]["name"], HOSTILE);
    is_plain(&out);
    insta::assert_snapshot!("json", out);
}

#[test]
fn events_are_one_object_per_line() {
    let (out, _) = shown(view(Shown::Nothing, Output::Jsonl), None, HOSTILE, |_| {});
    // The wall clock is not that of the test.
    let out = out.lines().fold(String::new(), |out, line| {
        let (event, rest) = line.split_once(r#""time":""#).unwrap();
        out + event + r#""time":""# + rest.split_at("2026-01-02T03:04:05.678Z".len()).1 + "\n"
    });
    let names: Vec<String> = out
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(names[0], "version");
    for name in ["invisible", "status", "retry", "heartbeat", "verdict", "result"] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    assert_eq!(names[names.len() - 2..], ["verdict", "result"]);
    is_plain(&out);
    insta::assert_snapshot!("jsonl", out);
}

/// Covers Q5.
#[test]
fn a_state_that_is_older_than_the_pace_explains_is_shown_with_its_age() {
    let screen = InMemoryTerm::new(10, 100);
    let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
    let view = view(Shown::Bar { color: false }, Output::Text);
    let bars = Bars::new(target, || (100, 24), &jobs(), view, DEADLINE, false);
    let stream = Stream::to(Written::default());
    let mut report =
        Report::with_bars(Some(bars), jobs(), view, &ResultOptions::default(), PERIOD, &stream, &stream);
    let mut script = Scripted(vec![Observation::Seen(Job::new("31b8ae23", &Status::Running))].into_iter());
    let mut shown = Vec::new();
    let first = async {
        Wait::new()
            .run(&mut script, |event| {
                report.event(0, &event, None);
                for seconds in [19, 20, 21, 75] {
                    report.pass(Duration::from_secs(seconds));
                    shown.push(screen.contents());
                }
            })
            .await;
    };
    // The second poll is not in the script.
    runtime().block_on(async { tokio::time::timeout(Duration::from_millis(500), first).await.unwrap_err() });
    let ages = shown.iter().map(|line| line.split_once(" ago)").map(|(before, _)| before.rsplit('(').next()));
    assert_eq!(ages.map(Option::flatten).collect::<Vec<_>>(), [None, None, Some("21s"), Some("1m 15s")]);
}

/// Returns the screen after each event that changes it.
fn terminal(size: bar::Size) -> String {
    let screen = InMemoryTerm::new(200, size().0);
    let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
    let view = view(Shown::Bar { color: false }, Output::Text);
    let bars = Bars::new(target, size, &jobs(), view, DEADLINE, false);
    // The terminal of the test cannot show a wide letter in one column.
    let hostile = if size().0 == 1 { HOSTILE.replace("磁盘", "") } else { HOSTILE.to_owned() };
    let mut last = String::new();
    let mut text = String::new();
    shown(view, Some(bars), &hostile, |step| {
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
        insta::assert_snapshot!(format!("terminal-{width}"), terminal(get));
    }
}

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
