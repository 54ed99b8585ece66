//! Several tasks in one wait.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use super::support::child::{Run, bare};
use super::support::server::{Act, Server, answer, answer_with, asked_for};
use super::support::{CANARY, ID, NOT_FOUND, PROJECT, SUCCESS, failed, running};

fn wait(server: &Server, ids: &[impl AsRef<OsStr>]) -> Run {
    bare()
        .env("HW_AUTH_TOKEN", CANARY)
        .env("HW_PROJECT_ID", PROJECT)
        .args(["--endpoint", &server.url(), "--interval", "20ms", "--max-interval", "60ms"])
        .each(ids)
}

/// So many IDs.
fn tasks(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("task-{n}")).collect()
}

/// Answers for each task what `script` says of its n-th look at it.
fn server(script: impl Fn(&str, usize) -> Act + Send + Sync + 'static) -> Server {
    let asked: Mutex<HashMap<String, usize>> = Mutex::default();
    Server::asked(move |_, head| {
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

/// The task named `done` completes at its third look, `broken` fails then, others go on for ever.
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
fn all_that_complete_are_a_success_in_the_order_of_the_ids() {
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
fn the_first_failure_ends_it_and_all_are_reported() {
    let ended = wait(&mixed(), &["slow", "broken", "slower"]).args(["-o", "json"]).run().expect(1, "");
    let document = ended.json();
    assert_eq!(outcomes(&document), [("slow", "waiting"), ("broken", "failed"), ("slower", "waiting")]);
    assert_eq!((&document["outcome"], &document["exit_code"]), (&"failed".into(), &1.into()));
    assert_eq!(document["jobs"][0]["job"]["id"], "slow");
}

#[test]
fn told_to_keep_going_it_waits_for_all_and_tells_the_worst() {
    let run = |ids: &[&str]| wait(&mixed(), ids).args(["--keep-going", "-o", "json"]).timeout("1s").run();
    let all = run(&["broken", "done", "unknown", "forbidden", "slow"]).expect(1, "");
    let expected = [
        ("broken", "failed"),
        ("done", "completed"),
        ("unknown", "not_found"),
        ("forbidden", "unauthorized"),
        ("slow", "timed_out"),
    ];
    assert_eq!(outcomes(&all.json()), expected);
    run(&["slow", "unknown", "forbidden", "done"]).expect(4, "");
    run(&["slow", "unknown", "done"]).expect(3, "");
    run(&["done", "slow"]).expect(124, "").within(1.0);
}

#[test]
fn any_that_completes_is_enough() {
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
fn the_answer_of_a_call_that_starts_several_can_be_piped_in() {
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
fn at_the_deadline_each_tells_how_it_was_last_seen() {
    let going = running("40%");
    let server = server(move |id, _| match id {
        "unknown" => answer(400, NOT_FOUND),
        _ => answer(200, &going),
    });
    let ended = wait(&server, &["slow", "unknown", "slower"]).args(["-o", "json"]).timeout("600ms").run();
    let ended = ended.expect(3, "0 of 3 tasks completed, 1 not_found, 2 timed_out").within(0.6);
    let expected = [("slow", "timed_out"), ("unknown", "not_found"), ("slower", "timed_out")];
    assert_eq!(outcomes(&ended.json()), expected);
}

#[test]
fn looked_at_once_each_task_is_told_of() {
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
fn events_are_told_of_each_task_and_last_of_the_whole() {
    let run =
        wait(&mixed(), &["slow", "done"]).args(["-o", "jsonl", "--heartbeat", "100ms"]).timeout("700ms");
    let events = run.run().expect(124, "").events();
    let of = |id: &str, name: &str| {
        events.iter().filter(|event| event["job_id"] == id && event["event"] == name).count()
    };
    assert_eq!((of("slow", "verdict"), of("done", "verdict"), of("slow", "status")), (1, 1, 1), "{events:?}");
    assert!((3..9).contains(&of("slow", "heartbeat")) && of("done", "heartbeat") <= 1, "{events:?}");
    let (last, rest) = events.split_last().unwrap();
    assert_eq!((&last["event"], &last["outcome"]), (&"result".into(), &"timed_out".into()));
    assert!(rest.iter().all(|event| event["event"] != "result"));
}

#[test]
fn silence_is_broken_once_for_all() {
    let ids = tasks(30);
    let ended = wait(&mixed(), &ids).args(["--heartbeat", "200ms"]).timeout("1s").run().expect(124, "");
    let beats = ended.stderr.lines().filter(|line| line.contains("0 of 30 tasks completed; ")).count();
    assert!((2..6).contains(&beats), "{ended:?}");
    // Of so many, percents are not worth a line.
    assert!(!ended.stderr.contains("40%  "), "{ended:?}");
    let command =
        ended.stderr.lines().find(|line| line.contains("to resume, run with the job IDs on")).unwrap();
    assert!(command.ends_with(" -"), "{command}");
}

#[test]
fn a_signal_interrupts_what_is_undecided_and_says_how_to_wait_on_for_that() {
    let running = wait(&mixed(), &["slow", "done", "slower"]).args(["-o", "json"]).start();
    thread::sleep(Duration::from_millis(600));
    let sent = running.signal("INT");
    let ended = running.end().expect(130, "");
    assert!(sent.elapsed() <= Duration::from_millis(100), "{:?}", sent.elapsed());
    assert_eq!(
        outcomes(&ended.json()),
        [("slow", "interrupted"), ("done", "completed"), ("slower", "interrupted")]
    );
    let command = ended.stderr.lines().find(|line| line.contains("to resume, run")).unwrap();
    assert!(command.ends_with(" slow slower"), "{command}");
}

#[test]
fn the_budget_is_of_all_tasks_together() {
    let server = mixed();
    let ids = ["s1", "s2", "s3", "s4", "s5", "s6"];
    let run = wait(&server, &ids).args(["--rate-limit", "8/1s"]).timeout("3s").run().within(3.0);
    run.expect(124, "6 tasks share --rate-limit 8/1s: each is polled about every 1.0s");
    let seen: Vec<Duration> = server.seen().iter().map(|seen| seen.at).collect();
    for (first, from) in seen.iter().enumerate() {
        // A request can be late, and the next one not.
        let within =
            seen[first..].iter().take_while(|at| at.saturating_sub(*from) < Duration::from_millis(900));
        assert!(within.count() <= 8, "{seen:?}");
    }
    assert!(seen.len() >= 15, "{seen:?}");
    for wrong in ["0/5m", "5", "5/0"] {
        wait(&server, &["s1"]).args(["--rate-limit", wrong]).run().expect(2, "--rate-limit");
    }
}

#[test]
fn credentials_that_are_refused_are_sent_once_for_all_tasks() {
    let refusal = r#"{"error_code":"APIGW.0301","error_msg":"Incorrect IAM authentication information"}"#;
    let ids = tasks(30);
    for options in [&[][..], &["--keep-going", "--rate-limit", "none"]] {
        for signed in [true, false] {
            let server = server(move |_, _| answer(401, refusal));
            let run = wait(&server, &ids).args(options.iter().copied());
            let keys = [("HW_AUTH_TOKEN", ""), ("HW_ACCESS_KEY", "AK"), ("HW_SECRET_KEY", CANARY)];
            let run =
                if signed { keys.iter().fold(run, |run, (name, value)| run.env(name, value)) } else { run };
            run.args(["-o", "json"]).run().expect(4, "APIGW.0301");
            assert_eq!(server.seen().len(), 1, "{options:?}, signed: {signed}");
        }
    }
}

#[test]
fn a_token_that_is_renewed_while_several_are_asked_about_is_taken_up_by_all() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("jobwait-several-token-{}", std::process::id()));
    std::fs::write(&path, "old-token").unwrap();
    let (going, renewed, once) = (running("40%"), path.clone(), std::sync::Once::new());
    let server = Server::asked(move |n, head| {
        let id = asked_for(head);
        if head.contains("new-token") {
            // Those who were refused ask one after the other.
            return answer(200, &SUCCESS.replace(ID, id));
        }
        if n < 60 {
            return answer(200, &going.replace(ID, id));
        }
        // A file that is written while it is read would be empty.
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
fn a_password_is_exchanged_once_more_for_all_who_were_refused() {
    let going = running("40%");
    let signed_in = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::asked(move |n, head| {
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
    assert_eq!(server.seen().iter().filter(|seen| seen.head.starts_with("POST")).count(), 2);
}

#[test]
fn a_password_that_is_refused_in_the_middle_is_tried_once_for_all() {
    let going = running("40%");
    let signed_in = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::asked(move |n, head| {
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
    assert_eq!(server.seen().iter().filter(|seen| seen.head.starts_with("POST")).count(), 2);
}

#[test]
fn until_the_service_answers_one_is_asked_about_for_all() {
    let server = Server::acts([Act::SendAndHang(Vec::new())]);
    let ids = tasks(12);
    let once = || wait(&server, &ids).args(["--request-timeout", "500ms", "--rate-limit", "none"]);
    let ended = once().args(["--once", "-o", "json"]).run().expect(125, "no response from");
    assert!(ended.took < Duration::from_secs(3), "{:?}", ended.took);
    assert_eq!(server.seen().len(), 1);
    // And at the next look another one.
    once().timeout("2s").run().within(2.0).expect(125, "0 of 12 tasks completed, 12 unreachable");
    assert!((3..6).contains(&(server.seen().len() - 1)), "{}", server.seen().len());
}

/// Covers T9.
#[test]
fn of_several_kept_connections_none_that_is_given_up_is_noticed() {
    let going = running("40%");
    let seen: Mutex<HashMap<String, usize>> = Mutex::default();
    let server = Server::asked(move |n, head| {
        let id = asked_for(head).to_owned();
        let looks = *seen.lock().unwrap().entry(id.clone()).and_modify(|looks| *looks += 1).or_insert(1);
        match looks {
            // All tasks' connections are there by then.
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
fn many_tasks_and_a_server_that_hangs_end_at_the_deadline() {
    let server = Server::acts([Act::SendAndHang(Vec::new())]);
    let ids = tasks(150);
    for options in [&["--rate-limit", "none"][..], &["--rate-limit", "90/1m"]] {
        let run = wait(&server, &ids).args(options.iter().copied()).args(["-o", "json"]).timeout("1s");
        let ended = run.run().within(1.0).expect(125, "");
        let document = ended.json();
        let last = document["jobs"][149]["error"]["message"].as_str().unwrap();
        assert!(last.starts_with("this task was not polled: ") || last.starts_with("no response"), "{last}");
        assert!(server.seen().iter().all(|seen| seen.at < Duration::from_secs(60)));
    }
}

#[test]
fn whoever_sees_no_progress_and_no_result_is_told_which_task_failed() {
    for progress in [&["-q"][..], &["--progress", "none"]] {
        for form in ["json", "jsonl"] {
            let run = wait(&mixed(), &["done", "broken", "slow"]).args(progress.iter().copied());
            let ended = run.args(["-o", form]).run().expect(1, "");
            assert!(ended.stderr.contains("jobwait: broken failed "), "{ended:?}");
            assert!(
                ended.stderr.contains(": the other tasks continue in the cloud; to resume, run: "),
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
fn an_option_beats_the_variable_of_the_other_way_to_end() {
    let run = || wait(&mixed(), &["broken", "done"]);
    run().env("JOBWAIT_ANY", "0").args(["--keep-going"]).run().expect(1, "");
    run().env("JOBWAIT_ANY", "1").args(["--keep-going"]).run().expect(1, "done completed");
    run().env("JOBWAIT_KEEP_GOING", "1").args(["--any"]).run().expect(0, "");
    run().env("JOBWAIT_KEEP_GOING", "1").env("JOBWAIT_ANY", "false").run().expect(1, "done completed");
    run().env("JOBWAIT_KEEP_GOING", "1").env("JOBWAIT_ANY", "1").run().expect(2, "--any");
}

#[test]
fn an_outage_is_told_once_a_task_where_there_are_many() {
    let ids = tasks(30);
    let lines = |ids: &[String]| {
        let server = server(move |_, n| answer_with(503, &format!("X-Request-Id: {n}\r\n"), ""));
        let ended = wait(&server, ids).args(["--rate-limit", "none"]).timeout("900ms").run().expect(125, "");
        assert!(server.seen().len() > ids.len() * 3);
        ended.stderr.lines().filter(|line| line.contains("next poll in")).count()
    };
    assert_eq!(lines(&ids), 30);
    assert!(lines(&ids[..2]) > 4);
}

#[test]
fn more_tasks_than_can_be_told_in_time_are_refused() {
    let server = mixed();
    let ids: Vec<String> = (0..500_000).map(|n: u32| n.to_string()).collect();
    let run = wait(&server, &["-"]).stdin(ids.join("\n")).with_memory(256);
    run.run().expect(2, "500000 tasks: one process waits for at most 20000");
    assert!(server.seen().is_empty());
}

/// No task is asked about much more often than another, and one that is never asked about says why.
#[test]
fn a_small_budget_is_shared_out_evenly() {
    let server = mixed();
    let ids = tasks(12);
    let run = wait(&server, &ids).args(["--rate-limit", "40/1s", "-o", "json"]).timeout("3s");
    let document = run.run().within(3.0).expect(124, "").json();
    let polls: Vec<u64> =
        document["jobs"].as_array().unwrap().iter().map(|job| job["polls"].as_u64().unwrap()).collect();
    let (least, most) = (polls.iter().min().unwrap(), polls.iter().max().unwrap());
    assert!(most - least <= 1 && *least >= 4, "{polls:?}");
    assert_eq!(polls.iter().sum::<u64>(), server.seen().len() as u64, "each poll was sent: {polls:?}");

    let run = wait(&server, &ids).args(["--rate-limit", "4/1m", "-o", "json"]).timeout("700ms");
    let ended = run.run().within(0.7).expect(125, "need a larger --rate-limit or a longer --timeout");
    let document = ended.json();
    assert_eq!(document["jobs"][11]["outcome"], "unreachable");
    assert_eq!(document["jobs"][11]["polls"], 0);
    assert_eq!(document["jobs"][0]["error"], serde_json::Value::Null);
}

#[test]
fn a_thousand_tasks_are_all_looked_at_and_end_at_the_deadline() {
    let going = running("40%");
    let server = server(move |_, _| answer(200, &going));
    let ids = tasks(1_000);
    let run = wait(&server, &["-"]).stdin(ids.join("\n")).args(["--rate-limit", "none", "-o", "json"]);
    let ended = run.args(["--max-interval", "1s"]).timeout("5s").with_memory(128).run();
    let ended = ended.within(5.0).expect(124, "0 of 1000 tasks completed, 1000 timed_out");
    let document = ended.json();
    let polls: Vec<u64> =
        document["jobs"].as_array().unwrap().iter().map(|job| job["polls"].as_u64().unwrap()).collect();
    assert_eq!(polls.len(), 1_000);
    assert!(outcomes(&document).iter().all(|(_, outcome)| *outcome == "timed_out"));
    let (least, most) = (polls.iter().min().unwrap(), polls.iter().max().unwrap());
    assert!(*least >= 1 && most - least <= 2, "{least} to {most}");
    println!("{least} to {most} polls a task, {} KiB, {:?}", ended.peak, ended.took);
}

/// A third is unknown, a third fails, and the server says 429 and 503 at random: every outcome is right.
#[test]
fn ten_thousand_tasks_end_as_they_should() {
    let (going, broken) = (running("40%"), failed("No disk."));
    let server = server(move |id, n| {
        let number: u64 = id.trim_start_matches("task-").parse().unwrap();
        let mut random = fastrand::Rng::with_seed(number * 1000 + n as u64);
        match (random.u8(..20), number % 3) {
            (0, _) => answer_with(429, "Retry-After: 0\r\n", ""),
            (1, _) => answer(503, ""),
            (_, 0) => answer(400, NOT_FOUND),
            (_, 1) if n > 1 => answer(200, &broken),
            (_, 2) if n > 1 => answer(200, SUCCESS),
            _ => answer(200, &going),
        }
    });
    let ids = tasks(10_000);
    let run = wait(&server, &["-"]).stdin(ids.join("\n")).args([
        "--keep-going",
        "--rate-limit",
        "none",
        "-o",
        "json",
        "-q",
    ]);
    let run = run.args([
        "--not-found-grace",
        "0s",
        "--progress",
        "none",
        "--interval",
        "1s",
        "--max-interval",
        "5s",
    ]);
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
