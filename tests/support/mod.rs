//! The built binary as a child process, and a server that misbehaves to order.

pub mod child;
pub mod messages;
pub mod punctual;
pub mod schema;
pub mod server;
#[cfg(unix)]
pub mod terminal;
pub mod tls;

use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// Checks several cases at the same time: most of them only wait. The first that fails fails the test.
pub fn at_once<T: Send>(cases: impl IntoIterator<Item = T>, check: impl Fn(T) + Sync) {
    const AT_MOST: usize = 8;

    let cases: Vec<T> = cases.into_iter().collect();
    let threads = cases.len().min(AT_MOST);
    let cases = Mutex::new(cases.into_iter());
    thread::scope(|scope| {
        for _ in 0..threads {
            thread_of_this_test()
                .spawn_scoped(scope, || {
                    while let Some(case) = { cases.lock().unwrap().next() } {
                        check(case);
                    }
                })
                .unwrap();
        }
    });
}

/// Runs two checks at the same time.
pub fn both(one: impl FnOnce() + Send, other: impl FnOnce() + Send) {
    thread::scope(|scope| {
        thread_of_this_test().spawn_scoped(scope, one).unwrap();
        other();
    });
}

/// A thread whose panic is reported with the name of the test.
fn thread_of_this_test() -> thread::Builder {
    thread::Builder::new().name(thread::current().name().unwrap_or("test").to_owned())
}

/// Repeats a check that fails, up to three times more. It is for a few checks of the 100 ms before a deadline, in which the
/// last poll is sent, and of the milliseconds after a deadline or a signal, in which a process prints. A busy machine can
/// break such a check, a defect always does. With strict times there is no repetition.
pub fn despite_noise(check: impl Fn()) {
    let repetitions = if punctual::slack().is_zero() { 0 } else { 3 };
    for _ in 0..repetitions {
        if panic::catch_unwind(AssertUnwindSafe(&check)).is_ok() {
            return;
        }
    }
    check();
}

/// Waits for a condition, for a minute at most.
#[track_caller]
pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "it does not come: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A secret as the user info of a URL holds it.
pub fn in_a_url(secret: &str) -> String {
    secret.replace('/', "%2F").replace('=', "%3D")
}

/// The ID and the response of the documented example.
pub const ID: &str = "31b8ae23-c687-4d80-b7b4-42a66c9bb886";
pub const PROJECT: &str = "054e292c9880d4992f02c0196d3ea468";

/// A secret that must turn up nowhere, nor any beginning of it: [`child::Running::end`] searches the output of every
/// process. It is as long as a text that is cut, and has characters that JSON escapes.
pub const CANARY: &str = "MIIEcanary/TokenThatMustNeverBeSeenAnywhere==0123456789/\
    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
    bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\
    cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

/// The documented success example, byte for byte.
pub const SUCCESS: &str = include_str!("../../src/cloud/response/success.json");

/// The documented response about an unknown ID.
pub const NOT_FOUND: &str = r#"{"error_code":"DBS.200543","error_msg":"The job does not exist."}"#;

/// The documented example while it ran.
pub fn running(process: &str) -> String {
    SUCCESS
        .replace(r#""Completed""#, r#""Running""#)
        .replace(r#""process": """#, &format!(r#""process": "{process}""#))
        .replace(r#""2018-08-06T16:41:14+0000""#, r#""""#)
}

pub fn failed(reason: &str) -> String {
    SUCCESS
        .replace(r#""Completed""#, r#""Failed""#)
        .replace(r#""process": """#, &format!(r#""process": "", "fail_reason": "{reason}""#))
}

/// The response of the gateway when the quota of the account, in a window of this length, is used up.
pub fn over_quota(seconds: u32) -> String {
    let message = format!("policy user over ratelimit,limit:200,time:{seconds} second");
    format!(r#"{{"error_code":"APIGW.0308","error_msg":"{message}"}}"#)
}

/// A response with a job object of these fields.
pub fn job(fields: &str) -> String {
    format!(r#"{{"job": {{"id": "{ID}", {fields}}}}}"#)
}
