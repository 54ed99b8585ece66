//! The output on both streams.

use serde_json::Value;

use super::support::child::at;
use super::support::messages::RETRY;
use super::support::server::{Act, Server, answer};
use super::support::{CANARY, ID, NOT_FOUND, SUCCESS, at_once, both, despite_noise, failed, job, running};

#[test]
fn each_change_of_progress_is_one_line() {
    let (one, two) = (running("1%"), running("2%"));
    let server = Server::answers([
        (400, NOT_FOUND),
        (200, one.as_str()),
        (200, &one),
        (503, "busy"),
        (200, &two),
        (200, SUCCESS),
    ]);
    let ended = at(&server.url()).run().expect(0, "");
    let lines: Vec<&str> = ended.stderr.lines().map(|line| line.split_once("] ").unwrap().1).collect();
    assert_eq!(
        lines,
        [
            "not visible yet: The job does not exist. (DBS.200543, request req-7); a new task takes a few seconds",
            "Running 1%  CreateGaussDBforMySQLInstance of DO-NOT-TOUCH-mgr2-mysql-single (a48e43ff268f4c0e879652d65e63d0fbin07)",
            "HTTP 503: busy (request req-7); next poll in 0.0s",
            "Running 2%",
        ]
    );
    assert_eq!(ended.stdout.lines().count(), 1);
}

#[test]
fn a_wait_is_never_silent_for_longer_than_the_heartbeat() {
    despite_noise(|| {
        let between_polls = || {
            let server = Server::answers([(200, running("40%").as_str())]);
            let slow = ["--heartbeat", "200ms", "--interval", "10s", "--max-interval", "10s"];
            let ended =
                at(&server.url()).timeout("1s").args(slow).run().expect(124, "Running 40%, polled 0.");
            let beats = ended.stderr.matches("; times out in ").count();
            assert!((2..=6).contains(&beats), "{ended:?}");
        };
        let without_a_response = || {
            let hanging = Server::acts([Act::SendAndHang(Vec::new())]);
            let ended = at(&hanging.url()).timeout("1s").args(["--heartbeat", "200ms"]).run();
            ended.expect(125, "no response yet; times out in ");
        };
        both(between_polls, without_a_response);
    });
}

