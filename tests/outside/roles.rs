//! Roles and identity providers: against the simulator, and against servers that misbehave.

use super::simulator::Simulate;
use super::sources::Folder;
use super::support::child::{Run, bare};
use super::support::server::{Act, Seen, Server, answer, answer_with};
use super::support::{CANARY, ID, PROJECT, SUCCESS, at_once, running};

const REGION: &str = "cn-north-4";

fn as_role(run: Run) -> Run {
    run.env("HW_ASSUME_ROLE_AGENCY_NAME", "test-agency").env("HW_ASSUME_ROLE_DOMAIN_NAME", "other-account")
}

fn keys(run: Run) -> Run {
    run.env("HW_ACCESS_KEY", "TESTACCESSKEY0000001")
        .env("HW_SECRET_KEY", "testsecretkey000000000000000000000000000")
}

fn password(run: Run) -> Run {
    run.env("HW_USER_NAME", "ci").env("HW_USER_PASSWORD", "test-password").env("HW_DOMAIN_NAME", "account")
}

/// A run at the simulator, in a region.
fn at(service: &Simulate, words: &[&str]) -> Run {
    let run = bare().each(words).args(["--endpoint", &service.url, "--iam-endpoint", &service.url, "-v"]);
    run.env("HW_REGION_NAME", REGION)
}

/// The project that credentials lead to, from the log of a list.
fn project(run: Run) -> String {
    let ended = run.run().expect(0, "found the project id=");
    let (_, rest) = ended.stderr.rsplit_once("found the project id=").unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

/// Starts a task in a project.
fn task(service: &Simulate, project: &str) -> String {
    let (status, started) =
        service.ask_as("POST", &format!("/v3/{project}/instances"), "X-Auth-Token: test-token\r\n");
    assert_eq!(status, 202);
    started["job_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_role_is_assumed_with_every_kind_of_credentials_and_has_its_own_project() {
    let service = Simulate::start(&["--require-auth", "--appear-after", "0", "--duration", "0"]);
    let base = project(keys(at(&service, &["list"])));
    let role = project(as_role(keys(at(&service, &["list"]))));
    assert_ne!(base, role);
    let job = task(&service, &role);
    let wait = || as_role(at(&service, &[&job])).args(["--not-found-grace", "0"]);

    let assumed = "the agency 'test-agency' of 'other-account', assumed with";
    keys(wait()).run().expect(0, &format!("{assumed} the access key TEST…"));
    password(wait()).run().expect(0, &format!("{assumed} a password"));
    wait().env("HW_AUTH_TOKEN", "test-token").run().expect(0, &format!("{assumed} a token"));
    let folder = Folder::new().with("id-token", "test-id-token\n").profiles(
        r#"{"current": "ci", "profiles": [
            {"name": "ci", "mode": "AssumeRole", "sourceProfile": "base", "agencyName": "test-agency", "agencyDomainName": "other-account"},
            {"name": "base", "mode": "AKSK", "accessKeyId": "TESTACCESSKEY0000001", "secretAccessKey": "testsecretkey000000000000000000000000000"}]}"#,
    );
    let federated = wait().env("HUAWEICLOUD_SDK_IDP_ID", "github");
    let federated = federated.env("HUAWEICLOUD_SDK_ID_TOKEN_FILE", &folder.path("id-token"));
    federated.run().expect(0, &format!("{assumed} the identity provider github"));
    let of_profile = at(&service, &[&job]).env("HOME", &folder.path(""));
    of_profile.run().expect(0, &format!("{assumed} the access key TEST…"));
    // The ID of a variable may be that of the base account.
    let ended =
        keys(wait()).env("HW_PROJECT_ID", &base).run().expect(0, "warning: HW_PROJECT_ID has no effect");
    assert!(ended.stdout.contains("completed"), "{ended:?}");
}

