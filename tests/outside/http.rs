//! Cases H: statuses and headers of a response.

use std::path::PathBuf;

use super::support::child::at;
use super::support::messages::{ANOTHER_SERVER, NOT_VISIBLE, RETRY};
use super::support::server::{Act, Server, answer, answer_with, raw};
use super::support::{CANARY, NOT_FOUND, SUCCESS, at_once, despite_noise, over_quota, running};
use super::transport::{passes, stays};

fn error(code: &str, message: &str) -> String {
    format!(r#"{{"error_code":"{code}","error_msg":"{message}"}}"#)
}

/// A response ends the wait after one request.
#[track_caller]
fn stops(status: u16, body: &str, code: i32, said: &str) {
    let server = Server::answers([(status, body)]);
    at(&server.url()).run().expect(code, said);
    assert_eq!(server.seen().len(), 1, "{status} {body}");
}

/// Covers H1.
#[test]
fn responses_without_a_body_are_unreadable() {
    let bare = |status: u16| Act::Send(format!("HTTP/1.1 {status} X\r\n\r\n").into_bytes());
    at_once([(204, bare(204)), (304, bare(304)), (206, answer(206, SUCCESS))], |(status, act)| {
        passes(&act, &format!("HTTP {status}"));
    });
}

/// Covers H1.
#[test]
fn endless_interim_responses_end_at_the_deadline() {
    let flood = Act::Flood(Vec::new(), b"HTTP/1.1 100 Continue\r\n\r\n".repeat(100));
    stays(flood, "no response");
}

/// Covers H2.
#[test]
fn a_redirect_is_never_followed() {
    let target = Server::acts([answer(200, SUCCESS)]);
    at_once([301, 302, 303, 307, 308], |status| {
        let other = answer_with(status, &format!("Location: {}/v3/x\r\n", target.url()), "");
        let same = answer_with(status, "Location: /elsewhere\r\n", "");
        for act in [other, same] {
            let server = Server::acts([act]);
            at(&server.url()).run().expect(125, "redirect");
            assert_eq!(server.seen().len(), 1);
        }
    });
    let server = Server::acts([answer_with(302, &format!("Location: {}\r\n", target.url()), "")]);
    at(&server.url()).run().expect(125, &target.address.to_string());
    assert!(target.seen().is_empty());
}

/// Covers H2.
#[test]
fn a_redirect_is_reported_with_its_host_only() {
    for (location, said) in [
        ("/login?return=https://h&sid=SESSION", "to another path of this host"),
        ("//h.example:8443\\@x?SESSION", "to 'h.example:8443'"),
        ("https://u:SESSION@h.example#SESSION", "to 'h.example'"),
        ("SESSION", "to another path of this host"),
    ] {
        let server = Server::acts([answer_with(302, &format!("Location: {location}\r\n"), "")]);
        let ended = at(&server.url()).args(["-vv"]).run().expect(125, said);
        assert!(!ended.stderr.contains("SESSION") && !ended.stdout.contains("SESSION"), "{ended:?}");
    }
}

/// Covers H3.
#[test]
fn a_rejected_request_ends_the_wait_with_the_services_message() {
    stops(
        400,
        &error("DBS.280001", "Parameter error."),
        125,
        "HTTP 400: Parameter error. (DBS.280001, request req-7)",
    );
    let server = Server::answers([(400, error("DBS.280001", "Parameter error.").as_str())]);
    let said = at(&server.url()).args(["-o", "json"]).run().expect(125, "").json();
    assert_eq!(
        said["jobs"][0]["error"],
        serde_json::json!({"message": "HTTP 400: Parameter error.", "error_code": "DBS.280001", "request_id": "req-7", "http_status": 400})
    );
    assert_eq!((&said["outcome"], &said["exit_code"]), (&"unreachable".into(), &125.into()));
}

/// Covers H4.
#[test]
fn a_new_id_may_be_unknown_for_a_while() {
    let server = Server::answers([(400, NOT_FOUND), (400, NOT_FOUND), (200, SUCCESS)]);
    let ended = at(&server.url()).run().expect(0, NOT_VISIBLE);
    assert_eq!(ended.stderr.matches(NOT_VISIBLE).count(), 1, "{ended:?}");
    assert_eq!(server.seen().len(), 3);
}

/// Covers H4.
#[test]
fn an_id_that_stays_unknown_is_not_found_after_the_grace_period() {
    let server = Server::answers([(400, NOT_FOUND)]);
    at(&server.url()).args(["--not-found-grace", "500ms"]).run().expect(3, "another project or region");
    assert!(server.seen().len() > 1);
}

/// Covers H4.
#[test]
fn without_a_grace_period_an_unknown_id_is_not_found_at_once() {
    let server = Server::answers([(400, NOT_FOUND)]);
    let ended = at(&server.url()).args(["--not-found-grace", "0s", "-o", "json"]).run().expect(3, "");
    let said = ended.json();
    assert_eq!(said["jobs"][0]["error"]["error_code"], "DBS.200543");
    assert_eq!((&said["jobs"][0]["outcome"], &said["jobs"][0]["polls"]), (&"not_found".into(), &1.into()));
    assert_eq!(server.seen().len(), 1);
}

/// Covers H4.
#[test]
fn a_task_that_disappears_is_not_found_after_three_polls() {
    let going = running("1%");
    let server = Server::answers([(200, going.as_str()), (400, NOT_FOUND)]);
    at(&server.url()).run().expect(3, "the task is gone");
    assert_eq!(server.seen().len(), 4);
}

/// Covers H5.
#[test]
fn a_rejected_static_token_is_sent_only_once() {
    stops(
        401,
        &error("APIGW.0307", "The token must be updated."),
        4,
        "The token must be updated. (APIGW.0307",
    );
}

/// Covers H5.
#[test]
fn a_changed_token_file_is_read_again_after_a_401() {
    let (file, second) = (token_file(CANARY), CANARY.replace("MIIE", "MIJE"));
    let (path, fresh) = (file.clone(), second.clone());
    let server = Server::start(move |n| match n {
        1 => {
            std::fs::write(&path, &fresh).unwrap();
            answer(401, "{}")
        }
        3.. => answer(200, SUCCESS),
        _ => answer(200, &running("1%")),
    });
    let run = at(&server.url()).env("HW_AUTH_TOKEN", "").args(["--token-file", file.to_str().unwrap()]);
    let ended = run.args(["--interval", "800ms", "--max-interval", "800ms"]).run().expect(0, "completed");
    assert!(!ended.stderr.contains("MIJEcanary"), "{ended:?}");
    let tokens: Vec<_> =
        server.seen().iter().map(|seen| seen.header("x-auth-token").unwrap().to_owned()).collect();
    assert_eq!(tokens, [CANARY, CANARY, &second, &second]);
    // The poll goes on with the new token, without a delay.
    let delays = server.delays();
    assert!(delays[1] < delays[0] / 2, "{delays:?}");
}

/// Writing a file in place empties it first.
/// Covers H5.
#[test]
fn a_token_file_that_is_being_written_is_read_again_a_moment_later() {
    let (file, second) = (token_file(CANARY), CANARY.replace("MIIE", "MIJE"));
    let (path, fresh) = (file.clone(), second.clone());
    let server = Server::by_id(move |_, head| {
        if head.contains(&fresh) {
            return answer(200, SUCCESS);
        }
        std::fs::write(&path, "").unwrap();
        let (path, fresh) = (path.clone(), fresh.clone());
        std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(80));
            std::fs::write(path, fresh).unwrap();
        });
        answer(401, "{}")
    });
    let run = at(&server.url()).env("HW_AUTH_TOKEN", "").args(["--token-file", file.to_str().unwrap()]);
    run.run().expect(0, "completed");
    assert_eq!(server.seen().len(), 2);
    std::fs::remove_file(file).unwrap();
}

