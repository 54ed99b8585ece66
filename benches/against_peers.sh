#!/usr/bin/env bash
# Compares one finished wait with one request by curl, by curl and jq, and by the public Python SDK, to the same simulator in one run, over
# HTTP and over HTTPS with the system's trust roots. The ratios of the medians matter, not the absolute times. Then measures a poll on a
# kept-alive connection. Needs curl and jq; hyperfine for times, GNU time for memory, openssl and python3 for HTTPS, and
# huaweicloudsdkgaussdb for $PYTHON (or python3). Prints what it skips. BINARY=/path measures another binary.
set -euo pipefail
cd "$(dirname "$0")/.."

here=$PWD
for tool in curl jq; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed" >&2; exit 1; }
done
if [ -z "${BINARY:-}" ]; then
    cargo build --release --quiet
    BINARY=$(cargo metadata --no-deps --format-version 1 | jq --raw-output .target_directory)/release/jobwait
fi
python=${PYTHON:-python3}
work=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
skip() { printf 'skipped: %s\n' "$*"; }

"$BINARY" simulate --appear-after 0s --duration 0s >"$work/finished" &
servers+=($!)
"$BINARY" simulate --appear-after 0s --duration 1h >"$work/going" &
servers+=($!)
until [ -s "$work/finished" ] && [ -s "$work/going" ]; do sleep 0.1; done

export HW_PROJECT_ID=0123456789abcdef0123456789abcdef HW_AUTH_TOKEN=any JOBWAIT_METADATA_ADDRESS=http://127.0.0.1:9 JOBWAIT_ENDPOINT
task() { curl --silent --request POST "$1/v3/$HW_PROJECT_ID/instances" | jq --raw-output .job_id; }
url=$(cat "$work/finished")
job=$(task "$url")
printf 'size of the binary: %d KiB\n' "$(($(stat --format %s "$BINARY") / 1024))"

# compare NAME COMMAND [NAME COMMAND ...]: compares the first command with each of the others.
compare() {
    local names=() commands=() i
    while [ $# -gt 0 ]; do
        names+=("$1")
        commands+=("$2")
        shift 2
    done
    if command -v hyperfine >/dev/null; then
        hyperfine --shell=none --warmup 5 --runs "${RUNS:-100}" --output null --export-json "$work/times.json" "${commands[@]}" >/dev/null 2>&1
        printf '%s\n' "${names[@]}" | jq --raw-input --slurp --raw-output --slurpfile times "$work/times.json" '
            def hundredths: . * 100 | round / 100; def ms: . * 1e4 | round / 10;
            split("\n")[:-1] as $names | $times[0].results as $r | range($r | length) as $i |
            ($r[$i].user + $r[$i].system) as $cpu | ($r[0].user + $r[0].system) as $ours |
            "  \($names[$i]): \($r[$i].median | ms) ms, CPU \($cpu | ms) ms" +
            if $i > 0 then "; jobwait takes \($r[0].median / $r[$i].median | hundredths) of the time, \($ours / $cpu | hundredths) of the CPU" else "" end'
    else
        skip 'the times: hyperfine is not installed'
    fi
    if [ -x /usr/bin/time ]; then
        local ours='' peak
        for i in "${!commands[@]}"; do
            peak=$(for _ in $(seq 11); do
                # shellcheck disable=SC2086
                /usr/bin/time --quiet --format %M --output "$work/peak" ${commands[$i]} >/dev/null 2>&1 || true
                cat "$work/peak"
            done | sort -n | sed -n 6p)
            ours=${ours:-$peak}
            awk -v name="${names[$i]}" -v a="$ours" -v b="$peak" \
                'BEGIN { printf "  %s: peak memory %d KiB%s\n", name, b, a == b ? "" : sprintf("; jobwait takes %.2f of it", a / b) }'
        done
    else
        skip 'the memory: GNU time is not installed'
    fi
}

# A script, because hyperfine runs its commands without a shell.
cat >"$work/curl_jq" <<'E2'
#!/bin/sh
[ "$(curl --silent --header X-Auth-Token:any "$1" | jq --raw-output .job.status)" = Completed ]
E2
chmod +x "$work/curl_jq"

echo 'one finished wait over HTTP, medians:'
JOBWAIT_ENDPOINT=$url
job_url="$url/v3/$HW_PROJECT_ID/jobs?id=$job"
peers=(curl "curl --silent --header X-Auth-Token:any $job_url" 'curl and jq' "$work/curl_jq $job_url")
compare jobwait "$BINARY $job" "${peers[@]}"
if "$python" -c 'import huaweicloudsdkgaussdb' 2>/dev/null; then
    RUNS=10 compare jobwait "$BINARY $job" 'the Python SDK' "$python $here/benches/sdk_wait.py $url $job"
else
    skip "the Python SDK: huaweicloudsdkgaussdb is not installed for $python"
fi

bundle=$(for file in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
    [ -s "$file" ] && echo "$file" && break
done || true)
if [ -n "$bundle" ] && command -v openssl >/dev/null && command -v python3 >/dev/null; then
    echo "one finished wait over HTTPS with the system's trust roots, medians:"
    (
        cd "$work"
        key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
        # shellcheck disable=SC2086
        openssl req -x509 $key -keyout ca.key -out ca.pem -subj '/CN=benchmark CA' -days 2
        # shellcheck disable=SC2086
        openssl req $key -keyout key.pem -out request.pem -subj /CN=localhost
        printf 'subjectAltName=DNS:localhost\n' >names
        openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out certificate.pem
        cat "$bundle" ca.pem >roots.pem
        curl --silent --header X-Auth-Token:any "$job_url" >answer.json
    ) >"$work/openssl.log" 2>&1 || { cat "$work/openssl.log" >&2; exit 1; }
    python3 benches/tls_server.py "$work" >"$work/port" &
    servers+=($!)
    until [ -s "$work/port" ]; do sleep 0.1; done
    JOBWAIT_ENDPOINT=https://localhost:$(cat "$work/port")
    job_url="$JOBWAIT_ENDPOINT/v3/$HW_PROJECT_ID/jobs?id=$job"
    unset SSL_CERT_DIR
    export SSL_CERT_FILE="$work/roots.pem"
    compare jobwait "$BINARY $job" curl "curl --silent --cacert $work/roots.pem --header X-Auth-Token:any $job_url"
else
    skip 'HTTPS: the bundle of trust roots, openssl or python3 is missing'
fi

if [ -x /usr/bin/time ]; then
    echo 'a poll on a kept-alive connection, one every 10 ms for 4 s, median of 5:'
    JOBWAIT_ENDPOINT=$(cat "$work/going")
    job=$(task "$JOBWAIT_ENDPOINT")
    for _ in $(seq 5); do
        /usr/bin/time --quiet --format '%U %S' --output "$work/cpu" "$BINARY" --rate-limit none --interval 10ms --backoff 1 \
            --timeout 4s --output json --quiet "$job" >"$work/result" 2>/dev/null || [ $? = 124 ]
        jq '.jobs[0].polls' "$work/result" | paste -d ' ' - "$work/cpu" | awk '{ printf "%.0f\n", ($2 + $3) * 1e6 / $1 }'
    done | sort -n | sed -n '3s/$/ µs of CPU, including the start of the process/p' | sed 's/^/  /'
fi
