//! Rows C: the deadline and the pace.

use std::time::Duration;

use super::support::child::{at, bare};
use super::support::server::{Act, Server, answer, black_hole, raw};
use super::support::{CANARY, ID, PROJECT, SUCCESS, running};

/// A deadline of 3 s ends within 3.25 s, whatever hangs; the request timeout is longer.
#[track_caller]
fn ends_on_time(endpoint: &str) {
    let run = at(endpoint).timeout("3s").args(["--request-timeout", "30s"]);
    let ended = run.run().within(3.0).expect(125, "before the deadline");
    assert!(ended.took >= Duration::from_secs(3), "{ended:?}");
}

#[cfg(target_os = "linux")]
/// Covers C1 and T4.
#[test]
fn a_lookup_that_hangs_ends_on_time() {
    let Some(run) = super::support::child::with_a_lookup_that_hangs() else { return };
    run.timeout("1s").args(["--request-timeout", "30s"]).run().within(1.0).expect(125, "before the deadline");
}

/// Covers C1.
#[test]
fn a_connection_that_hangs_ends_on_time() {
    let (address, _keep) = black_hole();
    ends_on_time(&format!("http://{address}"));
}

/// Covers C1.
#[test]
fn a_tls_handshake_that_hangs_ends_on_time() {
    let server = Server::acts([Act::SendAndHang(Vec::new())]);
    ends_on_time(&server.url().replace("http:", "https:"));
}

/// Covers C1.
#[test]
fn headers_that_hang_end_on_time() {
    ends_on_time(&Server::acts([Act::SendAndHang(Vec::new())]).url());
    ends_on_time(&Server::acts([Act::SendAndHang(b"HTTP/1.1 200 OK\r\nX: ".to_vec())]).url());
}

/// Covers C1.
#[test]
fn a_body_that_hangs_ends_on_time() {
    let whole = raw(200, "", SUCCESS.as_bytes());
    ends_on_time(&Server::acts([Act::SendAndHang(whole[..whole.len() - 5].to_vec())]).url());
}

/// Covers C1.
#[test]
fn a_delay_that_outlasts_the_deadline_ends_on_time() {
    let server = Server::answers([(200, running("1%").as_str())]);
    let run = at(&server.url()).timeout("1s").args(["--interval", "10s", "--max-interval", "10s"]);
    run.run().within(1.0).expect(124, "last seen Running 1%");
    assert_eq!(server.seen().len(), 2);
}

#[cfg(unix)]
/// Covers A3.
#[test]
fn a_token_file_that_hangs_ends_on_time() {
    let fifo = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fifo-{}", std::process::id()));
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let run = at("http://127.0.0.1:9").timeout("1s").args(["--token-file", fifo.to_str().unwrap()]);
    run.run().within(1.0).expect(125, "before the deadline");
    std::fs::remove_file(fifo).unwrap();
}

#[test]
fn a_standard_input_that_never_ends_ends_on_time() {
    let run = at("http://127.0.0.1:9").timeout("1s").args(["--token-file", "-"]);
    let (read, write) = std::io::pipe().unwrap();
    let ended = run.stdin_from(read.into()).run().within(1.0).expect(125, "before the deadline");
    drop((write, ended));
}

/// Covers C2.
#[test]
fn timeouts_at_the_edges_work_or_are_refused() {
    let server = Server::answers([(200, SUCCESS)]);
    for good in ["30d", "720h", "1h30m", "2592000", "90"] {
        at(&server.url()).timeout(good).run().expect(0, "completed");
    }
    let hanging = Server::acts([Act::SendAndHang(Vec::new())]);
    at(&hanging.url()).timeout("1ms").run().within(0.0).expect(125, "");
    for bad in ["31d", "0", "0s", "-1", "-1s", "1M", "1month", "99999999999y", "", "abc", "NaN"] {
        let ended = at(&server.url()).timeout(bad).run().expect(2, "--timeout");
        assert!(ended.stdout.is_empty(), "{ended:?}");
    }
    at(&server.url()).timeout("0").run().expect(2, "--once");
}

#[test]
fn polls_follow_the_timetable() {
    let server = Server::start(|n| if n < 6 { answer(200, &running("1%")) } else { answer(200, SUCCESS) });
    let run = at(&server.url()).args([
        "--interval",
        "100ms",
        "--max-interval",
        "400ms",
        "--backoff",
        "2",
        "--jitter",
        "0",
    ]);
    run.run().expect(0, "");
    let delays = server.delays();
    let expected = [100, 200, 400, 400, 400, 400];
    assert_eq!(delays.len(), expected.len());
    for (delay, expected) in delays.iter().zip(expected) {
        assert!((expected..expected + 90).contains(delay), "{delays:?}");
    }
}

