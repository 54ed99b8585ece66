#!/bin/sh
# Creates an instance from instance.json, waits until it is ready, then runs ./deploy.sh. Needs curl, jq and jobwait on
# the path, and HW_AUTH_TOKEN and HW_PROJECT_ID in the environment. JOBWAIT_ENDPOINT selects another region.
#
# Exit codes: 0 if everything worked; 128 and the signal's number after a signal; jobwait's own code if the task failed
# or the wait ended early; and these of its own, which jobwait does not use:
#   10  a tool, a variable or instance.json is missing or unusable; nothing was sent
#   11  the service did not answer; it is not known whether the creation started
#   12  the answer names no task; the service most likely refused the request
#   13  the instance is ready, but ./deploy.sh failed
set -u
export JOBWAIT_ENDPOINT="${JOBWAIT_ENDPOINT:-https://gaussdb.cn-north-4.myhuaweicloud.com}"

# end CODE MESSAGE
end() {
    echo "create-and-deploy: $2" >&2
    exit "$1"
}

for tool in curl jq jobwait; do
    command -v "$tool" >/dev/null || end 10 "$tool is not installed"
done
[ -n "${HW_AUTH_TOKEN:-}" ] || end 10 "HW_AUTH_TOKEN is not set"
[ -n "${HW_PROJECT_ID:-}" ] || end 10 "HW_PROJECT_ID is not set"
jq --exit-status --slurp 'map(type) == ["object"]' instance.json >/dev/null ||
    end 10 "instance.json does not hold one JSON object"

# The token goes through a pipe, because command lines are visible to every user of the machine.
answer=$(printf 'X-Auth-Token: %s' "$HW_AUTH_TOKEN" |
    curl --silent --show-error --max-time 60 --header @- --header 'Content-Type: application/json' \
        --data @instance.json "$JOBWAIT_ENDPOINT/v3/$HW_PROJECT_ID/instances") ||
    end 11 "no answer from $JOBWAIT_ENDPOINT; check whether the creation started before you try again"
job=$(printf '%s' "$answer" | jq --exit-status --raw-output '.job_id | strings | select(. != "")' 2>/dev/null) ||
    end 12 "the answer names no task: $answer"

# A shell passes no signal on to a command in the foreground, so the wait runs in the background.
wait= interrupted=
# pass_on SIGNAL CODE
pass_on() {
    interrupted=$2
    [ -z "$wait" ] || kill -s "$1" "$wait" 2>/dev/null
}
trap 'pass_on HUP 129' HUP
trap 'pass_on TERM 130' INT # not INT, which a shell makes its background commands ignore
trap 'pass_on TERM 143' TERM
jobwait --timeout 45m "$job" &
wait=$!
[ -z "$interrupted" ] || kill -s TERM "$wait"
code=0
wait "$wait" || code=$?
if [ -n "$interrupted" ]; then
    wait "$wait" # until it has printed how to resume
    exit "$interrupted"
fi
trap - HUP INT TERM

case $code in
    0) ;;
    1) end 1 "the instance could not be created" ;;
    124) end 124 "the instance is still being created" ;; # jobwait has printed how to resume
    *) end "$code" "it is not known how the creation ended" ;;
esac
./deploy.sh || end 13 "the instance is ready, but ./deploy.sh failed with exit code $?"
