//! Every kind of credentials that users already have: cases H5, H6 and A, against the simulator and against servers
//! that misbehave.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::simulator::Simulate;
use super::support::child::{Run, bare};
use super::support::messages::{NO_RESPONSE_IN_TIME, NOT_VISIBLE, RETRY};
use super::support::punctual::slack;
use super::support::server::{Act, Server, answer, answer_with, raw, refusing};
use super::support::{CANARY, ID, PROJECT, SUCCESS, at_once, both, despite_noise, in_a_url, running};

const REGION: &str = "cn-north-4";

/// A new task of a service that requires credentials.
struct Guarded {
    service: Simulate,
    job: String,
}

impl Guarded {
    fn start(args: &[&str]) -> Self {
        let service = Simulate::start(&[&["--require-auth", "--appear-after", "0"], args].concat());
        let (status, started) = service.ask_as("POST", "/v3/0a/instances", "X-Auth-Token: test-token\r\n");
        assert_eq!(status, 202);
        Self { job: started["job_id"].as_str().unwrap().to_owned(), service }
    }

    fn wait(&self) -> Run {
        bare().args(["--endpoint", &self.service.url, "--iam-endpoint", &self.service.url]).args([
            "--project-id",
            "0a",
            "--interval",
            "50ms",
            "--max-interval",
            "200ms",
            "-v",
            &self.job,
        ])
    }
}

fn password(run: Run) -> Run {
    run.env("HW_USER_NAME", "ci").env("HW_USER_PASSWORD", "test-password").env("HW_DOMAIN_NAME", "account")
}

fn keys(run: Run) -> Run {
    run.env("HW_ACCESS_KEY", "TESTACCESSKEY0000001")
        .env("HW_SECRET_KEY", "testsecretkey000000000000000000000000000")
}

/// A home folder with one file.
fn home(file: &str, text: &str) -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};

    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("jobwait-outside-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(path.join(file).parent().unwrap()).unwrap();
    std::fs::write(path.join(file), text).unwrap();
    path
}

#[test]
fn a_token_an_access_key_and_a_password_are_accepted() {
    let guarded = Guarded::start(&["--duration", "0"]);
    guarded.wait().env("HW_AUTH_TOKEN", "test-token").run().expect(0, "origin=HW_AUTH_TOKEN");
    keys(guarded.wait()).run().expect(0, "the access key TEST…");
    password(guarded.wait()).run().expect(0, "origin=HW_USER_NAME");
    guarded.wait().env("HW_AUTH_TOKEN", "other").run().expect(4, "decrypt token fail");
    keys(guarded.wait()).env("HW_SECRET_KEY", "other").run().expect(4, "verify aksk signature fail");
    let ended = password(guarded.wait())
        .env("HW_USER_PASSWORD", CANARY)
        .run()
        .expect(4, "signing in at http://127.0.0.1");
    assert!(ended.stderr.contains("The username or password is wrong."), "{ended:?}");
}

#[test]
fn the_files_of_koocli_and_of_the_sdks_are_used() {
    let guarded = Guarded::start(&["--duration", "0"]);
    let profile = r#"{"current": "ci", "profiles": [{"name": "ci", "mode": "AKSK", "accessKeyId": "TESTACCESSKEY0000001", "secretAccessKey": "testsecretkey000000000000000000000000000"}]}"#;
    let folder = home(".hcloud/config.json", profile);
    let run = guarded.wait().env("HOME", folder.to_str().unwrap());
    run.run().expect(0, "the profile 'ci' of ");

    let sdk = "[basic]\nak = TESTACCESSKEY0000001\nsk = testsecretkey000000000000000000000000000\n";
    let folder = home(".huaweicloud/credentials", sdk);
    guarded.wait().env("HOME", folder.to_str().unwrap()).run().expect(0, ".huaweicloud/credentials");
    let file = folder.join(".huaweicloud/credentials");
    guarded
        .wait()
        .env("HUAWEICLOUD_SDK_CREDENTIALS_FILE", file.to_str().unwrap())
        .run()
        .expect(0, "completed");

    let broken = home(".huaweicloud/credentials", &format!("[basic]\n{}\n", CANARY.replace('=', "")));
    guarded.wait().env("HOME", broken.to_str().unwrap()).run().expect(2, "line 2: expected 'key = value'");
}

