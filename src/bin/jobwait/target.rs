//! Where to ask, and as whom: from options, variables and files to a connection, checked before anything is sent
//! to the service.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jobwait::{
    Cloud, CloudBuilder, ConfigError, Credentials, Endpoint, Fault, Found, Project, ProjectId, Region,
    Settings,
};
use tracing::debug;

use crate::args::TargetArgs;
use crate::config::{Refusal, refuse};

/// What answers on an ECS instance.
const METADATA: &str = "http://169.254.169.254";

/// What there is to ask with, and what the user should know about it.
pub(crate) struct Connected {
    pub(crate) cloud: Cloud,
    pub(crate) warnings: Vec<String>,
}

/// Finds everything that a look needs. It reads files, which may block.
pub(crate) async fn connect(args: TargetArgs, request_timeout: Duration) -> Result<Connected, Refusal> {
    let settings = Settings::new(variable, args.profile.clone());
    let read = if args.insecure_http { Endpoint::parse_insecure } else { Endpoint::parse };

    let credentials = credentials(&args, &settings).await?;
    debug!(credentials = %credentials.value, from = %credentials.from, "found");
    let region = match &args.region {
        Some(name) => Some(settings.region_named(name).map_err(|error| refuse("--region", &error))?),
        None => settings.region()?.map(|found| found.value),
    };
    let endpoint = match (&args.endpoint, &region) {
        (Some(url), _) => read(url).map_err(|error| refuse("--endpoint", &error))?,
        (None, Some(region)) => region.endpoint(args.service),
        (None, None) => {
            return Err(Refusal("no endpoint: give --region or set HW_REGION_NAME, or give --endpoint or set JOBWAIT_ENDPOINT".into()));
        }
    };
    let iam = match &args.iam_endpoint {
        Some(url) => Some(Found { value: url.clone(), from: "--iam-endpoint".into() }),
        None => settings.iam_endpoint()?,
    };
    let iam = match iam {
        Some(url) => Some(read(&url.value).map_err(|error| refuse(&url.from, &error))?),
        None => region.as_ref().map(Region::iam),
    };

    let cloud = Cloud::builder(endpoint, project(&args, &settings, region.as_ref())?, credentials.value)
        .service(args.service)
        .language(args.language)
        .request_timeout(request_timeout);
    let cloud = trust(cloud, &args, &settings)?;
    let cloud = match iam {
        Some(iam) => cloud.iam(iam).build()?,
        None => {
            cloud.build().map_err(|error| Refusal(format!("{error}: give --region or --iam-endpoint")))?
        }
    };
    Ok(Connected { cloud, warnings: args.token_file.as_deref().and_then(exposure).into_iter().collect() })
}

async fn credentials(args: &TargetArgs, settings: &Settings<'_>) -> Result<Found<Credentials>, Refusal> {
    if let Some(path) = &args.token_file {
        let read = if path.as_os_str() == "-" {
            Credentials::token_from(std::io::stdin().lock())
        } else {
            Credentials::token_file(path)
        };
        let value = read.map_err(|error| refuse("--token-file", &error))?;
        return Ok(Found { value, from: "--token-file".into() });
    }
    if let Some(found) = settings.credentials()? {
        return Ok(found);
    }
    // Not documented: for tests, and for rehearsals away from an ECS instance.
    let metadata = variable("JOBWAIT_METADATA_ADDRESS").unwrap_or_else(|| METADATA.into());
    let metadata =
        Endpoint::parse_insecure(&metadata).map_err(|error| refuse("JOBWAIT_METADATA_ADDRESS", &error))?;
    match Credentials::of_the_agency(metadata).await {
        Ok(value) => Ok(Found { value, from: "the ECS metadata service".into() }),
        Err(fault) => Err(no_credentials(&fault)),
    }
}

fn no_credentials(fault: &Fault) -> Refusal {
    Refusal(format!(
        "no credentials. The ways in, in this order:
  1. a token: --token-file FILE, HW_AUTH_TOKEN or OS_AUTH_TOKEN
  2. an access key: HW_ACCESS_KEY and HW_SECRET_KEY, with HW_SECURITY_TOKEN when it is temporary;
     OS_ACCESS_KEY and OS_SECRET_KEY; HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK
  3. a password: HW_USER_NAME, HW_USER_PASSWORD and HW_DOMAIN_NAME; OS_USERNAME and so on
  4. a profile of KooCLI: --profile NAME, HW_PROFILE, or the current one of ~/.hcloud/config.json
  5. the SDKs' file: HUAWEICLOUD_SDK_CREDENTIALS_FILE, or ~/.huaweicloud/credentials
  6. the agency of an ECS instance: there is none here
     ({})",
        jobwait::text::safe(&fault.message, 90)
    ))
}

fn project(args: &TargetArgs, settings: &Settings<'_>, region: Option<&Region>) -> Result<Project, Refusal> {
    let id = match &args.project_id {
        Some(id) => Some(Found { value: id.clone(), from: "--project-id".into() }),
        None => settings.project_id()?,
    };
    match (id, settings.project_name(), region) {
        (Some(id), _, _) => {
            ProjectId::parse(&id.value).map(Project::Id).map_err(|error| refuse(&id.from, &error))
        }
        (None, Some(name), _) => Ok(Project::Named(name.value)),
        (None, None, Some(region)) => Ok(Project::Named(region.name().to_owned())),
        (None, None, None) => Err(Refusal(
            "no project: give --project-id or set HW_PROJECT_ID; with a region, IAM is asked for it".into(),
        )),
    }
}

fn trust(cloud: CloudBuilder, args: &TargetArgs, settings: &Settings<'_>) -> Result<CloudBuilder, Refusal> {
    let file = match &args.ca_cert {
        Some(path) => Some(Found { value: path.clone(), from: "--ca-cert".into() }),
        None => settings.ca_cert(),
    };
    let Some(Found { value: path, from }) = file else { return Ok(cloud) };
    let refuse = |why: String| Refusal(format!("{from}: {}: {why}", path.display()));
    let pem = read_some(&path).map_err(|error| refuse(error.to_string()))?;
    cloud.trust(&pem).map_err(|error| refuse(error.to_string()))
}

/// All the roots of the world are a quarter of a megabyte.
fn read_some(path: &PathBuf) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;

    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(8 << 20).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A warning when others on this machine can read the token.
#[cfg(unix)]
fn exposure(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;

    let file = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let open = file.permissions().mode() & 0o004 != 0;
    open.then(|| format!("warning: --token-file {}: everybody on this machine can read it", path.display()))
}

#[cfg(not(unix))]
fn exposure(_: &Path) -> Option<String> {
    None
}

/// What is not Unicode is no ID and no key; it is refused as such, by the variable's name.
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
}

impl From<ConfigError> for Refusal {
    fn from(error: ConfigError) -> Self {
        Self(error.to_string())
    }
}
