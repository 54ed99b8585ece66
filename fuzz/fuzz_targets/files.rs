//! The files with credentials: the profiles of KooCLI, and the file of the SDKs. Any content is read or
//! refused, and no error repeats a secret.
#![no_main]

use std::sync::OnceLock;

use jobwait::Environment;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    static FILE: OnceLock<String> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        let file = std::env::temp_dir().join(format!("jobwait-fuzz-{}", std::process::id()));
        file.to_str().unwrap().to_owned()
    });
    std::fs::write(file, bytes).unwrap();
    let secret = String::from_utf8_lossy(bytes).contains("CANARY");
    for variable in ["HW_SHARED_CONFIG_FILE", "HUAWEICLOUD_SDK_CREDENTIALS_FILE"] {
        for profile in [None, Some("default".to_owned())] {
            let settings = Environment::new(|name| (name == variable).then(|| file.clone()), profile);
            let texts = [
                settings.credentials().map(|found| format!("{:?}", found.map(|found| found.value))),
                settings.region().map(|found| format!("{:?}", found.map(|found| found.origin))),
                settings.project(None).map(|found| format!("{:?}", found.map(|found| found.origin))),
                settings.iam_endpoint().map(|found| format!("{:?}", found.map(|found| found.origin))),
            ];
            for text in texts.map(|text| text.unwrap_or_else(|error| error.to_string())) {
                // An error may name a region, a project ID and the name of a profile: these are no secrets.
                let region = text.contains("region");
                let rest = ["project ID '", "profile '"].iter().fold(text.clone(), |text, name| {
                    let parts = text.split_once(name);
                    match parts.and_then(|(before, after)| Some((before, after.rsplit_once('\'')?.1))) {
                        Some((before, after)) => format!("{before}{after}"),
                        None => text,
                    }
                });
                assert!(!secret || region || !rest.contains("CANARY"), "the text repeats a secret: {text}");
            }
        }
    }
});
