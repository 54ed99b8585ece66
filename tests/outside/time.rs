//! Cases C: the deadline and the pace.

use std::time::Duration;

use super::support::child::{at, bare};
use super::support::messages::{LAST_SEEN, NO_RESPONSE_IN_TIME, RESUME, TASK_GOES_ON};
use super::support::punctual::slack;
use super::support::server::{Act, Server, answer, black_hole, raw};
use super::support::{CANARY, ID, PROJECT, SUCCESS, at_once, both, despite_noise, running, wait_until};

/// A wait ends at its deadline although the request timeout is longer.
#[track_caller]
fn ends_at_the_deadline(endpoint: &str) {
    despite_noise(|| {
        let run = at(endpoint).timeout("1s").args(["--request-timeout", "30s"]);
        let ended = run.run().within(1.0).expect(125, NO_RESPONSE_IN_TIME);
        assert!(ended.took >= Duration::from_secs(1), "{ended:?}");
        // A process that runs for a second has had its memory measured.
        assert!(ended.peak > 0 || !cfg!(target_os = "linux"), "{ended:?}");
    });
}

#[cfg(target_os = "linux")]
/// Covers C1 and T4.
#[test]
fn a_name_lookup_that_hangs_ends_at_the_deadline() {
    despite_noise(|| {
        let Some(run) = super::support::child::with_a_lookup_that_hangs() else { return };
        run.timeout("1s")
            .args(["--request-timeout", "30s"])
            .run()
            .within(1.0)
            .expect(125, NO_RESPONSE_IN_TIME);
    });
}

/// Covers C1.
#[test]
fn a_connection_that_hangs_ends_at_the_deadline() {
    let (address, _keep) = black_hole();
    ends_at_the_deadline(&format!("http://{address}"));
}

/// Covers C1.
#[test]
fn a_tls_handshake_that_hangs_ends_at_the_deadline() {
    let server = Server::acts([Act::SendAndHang(Vec::new())]);
    ends_at_the_deadline(&server.url().replace("http:", "https:"));
}

/// Covers C1.
#[test]
fn headers_that_hang_end_at_the_deadline() {
    at_once([b"".to_vec(), b"HTTP/1.1 200 OK\r\nX: ".to_vec()], |head| {
        ends_at_the_deadline(&Server::acts([Act::SendAndHang(head)]).url());
    });
}

/// Covers C1.
#[test]
fn a_body_that_hangs_ends_at_the_deadline() {
    let whole = raw(200, "", SUCCESS.as_bytes());
    ends_at_the_deadline(&Server::acts([Act::SendAndHang(whole[..whole.len() - 5].to_vec())]).url());
}

/// Covers C1.
#[test]
fn a_delay_longer_than_the_deadline_ends_at_the_deadline() {
    despite_noise(|| {
        let server = Server::answers([(200, running("1%").as_str())]);
        let run = at(&server.url()).timeout("1s").args(["--interval", "10s", "--max-interval", "10s"]);
        run.run().within(1.0).expect(124, &format!("{LAST_SEEN} Running 1%"));
        assert_eq!(server.seen().len(), 2);
    });
}

#[cfg(unix)]
/// Covers A3.
#[test]
fn a_token_file_that_hangs_ends_at_the_deadline() {
    let fifo = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fifo-{}", std::process::id()));
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let run = at("http://127.0.0.1:9").timeout("500ms").args(["--token-file", fifo.to_str().unwrap()]);
    run.run().within(0.5).expect(125, NO_RESPONSE_IN_TIME);
    std::fs::remove_file(fifo).unwrap();
}

#[test]
fn a_token_on_an_endless_standard_input_ends_at_the_deadline() {
    let run = at("http://127.0.0.1:9").timeout("500ms").args(["--token-file", "-"]);
    let (read, write) = std::io::pipe().unwrap();
    let ended = run.stdin_from(read.into()).run().within(0.5).expect(125, NO_RESPONSE_IN_TIME);
    drop((write, ended));
}

