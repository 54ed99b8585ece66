//! `jobwait list`, and waits for the tasks of an instance.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jobwait::{Cloud, Credentials, Endpoint, InstanceId, Service, TaskFilter};
use serde_json::{Value, json};

use super::simulator::Simulate;
use super::support::at_once;
use super::support::child::{Run, bare};
use super::support::punctual::slack;
use super::support::server::{Act, Server, answer, asked_for};
use super::support::{CANARY, NOT_FOUND, PROJECT};

const INSTANCE: &str = "a48e43ff268f4c0e879652d65e63d0fbin07";

/// The tool with credentials, at an endpoint.
fn tool(endpoint: &str) -> Run {
    bare().env("HW_AUTH_TOKEN", CANARY).env("HW_PROJECT_ID", PROJECT).env("JOBWAIT_ENDPOINT", endpoint)
}

/// A wait for the tasks of an instance that polls fast.
fn wait(endpoint: &str, instance: &str) -> Run {
    tool(endpoint).args(["--instance", instance, "--interval", "20ms", "--max-interval", "60ms"])
}

fn list(endpoint: &str) -> Run {
    tool(endpoint).args(["list"])
}

/// The meaning of the offset of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Offset {
    Page,
    Index,
}

/// The parameters of a request.
fn parameters(head: &str) -> BTreeMap<&str, &str> {
    let query =
        head.split_once('?').and_then(|(_, rest)| rest.split_once(' ')).map_or("", |(query, _)| query);
    query.split('&').filter_map(|pair| pair.split_once('=')).collect()
}

pub fn row(id: &str, instance: &str, status: &str) -> Value {
    json!({
        "job_id": id, "job_name": "CreateBackup", "status": status, "process": "7%", "fail_reason": "",
        "instance_id": instance, "instance_name": "orders", "created_time": now(), "ended_time": "",
    })
}

/// The current time, as the service writes it.
fn now() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let at = jiff::Timestamp::from_second(now.as_secs().try_into().unwrap()).unwrap();
    at.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string()
}

/// A page of rows. The filter by status is that of the service.
pub fn page(rows: &[Value], head: &str, offset: Offset) -> Act {
    let asked = parameters(head);
    let number = |name: &str| asked.get(name).map_or(0, |text| text.parse::<usize>().unwrap());
    let status = |row: &&Value| asked.get("status").is_none_or(|status| row["status"] == *status);
    let rows: Vec<&Value> = rows.iter().filter(status).collect();
    let start = match offset {
        Offset::Page => (number("offset") - 1) * number("limit"),
        Offset::Index => number("offset") - 1,
    };
    let shown: Vec<&&Value> = rows.iter().skip(start).take(number("limit")).collect();
    answer(200, &json!({ "jobs": shown, "total_count": rows.len() }).to_string())
}

fn job(id: &str, status: &str) -> Act {
    answer(200, &json!({ "job": {"id": id, "status": status} }).to_string())
}

/// A service whose list has these rows, and whose tasks have these statuses.
fn service(
    rows: impl Fn() -> Vec<Value> + Send + Sync + 'static,
    offset: Offset,
    status: impl Fn(&str) -> &'static str + Send + Sync + 'static,
) -> Server {
    Server::asked(move |_, head| {
        if head.contains("/immediate-jobs?") {
            page(&rows(), head, offset)
        } else if head.contains("/scheduled-jobs?") {
            answer(200, r#"{"schedules": [], "total_count": 0}"#)
        } else {
            match status(asked_for(head)) {
                "" => answer(400, NOT_FOUND),
                status => job(asked_for(head), status),
            }
        }
    })
}

fn started(service: &Simulate, method: &str, path: &str) -> (String, String) {
    let (_, said) = service.ask(method, path);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&said["job_id"]), text(&said["instance"]["id"]))
}

