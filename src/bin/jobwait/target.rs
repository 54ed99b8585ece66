//! The connection to the service, from options and the environment.

use std::path::PathBuf;
use std::time::Duration;

use jobwait::{
    Cloud, ConfigError, Connection, Environment, Fault, Limiter, Overrides, RateLimit, RateLimitScope,
    Setting,
};

use crate::args::TargetArgs;
use crate::options::Refusal;

/// A connection, and what the user should know about it.
pub(crate) struct Connected {
    pub(crate) cloud: Cloud,
    pub(crate) limiter: Limiter,
    pub(crate) warnings: Vec<String>,
}

/// Connects as the options and the environment say.
pub(crate) async fn connect(
    args: TargetArgs,
    request_timeout: Duration,
    limit: Option<RateLimit>,
    scope: RateLimitScope,
) -> Result<Connected, Refusal> {
    let environment = Environment::of_process_with(args.profile.clone());
    let mut overrides = overrides(args, request_timeout);
    overrides.rate_limit = limit;
    overrides.rate_limit_scope = scope;
    let Connection { cloud, limiter, warnings, has_credentials, .. } = environment.connect(&overrides)?;
    if !has_credentials {
        cloud.sign_in().await.map_err(|fault| no_credentials(&fault))?;
    }
    Ok(Connected { cloud, limiter, warnings })
}

fn overrides(args: TargetArgs, request_timeout: Duration) -> Overrides {
    let text = |value: Option<String>, origin| value.map(|value| Setting::new(value, origin));
    let path = |value: Option<PathBuf>, origin| value.map(|value| Setting::new(value, origin));
    let mut overrides = Overrides::default();
    overrides.region = text(args.region, "--region");
    overrides.project_id = text(args.project_id, "--project-id");
    overrides.endpoint = text(args.endpoint, "--endpoint");
    overrides.iam_endpoint = text(args.iam_endpoint, "--iam-endpoint");
    overrides.token_file = path(args.token_file, "--token-file");
    overrides.ca_cert = path(args.ca_cert, "--ca-cert");
    overrides.service = args.service;
    overrides.language = args.language;
    overrides.insecure_http = args.insecure_http;
    overrides.request_timeout = request_timeout;
    overrides
}

fn no_credentials(fault: &Fault) -> Refusal {
    Refusal(format!(
        "no credentials found. Set one of these; the first that is set is used:
  1. a token: --token-file FILE, HW_AUTH_TOKEN or OS_AUTH_TOKEN
  2. an access key: HW_ACCESS_KEY and HW_SECRET_KEY, with HW_SECURITY_TOKEN if it is temporary;
     OS_ACCESS_KEY and OS_SECRET_KEY; HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK
  3. a password: HW_USER_NAME, HW_USER_PASSWORD and HW_DOMAIN_NAME; OS_USERNAME and so on
  4. a KooCLI profile: --profile NAME, HW_PROFILE, or the current one of ~/.hcloud/config.json
  5. the SDKs' file: HUAWEICLOUD_SDK_CREDENTIALS_FILE, or ~/.huaweicloud/credentials
  6. the agency of an ECS instance, which was not found
     ({})",
        jobwait::text::safe(&fault.message, 90)
    ))
}

impl From<ConfigError> for Refusal {
    fn from(error: ConfigError) -> Self {
        Self(error.to_string())
    }
}
