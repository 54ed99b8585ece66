//! A profile of the shared config file, which KooCLI writes and the Terraform provider reads.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::KeysOfAFile;
use crate::ConfigError;
use crate::text::safe;

/// What a profile holds.
pub(super) struct Profile {
    pub(super) from: String,
    pub(super) region: Option<String>,
    pub(super) project_id: Option<String>,
    /// None in a profile of another kind, such as for single sign-on. What is wrong with them matters to those only who
    /// look for keys.
    pub(super) keys: Result<Option<KeysOfAFile>, ConfigError>,
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

/// The profile of this name; without one, the file's current profile, or the only one.
pub(super) fn read(
    path: &Path,
    text: &SecretString,
    name: Option<&str>,
) -> Result<Option<Profile>, ConfigError> {
    let shown = path.display();
    let file: File = serde_json::from_str(text.expose_secret()).map_err(|error| {
        // The words of serde may quote a value; the place is enough.
        ConfigError::new(format!(
            "{shown}, line {}, column {}: JSON with a list of profiles is expected",
            error.line(),
            error.column()
        ))
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
                Err(ConfigError::new(format!("{shown}: there is no profile '{}'", safe(wanted, 60))))
            }
            None => Ok(None),
        };
    };
    let from = format!("the profile '{}' of {shown}", safe(entry.name.as_deref().unwrap_or_default(), 60));
    let set = |text: Option<String>| text.filter(|text| !text.is_empty());
    let keys = keys(
        set(entry.access_key_id),
        entry.secret_access_key.filter(is_set),
        entry.security_token.filter(is_set),
    )
    .map_err(|why| ConfigError::new(format!("{from}: {why}")));
    Ok(Some(Profile { from, region: set(entry.region), project_id: set(entry.project_id), keys }))
}

fn keys(
    access_key: Option<String>,
    secret_key: Option<SecretString>,
    security_token: Option<SecretString>,
) -> Result<Option<KeysOfAFile>, &'static str> {
    match (access_key, secret_key) {
        (None, None) => Ok(None),
        (Some(_), None) => Err("accessKeyId is set, and secretAccessKey is not"),
        (None, Some(_)) => Err("secretAccessKey is set, and accessKeyId is not"),
        (Some(access_key), Some(secret_key)) => {
            if is_encrypted(&access_key) || is_encrypted(secret_key.expose_secret()) {
                return Err(
                    "its keys are encrypted by KooCLI, and only KooCLI can read them; to store them plainly, \
                     run 'hcloud configure set --cli-auth-encrypt=false' and set them again",
                );
            }
            Ok(Some(KeysOfAFile { access_key, secret_key, security_token }))
        }
    }
}

fn is_set(secret: &SecretString) -> bool {
    !secret.expose_secret().is_empty()
}

/// Real keys are 20 and 40 letters and digits. What KooCLI encrypts is longer, and coded in more than these.
fn is_encrypted(key: &str) -> bool {
    key.len() > 64 || !key.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
