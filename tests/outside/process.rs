//! Rows L: signals, and streams that are full or closed.
#![cfg(unix)]

use std::fs::File;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use super::support::child::{Run, at};
use super::support::server::{Act, Server, answer, black_hole};
use super::support::{ID, SUCCESS, failed, running};

/// Each signal ends the wait within 100 ms, with its own code and the command that resumes.
#[track_caller]
fn ends_by_signals(start: impl Fn() -> Run) {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let running = start().start();
        thread::sleep(Duration::from_millis(400));
        let sent = running.signal(signal);
        let ended =
            running.end().expect(code, &format!("stopped by SIG{signal}; the task continues in the cloud"));
        let late = sent.elapsed();
        assert!(late <= Duration::from_millis(100), "{late:?} {ended:?}");
        assert!(ended.stderr.contains("to resume, run: jobwait --project-id "), "{ended:?}");
        assert!(ended.stdout.starts_with(&format!("{ID} interrupted")), "{ended:?}");
    }
}

/// Covers L2.
#[test]
fn a_signal_while_it_rests() {
    let server = Server::answers([(200, running("40%").as_str())]);
    ends_by_signals(|| at(&server.url()).args(["--interval", "10s", "--max-interval", "10s"]));
    let running =
        at(&server.url()).args(["-o", "json", "--interval", "10s", "--max-interval", "10s"]).start();
    thread::sleep(Duration::from_millis(400));
    running.signal("TERM");
    let said = running.end().expect(143, "last seen Running 40%").json();
    assert_eq!((&said["outcome"], &said["exit_code"]), (&"interrupted".into(), &143.into()));
    assert_eq!((&said["jobs"][0]["outcome"], &said["jobs"][0]["polls"]), (&"interrupted".into(), &1.into()));
    assert_eq!(said["jobs"][0]["job"]["process"], "40%");
}

/// Covers L2.
#[test]
fn a_signal_while_it_connects() {
    let (address, _keep) = black_hole();
    ends_by_signals(|| at(&format!("http://{address}")));
}

#[cfg(target_os = "linux")]
/// Covers L2.
#[test]
fn a_signal_while_it_looks_a_name_up() {
    if super::support::child::with_a_lookup_that_hangs().is_some() {
        ends_by_signals(|| super::support::child::with_a_lookup_that_hangs().unwrap());
    }
}

/// Covers L2.
#[test]
fn a_signal_while_it_reads() {
    let server = Server::acts([Act::SendAndHang(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_vec())]);
    ends_by_signals(|| at(&server.url()));
}

/// Covers L2.
#[test]
fn a_signal_while_it_reads_a_token() {
    let (read, write) = std::io::pipe().unwrap();
    ends_by_signals(|| {
        at("http://127.0.0.1:9").args(["--token-file", "-"]).stdin_from(read.try_clone().unwrap().into())
    });
    drop(write);
}

/// Covers L4.
#[test]
fn a_hangup_under_nohup_is_ignored() {
    let server = Server::start(|n| if n < 30 { answer(200, &running("40%")) } else { answer(200, SUCCESS) });
    let running = at(&server.url()).under("nohup").start();
    thread::sleep(Duration::from_millis(300));
    running.signal("HUP");
    running.end().expect(0, "completed");
}

/// Covers L1.
#[test]
fn streams_that_are_full_or_closed_leave_the_exit_code_alone() {
    let full = || Stdio::from(File::create("/dev/full").unwrap());
    let closed = || {
        let (read, write) = std::io::pipe().unwrap();
        drop(read);
        Stdio::from(write)
    };
    let (going, bad) = (running("40%"), failed("x"));
    for (last, code) in [(SUCCESS, 0), (bad.as_str(), 1)] {
        for output in ["text", "json"] {
            let server = || Server::answers([(200, going.as_str()), (200, last)]);
            for to in [full(), closed()] {
                at(&server().url()).args(["-o", output]).stdout(to).run().expect(code, "");
            }
            for to in [full(), closed()] {
                at(&server().url()).args(["-o", output, "-v"]).stderr(to).run().expect(code, "");
            }
        }
    }
}

/// A pipe that is full, and that nobody reads. 64 KiB is what one holds; more would block the test itself.
fn blocked() -> (Stdio, impl Sized) {
    let (read, mut write) = std::io::pipe().unwrap();
    std::io::Write::write_all(&mut write, &vec![b'x'; 65536]).unwrap();
    (write.into(), read)
}

