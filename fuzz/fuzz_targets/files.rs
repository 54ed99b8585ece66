//! The files in which credentials are found: profiles, and the SDKs' file. Whatever they hold, it is read or refused, and
//! no word of a refusal repeats it.
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
            let said = [
                settings.credentials().map(|found| format!("{:?}", found.map(|found| found.value))),
                settings.region().map(|found| format!("{:?}", found.map(|found| found.origin))),
                settings.project(None).map(|found| format!("{:?}", found.map(|found| found.origin))),
                settings.iam_endpoint().map(|found| format!("{:?}", found.map(|found| found.origin))),
            ];
            for said in said.map(|said| said.unwrap_or_else(|error| error.to_string())) {
                // What is no secret is named when it is wrong: a region, a project's ID, a profile's name.
                let region = said.contains("region");
                let rest = ["project ID '", "profile '"].iter().fold(said.clone(), |said, name| {
                    match said.split_once(name).and_then(|(before, after)| Some((before, after.rsplit_once('\'')?.1))) {
                        Some((before, after)) => format!("{before}{after}"),
                        None => said,
                    }
                });
                assert!(!secret || region || !rest.contains("CANARY"), "a secret is repeated: {said}");
            }
        }
    }
});
