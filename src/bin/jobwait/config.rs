//! From the command line and the environment to what a wait needs, checked before anything is sent.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use jobwait::{ConfigError, Credentials, Endpoint, JobId, Language, Pace, ProjectId, Wait};
use secrecy::{ExposeSecret as _, SecretString};

use crate::args::{LogFormat, Output, OutputArgs, Progress, TargetArgs, TimingArgs, WaitArgs};

/// What a wait needs.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) job: JobId,
    pub(crate) target: Target,
    pub(crate) timing: Timing,
    pub(crate) view: View,
}

/// Where to ask, and as whom.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) endpoint: Endpoint,
    pub(crate) project: ProjectId,
    pub(crate) token: TokenSource,
    pub(crate) language: Language,
    pub(crate) proxy: Proxy,
}

/// Whether the proxy variables count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proxy {
    OfTheEnvironment,
    None,
}

/// Where the token comes from. It is read late: a file may hang.
#[derive(Debug, Clone)]
pub(crate) enum TokenSource {
    Text(&'static str, SecretString),
    StandardInput,
    File(PathBuf),
}

/// When to look.
#[derive(Debug, Clone)]
pub(crate) struct Timing {
    pub(crate) wait: Wait,
    pub(crate) deadline: Duration,
    pub(crate) request_timeout: Duration,
}

/// What is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) output: Output,
    pub(crate) progress: Option<Heartbeat>,
    pub(crate) logs: Option<Logs>,
}

/// A line of progress at least this often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heartbeat(pub(crate) Duration);

/// The logs that were asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Logs {
    pub(crate) level: tracing::Level,
    pub(crate) format: LogFormat,
}

impl Config {
    pub(crate) fn new(args: WaitArgs) -> Result<Self, Refusal> {
        let job =
            JobId::parse(&args.job_id.unwrap_or_default()).map_err(|error| refuse("<JOB_ID>", &error))?;
        Ok(Self {
            job,
            target: Target::new(args.target)?,
            timing: Timing::new(&args.timing)?,
            view: View::new(&args.output),
        })
    }
}

impl Target {
    fn new(args: TargetArgs) -> Result<Self, Refusal> {
        let Some(endpoint) = args.endpoint else {
            return Err(Refusal("no endpoint: give --endpoint or set JOBWAIT_ENDPOINT".into()));
        };
        let read = if args.insecure_http { Endpoint::parse_insecure } else { Endpoint::parse };
        let endpoint = read(&endpoint).map_err(|error| refuse("--endpoint", &error))?;

        let project = args.project_id.map(|id| ("--project-id", id));
        let project = project
            .or_else(|| variable(&["HW_PROJECT_ID", "OS_PROJECT_ID", "HUAWEICLOUD_SDK_PROJECT_ID"]))
            .ok_or_else(|| Refusal("no project: give --project-id or set HW_PROJECT_ID".into()))?;
        let project = ProjectId::parse(&project.1).map_err(|error| refuse(project.0, &error))?;

        let token = match args.token_file {
            Some(path) if path.as_os_str() == "-" => TokenSource::StandardInput,
            Some(path) => TokenSource::File(path),
            None => match variable(&["HW_AUTH_TOKEN", "OS_AUTH_TOKEN"]) {
                Some((name, token)) => TokenSource::Text(name, token.into()),
                None => return Err(Refusal("no credentials: set HW_AUTH_TOKEN or give --token-file".into())),
            },
        };
        Ok(Self { endpoint, project, token, language: args.language, proxy: Proxy::OfTheEnvironment })
    }
}

impl TokenSource {
    /// Reads the token. It blocks, for ever where the file does.
    pub(crate) fn read(&self) -> Result<Credentials, Refusal> {
        match self {
            Self::Text(name, token) => {
                Credentials::token(token.expose_secret()).map_err(|error| refuse(name, &error))
            }
            Self::StandardInput => Credentials::token_from(std::io::stdin().lock())
                .map_err(|error| refuse("--token-file -", &error)),
            Self::File(path) => Credentials::token_file(path).map_err(|error| refuse("--token-file", &error)),
        }
    }
}

impl TokenSource {
    /// A warning when others on this machine can read the token.
    #[cfg(unix)]
    pub(crate) fn exposure(&self) -> Option<String> {
        use std::os::unix::fs::PermissionsExt as _;

        let Self::File(path) = self else { return None };
        let file = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
        (file.permissions().mode() & 0o004 != 0).then(|| {
            format!(": warning: --token-file {}: everybody on this machine can read it", path.display())
        })
    }

    #[cfg(not(unix))]
    pub(crate) fn exposure(&self) -> Option<String> {
        None
    }
}

impl Timing {
    fn new(args: &TimingArgs) -> Result<Self, Refusal> {
        let pace = Pace::new(args.interval, args.max_interval)
            .map_err(|error| refuse("--interval and --max-interval", &error))?
            .factor(args.backoff)
            .map_err(|error| refuse("--backoff", &error))?
            .jitter(args.jitter)
            .map_err(|error| refuse("--jitter", &error))?;
        let wait = Wait::new()
            .deadline(args.timeout)
            .grace(args.not_found_grace)
            .longest_look(args.request_timeout)
            .pace(pace);
        let wait = if args.once { wait.once() } else { wait };
        Ok(Self { wait, deadline: args.timeout, request_timeout: args.request_timeout })
    }
}

impl View {
    pub(crate) fn new(args: &OutputArgs) -> Self {
        let progress = match args.progress {
            _ if args.quiet => None,
            Progress::None => None,
            Progress::Auto | Progress::Plain => Some(Heartbeat(args.heartbeat)),
        };
        let level = match args.verbose {
            0 => None,
            1 => Some(tracing::Level::DEBUG),
            _ => Some(tracing::Level::TRACE),
        };
        let logs = level.map(|level| Logs { level, format: args.log_format });
        Self { output: args.output, progress, logs }
    }
}

/// Why nothing was sent, in one sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refusal(pub(crate) String);

fn refuse(option: &str, error: &ConfigError) -> Refusal {
    Refusal(format!("{option}: {error}"))
}

/// The first of these variables that is set to something, with its name.
fn variable(names: &[&'static str]) -> Option<(&'static str, String)> {
    names.iter().find_map(|name| {
        // What is not Unicode is no ID and no token; it is refused as such, by the variable's name.
        let value = env::var_os(name)?.to_string_lossy().into_owned();
        (!value.is_empty()).then_some((*name, value))
    })
}
