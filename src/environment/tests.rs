//! Tests of the order of the sources of settings, and of the errors in them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

const CANARY: &str = "CANARYcanaryCANARYcanaryCANARYcanary1234";

/// A home folder for one test.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("jobwait-home-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(path.join(".hcloud")).unwrap();
        std::fs::create_dir_all(path.join(".huaweicloud")).unwrap();
        Self(path)
    }

    fn with(self, file: &str, text: &str) -> Self {
        std::fs::write(self.0.join(file), text).unwrap();
        self
    }

    fn profiles(self, text: &str) -> Self {
        self.with(".hcloud/config.json", text)
    }

    fn sdk(self, text: &str) -> Self {
        self.with(".huaweicloud/credentials", text)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn settings(home: Option<&Home>, variables: &[(&str, &str)]) -> Environment<'static> {
    let mut variables: HashMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    if let Some(Home(path)) = home {
        variables.insert("HOME".into(), path.display().to_string());
    }
    Environment::new(move |name| variables.get(name).cloned(), None)
}

fn from(settings: &Environment<'_>) -> String {
    settings
        .credentials()
        .unwrap()
        .map_or_else(|| "none".into(), |found| format!("{} of {}", found.value, found.origin))
}

fn project(settings: &Environment<'_>, region: Option<&Region>) -> String {
    match settings.project(region).unwrap().map(|found| found.value) {
        Some(Project::Id(id)) => id.to_string(),
        Some(Project::Name(name)) => format!("named {name}"),
        None => "none".into(),
    }
}

