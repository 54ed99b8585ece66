//! The tests that take minutes or need a quiet machine: `cargo test --test outside -- --ignored --nocapture soak`.
//!
//! One runs the tests of deadlines and signals again, one by one and with strict times. Another runs hundreds of waits
//! at once against a server with random faults, each of which has to end as its script demands. It takes a minute;
//! `SOAK_SECONDS` and `SOAK_SEED` change that. It prints its seed: the same seed makes the same scripts.

use std::collections::HashMap;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::support::child::{Run, bare};
use super::support::punctual::{STRICT_TIMES, wakes_late_by};
use super::support::server::{Act, Server, answer, answer_with, asked_for, raw};
use super::support::{CANARY, ID, NOT_FOUND, PROJECT, SUCCESS, failed, over_quota, running};

/// The number of waits in a round, and the number of them at once.
const WAITS: usize = 200;
const AT_ONCE: usize = 25;

/// The number of waits for several tasks after these, and the number of their tasks.
const GROUPS: usize = 12;
const TASKS: usize = 5;

/// A wait ends this late at most after its deadline while so many others run.
const LATE: Duration = Duration::from_secs(1);

/// Lets one test of this file run at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The deadline is kept to 250 ms and a signal to 100 ms, among others. A test may be disturbed twice.
#[test]
#[ignore = "it needs a quiet machine"]
fn soak_strict_times_are_kept() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    println!("this machine wakes up to {:?} late", wakes_late_by());
    let failed = |names: &[String]| -> Vec<String> {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(names).args(["--test-threads", "1"]).env(STRICT_TIMES, "1");
        let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
        println!("{output}");
        assert!(output.contains("test result: "), "{names:?}");
        let lines = output.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
        lines.map(str::to_owned).collect()
    };
    let mut late =
        failed(&["deadline", "process::", "request_timeout", "signal", "time::"].map(str::to_owned));
    for _ in 0..2 {
        if !late.is_empty() {
            late = failed(&late);
        }
    }
    assert!(late.is_empty(), "{late:?}");
}

#[test]
#[ignore = "it takes half a minute"]
fn soak_ten_thousand_tasks_have_the_right_outcomes() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    super::several::outcomes_are_right(10_000);
}

#[test]
#[ignore = "it takes a minute"]
fn soak_every_wait_ends_as_its_script_demands() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let set = |name: &str| std::env::var(name).ok().map(|value| value.parse().unwrap());
    let seconds = set("SOAK_SECONDS").unwrap_or(60);
    let mut seed: u64 = set("SOAK_SEED").unwrap_or_else(|| fastrand::u64(..1_000_000));
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut rounds = 0;
    while rounds == 0 || Instant::now() < end {
        println!("SOAK_SEED={seed}");
        round(seed);
        seed += 1;
        rounds += 1;
    }
    println!("{} waits ended as they should", rounds * (WAITS + GROUPS));
}

fn round(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut scripts: Vec<Script> = (0..WAITS).map(|_| Script::any(&mut random)).collect();
    scripts.extend(
        std::iter::repeat_with(|| Script::any(&mut random))
            .filter(Script::goes_with_others)
            .take(GROUPS * TASKS),
    );
    let acts: HashMap<String, Vec<Act>> =
        scripts.iter().enumerate().map(|(n, script)| (id(n), script.acts.clone())).collect();
    let asked: Mutex<HashMap<String, usize>> = Mutex::default();
    let server = Server::by_id(move |_, head| {
        let id = asked_for(head).to_owned();
        let mut asked = asked.lock().unwrap();
        let n = asked.entry(id.clone()).or_default();
        *n += 1;
        // The last for ever.
        let act = acts[&id].get(*n - 1).or(acts[&id].last()).unwrap().clone();
        of(&id, act)
    });
    let scripts = Arc::new(scripts);
    let next = Arc::new(Mutex::new(0..WAITS));
    let workers: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (scripts, next, url) = (Arc::clone(&scripts), Arc::clone(&next), server.url());
            thread::spawn(move || {
                while let Some(n) = { next.lock().unwrap().next() } {
                    scripts[n].check(seed, n, &url);
                }
            })
        })
        .collect();
    for worker in workers {
        worker.join().unwrap();
    }
    let groups: Vec<_> = (0..GROUPS)
        .map(|n| {
            let (scripts, url) = (Arc::clone(&scripts), server.url());
            thread::spawn(move || group(seed, n, &scripts, &url))
        })
        .collect();
    for group in groups {
        group.join().unwrap();
    }
}

