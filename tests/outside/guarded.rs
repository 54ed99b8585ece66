//! Keys and passwords under attack: echoes, revocations, proxies, and what is shown of them.

use super::sources::Folder;
use super::support::child::{Run, at, bare};
use super::support::server::{Act, Server, answer, answer_with, asked_for};
use super::support::{CANARY, ID, PROJECT, SUCCESS, at_once, in_a_url, job, running};

fn with_keys(server: &Server) -> Run {
    let run = bare().env("HW_ACCESS_KEY", "TESTACCESSKEY0000001").env("HW_SECRET_KEY", CANARY);
    run.env("HW_PROJECT_ID", PROJECT).args(["--endpoint", &server.url(), "--rate-limit", "none"])
}

/// Covers K2.
#[test]
fn a_key_that_is_revoked_during_a_wait_is_refused_once() {
    let server = Server::by_id(|n, head| {
        if n < 150 { answer(200, &running("1%").replace(ID, asked_for(head))) } else { answer(401, "{}") }
    });
    let ids: Vec<String> = (0..30).map(|n| format!("task-{n}")).collect();
    let run = with_keys(&server).args(["--keep-going", "--interval", "100ms", "--max-interval", "100ms"]);
    run.each(&ids).run().expect(4, "HTTP 401");
    let refused = server.seen().len() - 150;
    // Some may be on the wire at that moment.
    assert!((1..=5).contains(&refused), "{refused}");
}

