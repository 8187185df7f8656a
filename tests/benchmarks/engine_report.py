# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of docs/benchmarks.md on deploys. Pure."""

from __future__ import annotations

from bench_report import table
from engine_figures import WORKS, Count, Figures, crossing, ratio, slope
from measure import Result
from svg import chart

NAMES = {
    "ours": "`apiary.swarm.stack`",
    "module": "the same, in a process of its own",
    "minimal": "minimal module",
    "cli": "`docker stack deploy`",
    "stack": "`docker_stack`",
    "loop": "loop of `docker_swarm_service`",
}
TARGET_MINIMAL, TARGET_LOOP, TARGET_STACK, TARGET_REQUESTS, TARGET_CROSSING, TARGET_LATE = 1.5, 25, 4, 8, 150, 0.5
LARGE = 100

INTRODUCTION = """Tiny services (one replica of `sleep`, one overlay network, one image in a registry beside the
engine) on one engine, deployed by a playbook with one task, or by the bare command line. Seconds of the whole process,
Ansible's start included. All resolve digests but the minimal module, which is the floor and no rival: it lists services
and tasks, compares environments only, and sends what differs; no digests, plan, lock, wait or history.

Where the controller is the manager, as here, our module runs in Ansible's own process. On any other host, or as another
user, it is packed, copied and run like every module: the second row."""


def page(figures: Figures, setting: str) -> str:
    """Return the part of the page; *setting* tells versions, machine and how to repeat it."""
    parts = [f"## Deploys\n\n{setting}\n\n{INTRODUCTION}", _targets(figures)]
    if figures.repeated:
        parts.append(f"Runs that failed and were repeated: {'; '.join(figures.repeated)}.")
    parts += [_work(figures, work, title) for work, title in WORKS.items()]
    parts += [_requests(figures), _growth(figures), _converged(figures), _memory(figures)]
    return "\n\n".join(part for part in parts if part)


def picture(figures: Figures) -> str:
    """Return the growth as SVG."""
    lines = {
        NAMES[rival].strip("`"): [(size, runs[rival].seconds) for size, runs in sorted(figures.growth.items())]
        for rival in ("cli", "ours", "minimal")
    }
    return chart("Run again, nothing to change", "services", "seconds", lines)


def seconds(result: Result) -> str:
    """Return the median time, the spread and the number of runs."""
    times = [run.seconds for run in result.runs]
    if len(times) == 1:
        return f"{result.seconds:.2f} (once)"
    return f"{result.seconds:.2f} ({min(times):.2f} to {max(times):.2f}; {len(times)})"


def _work(figures: Figures, work: str, title: str) -> str:
    sizes = sorted(size for found, size in figures.times if found == work)
    if not sizes:
        return ""
    rows = []
    for rival in (name for name in NAMES if any(name in figures.times[work, size] for size in sizes)):
        row = [NAMES[rival]]
        for size in sizes:
            runs = figures.times[work, size]
            if rival in runs:
                row += [seconds(runs[rival]), f"{ratio(runs[rival], runs['ours']):.2f}"]
            else:
                row += ["", ""]
        rows.append(row)
    head = ["", *(word for size in sizes for word in (f"{size} services: s (from, to; runs)", "times ours"))]
    return f"### {title}\n\n{table(head, rows)}"


def _targets(figures: Figures) -> str:
    rows = []
    for work, title in WORKS.items():
        found = {size: runs for (name, size), runs in sorted(figures.times.items()) if name == work}
        sizes = " / ".join(str(size) for size in found)
        for name, words in (("ours", ""), ("module", ", in a process of its own")):
            to_floor = [ratio(runs[name], runs["minimal"]) for runs in found.values() if name in runs]
            if to_floor:
                rows.append(
                    _target(f"{title}, {sizes} services", f"at most {TARGET_MINIMAL} times the minimal module{words}",
                            " / ".join(f"{value:.2f}" for value in to_floor), max(to_floor) <= TARGET_MINIMAL)
                )  # fmt: skip
        runs = found.get(LARGE, {})
        for rival, least in (("loop", TARGET_LOOP), ("stack", TARGET_STACK)):
            if rival in runs and work != "create":
                value = ratio(runs[rival], runs["ours"])
                rows.append(
                    _target(f"{title}, {LARGE} services", f"{least} times as fast as {NAMES[rival]}",
                            f"{value:.1f}", value >= least)
                )  # fmt: skip
    rows += _count_targets(figures)
    if figures.growth:
        at = crossing(_medians(figures, "ours"), _medians(figures, "cli"))
        rows.append(
            _target("Nothing to change", f"faster than `docker stack deploy` past about {TARGET_CROSSING} services",
                    "never" if at is None else f"from {at:.0f} on", at is not None and at <= TARGET_CROSSING)
        )  # fmt: skip
    for item in figures.converged:
        if item.rival == "ours":
            rows.append(
                _target(f"Create {item.count}, converged", f"at most {TARGET_LATE} s after the last monitor time",
                        f"{item.median:.2f} s", item.median <= TARGET_LATE)
            )  # fmt: skip
    return f"### Targets\n\n{table(['work', 'target', 'measured', ''], rows)}"


