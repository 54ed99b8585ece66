//! Many waits on one quota, with real processes.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::support::child::{Run, Running, bare};
use super::support::server::{Act, Server, answer, asked_for};
use super::support::{CANARY, ID, PROJECT, SUCCESS, running};

/// A folder for the state of the processes on one machine.
struct Machine(PathBuf);

impl Machine {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("machine-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.0.join("jobwait")).map_or(0, Iterator::count)
    }

    /// A wait on this machine.
    fn wait(&self, server: &Server, limit: &str) -> Run {
        wait(server).env("XDG_RUNTIME_DIR", self.0.to_str().unwrap()).args([
            "--rate-limit-scope",
            "machine",
            "--rate-limit",
            limit,
        ])
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn wait(server: &Server) -> Run {
    bare().env("HW_AUTH_TOKEN", CANARY).env("HW_PROJECT_ID", PROJECT).timeout("100s").args([
        "--endpoint",
        &server.url(),
        "--interval",
        "20ms",
        "--max-interval",
        "60ms",
    ])
}

/// A service whose tasks end after a time, with a quota of requests for each second. Refused requests count.
struct Service {
    server: Server,
    refused: Arc<AtomicUsize>,
}

impl Service {
    fn new(quota: usize, is_sliding: bool, lasts: Duration) -> Self {
        const WINDOW: Duration = Duration::from_secs(1);
        let refused = Arc::new(AtomicUsize::new(0));
        let (count, start) = (Arc::clone(&refused), Instant::now());
        let counted: Mutex<VecDeque<Duration>> = Mutex::default();
        let server = Server::by_id(move |_, head| {
            let (now, mut counted) = (start.elapsed(), counted.lock().unwrap());
            let fixed = |at: Duration| at.as_secs() < now.as_secs();
            let sliding = |at: Duration| now.saturating_sub(at) >= WINDOW;
            while counted.front().is_some_and(|at| if is_sliding { sliding(*at) } else { fixed(*at) }) {
                counted.pop_front();
            }
            let is_over = counted.len() >= quota;
            counted.push_back(now);
            if is_over {
                count.fetch_add(1, Ordering::Relaxed);
                return answer(429, &over_quota("1 second"));
            }
            let body = if now >= lasts { SUCCESS.to_owned() } else { running("40%") };
            answer(200, &body.replace(ID, asked_for(head)))
        });
        Self { server, refused }
    }

    fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }
}

fn over_quota(window: &str) -> String {
    let message = format!(
        "The throttling threshold has been reached: policy user over ratelimit,limit:9,time:{window}"
    );
    format!(r#"{{"error_code":"APIGW.0308","error_msg":"{message}"}}"#)
}

/// Waits for the ends of these processes, all of which see their task complete.
fn all_complete(processes: Vec<Running>) -> Vec<String> {
    processes.into_iter().map(|process| process.end().expect(0, " completed ").stderr).collect()
}

/// Covers Q1.
#[test]
fn processes_on_one_machine_share_their_limit_and_the_service_refuses_none() {
    let service = Service::new(40, true, Duration::from_secs(2));
    let (machine, start) = (Machine::new(), Instant::now());
    let wait = |n: usize| machine.wait(&service.server, "20/1s").arg(format!("task-{n}")).start();
    let messages = all_complete((0..10).map(wait).collect());
    let windows = usize::try_from(start.elapsed().as_secs()).unwrap() + 1;
    let requests = service.server.seen().len();
    assert!(requests <= 20 * windows, "{requests} requests in {windows} s");
    assert_eq!((service.refused(), machine.files()), (0, 1));
    assert!(messages.iter().all(|message| !message.contains("warning")), "{messages:?}");
}

/// Covers Q1 and Q2.
#[test]
fn processes_on_separate_machines_all_see_their_end_although_refused_requests_count() {
    for is_sliding in [true, false] {
        let service = Service::new(20, is_sliding, Duration::from_secs(2));
        let machines: Vec<Machine> = (0..8).map(|_| Machine::new()).collect();
        let wait = |machine: &Machine| machine.wait(&service.server, "18/1s").arg(ID).start();
        let messages = all_complete(machines.iter().map(wait).collect());
        assert!(service.refused() > 0, "the quota was never used up");
        let hints =
            messages.iter().filter(|message| message.contains("give all job IDs to one jobwait")).count();
        assert!(hints > 0, "nothing says what helps: {messages:?}");
    }
}

/// Covers Q3.
#[test]
fn a_429_to_the_first_of_many_tasks_holds_back_all_others() {
    for count in [45, 64, 200] {
        // The first request is for the list.
        let server = Server::asked(|n, head| match n {
            0 => answer(429, &over_quota("10 second")),
            _ if head.contains("/immediate-jobs") => answer(404, "{}"),
            _ => answer(200, &SUCCESS.replace(ID, asked_for(head))),
        });
        let ids: Vec<String> = (0..count).map(|n| format!("task-{n}")).collect();
        let wait = wait(&server).args(["--rate-limit", "none", "--output", "json"]);
        wait.each(&ids).run().expect(0, r#""outcome":"completed","exit_code":0"#);
        let seen = server.seen();
        assert_eq!(seen.iter().filter(|seen| seen.head.contains("?id=")).count(), count);
        // The pause is a tenth of the window, with a jitter of a half.
        let pause = seen[1].at.saturating_sub(seen[0].at);
        assert!(pause >= Duration::from_millis(450), "{count}: {pause:?}");
    }
}

/// Covers Q4.
#[test]
fn every_request_counts_against_the_limit_also_those_that_are_sent_again() {
    // Each second request is reset, and sent again on a new connection.
    let server = Server::by_id(|n, head| match n {
        30.. => answer(200, &SUCCESS.replace(ID, asked_for(head))),
        n if n % 2 == 1 => Act::Reset,
        _ => answer(200, &running("40%").replace(ID, asked_for(head))),
    });
    let ended = wait(&server).args(["--rate-limit", "8/400ms", "--output", "json"]).arg(ID).run();
    let json = ended.expect(0, "completed").json();
    let (polls, requests) = (json["jobs"][0]["polls"].as_u64(), json["jobs"][0]["requests"].as_u64());
    let seen = server.seen();
    assert_eq!(requests.map(|count| usize::try_from(count).unwrap()), Some(seen.len()), "{json}");
    assert!(polls < requests, "{json}");
    for (first, start) in seen.iter().enumerate() {
        let is_within = |at: Duration| at.saturating_sub(start.at) < Duration::from_millis(400);
        let within = seen[first..].iter().take_while(|request| is_within(request.at)).count();
        // On a busy machine, a request can arrive later than it was sent, and the next ones less so.
        assert!(within <= 8 + 2, "{within} requests in 400 ms");
    }
}

/// Covers Q4.
#[test]
fn a_request_of_a_poll_that_is_cut_off_counts() {
    let server = Server::acts([Act::SendAndHang(Vec::new())]);
    let ended = wait(&server).timeout("500ms").args(["--output", "json"]).arg(ID).run();
    let json = ended.expect(125, "unreachable").json();
    assert_eq!((&json["jobs"][0]["polls"], &json["jobs"][0]["requests"]), (&1.into(), &1.into()), "{json}");
}

/// Covers Q6.
#[test]
fn a_state_that_cannot_be_shared_is_reported_once_and_the_wait_goes_on() {
    let service = Service::new(1000, true, Duration::from_millis(300));
    let machine = Machine::new();
    let unwritable = |folder: &str| {
        let wait = wait(&service.server).env("XDG_RUNTIME_DIR", folder);
        wait.args(["--rate-limit", "100/1s", "--rate-limit-scope", "machine"]).arg(ID).run()
    };
    std::os::unix::fs::symlink(&machine.0, machine.0.join("jobwait")).unwrap();
    for folder in ["/proc", "/dev/null", "/no/such/folder", machine.0.to_str().unwrap()] {
        let ended = unwritable(folder).expect(0, " completed ");
        let warnings = ended.stderr.matches("the rate limit is for this process alone").count();
        assert_eq!(warnings, 1, "{folder}: {ended:?}");
    }
    // A process of its own says nothing.
    let wait = wait(&service.server).env("XDG_RUNTIME_DIR", "/proc").arg(ID);
    let ended = wait.args(["--rate-limit-scope", "process"]).run().expect(0, " completed ");
    assert!(!ended.stderr.contains("warning"), "{ended:?}");
}

/// Covers Q6.
#[test]
fn a_killed_process_blocks_no_other_and_each_account_has_a_limit_of_its_own() {
    let service = Service::new(1000, true, Duration::from_secs(1));
    let machine = Machine::new();
    let wait =
        |token: &str| machine.wait(&service.server, "20/1s").env("HW_PROJECT_ID", token).arg(ID).start();
    for _ in 0..5 {
        let killed = wait(PROJECT);
        let polled = service.server.seen().len();
        while service.server.seen().len() < polled + 2 {
            std::thread::sleep(Duration::from_millis(2));
        }
        killed.signal("KILL");
        assert_eq!(killed.end().code, None);
    }
    let messages = all_complete(vec![wait(PROJECT), wait(PROJECT), wait("0a")]);
    assert!(messages.iter().all(|message| !message.contains("warning")), "{messages:?}");
    assert_eq!(machine.files(), 2, "one file for each project of a token");
}
