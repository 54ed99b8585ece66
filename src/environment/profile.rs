//! A profile of the shared config file, which KooCLI writes and the Terraform provider reads.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::keys::FileKeys;
use crate::error::ConfigError;
use crate::text::safe;

/// The content of a profile.
pub(super) struct Profile {
    pub(super) origin: String,
    pub(super) region: Option<String>,
    pub(super) project_id: Option<String>,
    /// The keys, unless the profile is of another kind, such as single sign-on. An error in them matters
    /// only if they are needed.
    pub(super) keys: Result<Option<FileKeys>, ConfigError>,
}

#[derive(Deserialize)]
struct File {
    current: Option<String>,
    profiles: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: Option<String>,
    access_key_id: Option<String>,
    secret_access_key: Option<SecretString>,
    security_token: Option<SecretString>,
    region: Option<String>,
    project_id: Option<String>,
}

/// Reads the profile of this name. Without a name, reads the current profile of the file, or the only one.
pub(super) fn read(
    path: &Path,
    text: &SecretString,
    name: Option<&str>,
) -> Result<Option<Profile>, ConfigError> {
    let file: File = serde_json::from_str(text.expose_secret()).map_err(|error| {
        // The text of serde may quote a value, so only the position is used.
        let (line, column) = (error.line(), error.column());
        let reason = format!("line {line}, column {column}: expected JSON with a list of profiles");
        ConfigError::file(path, reason)
    })?;
    let wanted = name.or(file.current.as_deref().filter(|current| !current.is_empty()));
    let mut profiles = file.profiles.unwrap_or_default();
    let entry = match wanted {
        Some(wanted) => profiles.into_iter().find(|entry| entry.name.as_deref() == Some(wanted)),
        None if profiles.len() == 1 => profiles.pop(),
        None => None,
    };
    let Some(entry) = entry else {
        return match wanted {
            Some(wanted) => {
                Err(ConfigError::file(path, format!("there is no profile '{}'", safe(wanted, 60))))
            }
            None => Ok(None),
        };
    };
    let name = safe(entry.name.as_deref().unwrap_or_default(), 60).to_string();
    let set = |text: Option<String>| text.filter(|text| !text.is_empty());
    let keys = keys(
        set(entry.access_key_id),
        entry.secret_access_key.filter(is_set),
        entry.security_token.filter(is_set),
    )
    .map_err(|why| ConfigError::file(path, format!("profile '{name}': {why}")));
    let origin = format!("the profile '{name}' of {}", path.display());
    Ok(Some(Profile { origin, region: set(entry.region), project_id: set(entry.project_id), keys }))
}

fn keys(
    access_key: Option<String>,
    secret_key: Option<SecretString>,
    security_token: Option<SecretString>,
) -> Result<Option<FileKeys>, &'static str> {
    match (access_key, secret_key) {
        (None, None) => Ok(None),
        (Some(_), None) => Err("accessKeyId is set and needs secretAccessKey"),
        (None, Some(_)) => Err("secretAccessKey is set and needs accessKeyId"),
        (Some(access_key), Some(secret_key)) => {
            if is_encrypted(&access_key) || is_encrypted(secret_key.expose_secret()) {
                return Err(
                    "the keys are encrypted, and only KooCLI can read them (to store them unencrypted, run \
                     'hcloud configure set --cli-auth-encrypt=false' and set them again)",
                );
            }
            Ok(Some(FileKeys { access_key, secret_key, security_token }))
        }
    }
}

fn is_set(secret: &SecretString) -> bool {
    !secret.expose_secret().is_empty()
}

/// Whether a key is encrypted. Real keys have 20 and 40 letters and digits; encrypted ones are longer and
/// contain other characters.
fn is_encrypted(key: &str) -> bool {
    key.len() > 64 || !key.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