#[test]
fn the_task_of_a_new_instance_is_found_and_waited_for() {
    at_once([(false, "0s"), (true, "0s"), (false, "300ms")], |(fails, lag)| {
        let mut args = vec!["--duration", "1s", "--appear-after", "500ms", "--list-lag", lag];
        args.extend(["--fail-reason", "no IP left"].into_iter().filter(|_| fails));
        let service = Simulate::start(&args);
        started(&service, "POST", "/v3/054e292c9880d4992f02c0196d3ea468/instances");
        let (id, instance) = started(&service, "POST", "/v3/054e292c9880d4992f02c0196d3ea468/instances");
        let (code, said) = if fails { (1, ": no IP left") } else { (0, "completed Create") };
        let ended = wait(&service.url, &instance).run().expect(code, said);
        assert!(ended.stdout.starts_with(&id) && ended.stdout.lines().count() == 1, "{ended:?}");
        assert!(ended.stderr.contains("asking again, because a new task"), "{ended:?}");
    });
}

#[test]
fn without_a_task_of_the_instance_the_wait_ends_after_the_grace_or_at_once_with_idle() {
    let server = service(Vec::new, Offset::Page, |_| "");
    let run = wait(&server.url(), INSTANCE).args(["--not-found-grace", "500ms", "-o", "json"]);
    let ended = run.run().expect(3, "likely causes");
    assert_eq!(ended.json()["outcome"], "not_found");
    assert!(ended.took >= Duration::from_millis(500), "{ended:?}");
    let asked = server.seen();
    assert!(asked.len() > 5, "{asked:?}");
    // Older tasks in progress cannot appear later.
    let older = asked.iter().filter(|seen| seen.head.contains("status=")).count();
    assert_eq!(older, 3, "{asked:?}");

    let server = service(|| vec![row("old", INSTANCE, "Failed")], Offset::Page, |_| "Failed");
    let ended = wait(&server.url(), INSTANCE).args(["--idle", "-o", "json"]).run().expect(0, "in progress");
    assert_eq!(
        ended.json(),
        json!({"format_version": "1.0", "outcome": "completed", "exit_code": 0, "jobs": []})
    );
    wait(&server.url(), INSTANCE).args(["--once"]).run().expect(1, "old failed");
}

