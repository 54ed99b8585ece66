//! The end of a wait: a whole result, in time, whatever the streams and the signals are like.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::process::blocked;
use super::support::child::{Run, at, bare};
use super::support::messages::RESUME;
use super::support::punctual::slack;
use super::support::server::{Act, Server, answer, asked_for, raw};
use super::support::{ID, SUCCESS, at_once, despite_noise, running};

/// A server of tasks that run, with job objects of this many bytes.
fn going(bytes: usize) -> Server {
    Server::by_id(move |_, head| {
        let padding = "x".repeat(bytes);
        let job = json!({"job": {"id": asked_for(head), "status": "Running", "padding": padding}});
        answer(200, &job.to_string())
    })
}

fn several(server: &Server, count: usize) -> Run {
    let ids: Vec<String> = (0..count).map(|n| format!("task-{n}")).collect();
    let run = at(&server.url()).args(["--rate-limit", "none", "-q", "-o", "json"]);
    run.each(&ids).with_memory(400)
}

/// Covers E4.
#[test]
fn the_same_signal_twice_leaves_the_result_and_the_resume_command() {
    let server = Server::answers([(200, running("40%").as_str())]);
    at_once(["TERM", "INT", "HUP"].repeat(4), |signal| {
        let child = at(&server.url()).args(["-o", "json"]).arg(ID).start().handles_signals();
        child.signal(signal);
        child.signal(signal);
        let ended = child.end();
        assert!(ended.stderr.contains(RESUME), "{signal}: {ended:?}");
        assert_eq!(ended.json()["outcome"], "interrupted", "{signal}: {ended:?}");
    });
}

/// Covers E4.
#[test]
fn another_signal_is_a_second_one_at_once() {
    let server = going(900_000);
    // A pipe whose reader reads nothing keeps the process.
    let (ours, theirs) = std::io::pipe().unwrap();
    let running = several(&server, 4).stdout(theirs.into()).start().handles_signals();
    thread::sleep(Duration::from_millis(300));
    running.signal("INT");
    running.signal("TERM");
    let ended = running.end();
    assert!(matches!(ended.code, Some(130 | 143)), "{ended:?}");
    drop(ours);
}

/// Covers E4 and E5.
#[test]
fn timeout_leaves_the_result_and_the_resume_command() {
    let server = Server::answers([(200, running("40%").as_str())]);
    at_once([(); 12], |()| {
        let run = at(&server.url()).args(["-o", "json"]).arg(ID);
        let ended = run.under_words(["timeout", "0.4"]).run().expect(124, RESUME);
        assert_eq!(ended.json()["outcome"], "interrupted", "{ended:?}");
    });
}

/// Covers E1.
#[test]
fn a_large_result_is_whole_although_its_reader_is_slow() {
    despite_noise(|| {
        let server = going(900_000);
        let (mut ours, theirs) = std::io::pipe().unwrap();
        let run = several(&server, 20).args(["--interval", "500ms", "--max-interval", "500ms"]).timeout("4s");
        let running = run.stdout(theirs.into()).start();
        let reader = thread::spawn(move || {
            let mut text = Vec::new();
            let mut piece = vec![0; 256 * 1024];
            while let Ok(read @ 1..) = ours.read(&mut piece) {
                text.extend_from_slice(&piece[..read]);
                thread::sleep(Duration::from_millis(10));
            }
            text
        });
        let ended = running.end();
        let text = reader.join().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(document["jobs"].as_array().unwrap().len(), 21);
        assert!(!ended.stderr.contains("incomplete"), "{ended:?}");
        assert!(matches!(ended.code, Some(124 | 125)), "{ended:?}");
    });
}

/// Covers E1 and E8.
#[test]
fn a_reader_that_takes_nothing_is_given_up_and_the_cut_is_said() {
    despite_noise(|| {
        let server = going(200_000);
        let (ours, theirs) = std::io::pipe().unwrap();
        let ended = several(&server, 4)
            .args(["--interval", "300ms", "--max-interval", "300ms"])
            .timeout("1s")
            .stdout(theirs.into())
            .run();
        drop(ours);
        ended.within(1.0).expect(124, "the result on standard output is incomplete: its reader was too slow");
    });
}