fn profile(name: &str, fields: &str) -> String {
    format!(r#"{{"current": "{name}", "profiles": [{{"name": "default", "mode": "AKSK", {fields}}}]}}"#)
}

#[test]
fn credentials_come_from_the_first_source_that_has_them() {
    let home = Home::new()
        .profiles(&profile(
            "default",
            &format!(r#""accessKeyId": "PROF", "secretAccessKey": "{CANARY}", "region": "r-1""#),
        ))
        .sdk(&format!("[basic]\nak = SDKF\nsk = {CANARY}\n"));
    let mut variables = vec![
        ("HW_AUTH_TOKEN", "t"),
        ("OS_AUTH_TOKEN", "t"),
        ("HW_ACCESS_KEY", "HWKEY"),
        ("HW_SECRET_KEY", "s"),
        ("OS_ACCESS_KEY", "OSKEY"),
        ("OS_SECRET_KEY", "s"),
        ("HUAWEICLOUD_SDK_AK", "SDKKEY"),
        ("HUAWEICLOUD_SDK_SK", "s"),
        ("HW_DOMAIN_NAME", "d"),
        ("HW_USER_NAME", "u"),
        ("HW_USER_PASSWORD", "p"),
    ];
    for (expected, removed) in [
        ("a token of HW_AUTH_TOKEN", 1),
        ("a token of OS_AUTH_TOKEN", 1),
        ("the access key HWKE… of HW_ACCESS_KEY", 2),
        ("the access key OSKE… of OS_ACCESS_KEY", 2),
        ("the access key SDKK… of HUAWEICLOUD_SDK_AK", 2),
        ("a password of HW_USER_NAME", 3),
        ("the access key PROF… of the profile 'default'", 0),
    ] {
        let settings = settings(Some(&home), &variables);
        assert!(from(&settings).starts_with(expected), "{expected}: {}", from(&settings));
        variables.drain(..removed);
    }
    std::fs::remove_file(home.0.join(".hcloud/config.json")).unwrap();
    assert!(from(&settings(Some(&home), &[])).starts_with("the access key SDKF… of "));
    assert_eq!(from(&settings(None, &[("HW_AUTH_TOKEN", "")])), "none");
}

#[test]
fn an_incomplete_pair_of_variables_names_the_missing_one() {
    for (set, missing) in [
        ("HW_ACCESS_KEY", "HW_SECRET_KEY"),
        ("HW_SECRET_KEY", "HW_ACCESS_KEY"),
        ("OS_ACCESS_KEY", "HW_SECRET_KEY"),
        ("HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_AK"),
        ("HW_USER_NAME", "HW_USER_PASSWORD"),
        ("OS_USERNAME", "HW_USER_PASSWORD"),
        ("OS_PASSWORD", "HW_USER_NAME"),
    ] {
        let error = settings(None, &[(set, CANARY)]).credentials().unwrap_err().to_string();
        assert_eq!(error, format!("missing {missing}: {set} is set and needs it"));
    }
    let result = settings(None, &[("HW_USER_NAME", "u"), ("HW_USER_PASSWORD", CANARY)]).credentials();
    assert!(result.unwrap_err().to_string().contains("HW_DOMAIN_NAME"));
    let by_id = [("HW_USER_ID", "u"), ("HW_USER_PASSWORD", CANARY)];
    assert_eq!(from(&settings(None, &by_id)), "a password of HW_USER_ID");
}

#[test]
fn the_named_the_current_or_the_only_profile_is_used() {
    let entry = |name: &str| {
        let keys = format!(r#""accessKeyId": "{name}", "secretAccessKey": "s""#);
        format!(r#"{{"name": "{name}", {keys}, "region": "r-{name}", "projectId": "p{name}"}}"#)
    };
    let both = format!(r#"{{"current": "b", "profiles": [{}, {}]}}"#, entry("a"), entry("b"));
    let home = Home::new().profiles(&both);
    let of = |variables: &[(&str, &str)]| {
        let settings = settings(Some(&home), variables);
        let region = settings.region().unwrap().unwrap().value;
        (region.to_string(), project(&settings, Some(&region)))
    };
    assert_eq!(of(&[]), ("r-b".into(), "pb".into()));
    assert_eq!(of(&[("HW_PROFILE", "a")]), ("r-a".into(), "pa".into()));
    assert_eq!(of(&[("HW_REGION_NAME", "x"), ("OS_PROJECT_ID", "7")]), ("x".into(), "7".into()));
    let error = settings(Some(&home), &[("HW_PROFILE", "c")]).region().unwrap_err().to_string();
    assert!(error.contains("there is no profile 'c'"), "{error}");

    let home = Home::new().profiles(&format!(r#"{{"profiles": [{}]}}"#, entry("a")));
    assert_eq!(settings(Some(&home), &[]).region().unwrap().unwrap().value.name(), "r-a");
    let home = Home::new().profiles(&both.replace(r#""current": "b", "#, ""));
    assert!(settings(Some(&home), &[]).region().unwrap().is_none(), "no profile is guessed if there are two");
    let error = settings(Some(&Home::new()), &[("HW_PROFILE", "a")]).region().unwrap_err().to_string();
    assert!(error.contains("invalid profile 'a': there is no"), "{error}");
}

#[test]
fn encrypted_keys_are_refused_with_an_explanation() {
    for (access, secret) in [("AK", "kS3/zX+9=="), ("AK", &*"a".repeat(88)), ("x+y=", "s3cr3t")] {
        let home = Home::new().profiles(&profile(
            "default",
            &format!(r#""accessKeyId": "{access}", "secretAccessKey": "{secret}""#),
        ));
        let error = settings(Some(&home), &[]).credentials().unwrap_err().to_string();
        assert!(error.contains("--cli-auth-encrypt=false") && !error.contains(secret), "{error}");
    }
}

#[test]
fn a_broken_file_is_ignored_if_its_settings_are_not_needed() {
    let encrypted =
        profile("default", r#""accessKeyId": "AK", "secretAccessKey": "kS3/zX+9==", "region": "r-1""#);
    for (profiles, sdk) in [
        (encrypted.as_str(), "[global]\nx = 1\n"),
        (r#"{"current": "", "profiles": null}"#, ""),
        (r#"{"current": "gone", "profiles": []}"#, "broken"),
        (
            r#"{"profiles": [{"name": null, "accessKeyId": null, "secretAccessKey": null, "region": null}]}"#,
            "[basic]\nsk = s\n",
        ),
        ("broken", "[basic"),
    ] {
        let home = Home::new().profiles(profiles).sdk(sdk);
        for token in [&[("HW_AUTH_TOKEN", "t")][..], &[("HW_ACCESS_KEY", "AK"), ("HW_SECRET_KEY", "s")]] {
            let settings = settings(Some(&home), token);
            assert!(settings.credentials().unwrap().is_some(), "{profiles} {sdk}");
            assert!(
                settings.region().is_ok()
                    && settings.project(None).is_ok()
                    && settings.iam_endpoint().is_ok()
            );
        }
    }
    for home in ["/dev/null", "/proc/1/root/root"] {
        let settings = settings(None, &[("HOME", home)]);
        assert!(settings.credentials().unwrap().is_none() && settings.region().unwrap().is_none());
    }
    // A profile with encrypted keys still provides its region.
    let home = Home::new().profiles(&encrypted);
    assert_eq!(settings(Some(&home), &[]).region().unwrap().unwrap().value.name(), "r-1");
}

#[test]
fn a_project_of_a_profile_is_used_only_in_its_region_and_without_a_variable() {
    let home = Home::new().profiles(&profile("default", r#""region": "r-1", "projectId": "0b""#));
    let region = |name| Region::parse(name).unwrap();
    let of =
        |variables: &[(&str, &str)], name| project(&settings(Some(&home), variables), Some(&region(name)));
    assert_eq!(of(&[], "r-1"), "0b");
    assert_eq!(of(&[], "r-2"), "none");
    assert_eq!(of(&[("HW_PROJECT_NAME", "r-1_dev")], "r-1"), "named r-1_dev");
    assert_eq!(of(&[("HW_PROJECT_NAME", "r-1_dev"), ("OS_PROJECT_ID", "0a")], "r-1"), "0a");
    let error = settings(None, &[("HW_PROJECT_ID", "a/b")]).project(None).unwrap_err().to_string();
    assert!(error.starts_with("HW_PROJECT_ID: "), "{error}");
}

#[test]
fn the_variables_of_terraform_and_the_sdks_are_read() {
    for name in ["HW_PROJECT_ID", "OS_PROJECT_ID", "OS_TENANT_ID", "HUAWEICLOUD_SDK_PROJECT_ID"] {
        assert_eq!(project(&settings(None, &[(name, "0a")]), None), "0a", "{name}");
    }
    for name in ["HW_PROJECT_NAME", "OS_PROJECT_NAME", "OS_TENANT_NAME"] {
        assert_eq!(project(&settings(None, &[(name, "0a")]), None), "named 0a", "{name}");
    }
    for name in ["HW_AUTH_URL", "OS_AUTH_URL", "HUAWEICLOUD_SDK_IAM_ENDPOINT"] {
        assert_eq!(settings(None, &[(name, "https://i")]).iam_endpoint().unwrap().unwrap().origin, name);
    }
    for name in ["HW_REGION_NAME", "OS_REGION_NAME"] {
        assert_eq!(settings(None, &[(name, "r-1")]).region().unwrap().unwrap().origin, name);
    }
    for (access, secret, token) in [
        ("HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN"),
        ("OS_ACCESS_KEY", "OS_SECRET_KEY", "OS_SECURITY_TOKEN"),
        ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN"),
    ] {
        let found =
            settings(None, &[(access, "AKEY"), (secret, "s"), (token, "t")]).credentials().unwrap().unwrap();
        assert_eq!(found.origin, access);
        assert!(format!("{found:?}").contains("temporary"), "{token}: {found:?}");
    }
    let mixed = [("HW_ACCESS_KEY", "AKEY"), ("OS_SECRET_KEY", "s"), ("OS_SECURITY_TOKEN", "of another key")];
    let found = settings(None, &mixed).credentials().unwrap().unwrap();
    assert!(format!("{found:?}").contains("permanent"), "{found:?}");
    for user in ["HW_USER_ID", "OS_USER_ID", "HW_USER_NAME", "OS_USERNAME"] {
        for password in ["HW_USER_PASSWORD", "OS_PASSWORD"] {
            for (domain, by) in [
                ("HW_DOMAIN_ID", "Id"),
                ("OS_DOMAIN_ID", "Id"),
                ("OS_USER_DOMAIN_ID", "Id"),
                ("HW_DOMAIN_NAME", "Name"),
                ("OS_DOMAIN_NAME", "Name"),
                ("OS_USER_DOMAIN_NAME", "Name"),
            ] {
                let found =
                    settings(None, &[(user, "u"), (password, CANARY), (domain, "d")]).credentials().unwrap();
                let text = format!("{:?}", found.unwrap());
                assert!(
                    text.contains(&format!("domain: Some({by}(\"d\"))")),
                    "{user} {password} {domain}: {text}"
                );
            }
        }
    }
}

#[test]
fn the_security_token_of_a_profile_is_used() {
    let home = Home::new().profiles(&profile(
        "default",
        r#""accessKeyId": "AK", "secretAccessKey": "s", "securityToken": "t""#,
    ));
    let found = settings(Some(&home), &[]).credentials().unwrap().unwrap();
    assert!(format!("{found:?}").contains("temporary"), "{found:?}");
}

#[test]
fn an_error_in_a_file_names_its_place_and_no_secret() {
    for (text, expected) in [
        ("{\n \"profiles\": 7}", "line 2"),
        (&*format!("{{\"profiles\": [{{\"secretAccessKey\": [\"{CANARY}\"]}}]}}"), "line 1"),
        (CANARY, "line 1"),
        ("", "line 1"),
        (&profile("default", r#""accessKeyId": "A""#), "needs secretAccessKey"),
        (&profile("default", &format!(r#""secretAccessKey": "{CANARY}""#)), "needs accessKeyId"),
    ] {
        let home = Home::new().profiles(text);
        let error = settings(Some(&home), &[]).credentials().unwrap_err().to_string();
        assert!(
            error.contains(expected) && error.contains("config.json") && !error.contains("CANARY"),
            "{error}"
        );
    }
    for (text, expected) in [
        ("ak\n", "line 1: expected 'key = value'"),
        (&*format!("[basic]\nak = A\n{CANARY}\n"), "line 3: expected 'key = value'"),
        ("[basic\n", "line 1: expected ']'"),
        ("[other]\nak = A\n", "no section [basic]"),
        ("", "no section [basic]"),
        ("[basic]\nsk = s\n", "no ak"),
        ("[basic]\nak = A\nsk =\n", "no sk"),
    ] {
        let home = Home::new().sdk(text);
        let error = settings(Some(&home), &[]).credentials().unwrap_err().to_string();
        assert!(
            error.contains(expected) && error.contains("credentials") && !error.contains("CANARY"),
            "{error}"
        );
    }
}

#[test]
fn a_missing_file_is_an_error_only_if_a_variable_names_it() {
    for variable in ["HW_SHARED_CONFIG_FILE", "HUAWEICLOUD_SDK_CREDENTIALS_FILE"] {
        let error = settings(None, &[(variable, "/no/such/file")]).credentials().unwrap_err().to_string();
        assert!(error.contains("/no/such/file"), "{error}");
    }
    assert_eq!(from(&settings(Some(&Home::new()), &[])), "none");
}

#[test]
fn the_file_of_the_sdks_is_parsed_by_their_rules() {
    let text = "\u{feff}# mine\r\n[other]\r\nak = no\r\n[basic]\r\n AK = A1 \r\nsk=s=1\r\n; no\r\n\
                security_token : t\r\nproject_id = 0a\r\n\
                iam_endpoint = https://iam.example/v3/\r\nmore = 1\r\n";
    let home = Home::new().sdk(text);
    let settings = settings(Some(&home), &[]);
    assert!(from(&settings).starts_with("the access key A1… of "), "{}", from(&settings));
    assert_eq!(project(&settings, None), "0a");
    assert_eq!(settings.iam_endpoint().unwrap().unwrap().value, "https://iam.example/v3/");
    assert!(
        format!("{:?}", settings.credentials().unwrap()).contains("temporary"),
        "the security token is missing"
    );
}

#[test]
fn a_file_is_not_read_if_variables_have_all_settings() {
    let home = Home::new().profiles("broken").sdk("broken");
    let all = [
        ("HW_REGION_NAME", "r"),
        ("HW_PROJECT_ID", "p"),
        ("HW_AUTH_TOKEN", "t"),
        ("HW_AUTH_URL", "https://i"),
    ];
    let settings = settings(Some(&home), &all);
    assert!(settings.region().is_ok() && settings.project(None).is_ok());
    assert!(settings.credentials().is_ok() && settings.iam_endpoint().is_ok());
}

#[test]
fn a_variable_names_another_cloud() {
    let region = |cloud| settings(None, &[("OS_REGION_NAME", "eu-de"), ("HW_CLOUD", cloud)]).region();
    assert_eq!(
        region("cloud.example").unwrap().unwrap().value.iam().to_string(),
        "https://iam.eu-de.cloud.example"
    );
    assert!(
        region("a/b")
            .unwrap_err()
            .to_string()
            .contains("OS_REGION_NAME: HW_CLOUD: invalid cloud 'a/b': no host name for region 'eu-de'")
    );
}

/// Covers A1.
#[test]
fn debug_shows_no_secret() {
    let variables = [("HW_ACCESS_KEY", "AKCANARY"), ("HW_SECRET_KEY", CANARY), ("HW_SECURITY_TOKEN", CANARY)];
    let settings = settings(None, &variables);
    let text = format!("{settings:?} {:?}", settings.credentials().unwrap());
    assert!(!text.contains("CANARY"), "{text}");
}
