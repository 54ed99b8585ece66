//! The credentials in variables and files, and their order.

use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::profile::Unusable;
use super::{Environment, Setting};
use crate::auth::{Credentials, Federation, IdOrName, Login, Role};
use crate::endpoint::Endpoint;
use crate::error::ConfigError;

/// The variables of a token.
const TOKEN: [&str; 3] = ["HW_AUTH_TOKEN", "OS_AUTH_TOKEN", "OS_TOKEN"];

/// The variables of an access key, its secret key, and the security token of a temporary one. A variable of
/// the Terraform provider falls back to one of OpenStack, each for itself.
const KEYS: [(&[&str], &[&str], &[&str]); 3] = [
    (
        &["HW_ACCESS_KEY", "OS_ACCESS_KEY"],
        &["HW_SECRET_KEY", "OS_SECRET_KEY"],
        &["HW_SECURITY_TOKEN", "OS_SECURITY_TOKEN"],
    ),
    (&["HUAWEICLOUD_SDK_AK"], &["HUAWEICLOUD_SDK_SK"], &["HUAWEICLOUD_SDK_SECURITY_TOKEN"]),
    (&["HUAWEI_CLOUD_ACCESS_KEY_ID"], &["HUAWEI_CLOUD_SECRET_ACCESS_KEY"], &[]),
];

/// The variables of an identity provider, its ID token, and the file of that.
const FEDERATION: [(&str, Option<&str>, &str); 2] = [
    ("HUAWEICLOUD_SDK_IDP_ID", None, "HUAWEICLOUD_SDK_ID_TOKEN_FILE"),
    ("HW_ASSUME_ROLE_IDP_ID", Some("HW_ASSUME_ROLE_ID_TOKEN"), "HW_ASSUME_ROLE_ID_TOKEN_FILE"),
];

const AGENCY: &str = "HW_ASSUME_ROLE_AGENCY_NAME";
const AGENCY_DOMAIN: [&str; 2] = ["HW_ASSUME_ROLE_DOMAIN_NAME", "HW_ASSUME_ROLE_DOMAIN_ID"];

/// The sources that are known and not supported, each with what to do.
const UNSUPPORTED: [(&[&str], &str); 4] = [
    (
        &[
            "HUAWEICLOUD_OIDC_PROVIDER_URN",
            "HUAWEICLOUD_OIDC_AGENCY_URN",
            "HUAWEICLOUD_OIDC_ID_TOKEN",
            "HUAWEICLOUD_OIDC_TOKEN_FILE",
        ],
        "the STS form of an identity provider is not supported (use HUAWEICLOUD_SDK_IDP_ID and \
         HUAWEICLOUD_SDK_ID_TOKEN_FILE)",
    ),
    (
        &["HC_CONTAINER_CREDENTIALS_FULL_URI"],
        "the identity of a pod is not supported (use an access key in a secret, or an identity provider)",
    ),
    (
        &["OS_CLOUD"],
        "clouds.yaml is not supported (use its values as OS_AUTH_URL, OS_USERNAME, OS_PASSWORD and so on)",
    ),
    (
        &[
            "OS_APPLICATION_CREDENTIAL_ID",
            "OS_APPLICATION_CREDENTIAL_NAME",
            "OS_APPLICATION_CREDENTIAL_SECRET",
        ],
        "application credentials are not supported (use an access key, or a user and a password)",
    ),
];

/// Credentials that were found, and whether they are those of a role already.
struct Base {
    credentials: Setting<Credentials>,
    is_role: bool,
}

impl Base {
    fn of(credentials: Setting<Credentials>) -> Self {
        Self { credentials, is_role: false }
    }
}