#[test]
fn one_slow_answer_does_not_end_a_wait_early() {
    let server = Server::acts([Act::SendAndHang(Vec::new()), answer(200, SUCCESS)]);
    at(&server.url()).timeout("3s").args(["--request-timeout", "1500ms"]).run().expect(0, "within 1.5s");
}

#[test]
fn the_time_that_reading_a_token_takes_counts() {
    let (read, mut write) = std::io::pipe().unwrap();
    let server = Server::acts([Act::SendAndHang(Vec::new())]);
    let running = at(&server.url()).timeout("1s").args(["--token-file", "-"]).stdin_from(read.into()).start();
    std::thread::sleep(Duration::from_millis(700));
    std::io::Write::write_all(&mut write, b"late").unwrap();
    drop(write);
    running.end().within(1.0).expect(125, "before the deadline");
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn the_command_that_waits_on_holds_what_came_by_variables_and_waits() {
    let server = Server::answers([(200, running("40%").as_str())]);
    let run =
        bare().env("HW_AUTH_TOKEN", CANARY).env("OS_PROJECT_ID", "0a").env("JOBWAIT_ENDPOINT", &server.url());
    let ended = run.env("JOBWAIT_SERVICE", "rds").args(["--once", ID]).run();
    let resume =
        format!("to resume, run: jobwait --project-id 0a --endpoint {} --service rds {ID}\n", server.url());
    ended.expect(124, &resume);
}

/// Covers C7.
#[test]
fn errors_at_once_and_for_ever_are_never_polled_faster_than_the_shortest_delay() {
    let server = Server::acts([Act::Send(raw(500, "", b""))]);
    let run = at(&server.url()).timeout("1s").args([
        "--interval",
        "50ms",
        "--max-interval",
        "50ms",
        "--jitter",
        "0",
    ]);
    run.run().within(1.0).expect(125, "HTTP 500");
    let delays = server.delays();
    // The very last look lands on the deadline instead.
    assert!(delays.iter().rev().skip(1).all(|&delay| delay >= 50), "{delays:?}");
    assert!(delays.len() <= 20, "{}", delays.len());
}

#[test]
fn the_deadline_counts_from_the_start_and_is_told() {
    let server = Server::answers([(200, running("40%").as_str())]);
    let ended = at(&server.url()).timeout("500ms").run().within(0.5);
    let ended = ended.expect(124, "the task continues in the cloud; last seen Running 40%");
    let resume = format!(
        "to resume, run: jobwait --project-id {PROJECT} --endpoint {} --timeout 500ms --interval 20ms --max-interval 60ms {ID}\n",
        server.url()
    );
    assert!(ended.stderr.contains(&resume), "{ended:?}");
    assert!(ended.stdout.contains(&format!("{ID} timed_out Create")), "{ended:?}");
}

#[test]
fn an_option_beats_the_variable_of_the_other_in_once_and_timeout() {
    let server = Server::answers([(200, running("40%").as_str())]);
    at(&server.url()).env("JOBWAIT_TIMEOUT", "5m").args(["--once"]).run().expect(124, "");
    at(&server.url()).args(["--once", "--timeout", "5m"]).run().expect(2, "--once");
    at(&server.url()).env("JOBWAIT_ONCE", "true").timeout("300ms").run().expect(124, "");
    assert!(server.seen().len() > 3, "the last one waited");
    let both = bare().env("JOBWAIT_ONCE", "1").env("JOBWAIT_TIMEOUT", "5m").env("HW_AUTH_TOKEN", CANARY);
    both.args([ID]).run().expect(2, "--once");
}

#[cfg(target_os = "linux")]
/// Covers C4.
#[test]
fn a_wall_clock_that_jumps_moves_neither_deadline_nor_delays_and_signatures_are_dated_anew() {
    for day in [86_400, -86_400] {
        let server = Server::answers([(200, running("1%").as_str())]);
        let run = bare()
            .env("HW_ACCESS_KEY", "AK")
            .env("HW_SECRET_KEY", CANARY)
            .args(["--project-id", PROJECT, "--endpoint", &server.url(), "--timeout", "1s", "--backoff", "1"])
            .args(["--interval", "100ms", ID]);
        let Some(run) = super::support::child::with_a_clock_that_jumps(run, day) else { return };
        let ended = run.run().within(1.0).expect(124, "last seen Running 1%");
        assert!(ended.took >= Duration::from_millis(850), "{ended:?}");
        let dates: Vec<String> =
            server.seen().iter().map(|seen| seen.header("x-sdk-date").unwrap()[..8].to_owned()).collect();
        let (first, last) = (&dates[0], dates.last().unwrap());
        assert!(if day > 0 { first < last } else { first > last }, "{dates:?}");
        assert!((9..=14).contains(&dates.len()), "{dates:?}");
        assert!(server.delays().iter().all(|delay| *delay < 250), "{:?}", server.delays());
    }
}

/// Stops a wait from 0.3 s on past its deadline of 1 s, until 1.8 s; how it ended, and how long after it was woken.
#[cfg(unix)]
fn slept_through(server: &Server, interval: &str) -> (super::support::child::Ended, Duration) {
    let run = at(&server.url()).timeout("1s").args(["--max-interval", "30s", "--interval", interval]);
    let run = run.args(["--request-timeout", "800ms"]).start();
    std::thread::sleep(Duration::from_millis(300));
    run.signal("STOP");
    std::thread::sleep(Duration::from_millis(1500));
    let woken = run.signal("CONT");
    let ended = run.end();
    (ended, woken.elapsed())
}

#[cfg(unix)]
/// Covers C5.
#[test]
fn who_sleeps_past_the_deadline_looks_once_more_and_ends() {
    let going = running("40%");
    let server = Server::answers([(200, going.as_str()), (200, SUCCESS)]);
    slept_through(&server, "30s").0.expect(0, "completed");
    assert_eq!(server.seen().len(), 2);

    let server = Server::answers([(200, going.as_str())]);
    let (ended, after) = slept_through(&server, "30s");
    ended.expect(124, "last seen Running 40%");
    assert!(server.seen().len() == 2 && after < Duration::from_millis(500), "{after:?}");
}

#[cfg(unix)]
/// Covers C5.
#[test]
fn who_is_stopped_in_a_look_looks_anew_and_does_not_hang() {
    let server = Server::acts([Act::SendAndHang(Vec::new()), answer(200, SUCCESS)]);
    slept_through(&server, "30s").0.expect(0, "completed");

    let server = Server::acts([Act::SendAndHang(Vec::new())]);
    let (ended, after) = slept_through(&server, "30s");
    ended.expect(125, "no usable response");
    assert!(server.seen().len() == 2 && after < Duration::from_millis(700), "{after:?}");
}

/// What a look was told before it was stopped may be long untrue.
#[cfg(unix)]
/// Covers C5.
#[test]
fn an_answer_that_was_slept_through_is_not_the_last_word() {
    let body = running("40%");
    let late = Act::Drip(raw(200, "", body.as_bytes()), Duration::from_millis(1));
    let server = Server::acts([late, answer(200, SUCCESS)]);
    slept_through(&server, "30s").0.expect(0, "completed");
    assert_eq!(server.seen().len(), 2);
}

/// A wait that looks seven times at the most, two of them at the deadline, when it goes by the clock alone: after 50 ms,
/// half a second, and then every two.
fn in_great_strides(server: &Server) -> super::support::child::Run {
    at(&server.url()).timeout("6s").args(["--interval", "50ms", "--backoff", "10", "--max-interval", "2s"])
}

#[test]
fn progress_that_nears_its_end_is_looked_at_sooner() {
    let steps = ["0%", "50%", "90%", "92%", "94%", "96%", "98%", "99%"].map(running);
    let answers = steps.iter().map(|step| (200, step.as_str())).chain([(200, SUCCESS)]);
    in_great_strides(&Server::answers(answers)).run().expect(0, "completed");
}

#[test]
fn an_expected_end_is_looked_for_around_its_time() {
    let server = || {
        let going = running("");
        Server::start(move |n| answer(200, if n < 8 { &going } else { SUCCESS }))
    };
    in_great_strides(&server()).args(["--expect", "2s"]).run().expect(0, "completed");
    in_great_strides(&server()).env("JOBWAIT_EXPECT", "2s").run().expect(0, "completed");
    in_great_strides(&server()).run().expect(124, "last seen Running");
}
