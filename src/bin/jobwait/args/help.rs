//! What the help and the manual page say beside the options.

/// Under the short help.
pub(super) const SHORT: &str = "\
Try 'jobwait demo' without any cloud, and '--help' for all options, examples, exit codes and the environment.";

/// Under the long help, and in the manual page: a title and its lines.
pub(super) const SECTIONS: [(&str, &str); 6] = [
    (
        "Examples",
        "  # What a task says, until it has ended, for half an hour at the most:
  jobwait --region cn-north-4 --timeout 30m \"$job_id\"

  # In a script: 0 is the only success.
  jobwait --region cn-north-4 \"$job_id\" || exit

  # The service's own object of a task that completed:
  jobwait -o json \"$job_id\" | jq '.jobs[0].job'

  # Read replicas start together, with one answer; all have to be there:
  curl ... | jobwait --region cn-north-4 -

  # Is it still going? 124 says so.
  jobwait --once -q \"$job_id\"",
    ),
    (
        "Exit codes",
        "    0  every task completed (with --any: one did)
    1  a task ended without success: Failed, Canceled, or with a fail_reason
    2  usage or configuration is wrong; nothing was sent
    3  the service knows no such task, and the grace or the deadline is over
    4  the service refuses these credentials
  124  the deadline passed, and the task was last seen going on; also --once on such a task
  125  no usable answer about the task could be had
  129, 130, 143  SIGHUP, SIGINT, SIGTERM; the task goes on in the cloud
  Of several tasks, the first of 1, 4, 3, 125, 124, 0 that occurred counts.",
    ),
    (
        "Environment",
        "  JOBWAIT_<OPTION>            every long option, as JOBWAIT_MAX_INTERVAL; the option beats it
  HW_REGION_NAME, OS_REGION_NAME; HW_CLOUD
                              the region, and the domain of another cloud
  HW_PROJECT_ID, OS_PROJECT_ID, OS_TENANT_ID, HUAWEICLOUD_SDK_PROJECT_ID; HW_PROJECT_NAME
                              the project
  HW_AUTH_URL, OS_AUTH_URL, HUAWEICLOUD_SDK_IAM_ENDPOINT
                              where IAM is
  HW_PROFILE, HW_SHARED_CONFIG_FILE, HUAWEICLOUD_SDK_CREDENTIALS_FILE
                              the profile, and where the files are
  OS_CACERT                   a PEM file with more trust roots
  HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY
                              the proxy on the way
  CI, TERM, NO_COLOR          lines instead of a bar with CI set or TERM=dumb; a bar without color
  GITHUB_ACTIONS              if true, a failure is an annotation, too",
    ),
    (
        "Credentials are the first of these; a secret is never an option",
        "  1. --token-file, HW_AUTH_TOKEN, OS_AUTH_TOKEN
  2. HW_ACCESS_KEY and HW_SECRET_KEY [and HW_SECURITY_TOKEN], OS_..., HUAWEICLOUD_SDK_AK and _SK
  3. HW_USER_NAME, HW_USER_PASSWORD, HW_DOMAIN_NAME, OS_USERNAME, ...
  4. the profile
  5. ~/.huaweicloud/credentials
  6. the agency of an ECS instance",
    ),
    (
        "Files",
        "  ~/.hcloud/config.json         profiles, as KooCLI writes them
  ~/.huaweicloud/credentials    as the SDKs read them",
    ),
    ("Durations", "  90s, 5m, 1h30m; a bare number is seconds; 30 days at the most."),
];

pub(super) fn long() -> String {
    let section = |(title, lines): &(&str, &str)| format!("{title}:\n{lines}");
    SECTIONS.iter().map(section).collect::<Vec<_>>().join("\n\n")
}
