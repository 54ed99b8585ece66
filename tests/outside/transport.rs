//! Cases T: faults of the network.

use std::io::{Read as _, Write as _};
use std::sync::Mutex;
use std::time::Duration;

#[cfg(target_os = "linux")]
use super::support::child::with_addresses;
use super::support::child::{at, with_unknown_hosts};
use super::support::messages::{LAST_SEEN, NO_RESPONSE, RETRY};
#[cfg(target_os = "linux")]
use super::support::server::black_hole_at;
use super::support::server::{Act, Server, answer, black_hole, raw, refusing};
use super::support::{SUCCESS, at_once, both, despite_noise, running, tls};

/// A fault that passes is shown, and the wait goes on to its end.
#[track_caller]
pub fn passes(act: &Act, said: &str) {
    let server = Server::acts([act.clone(), act.clone(), answer(200, SUCCESS)]);
    let ended = at(&server.url()).args(["--request-timeout", "300ms"]).run().expect(0, said);
    assert!(ended.stderr.contains(RETRY), "{ended:?}");
    // An optimized binary, for which 16 MiB are promised, needs 7 MiB less for itself.
    assert!(ended.peak < 22 * 1024, "{ended:?}");
    // The client itself repeats a request on a broken connection.
    assert!(server.seen().len() >= 3, "{:?}", server.seen());
}

/// A fault that stays ends the wait at the deadline, and reveals nothing about the task.
#[track_caller]
pub fn stays(act: Act, said: &str) {
    let at_the_deadline = |acts: &[Act], code: i32, said: &str| {
        despite_noise(|| {
            let server = Server::acts(acts.iter().cloned());
            let run = at(&server.url()).timeout("1200ms").args(["--request-timeout", "800ms"]);
            run.run().within(1.2).expect(code, said);
        });
    };
    let never_seen = [act.clone()];
    let seen = [answer(200, &running("40%")), act];
    both(
        || at_the_deadline(&never_seen, 125, said),
        || at_the_deadline(&seen, 124, &format!("{LAST_SEEN} Running 40%")),
    );
}

/// Covers T1.
#[test]
fn a_refused_connection_is_retried() {
    despite_noise(|| {
        let url = format!("http://{}", refusing());
        let run = at(&url).timeout("500ms").args(["-o", "json", "--heartbeat", "200ms"]);
        let ended = run.run().within(0.5).expect(125, "refused");
        assert!(ended.json()["jobs"][0]["polls"].as_u64().unwrap() > 3, "{ended:?}");
        // The same error again is left to the heartbeat.
        assert_eq!(ended.stderr.matches(RETRY).count(), 1, "{ended:?}");
        assert!(ended.stderr.contains("no response yet; for 0.2s: cannot connect"), "{ended:?}");
    });
}

/// Covers T2.
#[test]
fn a_connection_that_never_opens_ends_at_the_request_timeout() {
    despite_noise(|| {
        let (address, _keep) = black_hole();
        let ended = at(&format!("http://{address}")).timeout("1s").args(["--request-timeout", "200ms"]).run();
        ended.within(1.0).expect(125, "within 200ms");
    });
}

/// Covers T2.
#[test]
fn a_silent_tls_peer_ends_at_the_request_timeout() {
    despite_noise(|| {
        let server = Server::acts([Act::SendAndHang(Vec::new())]);
        let url = server.url().replace("http:", "https:");
        at(&url)
            .timeout("1s")
            .args(["--request-timeout", "200ms"])
            .run()
            .within(1.0)
            .expect(125, "within 200ms");
    });
}

/// Covers T3.
#[test]
fn an_unknown_host_is_reported_after_three_polls() {
    let ended = with_unknown_hosts(at("https://no-such-host.invalid"))
        .args(["-o", "json"])
        .run()
        .expect(125, "cannot look up no-such-host.invalid");
    assert!(ended.stderr.contains("--endpoint"), "{ended:?}");
    assert_eq!(ended.json()["jobs"][0]["polls"], 3, "{ended:?}");
}

/// Covers T8.
#[test]
fn a_reset_before_any_byte_is_retried() {
    let said = "the connection to 127.0.0.1";
    both(|| passes(&Act::Reset, said), || stays(Act::Reset, said));
}

/// Covers T8.
#[test]
fn a_connection_closed_before_any_byte_is_retried() {
    let (act, said) = (Act::SendAndClose(Vec::new()), "the connection to 127.0.0.1");
    both(|| passes(&act, said), || stays(act.clone(), said));
}

