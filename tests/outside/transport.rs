//! Rows T: what the network does.

use std::io::{Read as _, Write as _};

use super::support::child::at;
use super::support::server::{Act, Server, answer, black_hole, raw, refusing};
use super::support::{SUCCESS, running, tls};

/// A fault that passes is shown, and the wait goes on to its end.
#[track_caller]
pub fn passes(act: &Act, said: &str) {
    let server = Server::acts([act.clone(), act.clone(), answer(200, SUCCESS)]);
    let ended = at(&server.url()).args(["--request-timeout", "300ms"]).run().expect(0, said);
    assert!(ended.stderr.contains("next poll in"), "{ended:?}");
    // Where it can be told. An optimized binary, for which 16 MiB are promised, needs 7 MiB less for itself.
    assert!(ended.peak < 20 * 1024, "{ended:?}");
    assert!(ended.peak > 0 || !cfg!(target_os = "linux"), "{ended:?}");
    // More where the client itself tries a broken connection again.
    assert!(server.seen().len() >= 3, "{:?}", server.seen());
}

/// A fault that stays ends the wait at the deadline, and tells nothing about the task.
#[track_caller]
pub fn stays(act: Act, said: &str) {
    let server = Server::acts([act.clone()]);
    at(&server.url())
        .timeout("600ms")
        .args(["--request-timeout", "200ms"])
        .run()
        .within(0.6)
        .expect(125, said);
    let server = Server::acts([answer(200, &running("40%")), act]);
    let ended = at(&server.url()).timeout("600ms").args(["--request-timeout", "200ms"]).run().within(0.6);
    ended.expect(124, "last seen Running 40%");
}

/// Covers T1.
#[test]
fn a_refused_connection_is_retried() {
    let url = format!("http://{}", refusing());
    let ended = at(&url).timeout("500ms").run().within(0.5).expect(125, "refused");
    assert!(ended.stderr.matches("next poll in").count() > 3, "{ended:?}");
}

/// Covers T2.
#[test]
fn a_connection_that_never_opens_ends_with_the_request_timeout() {
    let (address, _keep) = black_hole();
    let ended = at(&format!("http://{address}")).timeout("1s").args(["--request-timeout", "200ms"]).run();
    ended.within(1.0).expect(125, "within 200ms");
}

/// Covers T2.
#[test]
fn a_mute_tls_peer_ends_with_the_request_timeout() {
    let server = Server::acts([Act::SendAndHang(Vec::new())]);
    let url = server.url().replace("http:", "https:");
    at(&url).timeout("1s").args(["--request-timeout", "200ms"]).run().within(1.0).expect(125, "within 200ms");
}

/// Covers T3.
#[test]
fn an_unknown_host_is_told_after_three_looks() {
    let ended = at("https://no-such-host.invalid").run().expect(125, "cannot look up no-such-host.invalid");
    assert!(ended.took.as_secs() < 10 && ended.stderr.contains("--endpoint"), "{ended:?}");
    assert_eq!(ended.stderr.matches("next poll in").count(), 2, "{ended:?}");
}

/// Covers T8.
#[test]
fn a_reset_before_any_byte_is_retried() {
    passes(&Act::Reset, "the connection to 127.0.0.1");
    stays(Act::Reset, "the connection to 127.0.0.1");
}

/// Covers T8.
#[test]
fn an_end_before_any_byte_is_retried() {
    passes(&Act::SendAndClose(Vec::new()), "the connection to 127.0.0.1");
    stays(Act::SendAndClose(Vec::new()), "the connection to 127.0.0.1");
}

/// Covers T10.
#[test]
fn an_idle_connection_that_is_closed_between_polls_is_not_noticed() {
    let closing = |body: &str| Act::SendAndClose(super::support::server::raw(200, "", body.as_bytes()));
    let server = Server::acts([closing(&running("1%")), closing(&running("2%")), closing(SUCCESS)]);
    let ended = at(&server.url()).run().expect(0, "Running 2%");
    assert!(!ended.stderr.contains("next poll in"), "{ended:?}");
}

/// Covers T9.
#[test]
fn a_reset_on_a_kept_connection_is_tried_again_at_once_and_once() {
    let server = Server::acts([answer(200, &running("1%")), Act::Reset, answer(200, SUCCESS)]);
    let ended = at(&server.url()).arg("-ojson").run().expect(0, "completed");
    assert!(!ended.stderr.contains("next poll in"), "it is no fault of a look: {ended:?}");
    assert_eq!(ended.json()["jobs"][0]["polls"], 2);
    assert_eq!(server.seen().len(), 3);
    assert!(server.delays()[1] < 20, "{:?}", server.delays());

    // Again and again: once at once, then it is a fault like others.
    let server =
        Server::acts([answer(200, &running("1%")), Act::Reset, Act::Reset, Act::Reset, answer(200, SUCCESS)]);
    let ended = at(&server.url()).arg("-ojson").run().expect(0, "completed");
    assert!(ended.stderr.contains("the connection to 127.0.0.1"), "{ended:?}");
    assert_eq!((ended.json()["jobs"][0]["polls"].clone(), server.seen().len()), (4.into(), 5));
}

/// Covers T11.
#[test]
fn a_connection_whose_peer_falls_silent_is_replaced() {
    let server =
        Server::acts([answer(200, &running("1%")), Act::SendAndHang(Vec::new()), answer(200, SUCCESS)]);
    let run = at(&server.url()).args(["--request-timeout", "300ms"]);
    run.run().expect(0, "no response from 127.0.0.1");
    let connections: Vec<usize> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 0, 1]);
}

