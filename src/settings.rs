//! What users already have set, for Terraform, the SDKs and KooCLI: variables, files, and their order.

mod ini;
mod profile;

use std::cell::OnceCell;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use tracing::debug;

use self::ini::SdkFile;
use self::profile::Profile;
use crate::credentials::{Credentials, Login, Named};
use crate::{ConfigError, Project, ProjectId, Region};

/// The settings of this machine's user. Files are read when something is looked for in them, and no earlier.
///
/// Each thing is taken from the first place that has it, and comes with the name of that place. A variable that
/// is set to nothing is as good as unset.
///
/// ```
/// use jobwait::Settings;
///
/// let variables = |name: &str| match name {
///     "HW_REGION_NAME" => Some("cn-north-4".to_owned()),
///     _ => None,
/// };
/// let settings = Settings::new(variables, None);
/// let region = settings.region()?.expect("it is set");
/// assert_eq!((region.value.name(), region.from.as_str()), ("cn-north-4", "HW_REGION_NAME"));
/// # Ok::<(), jobwait::ConfigError>(())
/// ```
pub struct Settings<'a> {
    variables: Variables<'a>,
    profile_name: Option<String>,
    profile: OnceCell<Result<Option<Profile>, ConfigError>>,
    sdk_file: OnceCell<Result<Option<SdkFile>, ConfigError>>,
}

type Variables<'a> = Box<dyn Fn(&str) -> Option<String> + Send + 'a>;

/// A setting, and where it is from.
#[derive(Debug)]
#[non_exhaustive]
pub struct Found<T> {
    /// The setting.
    pub value: T,
    /// The variable or the file, for people.
    pub from: String,
}

impl<T> Found<T> {
    /// A setting from another place, such as an option.
    pub fn new(value: T, from: impl Into<String>) -> Self {
        Self { value, from: from.into() }
    }

    fn map<U>(self, change: impl FnOnce(T) -> U) -> Found<U> {
        Found { value: change(self.value), from: self.from }
    }
}

impl<'a> Settings<'a> {
    /// The settings in these variables, such as `|name| std::env::var(name).ok()`, and in the files that they lead
    /// to. `profile` names a profile of the shared config file; without it, `HW_PROFILE` does, or the file itself.
    pub fn new(variables: impl Fn(&str) -> Option<String> + Send + 'a, profile: Option<String>) -> Self {
        let settings = Self {
            variables: Box::new(variables),
            profile_name: None,
            profile: OnceCell::new(),
            sdk_file: OnceCell::new(),
        };
        let profile_name = profile.or_else(|| settings.variable(&["HW_PROFILE"]).map(|found| found.value));
        Self { profile_name, ..settings }
    }

    /// The region: `HW_REGION_NAME`, `OS_REGION_NAME`, or the profile's; in the cloud that `HW_CLOUD` names.
    ///
    /// # Errors
    ///
    /// When it is no region, or a file that was asked for cannot be read.
    pub fn region(&self) -> Result<Option<Found<Region>>, ConfigError> {
        let found = match self.variable(&["HW_REGION_NAME", "OS_REGION_NAME"]) {
            Some(found) => Some(found),
            None => self.of_the_profile(|profile| profile.region.clone())?,
        };
        found
            .map(|found| match self.region_named(&found.value) {
                Ok(region) => Ok(Found::new(region, found.from)),
                Err(error) => Err(ConfigError::new(format!("{}: {error}", found.from))),
            })
            .transpose()
    }

    /// A region by name, in the cloud that `HW_CLOUD` names.
    ///
    /// # Errors
    ///
    /// When it is no region, or what `HW_CLOUD` names is no cloud.
    pub fn region_named(&self, name: &str) -> Result<Region, ConfigError> {
        match self.variable(&["HW_CLOUD"]) {
            Some(cloud) => Region::in_cloud(name, &cloud.value)
                .map_err(|error| ConfigError::new(format!("{error} (HW_CLOUD names the cloud)"))),
            None => Region::parse(name),
        }
    }

    /// The project: by a variable with its ID, by one with its name, or by the ID in the profile or the SDKs' file. A
    /// profile's project counts only for the profile's region: IDs belong to regions.
    ///
    /// # Errors
    ///
    /// When the ID is none, or a file that was asked for cannot be read.
    pub fn project(&self, region: Option<&Region>) -> Result<Option<Found<Project>>, ConfigError> {
        let ids = ["HW_PROJECT_ID", "OS_PROJECT_ID", "OS_TENANT_ID", "HUAWEICLOUD_SDK_PROJECT_ID"];
        let mut id = self.variable(&ids);
        if id.is_none() {
            if let Some(name) = self.variable(&["HW_PROJECT_NAME", "OS_PROJECT_NAME", "OS_TENANT_NAME"]) {
                return Ok(Some(name.map(Project::Named)));
            }
            let of_this_region = |profile: &Profile| {
                profile.region.as_deref().is_none_or(|own| region.is_none_or(|region| own == region.name()))
            };
            id = self
                .of_the_profile(|profile| profile.project_id.clone().filter(|_| of_this_region(profile)))?;
        }
        if id.is_none() {
            id = self.of_the_sdk_file(|file| file.project_id.clone())?;
        }
        id.map(|id| match ProjectId::parse(&id.value) {
            Ok(value) => Ok(Found::new(Project::Id(value), id.from)),
            Err(error) => Err(ConfigError::new(format!("{}: {error}", id.from))),
        })
        .transpose()
    }