def _count_targets(figures: Figures) -> list[list[str]]:
    rows = []
    for (work, size), counts in sorted(figures.counts.items()):
        ours = counts["ours"]
        if work == "unchanged":
            good = ours.requests <= TARGET_REQUESTS and ours.services + ours.others == 0
            rows.append(
                _target(f"Nothing to change, {size} services", f"at most {TARGET_REQUESTS} requests, no write",
                        f"{ours.requests}, {ours.services + ours.others} writes", good)
            )  # fmt: skip
        elif work == "changed":
            rows.append(
                _target(f"One variable changed, {size} services", "one service written",
                        f"{ours.services}, and {ours.others} writes for the record of the release", ours.services == 1)
            )  # fmt: skip
    return rows


def _target(work: str, target: str, measured: str, met: bool) -> list[str]:
    return [work, target, measured, "met" if met else "**missed**"]


def _requests(figures: Figures) -> str:
    if not figures.counts:
        return ""
    rows = []
    for (work, size), counts in sorted(figures.counts.items()):
        for rival, count in counts.items():
            rows.append([WORKS[work], str(size), NAMES[rival], *_numbers(count)])
    head = ["work", "services", "", "reads", "digest look-ups", "services written", "other writes"]
    return (
        "### Requests to the engine\n\nCounted by a proxy before the engine, in runs that are not timed. A release is "
        "recorded with two writes: when it begins (which locks the stack) and when it ends; once there are more than "
        f"ten, the oldest is removed.\n\n{table(head, rows)}"
    )


def _numbers(count: Count) -> list[str]:
    return [str(value) for value in (count.reads, count.lookups, count.services, count.others)]


def _medians(figures: Figures, rival: str) -> dict[int, float]:
    return {size: runs[rival].seconds for size, runs in sorted(figures.growth.items()) if rival in runs}


def _growth(figures: Figures) -> str:
    if len(figures.growth) < 2:
        return ""
    rivals = [rival for rival in ("ours", "cli", "minimal") if any(rival in runs for runs in figures.growth.values())]
    rows = [
        [str(size), *(f"{runs[rival].seconds:.2f}" for rival in rivals), f"{ratio(runs['cli'], runs['ours']):.2f}"]
        for size, runs in sorted(figures.growth.items())
    ]
    rows.append(["each more", *(f"{slope(_medians(figures, rival)):.1f} ms" for rival in rivals), ""])
    at = crossing(_medians(figures, "ours"), _medians(figures, "cli"))
    words = (
        "does not overtake it up to that size" if at is None else f"is the faster one from about {at:.0f} services on"
    )
    head = ["services", *(f"{NAMES[rival]}, s" for rival in rivals), "command line to ours"]
    return (
        "### Growth\n\nNothing to change, seconds by number of services. The command line needs no Ansible, looks up "
        f"a digest for each service and writes each one; ours {words}.\n\n{table(head, rows)}\n\n"
        "![Seconds by number of services](benchmarks-growth.svg)"
    )


def _converged(figures: Figures) -> str:
    if not figures.converged:
        return ""
    rows = [
        [str(item.count), NAMES[item.rival], f"{item.median:.2f}", f"{min(item.late):.2f} to {max(item.late):.2f}"]
        for item in figures.converged
    ]
    head = ["services", "", "seconds later", "from, to"]
    return (
        "### Create all, converged\n\nHow much later than the moment at which the engine's last task had run for its "
        "monitor time (5 s) the deploy said so: the task's own line in the playbook's output, or the end of "
        f"`docker stack deploy --detach=false`.\n\n{table(head, rows)}"
    )


def _memory(figures: Figures) -> str:
    if not figures.memory:
        return ""
    sizes = sorted({size for dummy, size in figures.memory})
    rivals = [rival for rival in NAMES if any(found == rival for found, dummy in figures.memory)]
    rows = [[NAMES[rival], *(f"{figures.memory[rival, size]:.0f}" for size in sizes)] for rival in rivals]
    head = ["peak MiB", *(f"{size} services" for size in sizes)]
    return f"### Memory\n\nThe process on the manager that runs the module, nothing to change.\n\n{table(head, rows)}"
