//! `jobwait demo` and `jobwait simulate`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::support::at_once;
use super::support::child::{at, bare};
use super::support::messages::NOT_VISIBLE;
use super::support::punctual::slack;

#[test]
fn the_demo_completes_without_a_cloud() {
    let said = format!("{NOT_VISIBLE}: The job does not exist. (DBS.200543");
    let ended = bare().args(["demo"]).run().expect(0, &said);
    assert!(
        ended.stdout.contains(" completed CreateGaussDBforMySQLInstance of simulated-mysql"),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("Running ") && ended.took.as_secs() < 20 + slack().as_secs(), "{ended:?}");
}

/// One run covers all of that: the demo takes some seconds.
#[test]
fn the_demo_fails_on_request_and_ignores_proxies_and_empty_variables() {
    let run = bare().args(["demo", "--fail", "-o", "json", "-q"]).env("http_proxy", "http://127.0.0.1:9");
    let run = run.env("JOBWAIT_OUTPUT", "").env("JOBWAIT_HEARTBEAT", "");
    let said = run.run().expect(1, "").json();
    assert_eq!(said["jobs"][0]["fail_reason"], "The disk quota of the project is exhausted.");
}

/// A process of `jobwait simulate`.
pub struct Simulate {
    child: Child,
    pub url: String,
}

impl Simulate {
    pub fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_jobwait"))
            .env_clear()
            .arg("simulate")
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, url: line.trim_end().to_owned() }
    }

    /// Sends a request, and returns the status and the body of the response.
    pub fn ask(&self, method: &str, path: &str) -> (u16, Value) {
        self.ask_as(method, path, "")
    }

    /// Sends a request with more headers, each ended by CRLF.
    pub fn ask_as(&self, method: &str, path: &str, headers: &str) -> (u16, Value) {
        self.ask_with(method, path, headers, "")
    }

    /// Sends a request with more headers, each ended by CRLF, and a body.
    pub fn ask_with(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.url.strip_prefix("http://").unwrap()).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
    }
}

impl Drop for Simulate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_script_can_start_tasks_and_wait_for_them() {
    let service = Simulate::start(&["--duration", "1s", "--appear-after", "1s"]);
    assert!(service.url.starts_with("http://127.0.0.1:"), "{}", service.url);
    let calls = [
        ("POST", "/v3/0a/instances", "Create"),
        ("POST", "/v3/0a/instances/i1/restart", "Restart"),
        ("DELETE", "/v3/0a/instances/i1", "Delete"),
    ];
    at_once(calls, |(method, path, name)| {
        let (status, started) = service.ask(method, path);
        assert_eq!(status, 202);
        let job = started["job_id"].as_str().unwrap();
        let (status, said) = service.ask("GET", &format!("/v3/0a/jobs?id={job}"));
        assert_eq!((status, &said["error_code"]), (400, &"DBS.200543".into()), "a new ID is unknown");
        let run = bare().env("HW_AUTH_TOKEN", "any").env("HW_PROJECT_ID", "0a").args([
            "--interval",
            "50ms",
            "--endpoint",
            &service.url,
            job,
        ]);
        run.run().expect(0, &format!("completed {name}GaussDBforMySQLInstance"));
    });
}

#[test]
fn unknown_tasks_of_the_simulator_do_not_exist() {
    let service = Simulate::start(&[]);
    at(&service.url).args(["--not-found-grace", "0s"]).run().expect(3, "DBS.200543");
    let (_, started) = service.ask("POST", "/v3/0a/instances");
    let other = format!("/v3/0b/jobs?id={}", started["job_id"].as_str().unwrap());
    assert_eq!(service.ask("GET", &other).0, 400, "tasks belong to their project");
    assert_eq!(service.ask("GET", "/v3/0a/jobs").1["error_code"], "DBS.280001");
    assert_eq!(service.ask("GET", "/v1/0a/jobs?id=1").1["error_code"], "APIGW.0101");
}

#[test]
fn simulated_tasks_can_fail() {
    let service = Simulate::start(&["--duration", "0", "--appear-after", "0", "--fail-reason", "no IP left"]);
    let (_, started) = service.ask("POST", "/v3/0a/instances");
    let run = bare().env("HW_AUTH_TOKEN", "any").env("HW_PROJECT_ID", "0a");
    run.args(["--endpoint", &service.url, started["job_id"].as_str().unwrap()])
        .run()
        .expect(1, ": no IP left");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_simulator() {
    let mut service = Simulate::start(&[]);
    Command::new("kill").args(["-TERM", &service.child.id().to_string()]).status().unwrap();
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_simulator_listens_on_loopback_only() {
    bare()
        .args(["simulate", "--listen", "0.0.0.0:0"])
        .run()
        .expect(2, "--listen 0.0.0.0:0: invalid address '0.0.0.0:0': not a loopback address");
    bare().args(["simulate", "--listen", "here"]).run().expect(2, "--listen");
}