#[cfg(unix)]
/// Covers T15.
#[test]
fn without_file_descriptors_it_says_so() {
    let server = Server::answers([(200, SUCCESS)]);
    let mut said = Vec::new();
    // Fewer than four do not do to load its libraries.
    for most in 4..24 {
        let run = at(&server.url()).timeout("500ms").with_descriptors(most);
        let ended = run.run();
        assert!(matches!(ended.code, Some(0 | 2 | 125)), "{most}: {ended:?}");
        if ended.code != Some(0) {
            assert!(
                ended.stderr.contains("descriptors") || ended.stderr.contains("open files"),
                "{most}: {ended:?}"
            );
        }
        said.push(ended.code);
    }
    // From one that cannot start, over one that cannot connect, to one that works.
    for code in [2, 125, 0] {
        assert!(said.contains(&Some(code)), "{said:?}");
    }
}

#[test]
fn polls_share_one_connection() {
    let server =
        Server::acts((0..5).map(|n| answer(200, &running(&format!("{n}%")))).chain([answer(200, SUCCESS)]));
    at(&server.url()).run().expect(0, "");
    let connections: Vec<usize> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0; 6]);
}

/// Covers T13.
#[test]
fn the_proxy_of_the_environment_is_honoured() {
    let proxy = Server::acts([answer(200, SUCCESS)]);
    let through = |name: &str, url: &str| at("http://jobs.example").args(["--insecure-http"]).env(name, url);
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        through(name, &proxy.url()).run().expect(0, "completed");
    }
    assert!(proxy.seen()[0].head.starts_with("GET http://jobs.example/v3/"), "{:?}", proxy.seen());
    assert_eq!(proxy.seen().len(), 3);
    through("http_proxy", &proxy.url())
        .env("no_proxy", "jobs.example")
        .timeout("300ms")
        .run()
        .expect(125, "jobs.example");
    assert_eq!(proxy.seen().len(), 3);
}

#[test]
fn what_stays_on_this_machine_is_not_sent_to_a_proxy() {
    let (proxy, server) = (Server::acts([answer(200, SUCCESS)]), Server::acts([answer(200, SUCCESS)]));
    at(&server.url())
        .env("HTTP_PROXY", &proxy.url())
        .env("http_proxy", &proxy.url())
        .run()
        .expect(0, "completed");
    assert_eq!((proxy.seen().len(), server.seen().len()), (0, 1));
}

#[test]
fn a_proxy_that_cannot_be_read_is_refused_without_echo() {
    for bad in ["nonsense://u:SECRET@h", "http://u:SECRET@bad host", "://SECRET"] {
        let ended = at("https://jobs.example")
            .env("HTTPS_PROXY", bad)
            .run()
            .expect(2, "HTTPS_PROXY: invalid proxy: ");
        assert!(!ended.stderr.contains("SECRET"), "{ended:?}");
    }
    // What a desktop sets for everybody is nobody's mistake.
    let server = Server::acts([answer(200, SUCCESS)]);
    at("http://jobs.example")
        .args(["--insecure-http"])
        .env("all_proxy", "socks://127.0.0.1:1")
        .env("http_proxy", &server.url())
        .run()
        .expect(0, "completed");
    at("https://jobs.example")
        .env("HTTPS_PROXY", "nonsense://h")
        .env("NO_PROXY", "*")
        .timeout("300ms")
        .run()
        .expect(125, "jobs.example");
}

#[test]
fn a_proxy_whose_name_is_unknown_is_told_from_the_endpoint() {
    let run = at("https://jobs.example").env("HTTPS_PROXY", "http://no-such-proxy.invalid:3128");
    run.run().expect(125, "cannot look up no-such-proxy.invalid");
}

/// Covers T14.
#[test]
fn plain_http_on_a_tls_port_and_the_reverse_are_shown() {
    let server = Server::acts([answer(200, SUCCESS)]);
    // The server waits for the end of a request that is no HTTP, and never comes.
    let url = server.url().replace("http:", "https:");
    at(&url).timeout("500ms").args(["--request-timeout", "200ms"]).run().within(0.5).expect(125, "127.0.0.1");

    // One that says so.
    let refusal = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_vec();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(&refusal);
        }
    });
    at(&url).timeout("500ms").run().within(0.5).expect(125, "does it expect plain http?");

    let secure = tls::serve(tls::Wrong::Nothing, raw(200, "", SUCCESS.as_bytes()));
    let url = secure.url.replace("https:", "http:").replace("localhost", "127.0.0.1");
    at(&url).timeout("500ms").run().within(0.5).expect(125, "does it expect https?");
}

/// Covers T12.
#[test]
fn a_socks_proxy_is_refused_where_it_would_be_used() {
    let run = |name: &str| {
        let server = Server::answers([(200, SUCCESS)]);
        let url = server.url().replace("127.0.0.1", "jobs.example");
        at(&url)
            .arg("--insecure-http")
            .env("ALL_PROXY", "socks5://user:SecretOfTheProxy@127.0.0.1:9")
            .env(name, &server.url())
            .run()
    };
    let refused = run("UNUSED").expect(125, "of type socks5");
    assert!(!refused.stderr.contains("SecretOfTheProxy"), "{refused:?}");
    run("HTTP_PROXY").expect(0, "completed");
}

/// Error answers are read, not kept: a megabyte of small objects takes a hundred as a tree.
/// Covers B3.
#[test]
fn an_error_answer_of_a_megabyte_is_read_in_bounded_memory() {
    let many = format!(r#"{{"a": [{}0], "error_code": "X.1"}}"#, r#"{"":0},"#.repeat(140_000));
    for status in [400, 401, 404, 500] {
        let server = Server::acts([answer(status, &many), answer(200, SUCCESS)]);
        let ended = at(&server.url()).run();
        assert!(ended.peak < 20 * 1024 && (ended.stderr + &ended.stdout).contains("X.1"), "{status}");
    }
}
