#!/usr/bin/env bash
# Counts the instructions of one finished wait and of a poll on a kept-alive connection, and shows where they go. Other work on the machine
# does not change the counts. Needs valgrind, curl and jq.
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in curl jq valgrind; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed" >&2; exit 1; }
done
target=$(cargo metadata --no-deps --format-version 1 | jq --raw-output .target_directory)/with-symbols
CARGO_PROFILE_RELEASE_STRIP=none CARGO_PROFILE_RELEASE_DEBUG=line-tables-only cargo build --release --quiet --target-dir "$target"
binary=$target/release/jobwait
work=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
for duration in 0s 1h; do
    "$binary" simulate --appear-after 0s --duration "$duration" >"$work/$duration" &
    servers+=($!)
    until [ -s "$work/$duration" ]; do sleep 0.1; done
done

export HW_PROJECT_ID=0123456789abcdef0123456789abcdef HW_AUTH_TOKEN=any JOBWAIT_METADATA_ADDRESS=http://127.0.0.1:9 JOBWAIT_ENDPOINT
task() { curl --silent --request POST "$JOBWAIT_ENDPOINT/v3/$HW_PROJECT_ID/instances" | jq --raw-output .job_id; }
# count FILE ARGUMENT...: prints the number of instructions of a wait, whatever its exit code is.
count() {
    local file=$1
    shift
    valgrind --tool=callgrind --callgrind-out-file="$file" "$binary" "$@" 2>"$work/log" >"$work/result" || true
    awk '/Collected/ { print $4 }' "$work/log"
}
# top FILE NUMBER: prints the functions with the most instructions, including those that they call.
top() { callgrind_annotate --inclusive=yes --threshold=100 "$1" 2>/dev/null | grep --extended-regexp '%\)' | sed 's/^ *//' | cut -c 1-170 | sed --quiet "1,$2p"; }

JOBWAIT_ENDPOINT=$(cat "$work/0s")
one=$(count "$work/one" "$(task)")
printf 'one finished wait over HTTP: %d instructions\n' "$one"
top "$work/one" "${TOP:-40}"

JOBWAIT_ENDPOINT=$(cat "$work/1h")
job=$(task)
few=$(count "$work/few" --output json --quiet --rate-limit none --interval 10ms --backoff 1 --timeout 5s "$job")
polls_few=$(jq '.jobs[0].polls' "$work/result")
many=$(count "$work/many" --output json --quiet --rate-limit none --interval 10ms --backoff 1 --timeout 18s "$job")
polls_many=$(jq '.jobs[0].polls' "$work/result")
printf '\n%d polls: %d instructions; %d polls: %d: %d for each poll on a kept-alive connection\n' \
    "$polls_few" "$few" "$polls_many" "$many" $(((many - few) / (polls_many - polls_few)))
top "$work/many" "${TOP:-40}"