/// Covers C2.
#[test]
fn timeouts_outside_the_allowed_range_are_rejected() {
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
fn delays_between_polls_grow_up_to_the_longest() {
    let server = Server::start(|n| if n < 6 { answer(200, &running("1%")) } else { answer(200, SUCCESS) });
    let growing = ["--interval", "100ms", "--max-interval", "400ms", "--backoff", "2", "--jitter", "0"];
    at(&server.url()).args(growing).run().expect(0, "");
    let delays = server.delays();
    let expected = [100, 200, 400, 400, 400, 400];
    assert_eq!(delays.len(), expected.len());
    for (delay, expected) in delays.into_iter().zip(expected) {
        assert!(delay < expected + 90 + slack().as_millis(), "{delay} ms, not {expected} ms");
        // The delay after a late request looks shorter.
        assert!(delay + 10 + slack().as_millis() >= expected, "{delay} ms, not {expected} ms");
    }
    let first_to_last = server.seen()[6].at.saturating_sub(server.seen()[0].at);
    assert!(first_to_last > Duration::from_millis(1700), "{first_to_last:?}");
}

#[test]
fn one_slow_response_does_not_end_the_wait() {
    let server = Server::acts([Act::SendAndHang(Vec::new()), answer(200, SUCCESS)]);
    at(&server.url()).timeout("10s").args(["--request-timeout", "700ms"]).run().expect(0, "within 700ms");
}

#[test]
fn the_deadline_includes_the_time_that_reading_a_token_takes() {
    despite_noise(|| {
        let (read, mut write) = std::io::pipe().unwrap();
        let server = Server::acts([Act::SendAndHang(Vec::new())]);
        let run = at(&server.url()).timeout("2s").args(["--token-file", "-"]).stdin_from(read.into());
        let running = run.start();
        std::thread::sleep(Duration::from_millis(800));
        std::io::Write::write_all(&mut write, b"late").unwrap();
        drop(write);
        running.end().within(2.0).expect(125, NO_RESPONSE_IN_TIME);
        assert_eq!(server.seen().len(), 1);
    });
}

#[test]
fn the_command_that_resumes_a_wait_includes_the_settings_of_variables() {
    let server = Server::answers([(200, running("40%").as_str())]);
    let run =
        bare().env("HW_AUTH_TOKEN", CANARY).env("OS_PROJECT_ID", "0a").env("JOBWAIT_ENDPOINT", &server.url());
    let ended = run.env("JOBWAIT_SERVICE", "rds").args(["--once", ID]).run();
    let resume = format!(
        "{RESUME}jobwait --project-id 0a --endpoint {} --service rds --rate-limit-scope process {ID}\n",
        server.url()
    );
    ended.expect(124, &resume);
}

/// Covers C7.
#[test]
fn immediate_errors_are_never_retried_faster_than_the_shortest_delay() {
    despite_noise(|| {
        let server = Server::acts([Act::Send(raw(500, "", b""))]);
        let steady = ["--interval", "50ms", "--max-interval", "50ms", "--jitter", "0"];
        let ended = at(&server.url()).timeout("1s").args(steady).run().within(1.0).expect(125, "HTTP 500");
        // One more at the start, and one at the deadline.
        let most = ended.took.as_millis() / 50 + 2;
        assert!((3..=most).contains(&(server.seen().len() as u128)), "{:?}", server.delays());
    });
}

#[test]
fn at_the_deadline_the_last_status_and_the_command_that_resumes_are_printed() {
    despite_noise(|| {
        let server = Server::answers([(200, running("40%").as_str())]);
        let ended = at(&server.url()).timeout("500ms").run().within(0.5);
        let ended = ended.expect(124, &format!("{TASK_GOES_ON}; {LAST_SEEN} Running 40%"));
        let resume = format!(
            "{RESUME}jobwait --project-id {PROJECT} --endpoint {} --timeout 500ms --interval 20ms --max-interval 60ms --rate-limit-scope process {ID}\n",
            server.url()
        );
        assert!(ended.stderr.contains(&resume), "{ended:?}");
        assert!(ended.stdout.contains(&format!("{ID} timed_out Create")), "{ended:?}");
    });
}

#[test]
fn an_option_overrides_the_variable_of_a_conflicting_option() {
    despite_noise(|| {
        let server = Server::answers([(200, running("40%").as_str())]);
        at(&server.url()).env("JOBWAIT_TIMEOUT", "5m").args(["--once"]).run().expect(124, "");
        at(&server.url()).args(["--once", "--timeout", "5m"]).run().expect(2, "--once");
        at(&server.url()).env("JOBWAIT_ONCE", "true").timeout("500ms").run().expect(124, "");
        assert!(server.seen().len() > 2, "the last one waited");
        let both = bare().env("JOBWAIT_ONCE", "1").env("JOBWAIT_TIMEOUT", "5m").env("HW_AUTH_TOKEN", CANARY);
        both.args([ID]).run().expect(2, "--once");
    });
}

#[cfg(target_os = "linux")]
/// Covers C4.
#[test]
fn a_jump_of_the_wall_clock_changes_only_the_dates_of_signatures() {
    despite_noise(|| {
        at_once([86_400, -86_400], |day| {
            let server = Server::answers([(200, running("1%").as_str())]);
            let run = bare()
                .env("HW_ACCESS_KEY", "AK")
                .env("HW_SECRET_KEY", CANARY)
                .args(["--project-id", PROJECT, "--endpoint", &server.url(), "--timeout", "1500ms"])
                .args(["--interval", "100ms", "--backoff", "1", ID]);
            let Some(run) = super::support::child::with_a_clock_that_jumps(run, day) else { return };
            let ended = run.run().within(1.5).expect(124, &format!("{LAST_SEEN} Running 1%"));
            assert!(ended.took >= Duration::from_millis(1350), "{ended:?}");
            let dates: Vec<String> =
                server.seen().iter().map(|seen| seen.header("x-sdk-date").unwrap()[..8].to_owned()).collect();
            let (first, last) = (&dates[0], dates.last().unwrap());
            assert!(if day > 0 { first < last } else { first > last }, "{dates:?}");
            // A delay is at least 90 ms long, and a day would be the last one.
            assert!((5..=19).contains(&dates.len()), "{dates:?}");
        });
    });
}

/// Stops a wait after its first request and past its deadline of 1 s. Returns its end, and how long after the process
/// went on it came.
#[cfg(unix)]
fn stopped_past_the_deadline(server: &Server) -> (super::support::child::Ended, Duration) {
    let run = at(&server.url()).timeout("1s").args(["--max-interval", "30s", "--interval", "30s"]);
    let run = run.args(["--request-timeout", "800ms", "-o", "json"]).start();
    wait_until("the first request", || !server.seen().is_empty());
    std::thread::sleep(Duration::from_millis(150));
    run.signal("STOP");
    std::thread::sleep(Duration::from_millis(1200));
    let resumed = run.signal("CONT");
    let ended = run.end();
    (ended, resumed.elapsed())
}

#[cfg(unix)]
/// Covers C5.
#[test]
fn a_process_stopped_past_its_deadline_polls_once_more_and_exits() {
    despite_noise(|| {
        let completed = || {
            let server = Server::answers([(200, running("40%").as_str()), (200, SUCCESS)]);
            stopped_past_the_deadline(&server).0.expect(0, "");
            assert_eq!(server.seen().len(), 2);
        };
        let still_running = || {
            let server = Server::answers([(200, running("40%").as_str())]);
            let (ended, after) = stopped_past_the_deadline(&server);
            assert_eq!(ended.expect(124, "").json()["jobs"][0]["job"]["process"], "40%");
            assert_eq!(server.seen().len(), 2);
            assert!(after < Duration::from_millis(500) + slack(), "{after:?}");
        };
        both(completed, still_running);
    });
}

#[cfg(unix)]
/// Covers C5.
#[test]
fn a_process_stopped_during_a_poll_polls_again_and_exits() {
    despite_noise(|| {
        let completed = || {
            let server = Server::acts([Act::SendAndHang(Vec::new()), answer(200, SUCCESS)]);
            stopped_past_the_deadline(&server).0.expect(0, "");
        };
        let hanging = || {
            let server = Server::acts([Act::SendAndHang(Vec::new())]);
            let (ended, after) = stopped_past_the_deadline(&server);
            assert_eq!(ended.expect(125, "").json()["outcome"], "unreachable");
            assert_eq!(server.seen().len(), 2);
            assert!(after < Duration::from_millis(700) + slack(), "{after:?}");
        };
        both(completed, hanging);
    });
}

/// A status that arrived before the process was stopped may have changed long ago.
#[cfg(unix)]
/// Covers C5.
#[test]
fn a_response_received_before_the_process_was_stopped_is_not_final() {
    despite_noise(|| {
        let body = running("40%");
        let late = Act::Drip(raw(200, "", body.as_bytes()), Duration::from_millis(1));
        let server = Server::acts([late, answer(200, SUCCESS)]);
        stopped_past_the_deadline(&server).0.expect(0, "");
        assert_eq!(server.seen().len(), 2);
    });
}

/// A wait of 6 s that polls only seven times without knowledge about the task, two of them at the deadline: at the start,
/// after 50 ms, after half a second more, and then every two seconds.
fn polls_rarely(server: &Server) -> super::support::child::Run {
    at(&server.url()).timeout("6s").args(["--interval", "50ms", "--backoff", "10", "--max-interval", "2s"])
}

#[test]
fn progress_near_100_percent_shortens_the_delays() {
    despite_noise(|| {
        let steps = ["0%", "50%", "90%", "92%", "94%", "96%", "98%", "99%"].map(running);
        let answers = steps.iter().map(|step| (200, step.as_str())).chain([(200, SUCCESS)]);
        polls_rarely(&Server::answers(answers)).run().expect(0, "completed");
    });
}

#[test]
fn delays_are_short_around_the_expected_end() {
    despite_noise(|| {
        let wait = || {
            let going = running("");
            let server = Server::start(move |n| answer(200, if n < 8 { &going } else { SUCCESS }));
            let run = polls_rarely(&server);
            (server, run)
        };
        at_once(0..3, |case| {
            let (_server, run) = wait();
            match case {
                0 => run.args(["--expect", "2s"]).run().expect(0, "completed"),
                1 => run.env("JOBWAIT_EXPECT", "2s").run().expect(0, "completed"),
                _ => run.run().expect(124, &format!("{LAST_SEEN} Running")),
            };
        });
    });
}
