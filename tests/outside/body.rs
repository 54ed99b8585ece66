//! Rows B: what is in an answer.

use std::time::Duration;

use super::support::child::at;
use super::support::server::{Act, Server, answer, raw};
use super::support::{ID, SUCCESS, job, running};
use super::transport::passes;

/// Unreadable answers are retried, and five in a row are another API.
#[track_caller]
fn unreadable(body: impl Into<Vec<u8>>) {
    let body = body.into();
    let act = Act::Send(raw(200, "", &body));
    passes(&act, "HTTP 200, but");
    let server = Server::acts([act]);
    at(&server.url()).run().expect(125, "something else answers");
    assert_eq!(server.seen().len(), 5, "{}", String::from_utf8_lossy(&body));
}

/// Covers B1.
#[test]
fn an_answer_that_is_cut_is_retried() {
    let whole = String::from_utf8(raw(200, "", SUCCESS.as_bytes())).unwrap();
    passes(&Act::SendAndClose(whole.as_bytes()[..whole.len() - 20].to_vec()), "the connection to 127.0.0.1");
    let chunked =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{SUCCESS}\r\n", SUCCESS.len());
    passes(&Act::SendAndClose(chunked.into_bytes()), "the connection to 127.0.0.1");
    let close = format!("HTTP/1.1 200 OK\r\n\r\n{}", &SUCCESS[..SUCCESS.len() - 20]);
    passes(&Act::SendAndClose(close.into_bytes()), "the response is malformed");
}

#[test]
fn a_chunked_answer_and_one_that_ends_with_the_connection_are_read() {
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
fn a_body_that_drips_ends_with_the_request_timeout() {
    passes(&Act::Drip(raw(200, "", SUCCESS.as_bytes()), Duration::from_millis(20)), "within 300ms");
}

/// Covers B3.
#[test]
fn a_body_without_end_is_not_read_to_its_end() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n{\"job\": \"".to_vec();
    passes(&Act::Flood(head, vec![b'a'; 65536]), "longer than 1 MiB");
    let endless = b"HTTP/1.1 200 OK\r\n\r\n{\"job\": \"".to_vec();
    passes(&Act::Flood(endless, vec![b'a'; 65536]), "longer than 1 MiB");
    let chunk = [b"10000\r\n".to_vec(), vec![b'a'; 65536], b"\r\n".to_vec()].concat();
    passes(
        &Act::Flood(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(), chunk),
        "longer than 1 MiB",
    );
}

/// Covers B4.
#[test]
fn what_is_not_one_job_is_unreadable() {
    let twice = SUCCESS.repeat(2);
    let in_a_list = format!("[{SUCCESS}]");
    let positional = format!(r#"{{"job": ["{ID}", "Completed", null, null, null, null, null]}}"#);
    for body in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"job": null}"#,
        r#"{"job": ["Completed"]}"#,
        &twice,
        &in_a_list,
        &positional,
    ] {
        unreadable(body);
    }
    unreadable(format!("{SUCCESS} x"));
}

/// Covers B5.
#[test]
fn a_status_that_is_missing_or_no_text_or_there_twice_is_unreadable() {
    for fields in [
        r#""name": "x""#,
        r#""status": null"#,
        r#""status": 1"#,
        r#""status": "Running", "status": "Completed""#,
    ] {
        unreadable(job(fields));
    }
}

/// Covers B6.
#[test]
fn utf_8_with_a_byte_order_mark_is_read_and_no_other_coding() {
    let server = Server::acts([answer(200, &format!("\u{feff}{SUCCESS}"))]);
    at(&server.url()).run().expect(0, "completed");
    unreadable(SUCCESS.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
    unreadable(
        SUCCESS
            .replace("MySQL", "@")
            .into_bytes()
            .iter()
            .map(|&b| if b == b'@' { 0xfc } else { b })
            .collect::<Vec<u8>>(),
    );
    unreadable(job(r#""status": "Completed", "name": "\ud800""#));
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
fn the_services_object_is_kept_as_it_came() {
    let object = r#"{"status":"Completed","id":"31b8ae23-c687-4d80-b7b4-42a66c9bb886","big":123456789012345678901234567890,"tiny":1e-999,"z":{"b":[1.50,null],"a":"\u0041\ud83d\ude00"},"entities":{},"ended":"","name":null}"#;
    let server = Server::acts([answer(200, &format!(r#"{{"job": {object}, "more": 1}}"#))]);
    let ended = at(&server.url()).args(["-o", "json"]).run().expect(0, object);
    assert_eq!(ended.json()["jobs"][0]["job"]["entities"], serde_json::json!({}));
}

/// Covers B9.
#[test]
fn progress_is_shown_when_it_is_a_percentage() {
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
    assert_eq!(server.seen().len(), 3, "100 % is no end");
}
