//! The connection to a service, from options, variables and files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing::{debug, warn};

use super::{Environment, Setting, shown};
use crate::auth::Credentials;
use crate::cloud::{Cloud, Project};
use crate::endpoint::Endpoint;
use crate::error::ConfigError;
use crate::http::tls;
use crate::id::ProjectId;
use crate::language::Language;
use crate::limiter::{Limiter, RateLimit};
use crate::region::Region;
use crate::service::Service;
use crate::text::safe;

/// The settings that take precedence over those of the environment.
///
/// ```
/// use jobwait::{Overrides, Setting};
///
/// let mut overrides = Overrides::default();
/// overrides.region = Some(Setting::new("cn-north-4".to_owned(), "--region"));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Overrides {
    /// The region.
    pub region: Option<Setting<String>>,
    /// The ID of the project.
    pub project_id: Option<Setting<String>>,
    /// The URL of the service. It replaces the one of the region.
    pub endpoint: Option<Setting<String>>,
    /// The URL of IAM. It replaces the one of the region.
    pub iam_endpoint: Option<Setting<String>>,
    /// The service. Default: TaurusDB.
    pub service: Service,
    /// The file with a token. `-` is standard input.
    pub token_file: Option<Setting<PathBuf>>,
    /// The language of names and reasons. Default: English.
    pub language: Language,
    /// The PEM file with additional trust roots.
    pub ca_cert: Option<Setting<PathBuf>>,
    /// Whether plain `http` is allowed for hosts other than loopback. Default: no.
    pub insecure_http: bool,
    /// The longest time of one request, connection included. Default: 10 s.
    pub request_timeout: Duration,
    /// The limit of requests. Default: none.
    pub rate_limit: Option<RateLimit>,
    /// The processes that share the limit. Default: those of this user on this machine.
    pub rate_limit_scope: RateLimitScope,
}

/// The processes that share a rate limit.
///
/// ```
/// assert_eq!("process".parse::<jobwait::RateLimitScope>()?, jobwait::RateLimitScope::Process);
/// # Ok::<(), jobwait::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RateLimitScope {
    /// The processes of this user on this machine that ask the same host for the same account.
    #[default]
    Machine,
    /// This process alone.
    Process,
}

impl RateLimitScope {
    /// The name, as `--rate-limit-scope` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Process => "process",
        }
    }
}

impl std::str::FromStr for RateLimitScope {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let found = [Self::Machine, Self::Process].into_iter().find(|scope| scope.name() == text);
        found.ok_or_else(|| ConfigError::invalid("scope", text, "expected machine or process"))
    }
}

impl Default for Overrides {
    fn default() -> Self {
        Self {
            region: None,
            project_id: None,
            endpoint: None,
            iam_endpoint: None,
            service: Service::default(),
            token_file: None,
            language: Language::default(),
            ca_cert: None,
            insecure_http: false,
            request_timeout: Duration::from_secs(10),
            rate_limit: None,
            rate_limit_scope: RateLimitScope::default(),
        }
    }
}

/// A [`Cloud`] made from the environment, and what a user should know about it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Connection {
    /// The jobs endpoint.
    pub cloud: Cloud,
    /// The limiter of the connection, for [`Wait::limiter`](crate::Wait::limiter).
    pub limiter: Limiter,
    /// The warnings, for example about a token file that everybody can read.
    pub warnings: Vec<String>,
    /// Whether credentials are configured. If not, the agency of the ECS instance is used, which may not
    /// exist: [`Cloud::sign_in`] finds out.
    pub has_credentials: bool,
    /// The sources of credentials that are set, known and not supported, for the case that there are no
    /// others.
    pub unsupported: Vec<String>,
    /// The credentials, the project and the host in use, each with its source, for people.
    pub summary: String,
}

impl Cloud {
    /// Makes the jobs endpoint from the environment of this process: the variables and files that Terraform,
    /// the SDKs and KooCLI use. If one of them already works on this machine, there is nothing to configure.
    /// Warnings are logged.
    ///
    /// Blocks while it reads files. Nothing is sent. If no credentials are configured, those of the agency of
    /// the ECS instance are requested with the first poll.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a setting is malformed, when a region or a project is missing, or when a file
    /// that is needed cannot be read.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let cloud = jobwait::Cloud::from_environment()?;
    /// let id = "a9767ede-fe0f-4888-9003-e843a4c90514".parse()?;
    /// let job = jobwait::Wait::new().run(&mut cloud.job(&id), |_| {}).await.into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_environment() -> Result<Self, ConfigError> {
        let Connection { cloud, warnings, .. } = Environment::of_process().connect(&Overrides::default())?;
        for warning in warnings {
            warn!("{warning}");
        }
        Ok(cloud)
    }
}

