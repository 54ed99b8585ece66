//! A profile of the shared config file, which KooCLI writes and the Terraform provider reads.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::{self, Visitor};

use super::keys::FileKeys;
use super::shown;
use crate::auth::{Credentials, IdOrName, Role};
use crate::error::ConfigError;
use crate::text::safe;

/// The longest chain of profiles that name each other as their source.
const LONGEST_CHAIN: usize = 5;

const ENCRYPTED: &str = "the keys are encrypted, and only KooCLI can read them (to store them unencrypted, \
                         run 'hcloud configure set --cli-auth-encrypt=false' and set them again)";

/// The content of a profile.
pub(super) struct Profile {
    pub(super) path: PathBuf,
    pub(super) origin: String,
    pub(super) region: Option<String>,
    pub(super) project_id: Option<String>,
    /// The credentials, as the mode of the profile decides. An error in them matters only if they are needed.
    pub(super) credentials: Result<ProfileCredentials, Unusable>,
}

/// The reason why the credentials of a profile cannot be used.
pub(super) enum Unusable {
    /// They are missing.
    Missing,
    /// They are of a known kind that is not supported, such as encrypted ones.
    Unsupported(ConfigError),
    /// They are malformed.
    Malformed(ConfigError),
}

/// The credentials of a profile.
pub(super) enum ProfileCredentials {
    Keys {
        keys: FileKeys,
        /// A remark about keys that do not look like keys.
        suspicion: Option<String>,
    },
    Token(SecretString),
    EcsAgency,
    Role(Box<Self>, Role),
}

impl ProfileCredentials {
    /// Returns whether the file contains a secret.
    pub(super) fn has_secret(&self) -> bool {
        match self {
            Self::Keys { .. } | Self::Token(_) => true,
            Self::EcsAgency => false,
            Self::Role(base, _) => base.has_secret(),
        }
    }

