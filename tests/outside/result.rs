//! The outputs of a result that depend on its content: one value, and the summary.

use std::fs;
use std::path::{Path, PathBuf};

use super::support::child::{Run, at};
use super::support::server::{Server, answer, asked_for};
use super::support::{ID, SUCCESS, at_once, despite_noise, failed, job, running};

/// A file for a test, which does not exist yet.
struct TestFile(PathBuf);

impl TestFile {
    fn new(name: &str) -> Self {
        let name = format!("{name}-{}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_file(&path);
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.0).unwrap()
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

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

#[test]
fn a_summary_is_appended_to_its_file() {
    let file = TestFile::new("summary");
    let (_server, run) = done();
    let option = format!("--summary={}", file.path());
    let ended = run.arg(&option).run().expect(0, "");
    assert!(ended.stdout.starts_with(&format!("{ID} completed ")), "{ended:?}");
    let server = Server::answers([(200, failed("disk full").as_str())]);
    at(&server.url()).args(["-o", "json"]).env("JOBWAIT_SUMMARY", file.path()).run().expect(1, "").json();
    let text = file.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        [&lines[..4], &lines[5..10]].concat(),
        [
            "### jobwait: completed, exit code 0",
            "",
            "| Task | Outcome | Name | Duration | Details |",
            "| --- | --- | --- | --- | --- |",
            "",
            "### jobwait: failed, exit code 1",
            "",
            "| Task | Outcome | Name | Duration | Details |",
            "| --- | --- | --- | --- | --- |",
        ]
    );
    let name = "CreateGaussDBforMySQLInstance of DO-NOT-TOUCH-mgr2-mysql-single \
                (a48e43ff268f4c0e879652d65e63d0fbin07)";
    assert!(lines[4].starts_with(&format!("| `{ID}` | completed | {name} | ")), "{text}");
    assert!(lines[4].ends_with(" |  |") && lines[10].ends_with(" | disk full |"), "{text}");
    assert_eq!((lines.len(), text.ends_with('\n')), (11, true));
}

#[test]
fn in_github_actions_the_summary_and_the_outputs_are_those_of_the_step() {
    let (summary, outputs) = (TestFile::new("step-summary"), TestFile::new("step-outputs"));
    fs::write(&outputs.0, "earlier=1").unwrap();
    let run = |body: &str| {
        let server = Server::answers([(200, body)]);
        let run = at(&server.url()).env("GITHUB_STEP_SUMMARY", summary.path());
        // The task ID after the option is not its value.
        (server, run.env("GITHUB_OUTPUT", outputs.path()).args(["--once", "--summary", ID]))
    };
    let (_server, completed) = run(SUCCESS);
    completed.run().expect(0, "");
    assert_eq!(outputs.text(), "earlier=1\noutcome=completed\nexit-code=0\n");
    let going = running("40%");
    let (_server, late) = run(&going);
    late.run().expect(124, "");
    assert!(outputs.text().ends_with("\noutcome=timed_out\nexit-code=124\n"), "{}", outputs.text());
    assert!(summary.text().contains(" | last seen Running 40% |\n"), "{}", summary.text());
    assert_eq!(summary.text().matches("### jobwait").count(), 2);

    // Without the option nothing is written, and a file of one's own replaces only the summary.
    let before = (summary.text(), outputs.text());
    let (_server, off) = run(SUCCESS);
    off.args(["--summary=no"]).run().expect(0, "");
    assert_eq!((summary.text(), outputs.text()), before);
    let own = TestFile::new("own-summary");
    let (_server, elsewhere) = run(SUCCESS);
    elsewhere.arg(format!("--summary={}", own.path())).run().expect(0, "");
    assert!(own.text().contains("completed") && summary.text() == before.0);
    assert!(outputs.text().len() > before.1.len());
}

#[test]
fn text_of_the_service_cannot_break_out_of_the_summary() {
    let (summary, outputs) = (TestFile::new("hostile-summary"), TestFile::new("hostile-outputs"));
    let fields = r#""status": "Failed", "name": "a|b\\|c", "instance": {"id": "`x`", "name": "<img src=x>"},
        "fail_reason": "|\n\n# big\r\n```\noutcome=completed\nEOF\u2028[a](b)**c**\u001b[2J\u202e&lt;""#;
    let server = Server::acts([answer(200, &job(fields))]);
    let run = at(&server.url()).env("GITHUB_OUTPUT", outputs.path());
    run.arg(format!("--summary={}", summary.path())).run().expect(1, "");
    assert_eq!(outputs.text(), "outcome=failed\nexit-code=1\n");
    let text = summary.text();
    assert_eq!(text.lines().count(), 5, "{text}");
    let row = text.lines().last().unwrap();
    assert_eq!((row.matches('|').count(), row.matches('`').count()), (6, 2), "{row}");
    for c in ['<', '[', '*', '\\', '\u{1b}', '\u{202e}', '\u{2028}'] {
        assert!(!row.contains(c), "{c:?}: {row}");
    }
    assert!(row.contains("a&#124;b&#92;&#124;c of &#60;img src=x&#62; (&#96;x&#96;)"), "{row}");
}

#[test]
fn a_file_that_cannot_be_written_causes_a_warning() {
    let missing = "/no/such/folder/summary.md";
    for path in [missing, "/"] {
        let (_server, run) = done();
        let ended = run.arg(format!("--summary={path}")).run();
        let ended = ended.expect(0, &format!("jobwait: warning: --summary: cannot write to {path}: "));
        assert!(ended.stdout.contains(" completed "), "{ended:?}");
    }
    let file = TestFile::new("written-summary");
    let server = Server::answers([(200, failed("x").as_str())]);
    let run = at(&server.url()).env("GITHUB_OUTPUT", missing).env("JOBWAIT_SUMMARY", file.path());
    run.run().expect(1, &format!("jobwait: warning: GITHUB_OUTPUT: cannot write to {missing}: No such file"));
    assert!(file.text().contains("failed"));
}

#[test]
fn a_summary_without_a_file_is_rejected() {
    let server = Server::answers([(200, SUCCESS)]);
    let output = TestFile::new("no-outputs");
    let said = "--summary names no file, and GITHUB_STEP_SUMMARY is not set: use --summary=FILE";
    for value in ["--summary", "--summary=", "--summary=true"] {
        let ended = at(&server.url()).env("GITHUB_OUTPUT", output.path()).arg(value).run().expect(2, said);
        assert!(ended.stdout.is_empty() && !output.0.exists(), "{ended:?}");
    }
    let run = at(&server.url()).env("JOBWAIT_SUMMARY", "1").env("GITHUB_STEP_SUMMARY", "");
    run.run().expect(2, "JOBWAIT_SUMMARY names no file");
    assert!(server.seen().is_empty());
    at(&server.url()).env("JOBWAIT_SUMMARY", "off").run().expect(0, "");
}

#[test]
fn a_summary_of_many_tasks_shows_those_that_did_not_complete() {
    let file = TestFile::new("long-summary");
    let server = Server::by_id(|_, head| {
        let id = asked_for(head);
        let bad = failed("x").replace(ID, id);
        answer(200, &if id.ends_with('9') { bad } else { SUCCESS.replace(ID, id) })
    });
    let ids: Vec<String> = (0..299).map(|n| format!("task-{n}")).collect();
    let run = at(&server.url()).args(["--keep-going", "--rate-limit", "none", "-q"]).with_memory(40);
    run.arg(format!("--summary={}", file.path())).each(&ids).run().expect(1, "");
    let text = file.text();
    assert_eq!((text.matches(" | failed |").count(), text.matches(" | completed |").count()), (29, 171));
    assert!(text.ends_with("\n\n271 of 300 tasks completed, 29 failed; 100 are not shown\n"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_summary_that_nobody_reads_does_not_delay_the_end() {
    let pipe = TestFile::new("summary-pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe.0).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: there is no mkfifo");
        return;
    }
    let server = Server::answers([(200, running("40%").as_str())]);
    let said = format!("warning: --summary: cannot write to {}: it takes too long", pipe.path());
    despite_noise(|| {
        let run = at(&server.url()).arg(format!("--summary={}", pipe.path())).timeout("400ms");
        run.run().within(0.4).expect(124, &said);
    });
}

#[cfg(unix)]
#[test]
fn a_signal_while_ids_are_read_is_in_the_outputs() {
    let server = Server::answers([(200, SUCCESS)]);
    // The files have 20 ms.
    despite_noise(|| {
        let (summary, outputs) = (TestFile::new("signal-summary"), TestFile::new("signal-outputs"));
        let (open, _keep) = std::io::pipe().unwrap();
        let run = at(&server.url()).arg("-").stdin_from(open.into()).env("GITHUB_OUTPUT", outputs.path());
        let child = run.arg(format!("--summary={}", summary.path())).start().handles_signals();
        child.signal("TERM");
        child.end().expect(143, "nothing was sent");
        assert_eq!(outputs.text(), "outcome=interrupted\nexit-code=143\n");
        assert_eq!(summary.text(), "### jobwait: interrupted, exit code 143\n\nNo task was waited for.\n");
    });
}
