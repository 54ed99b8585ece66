#!/usr/bin/env bash
# What a wait for 1, 100, 1,000 and 10,000 tasks costs: memory, and CPU by poll and by task. Each task is unknown to the simulator
# for as long as it is asked, which is the whole of a look but for the job's own fields. Needs jq and GNU time.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --quiet
jobwait=$(cargo metadata --no-deps --format-version 1 | jq --raw-output .target_directory)/release/jobwait
work=$(mktemp -d)
"$jobwait" simulate >"$work/address" &
trap 'kill %1; rm -rf "$work"' EXIT
until [ -s "$work/address" ]; do sleep 0.1; done

export HW_AUTH_TOKEN=test-token HW_PROJECT_ID=0123456789abcdef0123456789abcdef
export JOBWAIT_ENDPOINT JOBWAIT_METADATA_ADDRESS=http://127.0.0.1:9
JOBWAIT_ENDPOINT=$(cat "$work/address")

echo '| tasks | polls | peak memory, MiB | KiB a task | CPU, s | CPU a poll, µs |'
echo '| --- | --- | --- | --- | --- | --- |'
for tasks in 1 100 1000 10000; do
    seq -f 'task-%g' 1 "$tasks" >"$work/ids"
    /usr/bin/time -q -f '%M %U %S' -o "$work/time" "$jobwait" --keep-going --rate-limit none --progress none -o json \
        --timeout 20s --interval 1s --not-found-grace 1h - <"$work/ids" >"$work/result" 2>/dev/null || true
    jq --raw-output '[.jobs[].polls] | add' "$work/result" | paste -d ' ' - "$work/time" |
        awk -v tasks="$tasks" '{
            printf "| %d | %d | %.1f | %.1f | %.2f | %.0f |\n", tasks, $1, $2 / 1024, $2 / tasks, $3 + $4, ($3 + $4) * 1e6 / $1
        }'
done