#[test]
fn a_deeply_nested_job_is_printed_as_a_valid_document() {
    let deep = format!(r#""status": "Completed", "x": {}{}"#, "[".repeat(119), "]".repeat(119));
    let server = Server::acts([answer(200, &job(&deep))]);
    at(&server.url()).args(["-o", "json"]).run().expect(0, "[[[").json();
}

#[test]
fn quiet_prints_errors_and_the_result_and_none_only_the_result() {
    let (going, bad) = (running("1%"), failed("disk full"));
    for (option, errors) in [("-q", 2), ("--progress=none", 0)] {
        let answers =
            [(200, going.as_str()), (503, "busy"), (503, "busy"), (500, "late"), (200, &going), (200, &bad)];
        let ended = at(&Server::answers(answers).url()).arg(option).run().expect(1, "disk full");
        assert_eq!(ended.stderr.matches(RETRY).count(), errors, "each kind once: {ended:?}");
        assert_eq!(ended.stderr.lines().count(), errors, "{ended:?}");
        let server = Server::answers([(401, "{}")]);
        let ended = at(&server.url()).arg(option).run().expect(4, "");
        assert!(ended.stderr.contains("the credentials are wrong"), "{ended:?}");
    }
}

#[test]
fn progress_is_printed_again_after_an_error() {
    let going = running("1%");
    let server =
        Server::answers([(200, going.as_str()), (503, "busy"), (200, &going), (200, &going), (200, SUCCESS)]);
    let ended = at(&server.url()).run().expect(0, "busy");
    assert_eq!(ended.stderr.matches("Running 1%").count(), 2, "{ended:?}");
}

#[test]
fn json_is_one_document_for_every_exit_code() {
    let (going, bad) = (running("40%"), failed("x"));
    let cases = [
        (200, SUCCESS, 0, "completed"),
        (200, bad.as_str(), 1, "failed"),
        (400, NOT_FOUND, 3, "not_found"),
        (401, "{}", 4, "unauthorized"),
        (200, &going, 124, "timed_out"),
        (404, "{}", 125, "unreachable"),
    ];
    at_once(cases, |(status, body, code, outcome)| {
        let server = Server::answers([(status, body)]);
        let run = at(&server.url()).args(["--once", "-o", "json", "--not-found-grace", "0"]);
        let ended = run.run().expect(code, "");
        assert!(ended.stdout.starts_with(r#"{"format_version":"1.0","outcome":"#), "{ended:?}");
        let said = ended.json();
        let task = &said["jobs"][0];
        assert_eq!((&said["outcome"], &said["exit_code"]), (&outcome.into(), &code.into()));
        assert_eq!((&task["outcome"], &task["job_id"]), (&outcome.into(), &ID.into()));
        assert!(task["elapsed_seconds"].is_f64() && task["polls"] == 1 && task["requests"] == 1, "{said}");
        let keys: Vec<&String> = task.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            ["elapsed_seconds", "error", "fail_reason", "job", "job_id", "outcome", "polls", "requests"]
        );
        assert_eq!(task["error"].is_object(), [3, 4, 125].contains(&code), "{said}");
        assert_eq!(task["job"].is_object(), [0, 1, 124].contains(&code), "{said}");
        assert_eq!(task["fail_reason"], if code == 1 { "x".into() } else { Value::Null });
    });
}

#[test]
fn events_are_printed_in_order_and_end_with_verdict_and_result() {
    let [first, second] = ["3%", "40%"].map(running);
    let lines = [(400, NOT_FOUND), (200, &first), (200, &first), (503, ""), (200, &second), (200, SUCCESS)];
    let ended =
        at(&Server::answers(lines).url()).args(["-o", "jsonl", "--progress", "none"]).run().expect(0, "");
    let events = ended.events();
    let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["version", "invisible", "status", "retry", "status", "verdict", "result"]);
    let (version, events) = events.split_first().unwrap();
    assert_eq!((&version["format_version"], &version["job_id"]), (&"1.0".into(), &Value::Null));
    assert!(events[..5].iter().all(|event| event["job_id"] == ID), "{events:?}");
    assert_eq!((&events[1]["progress"], &events[3]["progress"]), (&3.0.into(), &40.0.into()));
    assert_eq!((&events[2]["http_status"], &events[4]["outcome"]), (&503.into(), &"completed".into()));
    assert_eq!((&events[4]["polls"], &events[5]["exit_code"]), (&6.into(), &0.into()));
    assert_eq!(events[4]["job"], serde_json::from_str::<Value>(SUCCESS).unwrap()["job"]);
}

#[test]
fn events_include_heartbeats_and_end_with_the_exit_code() {
    despite_noise(|| {
        let server = Server::answers([(200, running("40%").as_str())]);
        let run = at(&server.url()).timeout("800ms").args(["-o", "jsonl", "--heartbeat", "100ms", "-q"]);
        let events = run.run().expect(124, "timed_out").events();
        let beats: Vec<_> = events.iter().filter(|event| event["event"] == "heartbeat").collect();
        assert!(
            (2..=16).contains(&beats.len()) && beats.iter().all(|beat| beat["status"] == "Running"),
            "{events:?}"
        );
        assert_eq!(events.last().unwrap()["exit_code"], 124);
    });
}

#[test]
fn in_github_actions_a_failure_is_an_annotation() {
    let failure = failed("The quota is 100 % used.\\n::warning::no");
    let run = |name: &str, value: &str| {
        at(&Server::answers([(200, failure.as_str())]).url()).env(name, value).run()
    };
    let ended = run("GITHUB_ACTIONS", "true").expect(1, "");
    let notes: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(notes.len(), 1, "{ended:?}");
    assert!(notes[0].starts_with(&format!("::error title=jobwait%3A failed::{ID} failed ")), "{notes:?}");
    assert!(notes[0].ends_with("The quota is 100 %25 used.\\n::warning::no"), "{notes:?}");
    assert!(!ended.stdout.contains("::error"), "{ended:?}");
    for (name, value) in [("GITHUB_ACTIONS", "false"), ("GITLAB_CI", "true")] {
        assert!(!run(name, value).expect(1, "").stderr.contains("::error"));
    }
    let done = at(&Server::answers([(200, SUCCESS)]).url()).env("GITHUB_ACTIONS", "true").run().expect(0, "");
    assert!(!done.stderr.contains("::"), "{done:?}");
}

#[test]
fn in_azure_pipelines_a_failure_is_an_annotation() {
    let failure = failed("100 % [used]; \\r\\n##vso[task.complete result=Succeeded]");
    let server = Server::answers([(200, failure.as_str())]);
    let run = || at(&server.url()).env("TF_BUILD", "True");
    let ended = run().run().expect(1, "");
    let notes: Vec<&str> = ended.stderr.lines().filter(|line| line.contains("##vso[")).collect();
    assert_eq!(notes.len(), 1, "{ended:?}");
    let start = format!("##vso[task.logissue type=error]jobwait: failed: {ID} failed ");
    assert!(notes[0].starts_with(&start), "{notes:?}");
    let end = "100 %AZP25 [used%5D%3B \\r\\n\\u{23}#vso[task.complete result=Succeeded%5D";
    assert!(notes[0].ends_with(end), "{notes:?}");
    assert!(!ended.stdout.contains("##vso[") && !ended.stderr.contains("::error"), "{ended:?}");
    let both = run().env("GITHUB_ACTIONS", "true").run().expect(1, "");
    assert!(both.stderr.contains("\n##vso[") && both.stderr.contains("::error title="), "{both:?}");
    let done = at(&Server::answers([(200, SUCCESS)]).url()).env("TF_BUILD", "True").run().expect(0, "");
    assert!(!done.stderr.contains("##vso["), "{done:?}");
}

/// Covers L5.
#[test]
fn the_services_text_is_escaped_except_in_json() {
    let hostile = r#""status": "Failed", "name": "a\u001b[2Jb\u0007\u009b\u202e", "fail_reason": "x\r\n\u001b]52;c;YQ==\u0007""#;
    let server = Server::acts([answer(200, &job(hostile))]);
    let ended = at(&server.url()).args(["-vv"]).run().expect(1, r"a\u{1b}[2Jb\u{7}\u{9b}\u{202e} after");
    assert!(ended.stdout.contains(r"x\r\n\u{1b}]52"), "{ended:?}");
    let printed = ended.stdout + &ended.stderr;
    assert!(!printed.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}')), "{printed:?}");

    let said = at(&server.url()).args(["-o", "json"]).run().json();
    assert_eq!(said["jobs"][0]["fail_reason"], "x\r\n\u{1b}]52;c;YQ==\u{7}");
}

/// Covers L5.
#[test]
fn long_text_is_truncated_except_in_json() {
    let reason = "x".repeat(900_000);
    let server = Server::acts([answer(200, &failed(&reason))]);
    let ended = at(&server.url()).args(["-vv"]).run().expect(1, "x…");
    assert!(
        ended.stdout.len() < 700 && ended.stderr.len() < 20_000,
        "{} {}",
        ended.stdout.len(),
        ended.stderr.len()
    );
    let said = at(&server.url()).args(["-o", "json"]).run().json();
    assert_eq!(said["jobs"][0]["fail_reason"], reason);
}

#[test]
fn logs_are_structured_and_contain_no_secret() {
    let server = Server::answers([(503, "busy"), (200, SUCCESS)]);
    let text = at(&server.url()).args(["-v"]).run().expect(0, "DEBUG jobwait::cloud");
    assert!(text.stderr.contains("status=503"), "{text:?}");
    let server = Server::answers([(200, SUCCESS)]);
    let json =
        at(&server.url()).args(["-vv", "--log-format", "json", "--progress", "none"]).run().expect(0, "");
    let levels: Vec<String> = json
        .stderr
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["level"].as_str().unwrap().to_owned())
        .collect();
    assert!(levels.contains(&"TRACE".into()) && levels.contains(&"DEBUG".into()), "{json:?}");
    assert!(!json.stderr.contains(CANARY));
}

/// Covers L6.
#[test]
fn without_a_terminal_progress_is_plain_lines_in_any_environment() {
    for (name, value) in [
        ("TERM", "dumb"),
        ("TERM", "xterm-256color"),
        ("NO_COLOR", "1"),
        ("CLICOLOR_FORCE", "1"),
        ("COLUMNS", "1"),
        ("CI", "1"),
    ] {
        let server = Server::answers([(200, running("1%").as_str()), (200, SUCCESS)]);
        // The end of every process is checked for control bytes.
        let ended = at(&server.url()).env(name, value).run().expect(0, "Running 1%");
        assert_eq!(ended.stderr.lines().count(), 1, "{name}: {ended:?}");
    }
}
