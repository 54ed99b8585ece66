//! The sections of the help and of the manual page that follow the options.

/// The end of the short help.
pub(super) const SHORT: &str = "\
Try 'jobwait demo', which needs no cloud. See '--help' for all options, examples and exit codes.";

/// The sections of the long help and of the manual page: a title and its lines.
pub(crate) const SECTIONS: [(&str, &str); 6] = [
    (
        "Examples",
        "  # Wait for a task, for half an hour at most:
  jobwait --region cn-north-4 --timeout 30m \"$job_id\"

  # In a script: only 0 is a success.
  jobwait --region cn-north-4 \"$job_id\" || exit

  # Print a value of the service's own object of a task that completed:
  endpoint=$(jobwait --print /entities/instance/endpoint \"$job_id\")

  # Wait for all tasks that one call started:
  curl ... | jobwait --region cn-north-4 -

  # Without a job ID: wait for the tasks of an instance, such as after 'terraform apply'.
  jobwait --instance \"$instance_id\"

  # Find the ID of a task, and check credentials, region and project:
  jobwait list --since 1h

  # Check whether a task is still running: the exit code is then 124.
  jobwait --once -q \"$job_id\"",
    ),
    (
        "Exit codes",
        "    0  every task completed (with --any: one did; with --idle: nothing is in progress)
    1  a task ended without success: Failed, Canceled, or with a fail_reason
    2  usage or configuration is wrong; nothing was sent
    3  the service knows no such task, and the grace or the deadline is over; no task of the instance
    4  the service refuses these credentials
  124  the deadline passed, and the task was last seen running; also --once on such a task
  125  no usable response about the task
  129, 130, 143  SIGHUP, SIGINT, SIGTERM; the task continues in the cloud
  With several tasks, the leftmost of 1, 4, 3, 125, 124, 0 that applies to one of them is used.",
    ),
    (
        "Environment",
        "  JOBWAIT_<OPTION>            each long option, as JOBWAIT_MAX_INTERVAL; an option takes precedence
  HW_REGION_NAME, OS_REGION_NAME, HUAWEICLOUD_SDK_REGION, HUAWEI_CLOUD_REGION, OS_REGION; HW_CLOUD
                              the region, and the domain of another cloud
  HW_PROJECT_ID, OS_PROJECT_ID, OS_TENANT_ID, HUAWEICLOUD_SDK_PROJECT_ID; HW_PROJECT_NAME
                              the project
  HW_AUTH_URL, OS_AUTH_URL, HUAWEICLOUD_SDK_IAM_ENDPOINT
                              the endpoint of IAM
  HUAWEICLOUD_SDK_REGION_<SERVICE>_<REGION>
                              the endpoint of a service in a region, such as ..._GAUSSDB_CN_NORTH_4
  HW_PROFILE, HW_SHARED_CONFIG_FILE, HUAWEICLOUD_SDK_CREDENTIALS_FILE, HUAWEICLOUD_SDK_REGIONS_FILE
                              the profile, and the paths of the files
  OS_CACERT                   a PEM file with additional trust roots
  HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY
                              the proxy
  CI, TERM, NO_COLOR          CI or TERM=dumb: lines instead of a bar; NO_COLOR: a bar without color
  GITHUB_ACTIONS, TF_BUILD    under GitHub Actions or Azure Pipelines, a failure is also an annotation
  GITHUB_STEP_SUMMARY, GITHUB_OUTPUT
                              the files of --summary",
    ),
    (
        "Credentials, in order of precedence; a secret is never an option",
        "  1. --token-file, then --profile
  2. HW_AUTH_TOKEN, OS_AUTH_TOKEN, OS_TOKEN
  3. HUAWEICLOUD_SDK_IDP_ID and _ID_TOKEN_FILE, HW_ASSUME_ROLE_IDP_ID and _ID_TOKEN[_FILE]
  4. HW_ACCESS_KEY and HW_SECRET_KEY [and HW_SECURITY_TOKEN], OS_..., HUAWEICLOUD_SDK_AK and _SK
  5. HW_USER_NAME, HW_USER_PASSWORD, HW_DOMAIN_NAME, OS_USERNAME, ...
  6. the profile of HW_PROFILE, or the current one
  7. ~/.huaweicloud/credentials
  8. the agency of an ECS instance
  HW_ASSUME_ROLE_AGENCY_NAME and HW_ASSUME_ROLE_DOMAIN_NAME let them assume a role.",
    ),
    (
        "Files",
        "  ~/.hcloud/config.json         profiles, as written by KooCLI
  ~/.huaweicloud/credentials    the file of the SDKs
  ~/.huaweicloud/regions.yaml   the endpoints of services in regions",
    ),
    ("Durations", "  90s, 5m, 1h30m; a bare number is seconds; at most 30 days."),
];

pub(super) fn long() -> String {
    let section = |(title, lines): &(&str, &str)| format!("{title}:\n{lines}");
    SECTIONS.iter().map(section).collect::<Vec<_>>().join("\n\n")
}
