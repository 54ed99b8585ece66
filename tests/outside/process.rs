//! Cases L: signals, and streams that are full or closed.
#![cfg(unix)]

use std::fs::File;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::support::child::{Run, Running, at, bare};
use super::support::messages::{LAST_SEEN, RESUME, TASK_GOES_ON};
use super::support::punctual::slack;
use super::support::server::{Act, Server, answer, black_hole};
use super::support::{ID, SUCCESS, at_once, despite_noise, failed, running, wait_until};

/// Each signal ends the wait within 100 ms, with its own code and the command that resumes the wait. `ready` returns
/// once the process is where the signal has to meet it.
fn signals_end_the_wait(start: impl Fn() -> Run + Sync, ready: impl Fn() + Sync) {
    at_once([("INT", 130), ("TERM", 143), ("HUP", 129)], |(signal, code)| {
        despite_noise(|| {
            let running = start().start().handles_signals();
            ready();
            let ended =
                running.end_by(signal).expect(code, &format!("stopped by SIG{signal}; {TASK_GOES_ON}"));
            assert!(ended.stderr.contains(&format!("{RESUME}jobwait --project-id ")), "{ended:?}");
            assert!(ended.stdout.starts_with(&format!("{ID} interrupted")), "{ended:?}");
        });
    });
}

/// Waits until a server has seen a number of requests, and 100 ms for its responses to arrive.
fn has_seen(server: &Server, requests: usize) {
    wait_until("the requests", || server.seen().len() >= requests);
    thread::sleep(Duration::from_millis(100));
}

/// Covers L2.
#[test]
fn a_signal_between_polls_ends_the_wait() {
    let server = Server::answers([(200, running("40%").as_str())]);
    let slow = ["--interval", "10s", "--max-interval", "10s"];
    signals_end_the_wait(|| at(&server.url()).args(slow), || has_seen(&server, 3));
    despite_noise(|| {
        let before = server.seen().len();
        let running = at(&server.url()).args(["-o", "json"]).args(slow).start();
        has_seen(&server, before + 1);
        let said = running.end_by("TERM").expect(143, &format!("{LAST_SEEN} Running 40%")).json();
        assert_eq!((&said["outcome"], &said["exit_code"]), (&"interrupted".into(), &143.into()));
        assert_eq!(
            (&said["jobs"][0]["outcome"], &said["jobs"][0]["polls"]),
            (&"interrupted".into(), &1.into())
        );
        assert_eq!(said["jobs"][0]["job"]["process"], "40%");
    });
}

/// Covers L2.
#[test]
fn a_signal_during_a_connection_attempt_ends_the_wait() {
    let (address, _keep) = black_hole();
    signals_end_the_wait(|| at(&format!("http://{address}")), || ());
}

#[cfg(target_os = "linux")]
/// Covers L2.
#[test]
fn a_signal_during_a_name_lookup_ends_the_wait() {
    if super::support::child::with_a_lookup_that_hangs().is_some() {
        signals_end_the_wait(|| super::support::child::with_a_lookup_that_hangs().unwrap(), || ());
    }
}

/// Covers L2.
#[test]
fn a_signal_during_a_response_ends_the_wait() {
    let server = Server::acts([Act::SendAndHang(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_vec())]);
    signals_end_the_wait(|| at(&server.url()), || has_seen(&server, 3));
}

/// Covers L2.
#[test]
fn a_signal_while_a_token_is_read_ends_the_wait() {
    let (read, write) = std::io::pipe().unwrap();
    let start =
        || at("http://127.0.0.1:9").args(["--token-file", "-"]).stdin_from(read.try_clone().unwrap().into());
    signals_end_the_wait(start, || ());
    drop(write);
}

/// Covers L4.
#[test]
fn under_nohup_a_hangup_is_ignored() {
    let hung_up = Arc::new(AtomicBool::new(false));
    let script = Arc::clone(&hung_up);
    let server = Server::start(move |_| {
        if script.load(Ordering::Relaxed) { answer(200, SUCCESS) } else { answer(200, &running("40%")) }
    });
    let running = at(&server.url()).under("nohup").start();
    has_seen(&server, 2);
    running.signal("HUP");
    thread::sleep(Duration::from_millis(200));
    hung_up.store(true, Ordering::Relaxed);
    running.end().expect(0, "completed");
}

/// Covers L1.
#[test]
fn full_or_closed_streams_do_not_change_the_exit_code() {
    let full = || Stdio::from(File::create("/dev/full").unwrap());
    let closed = || {
        let (read, write) = std::io::pipe().unwrap();
        drop(read);
        Stdio::from(write)
    };
    let (going, bad) = (running("40%"), failed("x"));
    at_once([(SUCCESS, 0), (bad.as_str(), 1)], |(last, code)| {
        for output in ["text", "json"] {
            let server = || Server::answers([(200, going.as_str()), (200, last)]);
            for to in [full(), closed()] {
                at(&server().url()).args(["-o", output]).stdout(to).run().expect(code, "");
            }
            for to in [full(), closed()] {
                at(&server().url()).args(["-o", output, "-v"]).stderr(to).run().expect(code, "");
            }
        }
    });
}