    /// Where IAM is: a variable, or what the SDKs' file says.
    ///
    /// # Errors
    ///
    /// When a file that was asked for cannot be read.
    pub fn iam_endpoint(&self) -> Result<Option<Found<String>>, ConfigError> {
        match self.variable(&["HW_AUTH_URL", "OS_AUTH_URL", "HUAWEICLOUD_SDK_IAM_ENDPOINT"]) {
            Some(found) => Ok(Some(found)),
            None => self.of_the_sdk_file(|file| file.iam_endpoint.clone()),
        }
    }

    /// A file with trust roots: `OS_CACERT`.
    #[must_use]
    pub fn ca_cert(&self) -> Option<Found<PathBuf>> {
        self.variable(&["OS_CACERT"]).map(|found| found.map(PathBuf::from))
    }

    /// The credentials: the first of a token, an access key, a password, the profile, and the SDKs' file.
    ///
    /// # Errors
    ///
    /// When half of a pair is missing, which the text names; when one of them cannot be used; or when a file cannot
    /// be read. No text repeats a secret.
    pub fn credentials(&self) -> Result<Option<Found<Credentials>>, ConfigError> {
        if let Some(token) = self.variable(&["HW_AUTH_TOKEN", "OS_AUTH_TOKEN"]) {
            return found(Credentials::token(token.value), token.from);
        }
        if let Some(keys) = self.keys()? {
            return Ok(Some(keys));
        }
        if let Some(login) = self.login()? {
            return Ok(Some(login.map(Credentials::password)));
        }
        if let Some(profile) = self.profile()?
            && let Some(keys) = profile.keys.as_ref().map_err(Clone::clone)?
        {
            return found(keys.credentials(), profile.from.clone());
        }
        match self.sdk_file()? {
            Some(file) => found(file.keys.as_ref().map_err(Clone::clone)?.credentials(), file.from.clone()),
            None => Ok(None),
        }
    }

    /// Terraform's variables, of which each falls back by itself; then the SDKs'.
    fn keys(&self) -> Result<Option<Found<Credentials>>, ConfigError> {
        let families: [(&[&str], &[&str], &[&str]); 2] = [
            (
                &["HW_ACCESS_KEY", "OS_ACCESS_KEY"],
                &["HW_SECRET_KEY", "OS_SECRET_KEY"],
                &["HW_SECURITY_TOKEN", "OS_SECURITY_TOKEN"],
            ),
            (&["HUAWEICLOUD_SDK_AK"], &["HUAWEICLOUD_SDK_SK"], &["HUAWEICLOUD_SDK_SECURITY_TOKEN"]),
        ];
        for (access, secret, token) in families {
            let pair = pair(self.variable(access), self.variable(secret), access[0], secret[0])?;
            if let Some((access, secret)) = pair {
                // A token belongs to its key: one that is left over from another family would spoil it.
                let family = access.from.split('_').next().unwrap_or_default().to_owned();
                let token: Vec<&str> =
                    token.iter().copied().filter(|name| name.starts_with(&family)).collect();
                let token = self.variable(&token).map(|token| SecretString::from(token.value));
                return found(Credentials::keys(&access.value, secret.value, token.as_ref()), access.from);
            }
        }
        Ok(None)
    }

    fn login(&self) -> Result<Option<Found<Login>>, ConfigError> {
        let named = |id: &[&str], name: &[&str]| match self.variable(id) {
            Some(found) => Some(found.map(Named::Id)),
            None => self.variable(name).map(|found| found.map(Named::Name)),
        };
        let user = named(&["HW_USER_ID", "OS_USER_ID"], &["HW_USER_NAME", "OS_USERNAME"]);
        let password = self.variable(&["HW_USER_PASSWORD", "OS_PASSWORD"]);
        let Some((user, password)) = pair(user, password, "HW_USER_NAME", "HW_USER_PASSWORD")? else {
            return Ok(None);
        };
        let domain = named(
            &["HW_DOMAIN_ID", "OS_DOMAIN_ID", "OS_USER_DOMAIN_ID"],
            &["HW_DOMAIN_NAME", "OS_DOMAIN_NAME", "OS_USER_DOMAIN_NAME"],
        );
        if domain.is_none() && matches!(user.value, Named::Name(_)) {
            return Err(ConfigError::new(format!(
                "{} is set, and HW_DOMAIN_NAME is not: IAM needs the account beside a user's name",
                user.from
            )));
        }
        Ok(Some(Found::new(
            Login::new(user.value, password.value, domain.map(|found| found.value)),
            user.from,
        )))
    }

