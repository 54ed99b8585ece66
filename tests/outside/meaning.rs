//! Cases S: the meaning of a response.

use super::support::child::at;
use super::support::messages::LAST_SEEN;
use super::support::server::{Server, answer};
use super::support::{ID, NOT_FOUND, SUCCESS, despite_noise, failed, job, running};

/// Covers S1.
#[test]
fn a_completed_task_takes_one_request() {
    let server = Server::acts([answer(200, SUCCESS)]);
    let ended = at(&server.url()).run().expect(0, "");
    assert_eq!(ended.stderr, "");
    let line = format!(
        "{ID} completed CreateGaussDBforMySQLInstance of DO-NOT-TOUCH-mgr2-mysql-single (a48e43ff268f4c0e879652d65e63d0fbin07) after 0."
    );
    assert!(ended.stdout.starts_with(&line), "{ended:?}");
    assert_eq!(ended.stdout.lines().count(), 1, "{ended:?}");
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn the_request_is_the_documented_one() {
    let server = Server::acts([answer(200, SUCCESS)]);
    at(&format!("{}/mysql/", server.url())).args(["--language", "zh-cn"]).run().expect(0, "");
    let seen = &server.seen()[0];
    assert!(
        seen.head
            .starts_with(&format!("GET /mysql/v3/{}/jobs?id={ID} HTTP/1.1\r\n", super::support::PROJECT))
    );
    assert_eq!(seen.header("x-auth-token"), Some(super::support::CANARY));
    assert_eq!(seen.header("x-language"), Some("zh-cn"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("accept-encoding"), None);
}

/// Covers S2.
#[test]
fn a_failed_task_is_reported_with_its_reason() {
    for (body, said) in [
        (failed("disk full"), ": disk full"),
        (failed(""), ": Failed, no reason given"),
        (failed(" \\t "), ": Failed, no reason given"),
    ] {
        let server = Server::acts([answer(200, &body)]);
        let ended = at(&server.url()).run().expect(1, said);
        assert!(ended.stdout.starts_with(&format!("{ID} failed Create")), "{ended:?}");
        assert_eq!(server.seen().len(), 1);
    }
}

/// Covers S3.
#[test]
fn a_running_task_with_a_fail_reason_has_failed() {
    let server = Server::acts([answer(200, &job(r#""status": "Running", "fail_reason": "no IP left""#))]);
    let said = at(&server.url()).args(["-o", "json"]).run().expect(1, "no IP left").json();
    assert_eq!(
        (&said["jobs"][0]["fail_reason"], &said["jobs"][0]["job"]["status"]),
        (&"no IP left".into(), &"Running".into())
    );
}

#[test]
fn a_completed_task_with_a_fail_reason_is_a_warning() {
    let server = Server::acts([answer(200, &job(r#""status": "Completed", "fail_reason": "slow""#))]);
    at(&server.url()).run().expect(0, "warning");
}

/// Covers S4.
#[test]
fn canceled_is_a_failure_and_pending_is_not() {
    despite_noise(|| {
        let server = Server::acts([answer(200, &job(r#""status": "Canceled""#))]);
        at(&server.url()).run().expect(1, "Canceled, no reason given");

        let (pending, unauthorized) = (job(r#""status": "Pending""#), job(r#""status": "Unauthorized""#));
        let server = Server::answers([(200, pending.as_str()), (200, unauthorized.as_str()), (200, SUCCESS)]);
        let ended =
            at(&server.url()).run().expect(0, "Pending (it may be waiting for the maintenance window)");
        assert!(ended.stderr.contains("Unauthorized (a person must approve it)"), "{ended:?}");

        let server = Server::acts([answer(200, &pending)]);
        at(&server.url()).timeout("800ms").run().within(0.8).expect(124, &format!("{LAST_SEEN} Pending"));
    });
}

/// Covers S5.
#[test]
fn an_unknown_status_is_reported_once_and_the_wait_continues() {
    for status in ["Rolling back", "completed", ""] {
        let odd = |percent| job(&format!(r#""status": "{status}", "process": "{percent}""#));
        let server =
            Server::answers([(200, odd(1).as_str()), (200, &odd(1)), (200, &odd(2)), (200, SUCCESS)]);
        let ended = at(&server.url()).run().expect(0, "an unknown status");
        assert_eq!(ended.stderr.matches("an unknown status").count(), 1, "{ended:?}");
    }
}

/// Covers S6.
#[test]
fn a_response_about_another_task_is_never_success() {
    let other = SUCCESS.replace(ID, "a9767ede-fe0f-4888-9003-e843a4c90514");
    let server = Server::acts([answer(200, &other)]);
    at(&server.url()).run().expect(125, "about another task");
    assert_eq!(server.seen().len(), 5);
}

/// Covers S7.
#[test]
fn progress_and_status_may_go_backwards() {
    let (far, back, pending) = (running("80%"), running("20%"), job(r#""status": "Pending""#));
    let server =
        Server::answers([(200, far.as_str()), (200, &back), (200, &pending), (200, &back), (200, SUCCESS)]);
    at(&server.url()).run().expect(0, "Running 20%");
}

/// Covers S8.
#[test]
fn a_task_that_completes_at_the_last_poll_is_completed() {
    despite_noise(|| {
        let server =
            Server::start(|n| if n == 0 { answer(200, &running("40%")) } else { answer(200, SUCCESS) });
        let run = at(&server.url()).timeout("1s").args(["--interval", "15s", "--max-interval", "15s"]);
        let ended = run.run().within(1.0).expect(0, "completed");
        assert!(ended.took.as_millis() >= 850, "{ended:?}");
    });
}

/// Covers S9.
#[test]
fn an_id_that_could_change_the_request_is_rejected() {
    let server = Server::acts([answer(200, SUCCESS)]);
    let long = "a".repeat(10_000);
    for id in ["a&b=c", "a#b", "a%2fb", "a b", "a\nb", "../../v3/x", "", &long] {
        let run = super::support::child::bare().env("HW_AUTH_TOKEN", "t").env("HW_PROJECT_ID", "p");
        let ended = run.args(["--endpoint", &server.url(), id]).run().expect(2, "job ID");
        assert!(ended.stdout.is_empty() && ended.stderr.len() < 300, "{ended:?}");
    }
    assert!(server.seen().is_empty());
}

/// Covers S10.
#[test]
fn a_task_that_disappears_for_one_poll_is_still_waited_for() {
    let going = running("1%");
    let server = Server::answers([(200, going.as_str()), (400, NOT_FOUND), (200, &going), (200, SUCCESS)]);
    at(&server.url()).run().expect(0, "no longer visible");
}

#[test]
fn once_polls_exactly_once() {
    for (status, body, code, said) in [
        (200, running("40%"), 124, "Running 40%"),
        (200, SUCCESS.to_owned(), 0, "completed"),
        (200, failed("x"), 1, ": x"),
        (400, NOT_FOUND.to_owned(), 3, "not_found"),
        (503, String::new(), 125, "HTTP 503"),
    ] {
        let server = Server::answers([(status, body.as_str())]);
        at(&server.url()).args(["--once"]).run().expect(code, said);
        assert_eq!(server.seen().len(), 1);
    }
}