/// Covers H5.
#[test]
fn an_unchanged_token_file_is_sent_only_once() {
    let server = Server::answers([(401, "{}")]);
    let file = token_file(CANARY);
    at(&server.url()).args(["--token-file", file.to_str().unwrap()]).run().expect(4, "HTTP 401");
    assert_eq!(server.seen().len(), 1);
}

/// Covers H6.
#[test]
fn a_403_reports_the_missing_permission_or_the_wrong_credentials() {
    stops(403, &error("DBS.200010", "Access denied"), 4, "gaussdbformysql:task:list");
    stops(403, &error("DBS.280056", "Invalid token."), 4, "the credentials are wrong");
}

/// Covers H7.
#[test]
fn a_missing_api_points_at_host_and_path_of_the_endpoint() {
    stops(
        404,
        &error("APIGW.0101", "The API does not exist"),
        125,
        "check the host and the path prefix of --endpoint",
    );
}

/// Covers H8.
#[test]
fn temporary_errors_are_retried() {
    at_once([408, 425, 429, 500, 502, 503, 504], |status| {
        // After a 429, a wait pauses for a tenth of the quota's window.
        let message = "slow down,limit:200,time:1 second";
        passes(&answer(status, &error("APIGW.0308", message)), &format!("{message} (APIGW.0308"));
        let page = format!("<html><head><title>Bad Gateway: {message}</title></head>");
        passes(&answer(status, &page), "Bad Gateway");
    });
    stays(answer(503, "upstream"), "HTTP 503: upstream");
}

