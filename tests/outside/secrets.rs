//! Case A1: no output contains a secret. The end of every process is checked for the canary in it.

use super::support::child::{Ended, Run, at, bare};
use super::support::punctual::slack;
use super::support::server::{Act, Server, answer, answer_with};
use super::support::tls::{Wrong, serve};
use super::support::{CANARY, ID, NOT_FOUND, PROJECT, SUCCESS, at_once, in_a_url, running, wait_until};

/// The same process with each kind of credentials, and the canary for each secret.
fn with_each_kind_of_credentials(run: impl Fn() -> Run) -> Vec<Run> {
    let wait = || run().env("HW_AUTH_TOKEN", "");
    vec![
        run().env("HW_AUTH_TOKEN", CANARY),
        wait().env("HW_ACCESS_KEY", "AK").env("HW_SECRET_KEY", CANARY).env("HW_SECURITY_TOKEN", CANARY),
        wait().env("HW_USER_NAME", "u").env("HW_USER_PASSWORD", CANARY).env("HW_DOMAIN_NAME", "d"),
    ]
}

/// Chance decides which thread panics.
#[cfg(target_os = "linux")]
/// Covers A1.
#[test]
fn a_panic_is_reported_with_its_place_only() {
    let server = Server::answers([(200, running("1%").as_str())]);
    let runs = with_each_kind_of_credentials(|| at(&server.url()).timeout("2s"));
    at_once(runs.into_iter().take(2), |run| {
        let Some(run) = super::support::child::with_a_clock_that_breaks(run) else { return };
        let ended = run.env("RUST_BACKTRACE", "full").run().within(2.0);
        // After a panic in the connection's task the wait ends at the deadline.
        assert!(matches!(ended.code, Some(124 | 125)), "{ended:?}");
        let said = ended.stderr.lines().find(|line| line.contains("jobwait: internal error at ")).unwrap();
        assert!(said.ends_with(": this is a bug in jobwait, please report it"), "{ended:?}");
        assert!(!ended.stderr.contains("unwrap()") && !ended.stderr.contains("stack backtrace"), "{ended:?}");
    });
}