#[test]
fn keys_of_a_role_are_renewed_during_a_wait() {
    let life = ["--require-auth", "--appear-after", "0", "--duration", "3s", "--token-life", "1s"];
    let service = Simulate::start(&life);
    let role = project(as_role(keys(at(&service, &["list"]))));
    let job = task(&service, &role);
    let run = as_role(keys(at(&service, &[&job]))).args(["--interval", "100ms", "--max-interval", "200ms"]);
    let ended = run.run().expect(0, "completed");
    assert!(ended.stderr.matches("assuming a role").count() >= 3, "{ended:?}");
}

#[test]
fn a_role_that_is_refused_ends_the_wait_by_name_and_after_one_request() {
    let service = Simulate::start(&["--require-auth"]);
    let run = keys(at(&service, &[ID])).env("HW_ASSUME_ROLE_DOMAIN_NAME", "d");
    let ended = run.env("HW_ASSUME_ROLE_AGENCY_NAME", "nobody").run();
    ended.expect(4, "assuming the agency 'nobody' of 'd' at http://127.0.0.1");

    at_once([400, 401, 403, 404], |status| {
        let server = Server::acts([answer(status, r#"{"error": {"code": 1, "message": "no such agency"}}"#)]);
        let run = as_role(keys(bare())).args(["--region", REGION, "--endpoint", &server.url()]);
        let run = run.args(["--iam-endpoint", &server.url(), ID, "a", "b", "c"]);
        run.run().expect(4, "no such agency");
        let seen = server.seen();
        assert!(seen.len() == 1 && seen[0].head.starts_with("POST /v3.0/OS-CREDENTIAL/"), "{seen:?}");
    });
    // The base account never asks instead.
    as_role(bare()).args(["--region", REGION, ID]).run().expect(2, "no credentials found");
    let half = keys(bare()).env("HW_ASSUME_ROLE_AGENCY_NAME", "a").args(["--region", REGION, ID]);
    half.run().expect(2, "missing HW_ASSUME_ROLE_DOMAIN_NAME");
}

#[test]
fn an_id_token_is_exchanged_and_its_file_is_read_again() {
    let folder = Folder::new().with("id-token", "first-id-token");
    let file = folder.path("id-token");
    let wait = |server: &Server| {
        let run = bare().env("HUAWEICLOUD_SDK_IDP_ID", "github").env("HUAWEICLOUD_SDK_ID_TOKEN_FILE", &file);
        // Keys beside it are not used.
        let run = run.env("HW_ACCESS_KEY", "AK").env("HW_SECRET_KEY", CANARY).env("HW_PROJECT_ID", PROJECT);
        run.args(["--endpoint", &server.url(), "--iam-endpoint", &server.url(), "--interval", "20ms", ID])
    };
    let token = |token: &str| {
        let body = r#"{"token": {"expires_at": "2099-01-01T00:00:00.000000Z"}}"#;
        answer_with(201, &format!("X-Subject-Token: {token}\r\n"), body)
    };
    let renewed = file.clone();
    let server = Server::start(move |n| match n {
        0 => token("t1"),
        1 => answer(200, &running("1%")),
        2 => {
            std::fs::write(&renewed, "second-id-token").unwrap();
            answer(401, "{}")
        }
        3 => token("t2"),
        _ => answer(200, SUCCESS),
    });
    wait(&server)
        .run()
        .expect(0, "warning: the credentials of HUAWEICLOUD_SDK_IDP_ID are used, not HW_ACCESS_KEY");
    let seen = server.seen();
    let posts: Vec<&Seen> = seen.iter().filter(|seen| seen.head.starts_with("POST")).collect();
    assert_eq!(posts.len(), 2, "{seen:?}");
    assert!(posts[0].head.starts_with("POST /v3.0/OS-AUTH/id-token/tokens "), "{seen:?}");
    assert_eq!(posts[0].header("x-idp-id"), Some("github"));
    assert_eq!(
        posts[0].body,
        format!(
            r#"{{"auth":{{"id_token":{{"id":"first-id-token"}},"scope":{{"project":{{"id":"{PROJECT}"}}}}}}}}"#
        )
    );
    assert!(posts[1].body.contains("second-id-token"), "{seen:?}");
    assert_eq!(seen[4].header("x-auth-token"), Some("t2"));

    // A refusal is final, and does not show the ID token.
    std::fs::write(&file, CANARY).unwrap();
    let server = Server::acts([answer(401, &format!(r#"{{"error": {{"message": "not {CANARY}"}}}}"#))]);
    let ended = wait(&server).args(["a", "b"]).run().expect(4, "not [secret]");
    assert!(ended.stderr.contains("signing in at http://127.0.0.1"), "{ended:?}");
    assert_eq!(server.seen().len(), 1);

    let missing = bare().env("HUAWEICLOUD_SDK_IDP_ID", "github").args(["--region", REGION, ID]);
    missing.env("HUAWEICLOUD_SDK_ID_TOKEN_FILE", "/no/such/file").run().expect(2, "/no/such/file");
}

/// Thirty tasks with a password.
fn thirty(server: &Server) -> Run {
    let run =
        bare().env("HW_USER_NAME", "ci").env("HW_USER_PASSWORD", CANARY).env("HW_DOMAIN_NAME", "account");
    let run = run.env("HW_PROJECT_ID", PROJECT).args([
        "--endpoint",
        &server.url(),
        "--iam-endpoint",
        &server.url(),
    ]);
    let ids: Vec<String> = (0..30).map(|n| format!("task-{n}")).collect();
    run.args(["--keep-going", "--interval", "100ms"]).each(&ids)
}

/// Covers K1.
#[test]
fn a_sign_in_that_iam_refuses_is_sent_once_for_all_tasks() {
    let refusals = [400, 403, 404, 409].map(|status| answer(status, r#"{"error": {"message": "not now"}}"#));
    let redirect = answer_with(302, "Location: https://elsewhere.example/\r\n", "");
    at_once(refusals.into_iter().chain([redirect]), |act| {
        let server = Server::acts([act]);
        let ended = thirty(&server).args(["--timeout", "60s"]).run();
        assert!(matches!(ended.code, Some(4 | 125)) && ended.stderr.contains("signing in at"), "{ended:?}");
        assert_eq!(server.seen().len(), 1, "{ended:?}");
    });
}

/// Covers K7.
#[test]
fn answers_of_iam_that_make_no_sense_do_not_multiply_the_sign_ins() {
    // The lifetime is over already, so the token is used until it is refused.
    let over = answer_with(
        201,
        "X-Subject-Token: t\r\n",
        r#"{"token": {"expires_at": "2020-01-01T00:00:00.000000Z"}}"#,
    );
    let server = Server::by_id(move |_, head| {
        if head.starts_with("POST") {
            return over.clone();
        }
        let id = head.split_once("id=").map_or("", |(_, rest)| rest.split(' ').next().unwrap());
        answer(200, &SUCCESS.replace(ID, id))
    });
    thirty(&server).run().expect(0, "completed");
    let sign_ins =
        |server: &Server| server.seen().iter().filter(|seen| seen.head.starts_with("POST")).count();
    assert_eq!(sign_ins(&server), 1);

    // Each try is shared by the tasks that wait for it, and follows the backoff.
    let acts: [Act; 2] = [answer(200, "{}"), answer(201, "{}")];
    at_once(acts, |act| {
        let server = Server::acts([act]);
        let ended =
            thirty(&server).args(["--timeout", "1500ms", "-o", "json"]).run().expect(125, "signing in at");
        let requests: u64 = ended.json()["jobs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|job| job["requests"].as_u64().unwrap())
            .sum();
        let sign_ins = sign_ins(&server) as u64;
        assert!((1..=40).contains(&sign_ins), "{sign_ins}");
        // The worker may send one more while the process ends.
        assert!(sign_ins - requests <= 1, "{requests} of {sign_ins} are counted");
    });
}
