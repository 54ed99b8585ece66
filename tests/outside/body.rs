//! Cases B: the body of a response.

use std::time::Duration;

use super::support::child::{at, bare};
use super::support::messages::ANOTHER_SERVER;
use super::support::server::{Act, Server, answer, raw};
use super::support::{ID, SUCCESS, at_once, both, job, running};
use super::transport::passes;

/// An unreadable response is retried, and five in a row mean that another API answers.
#[track_caller]
fn unreadable<B: Into<Vec<u8>>>(body: B) {
    let body = body.into();
    let act = Act::Send(raw(200, "", &body));
    let five_times = || {
        let server = Server::acts([act.clone()]);
        at(&server.url()).run().expect(125, ANOTHER_SERVER);
        assert_eq!(server.seen().len(), 5, "{}", String::from_utf8_lossy(&body));
    };
    both(|| passes(&act, "HTTP 200, but"), five_times);
}

/// Covers U4.
#[test]
fn an_error_with_the_status_200_is_reported_in_the_services_words() {
    let error = r#"{"error_code": "DBS.200099", "error_msg": "The instance is frozen."}"#;
    let server = Server::answers([(200, error)]);
    let ended = at(&server.url()).args(["-o", "json"]).run().expect(125, "an error: The instance is frozen.");
    assert_eq!(ended.json()["jobs"][0]["error"]["error_code"], "DBS.200099");
    let unknown = r#"{"error_code": "DBS.200543", "error_msg": "The job does not exist."}"#;
    let server = Server::answers([(200, unknown), (200, SUCCESS)]);
    at(&server.url()).run().expect(0, "not visible yet: The job does not exist.");
    let server = Server::answers([(200, error)]);
    let list = bare().env("HW_AUTH_TOKEN", "t").env("HW_PROJECT_ID", "0a").args(["list", "-t", "1s"]);
    list.args(["--endpoint", &server.url()]).run().expect(125, "an error: The instance is frozen.");
}