/// Covers E6.
#[test]
fn a_stream_in_non_blocking_mode_gets_the_whole_result() {
    despite_noise(|| {
        let server = going(400_000);
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        theirs.set_nonblocking(true).unwrap();
        let run = several(&server, 1).args(["--interval", "300ms", "--max-interval", "300ms"]).timeout("1s");
        let child = run.stdout(OwnedFd::from(theirs).into()).start();
        let reader = thread::spawn(move || {
            thread::sleep(Duration::from_millis(1050));
            let mut text = Vec::new();
            ours.read_to_end(&mut text).unwrap();
            text
        });
        let ended = child.end();
        let document: serde_json::Value = serde_json::from_slice(&reader.join().unwrap()).unwrap();
        assert_eq!(document["outcome"], "timed_out");
        assert!(!ended.stderr.contains("incomplete"), "{ended:?}");
    });
}

/// Covers E8.
#[test]
fn a_result_that_cannot_be_written_is_said() {
    let server = Server::answers([(200, SUCCESS)]);
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    for output in ["text", "json", "jsonl"] {
        let ended = at(&server.url()).args(["-o", output]).arg(ID).stdout(full()).run();
        ended.expect(0, "cannot write the result to standard output: No space left on device");
        let (ours, theirs) = std::io::pipe().unwrap();
        drop(ours);
        let ended = at(&server.url()).args(["-o", output]).arg(ID).stdout(theirs.into()).run();
        ended.expect(0, "cannot write the result to standard output: Broken pipe");
    }
}

/// Covers E9.
#[test]
fn a_rejected_command_line_or_configuration_does_not_wait_for_a_blocked_standard_error() {
    despite_noise(|| {
        for run in [bare().args(["--no-such-option"]), bare().arg(ID)] {
            let (stderr, keep) = blocked();
            let ended = run.stderr(stderr).run();
            assert_eq!(ended.code, Some(2), "{ended:?}");
            assert!(ended.took < Duration::from_millis(350) + slack(), "{ended:?}");
            drop(keep);
        }
    });
}

/// Covers E15.
#[test]
fn ignored_signals_stay_ignored_and_blocked_ones_are_unblocked() {
    let going = running("40%");
    let server = Server::by_id(move |n, _| answer(200, if n < 12 { &going } else { SUCCESS }));
    let wait = || at(&server.url()).args(["--interval", "100ms", "--max-interval", "100ms"]).arg(ID);
    let ignoring = wait().under_words(["sh", "-c", "trap '' INT TERM; exec \"$@\"", "sh"]).start();
    thread::sleep(Duration::from_millis(500));
    ignoring.signal("TERM");
    ignoring.signal("INT");
    ignoring.end().expect(0, "completed");

    let server = Server::answers([(200, running("40%").as_str())]);
    let wait = at(&server.url()).arg(ID);
    let blocking = wait.under_words(["env", "--block-signal=TERM"]).start().handles_signals();
    blocking.signal("TERM");
    blocking.end().expect(143, RESUME);
}

#[test]
fn a_wait_ends_with_the_process_that_started_it() {
    let server = Server::answers([(200, running("40%").as_str())]);
    let words = ["sh", "-c", "\"$@\" & sleep 0.6", "sh"];
    let start = Instant::now();
    let ended = at(&server.url()).args(["--exit-with-parent"]).arg(ID).under_words(words).run();
    // The shell is gone, and its child, too: otherwise the streams would stay open.
    ended.expect(0, "stopped by SIGTERM");
    assert!(start.elapsed() < Duration::from_secs(10));
    at(&server.url()).args(["--exit-with-parent"]).timeout("1500ms").arg(ID).run().expect(124, "Running 40%");
}

