#!/usr/bin/env python3
"""Draws docs/session.svg: `jobwait demo` and `jobwait demo --fail` in a terminal, as recorded.

Needs pyte, a terminal emulator: pip install pyte. Run it in the root of the project after `cargo build --release`.
"""

import fcntl
import html
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time

import pyte

COLUMNS, LINES = 104, 13
LETTER, LINE, EDGE = 8.4, 19, 16
COLORS = {"default": "#d8dee9", "cyan": "#56b6c2", "green": "#98c379"}


def session(program):
    """Returns the screens of a session, each with its duration."""
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    frames = []

    def keep(seconds=0.0):
        lines = [[(screen.buffer[y][x].data, screen.buffer[y][x].fg) for x in range(COLUMNS)] for y in range(LINES)]
        if frames and frames[-1][0] == lines:
            frames[-1][1] += seconds
        else:
            frames.append([lines, seconds])

    for arguments in (["demo"], ["demo", "--fail"]):
        stream.feed(("\x1b[32m$\x1b[0m jobwait " + " ".join(arguments) + "\r\n").encode())
        keep(0.8)
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        child = subprocess.Popen(
            [program, *arguments], stdin=slave, stdout=slave, stderr=slave, env={"TERM": "xterm-256color"}
        )
        os.close(slave)
        at = time.monotonic()
        while True:
            if select.select([master], [], [], 0.05)[0]:
                try:
                    data = os.read(master, 65536)
                except OSError:
                    break
                if not data:
                    break
                # Waits for the rest of what is drawn at once.
                time.sleep(0.02)
                stream.feed(data)
            now = time.monotonic()
            keep(now - at)
            at = now
        code = child.wait()
        stream.feed(f"\x1b[32m$\x1b[0m echo $?\r\n{code}\r\n".encode())
        keep(2.5)
        if arguments == ["demo"]:
            screen.reset()
    return frames


def spans(line):
    """Splits a line into parts of one color: column, text and color."""
    out, column = [], 0
    text = "".join(letter for letter, _ in line).rstrip()
    while column < len(text):
        end = column
        while end < len(text) and line[end][1] == line[column][1]:
            end += 1
        color = COLORS.get(line[column][1], COLORS["default"])
        out.append((column, text[column:end], color))
        column = end
    return out


def svg(frames):
    width, height = COLUMNS * LETTER + 2 * EDGE, LINES * LINE + 2 * EDGE + 18
    total = sum(seconds for _, seconds in frames)
    css, body, begin = [], [], 0.0
    for number, (lines, seconds) in enumerate(frames):
        last = number == len(frames) - 1
        start, end = 100 * begin / total, 100 * (begin + seconds) / total
        css.append(f"@keyframes f{number}{{0%{{opacity:{int(start == 0)}}}{start:.3f}%{{opacity:1}}{end:.3f}%{{opacity:{int(last)}}}}}")
        css.append(f"#f{number}{{opacity:{int(last)};animation:f{number} {total:.2f}s step-end infinite}}")
        rows = []
        for y, line in enumerate(lines):
            for x, text, color in spans(line):
                if text.strip():
                    rows.append(
                        f'<text x="{EDGE + x * LETTER:.1f}" y="{EDGE + 18 + (y + 1) * LINE - 5}" fill="{color}" '
                        f'textLength="{len(text) * LETTER:.1f}" xml:space="preserve">{html.escape(text)}</text>'
                    )
        body.append(f'<g id="f{number}">{"".join(rows)}</g>')
        begin += seconds
    # With reduced motion, only the last screen is shown.
    css.append("@media (prefers-reduced-motion){g{animation:none!important}}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" '
        'font-family="ui-monospace,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="14" role="img">'
        "<title>jobwait demo, and jobwait demo --fail, in a terminal</title>"
        f"<style>{''.join(css)}</style>"
        f'<rect width="100%" height="100%" rx="8" fill="#20242c"/>'
        + "".join(f'<circle cx="{EDGE + 6 + 18 * n}" cy="16" r="5" fill="#4b5263"/>' for n in range(3))
        + "\n".join(body)
        + "</svg>\n"
    )


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else "target/release/jobwait"
    picture = svg(session(program))
    with open("docs/session.svg", "w", encoding="utf-8") as file:
        file.write(picture)


main()