/// Covers T10.
#[test]
fn an_idle_connection_closed_between_polls_goes_unnoticed() {
    let closing = |body: &str| Act::SendAndClose(super::support::server::raw(200, "", body.as_bytes()));
    let server = Server::acts([closing(&running("1%")), closing(&running("2%")), closing(SUCCESS)]);
    let ended = at(&server.url()).run().expect(0, "Running 2%");
    assert!(!ended.stderr.contains(RETRY), "{ended:?}");
}

/// Covers T9.
#[test]
fn a_reset_on_a_kept_connection_is_retried_once_without_delay() {
    let slow = ["-ojson", "--interval", "1s", "--max-interval", "1s"];
    let server = Server::acts([answer(200, &running("1%")), Act::Reset, answer(200, SUCCESS)]);
    let ended = at(&server.url()).args(slow).run().expect(0, "completed");
    assert!(!ended.stderr.contains(RETRY), "the poll did not fail: {ended:?}");
    assert_eq!(ended.json()["jobs"][0]["polls"], 2);
    assert_eq!(server.seen().len(), 3);
    let delays = server.delays();
    assert!(delays[1] < delays[0] / 2, "{delays:?}");

    // The second reset is a fault like others.
    let server =
        Server::acts([answer(200, &running("1%")), Act::Reset, Act::Reset, Act::Reset, answer(200, SUCCESS)]);
    let ended = at(&server.url()).arg("-ojson").run().expect(0, "completed");
    assert!(ended.stderr.contains("the connection to 127.0.0.1"), "{ended:?}");
    assert_eq!((ended.json()["jobs"][0]["polls"].clone(), server.seen().len()), (4.into(), 5));
}

/// Covers T11.
#[test]
fn a_connection_whose_peer_falls_silent_is_replaced_by_a_new_one() {
    let server =
        Server::acts([answer(200, &running("1%")), Act::SendAndHang(Vec::new()), answer(200, SUCCESS)]);
    let run = at(&server.url()).args(["--request-timeout", "300ms"]);
    run.run().expect(0, &format!("{NO_RESPONSE} 127.0.0.1"));
    let connections: Vec<usize> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 0, 1]);
}

