//! The credentials file of the SDKs: INI with one section and five keys.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use super::keys::FileKeys;
use crate::error::ConfigError;

/// The content of the file.
pub(super) struct SdkFile {
    pub(super) origin: String,
    /// The keys. An error in them matters only if they are needed.
    pub(super) keys: Result<FileKeys, ConfigError>,
    pub(super) project_id: Option<String>,
    pub(super) iam_endpoint: Option<String>,
}

/// Reads the section `[basic]`.
pub(super) fn read(path: &Path, text: &SecretString) -> Result<SdkFile, ConfigError> {
    let mut section = "";
    let mut there = false;
    let mut values: [(&str, Option<SecretString>); 5] =
        ["ak", "sk", "security_token", "project_id", "iam_endpoint"].map(|name| (name, None));

    for (number, line) in text.expose_secret().lines().enumerate() {
        let line = line.trim_start_matches('\u{feff}').trim();
        // The error names the line and does not quote it, because it may contain a secret.
        let wrong = |expected: &str| ConfigError::file(path, format!("line {}: {expected}", number + 1));
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            section = name
                .strip_suffix(']')
                .ok_or_else(|| wrong("expected ']' at the end of the section's name"))?
                .trim();
            there |= section == "basic";
            continue;
        }
        let (name, value) = line
            .split_once(['=', ':'])
            .ok_or_else(|| wrong("expected 'key = value' or a section such as [basic]"))?;
        if section == "basic" {
            let slot = values.iter_mut().find(|(known, _)| name.trim().eq_ignore_ascii_case(known));
            if let Some((_, slot)) = slot {
                *slot =
                    Some(SecretString::from(value.trim())).filter(|value| !value.expose_secret().is_empty());
            }
        }
    }
    let [(_, ak), (_, sk), (_, security_token), (_, project_id), (_, iam_endpoint)] = values;
    let missing = |name: &str| Err(ConfigError::file(path, format!("there is no {name} in [basic]")));
    let plain = |value: Option<SecretString>| value.map(|value| value.expose_secret().to_owned());
    let keys = match (there, plain(ak), sk) {
        (false, ..) => Err(ConfigError::file(path, "there is no section [basic]")),
        (true, None, _) => missing("ak"),
        (true, _, None) => missing("sk"),
        (true, Some(access_key), Some(secret_key)) => Ok(FileKeys { access_key, secret_key, security_token }),
    };
    Ok(SdkFile {
        origin: path.display().to_string(),
        keys,
        project_id: plain(project_id),
        iam_endpoint: plain(iam_endpoint),
    })
}
