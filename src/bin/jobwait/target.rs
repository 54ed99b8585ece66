//! Where to ask, and as whom: from options, variables and files to a connection, checked before anything is sent
//! to the service.

use std::path::Path;
use std::time::Duration;

use jobwait::{
    Cloud, ConfigError, Credentials, Endpoint, Fault, Found, Project, ProjectId, Region, Settings,
};
use tracing::debug;

use crate::args::TargetArgs;
use crate::config::{Refusal, refuse};
use crate::platform::exposure;

/// What there is to ask with, and what the user should know about it.
pub(crate) struct Connected {
    pub(crate) cloud: Cloud,
    pub(crate) warnings: Vec<String>,
}

/// Finds everything that a look needs. What needs no secret comes first: a typing error should not wait for a token that
/// is still being read.
pub(crate) async fn connect(args: TargetArgs, request_timeout: Duration) -> Result<Connected, Refusal> {
    let settings = Settings::new(variable, args.profile.clone());
    let read = if args.insecure_http { Endpoint::parse_insecure } else { Endpoint::parse };

    let region = match &args.region {
        Some(name) => Some(settings.region_named(name).map_err(|error| refuse("--region", &error))?),
        None => settings.region()?.map(|found| found.value),
    };
    let endpoint = match (&args.endpoint, &region) {
        (Some(url), _) => Some(read(url).map_err(|error| refuse("--endpoint", &error))?),
        (None, region) => region.as_ref().map(|region| region.endpoint(args.service)),
    };
    let project = match &args.project_id {
        Some(id) => {
            Some(ProjectId::parse(id).map(Project::Id).map_err(|error| refuse("--project-id", &error))?)
        }
        None => settings.project(region.as_ref())?.map(|found| found.value),
    };
    // The region's default project has its name.
    let project = project.or_else(|| region.as_ref().map(|region| Project::Named(region.name().to_owned())));
    if let Some(url) = &args.iam_endpoint {
        read(url).map_err(|error| refuse("--iam-endpoint", &error))?;
    }
    let roots = trust_roots(&args, &settings)?;

    let credentials = credentials(&args, &settings).await?;
    debug!(credentials = %credentials.value, from = %credentials.from, "found");
    let Some(endpoint) = endpoint else {
        return Err(Refusal(
            "no endpoint: give --region or set HW_REGION_NAME, or give --endpoint or set JOBWAIT_ENDPOINT"
                .into(),
        ));
    };
    let Some(project) = project else {
        return Err(Refusal(
            "no project: give --project-id or set HW_PROJECT_ID; with a region, IAM is asked for it".into(),
        ));
    };
    let mut cloud = Cloud::builder(endpoint, project, credentials.value)
        .service(args.service)
        .language(args.language)
        .request_timeout(request_timeout);
    if cloud.needs_iam() {
        let url = match &args.iam_endpoint {
            Some(url) => Some(Found::new(url.clone(), "--iam-endpoint")),
            None => settings.iam_endpoint()?,
        };
        let iam = match url {
            Some(url) => read(&url.value).map_err(|error| refuse(&url.from, &error))?,
            None => region.as_ref().map(Region::iam).ok_or_else(|| {
                Refusal(
                    "a password, or a project without an ID, needs IAM: give --region or --iam-endpoint"
                        .into(),
                )
            })?,
        };
        cloud = cloud.iam(iam);
    }
    if let Some(Found { value: pem, from, .. }) = roots {
        cloud = cloud.trust(&pem).map_err(|error| refuse(&from, &error))?;
    }
    let mut warnings: Vec<String> = args.token_file.as_deref().and_then(exposure).into_iter().collect();
    if variable("HW_INSECURE").is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1") {
        warnings.push(
            "warning: HW_INSECURE is not heeded: certificates are checked; --ca-cert adds a trust root"
                .into(),
        );
    }
    Ok(Connected { cloud: cloud.build()?, warnings })
}

async fn credentials(args: &TargetArgs, settings: &Settings<'_>) -> Result<Found<Credentials>, Refusal> {
    if let Some(path) = &args.token_file {
        let read = if path.as_os_str() == "-" {
            Credentials::token_from(std::io::stdin().lock())
        } else {
            Credentials::token_file(path)
        };
        let value = read.map_err(|error| refuse("--token-file", &error))?;
        return Ok(Found::new(value, "--token-file"));
    }
    if let Some(found) = settings.credentials()? {
        return Ok(found);
    }
    // Not documented: for tests, and for rehearsals away from an ECS instance.
    let agency = match variable("JOBWAIT_METADATA_ADDRESS") {
        Some(address) => {
            let address = Endpoint::parse_insecure(&address)
                .map_err(|error| refuse("JOBWAIT_METADATA_ADDRESS", &error))?;
            Credentials::of_the_agency_at(address).await
        }
        None => Credentials::of_the_agency().await,
    };
    match agency {
        Ok(value) => Ok(Found::new(value, "the ECS metadata service")),
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

/// The PEM file, and the name under which it was given.
fn trust_roots(args: &TargetArgs, settings: &Settings<'_>) -> Result<Option<Found<Vec<u8>>>, Refusal> {
    let file = match &args.ca_cert {
        Some(path) => Found::new(path.clone(), "--ca-cert"),
        None => match settings.ca_cert() {
            Some(file) => file,
            None => return Ok(None),
        },
    };
    let name = format!("{}: {}", file.from, file.value.display());
    let pem = read_some(&file.value).map_err(|error| Refusal(format!("{name}: {error}")))?;
    Ok(Some(Found::new(pem, name)))
}

/// All the roots of the world are a quarter of a megabyte.
fn read_some(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;

    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(8 << 20).read_to_end(&mut bytes)?;
    Ok(bytes)
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
