# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What C(x-apiary), C(depends_on) and the options of the stack add: logs, waves, migrations, raw spec fields."""

from __future__ import annotations

import typing as t

from ..._words import nearest
from ..compose import Project
from ..model import Migration, ServiceEntry, Spec, StackOptions

_BUFFER = "25m"


def logs(
    project: Project, stack: str, service: str, definition: t.Mapping[str, t.Any], options: StackOptions
) -> tuple[Spec | None, Spec | None]:
    """Return the log driver that is to be added (None: leave what there is) and the entry's C(logs).

    A service without C(logging) logs to CloudWatch when the stack has a prefix for log groups. Raises ComposeError.
    """
    settings = {
        **project.sections.apiary.get("logs", {}),
        **definition.get("x-apiary", {}).get("logs", {}),
    }
    logging = definition.get("logging")
    if logging is not None:
        group = (logging.get("options") or {}).get("awslogs-group", "")
        if logging.get("driver") != "awslogs" or not group:
            return None, None
        return None, _group(group, settings)
    if not options.log_group_prefix:
        return None, None
    group = f"{options.log_group_prefix.rstrip('/')}/{stack}/{service}"
    driver: Spec = {"awslogs-group": group, "tag": "{{.Name}}", "mode": settings.get("mode", "non-blocking")}
    if options.log_region:
        driver["awslogs-region"] = options.log_region
    if driver["mode"] == "non-blocking":
        driver["max-buffer-size"] = settings.get("max_buffer_size", _BUFFER)
    elif "max_buffer_size" in settings:
        path = ("services", service, "x-apiary", "logs")
        raise project.error(path, "max_buffer_size has no meaning with mode blocking; remove it")
    return {"Name": "awslogs", "Options": driver}, _group(group, settings)


def _group(group: str, settings: t.Mapping[str, t.Any]) -> Spec:
    return {
        "group": group,
        "retention_days": settings.get("retention_days"),
        "tags": settings.get("tags", {}),
        "kms_key_id": settings.get("kms_key_id"),
    }


def overlay(spec: Spec, extra: t.Mapping[str, t.Any]) -> Spec:
    """Return the spec with C(x-apiary.spec) laid over it: mappings by key, null removes, anything else replaces."""
    result = dict(spec)
    for key, value in extra.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = overlay(result[key], value)
        else:
            result[key] = value
    return result


def set_waves(project: Project, services: dict[str, ServiceEntry]) -> None:
    """Set the wave of each service: what it says itself, or one more than the last one that it depends on.

    Raises ComposeError for dependencies that are missing, run in a circle, or contradict a given wave.
    """
    done: dict[str, int] = {}

    def visit(name: str, chain: tuple[str, ...]) -> int:
        if name in done:
            return done[name]
        if name in chain:
            circle = " -> ".join((*chain[chain.index(name) :], name))
            problem = f"services depend on each other in a circle: {circle}; remove one dependency"
            raise project.error(("services", name, "depends_on"), problem)
        entry = services[name]
        least = 0
        for other in entry.depends_on:
            if other not in services:
                hint = nearest(other, services) or "; describe it, or remove it here"
                problem = f'the service "{other}" is not under the top-level services{hint}'
                raise project.error(("services", name, "depends_on"), problem)
            least = max(least, visit(other, (*chain, name)) + 1)
        given = project.sections.services[name].get("x-apiary", {}).get("wave")
        if given is not None and given < least:
            problem = f"is {given}, but services that it depends on are in wave {least - 1}; write {least} or more"
            raise project.error(("services", name, "x-apiary", "wave"), problem)
        done[name] = entry.wave = least if given is None else given
        return done[name]

    for name in services:
        visit(name, ())


def migrations(project: Project, services: t.Mapping[str, ServiceEntry]) -> list[Migration]:
    """Return the migrations of the stack, then those of its services. Raises ComposeError for an unknown service."""
    result: list[Migration] = []
    for item in project.sections.apiary.get("migrate", []):
        if item["service"] not in services:
            hint = nearest(item["service"], services)
            problem = f'the service "{item["service"]}" is not under the top-level services{hint}'
            raise project.error(("x-apiary", "migrate", "service"), problem)
        result.append(Migration(**item))
    for name in services:
        for item in project.sections.services[name].get("x-apiary", {}).get("migrate", []):
            result.append(Migration(service=name, **item))
    return result
