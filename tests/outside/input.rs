//! Tasks from standard input.

use super::support::child::{Run, bare};
use super::support::server::Server;
use super::support::{CANARY, ID, PROJECT, SUCCESS, at_once, despite_noise};

fn piped(server: &Server) -> Run {
    let run = bare().env("HW_AUTH_TOKEN", CANARY).env("HW_PROJECT_ID", PROJECT);
    run.args(["--endpoint", &server.url(), "-"])
}

#[test]
fn the_response_of_the_call_that_starts_a_task_can_be_piped_in() {
    for text in [
        format!("{ID}\n"),
        format!(r#"{{"instance": {{"id": "x"}}, "job_id": "{ID}"}}"#),
        format!(r#"{{"job_ids": ["{ID}", "{ID}"]}}"#),
    ] {
        let server = Server::answers([(200, SUCCESS)]);
        piped(&server).stdin(text).run().expect(0, &format!("{ID} completed"));
        assert!(server.seen()[0].head.contains(&format!("id={ID} ")));
    }
}

#[test]
fn input_without_a_task_is_rejected_with_its_reason_before_any_request() {
    let server = Server::answers([(200, SUCCESS)]);
    for (text, said) in [
        ("", "standard input: empty"),
        (
            r#"{"error_code":"DBS.200011","error_msg":"The quota is used up."}"#,
            "refused, so there is no task: The quota",
        ),
        (r#"{"order_id":"CS1"}"#, "an order_id ('CS1') and no job_id"),
        (r#"{"job_id":"#, "invalid JSON"),
        ("a\nb c\n", "line 2: invalid job ID 'b c'"),
        ("null\n", "the call before it returned no job ID"),
        ("{\"job_id\": \"a\"}\nERROR: it is late\n", "invalid JSON"),
        (
            r#"{"job_id": "a"}{"error_code":"DBS.1","error_msg":"No more."}"#,
            "there is no task: No more. (DBS.1)",
        ),
    ] {
        let ended = piped(&server).stdin(text).run().expect(2, said);
        assert!(ended.stdout.is_empty() && ended.stderr.lines().count() == 1, "{ended:?}");
    }
    piped(&server).args(["--token-file", "-"]).stdin(ID).run().expect(2, "cannot be both the job IDs");
    piped(&server).args(["--interval", "1h", "--max-interval", "1s"]).stdin(ID).run().expect(2, "--interval");
    assert!(server.seen().is_empty());
}

#[test]
fn a_hundred_megabytes_are_rejected_in_bounded_memory() {
    let server = Server::answers([(200, SUCCESS)]);
    let fillers = ["a9767ede-fe0f-4888-9003-e843a4c90514\n", "\n", "{\"job_id\": [", "\u{1b}]junk "];
    at_once(fillers, |filler| {
        let junk = filler.repeat(100_000_000 / filler.len());
        piped(&server)
            .stdin(junk)
            .run()
            .expect(2, "standard input: longer than 4 MiB, so it is not a list of job IDs");
    });
    assert!(server.seen().is_empty());
}

#[test]
fn an_endless_pipe_is_bounded_by_the_deadline() {
    let server = Server::answers([(200, SUCCESS)]);
    let (open, _keep) = std::io::pipe().unwrap();
    let run = piped(&server).stdin_from(open.into()).timeout("400ms");
    run.run().within(0.4).expect(2, "standard input: no end before the deadline");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_reading_of_an_endless_pipe() {
    let server = Server::answers([(200, SUCCESS)]);
    let (open, _keep) = std::io::pipe().unwrap();
    at_once(["text", "json", "jsonl"], |form| {
        despite_noise(|| {
            let stdin = open.try_clone().unwrap().into();
            let running = piped(&server).args(["-o", form]).stdin_from(stdin).start().handles_signals();
            let ended = running.end_by("TERM").expect(
                143,
                "stopped by SIGTERM while reading job IDs from standard input; nothing was sent",
            );
            match form {
                "json" => assert_eq!(ended.json()["jobs"].as_array().unwrap().len(), 0),
                "jsonl" => assert_eq!(ended.events()[1]["exit_code"], 143),
                _ => assert!(ended.stdout.is_empty()),
            }
        });
    });
}