/// Covers H9.
#[test]
fn permanent_errors_end_the_wait_after_one_request() {
    for status in [405, 410, 501, 505] {
        stops(status, "", 125, &format!("HTTP {status}"));
    }
}

/// Covers H10.
#[test]
fn retry_after_is_obeyed() {
    let obeyed = |status, window| {
        let busy = answer_with(status, "Retry-After: 1\r\n", &over_quota(window));
        let server = Server::acts([busy, answer(200, SUCCESS)]);
        (at(&server.url()).run().expect(0, RETRY), server.delays()[0])
    };
    for (status, window) in [(503, 300), (429, 1), (429, 40)] {
        let (ended, delay) = obeyed(status, window);
        assert!(delay >= 1000, "{status}: {delay}: {ended:?}");
        assert!(ended.stderr.contains(&format!("{RETRY} 1.0s")), "{ended:?}");
    }
}

/// Covers H10.
#[test]
fn the_last_poll_comes_before_the_deadline_whatever_retry_after_says() {
    despite_noise(|| {
        let server = Server::acts([answer_with(503, "Retry-After: 3600\r\n", ""), answer(200, SUCCESS)]);
        let ended = at(&server.url()).timeout("1s").run().within(1.0).expect(0, "completed");
        assert!(ended.took.as_millis() >= 850, "the last poll is at the deadline: {ended:?}");
    });
}

/// Covers H12.
#[test]
fn the_last_error_is_in_the_result() {
    despite_noise(|| {
        let server =
            Server::answers([(200, running("40%").as_str()), (503, &error("APIGW.0613", "no backend"))]);
        let said = at(&server.url())
            .timeout("800ms")
            .args(["-o", "json"])
            .run()
            .within(0.8)
            .expect(124, "no backend")
            .json();
        assert_eq!(said["outcome"], "timed_out");
        assert_eq!(said["jobs"][0]["job"]["process"], "40%");
        assert_eq!(said["jobs"][0]["error"]["error_code"], "APIGW.0613");
    });
}

/// Covers H13.
#[test]
fn responses_that_are_not_http_are_retried() {
    let many = "X-H: 1\r\n".repeat(500);
    let acts = [
        Act::SendAndClose(b"garbage\r\n\r\n".to_vec()),
        Act::SendAndClose(b"<html>HTTP/0.9".to_vec()),
        Act::SendAndClose(raw(200, &many, SUCCESS.as_bytes())),
        Act::SendAndClose(raw(200, &format!("X-H: {}\r\n", "a".repeat(2_000_000)), SUCCESS.as_bytes())),
        Act::SendAndClose(raw(200, "X-H: a\0b\r\n", SUCCESS.as_bytes())),
        Act::SendAndClose(raw(200, "Content-Length: 1\r\n", SUCCESS.as_bytes())),
        Act::Drip(raw(200, "", SUCCESS.as_bytes()), std::time::Duration::from_millis(20)),
    ];
    at_once(acts, |act| passes(&act, "127.0.0.1"));
}

/// Covers H14.
#[test]
fn an_html_page_instead_of_a_job_is_reported_with_its_title() {
    let page = "<!DOCTYPE html><html><title>Hotel Wi-Fi</title></html>";
    passes(&answer(200, page), "an HTML page, 'Hotel Wi-Fi'");
    let server = Server::answers([(200, page)]);
    at(&server.url()).run().expect(125, ANOTHER_SERVER);
    assert_eq!(server.seen().len(), 5);
}

/// Covers H15.
#[test]
fn a_compressed_response_is_unreadable_since_none_was_requested() {
    let gzip = raw(200, "Content-Encoding: gzip\r\n", b"\x1f\x8b\x08\0\0\0\0\0\0\x03");
    passes(&Act::Send(gzip), "encoded as 'gzip'");
}

fn token_file(token: &str) -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};

    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("token-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, format!("{token}\n")).unwrap();
    path
}
