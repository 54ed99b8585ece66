//! The credentials file of the SDKs: INI with one section and a few keys.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use super::keys::FileKeys;
use super::shown;
use crate::auth::{Credentials, Federation};
use crate::error::ConfigError;

/// The content of the file.
pub(super) struct SdkFile {
    pub(super) origin: String,
    /// The credentials. An error in them matters only if they are needed.
    pub(super) credentials: Result<SdkCredentials, ConfigError>,
    pub(super) project_id: Option<String>,
    pub(super) iam_endpoint: Option<String>,
}

/// The credentials in the file.
pub(super) enum SdkCredentials {
    Keys(FileKeys),
    /// An identity provider, and the file of its ID token.
    Federation {
        provider: String,
        id_token_file: String,
    },
}

impl SdkCredentials {
    pub(super) fn credentials(&self) -> Result<Credentials, ConfigError> {
        match self {
            Self::Keys(keys) => keys.credentials(),
            Self::Federation { provider, id_token_file } => {
                Federation::from_file(provider, id_token_file).map(Credentials::federation)
            }
        }
    }
}

/// Removes a matching pair of quotes around a value.
fn unquoted(value: &str) -> &str {
    let inner = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    inner.unwrap_or(value)
}

/// Reads the section `[basic]`.
pub(super) fn read(path: &Path, text: &SecretString) -> Result<SdkFile, ConfigError> {
    let mut section = "";
    let mut there = false;
    let names = ["ak", "sk", "security_token", "project_id", "iam_endpoint", "idp_id", "id_token_file"];
    let mut values: [(&str, Option<SecretString>); 7] = names.map(|name| (name, None));

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
                let value = SecretString::from(unquoted(value.trim()));
                *slot = Some(value).filter(|value| !value.expose_secret().is_empty());
            }
        }
    }
    let [ak, sk, security_token, project_id, iam_endpoint, idp_id, id_token_file] =
        values.map(|(_, value)| value);
    let missing = |name: &str| Err(ConfigError::file(path, format!("there is no {name} in [basic]")));
    let plain = |value: Option<SecretString>| value.map(|value| value.expose_secret().to_owned());
    let credentials = match (plain(idp_id), plain(id_token_file), plain(ak), sk) {
        _ if !there => Err(ConfigError::file(path, "there is no section [basic]")),
        (Some(provider), Some(id_token_file), ..) => {
            Ok(SdkCredentials::Federation { provider, id_token_file })
        }
        (Some(_), None, None, _) => missing("id_token_file"),
        (None, Some(_), None, _) => missing("idp_id"),
        (_, _, None, _) => missing("ak"),
        (_, _, _, None) => missing("sk"),
        (_, _, Some(access_key), Some(secret_key)) => {
            Ok(SdkCredentials::Keys(FileKeys { access_key, secret_key, security_token }))
        }
    };
    Ok(SdkFile {
        origin: shown(path),
        credentials,
        project_id: plain(project_id),
        iam_endpoint: plain(iam_endpoint),
    })
}
