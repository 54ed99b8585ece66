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
fn keys_are_encrypted_if_the_file_says_so_or_is_written_by_koocli() {
    let keys = r#""accessKeyId": "AKEXAMPLE00000000001", "secretAccessKey": "kS3/zX+9==""#;
    let entry = format!(r#"{{"name": "ci", "mode": "AKSK", {keys}}}"#);
    for (top, is_encrypted) in [
        (r#""authEncrypt": "true","#, true),
        (r#""authEncrypt": true,"#, true),
        (r#""authEncrypt": "false", "language": "en","#, false),
        (r#""language": "en", "offline": "false","#, true),
        ("", false),
    ] {
        let home = Home::new().profiles(&format!(r#"{{{top} "current": "ci", "profiles": [{entry}]}}"#));
        match settings(Some(&home), &[]).credentials() {
            Ok(found) => {
                let text = format!("{:?}", found.unwrap());
                assert!(!is_encrypted && text.contains("AKEX"), "{top}: {text}");
                // Only a file that does not say so raises a suspicion.
                assert_eq!(text.contains("do not look like keys"), top.is_empty(), "{text}");
            }
            Err(error) => {
                let error = error.to_string();
                assert!(is_encrypted && error.contains("--cli-auth-encrypt=false"), "{top}: {error}");
                assert!(!error.contains("kS3"), "{error}");
            }
        }
    }
    // The file of the SDKs comes after the current profile, and not after one that was asked for.
    let encrypted = format!(r#"{{"authEncrypt": "true", "current": "ci", "profiles": [{entry}]}}"#);
    let home = Home::new().profiles(&encrypted).sdk("[basic]\nak = SDKF\nsk = s\n");
    let current = settings(Some(&home), &[]);
    assert!(from(&current).starts_with("the access key SDKF… of "));
    let remarks = current.remarks("the file", false);
    assert!(remarks.len() == 1 && remarks[0].contains("the keys are encrypted"), "{remarks:?}");
    assert!(settings(Some(&home), &[("HW_PROFILE", "ci")]).credentials().is_err());
}

#[test]
fn the_mode_of_a_profile_selects_its_credentials() {
    let left = r#""accessKeyId": "LEFT", "secretAccessKey": "s""#;
    let sts = r#"{"accessKeyId": "STSK", "secretAccessKey": "s", "securityToken": "t"}"#;
    for (fields, found) in [
        (format!(r#""mode": "AKSK", {left}"#), "the access key LEFT…"),
        (left.to_owned(), "the access key LEFT…"),
        (format!(r#""mode": "SSO", {left}, "ssoAuth": {{"stsToken": {sts}}}"#), "the access key STSK…"),
        (format!(r#""mode": "ecsAgency", {left}"#), "the agency of this ECS instance"),
        (format!(r#""mode": "token", {left}, "xAuthToken": "t", "expiresAt": 7"#), "a token"),
        (
            format!(r#""mode": "AKSK", {left}, "agencyName": "a", "agencyDomainName": "d""#),
            "the agency 'a' of 'd', assumed with the access key LEFT…",
        ),
        (
            format!(
                r#""mode": "AssumeRole", {left}, "sourceProfile": "base", "agencyName": "a",
                   "agencyDomainName": "d""#
            ),
            "the agency 'a' of 'd', assumed with the access key BASE…",
        ),
        (
            r#""mode": "AKSK", "accessKeyId": 12345678, "secretAccessKey": 1"#.to_owned(),
            "the access key 1234…",
        ),
    ] {
        let base = r#"{"name": "base", "accessKeyId": "BASE", "secretAccessKey": "s"}"#;
        let text = format!(r#"{{"current": "ci", "profiles": [{{"name": "ci", {fields}}}, {base}]}}"#);
        let home = Home::new().profiles(&format!("\u{feff}{text}"));
        let from = from(&settings(Some(&home), &[]));
        assert!(from.starts_with(&format!("{found} of the profile 'ci'")), "{fields}: {from}");
    }
    for (fields, why) in [
        (r#""mode": "SSO", "accessKeyId": "LEFT", "secretAccessKey": "s""#, "single sign-on has no keys"),
        (r#""mode": "token""#, "xAuthToken is missing"),
        (r#""mode": "AssumeRole", "accessKeyId": "A", "secretAccessKey": "s""#, "agencyName is missing"),
        (r#""accessKeyId": "A", "secretAccessKey": "s", "agencyName": "a""#, "needs agencyDomainName"),
        (r#""mode": "AssumeRole", "sourceProfile": "gone", "agencyName": "a""#, "no profile 'gone'"),
        (r#""mode": "AssumeRole", "sourceProfile": "ci", "agencyName": "a""#, "name each other"),
        (r#""mode": "magic""#, "unknown mode 'magic'"),
    ] {
        let home = Home::new().profiles(&format!(r#"{{"profiles": [{{"name": "ci", {fields}}}]}}"#));
        let error = settings(Some(&home), &[]).credentials().unwrap_err().to_string();
        assert!(error.contains(why), "{fields}: {error}");
    }
}

#[test]
fn a_profile_that_an_option_names_beats_all_variables() {
    let keys = |key: &str| format!(r#""accessKeyId": "{key}", "secretAccessKey": "s""#);
    let text = format!(
        r#"{{"current": "a", "profiles": [
            {{"name": "a", {}, "region": "r-a", "projectId": "pa"}}, {{"name": "b", {}}},
            {{"name": "c"}}]}}"#,
        keys("AKEY"),
        keys("BKEY")
    );
    let home = Home::new().profiles(&text);
    let named = |profile: &str| {
        let mut variables = HashMap::from([
            ("HW_ACCESS_KEY", "HWKEY"),
            ("HW_SECRET_KEY", "s"),
            ("HW_REGION_NAME", "r-hw"),
            ("HW_PROJECT_ID", "phw"),
            ("HW_ASSUME_ROLE_AGENCY_NAME", "x"),
            ("HW_ASSUME_ROLE_DOMAIN_NAME", "d"),
        ]);
        let folder = home.0.display().to_string();
        variables.remove("HOME");
        let get = move |name: &str| match name {
            "HOME" => Some(folder.clone()),
            name => variables.get(name).map(|value| (*value).to_owned()),
        };
        Environment::new(get, Some(profile.to_owned()))
    };
    let a = named("a");
    assert!(from(&a).starts_with("the access key AKEY… of the profile 'a'"), "{}", from(&a));
    let region = a.region().unwrap().unwrap().value;
    assert_eq!((region.name(), project(&a, Some(&region))), ("r-a", "pa".into()));
    // The project of the variables belongs to their keys.
    let b = named("b");
    let region = b.region().unwrap().unwrap().value;
    assert_eq!((region.name(), project(&b, Some(&region))), ("r-hw", "none".into()));
    let error = named("c").credentials().unwrap_err().to_string();
    assert!(error.contains("'c'") && error.contains("no credentials"), "{error}");
}

#[test]
fn every_source_of_the_variables_has_its_place_in_the_order() {
    let id_token = Home::new().with(".huaweicloud/id-token", "an-id-token\n");
    let file = id_token.0.join(".huaweicloud/id-token");
    let file = file.to_str().unwrap();
    let mut variables = vec![
        ("OS_TOKEN", "t"),
        ("HUAWEICLOUD_SDK_IDP_ID", "github"),
        ("HUAWEICLOUD_SDK_ID_TOKEN_FILE", file),
        ("HW_ASSUME_ROLE_IDP_ID", "gitlab"),
        ("HW_ASSUME_ROLE_ID_TOKEN", "an-id-token"),
        ("HUAWEICLOUD_SDK_AK", "SDKKEY"),
        ("HUAWEICLOUD_SDK_SK", "s"),
        ("HUAWEI_CLOUD_ACCESS_KEY_ID", "GITHUB"),
        ("HUAWEI_CLOUD_SECRET_ACCESS_KEY", "s"),
        ("OS_USERNAME", "u"),
        ("OS_PASSWORD", " p "),
        ("OS_PROJECT_DOMAIN_NAME", "d"),
    ];
    for (expected, removed) in [
        ("a token of OS_TOKEN", 1),
        ("the identity provider github of HUAWEICLOUD_SDK_IDP_ID", 2),
        ("the identity provider gitlab of HW_ASSUME_ROLE_IDP_ID", 2),
        ("the access key SDKK… of HUAWEICLOUD_SDK_AK", 2),
        ("the access key GITH… of HUAWEI_CLOUD_ACCESS_KEY_ID", 2),
        ("a password of OS_USERNAME", 3),
        ("none", 0),
    ] {
        assert_eq!(from(&settings(None, &variables)), expected);
        variables.drain(..removed);
    }
    for (set, missing) in [
        ("HUAWEICLOUD_SDK_IDP_ID", "HUAWEICLOUD_SDK_ID_TOKEN_FILE"),
        ("HUAWEICLOUD_SDK_ID_TOKEN_FILE", "HUAWEICLOUD_SDK_IDP_ID"),
        ("HUAWEI_CLOUD_ACCESS_KEY_ID", "HUAWEI_CLOUD_SECRET_ACCESS_KEY"),
    ] {
        let error = settings(None, &[(set, CANARY)]).credentials().unwrap_err().to_string();
        assert_eq!(error, format!("missing {missing}: {set} is set and needs it"));
    }
    // The names of one family beat those of the next, and an ID beats a name of its own family only.
    let login = [
        ("HW_USER_NAME", "hw"),
        ("HW_DOMAIN_NAME", "dhw"),
        ("OS_USER_ID", "os"),
        ("OS_DOMAIN_ID", "dos"),
        ("OS_PASSWORD", "p"),
    ];
    let text = format!("{:?}", settings(None, &login).credentials().unwrap().unwrap());
    assert!(text.contains(r#"Name("hw")"#) && text.contains(r#"Name("dhw")"#), "{text}");
    // The security token has one variable for the keys of either family of Terraform.
    let keys = [("OS_ACCESS_KEY", "AKEY"), ("OS_SECRET_KEY", "s"), ("HW_SECURITY_TOKEN", "t")];
    let text = format!("{:?}", settings(None, &keys).credentials().unwrap().unwrap());
    assert!(text.contains("temporary"), "{text}");
}

#[test]
fn a_role_of_the_variables_is_assumed_or_refused() {
    let keys = [("HW_ACCESS_KEY", "AKEY"), ("HW_SECRET_KEY", "s"), ("HW_PROJECT_ID", "0a")];
    let with = |more: &[(&str, &str)]| settings(None, &[&keys[..], more].concat());
    let role = with(&[("HW_ASSUME_ROLE_AGENCY_NAME", "a"), ("HW_ASSUME_ROLE_DOMAIN_NAME", "d")]);
    assert_eq!(
        from(&role),
        "the agency 'a' of 'd', assumed with the access key AKEY… of HW_ASSUME_ROLE_AGENCY_NAME with \
         HW_ACCESS_KEY"
    );
    assert_eq!(project(&role, None), "none", "the project of the keys is not the role's");
    assert!(role.remarks("x", false)[0].starts_with("HW_PROJECT_ID has no effect"));
    for (more, why) in [
        (&[("HW_ASSUME_ROLE_AGENCY_NAME", "a")][..], "missing HW_ASSUME_ROLE_DOMAIN_NAME"),
        (&[("HW_ASSUME_ROLE_DOMAIN_ID", "d")], "missing HW_ASSUME_ROLE_AGENCY_NAME"),
        (
            &[
                ("HW_ASSUME_ROLE_AGENCY_NAME", "a"),
                ("HW_ASSUME_ROLE_DOMAIN_NAME", "d"),
                ("HW_ASSUME_ROLE_DURATION", "1h"),
            ],
            "HW_ASSUME_ROLE_DURATION: invalid duration of a role",
        ),
    ] {
        let error = with(more).credentials().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn sources_that_are_not_used_are_remarked_on() {
    let keys = [("HW_ACCESS_KEY", "AKEY"), ("HW_SECRET_KEY", "s")];
    let remarks =
        |more: &[(&str, &str)]| settings(None, &[&keys[..], more].concat()).remarks("HW_ACCESS_KEY", false);
    assert_eq!(remarks(&[("OS_ACCESS_KEY", "AKEY")]), Vec::<String>::new(), "the same key");
    for (more, said) in [
        (("HW_PROFILE", "ci"), "the credentials of HW_ACCESS_KEY are used, not HW_PROFILE"),
        (("OS_PASSWORD", "p"), "are used, not OS_PASSWORD"),
        (("OS_CLOUD", "otc"), "OS_CLOUD: clouds.yaml is not supported"),
        (("HUAWEICLOUD_OIDC_TOKEN_FILE", "f"), "HUAWEICLOUD_OIDC_TOKEN_FILE: the STS form"),
        (("HC_CONTAINER_CREDENTIALS_FULL_URI", "u"), "the identity of a pod"),
        (("OS_APPLICATION_CREDENTIAL_ID", "i"), "application credentials"),
        (("HW_SIGNING_ALGORITHM", "SDK-HMAC-SM3"), "only SDK-HMAC-SHA256"),
    ] {
        let remarks = remarks(&[more]);
        assert!(remarks.len() == 1 && remarks[0].contains(said), "{remarks:?}");
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
    // One family is looked through before the next; within a family, an ID beats a name.
    assert_eq!(of(&[("HW_PROJECT_NAME", "r-1_dev"), ("OS_PROJECT_ID", "0a")], "r-1"), "named r-1_dev");
    assert_eq!(of(&[("OS_PROJECT_NAME", "r-1_dev"), ("OS_TENANT_ID", "0a")], "r-1"), "0a");
    // The keys of the variables are of another account than the profile.
    assert_eq!(of(&[("HW_ACCESS_KEY", "AK"), ("HW_SECRET_KEY", "s")], "r-1"), "none");
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
    for name in REGION {
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
                security_token : \"t\"\r\nproject_id = '0a'\r\n\
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
fn plain_keys_of_an_older_koocli_are_used() {
    let keys = format!(r#""accessKeyId": "{}", "secretAccessKey": "{}""#, "A".repeat(20), "b".repeat(40));
    let entry = format!(r#"{{"name": "ci", "mode": "AKSK", {keys}}}"#);
    let home =
        Home::new().profiles(&format!(r#"{{"language": "en", "current": "ci", "profiles": [{entry}]}}"#));
    assert!(settings(Some(&home), &[]).credentials().unwrap().is_some());
}

#[test]
fn credentials_are_not_sent_to_the_iam_of_another_source() {
    let home = Home::new().sdk("[basic]\nak = A1\nsk = s\niam_endpoint = https://iam.example\n");
    let iam = |settings: Environment| settings.iam_endpoint().unwrap().map(|url| url.value);
    assert_eq!(iam(settings(Some(&home), &[])).as_deref(), Some("https://iam.example"));
    assert_eq!(iam(settings(Some(&home), &[("HW_ACCESS_KEY", "A"), ("HW_SECRET_KEY", "s")])), None);
}

#[test]
fn the_domain_of_the_user_comes_before_that_of_the_project() {
    let variables = [
        ("OS_USERNAME", "u"),
        ("OS_PASSWORD", "test-password"),
        ("OS_USER_DOMAIN_NAME", "OTC-EU"),
        ("OS_PROJECT_DOMAIN_ID", "default"),
    ];
    let found = format!("{:?}", settings(None, &variables).credentials().unwrap().unwrap());
    assert!(found.contains("OTC-EU") && !found.contains("default"), "{found}");
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