/// Covers U5.
#[test]
fn a_running_task_with_a_reason_that_nobody_can_read_has_not_failed() {
    let blanks = ["0", r#"[""]"#, r#"{"code": null}"#, r#""null""#, "\"\u{200b}\u{feff}\"", "false", "{}"];
    at_once(blanks, |blank| {
        let running = job(&format!(r#""status": "Running", "fail_reason": {blank}"#));
        let server = Server::answers([(200, running.as_str()), (200, SUCCESS)]);
        at(&server.url()).run().expect(0, "completed");
        assert_eq!(server.seen().len(), 2, "{blank}");
    });
}

/// Covers B1.
#[test]
fn a_truncated_response_is_retried() {
    let whole = String::from_utf8(raw(200, "", SUCCESS.as_bytes())).unwrap();
    passes(&Act::SendAndClose(whole.as_bytes()[..whole.len() - 20].to_vec()), "the connection to 127.0.0.1");
    let chunked =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{SUCCESS}\r\n", SUCCESS.len());
    passes(&Act::SendAndClose(chunked.into_bytes()), "the connection to 127.0.0.1");
    let close = format!("HTTP/1.1 200 OK\r\n\r\n{}", &SUCCESS[..SUCCESS.len() - 20]);
    passes(&Act::SendAndClose(close.into_bytes()), "the response is malformed");
}

#[test]
fn chunked_responses_and_responses_that_end_with_the_connection_are_read() {
    let (first, rest) = SUCCESS.split_at(100);
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:x}\r\n{rest}\r\n0\r\n\r\n",
        first.len(),
        rest.len()
    );
    for bytes in [chunked, format!("HTTP/1.1 200 OK\r\n\r\n{SUCCESS}")] {
        let server = Server::acts([Act::SendAndClose(bytes.into_bytes())]);
        at(&server.url()).run().expect(0, "completed");
    }
}

/// Covers B2.
#[test]
fn a_body_that_drips_in_slowly_ends_at_the_request_timeout() {
    passes(&Act::Drip(raw(200, "", SUCCESS.as_bytes()), Duration::from_millis(20)), "within 300ms");
}

/// Covers B3.
#[test]
fn at_most_1_mib_of_a_body_is_read() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n{\"job\": \"".to_vec();
    let endless = b"HTTP/1.1 200 OK\r\n\r\n{\"job\": \"".to_vec();
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let chunk = [b"10000\r\n".to_vec(), vec![b'a'; 65536], b"\r\n".to_vec()].concat();
    let floods = [(head, vec![b'a'; 65536]), (endless, vec![b'a'; 65536]), (chunked, chunk)];
    at_once(floods, |(head, more)| passes(&Act::Flood(head, more), "longer than 1 MiB"));
}

/// Covers B4.
#[test]
fn a_body_that_is_not_one_job_is_unreadable() {
    let twice = SUCCESS.repeat(2);
    let in_a_list = format!("[{SUCCESS}]");
    let positional = format!(r#"{{"job": ["{ID}", "Completed", null, null, null, null, null]}}"#);
    let followed = format!("{SUCCESS} x");
    let bodies = [
        "",
        "null",
        "[]",
        "{}",
        r#"{"job": null}"#,
        r#"{"job": ["Completed"]}"#,
        &twice,
        &in_a_list,
        &positional,
        &followed,
    ];
    at_once(bodies, |body| unreadable(body));
}

/// Covers B5.
#[test]
fn a_status_that_is_missing_or_not_a_text_or_given_twice_is_unreadable() {
    let jobs = [
        r#""name": "x""#,
        r#""status": null"#,
        r#""status": 1"#,
        r#""status": "Running", "status": "Completed""#,
    ];
    at_once(jobs, |fields| unreadable(job(fields)));
}

/// Covers B6.
#[test]
fn utf_8_is_the_only_encoding_and_may_begin_with_a_byte_order_mark() {
    let server = Server::acts([answer(200, &format!("\u{feff}{SUCCESS}"))]);
    at(&server.url()).run().expect(0, "completed");
    let utf_16 = SUCCESS.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let at_sign = SUCCESS.replace("MySQL", "@").into_bytes();
    let latin_1 = at_sign.iter().map(|&byte| if byte == b'@' { 0xfc } else { byte }).collect();
    let half_a_pair = job(r#""status": "Completed", "name": "\ud800""#).into_bytes();
    at_once([utf_16, latin_1, half_a_pair], unreadable::<Vec<u8>>);
}

/// Covers B7.
#[test]
fn deep_nesting_is_unreadable() {
    let deep =
        format!(r#""status": "Completed", "entities": {}{}"#, "[".repeat(200_000), "]".repeat(200_000));
    unreadable(job(&deep));
}

/// Covers B8.
#[test]
fn the_job_object_is_printed_as_it_was_received() {
    let object = r#"{"status":"Completed","id":"31b8ae23-c687-4d80-b7b4-42a66c9bb886","big":123456789012345678901234567890,"tiny":1e-999,"z":{"b":[1.50,null],"a":"\u0041\ud83d\ude00"},"entities":{},"ended":"","name":null}"#;
    let server = Server::acts([answer(200, &format!(r#"{{"job": {object}, "more": 1}}"#))]);
    let ended = at(&server.url()).args(["-o", "json"]).run().expect(0, object);
    assert_eq!(ended.json()["jobs"][0]["job"]["entities"], serde_json::json!({}));
}

/// Covers B9.
#[test]
fn progress_is_shown_only_if_it_is_a_percentage() {
    for (process, shown) in
        [("60%", "Running 60%\n"), ("60", "Running 60%\n"), ("abc", "Running\n"), ("150%", "Running\n")]
    {
        let body = job(&format!(r#""status": "Running", "process": "{process}""#));
        let server = Server::answers([(200, body.as_str()), (200, SUCCESS)]);
        at(&server.url()).run().expect(0, shown);
    }
    let full = running("100%");
    let server = Server::answers([(200, full.as_str()), (200, full.as_str()), (200, SUCCESS)]);
    at(&server.url()).run().expect(0, "Running 100%");
    assert_eq!(server.seen().len(), 3, "100 % is not the end");
}