impl Environment<'_> {
    /// Makes the jobs endpoint from `overrides` and this environment. Blocks while it reads
    /// files. Nothing is sent.
    ///
    /// Settings that need no secret are checked first, so that a typing error is reported before a token is
    /// read from standard input.
    ///
    /// # Errors
    ///
    /// As for [`Cloud::from_environment`]. The text names the option, variable or file with the error.
    pub fn connect(&self, overrides: &Overrides) -> Result<Connection, ConfigError> {
        let parse = if overrides.insecure_http { Endpoint::parse_insecure } else { Endpoint::parse };
        let endpoint_of = |url: &Setting<String>| parse(&url.value).map_err(|error| error.at(&url.origin));

        let region = match &overrides.region {
            Some(name) => Some(self.region_named(&name.value).map_err(|error| error.at(&name.origin))?),
            None => self.region()?.map(|setting| setting.value),
        };
        let endpoint = match &overrides.endpoint {
            Some(url) => Some(endpoint_of(url)?),
            None => self.endpoint_of_region(region.as_ref(), overrides.service, endpoint_of)?,
        };
        let guess = endpoint.as_ref().filter(|_| overrides.endpoint.is_none());
        let guess = guess.filter(|endpoint| {
            region.as_ref().is_some_and(|region| {
                region.is_guess(overrides.service) && **endpoint == region.endpoint(overrides.service)
            })
        });
        let guess = guess.map(|endpoint| {
            let service = overrides.service;
            format!(
                "{endpoint} is a guess: the region is not in the list of {service} (--endpoint settles it)"
            )
        });
        let project = match &overrides.project_id {
            Some(id) => {
                let parsed = ProjectId::parse(&id.value).map_err(|error| error.at(&id.origin))?;
                Some(Setting::new(Project::Id(parsed), &id.origin))
            }
            None => self.project(region.as_ref())?,
        };
        // The default project of a region has the name of the region.
        let of_region = |region: &Region| Setting::new(Project::Name(region.name().to_owned()), "the region");
        let project = project.or_else(|| region.as_ref().map(of_region));
        overrides.iam_endpoint.as_ref().map(endpoint_of).transpose()?;
        let roots = self.trust_roots(overrides)?;

        let credentials = self.credentials_or_override(overrides)?;
        let has_credentials = credentials.is_some();
        let credentials = match credentials {
            Some(credentials) => credentials,
            None => self.with_role(Setting::new(self.ecs_agency()?, "the ECS metadata service"))?,
        };
        let is_chosen = overrides.token_file.is_some() || self.named_profile.is_some();
        let remarks = if has_credentials { self.remarks(&credentials.origin, is_chosen) } else { Vec::new() };
        let endpoint = endpoint.ok_or_else(|| {
            let hint = "use --region, HW_REGION_NAME, --endpoint or JOBWAIT_ENDPOINT";
            ConfigError::missing("endpoint", hint)
        })?;
        let project = project.ok_or_else(|| {
            let hint = "use --project-id or HW_PROJECT_ID; with a region, IAM is asked for it";
            ConfigError::missing("project", hint)
        })?;
        let summary = format!(
            "{} ({}), {} ({}), {endpoint}",
            credentials.value,
            safe(&credentials.origin, 200),
            named(&project.value),
            safe(&project.origin, 200),
        );
        let origin = safe(&credentials.origin, 200);
        debug!(credentials = %credentials.value, %origin, "found credentials");
        let origin = safe(&project.origin, 200);
        debug!(project = %named(&project.value), %origin, %endpoint, "found the project");
        let mut cloud = Cloud::builder(endpoint, project.value, credentials.value)
            .service(overrides.service)
            .language(overrides.language)
            .request_timeout(overrides.request_timeout);
        if cloud.needs_iam() {
            let (iam, other) = self.iam(overrides, region.as_ref(), endpoint_of)?;
            cloud = cloud.iam(iam).other_iam(other);
        }
        if let Some(Setting { value: pem, origin }) = roots {
            cloud = cloud.trust(&pem).map_err(|error| error.at(origin))?;
        }
        let limiter = match (overrides.rate_limit, overrides.rate_limit_scope) {
            (Some(limit), RateLimitScope::Machine) => Limiter::for_machine(limit, &cloud.account()),
            (limit, _) => Limiter::new(limit),
        };
        if overrides.rate_limit_scope == RateLimitScope::Machine {
            cloud = cloud.try_key_in_turn();
        }
        let cloud = cloud.limiter(limiter.clone()).build()?;
        let warnings = self.warnings(overrides).into_iter().chain(guess).chain(remarks).collect();
        let unsupported = self.unsupported();
        Ok(Connection { cloud, limiter, warnings, has_credentials, unsupported, summary })
    }

    fn credentials_or_override(
        &self,
        overrides: &Overrides,
    ) -> Result<Option<Setting<Credentials>>, ConfigError> {
        let Some(file) = &overrides.token_file else { return self.credentials() };
        let credentials = if file.value.as_os_str() == "-" {
            Credentials::token_from(std::io::stdin().lock())
        } else {
            Credentials::token_file(&file.value)
        };
        let credentials = credentials.map_err(|error| error.at(&file.origin))?;
        self.with_role(Setting::new(credentials, &file.origin)).map(Some)
    }

    fn iam(
        &self,
        overrides: &Overrides,
        region: Option<&Region>,
        endpoint_of: impl Fn(&Setting<String>) -> Result<Endpoint, ConfigError>,
    ) -> Result<(Endpoint, Option<Endpoint>), ConfigError> {
        let url = match &overrides.iam_endpoint {
            Some(url) => Some(url.clone()),
            None => self.iam_endpoint()?,
        };
        let url = match (url, region) {
            (None, Some(region)) => self.endpoint_of_sdks("IAM", region)?,
            (url, _) => url,
        };
        match url {
            Some(url) => Ok((endpoint_of(&url)?, None)),
            None => region.map(Region::iam_hosts).ok_or_else(|| {
                let hint = "a password and a project without an ID need it; use --region or --iam-endpoint";
                ConfigError::missing("endpoint of IAM", hint)
            }),
        }
    }

    /// The endpoint of a service in a region: as the variables and files of the SDKs say, or by the table.
    fn endpoint_of_region(
        &self,
        region: Option<&Region>,
        service: Service,
        endpoint_of: impl Fn(&Setting<String>) -> Result<Endpoint, ConfigError>,
    ) -> Result<Option<Endpoint>, ConfigError> {
        let Some(region) = region else { return Ok(None) };
        match self.endpoint_of_sdks(service.sdk_name(), region)? {
            Some(url) => endpoint_of(&url).map(Some),
            None => Ok(Some(region.endpoint(service))),
        }
    }

    /// The PEM text, with the file and the option or variable that names it.
    fn trust_roots(&self, overrides: &Overrides) -> Result<Option<Setting<Vec<u8>>>, ConfigError> {
        let Some(Setting { value: path, origin }) = overrides.ca_cert.clone().or_else(|| self.ca_cert())
        else {
            return Ok(None);
        };
        let pem = tls::read_bundle(&path).map_err(|error| ConfigError::read(&path, error).at(&origin))?;
        Ok(Some(Setting::new(pem, format!("{origin}: {}", path.display()))))
    }

    fn warnings(&self, overrides: &Overrides) -> Vec<String> {
        let readers =
            overrides.token_file.as_ref().and_then(|file| Some((file, readers(&file.value, Group::Counts)?)));
        let exposed = readers.map(|(Setting { value, origin }, readers)| {
            format!("{origin}: {readers} on this machine can read {}", shown(value))
        });
        let insecure = ["HW_INSECURE", "OS_INSECURE"].iter().find_map(|name| self.variable(&[name]));
        let insecure = insecure
            .filter(|setting| setting.value.eq_ignore_ascii_case("true") || setting.value == "1")
            .map(|setting| {
                format!(
                    "{} has no effect: certificates are always checked (use --ca-cert to add a trust root)",
                    setting.origin
                )
            });
        exposed.into_iter().chain(self.exposed_profile()).chain(insecure).collect()
    }

    /// The warning about a profile with plain keys that others can read.
    fn exposed_profile(&self) -> Option<String> {
        let profile = self.profile.get()?.as_ref().ok()?.as_ref()?;
        profile.credentials.as_ref().ok().filter(|found| found.has_secret())?;
        let readers = readers(&profile.path, Group::IsTrusted)?;
        Some(format!("{readers} on this machine can read the keys in {}", shown(&profile.path)))
    }
}

/// Names a project for people.
fn named(project: &Project) -> String {
    match project {
        Project::Id(id) => format!("project {id}"),
        Project::Name(name) => format!("the project named '{}'", safe(name, 60)),
    }
}

/// Whether a group of users that can read a file is worth a warning.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Counts,
    IsTrusted,
}

/// The other users who can read a file, if there are any.
#[cfg(unix)]
fn readers(path: &Path, group: Group) -> Option<&'static str> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = path.metadata().ok().filter(std::fs::Metadata::is_file)?.permissions().mode();
    match (mode & 0o004 != 0, mode & 0o040 != 0 && group == Group::Counts) {
        (true, _) => Some("everybody"),
        (false, true) => Some("a group of users"),
        (false, false) => None,
    }
}

#[cfg(not(unix))]
fn readers(_: &Path, _: Group) -> Option<&'static str> {
    None
}
