//! The configuration that users already have for Terraform, the SDKs and KooCLI: variables,
//! files, and their order.

mod connect;
mod credentials;
mod keys;
mod profile;
mod regions_file;
mod sdk_file;

use std::cell::OnceCell;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use tracing::debug;

pub use self::connect::{Connection, Overrides, RateLimitScope};
use self::profile::Profile;
use self::sdk_file::SdkFile;
use crate::cloud::Project;
use crate::error::ConfigError;
use crate::id::ProjectId;
use crate::region::Region;
use crate::text::safe;

/// The variables of the region.
const REGION: [&str; 5] =
    ["HW_REGION_NAME", "OS_REGION_NAME", "HUAWEICLOUD_SDK_REGION", "HUAWEI_CLOUD_REGION", "OS_REGION"];

/// The variables of the project, by ID and by name. One family is looked through before the next.
const PROJECT: [(&[&str], &[&str]); 4] = [
    (&["HW_PROJECT_ID"], &["HW_PROJECT_NAME"]),
    (&["OS_PROJECT_ID", "OS_TENANT_ID"], &["OS_PROJECT_NAME", "OS_TENANT_NAME"]),
    (&["HUAWEICLOUD_SDK_PROJECT_ID"], &[]),
    (&["HUAWEI_CLOUD_PROJECT_ID"], &[]),
];

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
    /// The profile that an option names. It beats all variables.
    named_profile: Option<String>,
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
    /// that they lead to. `profile` selects a profile of the shared config file, which beats all variables.
    /// Without it, `HW_PROFILE` or the file itself selects one, which comes after the variables.
    pub fn new(variables: impl Fn(&str) -> Option<String> + Send + 'a, profile: Option<String>) -> Self {
        Self {
            variables: Box::new(variables),
            named_profile: profile,
            profile: OnceCell::new(),
            sdk_file: OnceCell::new(),
        }
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

    /// The region: that of a profile which an option names, `HW_REGION_NAME`, `OS_REGION_NAME`,
    /// `HUAWEICLOUD_SDK_REGION`, `HUAWEI_CLOUD_REGION`, `OS_REGION`, or that of another profile; in the cloud
    /// of `HW_CLOUD`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the name is malformed, or when a file that was asked for cannot be read.
    pub fn region(&self) -> Result<Option<Setting<Region>>, ConfigError> {
        let of_profile = || self.profile_setting(|profile| profile.region.clone());
        let named = if self.named_profile.is_some() { of_profile()? } else { None };
        let name = match named.or_else(|| self.variable(&REGION)) {
            Some(name) => Some(name),
            None => of_profile()?,
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

    /// The project: an ID or a name in a variable, where an ID beats a name of the same family; or the ID in
    /// the profile or in the SDKs' file.
    ///
    /// A project belongs to an account and a region. The one of a profile counts only for the region of the
    /// profile, and only if no variable contains other credentials; the one of a variable does not count
    /// beside those of a profile that an option names. With a role, the ID in a variable may be that of the
    /// account which assumes it, and does not count either.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the ID is malformed, or when a file that was asked for cannot be read.
    pub fn project(&self, region: Option<&Region>) -> Result<Option<Setting<Project>>, ConfigError> {
        let parse = |id: Setting<String>| id.try_map(|id| ProjectId::parse(&id).map(Project::Id));
        let of_this_region = |profile: &Profile| {
            profile
                .region
                .as_deref()
                .is_none_or(|own| region.is_none_or(|region| own.eq_ignore_ascii_case(region.name())))
        };
        let of_profile =
            || self.profile_setting(|profile| profile.project_id.clone().filter(|_| of_this_region(profile)));
        let variables_have_credentials = !self.credential_variables().is_empty();
        if self.named_profile.is_some() {
            if let Some(id) = of_profile()? {
                return parse(id).map(Some);
            }
            if variables_have_credentials {
                return Ok(None);
            }
        }
        let has_role = self.named_profile.is_none() && self.has_role();
        for (ids, names) in PROJECT {
            if let Some(id) = self.variable(ids).filter(|_| !has_role) {
                return parse(id).map(Some);
            }
            if let Some(name) = self.variable(names) {
                return Ok(Some(name.map(Project::Name)));
            }
        }
        if variables_have_credentials || has_role {
            return Ok(None);
        }
        let id = match of_profile()? {
            Some(id) => Some(id),
            None => self.sdk_file_setting(|file| file.project_id.clone())?,
        };
        id.map(parse).transpose()
    }

    /// The endpoint of IAM: a variable, or that of the SDKs' file. Each counts only with the credentials
    /// beside it: those of another source must not be sent there.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a file that was asked for cannot be read.
    pub fn iam_endpoint(&self) -> Result<Option<Setting<String>>, ConfigError> {
        if self.named_profile.is_some() {
            return Ok(None);
        }
        let others_have_credentials =
            || !self.credential_variables().is_empty() || matches!(self.profile(), Ok(Some(_)));
        match self.variable(&["HW_AUTH_URL", "OS_AUTH_URL", "HUAWEICLOUD_SDK_IAM_ENDPOINT"]) {
            Some(url) => Ok(Some(url)),
            None if others_have_credentials() => Ok(None),
            None => self.sdk_file_setting(|file| file.iam_endpoint.clone()),
        }
    }

    /// The file with additional trust roots: `OS_CACERT`.
    #[must_use]
    pub fn ca_cert(&self) -> Option<Setting<PathBuf>> {
        self.variable(&["OS_CACERT"]).map(|file| file.map(PathBuf::from))
    }

    fn profile_setting<T>(
        &self,
        field: impl FnOnce(&Profile) -> Option<T>,
    ) -> Result<Option<Setting<T>>, ConfigError> {
        let profile = needed_or_ignored(self.profile(), self.is_profile_requested())?;
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

    /// The name of the profile, from an option or a variable.
    fn profile_name(&self) -> Option<String> {
        let variable = || self.variable(&["HW_PROFILE"]).map(|setting| setting.value);
        self.named_profile.clone().or_else(variable)
    }

    /// Returns whether the profile or its file was asked for.
    fn is_profile_requested(&self) -> bool {
        self.named_profile.is_some() || self.variable(&["HW_PROFILE", "HW_SHARED_CONFIG_FILE"]).is_some()
    }

    fn profile(&self) -> Result<Option<&Profile>, ConfigError> {
        let read = || {
            let file = self.file("HW_SHARED_CONFIG_FILE", ".hcloud/config.json")?;
            match (file, &self.profile_name()) {
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
        let home = || self.variable(&["HOME", "USERPROFILE"]).map(|home| PathBuf::from(home.value));
        let (path, is_required) = match self.variable(&[variable]) {
            // No shell has expanded the value of a variable in a file of settings.
            Some(path) => match (path.value.strip_prefix("~/"), home()) {
                (Some(below), Some(home)) => (home.join(below), true),
                _ => (PathBuf::from(path.value), true),
            },
            None => match home() {
                Some(home) => (home.join(below_home), false),
                None => return Ok(None),
            },
        };
        if !is_required && !path.is_file() {
            debug!(path = %shown(&path), "there is no such file");
            return Ok(None);
        }
        match read(&path) {
            Ok(text) => Ok(Some((path, text.into()))),
            Err(error) if is_required => Err(ConfigError::read(&path, error)),
            Err(error) => {
                debug!(path = %shown(&path), %error, "ignoring an unreadable file");
                Ok(None)
            }
        }
    }

    fn variable(&self, names: &[&str]) -> Option<Setting<String>> {
        names.iter().find_map(|name| {
            let value = (self.variables)(name)?;
            (!value.is_empty()).then(|| Setting::new(value.trim().to_owned(), *name))
        })
    }
}

impl fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
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

/// Formats a path for people.
fn shown(path: &Path) -> String {
    safe(&path.to_string_lossy(), 200).to_string()
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
