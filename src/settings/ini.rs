//! The SDKs' credentials file: INI, one section, five keys.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use super::KeysOfAFile;
use crate::ConfigError;

/// What the file holds.
pub(super) struct SdkFile {
    pub(super) from: String,
    /// What is wrong with them matters to those only who look for keys.
    pub(super) keys: Result<KeysOfAFile, ConfigError>,
    pub(super) project_id: Option<String>,
    pub(super) iam_endpoint: Option<String>,
}

/// Reads the section `[basic]`.
pub(super) fn read(path: &Path, text: &SecretString) -> Result<SdkFile, ConfigError> {
    let shown = path.display();
    let mut section = "";
    let mut there = false;
    let mut values: [(&str, Option<SecretString>); 5] =
        ["ak", "sk", "security_token", "project_id", "iam_endpoint"].map(|name| (name, None));

    for (number, line) in text.expose_secret().lines().enumerate() {
        let line = line.trim_start_matches('\u{feff}').trim();
        // What is wrong is told by its place: the line may hold a secret.
        let wrong = |expected: &str| ConfigError::new(format!("{shown}, line {}: {expected}", number + 1));
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            section = name.strip_suffix(']').ok_or_else(|| wrong("a section ends with ']'"))?.trim();
            there |= section == "basic";
            continue;
        }
        let (name, value) = line
            .split_once(['=', ':'])
            .ok_or_else(|| wrong("'key = value' or a section such as [basic] is expected"))?;
        if section == "basic" {
            let slot = values.iter_mut().find(|(known, _)| name.trim().eq_ignore_ascii_case(known));
            if let Some((_, slot)) = slot {
                *slot =
                    Some(SecretString::from(value.trim())).filter(|value| !value.expose_secret().is_empty());
            }
        }
    }
    let [(_, ak), (_, sk), (_, security_token), (_, project_id), (_, iam_endpoint)] = values;
    let missing = |name: &str| Err(ConfigError::new(format!("{shown}: there is no {name} in [basic]")));
    let plain = |value: Option<SecretString>| value.map(|value| value.expose_secret().to_owned());
    let keys = match (there, plain(ak), sk) {
        (false, ..) => Err(ConfigError::new(format!("{shown}: there is no section [basic]"))),
        (true, None, _) => missing("ak"),
        (true, _, None) => missing("sk"),
        (true, Some(access_key), Some(secret_key)) => {
            Ok(KeysOfAFile { access_key, secret_key, security_token })
        }
    };
    Ok(SdkFile {
        from: shown.to_string(),
        keys,
        project_id: plain(project_id),
        iam_endpoint: plain(iam_endpoint),
    })
}
