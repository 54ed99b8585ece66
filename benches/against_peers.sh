#!/usr/bin/env bash
# One finished wait beside one curl, against the same simulator in one run: ratios of medians, not absolute times.
# Needs curl and jq; hyperfine for the times, GNU time for the memory: what is missing is said.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --quiet
jobwait="$PWD/target/release/jobwait"
work=$(mktemp -d)
"$jobwait" simulate --appear-after 0 --duration 0 >"$work/address" &
simulator=$!
trap 'kill "$simulator"; rm -rf "$work"' EXIT
sleep 0.5

url=$(cat "$work/address")
export JOBWAIT_ENDPOINT="$url" HW_PROJECT_ID=0123456789abcdef HW_AUTH_TOKEN=any
job=$(curl --silent --request POST "$url/v3/$HW_PROJECT_ID/instances" | jq --raw-output .job_id)
asks="curl --silent --header X-Auth-Token:any $url/v3/$HW_PROJECT_ID/jobs?id=$job"

printf 'size of the release binary: %d KiB\n' "$(($(stat --format %s "$jobwait") / 1024))"
if command -v hyperfine >/dev/null; then
    hyperfine --shell=none --warmup 5 --runs 100 --output null --export-json "$work/times.json" \
        "$jobwait $job" "$asks" >/dev/null 2>&1
    jq --raw-output '.results | "wall time, median of 100: jobwait \(.[0].median * 1e4 | round / 10) ms, curl \(.[1].median * 1e4 | round / 10) ms, ratio \(.[0].median / .[1].median * 100 | round / 100)",
        "CPU time, mean of 100: jobwait \((.[0].user + .[0].system) * 1e4 | round / 10) ms, curl \((.[1].user + .[1].system) * 1e4 | round / 10) ms, ratio \((.[0].user + .[0].system) / (.[1].user + .[1].system) * 100 | round / 100)"' "$work/times.json"
else
    echo 'skipped: wall time, there is no hyperfine'
fi
if [ -x /usr/bin/time ]; then
    median() { sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }
    peak() { for _ in $(seq 21); do /usr/bin/time --format %M --output "$work/peak" "$@" >/dev/null 2>&1; cat "$work/peak"; done | median; }
    ours=$(peak "$jobwait" "$job")
    # shellcheck disable=SC2086
    theirs=$(peak $asks)
    awk -v a="$ours" -v b="$theirs" 'BEGIN { printf "peak memory, median of 21: jobwait %d KiB, curl %d KiB, ratio %.2f\n", a, b, a / b }'
else
    echo 'skipped: peak memory, there is no GNU time'
fi