/// Covers E2 and E3.
#[test]
fn thousands_of_tasks_have_a_whole_result_after_a_signal() {
    for output in ["json", "jsonl", "text"] {
        let server = going(100);
        let ids: Vec<String> = (0..2000).map(|n| format!("task-{n}")).collect();
        let run = at(&server.url()).args([
            "--rate-limit",
            "none",
            "-q",
            "--interval",
            "3s",
            "--max-interval",
            "3s",
        ]);
        let run = run.args(["-o", output, "-"]).stdin(ids.join("\n")).with_memory(100);
        let child = run.start().handles_signals();
        thread::sleep(Duration::from_millis(1500));
        child.signal("TERM");
        let ended = child.end();
        assert_eq!(ended.code, Some(143), "{}", ended.stderr);
        assert!(
            !ended.stderr.contains("incomplete") && ended.stderr.contains("to resume, run"),
            "{}",
            ended.stderr
        );
        let count = match output {
            "json" => ended.object()["jobs"].as_array().unwrap().len() - 1,
            "jsonl" => ended.stdout.matches(r#""event":"verdict""#).count() - 1,
            _ => ended.stdout.lines().count() - 1,
        };
        assert_eq!(count, 2000);
    }
}

/// Covers E10.
#[test]
fn a_poll_after_the_computer_slept_past_the_deadline_takes_a_second_at_most() {
    let going = running("40%");
    let server = Server::start(move |n| match n {
        // A slow response, after which a poll would get ten seconds.
        0 => Act::Drip(raw(200, "", going.as_bytes()), Duration::from_millis(4)),
        _ => Act::SendAndHang(Vec::new()),
    });
    let run = at(&server.url()).args(["--interval", "10s", "--max-interval", "10s", "--timeout", "8s"]);
    let child = run.start().handles_signals();
    thread::sleep(Duration::from_secs(4));
    child.signal("STOP");
    thread::sleep(Duration::from_secs(5));
    let woken = child.signal("CONT");
    let ended = child.end();
    assert_eq!(ended.code, Some(124), "{ended:?}");
    assert!(woken.elapsed() < Duration::from_millis(2300) + slack(), "{:?}: {ended:?}", woken.elapsed());
}

/// Covers E13.
#[test]
fn many_large_errors_are_read_in_bounded_memory() {
    let server = Server::by_id(|_, _| Act::Send(raw(503, "", &vec![0xff; 1 << 20])));
    // An optimized binary, for which 25 MiB are promised, needs 7 MiB less for itself.
    let ids: Vec<String> = (0..64).map(|n| format!("task-{n}")).collect();
    let run = at(&server.url()).args(["--rate-limit", "none", "-q"]).timeout("2s").each(&ids).with_memory(32);
    run.run().expect(125, "HTTP 503");
}

/// Covers E14.
#[test]
fn a_device_as_the_file_of_trust_roots_is_rejected() {
    let run = at("https://127.0.0.1:1").env("SSL_CERT_FILE", "/dev/zero").with_memory(32);
    run.run().expect(2, "SSL_CERT_FILE: /dev/zero: a device without an end");
}

#[test]
fn two_streams_without_a_reader_take_no_longer_than_one() {
    despite_noise(|| {
        let server = Server::answers([(200, running("40%").as_str())]);
        let ((stdout, one), (stderr, other)) = (blocked(), blocked());
        let ended = at(&server.url()).timeout("1s").stdout(stdout).stderr(stderr).run();
        assert_eq!(ended.within(1.0).code, Some(124));
        // A task that has ended does not wait for standard error until the deadline.
        let server = Server::answers([(200, SUCCESS)]);
        let (stderr, third) = blocked();
        let ended = at(&server.url()).timeout("20s").args(["-v"]).stderr(stderr).run();
        assert!(ended.took < Duration::from_secs(5), "{ended:?}");
        drop((one, other, third));
    });
}

#[test]
fn a_list_that_cannot_be_written_is_said() {
    let server = Server::asked(|_, _| answer(200, r#"{"jobs": [{"job_id": "a", "status": "Running"}]}"#));
    let list = || {
        let run = bare().env("HW_AUTH_TOKEN", super::support::CANARY).args(["list", "-o", "ids"]);
        run.env("HW_PROJECT_ID", super::support::PROJECT).env("JOBWAIT_ENDPOINT", &server.url())
    };
    let full = Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    list().stdout(full).run().expect(125, "cannot write the result to standard output: No space left");
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    list().stdout(OwnedFd::from(theirs).into()).run().expect(0, "");
    let mut text = String::new();
    ours.read_to_string(&mut text).unwrap();
    assert_eq!(text, "a\n");
}