    fn of_the_profile<T>(
        &self,
        field: impl FnOnce(&Profile) -> Option<T>,
    ) -> Result<Option<Found<T>>, ConfigError> {
        let asked_for = self.profile_name.is_some() || self.variable(&["HW_SHARED_CONFIG_FILE"]).is_some();
        let profile = needed_or_ignored(self.profile(), asked_for)?;
        Ok(profile.and_then(|profile| Some(Found::new(field(profile)?, profile.from.clone()))))
    }

    fn of_the_sdk_file<T>(
        &self,
        field: impl FnOnce(&SdkFile) -> Option<T>,
    ) -> Result<Option<Found<T>>, ConfigError> {
        let asked_for = self.variable(&["HUAWEICLOUD_SDK_CREDENTIALS_FILE"]).is_some();
        let file = needed_or_ignored(self.sdk_file(), asked_for)?;
        Ok(file.and_then(|file| Some(Found::new(field(file)?, file.from.clone()))))
    }

    fn profile(&self) -> Result<Option<&Profile>, ConfigError> {
        let read = || {
            let file = self.file("HW_SHARED_CONFIG_FILE", ".hcloud/config.json")?;
            match (file, &self.profile_name) {
                (Some((path, text)), name) => profile::read(&path, &text, name.as_deref()),
                (None, Some(name)) => Err(ConfigError::new(format!(
                    "the profile '{}' is asked for, and there is no ~/.hcloud/config.json",
                    crate::text::safe(name, 60)
                ))),
                (None, None) => Ok(None),
            }
        };
        self.profile.get_or_init(read).as_ref().map(Option::as_ref).map_err(Clone::clone)
    }

    fn sdk_file(&self) -> Result<Option<&SdkFile>, ConfigError> {
        let read = || match self.file("HUAWEICLOUD_SDK_CREDENTIALS_FILE", ".huaweicloud/credentials")? {
            Some((path, text)) => ini::read(&path, &text).map(Some),
            None => Ok(None),
        };
        self.sdk_file.get_or_init(read).as_ref().map(Option::as_ref).map_err(Clone::clone)
    }

    /// The file that a variable names, which has to be there; or the one below the home folder, if it can be read.
    fn file(&self, variable: &str, below_home: &str) -> Result<Option<(PathBuf, SecretString)>, ConfigError> {
        let named = self.variable(&[variable]).map(|found| PathBuf::from(found.value));
        let (path, has_to_be) = match named {
            Some(path) => (path, true),
            None => match self.variable(&["HOME", "USERPROFILE"]) {
                Some(home) => (Path::new(&home.value).join(below_home), false),
                None => return Ok(None),
            },
        };
        match read(&path) {
            Ok(text) => Ok(Some((path, text.into()))),
            Err(error) if has_to_be => Err(ConfigError::new(format!("{}: {error}", path.display()))),
            Err(error) => {
                debug!(path = %path.display(), %error, "left out");
                Ok(None)
            }
        }
    }

    fn variable(&self, names: &[&str]) -> Option<Found<String>> {
        names.iter().find_map(|name| {
            let value = (self.variables)(name)?;
            (!value.is_empty()).then(|| Found::new(value, *name))
        })
    }
}

impl fmt::Debug for Settings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

fn found<T>(value: Result<T, ConfigError>, from: String) -> Result<Option<Found<T>>, ConfigError> {
    match value {
        Ok(value) => Ok(Some(Found { value, from })),
        Err(error) => Err(ConfigError::new(format!("{from}: {error}"))),
    }
}

type Pair<A, B> = (Found<A>, Found<B>);

/// Both of two that go together, or neither.
fn pair<A, B>(
    one: Option<Found<A>>,
    other: Option<Found<B>>,
    one_is: &str,
    other_is: &str,
) -> Result<Option<Pair<A, B>>, ConfigError> {
    match (one, other) {
        (Some(one), Some(other)) => Ok(Some((one, other))),
        (None, None) => Ok(None),
        (Some(one), None) => Err(ConfigError::new(format!("{} is set, and {other_is} is not", one.from))),
        (None, Some(other)) => Err(ConfigError::new(format!("{} is set, and {one_is} is not", other.from))),
    }
}

/// A file that nobody asked for, and that cannot be read, is left out: whoever has all that is needed elsewhere does not
/// care. For credentials it is told, since nothing else is left to look at.
fn needed_or_ignored<T>(
    file: Result<Option<T>, ConfigError>,
    asked_for: bool,
) -> Result<Option<T>, ConfigError> {
    match file {
        Err(error) if !asked_for => {
            debug!(%error, "left out");
            Ok(None)
        }
        file => file,
    }
}

/// An access key in a file.
struct KeysOfAFile {
    access_key: String,
    secret_key: SecretString,
    security_token: Option<SecretString>,
}

impl KeysOfAFile {
    fn credentials(&self) -> Result<Credentials, ConfigError> {
        Credentials::keys(&self.access_key, self.secret_key.clone(), self.security_token.as_ref())
    }
}

/// The text of a file, unless it is no such file: `/dev/zero` has no end.
fn read(path: &Path) -> io::Result<String> {
    const LONGEST: u64 = 1 << 20;
    let mut text = String::new();
    File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is longer than 1 MiB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