impl Environment<'_> {
    /// The credentials: those of a profile that an option names; else the first of a token, an identity
    /// provider, an access key and a password in variables, another profile, and the SDKs' file. They assume
    /// the role of `HW_ASSUME_ROLE_AGENCY_NAME`, if that is set.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when half of a pair is missing, when one of them is malformed, or when a file cannot
    /// be read. No text repeats a secret.
    pub fn credentials(&self) -> Result<Option<Setting<Credentials>>, ConfigError> {
        match self.base()? {
            Some(Base { credentials, is_role: true }) => Ok(Some(credentials)),
            Some(Base { credentials, .. }) => self.with_role(credentials).map(Some),
            None => Ok(None),
        }
    }

    fn base(&self) -> Result<Option<Base>, ConfigError> {
        if let Some(name) = &self.named_profile {
            let nothing = || ConfigError::invalid("profile", name, "it contains no credentials");
            return match self.of_profile()? {
                Ok(base) => Ok(Some(base)),
                Err(Some(Unusable::Unsupported(error) | Unusable::Malformed(error))) => Err(error.clone()),
                Err(Some(Unusable::Missing) | None) => Err(nothing().at("--profile")),
            };
        }
        if let Some(token) = self.variable(&TOKEN) {
            return token.try_map(Credentials::token).map(Base::of).map(Some);
        }
        if let Some(federation) = self.federation()? {
            return Ok(Some(Base::of(federation.map(Credentials::federation))));
        }
        if let Some(keys) = self.keys()? {
            return Ok(Some(Base::of(keys)));
        }
        if let Some(login) = self.login()? {
            return Ok(Some(Base::of(login.map(Credentials::password))));
        }
        let unsupported = match self.of_profile()? {
            Ok(base) => return Ok(Some(base)),
            Err(Some(Unusable::Malformed(error))) => return Err(error.clone()),
            Err(Some(Unusable::Unsupported(error))) if self.is_profile_requested() => {
                return Err(error.clone());
            }
            Err(Some(Unusable::Unsupported(error))) => Some(error),
            Err(Some(Unusable::Missing) | None) => None,
        };
        match (self.sdk_file()?, unsupported) {
            (Some(file), _) => {
                let credentials = file.credentials.as_ref().map_err(Clone::clone)?;
                let found = Setting::new(credentials, &file.origin);
                Ok(Some(Base::of(found.try_map(super::sdk_file::SdkCredentials::credentials)?)))
            }
            (None, Some(error)) => Err(error.clone()),
            (None, None) => Ok(None),
        }
    }

    /// The credentials of the profile, if there is one.
    fn of_profile(&self) -> Result<Result<Base, Option<&Unusable>>, ConfigError> {
        let Some(profile) = self.profile()? else { return Ok(Err(None)) };
        let found = match &profile.credentials {
            Ok(found) => found,
            Err(why) => return Ok(Err(Some(why))),
        };
        let is_role = matches!(found, super::profile::ProfileCredentials::Role(..));
        let found = Setting::new(found, &profile.origin);
        let credentials = found.try_map(|found| found.credentials(&|| self.ecs_agency()))?;
        Ok(Ok(Base { credentials, is_role }))
    }

    /// The agency of the ECS instance.
    pub(super) fn ecs_agency(&self) -> Result<Credentials, ConfigError> {
        const ADDRESS: &str = "JOBWAIT_METADATA_ADDRESS";
        match self.variable(&[ADDRESS]) {
            Some(address) => {
                let metadata = Endpoint::parse_insecure(&address.value).map_err(|error| error.at(ADDRESS))?;
                Ok(Credentials::agency_at(metadata))
            }
            None => Ok(Credentials::agency()),
        }
    }

    /// Lets credentials assume the role of the variables, if there is one. A profile that an option names
    /// decides alone.
    pub(super) fn with_role(&self, base: Setting<Credentials>) -> Result<Setting<Credentials>, ConfigError> {
        if self.named_profile.is_some() {
            return Ok(base);
        }
        match self.role()? {
            Some(role) => {
                let origin = format!("{AGENCY} with {}", base.origin);
                Ok(Setting::new(Credentials::role(base.value, role), origin))
            }
            None => Ok(base),
        }
    }

    /// Returns whether the variables name a role.
    pub(super) fn has_role(&self) -> bool {
        self.variable(&[AGENCY]).is_some()
    }

    fn role(&self) -> Result<Option<Role>, ConfigError> {
        let domain = AGENCY_DOMAIN.iter().find_map(|name| self.variable(&[name]));
        let (agency, domain) = match (self.variable(&[AGENCY]), domain) {
            (None, None) => return Ok(None),
            pair => both(pair.0, pair.1, AGENCY, AGENCY_DOMAIN[0])?,
        };
        let is_id = domain.origin == AGENCY_DOMAIN[1];
        let domain = if is_id { IdOrName::Id(domain.value) } else { IdOrName::Name(domain.value) };
        let role = Role::new(agency.value, domain);
        let role = match self.variable(&["HW_ASSUME_ROLE_DURATION"]) {
            Some(duration) => {
                let seconds = duration.value.parse().unwrap_or(0);
                role.duration(Duration::from_secs(seconds)).map_err(|error| error.at(duration.origin))?
            }
            None => role,
        };
        let base = self.variable(&["HW_DOMAIN_ID", "OS_DOMAIN_ID"]);
        Ok(Some(base.into_iter().fold(role, |role, id| role.base_domain_id(id.value))))
    }

    /// The identity provider in the variables of the SDKs, or in those of Terraform.
    fn federation(&self) -> Result<Option<Setting<Federation>>, ConfigError> {
        for (provider, token, file) in FEDERATION {
            let id_token = token.and_then(|token| self.variable(&[token]));
            let id_token = id_token.or_else(|| self.variable(&[file]));
            let Some((provider, id_token)) = pair(self.variable(&[provider]), id_token, provider, file)?
            else {
                continue;
            };
            let is_file = id_token.origin == file;
            let make = |provider: String| {
                let made = if is_file {
                    Federation::from_file(&provider, &id_token.value)
                } else {
                    Federation::new(&provider, &*id_token.value)
                };
                made.map_err(|error| error.at(&id_token.origin))
            };
            return provider.try_map(make).map(Some);
        }
        Ok(None)
    }

    /// The keys in the variables of Terraform, of the SDKs, and of the vendor's action for GitHub.
    fn keys(&self) -> Result<Option<Setting<Credentials>>, ConfigError> {
        for (access, secret, token) in KEYS {
            let pair = pair(self.variable(access), self.variable(secret), access[0], secret[0])?;
            if let Some((access, secret)) = pair {
                // A security token belongs to its key. The provider has one variable for both families.
                let belongs = |name: &&&str| !name.starts_with("OS_") || access.origin.starts_with("OS_");
                let token: Vec<&str> = token.iter().filter(belongs).copied().collect();
                let token = self.variable(&token).map(|token| token.value);
                let keys = |access: String| Credentials::keys(&access, secret.value, token);
                return access.try_map(keys).map(Some);
            }
        }
        Ok(None)
    }

    fn login(&self) -> Result<Option<Setting<Login>>, ConfigError> {
        let named = |families: &[(&[&str], &[&str])]| {
            families.iter().find_map(|(ids, names)| match self.variable(ids) {
                Some(id) => Some(id.map(IdOrName::Id)),
                None => self.variable(names).map(|name| name.map(IdOrName::Name)),
            })
        };
        let user = named(&[(&["HW_USER_ID"], &["HW_USER_NAME"]), (&["OS_USER_ID"], &["OS_USERNAME"])]);
        let password = self.secret_variable(&["HW_USER_PASSWORD", "OS_PASSWORD"]);
        let Some((user, password)) = pair(user, password, "HW_USER_NAME", "HW_USER_PASSWORD")? else {
            return Ok(None);
        };
        // OpenStack's own files name the user's domain by name and the project's by ID: the user's comes
        // first.
        let domain = named(&[
            (&["HW_DOMAIN_ID"], &["HW_DOMAIN_NAME"]),
            (&["OS_DOMAIN_ID"], &["OS_DOMAIN_NAME"]),
            (&["OS_USER_DOMAIN_ID"], &["OS_USER_DOMAIN_NAME"]),
            (&["OS_PROJECT_DOMAIN_ID"], &["OS_PROJECT_DOMAIN_NAME"]),
        ]);
        if domain.is_none() && matches!(user.value, IdOrName::Name(_)) {
            let hint = format!("{} is set, and IAM needs the account beside the name of a user", user.origin);
            return Err(ConfigError::missing("HW_DOMAIN_NAME", hint));
        }
        let domain = domain.map(|domain| domain.value);
        let passcode = self.variable(&["OS_PASSCODE"]);
        let login = |user| Login::new(user, password.value.expose_secret(), domain);
        let login = user.map(login);
        Ok(Some(match passcode {
            Some(passcode) => login.map(|login| login.passcode(passcode.value)),
            None => login,
        }))
    }

    /// A variable whose value may begin or end with a space.
    fn secret_variable(&self, names: &[&str]) -> Option<Setting<secrecy::SecretString>> {
        names.iter().find_map(|name| {
            let value = (self.variables)(name)?;
            let value = value.trim_end_matches(['\r', '\n']);
            (!value.is_empty()).then(|| Setting::new(value.into(), *name))
        })
    }

    /// The variables that contain credentials, in the order of precedence, each with a value that differs
    /// from that of other credentials.
    pub(super) fn credential_variables(&self) -> Vec<Setting<String>> {
        let mut found: Vec<Setting<String>> =
            TOKEN.iter().filter_map(|name| self.variable(&[name])).collect();
        found.extend(FEDERATION.iter().filter_map(|(provider, ..)| self.variable(&[provider])));
        found.extend(
            KEYS.iter().flat_map(|(access, ..)| access.iter()).filter_map(|name| self.variable(&[name])),
        );
        found.extend(["HW_USER_PASSWORD", "OS_PASSWORD"].iter().filter_map(|name| self.variable(&[name])));
        found.dedup_by(|later, first| later.value == first.value);
        found
    }

    /// The sources that are set, known and not supported.
    pub(super) fn unsupported(&self) -> Vec<String> {
        let set = |(names, why): &(&[&str], &str)| {
            self.variable(names).map(|variable| format!("{}: {why}", variable.origin))
        };
        UNSUPPORTED.iter().filter_map(set).collect()
    }

    /// Remarks on settings that are not used, although a user may think so. `used` is the origin of the
    /// credentials in use.
    pub(super) fn remarks(&self, used: &str, is_chosen: bool) -> Vec<String> {
        let mut remarks = Vec::new();
        let variables = self.credential_variables();
        if !is_chosen {
            let others = variables.iter().skip(1).map(|variable| variable.origin.clone());
            let profile = self.variable(&["HW_PROFILE"]).map(|_| "HW_PROFILE".to_owned());
            let profile = profile.filter(|_| !variables.is_empty());
            let others: Vec<String> = others.chain(profile).collect();
            if !others.is_empty() {
                let others = others.join(", ");
                remarks.push(format!(
                    "the credentials of {used} are used, not {others} (--profile or --token-file selects \
                     others)"
                ));
            }
        }
        if self.has_role() && self.named_profile.is_some() {
            remarks.push(format!("{AGENCY} has no effect: --profile decides whether a role is assumed"));
        }
        let ids = super::PROJECT.iter().find_map(|(ids, _)| self.variable(ids));
        if let Some(id) = ids.filter(|_| self.has_role() && self.named_profile.is_none()) {
            let why = "the project is the role's (use --project-id for another one than that of the region)";
            remarks.push(format!("{} has no effect: {why}", id.origin));
        }
        remarks.extend(self.unsupported().into_iter().map(|why| format!("{why}; it has no effect")));
        let algorithm = self.variable(&["HW_SIGNING_ALGORITHM"]);
        if algorithm.is_some_and(|algorithm| !algorithm.value.eq_ignore_ascii_case("SDK-HMAC-SHA256")) {
            remarks.push("HW_SIGNING_ALGORITHM: only SDK-HMAC-SHA256 is supported, which is used".to_owned());
        }
        // A profile that was not read does not matter.
        if let Some(Ok(Some(profile))) = self.profile.get()
            && let Err(Unusable::Unsupported(error)) = &profile.credentials
        {
            remarks.push(format!("{error}; {used} is used instead"));
        }
        remarks
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
        (None, None) => Ok(None),
        (one, other) => both(one, other, name_of_one, name_of_other).map(Some),
    }
}

/// Returns two settings of which at least one is set.
fn both<A, B>(
    one: Option<Setting<A>>,
    other: Option<Setting<B>>,
    name_of_one: &str,
    name_of_other: &str,
) -> Result<Pair<A, B>, ConfigError> {
    match (one, other) {
        (Some(one), Some(other)) => Ok((one, other)),
        (Some(one), None) => Err(half_of_a_pair(name_of_other, &one.origin)),
        (None, Some(other)) => Err(half_of_a_pair(name_of_one, &other.origin)),
        (None, None) => Err(half_of_a_pair(name_of_one, name_of_other)),
    }
}

fn half_of_a_pair(missing: &str, set: &str) -> ConfigError {
    ConfigError::missing(missing, format!("{set} is set and needs it"))
}