#[test]
fn a_token_that_expires_twice_during_a_wait_is_renewed() {
    let guarded = Guarded::start(&["--duration", "3s", "--token-life", "1s"]);
    let ended = password(guarded.wait()).run().expect(0, "completed");
    assert!(ended.stderr.matches("signing in").count() >= 3, "{ended:?}");
}

#[test]
fn without_a_project_id_iam_is_asked_for_the_project() {
    let service = Simulate::start(&["--require-auth", "--duration", "0", "--appear-after", "0"]);
    let (_, projects) =
        service.ask_as("GET", &format!("/v3/projects?name={REGION}"), "X-Auth-Token: test-token\r\n");
    let project = projects["projects"][0]["id"].as_str().unwrap().to_owned();
    let (_, started) =
        service.ask_as("POST", &format!("/v3/{project}/instances"), "X-Auth-Token: test-token\r\n");
    let job = started["job_id"].as_str().unwrap();
    let wait = || {
        bare().args([
            "--region",
            REGION,
            "--endpoint",
            &service.url,
            "--iam-endpoint",
            &service.url,
            "-v",
            job,
        ])
    };
    let run = wait().env("HW_AUTH_TOKEN", "test-token").run();
    run.expect(0, "asking IAM for the project");
    keys(wait()).run().expect(0, "asking IAM for the project");
    let ended = password(wait()).run().expect(0, "signing in");
    assert!(!ended.stderr.contains("asking IAM for the project"), "the token's answer names it: {ended:?}");
    let other = wait().env("HW_AUTH_TOKEN", "test-token").env("HW_PROJECT_NAME", "other");
    other.args(["--not-found-grace", "0"]).run().expect(3, "knows no such task");
}

