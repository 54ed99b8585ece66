//! Row A1: a canary secret is looked for in everything that the process can emit. Every run of the child looks as well.

use super::support::child::{Ended, Run, at, bare};
use super::support::server::{Act, Server, answer, answer_with};
use super::support::tls::{Wrong, serve};
use super::support::{CANARY, ID, NOT_FOUND, PROJECT, SUCCESS, in_a_url, running};

/// Every kind of credentials, with a canary for each secret in it.
fn everybody(run: impl Fn() -> Run) -> Vec<Run> {
    let wait = || run().env("HW_AUTH_TOKEN", "");
    vec![
        run().env("HW_AUTH_TOKEN", CANARY),
        wait().env("HW_ACCESS_KEY", "AK").env("HW_SECRET_KEY", CANARY).env("HW_SECURITY_TOKEN", CANARY),
        wait().env("HW_USER_NAME", "u").env("HW_USER_PASSWORD", CANARY).env("HW_DOMAIN_NAME", "d"),
    ]
}

/// In whichever thread it is: that is for chance to say.
#[cfg(target_os = "linux")]
/// Covers A1.
#[test]
fn a_panic_says_where_it_was_and_nothing_else() {
    let server = Server::answers([(200, running("1%").as_str())]);
    for run in everybody(|| at(&server.url()).timeout("2s")).into_iter().take(2) {
        let Some(run) = super::support::child::with_a_clock_that_breaks(run) else { return };
        let ended = run.env("RUST_BACKTRACE", "full").run().within(2.0);
        // Of the connection's own task, the deadline tells.
        assert!(matches!(ended.code, Some(124 | 125)), "{ended:?}");
        let said = ended.stderr.lines().find(|line| line.contains("jobwait: internal error at ")).unwrap();
        assert!(said.ends_with(": this is a bug in jobwait, please report it"), "{ended:?}");
        assert!(!ended.stderr.contains("unwrap()") && !ended.stderr.contains("stack backtrace"), "{ended:?}");
    }
}

/// Covers A1.
#[test]
fn no_log_and_no_error_holds_a_secret() {
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
    for act in acts {
        for format in ["text", "json"] {
            let server = Server::acts([act.clone()]);
            let wait = || {
                at(&server.url())
                    .args(["--iam-endpoint", &server.url(), "-vv", "--log-format", format])
                    .args(["--timeout", "300ms", "--request-timeout", "100ms", "--not-found-grace", "0"])
            };
            for run in everybody(wait) {
                // The child looks for the canary in all that it printed.
                let ended = run.run();
                assert_ne!(ended.code, Some(2), "{ended:?}");
                assert!(ended.stderr.contains("jobwait::cloud"), "{ended:?}");
            }
        }
    }
}

/// A token that was renewed may be alive for hours yet.
/// Covers A1.
#[test]
fn an_old_token_and_pieces_of_one_are_not_shown_either() {
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
fn neither_tls_nor_a_proxy_brings_a_secret_out() {
    let tls = serve(Wrong::Nothing, Vec::new());
    let refused = "http://127.0.0.1:9".replace("127", &format!("u:{}@127", in_a_url(CANARY)));
    let wait = || at(&tls.url).args(["-vv", "--timeout", "300ms"]);
    for run in everybody(wait)
        .into_iter()
        .chain(everybody(|| wait().env("HTTPS_PROXY", &refused).env("no_proxy", "")))
    {
        let ended = run.args(["--iam-endpoint", &tls.url]).run();
        assert_eq!(ended.code, Some(125), "{ended:?}");
    }
}

/// Covers A1.
#[test]
fn help_and_usage_hold_no_secret() {
    let looks = |ended: Ended| assert!(!ended.stdout.is_empty() || !ended.stderr.is_empty());
    for args in [
        &["--help"][..],
        &["-h"],
        &["--version"],
        &["--no-such"],
        &[],
        &["demo", "--help"],
        &["--timeout", "x", ID],
    ] {
        for run in everybody(bare) {
            let run = run
                .env("JOBWAIT_ENDPOINT", &format!("https://u:{}@h", in_a_url(CANARY)))
                .args(args.iter().copied());
            looks(run.run());
        }
    }
    looks(bare().args([&format!("--token={CANARY}"), ID]).run());
}

#[cfg(target_os = "linux")]
/// Covers A1.
#[test]
fn the_command_line_holds_no_secret_and_there_are_no_core_dumps() {
    let server = Server::answers([(200, running("1%").as_str())]);
    let child = at(&server.url()).start();
    while server.seen().is_empty() {
        std::thread::yield_now();
    }
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
fn debug_of_every_public_type_that_holds_a_secret_shows_none() {
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
