# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that tells what a deploy did in as many lines as a person reads."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.apiary.swarm.plugins.filter.table import table

DOCUMENTATION = r"""
name: deploy_report
short_description: Tell what a deploy did
description:
  - Takes the result of M(apiary.swarm.stack) and returns lines for M(apiary.swarm.show), each thing once.
  - The plan comes first. One of more than 60 lines is summed up, with one line for services to which the same happens.
    Warnings are left out, for Ansible shows them.
  - Then services that do not stand as they should or were changed, at most 30 of them, the others by number; then
    migrations and the release.
version_added: 1.0.0
author:
  - apiary.swarm contributors (@apiary-swarm)
options:
  _input:
    description: The result.
    type: dict
    required: true
  planned:
    description: Whether it comes from check mode, which knows nothing of tasks yet.
    type: bool
    default: false
positional: planned
seealso:
  - module: apiary.swarm.show
"""

EXAMPLES = r"""
- name: Deploy
  apiary.swarm.stack:
    name: shop
    file: shop.yml
  register: done

- name: Show what was done
  apiary.swarm.show:
    lines: "{{ done | apiary.swarm.deploy_report }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

#: Lines of a plan that are shown as they are, services of a table, and names in one line.
_MANY_LINES = 60
_MANY_ROWS = 30
_MANY_NAMES = 3
_HEAD = re.compile(r"(?P<sign>[-+~!]) (?P<kind>\w+) (?P<name>[^\s:]+)(?P<effect>.*)")
_COLUMNS = ["name", "action", "image", "state", "running", "wanted"]


def deploy_report(result: Mapping[str, t.Any], planned: bool = False) -> list[str]:
    """Return what a deploy did, or with *planned* would do."""
    lines = [line for line in result.get("summary") or () if not line.startswith("warning: ")]
    lines = _summed(lines) if len(lines) > _MANY_LINES else lines
    lines = lines or ["nothing changes"]
    if not planned:
        lines += ["", *_services(result.get("services") or ())]
        for item in result.get("migrations") or ():
            title = f"Migration of {item['service']} on {item['node']}, {item['seconds']} s: {item['command']}"
            lines += ["", title, *item["logs"]]
        release = result.get("release")
        lines += ["", f"Release {release['number']}, {release['outcome']}"] if release else []
    return lines


def _summed(lines: Sequence[str]) -> list[str]:
    """Return a plan with one line for all things to which the same happens."""
    alike: dict[tuple[str, str, str], list[list[str]]] = {}
    other: list[str] = []
    for block in _blocks(lines):
        head = _HEAD.fullmatch(block[0])
        if head is None:
            other += block
        else:
            alike.setdefault((head["sign"], head["kind"], head["effect"]), []).append([head["name"], *block])
    found = []
    for (sign, kind, effect), blocks in alike.items():
        if len(blocks) == 1:
            found += blocks[0][1:]
            continue
        names = [block[0] for block in blocks]
        more = f" and {len(names) - _MANY_NAMES} more" if len(names) > _MANY_NAMES else ""
        found.append(f"{sign} {len(names)} {kind}s{effect}: {', '.join(names[:_MANY_NAMES])}{more}")
    return found + other


def _blocks(lines: Sequence[str]) -> Iterator[list[str]]:
    """Yield each thing of a plan with the indented lines about it."""
    block: list[str] = []
    for line in lines:
        if block and not line.startswith(" "):
            yield block
            block = []
        block.append(line)
    if block:
        yield block


def _services(services: Sequence[Mapping[str, t.Any]]) -> list[str]:
    """Return a table of services: all of a few, of many those that were changed or do not stand as they should."""
    if len(services) <= _MANY_ROWS:
        return table(services, _COLUMNS)
    first = [item for item in services if item["state"] != "converged"]
    first += [item for item in services if item["state"] == "converged" and item["action"] != "none"]
    rest = len(services) - len(first[:_MANY_ROWS])
    states = {item["state"] for item in (*first[_MANY_ROWS:], *(i for i in services if i["action"] == "none"))}
    how = f", all {states.pop()}" if len(states) == 1 else ""
    return [*table(first[:_MANY_ROWS], _COLUMNS), f"and {rest} more services{how}"]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Any]:
        """Return the filters of this file."""
        return {"deploy_report": deploy_report}
