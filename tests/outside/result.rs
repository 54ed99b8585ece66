//! The outputs of a result that depend on its content: one value, and the summary.

use super::support::child::{Run, at};
use super::support::server::{Server, answer};
use super::support::{ID, SUCCESS, at_once, failed, job, running};

/// A wait for a task that completed.
fn done() -> (Server, Run) {
    let server = Server::answers([(200, SUCCESS)]);
    let run = at(&server.url());
    (server, run)
}

#[test]
fn a_value_is_printed_instead_of_the_result() {
    let object = serde_json::from_str::<serde_json::Value>(SUCCESS).unwrap()["job"].clone();
    for (pointer, printed) in [
        ("/entities/instance/endpoint", "192.168.1.203:3306\n"),
        ("/entities/resource_ids/1", "a48e43ff268f4c0e879652d65e63d0fbin07.volume\n"),
        ("/process", "\n"),
    ] {
        let (_server, run) = done();
        let ended = run.args(["--print", pointer]).run().expect(0, "");
        assert_eq!(ended.stdout, printed, "{pointer}");
        assert!(ended.stderr.contains(&format!("jobwait: {ID} completed ")), "{ended:?}");
    }
    let (_server, run) = done();
    let ended = run.args(["--print="]).run().expect(0, "");
    assert_eq!((ended.stdout.lines().count(), ended.object()), (1, object));
}

#[test]
fn values_are_printed_as_the_service_wrote_them() {
    let fields = r#""status": "Completed", "n": 12345678901234567890123, "x": 1e999, "b": true, "z": null,
        "text": "a\"b\u001b[2J\n##vso[x]\u202e磁盘", "list": [1.10, "\u202e"]"#;
    let server = Server::acts([answer(200, &job(fields))]);
    let cases = [
        ("/n", "12345678901234567890123\n"),
        ("/x", "1e999\n"),
        ("/b", "true\n"),
        ("/z", "null\n"),
        // Text that a terminal or a CI runner would obey is escaped as everywhere.
        ("/text", "a\"b\\u{1b}[2J\\n\\u{23}#vso[x]\\u{202e}磁盘\n"),
        ("/list", "[1.10,\"\\u202e\"]\n"),
    ];
    at_once(cases, |(pointer, printed)| {
        let ended = at(&server.url()).args(["--print", pointer, "-q"]).run().expect(0, "");
        assert_eq!(ended.stdout, printed, "{pointer}");
    });
    let long = "x".repeat(900_000);
    let server = Server::acts([answer(200, &job(&format!(r#""status": "Completed", "long": "{long}""#)))]);
    let ended = at(&server.url()).args(["--print", "/long"]).run().expect(0, "");
    assert!(ended.stdout.len() == long.len() + 1, "{}", ended.stdout.len());
}

#[test]
fn a_missing_value_prints_nothing_and_keeps_the_exit_code() {
    let (_server, run) = done();
    let ended = run.args(["--print", "/no\u{1b}thing"]).run().expect(0, "");
    assert_eq!(ended.stdout, "");
    let warning = r"jobwait: warning: the task has no value at '/no\u{1b}thing' (--print)";
    assert!(ended.stderr.contains(warning), "{ended:?}");
}

#[test]
fn a_task_that_did_not_complete_has_its_usual_result() {
    for (body, code, outcome) in [(failed("disk full"), 1, "failed"), (running("40%"), 124, "timed_out")] {
        let server = Server::answers([(200, body.as_str())]);
        let ended = at(&server.url()).args(["--once", "--print", "/id", "-q"]).run().expect(code, "");
        assert!(ended.stdout.starts_with(&format!("{ID} {outcome} ")), "{ended:?}");
        assert!(!ended.stderr.contains(&format!("{ID} {outcome} ")), "{ended:?}");
    }
}

#[test]
fn a_value_is_of_one_task_in_text() {
    let server = Server::answers([(200, SUCCESS)]);
    let run = || at(&server.url()).args(["--print", "/id"]);
    let instance = ["--instance", "a48e43ff268f4c0e879652d65e63d0fbin07"];
    let cases = [
        (run().args(["-o", "json"]), "--print prints a value of the task as text"),
        (run().env("JOBWAIT_PRINT", "/id").args(["-o", "jsonl"]), "use it without another --output"),
        (run().args(["another"]), "--print prints a value of one task, but there are 2: use --output json"),
        (run().args(instance), "use only one of them"),
        (at(&server.url()).args(["--print", "id"]), "a JSON Pointer, which starts with '/': /id"),
        (at(&server.url()).args(["--print", "/a~2"]), "'~' is written as ~0"),
        (
            at(&server.url()).env("JOBWAIT_PRINT", "/id").args(["another"]),
            "JOBWAIT_PRINT prints a value of one task",
        ),
        (at(&server.url()).env("JOBWAIT_PRINT", "id"), "JOBWAIT_PRINT"),
    ];
    for (run, said) in cases {
        let ended = run.run().expect(2, said);
        assert!(ended.stdout.is_empty(), "{ended:?}");
    }
    assert!(server.seen().is_empty());
    // The same ID twice is one task, and an option takes precedence over the variable of the other one.
    assert_eq!(run().args([ID, "-o", "text"]).run().expect(0, "").stdout, format!("{ID}\n"));
    at(&server.url()).env("JOBWAIT_PRINT", "/id").args(["-o", "json"]).run().expect(0, "").json();
    let ended = run().env("JOBWAIT_OUTPUT", "json").run().expect(0, "");
    assert_eq!(ended.stdout, format!("{ID}\n"));
}
