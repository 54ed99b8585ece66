#!/usr/bin/env bash
# Builds each candidate for the release profile from scratch, and prints a table of its size and build time, and of the instructions, time and
# peak memory of one finished wait. Takes about half an hour on two cores. Needs curl, jq, hyperfine, GNU time and valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in curl jq hyperfine valgrind /usr/bin/time; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'kill %1 2>/dev/null || true; rm -rf "$work"' EXIT
candidates=('3 off unwind' '3 thin unwind' '3 fat unwind' '2 fat unwind' 's thin unwind' 's fat unwind' 'z fat unwind' 's fat abort')
for candidate in "${candidates[@]}"; do
    read -r level lto panic <<<"$candidate"
    began=$(date +%s)
    CARGO_PROFILE_RELEASE_OPT_LEVEL=$level CARGO_PROFILE_RELEASE_LTO=$lto CARGO_PROFILE_RELEASE_PANIC=$panic \
        cargo build --release --quiet --target-dir "$work/target"
    mv "$work/target/release/jobwait" "$work/$level-$lto-$panic"
    echo $(($(date +%s) - began)) >"$work/$level-$lto-$panic.seconds"
    rm -rf "$work/target"
done

"$work/s-fat-unwind" simulate --appear-after 0s --duration 0s >"$work/address" &
until [ -s "$work/address" ]; do sleep 0.1; done
export HW_PROJECT_ID=0123456789abcdef0123456789abcdef HW_AUTH_TOKEN=any JOBWAIT_METADATA_ADDRESS=http://127.0.0.1:9 JOBWAIT_ENDPOINT
JOBWAIT_ENDPOINT=$(cat "$work/address")
job=$(curl --silent --request POST "$JOBWAIT_ENDPOINT/v3/$HW_PROJECT_ID/instances" | jq --raw-output .job_id)

echo '| opt-level | LTO | panic | binary, KiB | build, s | instructions, thousands | time, ms | peak memory, KiB |'
echo '| --- | --- | --- | --- | --- | --- | --- | --- |'
for candidate in "${candidates[@]}"; do
    read -r level lto panic <<<"$candidate"
    binary=$work/$level-$lto-$panic
    instructions=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null "$binary" "$job" 2>&1 | awk '/Collected/ { print $4 }')
    hyperfine --shell=none --warmup 5 --runs 200 --output null --export-json "$work/times" "$binary $job" >/dev/null 2>&1
    peak=$(for _ in $(seq 11); do /usr/bin/time --format %M "$binary" "$job" 2>&1 >/dev/null; done | sort -n | sed -n 6p)
    printf '| %s | %s | %s | %d | %d | %d | %.1f | %d |\n' "$level" "$lto" "$panic" $(($(stat --format %s "$binary") / 1024)) \
        "$(cat "$binary.seconds")" $((instructions / 1000)) "$(jq '.results[0].median * 1000' "$work/times")" "$peak"
done