    /// Makes the credentials. `ecs_agency` makes those of the ECS instance.
    pub(super) fn credentials(
        &self,
        ecs_agency: &dyn Fn() -> Result<Credentials, ConfigError>,
    ) -> Result<Credentials, ConfigError> {
        match self {
            Self::Keys { keys, suspicion } => {
                let keys = keys.credentials()?;
                Ok(suspicion.iter().fold(keys, |keys, suspicion| keys.suspect(suspicion.clone())))
            }
            Self::Token(token) => Credentials::token(token.expose_secret()),
            Self::EcsAgency => ecs_agency(),
            Self::Role(base, role) => Ok(Credentials::role(base.credentials(ecs_agency)?, role.clone())),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    current: Option<Text>,
    profiles: Option<Vec<Entry>>,
    auth_encrypt: Option<Text>,
    /// Fields that only KooCLI writes.
    language: Option<de::IgnoredAny>,
    offline: Option<de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: Option<Text>,
    mode: Option<Text>,
    access_key_id: Option<Text>,
    secret_access_key: Option<Text>,
    security_token: Option<Text>,
    region: Option<Text>,
    project_id: Option<Text>,
    domain_id: Option<Text>,
    sso_auth: Option<SsoAuth>,
    x_auth_token: Option<Text>,
    source_profile: Option<Text>,
    agency_name: Option<Text>,
    agency_domain_name: Option<Text>,
    agency_domain_id: Option<Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SsoAuth {
    sts_token: Option<StsToken>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StsToken {
    access_key_id: Option<Text>,
    secret_access_key: Option<Text>,
    security_token: Option<Text>,
}

/// A text, or a number in its place. It may be secret.
#[derive(Clone)]
struct Text(SecretString);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl Visitor<'_> for TextVisitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.trim().into()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Text, E> {
                Ok(Text(value.to_string().into()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Text, E> {
                Ok(Text(number.to_string().into()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Text, E> {
                Ok(Text(number.to_string().into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Text, E> {
                Ok(Text(number.to_string().into()))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

/// Returns a text that is not secret, unless it is empty.
fn plain(text: Option<&Text>) -> Option<String> {
    text.map(|Text(text)| text.expose_secret().to_owned()).filter(|text| !text.is_empty())
}

fn secret(text: Option<&Text>) -> Option<SecretString> {
    text.map(|Text(text)| text.clone()).filter(|text| !text.expose_secret().is_empty())
}

/// Reads the profile of this name. Without a name, reads the current profile of the file, or the only one.
pub(super) fn read(
    path: &Path,
    text: &SecretString,
    name: Option<&str>,
) -> Result<Option<Profile>, ConfigError> {
    let text = text.expose_secret();
    let file: File =
        serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).map_err(|error| {
            // The text of serde may quote a value, so only the position is used.
            let (line, column) = (error.line(), error.column());
            let reason = format!("line {line}, column {column}: expected JSON with a list of profiles");
            ConfigError::file(path, reason)
        })?;
    let current = plain(file.current.as_ref());
    let wanted = name.or(current.as_deref());
    let profiles = file.profiles.as_deref().unwrap_or_default();
    let entry =
        match wanted {
            Some(wanted) => Some(named(profiles, wanted).ok_or_else(|| {
                ConfigError::file(path, format!("there is no profile '{}'", safe(wanted, 60)))
            })?),
            None if profiles.len() == 1 => profiles.first(),
            None => None,
        };
    let Some(entry) = entry else { return Ok(None) };
    // Since its version 5.2.7 KooCLI encrypts keys unless it is told not to.
    let is_of_koocli = file.language.is_some() || file.offline.is_some();
    let encryption = match plain(file.auth_encrypt.as_ref()).as_deref() {
        Some("true") => Encryption::Encrypted,
        Some("false") => Encryption::Plain,
        _ if is_of_koocli => Encryption::Likely,
        _ => Encryption::Unknown,
    };
    let reader = Reader { path, profiles, encryption };
    Ok(Some(Profile {
        path: path.to_owned(),
        origin: format!("the profile '{}' of {}", entry.shown_name(), shown(path)),
        region: plain(entry.region.as_ref()),
        project_id: plain(entry.project_id.as_ref()),
        credentials: reader.credentials(entry, 0),
    }))
}

fn named<'a>(profiles: &'a [Entry], name: &str) -> Option<&'a Entry> {
    profiles.iter().find(|entry| plain(entry.name.as_ref()).as_deref() == Some(name))
}

impl Entry {
    fn shown_name(&self) -> String {
        safe(&plain(self.name.as_ref()).unwrap_or_default(), 60).to_string()
    }
}

/// Whether the keys of the file are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    Encrypted,
    Plain,
    /// The file does not say so. Its keys are taken as they are.
    Unknown,
    /// The file is KooCLI's own, and does not say so.
    Likely,
}

/// The reader of the credentials of a file.
struct Reader<'a> {
    path: &'a Path,
    profiles: &'a [Entry],
    encryption: Encryption,
}

impl Reader<'_> {
    /// Reads the credentials that the mode of a profile selects. Those that an earlier mode has left are not
    /// used.
    fn credentials(&self, entry: &Entry, depth: usize) -> Result<ProfileCredentials, Unusable> {
        let mode = plain(entry.mode.as_ref()).unwrap_or_default();
        let name = entry.shown_name();
        let malformed =
            |why: &str| Unusable::Malformed(ConfigError::file(self.path, format!("profile '{name}': {why}")));
        let unsupported = |why: &str| {
            Unusable::Unsupported(ConfigError::file(self.path, format!("profile '{name}': {why}")))
        };
        let own = || {
            let (access_key, secret_key) = (entry.access_key_id.as_ref(), entry.secret_access_key.as_ref());
            let token = secret(entry.security_token.as_ref());
            self.keys(plain(access_key), secret(secret_key), token, &name)
        };
        let base = match mode.to_ascii_lowercase().as_str() {
            "" | "aksk" | "agency" => own(),
            "ecsagency" => Ok(ProfileCredentials::EcsAgency),
            "sso" => {
                let sts = entry.sso_auth.as_ref().and_then(|auth| auth.sts_token.as_ref());
                let keys = sts.map(|sts| {
                    let (access, secret_key) = (sts.access_key_id.as_ref(), sts.secret_access_key.as_ref());
                    (plain(access), secret(secret_key), secret(sts.security_token.as_ref()))
                });
                match keys {
                    Some((access_key, secret_key, token)) => self.keys(access_key, secret_key, token, &name),
                    None => Err(malformed("single sign-on has no keys (run 'hcloud configure sso')")),
                }
            }
            "token" => match secret(entry.x_auth_token.as_ref()) {
                Some(_) if self.encryption == Encryption::Encrypted => Err(unsupported(ENCRYPTED)),
                Some(token) => Ok(ProfileCredentials::Token(token)),
                None => Err(malformed("the mode is token, and xAuthToken is missing")),
            },
            "assumerole" => match plain(entry.source_profile.as_ref()) {
                Some(_) if depth == LONGEST_CHAIN => {
                    Err(malformed("too many profiles name each other as their source"))
                }
                Some(source) => {
                    let entry = named(self.profiles, &source).ok_or_else(|| {
                        malformed(&format!("there is no profile '{}', its source", safe(&source, 60)))
                    })?;
                    self.credentials(entry, depth + 1)
                }
                None => own(),
            },
            _ => {
                let why = format!(
                    "unknown mode '{}' (supported: AKSK, SSO, AssumeRole, ecsAgency, token)",
                    safe(&mode, 30)
                );
                Err(unsupported(&why))
            }
        }?;
        let agency = plain(entry.agency_name.as_ref());
        let domain = plain(entry.agency_domain_name.as_ref()).map(IdOrName::Name);
        let domain = domain.or_else(|| plain(entry.agency_domain_id.as_ref()).map(IdOrName::Id));
        match (agency, domain) {
            (Some(agency), Some(domain)) => {
                let role = Role::new(agency, domain);
                let role = plain(entry.domain_id.as_ref()).into_iter().fold(role, Role::base_domain_id);
                Ok(ProfileCredentials::Role(Box::new(base), role))
            }
            (Some(_), None) => Err(malformed("agencyName is set and needs agencyDomainName")),
            (None, Some(_)) => Err(malformed("agencyDomainName is set and needs agencyName")),
            (None, None) if mode.eq_ignore_ascii_case("AssumeRole") => {
                Err(malformed("the mode is AssumeRole, and agencyName is missing"))
            }
            (None, None) => Ok(base),
        }
    }

    fn keys(
        &self,
        access_key: Option<String>,
        secret_key: Option<SecretString>,
        security_token: Option<SecretString>,
        name: &str,
    ) -> Result<ProfileCredentials, Unusable> {
        let error = |why: &str| ConfigError::file(self.path, format!("profile '{name}': {why}"));
        let malformed = |why: &str| Err(Unusable::Malformed(error(why)));
        match (access_key, secret_key) {
            (None, None) => Err(Unusable::Missing),
            (Some(_), None) => malformed("accessKeyId is set and needs secretAccessKey"),
            (None, Some(_)) => malformed("secretAccessKey is set and needs accessKeyId"),
            (Some(access_key), Some(secret_key)) => {
                let looks_encrypted = !is_key(&access_key, 20) || !is_key(secret_key.expose_secret(), 40);
                // Keys of an older KooCLI are plain, and look so.
                let is_encrypted = match self.encryption {
                    Encryption::Encrypted => true,
                    Encryption::Likely => looks_encrypted,
                    Encryption::Plain | Encryption::Unknown => false,
                };
                if is_encrypted {
                    return Err(Unusable::Unsupported(error(ENCRYPTED)));
                }
                let is_suspect = looks_encrypted && self.encryption == Encryption::Unknown;
                let suspicion = is_suspect.then(|| {
                    format!(
                        "the keys of the profile '{name}' do not look like keys, so perhaps KooCLI has \
                         encrypted them (see 'hcloud configure set --cli-auth-encrypt=false')"
                    )
                });
                let keys = FileKeys { access_key, secret_key, security_token };
                Ok(ProfileCredentials::Keys { keys, suspicion })
            }
        }
    }
}

/// Returns whether a text looks like a key that is not encrypted.
fn is_key(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