/// Covers L1.
#[test]
fn a_stream_that_nobody_reads_holds_neither_the_deadline_nor_a_signal_up() {
    let server = Server::answers([(200, running("40%").as_str())]);
    for which in ["stdout", "stderr"] {
        let run = || {
            let (pipe, keep) = blocked();
            let run = at(&server.url()).args(["-v"]);
            (if which == "stdout" { run.stdout(pipe) } else { run.stderr(pipe) }, keep)
        };
        let (waiting, _keep) = run();
        waiting.timeout("500ms").run().within(0.5).expect(124, "");

        let (waiting, _keep) = run();
        let running = waiting.start();
        thread::sleep(Duration::from_millis(300));
        let sent = running.signal("TERM");
        let ended = running.end().expect(143, "");
        assert!(sent.elapsed() <= Duration::from_millis(100), "{which}: {:?} {ended:?}", sent.elapsed());
    }
}

/// How the task ended is known by then: the signal ends only the patience with whoever should read it.
/// Covers L2.
#[test]
fn a_signal_while_nobody_reads_the_result() {
    for (options, code) in [(&["-q"][..], 0), (&["-v"], 0), (&["-o", "jsonl"], 0)] {
        let server = Server::answers([(200, SUCCESS)]);
        let ((out, _keep_out), (err, _keep_err)) = (blocked(), blocked());
        let running = at(&server.url()).args(options.iter().copied()).stdout(out).stderr(err).start();
        thread::sleep(Duration::from_millis(300));
        let sent = running.signal("TERM");
        let ended = running.end().expect(code, "");
        assert!(sent.elapsed() <= Duration::from_millis(100), "{options:?}: {:?} {ended:?}", sent.elapsed());
    }
    // What neither waits nor serves ends as any other process.
    let (out, _keep) = blocked();
    let running = super::support::child::bare().arg("plan").stdout(out).start();
    thread::sleep(Duration::from_millis(300));
    running.signal("TERM");
    assert_eq!(running.end().code, None);
    let (out, _keep) = blocked();
    let running = super::support::child::bare().arg("simulate").stdout(out).start();
    thread::sleep(Duration::from_millis(300));
    running.signal("TERM");
    running.end().expect(0, "");
}

#[test]
fn the_result_is_the_last_line_where_both_streams_end_in_one_place() {
    use std::io::Read as _;

    for _ in 0..20 {
        let server = Server::acts([answer(404, "{}")]);
        let (mut read, write) = std::io::pipe().unwrap();
        let run = at(&server.url()).stdout(write.try_clone().unwrap().into()).stderr(write.into());
        run.run().expect(125, "");
        let mut log = String::new();
        read.read_to_string(&mut log).unwrap();
        assert!(log.lines().last().unwrap().starts_with(&format!("{ID} unreachable")), "{log}");
        assert_eq!(log.lines().count(), 3, "{log}");
    }
}

#[test]
fn a_reader_that_is_slow_gets_the_whole_result() {
    use std::io::Read as _;

    let reason = "x".repeat(900_000);
    let server = Server::acts([answer(200, &failed(&reason))]);
    let (mut read, write) = std::io::pipe().unwrap();
    let running = at(&server.url()).args(["-o", "json"]).stdout(write.into()).start();
    thread::sleep(Duration::from_millis(600));
    let mut document = String::new();
    read.read_to_string(&mut document).unwrap();
    running.end().expect(1, "");
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["jobs"][0]["fail_reason"], reason);
}

/// Covers L3.
#[test]
fn a_second_signal_ends_the_process_at_once() {
    // The first one is at work for a while: nobody reads what it says.
    let server = Server::answers([(200, running("40%").as_str())]);
    let (pipe, _keep) = blocked();
    let running = at(&server.url()).stderr(pipe).start();
    thread::sleep(Duration::from_millis(300));
    running.signal("INT");
    let second = running.signal("INT");
    running.end().expect(130, "");
    assert!(second.elapsed() <= Duration::from_millis(50), "{:?}", second.elapsed());
}

/// Covers L7.
#[test]
fn an_empty_environment_without_a_home_is_enough() {
    let server = Server::acts([answer(200, SUCCESS)]);
    at(&server.url()).env("LC_ALL", "C").run().expect(0, "completed");
}