/// A full pipe without a reader. A pipe holds 64 KiB; more would block the test itself.
pub fn blocked() -> (Stdio, impl Sized) {
    let (read, mut write) = std::io::pipe().unwrap();
    std::io::Write::write_all(&mut write, &vec![b'x'; 65536]).unwrap();
    (write.into(), read)
}

/// Covers L1.
#[test]
fn a_stream_without_a_reader_delays_neither_the_deadline_nor_a_signal() {
    let server = Server::answers([(200, running("40%").as_str())]);
    let cases = ["stdout", "stderr"].into_iter().flat_map(|stream| [(stream, true), (stream, false)]);
    at_once(cases, |(stream, deadline)| {
        despite_noise(|| {
            let (pipe, _keep) = blocked();
            let run = at(&server.url()).arg("-v");
            let run = if stream == "stdout" { run.stdout(pipe) } else { run.stderr(pipe) };
            if deadline {
                run.timeout("500ms").run().within(0.5).expect(124, "");
            } else {
                // A reader that takes nothing has 150 ms.
                let most = Duration::from_millis(250);
                run.start().handles_signals().end_by_within("TERM", most).expect(143, "");
            }
        });
    });
}

/// The result is known by then: the signal only ends the attempt to print it.
/// Covers L2.
#[test]
fn a_signal_ends_the_wait_for_a_reader_and_keeps_the_exit_code() {
    at_once(["-q", "-v", "-ojsonl"], |option| {
        let server = Server::answers([(200, SUCCESS)]);
        let ((out, _keep_out), (err, _keep_err)) = (blocked(), blocked());
        let running = at(&server.url()).arg(option).stdout(out).stderr(err).start();
        has_seen(&server, 1);
        thread::sleep(Duration::from_millis(100));
        running.end_by_within("TERM", Duration::from_millis(250)).expect(0, "");
    });
}

/// Covers L2.
#[test]
fn a_signal_ends_a_plan_and_a_simulator_that_cannot_print() {
    let blocked_in = |command: &str, ready: fn(Running) -> Running| {
        let (out, _keep) = blocked();
        let running = ready(bare().arg(command).stdout(out).start());
        running.signal("TERM");
        running.end()
    };
    let after_a_while = |running| {
        thread::sleep(Duration::from_millis(300));
        running
    };
    // A plan handles no signals: it ends as any other process.
    assert_eq!(blocked_in("plan", after_a_while).code, None);
    blocked_in("simulate", Running::handles_signals).expect(0, "");
}

#[test]
fn the_result_is_the_last_line_when_both_streams_go_to_one_file() {
    use std::io::Read as _;

    let out_of_order = AtomicUsize::new(0);
    at_once(0..20, |_| {
        let server = Server::acts([answer(404, "{}")]);
        let (mut read, write) = std::io::pipe().unwrap();
        let run = at(&server.url()).stdout(write.try_clone().unwrap().into()).stderr(write.into());
        run.run().expect(125, "");
        let mut log = String::new();
        read.read_to_string(&mut log).unwrap();
        assert_eq!(log.lines().count(), 3, "{log}");
        if !log.lines().last().unwrap().starts_with(&format!("{ID} unreachable")) {
            out_of_order.fetch_add(1, Ordering::Relaxed);
        }
    });
    // The result does not wait for standard error for longer than 20 ms, which a busy machine may need.
    let most = if slack().is_zero() { 0 } else { 5 };
    let out_of_order = out_of_order.into_inner();
    assert!(out_of_order <= most, "{out_of_order} times of 20");
}

#[test]
fn a_slow_reader_receives_the_whole_result() {
    use std::io::Read as _;

    let reason = "x".repeat(900_000);
    let server = Server::acts([answer(200, &failed(&reason))]);
    let (mut read, write) = std::io::pipe().unwrap();
    let running = at(&server.url()).args(["-o", "json"]).stdout(write.into()).start();
    has_seen(&server, 1);
    thread::sleep(Duration::from_millis(400));
    let mut document = String::new();
    read.read_to_string(&mut document).unwrap();
    running.end().expect(1, "");
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["jobs"][0]["fail_reason"], reason);
}

/// Covers L3.
#[test]
fn a_second_signal_ends_the_process_at_once() {
    // Without a reader the process does not end at once by the first signal.
    let server = Server::answers([(200, running("40%").as_str())]);
    let (pipe, _keep) = blocked();
    let running = at(&server.url()).stderr(pipe).start().handles_signals();
    running.signal("INT");
    thread::sleep(Duration::from_millis(10));
    // The same signal again would be one with the first.
    let second = running.signal("TERM");
    running.end().expect(143, "");
    let late = second.elapsed();
    assert!(late <= Duration::from_millis(40) + slack(), "{late:?}");
}

/// Covers L7.
#[test]
fn an_empty_environment_is_enough() {
    let server = Server::acts([answer(200, SUCCESS)]);
    at(&server.url()).env("LC_ALL", "C").run().expect(0, "completed");
}
