//! Several tasks in one wait.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use super::support::child::{Run, bare};
use super::support::messages::{NO_RESPONSE, RESUME, RETRY};
use super::support::punctual::slack;
use super::support::server::{Act, Server, answer, answer_with, asked_for};
use super::support::{
    CANARY, ID, NOT_FOUND, PROJECT, SUCCESS, at_once, both, despite_noise, failed, over_quota, running,
    wait_until,
};

fn wait(server: &Server, ids: &[impl AsRef<OsStr>]) -> Run {
    bare()
        .env("HW_AUTH_TOKEN", CANARY)
        .env("HW_PROJECT_ID", PROJECT)
        .args(["--endpoint", &server.url(), "--interval", "20ms", "--max-interval", "60ms"])
        .each(ids)
}

/// A number of IDs.
fn tasks(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("task-{n}")).collect()
}

/// Responds to the n-th request about each task as `script` says.
fn server(script: impl Fn(&str, usize) -> Act + Send + Sync + 'static) -> Server {
    let asked: Mutex<HashMap<String, usize>> = Mutex::default();
    Server::by_id(move |_, head| {
        let id = asked_for(head).to_owned();
        let n = {
            let mut asked = asked.lock().unwrap();
            let n = asked.entry(id.clone()).or_default();
            *n += 1;
            *n - 1
        };
        match script(&id, n) {
            Act::Send(bytes) => {
                let text = String::from_utf8(bytes).unwrap();
                let (head, body) = text.split_once("\r\n\r\n").unwrap();
                let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                let retry = if head.contains("Retry-After: 0") { "Retry-After: 0\r\n" } else { "" };
                answer_with(status, retry, &body.replace(ID, &id))
            }
            other => other,
        }
    })
}

/// The task named `done` completes at the third poll, `broken` fails then, and others never end.
fn mixed() -> Server {
    let (going, broken) = (running("40%"), failed("No disk."));
    server(move |id, n| match id {
        _ if n < 2 => answer(200, &going),
        "broken" => answer(200, &broken),
        id if id.starts_with("done") => answer(200, SUCCESS),
        "forbidden" => answer(403, r#"{"error_code":"DBS.201028","error_msg":"No."}"#),
        "unknown" => answer(400, NOT_FOUND),
        _ => answer(200, &going),
    })
}

fn outcomes(document: &serde_json::Value) -> Vec<(&str, &str)> {
    let jobs = document["jobs"].as_array().unwrap().iter();
    jobs.map(|job| (job["job_id"].as_str().unwrap(), job["outcome"].as_str().unwrap())).collect()
}

#[test]
fn completed_tasks_are_printed_in_the_order_of_their_ids() {
    let ended = wait(&mixed(), &["done-2", "done-1", "done-2"]).run().expect(0, "");
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "the same ID twice is one task: {ended:?}");
    assert!(
        lines[0].starts_with("done-2 completed ") && lines[1].starts_with("done-1 completed "),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("] done-1: Running 40%"), "{ended:?}");
    assert!(ended.stderr.ends_with("jobwait: completed: 2 of 2 tasks completed\n"), "{ended:?}");
}

#[test]
fn the_first_failure_ends_the_wait_and_every_task_is_reported() {
    let ended = wait(&mixed(), &["slow", "broken", "slower"]).args(["-o", "json"]).run().expect(1, "");
    let document = ended.json();
    assert_eq!(outcomes(&document), [("slow", "waiting"), ("broken", "failed"), ("slower", "waiting")]);
    assert_eq!((&document["outcome"], &document["exit_code"]), (&"failed".into(), &1.into()));
    assert_eq!(document["jobs"][0]["job"]["id"], "slow");
}

#[test]
fn with_keep_going_all_tasks_end_and_the_worst_outcome_counts() {
    despite_noise(|| {
        let expected = [
            ("broken", "failed"),
            ("done", "completed"),
            ("unknown", "not_found"),
            ("forbidden", "unauthorized"),
            ("slow", "timed_out"),
        ];
        // Without the worst of them, the next worst counts.
        at_once([(5, 1), (4, 4), (3, 3), (2, 124)], |(count, code)| {
            let order = ["slow", "done", "unknown", "forbidden", "broken"];
            let run = wait(&mixed(), &order[..count]).args(["--keep-going", "-o", "json"]).timeout("1500ms");
            let document = run.run().within(1.5).expect(code, "").json();
            for task in outcomes(&document) {
                assert!(expected.contains(&task), "{document}");
            }
            assert_eq!(document["jobs"].as_array().unwrap().len(), count);
        });
    });
}

