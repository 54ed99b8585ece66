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
    /// None in a profile of another kind, such as for single sign-on.
    pub(super) keys: Option<KeysOfAFile>,
}

#[derive(Deserialize)]
struct File {
    current: Option<String>,
    #[serde(default)]
    profiles: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    name: String,
    #[serde(default)]
    access_key_id: String,
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
    let count = file.profiles.len();
    let entry = match wanted {
        Some(wanted) => file.profiles.into_iter().find(|entry| entry.name == wanted),
        None => file.profiles.into_iter().next().filter(|_| count == 1),
    };
    let Some(entry) = entry else {
        return match wanted {
            Some(wanted) => {
                Err(ConfigError::new(format!("{shown}: there is no profile '{}'", safe(wanted, 60))))
            }
            None => Ok(None),
        };
    };
    let from = format!("the profile '{}' of {shown}", safe(&entry.name, 60));
    let set = |text: Option<String>| text.filter(|text| !text.is_empty());
    let keys = match (entry.access_key_id.is_empty(), entry.secret_access_key.filter(is_set)) {
        (true, None) => None,
        (false, Some(secret_key)) => {
            let security_token = entry.security_token.filter(is_set);
            if is_encrypted(&entry.access_key_id) || is_encrypted(secret_key.expose_secret()) {
                return Err(ConfigError::new(format!(
                    "{from}: its keys are encrypted by KooCLI, and only KooCLI can read them; to store them plainly, \
                     run 'hcloud configure set --cli-auth-encrypt=false' and set them again"
                )));
            }
            Some(KeysOfAFile { access_key: entry.access_key_id, secret_key, security_token })
        }
        (false, None) => {
            return Err(ConfigError::new(format!("{from}: accessKeyId is set, and secretAccessKey is not")));
        }
        (true, Some(_)) => {
            return Err(ConfigError::new(format!("{from}: secretAccessKey is set, and accessKeyId is not")));
        }
    };
    Ok(Some(Profile { from, region: set(entry.region), project_id: set(entry.project_id), keys }))
}

fn is_set(secret: &SecretString) -> bool {
    !secret.expose_secret().is_empty()
}

/// Real keys are 20 and 40 letters and digits. What KooCLI encrypts is longer, and coded in more than these.
fn is_encrypted(key: &str) -> bool {
    key.len() > 64 || !key.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
