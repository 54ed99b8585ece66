#!/usr/bin/env python3
"""Many waits on one quota: exit codes, refused requests and mean lag, beside other ways to poll.

Runs the built binary against a server with a quota of 200 requests in 5 minutes, as a sliding window in which refused
requests count, and with the list of the tasks that are running. Time is scaled, by default 1:20. Prints a Markdown
table; times in it are in real time, unscaled. "Seen every": the median and the 95th percentile of the time between two
responses that tell the state of a task.

    cargo build --release && benches/quota.py [--scale 20] [--binary target/release/jobwait]
"""

import argparse
import collections
import http.server
import json
import os
import random
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

LIMIT, WINDOW, PAGE = 200, 300.0, 50
PROJECT = "054e292c9880d4992f02c0196d3ea468"


# The list lags by so many seconds, and shows that so many tasks have failed that are running.
LISTS = [("", 0, 0), (", list 5 s late", 5, 0), (", list 60 s late", 60, 0), (", list with 20 wrong ends", 0, 20), (", no list", None, 0)]


class Service:
    """Tasks that report their progress in steps of 5 %, behind a quota. Its list lags by `lag` seconds, and shows
    that `denied` of the tasks have failed, which the tasks deny. Without a lag there is no list."""

    def __init__(self, scale, lag, denied):
        self.scale = scale
        self.lag = lag
        self.denied = denied
        self.lock = threading.Lock()
        self.counted = collections.deque()
        self.requests = self.refused = 0
        self.start = time.monotonic()
        self.durations = {}
        self.lags = {}
        self.seen = collections.defaultdict(list)
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                status, body = service.answer(query)
                body = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def add(self, count, shortest, longest):
        numbers = random.Random(42)
        ids = [f"00000000-0000-0000-0000-{n:012d}" for n in range(count)]
        self.durations = {job: shortest + (longest - shortest) * numbers.random() for job in ids}
        self.start = time.monotonic()
        return ids

    def now(self):
        return (time.monotonic() - self.start) * self.scale

    def progress(self, job, at):
        self.seen[job].append(self.now())
        return f"{int(20 * at / self.durations[job]) * 5}%"

    def page(self, now, number):
        at = now - self.lag
        listed = [job for job, duration in self.durations.items() if 0 <= at < duration]
        rows = [{"job_id": job, "status": "Running", "process": self.progress(job, at)} for job in listed[(number - 1) * PAGE:number * PAGE]]
        for row in rows:
            if int(row["job_id"][-12:]) < self.denied and now > 60:
                row["fail_reason"] = "only on the list"
        return 200, {"jobs": rows, "total_count": len(listed)}

    def answer(self, query):
        with self.lock:
            now = self.now()
            while self.counted and self.counted[0] <= now - WINDOW:
                self.counted.popleft()
            is_over = len(self.counted) >= LIMIT
            self.counted.append(now)
            self.requests += 1
            if is_over:
                self.refused += 1
                seconds = max(1, round(WINDOW / self.scale))
                text = f"policy user over ratelimit,limit:{LIMIT},time:{seconds} second"
                return 429, {"error_code": "APIGW.0308", "error_msg": f"The throttling threshold has been reached: {text}"}
            if "id" not in query:
                return self.page(now, int(query["offset"][0])) if self.lag is not None else (404, {})
            job = query["id"][0]
            duration = self.durations[job]
            if now < 3:
                return 400, {"error_code": "DBS.200543", "error_msg": "The job does not exist."}
            if now >= duration:
                self.lags.setdefault(job, now - duration)
                return 200, {"job": {"id": job, "status": "Completed"}}
            return 200, {"job": {"id": job, "status": "Running", "process": self.progress(job, now)}}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def jobwait(args, service, runtime, ids):
    """Starts a wait for these tasks, as a user of the machine with this runtime folder."""
    environment = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": runtime, "HW_AUTH_TOKEN": "any", "HW_PROJECT_ID": PROJECT}

    def real(seconds):
        return f"{seconds / service.scale:.4f}"

    options = [
        "--endpoint", service.url, "--interval", real(1), "--max-interval", real(15), "--not-found-grace", real(60),
        "--timeout", real(4 * 3600), "--rate-limit", f"180/{real(300)}", "--keep-going", "--quiet",
    ]
    return subprocess.Popen([args.binary, *options, *ids], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run(args, count, processes, lag=None, denied=0, minutes=(6, 14)):
    """Runs one row: `processes` starts the waits and returns their exit codes."""
    service = Service(args.scale, lag, denied)
    with tempfile.TemporaryDirectory() as folder:
        codes = processes(service, folder, service.add(count, *(60 * time for time in minutes)))
    service.close()
    lags = sorted(service.lags.values())
    seen = len(lags) == count
    lag = f"{sum(lags) / len(lags):.1f} s, {lags[-1]:.0f} s" if lags else "–"
    ends = ", ".join(f"{code} × {times}" for code, times in sorted(collections.Counter(codes).items()))
    gaps = sorted(after - before for times in service.seen.values() for before, after in zip(times, times[1:]))
    every = f"{gaps[len(gaps) // 2]:.0f} s, {gaps[len(gaps) * 95 // 100]:.0f} s" if gaps else "–"
    return ends, f"{service.requests}", f"{100 * service.refused / max(service.requests, 1):.0f} %", lag if seen else f"{lag} ({count - len(lags)} never)", every


def separate(args):
    def start(service, folder, ids):
        def one(n, job):
            runtime = os.path.join(folder, str(n))
            os.mkdir(runtime, 0o700)
            return jobwait(args, service, runtime, [job])
        return [child.wait() for child in [one(n, job) for n, job in enumerate(ids)]]
    return start


def shared(args):
    def start(service, folder, ids):
        return [child.wait() for child in [jobwait(args, service, folder, [job]) for job in ids]]
    return start


def one_process(args):
    return lambda service, folder, ids: [jobwait(args, service, folder, ids).wait()]


def peer(first, delay, gives_up):
    """A loop with a fixed delay. `gives_up`: any error ends it."""
    def start(service, _, ids):
        codes = []

        def loop(job):
            time.sleep(first / service.scale)
            while service.now() < 3600:
                try:
                    url = f"{service.url}/v3/{PROJECT}/jobs?id={job}"
                    with urllib.request.urlopen(url, timeout=10) as answer:
                        if json.load(answer)["job"]["status"] == "Completed":
                            codes.append(0)
                            return
                except urllib.error.HTTPError:
                    if gives_up:
                        codes.append(1)
                        return
                time.sleep(delay / service.scale)
            codes.append(124)

        threads = [threading.Thread(target=loop, args=(job,)) for job in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return codes
    return start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=20)
    parser.add_argument("--binary", default="target/release/jobwait")
    parser.add_argument("--only", help="run the rows whose name contains this")
    args = parser.parse_args()
    rows = [
        *((f"{n} processes, separate machines", n, separate(args)) for n in (10, 20)),
        *((f"{n} processes, one machine", n, shared(args)) for n in (10, 20, 50)),
        *((f"one process, {n} tasks, no list", n, one_process(args)) for n in (20, 50)),
        *((f"one process, {n} tasks", n, one_process(args), 0) for n in (20, 50)),
        *((f"one process, 200 tasks of 30 to 90 min{words}", 200, one_process(args), lag, denied, (30, 90)) for words, lag, denied in LISTS),
        *((f"one process, 1,000 tasks of 2 to 3 h{words}", 1000, one_process(args), lag, denied, (120, 180)) for words, lag, denied in LISTS),
        *((f"{n} loops with 10 s", n, peer(0, 10, False)) for n in (10, 20)),
        ("20 loops with 31 s", 20, peer(0, 31, False)),
        ("20 × Terraform's pace for a creation", 20, peer(180, 20, True)),
    ]
    print("| waits | exit codes | requests | refused | mean and worst lag | seen every |\n| --- | --- | --- | --- | --- | --- |")
    for name, *row in rows:
        if args.only is None or args.only in name:
            print("|", " | ".join([name, *run(args, *row)]), "|", flush=True)


main()