#[test]
fn a_missing_or_ambiguous_project_name_points_at_project_id() {
    let one = |id: &str| format!(r#"{{"id": "{id}", "name": "{REGION}"}}"#);
    let other = r#"{"id": "c", "name": "cn-north-4_other"}"#;
    for (projects, code, said) in [
        (String::new(), 125, "there is no project named 'cn-north-4'"),
        (other.to_owned(), 125, "there is no project named 'cn-north-4'"),
        (format!("{}, {}", one("a"), one("b")), 125, "there are several projects named 'cn-north-4'"),
        (format!("{}, {other}", one("a")), 0, "completed"),
    ] {
        let body = format!(r#"{{"projects": [{projects}]}}"#);
        let server = Server::acts([answer(200, &body), answer(200, SUCCESS)]);
        let run = bare().env("HW_AUTH_TOKEN", CANARY).args(["--region", REGION, ID]);
        let ended =
            run.args(["--endpoint", &server.url(), "--iam-endpoint", &server.url()]).run().expect(code, said);
        assert_eq!(ended.stderr.contains("--project-id"), code == 125, "{ended:?}");
        assert!(
            server.seen()[0].head.starts_with("GET /v3/projects?name=cn-north-4 "),
            "{:?}",
            server.seen()
        );
    }
}

/// A wait with a password, and with IAM and the service on one server.
fn with_password(server: &Server) -> Run {
    bare()
        .env("HW_USER_NAME", "ci")
        .env("HW_USER_PASSWORD", CANARY)
        .env("HW_DOMAIN_NAME", "account")
        .env("HW_PROJECT_ID", PROJECT)
        .args(["--endpoint", &server.url(), "--iam-endpoint", &server.url(), "--interval", "20ms", ID])
}

fn token(token: &str) -> Act {
    let headers = format!("X-Subject-Token: {token}\r\n");
    answer_with(201, &headers, r#"{"token": {"expires_at": "2099-01-01T00:00:00.000000Z"}}"#)
}

/// Covers H5.
#[test]
fn a_rejected_token_is_replaced_by_one_new_sign_in() {
    let server = Server::acts([
        token("t1"),
        answer(200, &running("1%")),
        answer(401, "{}"),
        token("t2"),
        answer(200, SUCCESS),
    ]);
    with_password(&server).run().expect(0, "completed");
    let asked: Vec<String> =
        server.seen().iter().map(|seen| seen.head.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert!(asked[0].starts_with("POST /v3/auth/tokens?nocatalog=true") && asked[3] == asked[0], "{asked:?}");
    assert_eq!(server.seen()[4].header("x-auth-token"), Some("t2"));

    let server =
        Server::acts([token("t1"), answer(401, "{}"), token("t2"), answer(401, "{}"), answer(200, SUCCESS)]);
    with_password(&server).run().expect(4, "HTTP 401");
    assert_eq!(server.seen().len(), 4, "once");
}

#[test]
fn a_wrong_password_is_sent_only_once() {
    let error = r#"{"error": {"code": 401, "message": "The username or password is wrong.", "title": "Unauthorized"}}"#;
    let server = Server::acts([answer(401, error)]);
    with_password(&server).run().expect(4, "The username or password is wrong.");
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn a_password_needs_a_region_or_an_iam_endpoint() {
    let run = password(bare()).args(["--endpoint", "http://127.0.0.1:9", "--project-id", "0a", ID]);
    run.run().expect(2, "use --region or --iam-endpoint");
}

/// The request of a wait to a proxy, which shows the host of an https request.
fn asked_of_the_proxy(run: impl Fn(&str) -> Run) -> String {
    let proxy = Server::acts([Act::SendAndClose(b"HTTP/1.1 407 no\r\n\r\n".to_vec())]);
    run(&proxy.url()).run().expect(125, "requires a user and a password");
    proxy.seen()[0].head.lines().next().unwrap().to_owned()
}

#[test]
fn the_region_sets_the_hosts_of_the_service_and_of_iam() {
    let with_token = |proxy: &str| bare().env("HTTPS_PROXY", proxy).env("HW_AUTH_TOKEN", CANARY);
    let service = asked_of_the_proxy(|proxy| {
        with_token(proxy).args(["--region", "ap-southeast-1", "--project-id", "0a", ID])
    });
    assert_eq!(service, "CONNECT gaussdbformysql.ap-southeast-1.myhuaweicloud.com:443 HTTP/1.1");
    let sibling = asked_of_the_proxy(|proxy| {
        with_token(proxy).env("HW_REGION_NAME", "eu-de").args(["--service", "dds", "--project-id", "0a", ID])
    });
    assert_eq!(sibling, "CONNECT dds.eu-de.otc.t-systems.com:443 HTTP/1.1");
    let iam = asked_of_the_proxy(|proxy| with_token(proxy).args(["--region", REGION, ID]));
    assert_eq!(iam, "CONNECT iam.cn-north-4.myhuaweicloud.com:443 HTTP/1.1");
    let cloud = asked_of_the_proxy(|proxy| {
        with_token(proxy).env("HW_CLOUD", "cloud.example").args(["--region", "r-1", ID])
    });
    assert_eq!(cloud, "CONNECT iam.r-1.cloud.example:443 HTTP/1.1");
}

#[test]
fn an_iam_url_may_end_with_its_version() {
    let server = Server::acts([token("t"), answer(200, SUCCESS)]);
    with_password(&server)
        .args(["--iam-endpoint", &format!("{}/v3/", server.url())])
        .run()
        .expect(0, "completed");
    assert!(server.seen()[0].head.starts_with("POST /v3/auth/tokens?"), "{:?}", server.seen());
    let server = Server::acts([token("t"), answer(200, SUCCESS)]);
    let run = with_password(&server)
        .env("JOBWAIT_IAM_ENDPOINT", "")
        .env("OS_AUTH_URL", &format!("{}/v3", server.url()));
    run.run().expect(0, "completed");
}

/// Covers A4.
#[test]
fn a_password_is_never_sent_unencrypted_to_another_machine() {
    let server = Server::acts([answer(200, SUCCESS)]);
    let run = || with_password(&server).args(["--iam-endpoint", "http://iam.example"]);
    run().run().expect(2, "--iam-endpoint: invalid endpoint 'http://iam.example': plain http would send the credentials unencrypted");
    // Without requests to IAM its address does not matter.
    let run = super::support::child::at(&server.url()).env("HW_AUTH_URL", "http://keystone.example:5000/v3");
    run.run().expect(0, "completed");
}

#[test]
fn a_token_for_this_machine_bypasses_the_proxy_that_iam_needs() {
    let proxy = Server::acts([token("t"), answer(200, SUCCESS)]);
    let server = Server::acts([answer(200, SUCCESS)]);
    let run = with_password(&server).env("http_proxy", &proxy.url());
    run.args(["--iam-endpoint", "http://iam.example", "--insecure-http"]).run().expect(0, "completed");
    let (proxied, direct) = (proxy.seen(), server.seen());
    assert!(
        proxied.len() == 1 && proxied[0].head.starts_with("POST http://iam.example/v3/auth/tokens"),
        "{proxied:?}"
    );
    assert_eq!(direct[0].header("x-auth-token"), Some("t"));
}

#[test]
fn a_rejected_renewal_is_not_repeated_while_the_old_token_works() {
    let (sign_ins, polls) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let server = Server::asked(move |_, head| {
        if head.starts_with("POST") {
            return match sign_ins.fetch_add(1, Ordering::Relaxed) {
                // A token that expires in a second.
                0 => answer_with(
                    201,
                    "Date: Fri, 02 Jan 2026 12:00:00 GMT\r\nX-Subject-Token: t\r\n",
                    r#"{"token": {"expires_at": "2026-01-02T12:00:01Z"}}"#,
                ),
                _ => answer(401, r#"{"error": {"code": 401, "message": "The password has changed."}}"#),
            };
        }
        let renewed = sign_ins.load(Ordering::Relaxed) > 1;
        if renewed && polls.fetch_add(1, Ordering::Relaxed) > 4 {
            answer(200, SUCCESS)
        } else {
            answer(200, &running("1%"))
        }
    });
    with_password(&server).run().expect(0, "completed");
    let sign_ins = server.seen().iter().filter(|seen| seen.head.starts_with("POST")).count();
    assert_eq!(sign_ins, 2, "{:?}", server.seen());
}

#[test]
fn errors_of_iam_come_with_advice_about_iam() {
    despite_noise(|| {
        let iam = |status| {
            let server = Server::acts([answer(status, "{}")]);
            let run = bare().env("HW_AUTH_TOKEN", CANARY).args(["--region", REGION, ID]);
            run.args([
                "--endpoint",
                "http://127.0.0.1:9",
                "--iam-endpoint",
                &server.url(),
                "--timeout",
                "700ms",
            ])
            .run()
        };
        iam(403).expect(4, "use --project-id");
        iam(404).expect(125, "check --region and --iam-endpoint");
        iam(500).expect(125, "check --region and --iam-endpoint");
    });
}

#[test]
fn a_project_name_with_special_characters_is_signed_as_sent() {
    let service = Simulate::start(&["--require-auth"]);
    let run = keys(bare()).env("HW_PROJECT_NAME", "my project+ä").args(["--not-found-grace", "0", ID]);
    run.args(["--endpoint", &service.url, "--iam-endpoint", &service.url])
        .run()
        .expect(3, "knows no such task");
}

#[test]
fn an_invalid_endpoint_is_rejected_before_a_token_is_read() {
    // A token never comes.
    let (read, write) = std::io::pipe().unwrap();
    let bad = format!("https://u:{CANARY}@h.example");
    for name in ["JOBWAIT_ENDPOINT", "JOBWAIT_IAM_ENDPOINT"] {
        let run = bare().env(name, &bad).args(["--token-file", "-", "--region", REGION, ID]);
        run.stdin_from(read.try_clone().unwrap().into()).run().expect(2, name);
    }
    drop(write);
}

#[test]
fn failed_requests_to_iam_are_retried() {
    despite_noise(|| {
        let server = Server::acts([
            answer(503, "busy"),
            Act::Reset,
            answer(201, "{}"),
            token("t"),
            answer(200, SUCCESS),
        ]);
        let ended = with_password(&server).run().expect(0, "signing in at http://127.0.0.1");
        assert!(ended.stderr.contains("the response contains no token"), "{ended:?}");

        let iam = format!("http://{}", refusing());
        let server = Server::acts([answer(200, SUCCESS)]);
        let ended = with_password(&server).timeout("500ms").args(["--iam-endpoint", &iam]).run();
        ended.within(0.5).expect(125, "signing in at http://127.0.0.1");
        assert!(server.seen().is_empty());
    });
}

/// Covers C1.
#[test]
fn a_sign_in_or_project_lookup_that_hangs_ends_at_the_deadline() {
    despite_noise(|| {
        let server = Server::acts([Act::SendAndHang(Vec::new())]);
        with_password(&server).timeout("500ms").run().within(0.5).expect(125, NO_RESPONSE_IN_TIME);
        let run = bare().env("HW_AUTH_TOKEN", CANARY).args(["--region", REGION, "--timeout", "500ms", ID]);
        let run = run.args(["--endpoint", &server.url(), "--iam-endpoint", &server.url()]);
        run.run().within(0.5).expect(125, NO_RESPONSE_IN_TIME);
    });
}

/// Covers H5.
#[test]
fn a_rejected_signature_is_sent_only_once() {
    let server = Server::acts([
        answer_with(401, "Date: Fri, 02 Jan 2026 12:00:00 GMT\r\n", "{}"),
        answer(200, SUCCESS),
    ]);
    let run = keys(bare()).env("HW_SECURITY_TOKEN", CANARY).env("HW_PROJECT_ID", PROJECT);
    let ended = run.args(["--endpoint", &server.url(), ID]).run().expect(4, "clock is ");
    assert!(ended.stderr.contains("ahead of the service's"), "a6: {ended:?}");
    assert_eq!(server.seen().len(), 1);
    let seen = &server.seen()[0];
    assert!(
        seen.header("authorization")
            .unwrap()
            .starts_with("SDK-HMAC-SHA256 Access=TESTACCESSKEY0000001, SignedHeaders=")
    );
    assert_eq!(seen.header("x-project-id"), Some(PROJECT));
    assert_eq!(seen.header("x-security-token"), Some(CANARY));
    assert_eq!(seen.header("host"), Some(server.address.to_string().as_str()));
}

#[test]
fn each_request_has_a_signature_of_its_own_date() {
    let server = Server::start(|n| if n < 1 { answer(200, &running("1%")) } else { answer(200, SUCCESS) });
    let run = keys(bare()).env("HW_PROJECT_ID", PROJECT);
    run.args(["--endpoint", &server.url(), "--interval", "1100ms", "--backoff", "1", "--jitter", "0", ID])
        .run()
        .expect(0, "");
    let dates: std::collections::HashSet<String> =
        server.seen().iter().map(|seen| seen.header("x-sdk-date").unwrap().to_owned()).collect();
    assert_eq!(dates.len(), 2, "{dates:?}");
}

/// The metadata service of an ECS instance, and the service itself, on one server.
fn on_an_instance(server: &Server) -> Run {
    bare().env("JOBWAIT_METADATA_ADDRESS", &server.url()).env("HW_PROJECT_ID", PROJECT).args([
        "--endpoint",
        &server.url(),
        "--interval",
        "20ms",
        "-v",
        ID,
    ])
}

fn agency_keys(access: &str, expires: &str) -> Act {
    let body = format!(
        r#"{{"credential": {{"access": "{access}", "secret": "{CANARY}", "securitytoken": "{CANARY}", "expires_at": "{expires}"}}}}"#
    );
    answer(200, &body)
}

#[test]
fn keys_of_an_ecs_agency_are_used_and_renewed() {
    let far = "2099-01-01T00:00:00.000000Z";
    let server = Server::acts([
        Act::Send(raw(200, "", b"metadata-token")),
        agency_keys("AK1", far),
        answer(200, &running("1%")),
        answer(200, SUCCESS),
    ]);
    on_an_instance(&server).run().expect(0, "the ECS metadata service");
    let seen = server.seen();
    assert!(seen[0].head.starts_with("PUT /meta-data/latest/api/token "), "{seen:?}");
    assert_eq!(seen[0].header("x-metadata-token-ttl-seconds"), Some("21600"));
    assert!(seen[1].head.starts_with("GET /openstack/latest/securitykey "), "{seen:?}");
    assert_eq!(seen[1].header("x-metadata-token"), Some("metadata-token"));
    assert!(seen[2].header("authorization").unwrap().contains("Access=AK1,"), "{seen:?}");

    // Keys with less than 40 minutes left are renewed before the next poll; an older service needs no token.
    let server = Server::acts([
        answer(404, "{}"),
        agency_keys("AK1", "2020-01-01T00:00:00.000000Z"),
        answer(405, "{}"),
        agency_keys("AK2", far),
        answer(200, SUCCESS),
    ]);
    on_an_instance(&server).run().expect(0, "completed");
    assert!(server.seen()[4].header("authorization").unwrap().contains("Access=AK2,"));

    // After a failed renewal the old keys are used as long as they work.
    let server = Server::acts([
        answer(404, "{}"),
        agency_keys("AK1", "2020-01-01T00:00:00.000000Z"),
        answer(500, "{}"),
        answer(200, SUCCESS),
    ]);
    on_an_instance(&server).run().expect(0, "keeping the old credentials");
}

#[test]
fn without_a_metadata_service_the_kinds_of_credentials_are_listed() {
    let acts = [answer(404, "<html>"), Act::Reset, answer(200, "{}"), Act::SendAndHang(Vec::new())];
    at_once(acts, |act| {
        let server = Server::acts([act]);
        // The deadline is an hour away.
        let ended = on_an_instance(&server).run().expect(2, "no credentials found. Set one of these");
        assert!(ended.took < std::time::Duration::from_secs(5) + slack(), "{ended:?}");
    });
}

#[test]
fn requests_to_a_slow_or_busy_metadata_service_are_retried() {
    let far = "2099-01-01T00:00:00.000000Z";
    let rest = || [answer(404, "{}"), agency_keys("AK1", far), answer(200, SUCCESS)];
    at_once([Act::SendAndHang(Vec::new()), answer(503, "{}")], |first| {
        let server = Server::acts(std::iter::once(first).chain(rest()));
        on_an_instance(&server).run().expect(0, "completed");
    });
}

#[test]
fn agency_keys_are_renewed_forty_minutes_before_they_expire() {
    let at = |minutes: i64| (jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes)).to_string();
    for (left, renewed) in [(39, true), (41, false)] {
        let mut acts = vec![answer(404, "{}"), agency_keys("AK1", &at(left))];
        if renewed {
            acts.extend([answer(404, "{}"), agency_keys("AK2", &at(600))]);
        }
        let server = Server::acts(acts.into_iter().chain([answer(200, SUCCESS)]));
        on_an_instance(&server).run().expect(0, "completed");
        let key = if renewed { "Access=AK2," } else { "Access=AK1," };
        assert!(server.seen().last().unwrap().header("authorization").unwrap().contains(key), "{left}");
    }
}

#[test]
fn the_metadata_service_is_the_last_source_and_bypasses_proxies() {
    let metadata = Server::acts([answer(404, "{}")]);
    let server = Server::acts([answer(200, SUCCESS)]);
    let run = || on_an_instance(&metadata).args(["--endpoint", &server.url()]);
    run().env("HW_AUTH_TOKEN", "t").run().expect(0, "completed");
    assert!(metadata.seen().is_empty());
    let proxy = Server::acts([answer(200, "{}")]);
    run().env("http_proxy", &proxy.url()).run().expect(2, "no credentials");
    assert!(proxy.seen().is_empty() && !metadata.seen().is_empty());
}

#[test]
fn the_response_formats_of_sibling_services_are_read() {
    let gemini = |jobs: &str| format!(r#"{{"jobs": [{jobs}], "total_count": 1}}"#);
    let going =
        gemini(&format!(r#"{{"id": "{ID}", "status": "Running", "progress": "55", "start_time": "x"}}"#));
    let done = gemini(&format!(r#"{{"id": "{ID}", "status": "Completed", "fail_reason": null}}"#));
    let server = Server::answers([(200, gemini("").as_str()), (200, &going), (200, &done)]);
    let run = |server: &Server| super::support::child::at(&server.url());
    run(&server).args(["--service", "geminidb"]).run().expect(0, "Running 55%");

    let unknown = r#"{"errCode": "RDS.5041", "externalMessage": "The job is unknown."}"#;
    let server = Server::answers([(404, unknown), (200, SUCCESS)]);
    run(&server).args(["--service", "rds"]).run().expect(0, &format!("{NOT_VISIBLE}: The job is unknown."));
    let server = Server::answers([(404, unknown), (200, SUCCESS)]);
    run(&server).run().expect(125, "The job is unknown.");
}

/// Covers T12.
#[test]
fn a_proxy_that_rejects_requests_ends_the_wait_and_a_broken_one_is_retried() {
    despite_noise(|| {
        let endpoint = "https://jobs.example";
        let through = |proxy: &Server| {
            let url = proxy.url().replace("http://", &format!("http://user:{}@", in_a_url(CANARY)));
            super::support::child::at(endpoint).env("HTTPS_PROXY", &url).args(["-vv"]).timeout("600ms")
        };
        let says = |status: u16| Act::SendAndClose(format!("HTTP/1.1 {status} no\r\n\r\n").into_bytes());
        let proxy = Server::acts([says(407)]);
        through(&proxy).run().expect(125, "HTTPS_PROXY");
        assert!(proxy.seen()[0].head.starts_with("CONNECT jobs.example:443 "), "{:?}", proxy.seen());
        assert_eq!(proxy.seen().len(), 1);

        // A 403 looks like a 502 until it comes five times.
        let rejecting = || {
            let proxy = Server::acts([says(403)]);
            through(&proxy).args(["--timeout", "60s"]).run().expect(125, "HTTPS_PROXY");
            assert_eq!(proxy.seen().len(), 5);
        };
        let broken = || {
            for act in [says(502), Act::SendAndClose(Vec::new())] {
                let proxy = Server::acts([act]);
                through(&proxy).args(["--progress", "plain"]).run().within(0.6).expect(125, RETRY);
                assert!(proxy.seen().len() > 1);
            }
        };
        both(rejecting, broken);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn an_endless_credentials_file_is_rejected() {
    for (variable, profile) in [("HW_SHARED_CONFIG_FILE", "p"), ("HUAWEICLOUD_SDK_CREDENTIALS_FILE", "")] {
        let run = bare().env(variable, "/dev/zero").env("HW_PROFILE", profile);
        run.args(["--region", "cn-north-4", ID]).run().expect(2, "/dev/zero: longer than 1 MiB");
    }
}