/// Covers K3.
#[test]
fn a_password_is_not_shown_after_any_number_of_renewals() {
    let server = Server::start(|n| match n % 2 {
        0 if n < 20 => answer_with(201, &format!("X-Subject-Token: token-number-{n}\r\n"), "{}"),
        // Each token is refused after one poll.
        1 if n < 20 => answer(200, &running("1%")),
        _ => answer(400, &format!(r#"{{"error_code": "X.1", "error_msg": "no {CANARY}, no"}}"#)),
    });
    // A poll that is refused signs in again.
    let refusing = Server::asked({
        let polls = std::sync::atomic::AtomicUsize::new(0);
        move |n, head| {
            if head.starts_with("POST") {
                return answer_with(201, &format!("X-Subject-Token: token-number-{n}\r\n"), "{}");
            }
            match polls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                poll if poll >= 20 => {
                    answer(400, &format!(r#"{{"error_code": "X.1", "error_msg": "no {CANARY}, no"}}"#))
                }
                poll if poll % 2 == 0 => answer(401, "{}"),
                _ => answer(200, &running("1%")),
            }
        }
    });
    for server in [server, refusing] {
        let run = bare().env("HW_USER_ID", "u").env("HW_USER_PASSWORD", CANARY).env("HW_PROJECT_ID", PROJECT);
        let run =
            run.args(["--endpoint", &server.url(), "--iam-endpoint", &server.url(), "--interval", "20ms"]);
        run.args(["--max-interval", "20ms", ID]).run().expect(125, "no [secret], no");
    }
}

/// Covers K4.
#[test]
fn a_proxy_that_echoes_its_password_does_not_get_it_shown() {
    let proxy = Server::asked(|_, head| {
        let sent =
            head.lines().find_map(|line| line.split_once("roxy-authorization: Basic ")).map(|(_, sent)| sent);
        let sent = sent
            .or_else(|| head.lines().find_map(|line| Some(line.split_once("roxy-Authorization: Basic ")?.1)));
        let sent = sent.expect("the proxy gets a password");
        answer(400, &format!(r#"{{"error_code": "X.1", "error_msg": "got {sent} and {CANARY}"}}"#))
    });
    let url = proxy.url().replace("http://", &format!("http://user:{}@", in_a_url(CANARY)));
    let run = at("http://jobs.example").args(["--insecure-http", "-vv"]).env("HTTP_PROXY", &url);
    // The token of the wait is another one.
    run.env("HW_AUTH_TOKEN", "a-token").run().expect(125, "got [secret] and [secret]");
}

/// Covers K5.
#[test]
fn user_info_that_is_hidden_in_an_endpoint_is_rejected_without_being_printed() {
    for bad in [
        "https://u:12/SECRET@h.example",
        r"https://u\SECRET@h.example",
        "https://u:SECRET%40h.example",
        "https://u:SECRET",
        "https:u:SECRET@h",
        "u:SECRET@h",
        "https://[::1]:SECRET",
    ] {
        let token = || bare().env("HW_AUTH_TOKEN", "t").env("HW_PROJECT_NAME", "p");
        for run in [
            at(bad),
            at("http://127.0.0.1:9").env("JOBWAIT_ENDPOINT", bad).args(["--iam-endpoint", bad]),
            token().env("OS_AUTH_URL", bad).args(["--endpoint", "http://127.0.0.1:9", ID]),
        ] {
            let ended = run.args(["-vv"]).run().expect(2, "invalid endpoint");
            assert!(!ended.stderr.contains("SECRET"), "{bad}: {ended:?}");
        }
    }
}

/// Covers K6.
#[test]
fn a_token_that_is_escaped_in_a_job_is_not_logged() {
    let escaped = CANARY.chars().fold(String::new(), |text, c| text + &format!("\\u{:04x}", u32::from(c)));
    let slashes = CANARY.replace('/', "\\/");
    for form in [escaped.as_str(), &slashes, CANARY] {
        let done = job(&format!(r#""status": "Completed", "entities": {{"echo": "{form}"}}"#));
        let server = Server::answers([(200, done.as_str())]);
        let ended = at(&server.url()).args(["-vv"]).run().expect(0, r#"{"echo":"[secret]"}"#);
        assert!(!ended.stderr.contains("\\u004d"), "{ended:?}");
    }
}

/// Covers K8.
#[test]
fn control_characters_in_options_variables_and_file_names_are_escaped() {
    let odd = "a\u{1b}[31m\u{7}\rb\u{9b}";
    let folder = Folder::new().with("a\u{1b}[31m\rb", "x y");
    let file = folder.path("a\u{1b}[31m\rb");
    let url = "http://127.0.0.1:9";
    let runs = vec![
        at(url).args(["--token-file", odd]),
        at(url).args(["--token-file", &file]),
        at(url).args(["--ca-cert", &file]),
        at(url).env("OS_CACERT", odd),
        at(url).args(["--region", odd]),
        at(url).args(["--project-id", odd]),
        at(url).args(["--endpoint", odd]),
        at(url).args(["--timeout", odd]),
        at(url).args(["--profile", odd]),
        at(url).arg(odd),
        at(url).arg(format!("--{odd}")),
        at(url).env("JOBWAIT_TIMEOUT", odd),
        at(url).env("HW_CLOUD", odd).env("HW_REGION_NAME", "r-1"),
        bare().env("HW_SHARED_CONFIG_FILE", &file).args(["--profile", "x", "--endpoint", url, ID]),
        bare().env("HUAWEICLOUD_SDK_CREDENTIALS_FILE", &file).args(["--endpoint", url, ID]),
        bare().env("HUAWEICLOUD_SDK_IDP_ID", odd).env("HUAWEICLOUD_SDK_ID_TOKEN_FILE", odd).args([
            "--endpoint",
            url,
            ID,
        ]),
        at(url)
            .env("HW_REGION_NAME", "r-1")
            .env("JOBWAIT_ENDPOINT", url)
            .env("HUAWEICLOUD_SDK_REGIONS_FILE", &file)
            .env("JOBWAIT_PROFILE", odd),
    ];
    // The end of each process is checked for control characters.
    at_once(runs, |run| {
        let ended = run.args(["-vv"]).run().expect(2, "jobwait: ");
        assert!(!ended.stderr.contains('\u{9b}') && !ended.stderr.contains('\u{7}'), "{ended:?}");
    });
    // The command that resumes a wait quotes them.
    let server = Server::acts([answer(503, "{}")]);
    let run = at(&server.url()).timeout("200ms").args(["--task-name", odd]);
    let ended = run.env("JOBWAIT_INSTANCE", "").args(["--profile", "p"]).run();
    assert!(!ended.stderr.contains('\u{1b}'), "{ended:?}");
}

/// Covers K9.
#[test]
fn a_proxy_variable_that_would_be_ignored_is_rejected() {
    let server = Server::answers([(200, SUCCESS)]);
    let direct = server.url().replace("127.0.0.1", "localhost");
    for name in ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"] {
        for bad in [
            " http://127.0.0.1:9",
            "http://127.0.0.1:9\r",
            "http://127.0.0.1:9\n",
            "http://u:a SECRET@127.0.0.1:9",
            " ",
            "://SECRET",
        ] {
            let run = at("http://jobs.example").args(["--insecure-http"]).env(name, bad);
            let ended = run.run().expect(2, &format!("{name}: invalid proxy"));
            assert!(!ended.stderr.contains("SECRET"), "{ended:?}");
        }
    }
    assert!(server.seen().is_empty(), "{direct}");
    // Without a scheme, it is an HTTP proxy.
    let proxy = Server::answers([(200, SUCCESS)]);
    let run = at("http://jobs.example").args(["--insecure-http"]);
    run.env("HTTP_PROXY", &proxy.address.to_string()).run().expect(0, "completed");
    assert_eq!(proxy.seen().len(), 1);
}

/// Covers K10.
#[test]
fn a_proxy_is_named_for_its_own_failures_and_no_proxy_turns_it_off() {
    // A proxy for plain http that refuses the password in another way than with a 407.
    for (status, code) in [(401, 4), (403, 4), (400, 125)] {
        let proxy = Server::acts([answer(status, "{}")]);
        let url = proxy.url().replace("http://", &format!("http://user:{}@", in_a_url(CANARY)));
        let run = at("http://jobs.example").args(["--insecure-http"]).env("HTTP_PROXY", &url);
        run.run().expect(code, "HTTP 4");
        assert_eq!(proxy.seen().len(), 1, "{status}");
    }
    let refused = super::support::server::refusing();
    let run = at("https://jobs.example").env("HTTPS_PROXY", &format!("http://{refused}")).timeout("300ms");
    run.run().expect(125, &format!("cannot connect to the proxy {refused} for jobs.example"));
    let silent = Server::acts([Act::SendAndHang(Vec::new())]);
    let run = at("https://jobs.example").env("HTTPS_PROXY", &silent.url()).timeout("500ms");
    let run = run.args(["--request-timeout", "200ms"]);
    run.run().expect(125, &format!("no response from jobs.example through the proxy {}", silent.address));
    let failing = Server::acts([Act::SendAndClose(b"HTTP/1.1 502 no\r\n\r\n".to_vec())]);
    let run = at("https://jobs.example").env("HTTPS_PROXY", &failing.url()).timeout("300ms");
    run.run().expect(125, &format!("the proxy {} did not connect to jobs.example", failing.address));

    // TEST-NET-1: nothing answers there.
    let proxy = Server::answers([(200, SUCCESS)]);
    for hosts in ["*", "localhost, *"] {
        let run = at("http://192.0.2.1").args(["--insecure-http", "--request-timeout", "200ms"]);
        let run = run.env("HTTP_PROXY", &proxy.url()).env("NO_PROXY", hosts).timeout("300ms");
        assert_eq!(run.run().code, Some(125));
    }
    assert!(proxy.seen().is_empty());
}

/// Covers K11.
#[test]
fn a_tls_handshake_that_no_retry_mends_ends_the_wait_at_once() {
    use super::support::tls::{Wrong, serve};

    for (wrong, said) in [
        (Wrong::DemandsCertificate, "demands a client certificate"),
        (Wrong::OldProtocol, "cannot agree on TLS"),
    ] {
        let server = serve(wrong, Vec::new());
        let ended = at(&server.url).args(["--ca-cert", server.ca.to_str().unwrap()]).run().expect(125, said);
        assert!(!ended.stderr.contains("next poll in"), "{ended:?}");
    }
}

/// Covers K13.
#[cfg(unix)]
#[test]
fn processes_with_the_same_wrong_key_send_it_a_few_times_only() {
    let server =
        Server::acts([answer(401, r#"{"error_code": "APIGW.0301", "error_msg": "wrong signature"}"#)]);
    let folder = Folder::new();
    let run = |server: &Server, secret: &str| {
        let run = with_keys(server).env("JOBWAIT_RATE_LIMIT_SCOPE", "machine").env("HW_SECRET_KEY", secret);
        run.env("XDG_RUNTIME_DIR", &folder.path("")).arg(ID)
    };
    at_once(0..20, |_| {
        let ended = run(&server, "wrong").run();
        assert_eq!(ended.code, Some(4), "{ended:?}");
    });
    assert_eq!(server.seen().len(), 3);
    run(&server, "wrong").run().expect(4, "was refused 3 times on this machine");
    // Another secret key is another pair.
    run(&server, "other").run().expect(4, "wrong signature");
    assert_eq!(server.seen().len(), 4);

    // A right key costs nothing.
    let server = Server::answers([(200, SUCCESS)]);
    at_once(0..20, |_| {
        run(&server, "wrong").run().expect(0, "completed");
    });
    assert_eq!(server.seen().len(), 20);
}