/// Every other group is waited for until one completes, the others until all have ended.
fn group(seed: u64, n: usize, scripts: &[Script], url: &str) {
    let numbers: Vec<usize> = (0..TASKS).map(|k| WAITS + n * TASKS + k).collect();
    let ids: Vec<String> = numbers.iter().map(|n| id(*n)).collect();
    let any = n.is_multiple_of(2);
    let run = wait(url, &ids[0]).args(ids[1..].iter().map(String::as_str)).timeout("60s");
    let run = run.args([if any { "--any" } else { "--keep-going" }, "--rate-limit", "none"]);
    let ended = run.args(["--not-found-grace", "30s"]).run();
    let codes: Vec<i32> = numbers.iter().map(|n| scripts[*n].code).collect();
    let first_of = |order: [i32; 4]| order.into_iter().find(|code| codes.contains(code));
    let code = first_of(if any { [0, 1, 4, 125] } else { [1, 4, 125, 0] });
    assert_eq!(ended.code, code, "SOAK_SEED={seed}, group {n}: {ended:?}");
    let document = ended.json();
    for (job, (id, code)) in document["jobs"].as_array().unwrap().iter().zip(ids.iter().zip(codes)) {
        assert_eq!(job["job_id"], id.as_str());
        let outcome = job["outcome"].as_str().unwrap();
        let expected = match code {
            0 => "completed",
            1 => "failed",
            4 => "unauthorized",
            _ => "unreachable",
        };
        let cut_short = any && ended.code == Some(0) && outcome == "waiting";
        assert!(outcome == expected || cut_short, "SOAK_SEED={seed}, {id}: {outcome}: {ended:?}");
    }
}

/// An ID as long as that of the examples, which it replaces.
fn id(n: usize) -> String {
    format!("{}{n:012}", &ID[..24])
}

fn of(id: &str, act: Act) -> Act {
    let renamed = |bytes: Vec<u8>| match String::from_utf8(bytes) {
        Ok(text) => text.replace(ID, id).into_bytes(),
        Err(error) => error.into_bytes(),
    };
    match act {
        Act::Send(bytes) => Act::Send(renamed(bytes)),
        Act::SendAndClose(bytes) => Act::SendAndClose(renamed(bytes)),
        Act::SendAndHang(bytes) => Act::SendAndHang(renamed(bytes)),
        Act::Drip(bytes, pause) => Act::Drip(renamed(bytes), pause),
        other => other,
    }
}

/// The actions of the service on the requests about one task, and the end that its wait must have.
#[derive(Clone)]
struct Script {
    what: &'static str,
    acts: Vec<Act>,
    timeout: Duration,
    grace: &'static str,
    code: i32,
}

