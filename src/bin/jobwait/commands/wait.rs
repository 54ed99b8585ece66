//! The main job: waits for the tasks that were given.

use std::path::Path;

use jobwait::{Clock, Connection, Environment, Fault, Overrides};

use crate::args::{Given, WaitArgs};
use crate::exit::Refusal;
use crate::options::{self, Options};
use crate::resume::Resume;
use crate::signals::Signals;
use crate::stream::Stream;
use crate::worker::Connected;
use crate::{ids, logs, report, session};

pub(super) async fn run(
    args: WaitArgs,
    given: &Given,
    mut signals: Signals,
    clock: Clock,
    stderr: &Stream,
) -> Result<u8, Refusal> {
    let WaitArgs { job_ids, target, timing, several, output } = args;
    // Before standard input is read, so that a typing error is reported at once.
    let options = Options::new(&timing, &several, &output)?;
    if job_ids.iter().any(|id| id == "-") && target.token_file.as_deref() == Some(Path::new("-")) {
        let both =
            "standard input cannot be both the job IDs ('-') and the token (--token-file -): use a file";
        return Err(Refusal(both.into()));
    }
    let jobs = tokio::select! {
        jobs = ids::jobs(&job_ids) => jobs?,
        () = clock.sleep_until(options.deadline) => {
            return Err(Refusal("standard input: no end before the deadline (--timeout)".into()));
        }
        signal = signals.next() => return Ok(report::interrupted_early(signal, options.view.output, stderr)),
    };
    options.view.logs.into_iter().for_each(|logs| logs::start(logs, stderr.clone()));
    if options.view.progress.has_states() {
        let stretched = several.rate_limit.remark(jobs.len(), timing.pace.max_interval, timing.once);
        options::remark(&timing.pace).into_iter().chain(stretched).for_each(|remark| stderr.message(&remark));
    }
    let resume = Resume::new(given);
    let profile = target.profile.clone();
    let overrides = options::overrides(target, &several, timing.request_timeout, given);
    let connect = async move || connect(profile, &overrides).await;
    session::run(jobs, options, connect, Some(&resume), signals, clock, stderr).await
}

/// Connects with the options and the environment. Blocks while it reads files.
async fn connect(profile: Option<String>, overrides: &Overrides) -> Result<Connected, Refusal> {
    let environment = Environment::of_process_with(profile);
    let Connection { cloud, limiter, warnings, has_credentials, .. } = environment.connect(overrides)?;
    if !has_credentials {
        cloud.sign_in().await.map_err(|fault| no_credentials(&fault))?;
    }
    Ok(Connected { cloud, limiter, warnings })
}

fn no_credentials(fault: &Fault) -> Refusal {
    Refusal(format!(
        "no credentials found. Set one of these; the first one found is used:
  1. a token: --token-file FILE, HW_AUTH_TOKEN or OS_AUTH_TOKEN
  2. an access key: HW_ACCESS_KEY and HW_SECRET_KEY, and HW_SECURITY_TOKEN if it is temporary;
     OS_ACCESS_KEY and OS_SECRET_KEY; HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK
  3. a password: HW_USER_NAME, HW_USER_PASSWORD and HW_DOMAIN_NAME; OS_USERNAME and so on
  4. a KooCLI profile: --profile NAME, HW_PROFILE, or the current profile of ~/.hcloud/config.json
  5. the file of the SDKs: HUAWEICLOUD_SDK_CREDENTIALS_FILE, or ~/.huaweicloud/credentials
  6. the agency of an ECS instance; here there is none
     ({})",
        jobwait::text::safe(&fault.message, 90)
    ))
}
