//! The configuration that users already have for Terraform, the SDKs and KooCLI: variables,
//! files, and their order.

mod connect;
mod keys;
mod profile;
mod sdk_file;

use std::cell::OnceCell;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use tracing::debug;

pub use self::connect::{Connection, Overrides, RateLimitScope};
use self::keys::FileKeys;
use self::profile::Profile;
use self::sdk_file::SdkFile;
use crate::auth::{Credentials, IdOrName, Login};
use crate::cloud::Project;
use crate::error::ConfigError;
use crate::id::ProjectId;
use crate::region::Region;

/// The variables and files that configure a connection. A file is read when a setting is not found
/// elsewhere, and not earlier.
///
/// Each setting is taken from the first place that has it, and comes with the name of that place. An empty
/// variable counts as unset.
///
/// ```
/// use jobwait::Environment;
///
/// let variables = |name: &str| match name {
///     "HW_REGION_NAME" => Some("cn-north-4".to_owned()),
///     _ => None,
/// };
/// let settings = Environment::new(variables, None);
/// let region = settings.region()?.expect("it is set");
/// assert_eq!((region.value.name(), region.origin.as_str()), ("cn-north-4", "HW_REGION_NAME"));
/// # Ok::<(), jobwait::ConfigError>(())
/// ```
pub struct Environment<'a> {
    variables: Variables<'a>,
    profile_name: Option<String>,
    profile: OnceCell<Result<Option<Profile>, ConfigError>>,
    sdk_file: OnceCell<Result<Option<SdkFile>, ConfigError>>,
}

type Variables<'a> = Box<dyn Fn(&str) -> Option<String> + Send + 'a>;

/// A setting, and its origin.
///
/// ```
/// use jobwait::Setting;
///
/// let region = Setting::new("cn-north-4", "--region");
/// assert_eq!(region.origin, "--region");
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Setting<T> {
    /// The setting.
    pub value: T,
    /// The option, variable or file, for people.
    pub origin: String,
}

impl<T> Setting<T> {
    /// Makes a setting with an origin, such as an option.
    pub fn new(value: T, origin: impl Into<String>) -> Self {
        Self { value, origin: origin.into() }
    }

    fn map<U>(self, change: impl FnOnce(T) -> U) -> Setting<U> {
        Setting { value: change(self.value), origin: self.origin }
    }

    /// Converts the value. An error gets the origin.
    fn try_map<U>(self, change: impl FnOnce(T) -> Result<U, ConfigError>) -> Result<Setting<U>, ConfigError> {
        match change(self.value) {
            Ok(value) => Ok(Setting { value, origin: self.origin }),
            Err(error) => Err(error.at(self.origin)),
        }
    }
}

