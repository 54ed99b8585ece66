//! The main job: waits for the tasks that were given.

use std::path::Path;
use std::time::Duration;

use jobwait::{Clock, Connection, Environment, Fault, InstanceId, Overrides, TaskFilter, Until, Upstream};

use crate::args::{Given, InstanceArgs, WaitArgs};
use crate::exit::Refusal;
use crate::options::{self, Options, ResultOptions};
use crate::resume::Resume;
use crate::session::{self, InstanceTasks, Tasks};
use crate::signals::Signals;
use crate::stream::Stream;
use crate::worker::Connected;
use crate::{ids, logs, report};

pub(super) async fn run(
    args: WaitArgs,
    given: &Given,
    mut signals: Signals,
    clock: Clock,
    stderr: &Stream,
) -> Result<u8, Refusal> {
    let WaitArgs { job_ids, instance, target, timing, several, output, result } = args;
    if timing.exit_with_parent {
        signals.end_with_parent().map_err(|error| {
            Refusal(format!("--exit-with-parent: cannot watch the process that started this one: {error}"))
        })?;
    }
    // Before standard input is read, so that a typing error is reported at once.
    let mut options = Options::new(&timing, &several, &output, ResultOptions::new(result, given)?, given)?;
    if job_ids.iter().any(|id| id == "-") && target.token_file.as_deref() == Some(Path::new("-")) {
        let both =
            "standard input cannot be both the job IDs ('-') and the token (--token-file -): use a file";
        return Err(Refusal(both.into()));
    }
    let tasks = if let Some(tasks) = of_instance(instance)? {
        // Earlier tasks do not matter, so no failure of one ends the wait for the others.
        options.until = if tasks.idle { Until::AllEnded } else { options.until };
        Tasks::Instance(tasks)
    } else {
        Tasks::Ids(tokio::select! {
            jobs = ids::jobs(&job_ids) => jobs?,
            () = clock.sleep_until(options.deadline) => {
                return Err(Refusal("standard input: no end before the deadline (--timeout)".into()));
            }
            signal = signals.next() => {
                return Ok(report::interrupted_early(signal, options.view.output, &options.result, stderr));
            }
        })
    };
    if let Tasks::Ids(jobs) = &tasks
        && options.result.print.is_some()
        && jobs.len() > 1
    {
        let (option, count) = (given.origin("print"), jobs.len());
        let message =
            format!("{option} prints a value of one task, but there are {count}: use --output json");
        return Err(Refusal(message));
    }
    options.view.logs.into_iter().for_each(|logs| logs::start(logs, stderr.clone()));
    if options.view.progress.has_states() {
        let count = if let Tasks::Ids(jobs) = &tasks { jobs.len() } else { 1 };
        let stretched = several.rate.rate_limit.remark(count, timing.pace.max_interval, timing.once);
        options::remark(&timing.pace).into_iter().chain(stretched).for_each(|remark| stderr.message(&remark));
    }
    let resume = Resume::new(given);
    let profile = target.profile.clone();
    let overrides = options::overrides(target, &several.rate, timing.request_timeout, given);
    let connect = async move || connect(profile, &overrides, |_| {}).await;
    session::run(tasks, options, connect, Some(resume), signals, clock, stderr).await
}

/// Returns the selection of the tasks of an instance, if one was given.
fn of_instance(args: InstanceArgs) -> Result<Option<InstanceTasks>, Refusal> {
    let InstanceArgs { instance, task_name, since, idle } = args;
    let Some(instance) = instance else { return Ok(None) };
    let filter = filter(Some(&instance), task_name.as_deref(), since)?;
    let filter = if idle { filter.only_in_progress() } else { filter };
    Ok(Some(InstanceTasks { instance, filter, idle }))
}

/// Returns the filter of these options.
pub(super) fn filter(
    instance: Option<&InstanceId>,
    task_name: Option<&str>,
    since: Duration,
) -> Result<TaskFilter, Refusal> {
    let filter = TaskFilter::new().since(since);
    let filter = instance.into_iter().cloned().fold(filter, TaskFilter::instance);
    match task_name.map(str::trim) {
        Some("") => Err(Refusal("--task-name: empty; leave it out to select all tasks".into())),
        Some(text) => Ok(filter.name(text)),
        None => Ok(filter),
    }
}

/// Connects with the options and the environment, and hands the summary of the connection to `announce`.
/// Blocks while it reads files.
pub(super) async fn connect(
    profile: Option<String>,
    overrides: &Overrides,
    announce: impl FnOnce(&str),
) -> Result<Connected, Refusal> {
    let environment = Environment::of_process_with(profile);
    let Connection { cloud, limiter, warnings, has_credentials, unsupported, summary, .. } =
        environment.connect(overrides)?;
    // A role that IAM refuses is reported by the first poll.
    if !has_credentials
        && let Err(fault) = cloud.sign_in().await
        && fault.upstream == Upstream::Metadata
    {
        return Err(no_credentials(&fault, &unsupported));
    }
    announce(&summary);
    Ok(Connected { cloud, limiter, warnings })
}

fn no_credentials(fault: &Fault, unsupported: &[String]) -> Refusal {
    let unsupported = unsupported.iter().fold(String::new(), |text, why| text + why + "\n");
    Refusal(format!(
        "{unsupported}no credentials found. Set one of these; the first one found is used:
  1. a token: --token-file FILE, HW_AUTH_TOKEN, OS_AUTH_TOKEN or OS_TOKEN
  2. an identity provider: HUAWEICLOUD_SDK_IDP_ID and HUAWEICLOUD_SDK_ID_TOKEN_FILE
  3. an access key: HW_ACCESS_KEY and HW_SECRET_KEY, and HW_SECURITY_TOKEN if it is temporary;
     OS_ACCESS_KEY and OS_SECRET_KEY; HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK
  4. a password: HW_USER_NAME, HW_USER_PASSWORD and HW_DOMAIN_NAME; OS_USERNAME and so on
  5. a KooCLI profile: HW_PROFILE, or the current one of ~/.hcloud/config.json; --profile NAME
     comes first of all
  6. the file of the SDKs: HUAWEICLOUD_SDK_CREDENTIALS_FILE, or ~/.huaweicloud/credentials
  7. the agency of an ECS instance; here there is none
     ({})",
        jobwait::text::safe(&fault.message, 90)
    ))
}