#[test]
fn with_any_the_first_completed_task_ends_the_wait() {
    let ended = wait(&mixed(), &["slow", "broken", "done"]).args(["--any", "-o", "json"]).run().expect(0, "");
    let document = ended.json();
    assert_eq!(document["outcome"], "completed");
    assert_eq!(outcomes(&document)[0], ("slow", "waiting"));
    assert_eq!(outcomes(&document)[2], ("done", "completed"));
    wait(&mixed(), &["broken", "unknown"]).env("JOBWAIT_ANY", "1").run().expect(1, "failed");
    wait(&mixed(), &["done"]).args(["--any", "--keep-going"]).run().expect(2, "--keep-going");
    wait(&mixed(), &["null"]).run().expect(2, "'null' is not a job ID");
}

#[test]
fn the_response_of_a_call_that_starts_several_tasks_can_be_piped_in() {
    let run = wait(&mixed(), &["-"]).stdin(r#"{"job_id": "done-1,done-2"}"#);
    let ended = run.run().expect(0, "done-1 completed");
    assert!(ended.stdout.lines().nth(1).unwrap().starts_with("done-2 completed "), "{ended:?}");
    let ended = wait(&mixed(), &["done-3", "-"]).stdin("done-1\ndone-3\n").run().expect(0, "");
    assert_eq!(ended.stdout.lines().count(), 2, "{ended:?}");
    // As `jq --raw-output .job_id` puts it into a variable.
    let ended = wait(&mixed(), &["done-1,done-2"]).run().expect(0, "done-1 completed");
    assert_eq!(ended.stdout.lines().count(), 2, "{ended:?}");
}

#[test]
fn at_the_deadline_each_task_has_an_outcome_of_its_own() {
    despite_noise(|| {
        let going = running("40%");
        let server = server(move |id, _| match id {
            "unknown" => answer(400, NOT_FOUND),
            _ => answer(200, &going),
        });
        let ended = wait(&server, &["slow", "unknown", "slower"]).args(["-o", "json"]).timeout("1s").run();
        let ended = ended.expect(3, "0 of 3 tasks completed, 1 not_found, 2 timed_out").within(1.0);
        let expected = [("slow", "timed_out"), ("unknown", "not_found"), ("slower", "timed_out")];
        assert_eq!(outcomes(&ended.json()), expected);
    });
}

#[test]
fn with_once_each_task_is_polled_and_reported_once() {
    let (going, broken) = (running("40%"), failed("No disk."));
    let server = server(move |id, _| match id {
        "broken" => answer(200, &broken),
        "done" => answer(200, SUCCESS),
        _ => answer(200, &going),
    });
    let once = |ids: &[&str]| wait(&server, ids).args(["--once", "-o", "json"]).run();
    let ended = once(&["slow", "broken", "done"]).expect(1, "");
    assert_eq!(outcomes(&ended.json()), [("slow", "timed_out"), ("broken", "failed"), ("done", "completed")]);
    once(&["slow", "done"]).expect(124, "");
    once(&["done"]).expect(0, "");
    assert_eq!(server.seen().len(), 6);
}

#[test]
fn events_are_printed_for_each_task_and_end_with_a_result_of_all() {
    despite_noise(|| {
        let run =
            wait(&mixed(), &["slow", "done"]).args(["-o", "jsonl", "--heartbeat", "100ms"]).timeout("1s");
        let events = run.run().expect(124, "").events();
        let of = |id: &str, name: &str| {
            events.iter().filter(|event| event["job_id"] == id && event["event"] == name).count()
        };
        assert_eq!(
            (of("slow", "verdict"), of("done", "verdict"), of("slow", "status")),
            (1, 1, 1),
            "{events:?}"
        );
        assert!((2..=20).contains(&of("slow", "heartbeat")), "{events:?}");
        let mut of_done = events.iter().filter(|event| event["job_id"] == "done");
        assert_eq!(of_done.next_back().unwrap()["event"], "verdict", "{events:?}");
        let (last, rest) = events.split_last().unwrap();
        assert_eq!((&last["event"], &last["outcome"]), (&"result".into(), &"timed_out".into()));
        assert!(rest.iter().all(|event| event["event"] != "result"));
    });
}

#[test]
fn many_tasks_share_one_heartbeat() {
    despite_noise(|| {
        let ids = tasks(30);
        let ended = wait(&mixed(), &ids).args(["--heartbeat", "200ms"]).timeout("1s").run().expect(124, "");
        let beats = ended.stderr.lines().filter(|line| line.contains("0 of 30 tasks completed; ")).count();
        assert!((2..=8).contains(&beats), "{ended:?}");
        // The percentages of so many tasks are not worth a line.
        assert!(!ended.stderr.contains("40%  "), "{ended:?}");
        let command =
            ended.stderr.lines().find(|line| line.contains("to resume, run with the job IDs on")).unwrap();
        assert!(command.ends_with(" -"), "{command}");
    });
}

#[cfg(unix)]
#[test]
fn a_signal_interrupts_unfinished_tasks_and_the_command_resumes_them() {
    despite_noise(|| {
        let server = mixed();
        let running = wait(&server, &["slow", "done", "slower"]).args(["-o", "json"]).start();
        let asked = |id| server.seen().iter().filter(|seen| asked_for(&seen.head) == id).count();
        wait_until("every task was seen", || asked("done") >= 3 && asked("slow") > 0 && asked("slower") > 0);
        thread::sleep(Duration::from_millis(200));
        let ended = running.end_by("INT").expect(130, "");
        assert_eq!(
            outcomes(&ended.json()),
            [("slow", "interrupted"), ("done", "completed"), ("slower", "interrupted")]
        );
        let command = ended.stderr.lines().find(|line| line.contains(RESUME)).unwrap();
        assert!(command.ends_with(" slow slower"), "{command}");
    });
}

#[test]
fn all_tasks_share_one_rate_limit() {
    despite_noise(|| {
        let server = mixed();
        let ids = ["s1", "s2", "s3", "s4", "s5", "s6"];
        let run = wait(&server, &ids).args(["--rate-limit", "8/1s"]).timeout("3s").run().within(3.0);
        let ended = run.expect(124, "each is seen about every 0.2s on the service's list of tasks, or every 1.0s if that cannot be used");
        let seen: Vec<Duration> = server.seen().iter().map(|seen| seen.at).collect();
        // A request can be late, and the next one not.
        let window = Duration::from_millis(if slack().is_zero() { 900 } else { 500 });
        for (first, from) in seen.iter().enumerate() {
            let within = seen[first..].iter().take_while(|at| at.saturating_sub(*from) < window);
            assert!(within.count() <= 8, "{seen:?}");
        }
        let most = 8 * (ended.took.as_millis() / 1000 + 2);
        assert!(seen.len() >= 15 && (seen.len() as u128) < most, "{seen:?}");
        for wrong in ["0/5m", "5", "5/0"] {
            wait(&server, &["s1"]).args(["--rate-limit", wrong]).run().expect(2, "--rate-limit");
        }
    });
}

#[test]
fn rejected_credentials_are_sent_once_for_all_tasks() {
    let refusal = r#"{"error_code":"APIGW.0301","error_msg":"Incorrect IAM authentication information"}"#;
    let ids = tasks(30);
    at_once([&[][..], &["--keep-going", "--rate-limit", "none"]], |options| {
        for signed in [true, false] {
            let server = server(move |_, _| answer(401, refusal));
            let run = wait(&server, &ids).args(options.iter().copied());
            let keys = [("HW_AUTH_TOKEN", ""), ("HW_ACCESS_KEY", "AK"), ("HW_SECRET_KEY", CANARY)];
            let run =
                if signed { keys.iter().fold(run, |run, (name, value)| run.env(name, value)) } else { run };
            run.args(["-o", "json"]).run().expect(4, "APIGW.0301");
            assert_eq!(server.seen().len(), 1, "{options:?}, signed: {signed}");
        }
    });
}

#[test]
fn a_renewed_token_is_used_for_all_tasks() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("jobwait-several-token-{}", std::process::id()));
    std::fs::write(&path, "old-token").unwrap();
    let (going, renewed, once) = (running("40%"), path.clone(), std::sync::Once::new());
    let server = Server::by_id(move |n, head| {
        let id = asked_for(head);
        if head.contains("new-token") {
            return answer(200, &SUCCESS.replace(ID, id));
        }
        if n < 60 {
            return answer(200, &going.replace(ID, id));
        }
        // Written again while it is read, the file would be empty.
        once.call_once(|| std::fs::write(&renewed, "new-token").unwrap());
        thread::sleep(Duration::from_millis(30));
        answer(401, r#"{"error_code":"APIGW.0307","error_msg":"The token must be updated."}"#)
    });
    let ids = tasks(20);
    let run = wait(&server, &ids).env("HW_AUTH_TOKEN", "").args(["--rate-limit", "none", "--keep-going"]);
    run.args(["--token-file", path.to_str().unwrap()]).run().expect(0, "20 of 20 tasks completed");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn one_new_sign_in_replaces_a_rejected_token_of_all_tasks() {
    let going = running("40%");
    let signed_in = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::by_id(move |n, head| {
        if head.starts_with("POST /v3/auth/tokens") {
            let n = signed_in.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let token = format!("X-Subject-Token: token-{n}\r\n");
            return answer_with(201, &token, r#"{"token": {"expires_at": "2099-01-01T00:00:00.000000Z"}}"#);
        }
        let id = asked_for(head);
        if head.contains("token-0") && n < 60 {
            answer(200, &going.replace(ID, id))
        } else if head.contains("token-0") {
            thread::sleep(Duration::from_millis(30));
            answer(401, r#"{"error_code":"APIGW.0307","error_msg":"The token must be updated."}"#)
        } else {
            answer(200, &SUCCESS.replace(ID, id))
        }
    });
    let ids = tasks(20);
    let run =
        wait(&server, &ids).env("HW_AUTH_TOKEN", "").env("HW_USER_NAME", "u").env("HW_DOMAIN_NAME", "d");
    let run =
        run.env("HW_USER_PASSWORD", CANARY).args(["--iam-endpoint", &server.url(), "--rate-limit", "none"]);
    run.run().expect(0, "20 of 20 tasks completed");
    assert_eq!(sign_ins(&server), 2);
}

#[test]
fn a_password_rejected_during_the_wait_is_sent_once_for_all_tasks() {
    let going = running("40%");
    let signed_in = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::by_id(move |n, head| {
        if head.starts_with("POST /v3/auth/tokens") {
            return match signed_in.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 => answer_with(
                    201,
                    "X-Subject-Token: token-0\r\n",
                    r#"{"token": {"expires_at": "2099-01-01T00:00:00.000000Z"}}"#,
                ),
                _ => answer(401, r#"{"error": {"code": 401, "message": "The password is wrong."}}"#),
            };
        }
        let id = asked_for(head);
        if n < 60 {
            answer(200, &going.replace(ID, id))
        } else {
            answer(401, r#"{"error_code":"APIGW.0307"}"#)
        }
    });
    let ids = tasks(30);
    let run =
        wait(&server, &ids).env("HW_AUTH_TOKEN", "").env("HW_USER_NAME", "u").env("HW_DOMAIN_NAME", "d");
    let run =
        run.env("HW_USER_PASSWORD", CANARY).args(["--iam-endpoint", &server.url(), "--rate-limit", "none"]);
    run.args(["--keep-going"]).run().expect(4, "The password is wrong.");
    assert_eq!(sign_ins(&server), 2);
}

fn sign_ins(server: &Server) -> usize {
    server.seen().iter().filter(|seen| seen.head.starts_with("POST")).count()
}

#[test]
fn until_the_service_responds_one_request_stands_for_all_tasks() {
    despite_noise(|| {
        let server = Server::acts([Act::SendAndHang(Vec::new())]);
        let ids = tasks(12);
        let once = || wait(&server, &ids).args(["--request-timeout", "500ms", "--rate-limit", "none"]);
        let ended = once().args(["--once", "-o", "json"]).run().expect(125, NO_RESPONSE);
        // The first poll finds out for all. The polls of the others share another request.
        assert_eq!(server.seen().len(), 2, "{ended:?}");
        let document = ended.json();
        let requests = counts(&document, "requests");
        assert_eq!((polls(&document), requests.iter().sum()), (vec![1; 12], 2), "{ended:?}");
        once().timeout("2s").run().within(2.0).expect(125, "0 of 12 tasks completed, 12 unreachable");
        assert!((2..6).contains(&(server.seen().len() - 2)), "{}", server.seen().len());
    });
}

/// Covers T9.
#[test]
fn a_reset_of_any_of_several_kept_connections_goes_unnoticed() {
    let going = running("40%");
    let seen: Mutex<HashMap<String, usize>> = Mutex::default();
    let server = Server::by_id(move |n, head| {
        let id = asked_for(head).to_owned();
        let polls = *seen.lock().unwrap().entry(id.clone()).and_modify(|polls| *polls += 1).or_insert(1);
        // The second requests of all tasks overlap, so that each has a connection.
        if polls == 2 {
            thread::sleep(Duration::from_millis(400));
        }
        match polls {
            3 if n > 8 => Act::Reset,
            ..=8 => answer(200, &going.replace(ID, &id)),
            _ => answer(200, &SUCCESS.replace(ID, &id)),
        }
    });
    let ids = tasks(6);
    let ended = wait(&server, &ids).args(["--rate-limit", "none", "-o", "jsonl"]).run().expect(0, "");
    let retries = ended.events().iter().filter(|event| event["event"] == "retry").count();
    assert_eq!(retries, 0, "{ended:?}");
}

#[test]
fn a_wait_for_many_tasks_on_a_hanging_server_ends_at_the_deadline() {
    despite_noise(|| {
        let server = Server::acts([Act::SendAndHang(Vec::new())]);
        let ids = tasks(150);
        at_once(["none", "90/1m"], |limit| {
            let run = wait(&server, &ids).args(["--rate-limit", limit, "-o", "json"]).timeout("1s");
            let ended = run.run().within(1.0).expect(125, "");
            let document = ended.json();
            let last = document["jobs"][149]["error"]["message"].as_str().unwrap();
            assert!(
                last.starts_with("this task was not polled: ") || last.starts_with("no response"),
                "{last}"
            );
        });
    });
}

#[test]
fn without_progress_and_text_result_the_failed_task_is_named() {
    for progress in [&["-q"][..], &["--progress", "none"]] {
        for form in ["json", "jsonl"] {
            let run = wait(&mixed(), &["done", "broken", "slow"]).args(progress.iter().copied());
            let ended = run.args(["-o", form]).run().expect(1, "");
            assert!(ended.stderr.contains("jobwait: broken failed "), "{ended:?}");
            assert!(
                ended.stderr.contains(&format!(": the other tasks continue in the cloud; {RESUME}")),
                "{ended:?}"
            );
            assert!(
                ended.stderr.contains(" slow\n") && !ended.stderr.contains("done completed"),
                "{ended:?}"
            );
        }
    }
}

#[test]
fn any_and_keep_going_override_the_variable_of_each_other() {
    let run = || wait(&mixed(), &["broken", "done"]);
    run().env("JOBWAIT_ANY", "0").args(["--keep-going"]).run().expect(1, "");
    run().env("JOBWAIT_ANY", "1").args(["--keep-going"]).run().expect(1, "done completed");
    run().env("JOBWAIT_KEEP_GOING", "1").args(["--any"]).run().expect(0, "");
    run().env("JOBWAIT_KEEP_GOING", "1").env("JOBWAIT_ANY", "false").run().expect(1, "done completed");
    run().env("JOBWAIT_KEEP_GOING", "1").env("JOBWAIT_ANY", "1").run().expect(2, "--any");
}

#[test]
fn an_outage_is_reported_once_for_each_of_many_tasks() {
    despite_noise(|| {
        let ids = tasks(30);
        let outage = |ids: &[String]| {
            let server = server(move |_, n| answer_with(503, &format!("X-Request-Id: {n}\r\n"), ""));
            let run =
                wait(&server, ids).args(["--rate-limit", "none", "--heartbeat", "400ms"]).timeout("1500ms");
            let ended = run.run().expect(125, &format!("; polls of {} fail: HTTP 503", ids.len()));
            assert!(server.seen().len() > ids.len() * 3);
            assert_eq!(ended.stderr.lines().filter(|line| line.contains(RETRY)).count(), ids.len());
        };
        both(|| outage(&ids), || outage(&ids[..2]));
    });
}

#[test]
fn more_than_20000_tasks_are_rejected() {
    let server = mixed();
    let ids: Vec<String> = (0..500_000).map(|n: u32| n.to_string()).collect();
    let run = wait(&server, &["-"]).stdin(ids.join("\n")).with_memory(256);
    run.run().expect(2, "500000 tasks: one process waits for at most 20000");
    assert!(server.seen().is_empty());
}

/// No task is polled more than twice as often as another, and a task that is never polled has a reason.
#[test]
fn a_small_rate_limit_is_shared_evenly() {
    despite_noise(|| {
        let server = mixed();
        let ids = tasks(12);
        let shared = || {
            let run = wait(&server, &ids).args(["--rate-limit", "40/1s", "-o", "json"]).timeout("3s");
            let polls = polls(&run.run().within(3.0).expect(124, "").json());
            let (least, most) = (polls.iter().min().unwrap(), polls.iter().max().unwrap());
            // A quarter at once, in which some tasks are polled more often than others, and then a poll in each 33 ms.
            assert!(most - least <= 4 && *least >= 5, "{polls:?}");
            // The last poll of each can be cut off before it is sent.
            let (counted, sent) = (polls.iter().sum::<u64>(), server.seen().len() as u64);
            assert!((80..=102).contains(&counted), "{polls:?}");
            assert!((counted - 12..=counted).contains(&sent), "{sent} requests for {polls:?}");
        };
        // Two requests at once: one for the list, and one for the first task.
        let too_small = || {
            let run = wait(&mixed(), &ids).args(["--rate-limit", "8/1m", "-o", "json"]).timeout("1500ms");
            let ended = run.run().within(1.5).expect(125, "need a larger --rate-limit or a longer --timeout");
            let document = ended.json();
            assert_eq!(document["jobs"][11]["outcome"], "unreachable");
            assert_eq!(document["jobs"][11]["polls"], 0);
            assert_eq!(document["jobs"][0]["error"], serde_json::Value::Null);
        };
        both(shared, too_small);
    });
}

/// The number of polls of each task.
fn polls(document: &serde_json::Value) -> Vec<u64> {
    counts(document, "polls")
}

fn counts(document: &serde_json::Value, of: &str) -> Vec<u64> {
    document["jobs"].as_array().unwrap().iter().map(|job| job[of].as_u64().unwrap()).collect()
}

#[test]
fn a_thousand_tasks_are_all_polled_and_end_at_the_deadline() {
    despite_noise(|| {
        let going = running("40%");
        let server = server(move |_, _| answer(200, &going));
        let ids = tasks(1_000);
        let run = wait(&server, &["-"]).stdin(ids.join("\n")).args(["--rate-limit", "none", "-o", "json"]);
        let ended = run.args(["--max-interval", "1s"]).timeout("5s").with_memory(128).run();
        let ended = ended.within(5.0).expect(124, "0 of 1000 tasks completed, 1000 timed_out");
        let document = ended.json();
        let polls = polls(&document);
        assert_eq!(polls.len(), 1_000);
        assert!(outcomes(&document).iter().all(|(_, outcome)| *outcome == "timed_out"));
        let (least, most) = (polls.iter().min().unwrap(), polls.iter().max().unwrap());
        assert!(*least >= 1 && most - least <= 2, "{least} to {most}");
        println!("{least} to {most} polls a task, {} KiB, {:?}", ended.peak, ended.took);
    });
}

#[test]
fn two_thousand_tasks_have_the_right_outcomes() {
    outcomes_are_right(2_000);
}

/// A third of the tasks is unknown, a third fails, and the server responds with 429 and 503 at random.
pub fn outcomes_are_right(tasks: usize) {
    let (going, broken) = (running("40%"), failed("No disk."));
    let server = server(move |id, n| {
        let number: u64 = id.trim_start_matches("task-").parse().unwrap();
        let mut random = fastrand::Rng::with_seed(number * 1000 + n as u64);
        match (random.u16(..2000), number % 3) {
            // Few, because each pauses all tasks for a tenth of the window, and stretches their delays for a window.
            (0..=1, _) => answer_with(429, "Retry-After: 0\r\n", &over_quota(1)),
            (2..=101, _) => answer(503, ""),
            (_, 0) => answer(400, NOT_FOUND),
            (_, 1) if n > 1 => answer(200, &broken),
            (_, 2) if n > 1 => answer(200, SUCCESS),
            _ => answer(200, &going),
        }
    });
    let ids: Vec<String> = (0..tasks).map(|n| format!("task-{n}")).collect();
    let run = wait(&server, &["-"]).stdin(ids.join("\n")).args(["--keep-going", "--rate-limit", "none"]);
    let run = run.args(["-o", "json", "-q", "--progress", "none", "--not-found-grace", "0s"]);
    let run = run.args(["--interval", "500ms", "--max-interval", "2s"]);
    let ended = run.with_memory(128).run().expect(1, "");
    let document = ended.json();
    for (number, (id, outcome)) in outcomes(&document).into_iter().enumerate() {
        assert_eq!(id, format!("task-{number}"));
        let expected = ["not_found", "failed", "completed"][number % 3];
        assert_eq!(outcome, expected, "{id}");
    }
    let connections = server.seen().iter().map(|seen| seen.connection).max().unwrap() + 1;
    assert!(connections <= 128, "{connections}");
    println!(
        "{} polls, {} connections, {} KiB, {:?}",
        server.seen().len(),
        connections,
        ended.peak,
        ended.took
    );
}