#[test]
fn tasks_on_any_page_are_found_with_both_meanings_of_the_offset() {
    let offsets = [Offset::Page, Offset::Index];
    at_once(offsets, |offset| {
        let rows = || {
            let instance = |n: usize| if matches!(n, 3 | 77 | 119) { INSTANCE } else { "another" };
            (0..120).map(|n| row(&format!("task-{n}"), instance(n), "Completed")).collect()
        };
        let server = service(rows, offset, |_| "Completed");
        let ended = wait(&server.url(), INSTANCE).args(["-o", "json"]).run().expect(0, "");
        let document = ended.json();
        let ids: Vec<&str> =
            document["jobs"].as_array().unwrap().iter().map(|job| job["job_id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["task-3", "task-77", "task-119"], "{offset:?}");
        assert_eq!(list(&server.url()).args(["-o", "ids"]).run().expect(0, "").stdout.lines().count(), 120);
    });
}

#[test]
fn only_the_answer_about_the_task_itself_decides() {
    for (listed, status, code) in [
        ("Running", "Completed", 0),
        ("Completed", "Failed", 1),
        ("Failed", "Completed", 0),
        ("Pending", "Completed", 0),
    ] {
        let server = service(move || vec![row("a", INSTANCE, listed)], Offset::Page, move |_| status);
        wait(&server.url(), INSTANCE).run().expect(code, "a ");
    }
    // A task that only the list knows is given the grace.
    let server = service(|| vec![row("a", INSTANCE, "Running")], Offset::Page, |_| "");
    let run = wait(&server.url(), INSTANCE).args(["--not-found-grace", "200ms"]);
    run.run().expect(3, "a not_found");
}

/// A service whose first task completes and is followed by another one.
fn with_a_follow_up_task(end: &'static str) -> Server {
    let first_is_over = Arc::new(AtomicBool::new(false));
    let (set, get) = (Arc::clone(&first_is_over), first_is_over);
    let rows = move || {
        let mut rows = vec![row("first", INSTANCE, "Running")];
        if get.load(Ordering::Relaxed) {
            rows.insert(0, row("second", INSTANCE, "Running"));
        }
        rows
    };
    let status = move |id: &str| {
        set.store(true, Ordering::Relaxed);
        if id == "second" { end } else { "Completed" }
    };
    service(rows, Offset::Page, status)
}

#[test]
fn tasks_that_come_during_the_wait_are_waited_for_too() {
    let server = with_a_follow_up_task("Failed");
    let ended = wait(&server.url(), INSTANCE).args(["-o", "jsonl"]).run().expect(1, "found 1 more task");
    let events = ended.events();
    let verdicts: Vec<_> = events.iter().filter(|event| event["event"] == "verdict").collect();
    assert_eq!(verdicts[0]["job_id"], "first");
    assert_eq!((&verdicts[1]["job_id"], &verdicts[1]["outcome"]), (&"second".into(), &"failed".into()));
    assert_eq!(events.last().unwrap()["exit_code"], 1);
    let versions = events.iter().filter(|event| event["event"] == "version").count();
    assert_eq!((versions, &events[0]["event"]), (1, &"version".into()), "{events:?}");

    // With --idle, it does not matter how they end.
    let server = service(|| vec![row("first", INSTANCE, "Running")], Offset::Page, |_| "Failed");
    let ended = wait(&server.url(), INSTANCE).args(["--idle", "-o", "json"]).run().expect(0, "");
    assert_eq!(ended.json()["jobs"][0]["outcome"], "failed");
}

#[test]
fn rows_with_surprising_types_do_not_end_a_wait() {
    let rows = || {
        let mut odd = row("odd", INSTANCE, "Running");
        odd["process"] = json!({"percent": [1]});
        odd["created_time"] = json!(true);
        odd["job_name"] = json!(5);
        odd["instance_name"] = Value::Null;
        vec![
            json!(null),
            json!([1]),
            json!({}),
            json!({"job_id": 7, "instance_id": INSTANCE, "status": "Running"}),
            json!({"job_id": "../x", "instance_id": INSTANCE, "status": []}),
            odd,
        ]
    };
    let server = service(rows, Offset::Page, |_| "Completed");
    let ended = wait(&server.url(), INSTANCE).run().expect(0, "odd completed");
    assert_eq!(ended.stdout.lines().count(), 1, "{ended:?}");
    let ended = list(&server.url()).args(["-o", "json"]).run().expect(0, "");
    assert_eq!(ended.object()["tasks"].as_array().unwrap().len(), 4, "{ended:?}");
}

#[test]
fn scheduled_tasks_are_named_and_not_waited_for() {
    let service = Simulate::start(&["--duration", "600ms", "--appear-after", "0s"]);
    let (_, instance) = started(&service, "POST", "/v3/054e292c9880d4992f02c0196d3ea468/instances");
    let restart = format!("/v3/{PROJECT}/instances/{instance}/restart");
    let delayed = service.ask_with("POST", &restart, "", r#"{"delay": true}"#).1;
    let delayed = delayed["job_id"].as_str().unwrap();
    let ended = wait(&service.url, &instance).run().expect(0, "because of the maintenance window");
    assert!(ended.stderr.contains(delayed) && !ended.stdout.contains(delayed), "{ended:?}");
    // By its own ID, it can be waited for.
    tool(&service.url).args(["--once", delayed]).run().expect(124, "Pending");
}

#[test]
fn the_options_of_several_tasks_mean_the_same_for_those_of_an_instance() {
    let rows = || ["done", "broken", "slow"].map(|id| row(id, INSTANCE, "Running")).to_vec();
    let server = service(rows, Offset::Page, |id| match id {
        "done" => "Completed",
        "broken" => "Failed",
        _ => "Running",
    });
    let run = |args: &[&'static str]| wait(&server.url(), INSTANCE).args(args.iter().copied());
    run(&["--any"]).run().expect(0, "done completed");
    run(&["--keep-going", "--timeout", "600ms"]).run().expect(1, "slow timed_out");
    run(&["--task-name", "BACKUP", "--once"]).run().expect(1, "broken failed");
    run(&["--task-name", "restore", "--not-found-grace", "0s"]).run().expect(3, "'restore' in its name");
    // Of the tasks of an idle wait, only those in progress matter.
    let ended = run(&["--idle", "--timeout", "600ms", "-o", "json"]).run().expect(124, "");
    assert_eq!(ended.json()["jobs"][1]["outcome"], "failed");
    let server = service(|| vec![row("slow", INSTANCE, "Running")], Offset::Page, |_| "Running");
    let ended = wait(&server.url(), INSTANCE).args(["--once"]).run().expect(124, "");
    assert!(ended.stderr.contains("slow") && !ended.stderr.contains("--instance"), "{ended:?}");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_search_with_the_command_that_resumes_it() {
    let server = service(Vec::new, Offset::Page, |_| "");
    let running = wait(&server.url(), INSTANCE).start().handles_signals();
    let ended = running.end_by("TERM").expect(143, "stopped by SIGTERM while searching for tasks");
    assert!(ended.stderr.contains(&format!("to resume, run: jobwait --instance {INSTANCE}")), "{ended:?}");
}

#[test]
fn a_search_and_a_list_end_with_the_code_of_their_error() {
    for (status, body, code, said) in [
        (403, r#"{"error_code":"DBS.201028","error_msg":"No."}"#, 4, "refused: HTTP 403: No."),
        (401, r#"{"error_code":"APIGW.0301","error_msg":"No."}"#, 4, "refused: HTTP 401: No."),
        (404, r#"{"error_code":"APIGW.0101","error_msg":"No."}"#, 125, "no usable response"),
        (503, "", 125, "no usable response"),
        (200, r#"{"job": {}}"#, 125, "not a list of tasks: no array 'jobs'"),
    ] {
        let server = Server::answers([(status, body)]);
        let ended = list(&server.url()).args(["--timeout", "1s"]).run().within(1.0).expect(code, said);
        assert!(ended.stdout.is_empty(), "{ended:?}");
        wait(&server.url(), INSTANCE).timeout("1s").run().within(1.0).expect(code, said);
    }
    list("http://127.0.0.1").args(["--status", " "]).run().expect(2, "--status: empty");
    list("http://127.0.0.1").args(["--task-name", ""]).run().expect(2, "--task-name: empty");
    list("ftp://x").run().expect(2, "JOBWAIT_ENDPOINT: invalid endpoint 'ftp://x'");
}

#[test]
fn errors_of_a_list_are_retried() {
    let server = Server::asked(|n, head| match n {
        0 => answer(503, ""),
        1 => Act::Reset,
        _ => page(&[row("a", INSTANCE, "Running")], head, Offset::Page),
    });
    let ended = list(&server.url()).args(["-o", "ids"]).run().expect(0, "HTTP 503");
    assert_eq!(ended.stdout, "a\n");
}

#[test]
fn a_list_is_a_table_or_the_rows_of_the_service() {
    let server = service(
        || {
            let mut hostile = row("b", INSTANCE, "Failed");
            hostile["job_name"] = json!("x\u{1b}[2J");
            hostile["created_time"] = json!("2018-08-06T10:41:14+0800");
            // The service does not filter by time.
            vec![hostile, row("task-a", INSTANCE, "Running")]
        },
        Offset::Page,
        |_| "",
    );
    let ended = list(&server.url()).args(["--since", "30d"]).run().expect(0, "");
    assert_eq!(ended.stdout.lines().count(), 2, "a task from 2018 is not recent: {ended:?}");
    let lines: Vec<&str> = ended.stdout.lines().collect();
    let words: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(words, ["ID", "STATUS", "PROGRESS", "NAME", "INSTANCE", "CREATED"]);
    let words: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!(words[..5], ["task-a", "Running", "7%", "CreateBackup", "orders"]);
    assert_eq!(lines[0].find("STATUS"), lines[1].find("Running"));

    let ended = list(&server.url()).args(["-o", "json", "--status", "running"]).run().expect(0, "");
    let document = ended.object();
    assert_eq!(document["format_version"], "1.0");
    assert_eq!(document["tasks"][0]["ended_time"], "");
    // What it prints can be piped into a wait.
    tool(&server.url()).args(["--once", "-"]).stdin(ended.stdout).run().expect(3, "task-a not_found");

    let ended = list(&server.url()).args(["--status", "Canceled"]).run().expect(0, "no task with status");
    assert!(ended.stdout.is_empty(), "{ended:?}");
}

#[cfg(unix)]
#[test]
fn a_table_fits_the_terminal() {
    use super::support::terminal::Terminal;

    let server = service(
        || {
            let mut long = row("31b8ae23-c687-4d80-b7b4-42a66c9bb886", INSTANCE, "Running");
            long["instance_name"] = json!("磁盘不足".repeat(20));
            vec![long]
        },
        Offset::Page,
        |_| "",
    );
    at_once([20, 80, 120, 200], |columns: u16| {
        let terminal = Terminal::new(columns);
        terminal.both(list(&server.url()).args(["-q"])).run().expect(0, "");
        let (_, lines) = terminal.bytes();
        assert_eq!(lines.len(), 2, "{columns}: {lines:?}");
        assert!(lines[1].starts_with("31b8ae23-c687-4d80"), "{columns}: {lines:?}");
        // With enough room, the names are cut rather than the time.
        assert_eq!(lines[0].ends_with("CREATED"), columns >= 120, "{columns}: {lines:?}");
    });
}

#[test]
fn every_service_has_a_list() {
    let server = Server::asked(|_, head| {
        let path = head.split(['?', ' ']).nth(1).unwrap();
        let (field, row) = match path.rsplit_once('/').unwrap().1 {
            "tasklist" => ("tasks", json!({"id": "a", "status": "Running", "instance_id": INSTANCE})),
            "tasks" => (
                "tasks",
                json!({"job_id": "a", "status": "Running", "instance_info": {"instance_id": INSTANCE}}),
            ),
            _ if path.starts_with("/v3.1/") => {
                ("jobs", json!({"id": "a", "status": "Running", "instance_id": INSTANCE}))
            }
            _ => ("jobs", json!({"id": "a", "status": "Running", "instance": {"id": INSTANCE}})),
        };
        answer(200, &json!({ field: [row], "total_count": 1 }).to_string())
    });
    for (service, path) in [
        ("rds", "/v3/0a/tasklist?"),
        ("gaussdb", "/v3/0a/tasks?"),
        ("dds", "/v3.1/0a/jobs?end_time="),
        ("geminidb", "/v3/0a/jobs?limit="),
    ] {
        let before = server.seen().len();
        let run = list(&server.url()).args(["--service", service, "--instance", INSTANCE, "-o", "ids"]);
        let ended = run.args(["--project-id", "0a"]).run().expect(0, "a\n");
        assert_eq!(ended.stdout, "a\n");
        let head = &server.seen()[before].head;
        assert!(head.starts_with(&format!("GET {path}")) && head.contains("start_time="), "{head}");
    }
}

/// Covers Q6.
#[test]
fn lists_and_searches_warn_once_that_the_rate_limit_cannot_be_shared() {
    let server = with_a_follow_up_task("Completed");
    let url = server.url();
    let empty = service(Vec::new, Offset::Page, |_| "");
    let idle = wait(&empty.url(), INSTANCE).args(["--idle"]);
    for (run, text) in [(list(&url), ""), (wait(&url, INSTANCE), "found 1 more task"), (idle, "no task")] {
        let run = run.env("XDG_RUNTIME_DIR", "/proc").args(["--rate-limit-scope", "machine"]);
        let ended = run.run().expect(0, text);
        let warnings = ended.stderr.matches("the rate limit is for this process alone").count();
        assert_eq!(warnings, 1, "{ended:?}");
    }
}

#[test]
fn the_requests_of_lists_count_against_the_rate_limit() {
    let server = service(Vec::new, Offset::Page, |_| "");
    let start = Instant::now();
    let run = list(&server.url()).args(["--rate-limit", "2/1s", "--rate-limit-scope", "process"]);
    run.run().expect(0, "");
    let asked = server.seen();
    assert_eq!(asked.len(), 4, "{asked:?}");
    for pair in asked.windows(3) {
        let window = pair[2].at.saturating_sub(pair[0].at);
        assert!(window >= Duration::from_millis(950), "{asked:?}");
    }
    assert!(start.elapsed() < Duration::from_secs(10) + slack());
}

/// Covers U3.
#[test]
fn an_instance_is_not_a_task_and_a_task_is_not_an_instance() {
    let tool = || tool("http://127.0.0.1:9");
    tool().args([INSTANCE]).run().expect(2, &format!("run 'jobwait --instance {INSTANCE}'"));
    tool().args(["-"]).stdin(INSTANCE).run().expect(2, &format!("run 'jobwait --instance {INSTANCE}'"));
    let task = "a9767ede-fe0f-4888-9003-e843a4c90514";
    tool().args(["--instance", task]).run().expect(2, &format!("run 'jobwait {task}'"));
    tool().args(["--instance", "orders"]).run().expect(2, "expected 32 hexadecimal digits");
    tool().args(["--instance", INSTANCE, "x"]).run().expect(2, "use only one of them");
    tool().args(["--instance", INSTANCE, "--idle", "--any"]).run().expect(2, "use only one of them");
    tool().args(["--since", "1h", "x"]).run().expect(2, "use it with --instance");
    for (word, said) in [
        ("help", "jobwait --help"),
        ("version", "jobwait --version"),
        ("status", "jobwait --once"),
        ("wait", "jobwait <JOB_ID>"),
    ] {
        tool().args(["--once", word]).run().expect(2, said);
    }
    // The variable is for another wait.
    let server = Server::answers([(400, NOT_FOUND)]);
    let run = tool().env("JOBWAIT_ENDPOINT", &server.url()).env("JOBWAIT_INSTANCE", INSTANCE);
    run.args(["--once", "x"]).run().expect(3, "x not_found");
    let run = tool().env("JOBWAIT_INSTANCE", "orders").env("JOBWAIT_SINCE", "1h");
    run.run().expect(2, "JOBWAIT_INSTANCE");
}

#[tokio::test]
async fn the_library_lists_tasks() {
    let server =
        service(|| vec![row("a", INSTANCE, "Running"), row("b", "another", "Running")], Offset::Page, |_| "");
    let endpoint = Endpoint::parse(&server.url()).unwrap();
    let project: jobwait::ProjectId = PROJECT.parse().unwrap();
    let cloud = Cloud::builder(endpoint, project, Credentials::token("any").unwrap())
        .service(Service::TaurusDb)
        .without_proxy()
        .build()
        .unwrap();
    let filter = TaskFilter::new().instance(InstanceId::parse(INSTANCE).unwrap());
    let rows = cloud.tasks(&filter).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.id().unwrap().as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(cloud.tasks(&filter.status("Failed")).await.unwrap().len(), 0);
    assert_eq!(cloud.scheduled_tasks(None).await.unwrap().len(), 0);
}
