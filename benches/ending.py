#!/usr/bin/env python3
"""The end of waits: how long after the deadline or SIGTERM a process ends, and whether its result is whole.

Runs the built binary against a server of tasks that never end. With --load, a busy loop runs on each core. Prints a
Markdown table: the median, the 99th percentile and the worst of the times from the deadline or the signal to the exit, with
the whole result read. With --timeout-runs, runs that many waits under timeout(1), and counts those without a result or
without the command that resumes.

    cargo build --release && benches/ending.py [--load] [--runs 5] [--timeout-runs 1000] [--binary target/release/jobwait]
"""

import argparse
import concurrent.futures
import json
import os
import signal
import socket
import subprocess
import threading
import time

PROJECT = "054e292c9880d4992f02c0196d3ea468"


class Service:
    """Answers each poll with a running task and some bytes of padding. There is no list."""

    def __init__(self):
        self.padding = b""
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, connection.makefile("rb") as lines:
            try:
                while line := lines.readline():
                    while lines.readline().strip():
                        pass
                    _, _, job = line.split()[1].partition(b"?id=")
                    body = b'{"job": {"id": "%b", "status": "Running", "padding": "%b"}}' % (job, self.padding)
                    status = b"200 OK" if job else b"404 Not Found"
                    connection.sendall(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
            except OSError:
                pass


def is_whole(output, form, tasks):
    try:
        if form == "json":
            return len(json.loads(output)["jobs"]) == tasks
        lines = output.splitlines()
        return len(lines) == tasks if form == "text" else json.loads(lines[-1])["event"] == "result"
    except (ValueError, IndexError):
        return False


def environment(service):
    return {"PATH": os.environ["PATH"], "HW_AUTH_TOKEN": "any", "HW_PROJECT_ID": PROJECT, "JOBWAIT_ENDPOINT": service.url}


def end(args, service, tasks, form, by_signal, wait):
    """Runs one wait. Returns the seconds from the deadline or the signal to the exit, and whether the result is whole."""
    options = ["-q", "--rate-limit", "none", "--interval", "3s", "-o", form, "-"]
    deadline = [] if by_signal else ["--timeout", f"{wait}s"]
    pipe = subprocess.PIPE
    child = subprocess.Popen([args.binary, *deadline, *options], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment(service))
    due = time.monotonic() + wait
    child.stdin.write("\n".join(f"task-{n}" for n in range(tasks)).encode())
    child.stdin.close()
    output = []
    reader = threading.Thread(target=lambda: output.append(child.stdout.read()))
    reader.start()
    if by_signal:
        time.sleep(wait)
        due = time.monotonic()
        child.send_signal(signal.SIGTERM)
    child.wait()
    took = time.monotonic() - due
    reader.join()
    return took, is_whole(output[0], form, tasks)


def under_timeout(args, service):
    command = ["timeout", "0.5", args.binary, "-o", "json", "task"]
    child = subprocess.run(command, capture_output=True, env=environment(service))
    return is_whole(child.stdout, "json", 1) and b"to resume" in child.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default="target/release/jobwait")
    parser.add_argument("--load", action="store_true", help="run a busy loop on each core")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--timeout-runs", type=int, default=0)
    args = parser.parse_args()
    loops = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(os.cpu_count() if args.load else 0)]
    service = Service()
    try:
        if args.timeout_runs:
            with concurrent.futures.ThreadPoolExecutor(20) as pool:
                kept = list(pool.map(lambda _: under_timeout(args, service), range(args.timeout_runs)))
            print(f"{len(kept)} waits under timeout(1): {kept.count(False)} without a result or the command that resumes")
            return
        print("| tasks × bytes | output | end | median, 99 %, worst | whole |\n| --- | --- | --- | --- | --- |")
        for tasks, size, wait in [(1, 100, 1), (100, 2000, 2), (1000, 20_000, 6), (20, 900_000, 4), (5000, 2000, 8), (20_000, 200, 25)]:
            for form in ["text", "json", "jsonl"]:
                for by_signal in [False, True]:
                    service.padding = b"x" * size
                    ends = [end(args, service, tasks, form, by_signal, wait) for _ in range(args.runs)]
                    took = sorted(1000 * seconds for seconds, _ in ends)
                    at = [took[len(took) // 2], took[len(took) * 99 // 100], took[-1]]
                    whole = sum(whole for _, whole in ends)
                    times = ", ".join(f"{time:.0f} ms" for time in at)
                    print(f"| {tasks} × {size} | {form} | {'SIGTERM' if by_signal else 'deadline'} | {times} | {whole} of {len(ends)} |", flush=True)
    finally:
        for loop in loops:
            loop.kill()


main()
