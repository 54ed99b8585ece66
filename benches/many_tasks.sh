#!/usr/bin/env bash
# Measures waits for 1, 100, 1,000 and 10,000 tasks: memory, CPU, and how long after the deadline they end. Fails if a wait takes more than
# 128 MiB, more than 2 s of CPU for 10,000 polls of 10,000 tasks, or more than 250 ms after the deadline. Needs curl, jq and GNU time.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --quiet
jobwait=$(cargo metadata --no-deps --format-version 1 | jq --raw-output .target_directory)/release/jobwait
work=$(mktemp -d)
"$jobwait" simulate --appear-after 0s --duration 1h >"$work/address" &
trap 'kill %1; rm -rf "$work"' EXIT
until [ -s "$work/address" ]; do sleep 0.1; done

export HW_AUTH_TOKEN=test-token HW_PROJECT_ID=0123456789abcdef0123456789abcdef
export JOBWAIT_ENDPOINT JOBWAIT_METADATA_ADDRESS=http://127.0.0.1:9
JOBWAIT_ENDPOINT=$(cat "$work/address")

echo '| tasks | polls | peak memory, MiB | KiB per task | CPU, s | CPU per poll, µs | polls per task, min and max | after the deadline, ms |'
echo '| --- | --- | --- | --- | --- | --- | --- | --- |'
for tasks in 1 100 1000 10000; do
    curl --silent --request POST "$JOBWAIT_ENDPOINT/v3/$HW_PROJECT_ID/instances?[1-$tasks]" >"$work/ids"
    began=$(date +%s%N)
    /usr/bin/time -q -f '%M %U %S' -o "$work/time" "$jobwait" --rate-limit none --progress none -o json \
        --timeout 20s --interval 1s --backoff 1 - <"$work/ids" >"$work/result" 2>/dev/null || [ $? = 124 ]
    late=$((($(date +%s%N) - began) / 1000000 - 20000))
    jq --raw-output '[.jobs[].polls] | "\(add) \(min) \(max)"' "$work/result" | paste -d ' ' - "$work/time" |
        awk -v tasks="$tasks" -v late="$late" '{
            cpu = $5 + $6
            printf "| %d | %d | %.1f | %.1f | %.2f | %.0f | %d, %d | %d |\n", tasks, $1, $4 / 1024, $4 / tasks, cpu, cpu * 1e6 / $1, $2, $3, late
            if ($4 > 128 * 1024 || tasks == 10000 && cpu * 10000 > 2 * $1 || late > 250) exit 1
        }'
done