impl<'a> Environment<'a> {
    /// The environment with these variables, such as `|name| std::env::var(name).ok()`, and with the files
    /// that they lead to. `profile` selects a profile of the shared config file. Without it, `HW_PROFILE` or
    /// the file itself does.
    pub fn new(variables: impl Fn(&str) -> Option<String> + Send + 'a, profile: Option<String>) -> Self {
        let settings = Self {
            variables: Box::new(variables),
            profile_name: None,
            profile: OnceCell::new(),
            sdk_file: OnceCell::new(),
        };
        let profile_name =
            profile.or_else(|| settings.variable(&["HW_PROFILE"]).map(|setting| setting.value));
        Self { profile_name, ..settings }
    }

    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Environment<'static> {
        Self::of_process_with(None)
    }

    /// The environment of this process, with a profile of the shared config file.
    #[must_use]
    pub fn of_process_with(profile: Option<String>) -> Environment<'static> {
        // A value that is not Unicode is invalid for every setting, and is refused where it is parsed.
        let variable = |name: &str| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
        Environment::new(variable, profile)
    }

    /// The region: `HW_REGION_NAME`, `OS_REGION_NAME`, or that of the profile; in the cloud of `HW_CLOUD`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the name is malformed, or when a file that was asked for cannot be read.
    pub fn region(&self) -> Result<Option<Setting<Region>>, ConfigError> {
        let name = match self.variable(&["HW_REGION_NAME", "OS_REGION_NAME"]) {
            Some(name) => Some(name),
            None => self.profile_setting(|profile| profile.region.clone())?,
        };
        name.map(|name| name.try_map(|name| self.region_named(&name))).transpose()
    }

    /// A region by name, in the cloud of `HW_CLOUD`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the name or `HW_CLOUD` is malformed.
    pub fn region_named(&self, name: &str) -> Result<Region, ConfigError> {
        match self.variable(&["HW_CLOUD"]) {
            Some(cloud) => Region::in_cloud(name, &cloud.value).map_err(|error| error.at(cloud.origin)),
            None => Region::parse(name),
        }
    }

    /// The project: a variable with its ID, a variable with its name, or the ID in the profile or in the
    /// SDKs' file. The project of a profile counts only for the region of the profile, because each project
    /// belongs to one region.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the ID is malformed, or when a file that was asked for cannot be read.
    pub fn project(&self, region: Option<&Region>) -> Result<Option<Setting<Project>>, ConfigError> {
        let ids = ["HW_PROJECT_ID", "OS_PROJECT_ID", "OS_TENANT_ID", "HUAWEICLOUD_SDK_PROJECT_ID"];
        let mut id = self.variable(&ids);
        if id.is_none() {
            if let Some(name) = self.variable(&["HW_PROJECT_NAME", "OS_PROJECT_NAME", "OS_TENANT_NAME"]) {
                return Ok(Some(name.map(Project::Name)));
            }
            let of_this_region = |profile: &Profile| {
                profile.region.as_deref().is_none_or(|own| region.is_none_or(|region| own == region.name()))
            };
            id = self
                .profile_setting(|profile| profile.project_id.clone().filter(|_| of_this_region(profile)))?;
        }
        if id.is_none() {
            id = self.sdk_file_setting(|file| file.project_id.clone())?;
        }
        id.map(|id| id.try_map(|id| ProjectId::parse(&id).map(Project::Id))).transpose()
    }

    /// The endpoint of IAM: a variable, or that of the SDKs' file.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a file that was asked for cannot be read.
    pub fn iam_endpoint(&self) -> Result<Option<Setting<String>>, ConfigError> {
        match self.variable(&["HW_AUTH_URL", "OS_AUTH_URL", "HUAWEICLOUD_SDK_IAM_ENDPOINT"]) {
            Some(url) => Ok(Some(url)),
            None => self.sdk_file_setting(|file| file.iam_endpoint.clone()),
        }
    }

    /// The file with additional trust roots: `OS_CACERT`.
    #[must_use]
    pub fn ca_cert(&self) -> Option<Setting<PathBuf>> {
        self.variable(&["OS_CACERT"]).map(|file| file.map(PathBuf::from))
    }

    /// The credentials: the first of a token, an access key, a password, the profile, and the SDKs' file.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when half of a pair is missing, when one of them is malformed, or when a file cannot
    /// be read. No text repeats a secret.
    pub fn credentials(&self) -> Result<Option<Setting<Credentials>>, ConfigError> {
        if let Some(token) = self.variable(&["HW_AUTH_TOKEN", "OS_AUTH_TOKEN"]) {
            return token.try_map(Credentials::token).map(Some);
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
            return Setting::new(keys, &profile.origin).try_map(FileKeys::credentials).map(Some);
        }
        match self.sdk_file()? {
            Some(file) => {
                let keys = file.keys.as_ref().map_err(Clone::clone)?;
                Setting::new(keys, &file.origin).try_map(FileKeys::credentials).map(Some)
            }
            None => Ok(None),
        }
    }

    /// The keys in the variables of Terraform, each with a fallback of its own, and in those of the SDKs.
    fn keys(&self) -> Result<Option<Setting<Credentials>>, ConfigError> {
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
                // A security token belongs to its key. One of another family would break the signature.
                let family = access.origin.split('_').next().unwrap_or_default().to_owned();
                let token: Vec<&str> =
                    token.iter().copied().filter(|name| name.starts_with(&family)).collect();
                let token = self.variable(&token).map(|token| token.value);
                let keys = |access: String| Credentials::keys(&access, secret.value, token);
                return access.try_map(keys).map(Some);
            }
        }
        Ok(None)
    }

    fn login(&self) -> Result<Option<Setting<Login>>, ConfigError> {
        let named = |id: &[&str], name: &[&str]| match self.variable(id) {
            Some(id) => Some(id.map(IdOrName::Id)),
            None => self.variable(name).map(|name| name.map(IdOrName::Name)),
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
        if domain.is_none() && matches!(user.value, IdOrName::Name(_)) {
            let hint = format!("{} is set, and IAM needs the account beside the name of a user", user.origin);
            return Err(ConfigError::missing("HW_DOMAIN_NAME", hint));
        }
        let domain = domain.map(|domain| domain.value);
        Ok(Some(user.map(|user| Login::new(user, password.value, domain))))
    }

    fn profile_setting<T>(
        &self,
        field: impl FnOnce(&Profile) -> Option<T>,
    ) -> Result<Option<Setting<T>>, ConfigError> {
        let is_requested = self.profile_name.is_some() || self.variable(&["HW_SHARED_CONFIG_FILE"]).is_some();
        let profile = needed_or_ignored(self.profile(), is_requested)?;
        Ok(profile.and_then(|profile| Some(Setting::new(field(profile)?, &profile.origin))))
    }

    fn sdk_file_setting<T>(
        &self,
        field: impl FnOnce(&SdkFile) -> Option<T>,
    ) -> Result<Option<Setting<T>>, ConfigError> {
        let is_requested = self.variable(&["HUAWEICLOUD_SDK_CREDENTIALS_FILE"]).is_some();
        let file = needed_or_ignored(self.sdk_file(), is_requested)?;
        Ok(file.and_then(|file| Some(Setting::new(field(file)?, &file.origin))))
    }

    fn profile(&self) -> Result<Option<&Profile>, ConfigError> {
        let read = || {
            let file = self.file("HW_SHARED_CONFIG_FILE", ".hcloud/config.json")?;
            match (file, &self.profile_name) {
                (Some((path, text)), name) => profile::read(&path, &text, name.as_deref()),
                (None, Some(name)) => {
                    Err(ConfigError::invalid("profile", name, "there is no ~/.hcloud/config.json"))
                }
                (None, None) => Ok(None),
            }
        };
        self.profile.get_or_init(read).as_ref().map(Option::as_ref).map_err(Clone::clone)
    }

    fn sdk_file(&self) -> Result<Option<&SdkFile>, ConfigError> {
        let read = || match self.file("HUAWEICLOUD_SDK_CREDENTIALS_FILE", ".huaweicloud/credentials")? {
            Some((path, text)) => sdk_file::read(&path, &text).map(Some),
            None => Ok(None),
        };
        self.sdk_file.get_or_init(read).as_ref().map(Option::as_ref).map_err(Clone::clone)
    }

    /// Reads the file that a variable names, which must exist, or else the one below the home
    /// folder, if it is readable.
    fn file(&self, variable: &str, below_home: &str) -> Result<Option<(PathBuf, SecretString)>, ConfigError> {
        let named = self.variable(&[variable]).map(|path| PathBuf::from(path.value));
        let (path, is_required) = match named {
            Some(path) => (path, true),
            None => match self.variable(&["HOME", "USERPROFILE"]) {
                Some(home) => (Path::new(&home.value).join(below_home), false),
                None => return Ok(None),
            },
        };
        match read(&path) {
            Ok(text) => Ok(Some((path, text.into()))),
            Err(error) if is_required => Err(ConfigError::read(&path, error)),
            Err(error) => {
                debug!(path = %path.display(), %error, "ignoring an unreadable file");
                Ok(None)
            }
        }
    }

    fn variable(&self, names: &[&str]) -> Option<Setting<String>> {
        names.iter().find_map(|name| {
            let value = (self.variables)(name)?;
            (!value.is_empty()).then(|| Setting::new(value, *name))
        })
    }
}