/// Covers A1.
#[test]
fn no_log_and_no_error_contains_a_secret() {
    let escaped = CANARY.replace('/', "\\/").replace('=', "\\u003d");
    let job = |fields: &str| format!(r#"{{"job": {{"id": "{ID}", "status": "Running", {fields}}}}}"#);
    let echo = format!(
        r#"{{"error_code": "X.{CANARY}", "error_msg": "what is {CANARY}?", "request_id": "{CANARY}"}}"#
    );
    let acts: Vec<Act> = vec![
        answer(200, SUCCESS),
        answer(400, NOT_FOUND),
        answer(200, &echo),
        answer(200, CANARY),
        answer(200, &format!("<html><title>{CANARY}</title>")),
        answer(200, &SUCCESS.replace(ID, CANARY)),
        answer(
            200,
            &job(&format!(r#""name": "{CANARY}", "instance": {{"id": "{CANARY}", "name": "{CANARY}"}}"#)),
        ),
        answer(401, &format!("the token {CANARY} is wrong")),
        answer(401, &format!(r#"{{"error_code": "X.1", "error_msg": "bad {escaped}"}}"#)),
        answer(400, &echo),
        answer(401, &echo),
        answer(403, &echo),
        answer(404, CANARY),
        answer(500, &echo),
        answer_with(302, &format!("Location: https://{}@h/{CANARY}\r\n", in_a_url(CANARY)), &echo),
        answer_with(201, &format!("X-Subject-Token: {CANARY}\r\n"), "{}"),
        Act::Reset,
        Act::SendAndClose(CANARY.into()),
        Act::SendAndHang(CANARY.into()),
    ];
    at_once(acts, |act| {
        let mut logged = 0;
        for format in ["text", "json"] {
            let server = Server::acts([act.clone()]);
            let wait = || {
                at(&server.url())
                    .args(["--iam-endpoint", &server.url(), "-vv", "--log-format", format])
                    .args(["--timeout", "300ms", "--request-timeout", "100ms", "--not-found-grace", "0"])
            };
            for run in with_each_kind_of_credentials(wait) {
                let ended = run.run();
                assert_ne!(ended.code, Some(2), "{ended:?}");
                logged += usize::from(ended.stderr.contains("jobwait::cloud"));
            }
        }
        // A busy machine may reach the deadline before the first request.
        assert!(logged > if slack().is_zero() { 5 } else { 0 }, "{logged}");
    });
}

/// A replaced token may remain valid for hours.
/// Covers A1.
#[test]
fn a_replaced_token_and_parts_of_a_token_are_redacted_too() {
    use super::support::server::Server;
    use super::support::{ID, PROJECT};

    let old = "MIIEoldtokenoldtokenoldtokenoldtokenoldtoken";
    let path =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("old-token-{}", std::process::id()));
    std::fs::write(&path, old).unwrap();
    let file = path.clone();
    let echo = |said: &str| format!(r#"{{"error_code":"APIGW.0301","error_msg":"{said} is refused"}}"#);
    let (first, second) = (echo(old), echo(&format!("neither {old} nor {}...", &CANARY[..40])));
    let server = Server::start(move |n| {
        std::fs::write(&file, CANARY).unwrap();
        answer(401, if n == 0 { &first } else { &second })
    });
    let run = bare().env("JOBWAIT_TOKEN_FILE", path.to_str().unwrap()).env("HW_PROJECT_ID", PROJECT);
    let ended = run
        .args(["--endpoint", &server.url(), "-vv", ID])
        .run()
        .expect(4, "neither [secret] nor [secret]... is refused");
    assert_eq!(server.seen().len(), 2);
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains("MIIEold"), "{ended:?}");
    }
}

/// Covers A1.
#[test]
fn errors_of_tls_and_of_a_proxy_contain_no_secret() {
    let tls = serve(Wrong::Nothing, Vec::new());
    let refused = "http://127.0.0.1:9".replace("127", &format!("u:{}@127", in_a_url(CANARY)));
    let wait = || at(&tls.url).args(["-vv", "--timeout", "300ms"]);
    let proxied = || wait().env("HTTPS_PROXY", &refused).env("no_proxy", "");
    let runs = [with_each_kind_of_credentials(wait), with_each_kind_of_credentials(proxied)];
    at_once(runs.into_iter().flatten(), |run| {
        let ended = run.args(["--iam-endpoint", &tls.url]).run();
        assert_eq!(ended.code, Some(125), "{ended:?}");
    });
}

/// Covers A1.
#[test]
fn help_and_usage_contain_no_secret() {
    let prints = |ended: Ended| assert!(!ended.stdout.is_empty() || !ended.stderr.is_empty());
    for args in [
        &["--help"][..],
        &["-h"],
        &["--version"],
        &["--no-such"],
        &[],
        &["demo", "--help"],
        &["--timeout", "x", ID],
    ] {
        for run in with_each_kind_of_credentials(bare) {
            let run = run
                .env("JOBWAIT_ENDPOINT", &format!("https://u:{}@h", in_a_url(CANARY)))
                .args(args.iter().copied());
            prints(run.run());
        }
    }
    prints(bare().args([&format!("--token={CANARY}"), ID]).run());
}

#[cfg(target_os = "linux")]
/// Covers A1.
#[test]
fn the_command_line_contains_no_secret_and_core_dumps_are_off() {
    let server = Server::answers([(200, running("1%").as_str())]);
    let child = at(&server.url()).start();
    wait_until("the first request", || !server.seen().is_empty());
    let proc = |file: &str| std::fs::read(format!("/proc/{}/{file}", child.pid())).unwrap();
    let (cmdline, limits) = (proc("cmdline"), String::from_utf8(proc("limits")).unwrap());
    child.signal("TERM");
    child.end().expect(143, "");
    let cmdline = String::from_utf8_lossy(&cmdline).into_owned();
    assert!(cmdline.contains(ID) && !cmdline.contains(CANARY), "{cmdline}");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
}

/// Covers A1.
#[test]
fn the_debug_output_of_public_types_contains_no_secret() {
    use jobwait::{Cloud, Credentials, Endpoint, Environment, IdOrName, Login, ProjectId};

    let endpoint = || Endpoint::parse("http://127.0.0.1:9").unwrap();
    let login = Login::new(IdOrName::Name("u".into()), CANARY, None);
    let mut shown = vec![format!("{login:?}")];
    for credentials in [
        Credentials::token(CANARY).unwrap(),
        Credentials::token_from(CANARY.as_bytes()).unwrap(),
        Credentials::keys("AK", CANARY, Some(CANARY.into())).unwrap(),
        Credentials::password(login),
    ] {
        shown.push(format!("{credentials:?} {credentials}"));
        let cloud =
            Cloud::builder(endpoint(), ProjectId::parse(PROJECT).unwrap(), credentials).iam(endpoint());
        shown.push(format!("{cloud:?}"));
        shown.push(format!("{:?}", cloud.build().unwrap()));
    }
    let settings = Environment::new(|name| (name == "HW_AUTH_TOKEN").then(|| CANARY.to_owned()), None);
    shown.push(format!("{settings:?} {:?}", settings.credentials().unwrap()));
    let shown = shown.concat();
    assert!(shown.contains("Credentials") && !shown.contains(CANARY), "{shown}");
}
