# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends requests at a constant rate to one address until it is told to stop; prints what came of them as JSON.

Arguments: address, requests per second. Each line on the standard input names the phase that begins; its end ends all.
Printed is, for each phase, how many requests began in it, their answers, and the median and 99th percentile of the time
from when a request was due to its answer, in seconds.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
import typing as t
from collections import Counter

#: So many that a slow answer does not hold up the requests that are due after it.
_THREADS = 32


def main(address: str, rate: float) -> None:
    """Send and count."""
    answers: list[tuple[str, float, str]] = []
    phases = ["start"]
    stop = threading.Event()

    def work(number: int) -> None:
        due = time.monotonic() + number / rate
        while not stop.wait(max(0.0, due - time.monotonic())):
            # A late request is not left out: what is measured is what a client would feel.
            answers.append((phases[-1], *request(address, due)))
            due += _THREADS / rate

    workers = [threading.Thread(target=work, args=(number,)) for number in range(_THREADS)]
    for worker in workers:
        worker.start()
    for line in sys.stdin:
        phases.append(line.strip())
    stop.set()
    for worker in workers:
        worker.join()
    print(json.dumps({phase: _summary(answers, phase) for phase in phases}))


def _summary(answers: list[tuple[str, float, str]], phase: str) -> dict[str, t.Any]:
    times = sorted(seconds for name, seconds, _answer in answers if name == phase)
    return {
        "count": len(times),
        "answers": Counter(answer for name, _seconds, answer in answers if name == phase),
        "median": times[len(times) // 2] if times else None,
        "p99": times[int(len(times) * 0.99)] if times else None,
    }


def request(address: str, due: float) -> tuple[float, str]:
    """Return the seconds from when a request was due to its answer, and the answer: the body, or what went wrong."""
    connection = http.client.HTTPConnection(address, 80, timeout=10)
    try:
        connection.request("GET", "/", headers={"Host": "shop.example.org"})
        response = connection.getresponse()
        text = response.read().decode(errors="replace").strip()
        answer = text if response.status == 200 else f"status {response.status}"
    except (OSError, http.client.HTTPException) as exc:
        answer = f"{type(exc).__name__}: {exc}"
    finally:
        connection.close()
    return time.monotonic() - due, answer


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
