//! Which account: the order of the sources of credentials, and what is said about it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::support::child::{Run, bare};
use super::support::server::{Server, answer};
use super::support::{CANARY, ID, PROJECT, SUCCESS};

/// A folder of this test, removed at its end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("home-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file that only this user can read.
    pub fn with(self, file: &str, text: &str) -> Self {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        set_mode(&path, 0o600);
        self
    }

    pub fn profiles(self, text: &str) -> Self {
        self.with(".hcloud/config.json", text)
    }

    pub fn path(&self, file: &str) -> String {
        self.0.join(file).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;

    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) {}

/// A wait with the keys of variables.
fn with_keys(server: &Server) -> Run {
    let run = bare().env("HW_ACCESS_KEY", "VARIABLEKEY000000001").env("HW_SECRET_KEY", CANARY);
    run.env("HW_PROJECT_ID", PROJECT).env("HW_REGION_NAME", "r-1").args(["--endpoint", &server.url(), ID])
}

/// Two profiles, of which the first is current.
fn two_profiles() -> Folder {
    let entry = |name: &str, key: &str, project: &str| {
        format!(
            r#"{{"name": "{name}", "mode": "AKSK", "accessKeyId": "{key}", "secretAccessKey": "{CANARY}", "region": "r-1", "projectId": "{project}"}}"#
        )
    };
    let (one, other) =
        (entry("one", "PROFILEONE0000000001", "0a1"), entry("other", "PROFILEOTHER00000001", "0a2"));
    Folder::new().profiles(&format!(r#"{{"current": "one", "profiles": [{one}, {other}]}}"#))
}

fn access_key_and_path(server: &Server) -> (String, String) {
    let seen = server.seen().remove(0);
    let authorization = seen.header("authorization").unwrap();
    let key = authorization.split_once("Access=").unwrap().1.split_once(',').unwrap().0.to_owned();
    (key, seen.head.split(' ').nth(1).unwrap().to_owned())
}

#[test]
fn a_profile_beats_variables_only_if_an_option_names_it() {
    let home = two_profiles();
    let run = |server: &Server| with_keys(server).env("HOME", &home.path("")).args(["-v"]);

    let server = Server::answers([(200, SUCCESS)]);
    run(&server).args(["--profile", "other"]).run().expect(0, "the access key PROF…");
    let (key, path) = access_key_and_path(&server);
    assert_eq!(key, "PROFILEOTHER00000001");
    assert!(path.starts_with("/v3/0a2/jobs"), "{path}");

    let server = Server::answers([(200, SUCCESS)]);
    run(&server).env("JOBWAIT_PROFILE", "other").run().expect(0, "completed");
    assert_eq!(access_key_and_path(&server).0, "PROFILEOTHER00000001");

    let server = Server::answers([(200, SUCCESS)]);
    let ended = run(&server).env("HW_PROFILE", "other").run();
    let ended = ended.expect(0, "warning: the credentials of HW_ACCESS_KEY are used, not HW_PROFILE");
    assert!(ended.stderr.contains("the access key VARI…"), "{ended:?}");
    let (key, path) = access_key_and_path(&server);
    assert_eq!(key, "VARIABLEKEY000000001");
    assert!(path.starts_with(&format!("/v3/{PROJECT}/jobs")), "{path}");

    // Without a profile that a variable names, there is nothing to say.
    let server = Server::answers([(200, SUCCESS)]);
    let ended = run(&server).run().expect(0, "completed");
    assert!(!ended.stderr.contains("warning"), "{ended:?}");
}

#[test]
fn a_wait_and_a_list_tell_the_source_the_project_and_the_host() {
    let server = Server::answers([(200, SUCCESS)]);
    let ended = with_keys(&server).args(["-v"]).run().expect(0, "the access key VARI… origin=HW_ACCESS_KEY");
    assert!(ended.stderr.contains(&format!("project {PROJECT} origin=HW_PROJECT_ID")), "{ended:?}");
    assert!(ended.stderr.contains(&format!("endpoint={}", server.url())), "{ended:?}");

    let list = |server: &Server| {
        let run = bare().env("HW_ACCESS_KEY", "VARIABLEKEY000000001").env("HW_SECRET_KEY", CANARY);
        run.env("HW_PROJECT_ID", PROJECT).args(["list", "--endpoint", &server.url()])
    };
    let server = Server::answers([(200, r#"{"jobs": [], "total_count": 0}"#)]);
    let used = format!(
        "using the access key VARI… (HW_ACCESS_KEY), project {PROJECT} (HW_PROJECT_ID), {}",
        server.url()
    );
    list(&server).run().expect(0, &used);
    let ended = list(&server).args(["-q"]).run();
    assert!(!ended.stderr.contains("using the access key"), "{ended:?}");
}

#[test]
fn a_source_that_is_not_supported_is_named_if_there_is_no_other() {
    let run = || bare().args(["--region", "cn-north-4", "--project-id", "0a", ID]);
    for (name, said) in [
        ("OS_CLOUD", "clouds.yaml is not supported"),
        ("OS_APPLICATION_CREDENTIAL_ID", "application credentials are not supported"),
        ("HUAWEICLOUD_OIDC_PROVIDER_URN", "the STS form of an identity provider is not supported"),
        ("HC_CONTAINER_CREDENTIALS_FULL_URI", "the identity of a pod is not supported"),
    ] {
        let ended = run().env(name, CANARY).run().expect(2, &format!("jobwait: {name}: {said}"));
        assert!(ended.stderr.contains("no credentials found"), "{ended:?}");
        let server = Server::answers([(200, SUCCESS)]);
        with_keys(&server).env(name, CANARY).run().expect(0, &format!("warning: {name}: {said}"));
    }
    let encrypted = format!(
        r#"{{"authEncrypt": "true", "profiles": [{{"name": "ci", "accessKeyId": "A", "secretAccessKey": "{CANARY}"}}]}}"#
    );
    let home = Folder::new().profiles(&encrypted);
    run().env("HOME", &home.path("")).run().expect(2, "only KooCLI can read them");
    let server = Server::answers([(200, SUCCESS)]);
    with_keys(&server)
        .env("HW_SIGNING_ALGORITHM", "SDK-HMAC-SM3")
        .run()
        .expect(0, "only SDK-HMAC-SHA256 is supported");
}

#[test]
fn keys_that_do_not_look_like_keys_are_suspected_after_a_refusal() {
    let keys = format!(r#""accessKeyId": "wQ3+encrypted/maybe==", "secretAccessKey": "{CANARY}""#);
    let home =
        Folder::new().profiles(&format!(r#"{{"profiles": [{{"name": "ci", {keys}, "projectId": "0a"}}]}}"#));
    let run = |server: &Server| bare().env("HOME", &home.path("")).args(["--endpoint", &server.url(), ID]);
    let server = Server::acts([answer(401, "{}")]);
    run(&server).run().expect(4, "perhaps KooCLI has encrypted them");
    let server = Server::answers([(200, SUCCESS)]);
    let ended = run(&server).run().expect(0, "completed");
    assert!(!ended.stderr.contains("encrypted"), "{ended:?}");
}

/// Covers K12.
#[cfg(unix)]
#[test]
fn files_with_secrets_that_others_can_read_cause_a_warning() {
    let server = Server::answers([(200, SUCCESS)]);
    let folder = two_profiles().with("token", "test-token");
    let with_token = || {
        let run = bare().env("HW_PROJECT_ID", PROJECT).args(["--endpoint", &server.url(), ID]);
        run.args(["--token-file", &folder.path("token")])
    };
    let with_profile = || bare().env("HOME", &folder.path("")).args(["--endpoint", &server.url(), ID]);
    let warns = |run: Run| {
        let ended = run.run().expect(0, "completed");
        let said = ended.stderr.lines().find_map(|line| line.split_once("warning: "));
        said.map(|(_, said)| said.split(" on this machine").next().unwrap().to_owned())
    };
    for (mode, token, profile) in [
        (0o600, None, None),
        (0o640, Some("--token-file: a group of users"), None),
        (0o604, Some("--token-file: everybody"), Some("everybody")),
    ] {
        set_mode(Path::new(&folder.path("token")), mode);
        set_mode(Path::new(&folder.path(".hcloud/config.json")), mode);
        assert_eq!(warns(with_token()).as_deref(), token, "{mode:o}");
        assert_eq!(warns(with_profile()).as_deref(), profile, "{mode:o}");
    }
}