#[cfg(unix)]
/// Covers T15.
#[test]
fn a_lack_of_file_descriptors_is_reported() {
    let server = Server::answers([(200, SUCCESS)]);
    let codes = Mutex::new(Vec::new());
    // A process cannot load its libraries with fewer than four.
    at_once(4..24, |most| {
        let ended = at(&server.url()).timeout("2s").with_descriptors(most).run();
        assert!(matches!(ended.code, Some(0 | 2 | 125)), "{most}: {ended:?}");
        if ended.code != Some(0) {
            assert!(
                ended.stderr.contains("descriptors") || ended.stderr.contains("open files"),
                "{most}: {ended:?}"
            );
        }
        codes.lock().unwrap().push(ended.code);
    });
    // With few it cannot start, with more it cannot connect, and with most it works.
    let codes = codes.into_inner().unwrap();
    for code in [2, 125, 0] {
        assert!(codes.contains(&Some(code)), "{codes:?}");
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
fn the_proxy_variables_and_no_proxy_are_honored() {
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
fn requests_to_this_machine_bypass_the_proxy() {
    let (proxy, server) = (Server::acts([answer(200, SUCCESS)]), Server::acts([answer(200, SUCCESS)]));
    at(&server.url())
        .env("HTTP_PROXY", &proxy.url())
        .env("http_proxy", &proxy.url())
        .run()
        .expect(0, "completed");
    assert_eq!((proxy.seen().len(), server.seen().len()), (0, 1));
}

#[test]
fn an_invalid_proxy_url_is_rejected_without_being_printed() {
    for bad in ["nonsense://u:SECRET@h", "http://u:SECRET@bad host", "://SECRET"] {
        let ended = at("https://jobs.example")
            .env("HTTPS_PROXY", bad)
            .run()
            .expect(2, "HTTPS_PROXY: invalid proxy: ");
        assert!(!ended.stderr.contains("SECRET"), "{ended:?}");
    }
    // Desktops set `all_proxy` for every program.
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
fn an_unknown_proxy_host_is_not_reported_as_an_unknown_endpoint() {
    let run = at("https://jobs.example").env("HTTPS_PROXY", "http://no-such-proxy.invalid:3128");
    with_unknown_hosts(run).run().expect(125, "cannot look up no-such-proxy.invalid");
}

/// Covers T14.
#[test]
fn plain_http_on_a_tls_port_and_the_reverse_are_reported() {
    // A server that waits for the end of a request, which never comes.
    let silent = Server::acts([answer(200, SUCCESS)]);
    let silent = silent.url().replace("http:", "https:");

    // A server that refuses what is not HTTP.
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

    let secure = tls::serve(tls::Wrong::Nothing, raw(200, "", SUCCESS.as_bytes()));
    let secure = secure.url.replace("https:", "http:").replace("localhost", "127.0.0.1");
    let cases =
        [(silent, "127.0.0.1"), (url, "does it expect plain http?"), (secure, "does it expect https?")];
    at_once(cases, |(url, said)| {
        despite_noise(|| {
            let run = at(&url).timeout("1s").args(["--request-timeout", "700ms"]);
            run.run().within(1.0).expect(125, said);
        });
    });
}

/// Covers T12.
#[test]
fn a_socks_proxy_is_rejected_only_if_it_would_be_used() {
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

/// Error responses are not kept as a tree: a megabyte of small objects would take a hundred.
/// Covers B3.
#[test]
fn an_error_response_of_a_megabyte_is_read_in_bounded_memory() {
    let many = format!(r#"{{"a": [{}0], "error_code": "X.1"}}"#, r#"{"":0},"#.repeat(140_000));
    at_once([400, 401, 404, 500], |status| {
        let server = Server::acts([answer(status, &many), answer(200, SUCCESS)]);
        let ended = at(&server.url()).run();
        assert!(ended.peak < 22 * 1024 && (ended.stderr + &ended.stdout).contains("X.1"), "{status}");
    });
}

/// Covers E11.
#[cfg(target_os = "linux")]
#[test]
fn the_second_address_of_a_host_is_used_if_the_first_is_dead_and_remembered() {
    despite_noise(|| {
        let going = running("40%");
        // Each request needs a new connection.
        let server = Server::start(move |n| {
            let body = if n < 5 { &*going } else { SUCCESS };
            Act::SendAndClose(raw(200, "Connection: close\r\n", body.as_bytes()))
        });
        let port = server.address.port();
        let (_, _keep) = black_hole_at(format!("127.0.0.2:{port}").parse().unwrap());
        let run =
            at(&format!("http://two.example:{port}")).args(["--insecure-http", "--request-timeout", "2s"]);
        let Some(run) = with_addresses(run, "127.0.0.2,127.0.0.1") else { return };
        let ended = run.run().expect(0, "completed");
        assert!(!ended.stderr.contains(RETRY), "{ended:?}");
        // The dead address takes half of the time of a request, once.
        assert!(ended.took < Duration::from_millis(2500), "{ended:?}");
    });
}

/// Covers E12.
#[cfg(target_os = "linux")]
#[test]
fn a_resolver_that_fails_in_the_middle_of_a_wait_ends_nothing() {
    let broken = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("broken-resolver-{}", std::process::id()));
    let (marker, going) = (broken.clone(), running("40%"));
    let server = Server::start(move |n| {
        // The resolver fails from the second response on, for as long as a wait takes many polls.
        if n == 2 {
            std::fs::write(&marker, "").unwrap();
            let marker = marker.clone();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(1500));
                std::fs::remove_file(marker).unwrap();
            });
        }
        let body = if n < 5 { &*going } else { SUCCESS };
        Act::SendAndClose(raw(200, "Connection: close\r\n", body.as_bytes()))
    });
    let run = at(&format!("http://db.example:{}", server.address.port())).args(["--insecure-http"]);
    let Some(run) = with_addresses(run, "127.0.0.1") else { return };
    let run = run.env("LOOKUP_FAILS_WHILE", broken.to_str().unwrap());
    run.run().expect(0, "cannot look up db.example").expect(0, "completed");
}

/// Covers E12.
#[cfg(unix)]
#[test]
fn a_lack_of_file_descriptors_is_not_an_unknown_host() {
    let server = Server::answers([(200, SUCCESS)]);
    let url = format!("http://localhost:{}", server.address.port());
    at_once(6..24, |most| {
        let ended = at(&url).args(["--insecure-http"]).timeout("2s").with_descriptors(most).run();
        assert!(
            !ended.stderr.contains("no such") && !ended.stderr.contains("check --region"),
            "{most}: {ended:?}"
        );
        assert!(matches!(ended.code, Some(0 | 2 | 125)), "{most}: {ended:?}");
    });
}
