#!/bin/sh
# Creates an instance, waits until it is there, then runs ./deploy.sh. Needs curl and jq, HW_AUTH_TOKEN and HW_PROJECT_ID.
set -eu
export JOBWAIT_ENDPOINT="${JOBWAIT_ENDPOINT:-https://gaussdb.cn-north-4.myhuaweicloud.com}"

# The token goes through a pipe: who lists processes does not see it.
answer=$(printf 'X-Auth-Token: %s' "$HW_AUTH_TOKEN" |
    curl --silent --show-error --max-time 60 --header @- --header 'Content-Type: application/json' \
        --data @instance.json "$JOBWAIT_ENDPOINT/v3/$HW_PROJECT_ID/instances")
job=$(printf '%s' "$answer" | jq --exit-status --raw-output .job_id) || {
    echo "the creation was not started: $answer" >&2
    exit 2
}

code=0
jobwait --timeout 45m "$job" || code=$?
case $code in
    0) ./deploy.sh ;;
    1) echo "the instance could not be created" >&2; exit 1 ;;
    124) echo "it is still being created" >&2; exit 124 ;; # jobwait has said how to wait on
    *) echo "how the creation went is not known" >&2; exit "$code" ;;
esac
