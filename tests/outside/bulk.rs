//! Waits for several tasks that the list of tasks answers for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::lists::{Offset, page, row};
use super::support::at_once;
use super::support::child::{Run, bare};
use super::support::server::{Act, Server, answer, asked_for};
use super::support::{CANARY, NOT_FOUND, PROJECT};

/// A service with tasks that run for a time.
#[derive(Clone)]
struct Service {
    tasks: usize,
    runs_for: Duration,
    offset: Offset,
    /// The list shows the state of this long ago.
    lag: Duration,
    /// The list shows that this task has ended when it has not.
    denies: Option<&'static str>,
}

impl Service {
    fn new(tasks: usize) -> Self {
        let (lag, denies) = (Duration::ZERO, None);
        Self { tasks, runs_for: Duration::from_secs(2), offset: Offset::Page, lag, denies }
    }

    fn start(self) -> Server {
        // The time counts from the first request, because a busy machine is slow to start a process.
        let start: OnceLock<Instant> = OnceLock::new();
        Server::asked(move |_, head| {
            let running = start.get_or_init(Instant::now).elapsed();
            if head.contains("/immediate-jobs?") {
                assert!(head.contains("status=Running"), "{head}");
                let shown = running.saturating_sub(self.lag) < self.runs_for;
                let status = |id: &str| match self.denies {
                    Some(denied) if denied == id => "Running\", \"fail_reason\": \"on the list only",
                    _ => "Running",
                };
                let rows: Vec<Value> = (0..self.tasks)
                    .filter(|_| shown)
                    .map(|n| {
                        let id = format!("task-{n}");
                        let text = row(&id, "i", "Running").to_string().replace(r#""fail_reason":"","#, "");
                        serde_json::from_str(&text.replace("Running", status(&id))).unwrap()
                    })
                    .collect();
                return page(&rows, head, self.offset);
            }
            let status = if running < self.runs_for { "Running" } else { "Completed" };
            let id = asked_for(head);
            answer(200, &json!({"job": {"id": id, "status": status, "process": "7%"}}).to_string())
        })
    }
}

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("task-{n}")).collect()
}

fn wait(server: &Server, tasks: usize) -> Run {
    let run = bare().env("HW_AUTH_TOKEN", CANARY).env("HW_PROJECT_ID", PROJECT);
    let run =
        run.env("JOBWAIT_ENDPOINT", &server.url()).args(["--interval", "50ms", "--max-interval", "200ms"]);
    run.args(["--rate-limit", "none"]).each(&ids(tasks))
}

/// The number of requests for the list, and for tasks.
fn requests(server: &Server) -> (usize, usize) {
    let (lists, polls): (Vec<_>, Vec<_>) =
        server.seen().into_iter().partition(|seen| seen.head.contains("/immediate-jobs?"));
    (lists.len(), polls.len())
}

#[test]
fn one_request_answers_for_all_tasks_and_each_end_is_confirmed() {
    at_once(
        [(20, Offset::Page), (20, Offset::Index), (120, Offset::Page), (120, Offset::Index)],
        |(tasks, offset)| {
            let server = Service { offset, ..Service::new(tasks) }.start();
            let ended = wait(&server, tasks).args(["-o", "json"]).run().expect(0, "");
            let jobs = ended.json()["jobs"].as_array().unwrap().clone();
            assert!(jobs.iter().all(|job| job["job"]["status"] == "Completed"), "{ended:?}");
            let (lists, polls) = requests(&server);
            assert!(lists >= 5, "{lists} lists");
            // Each end is confirmed by one poll. Without the list, a task needs at least ten.
            assert!(polls >= tasks && polls < 10 * tasks, "{polls} polls for {tasks} tasks");
            let polled: u64 = jobs.iter().map(|job| job["polls"].as_u64().unwrap()).sum();
            assert!(polled >= polls as u64, "{polled} polls in the result, {polls} at the service");
        },
    );
}

#[test]
fn a_list_that_lags_or_contradicts_the_tasks_ends_no_wait_early_or_wrongly() {
    let service = Service::new(8);
    for service in [
        Service { lag: Duration::from_millis(300), ..service.clone() },
        Service { lag: Duration::from_secs(5), ..service.clone() },
        Service { denies: Some("task-3"), ..service },
    ] {
        let server = service.start();
        let ended = wait(&server, 8).args(["-o", "json"]).run().expect(0, "");
        assert!(ended.took >= Duration::from_secs(2), "{ended:?}");
    }
}

#[test]
fn a_list_that_cannot_be_used_ends_no_wait_and_is_said_with_verbose() {
    at_once(
        [
            (403, r#"{"error_code": "DBS.200001", "error_msg": "No permission."}"#, 1),
            (404, r#"{"error_code": "APIGW.0101", "error_msg": "The API does not exist."}"#, 1),
            (400, r#"{"error_code": "DBS.200002", "error_msg": "Invalid parameter."}"#, 1),
            (200, "<html>", 3),
            (500, "", 3),
        ],
        |(status, body, most)| {
            let completed = Arc::new(AtomicBool::new(false));
            let done = Arc::clone(&completed);
            let server = Server::asked(move |n, head| {
                if head.contains("/immediate-jobs?") {
                    return answer(status, body);
                }
                let status = if n < 60 { "Running" } else { "Completed" };
                done.fetch_or(n >= 60, Ordering::Relaxed);
                answer(200, &json!({"job": {"id": asked_for(head), "status": status}}).to_string())
            });
            let ended = wait(&server, 6).args(["-v"]).run().expect(0, "the list of tasks is left aside");
            assert!(completed.load(Ordering::Relaxed), "{ended:?}");
            assert_eq!(requests(&server).0, most, "{status}");
        },
    );
}

#[test]
fn refused_credentials_are_not_sent_again_after_a_list() {
    let server = Server::asked(|_, _| answer(401, r#"{"error_code":"APIGW.0301","error_msg":"Incorrect."}"#));
    wait(&server, 6).run().expect(4, "APIGW.0301");
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn new_tasks_that_no_list_shows_are_polled_until_they_are_visible() {
    let server = Server::asked(|n, head| {
        if head.contains("/immediate-jobs?") {
            return answer(200, r#"{"jobs": [], "total_count": 0}"#);
        }
        let job = json!({"job": {"id": asked_for(head), "status": "Completed"}}).to_string();
        if n < 25 { answer(400, NOT_FOUND) } else { answer(200, &job) }
    });
    wait(&server, 6).run().expect(0, "6 of 6 tasks completed");
    let (lists, polls) = requests(&server);
    assert!(lists <= 5 && polls > 20, "{lists} lists, {polls} polls");
}

#[test]
fn three_tasks_and_single_polls_need_no_list() {
    for (tasks, options) in [(3, &[][..]), (8, &["--once"])] {
        let server = Server::asked(|_, head| {
            answer(200, &json!({"job": {"id": asked_for(head), "status": "Completed"}}).to_string())
        });
        wait(&server, tasks).args(options.iter().copied()).run().expect(0, "completed");
        assert_eq!(requests(&server), (0, tasks));
    }
}

#[test]
fn a_list_without_a_response_holds_up_no_wait_for_long() {
    let server = Server::asked(|_, head| {
        if head.contains("/immediate-jobs?") {
            return Act::SendAndHang(Vec::new());
        }
        answer(200, &json!({"job": {"id": asked_for(head), "status": "Completed"}}).to_string())
    });
    let ended = wait(&server, 6).run().expect(0, "6 of 6 tasks completed");
    assert!(ended.took < Duration::from_secs(9), "{ended:?}");
}