impl fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

type Pair<A, B> = (Setting<A>, Setting<B>);

/// Returns two settings that go together, or neither.
fn pair<A, B>(
    one: Option<Setting<A>>,
    other: Option<Setting<B>>,
    name_of_one: &str,
    name_of_other: &str,
) -> Result<Option<Pair<A, B>>, ConfigError> {
    match (one, other) {
        (Some(one), Some(other)) => Ok(Some((one, other))),
        (None, None) => Ok(None),
        (Some(one), None) => Err(half_of_a_pair(name_of_other, &one.origin)),
        (None, Some(other)) => Err(half_of_a_pair(name_of_one, &other.origin)),
    }
}

fn half_of_a_pair(missing: &str, set: &str) -> ConfigError {
    ConfigError::missing(missing, format!("{set} is set and needs it"))
}

/// Ignores an unreadable file at its default path. It is reported only if credentials are
/// still missing at the end.
fn needed_or_ignored<T>(
    file: Result<Option<T>, ConfigError>,
    is_requested: bool,
) -> Result<Option<T>, ConfigError> {
    match file {
        Err(error) if !is_requested => {
            debug!(%error, "ignoring a file that is not needed");
            Ok(None)
        }
        file => file,
    }
}

/// Reads a file, up to a limit: `/dev/zero` has no end.
fn read(path: &Path) -> io::Result<String> {
    const LONGEST: u64 = 1 << 20;
    let mut text = String::new();
    File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "longer than 1 MiB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