impl Script {
    fn any(random: &mut fastrand::Rng) -> Self {
        let long = Duration::from_secs(30);
        let short = Duration::from_millis(random.u64(1500..3500));
        let mut acts = Vec::new();
        // Too few responses in a row that are no jobs for them to be another API's.
        let before = random.usize(..5);
        acts.extend((0..before).map(|n| match random.u8(..4) {
            0 if n < 2 => answer(400, NOT_FOUND),
            1 if n < 3 => nonsense(random),
            _ => fault(random),
        }));
        let seen = acts.len();
        for _ in 0..random.usize(..4) {
            acts.push(going(random));
            acts.extend(
                (0..random.usize(..5)).map(|_| if random.bool() { fault(random) } else { nonsense(random) }),
            );
            acts.extend((0..random.usize(..3)).map(|_| answer(400, NOT_FOUND)));
        }
        let visible = acts.len() > seen;
        let (what, last, timeout, code) = match random.u8(..14) {
            0 | 1 => ("completed", answer(200, SUCCESS), long, 0),
            2 => ("failed", answer(200, &failed("The quota is exhausted.")), long, 1),
            3 => ("canceled", answer(200, &SUCCESS.replace("Completed", "Canceled")), long, 1),
            4 => {
                let reason =
                    running("40%").replace(r#""process""#, r#""fail_reason": "No disk.", "process""#);
                ("a reason", answer(200, &reason), long, 1)
            }
            5 => ("unknown for ever", answer(400, NOT_FOUND), long, 3),
            6 => ("403", answer(403, r#"{"error_code":"DBS.201028","error_msg":"No."}"#), long, 4),
            7 => ("401", answer(401, r#"{"error_code":"APIGW.0301","error_msg":"No."}"#), long, 4),
            8 => ("no such API", answer(404, r#"{"error_code":"APIGW.0101","error_msg":"No."}"#), long, 125),
            9 => ("redirect", answer_with(302, "Location: https://elsewhere.example/\r\n", ""), long, 125),
            10 | 11 => ("going on", going(random), short, 124),
            // The outcome at the deadline depends on whether the task was ever seen.
            12 => ("faults for ever", Act::Reset, short, if visible { 124 } else { 125 }),
            _ => ("silence for ever", Act::SendAndHang(Vec::new()), short, if visible { 124 } else { 125 }),
        };
        if timeout == short {
            // The deadline must not come before the last of them.
            acts = if visible { vec![going(random)] } else { Vec::new() };
        }
        acts.push(last);
        // Faults take time, in which a new ID would become visible.
        let grace = if what == "unknown for ever" { "1s" } else { "30s" };
        Self { what, acts, timeout, grace, code }
    }

    /// Returns whether the end is independent of other tasks: they share the deadline, the credentials and the grace.
    fn goes_with_others(&self) -> bool {
        self.timeout >= Duration::from_secs(30) && !matches!(self.what, "401" | "unknown for ever")
    }

    fn check(&self, seed: u64, n: usize, url: &str) {
        let timeout = format!("{}ms", self.timeout.as_millis());
        let ended = wait(url, &id(n)).timeout(&timeout).args(["--not-found-grace", self.grace]).run();
        let what = self.what;
        assert_eq!(ended.code, Some(self.code), "SOAK_SEED={seed}, {}: {what}: {ended:?}", id(n));
        assert!(ended.took <= self.timeout + LATE, "SOAK_SEED={seed}, {}: {what}: {ended:?}", id(n));
        assert_eq!(ended.json()["exit_code"], self.code, "SOAK_SEED={seed}: {ended:?}");
    }
}

fn wait(url: &str, id: &str) -> Run {
    bare()
        .env("HW_AUTH_TOKEN", CANARY)
        .env("HW_PROJECT_ID", PROJECT)
        .args(["--endpoint", url, "--interval", "10ms", "--max-interval", "40ms", "--request-timeout", "1s"])
        .args(["-o", "json", id])
}

fn going(random: &mut fastrand::Rng) -> Act {
    answer(200, &running(["", "3%", "40%", "99%", "x"][random.usize(..5)]))
}

/// A fault that passes, and reveals nothing about the task.
fn fault(random: &mut fastrand::Rng) -> Act {
    let whole = raw(200, "", SUCCESS.as_bytes());
    match random.u8(..9) {
        0 => Act::Reset,
        1 => Act::SendAndClose(Vec::new()),
        2 => Act::SendAndClose(whole[..random.usize(1..whole.len())].to_vec()),
        3 => Act::Drip(whole, Duration::from_millis(20)),
        4 => Act::SendAndHang(whole[..random.usize(..200)].to_vec()),
        5 => Act::SendAndClose(b"\x16\x03\x01\r\n\r\n".to_vec()),
        6 => answer_with(503, "Retry-After: 1\r\n", "<html>busy</html>"),
        7 => Act::Flood(raw(200, "", b"")[..40].to_vec(), b"X-More: 1\r\n".to_vec()),
        // A 429 pauses the wait for a tenth of the window.
        _ => answer([408, 425, 429, 500, 502, 504][random.usize(..6)], &over_quota(1)),
    }
}

/// A successful response that is not a job.
fn nonsense(random: &mut fastrand::Rng) -> Act {
    let other = SUCCESS.replace(ID, "another");
    let body = ["", "null", "{}", "<!DOCTYPE html><title>Log in</title>", r#"{"job": null}"#, &other];
    answer(200, body[random.usize(..body.len())])
}
