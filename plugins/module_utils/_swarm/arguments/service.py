# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wrong with the arguments of the module service beside their types. Pure.

As in :mod:`.common`, each problem is one clause that begins with the option.
"""

from __future__ import annotations

import typing as t

from .. import constraints
from ..convert.names import object_name_problem, service_name_problem
from ..problems import BadValue
from ..values import duration, is_address, size
from .common import Params, common_problems, image_problems, variable_problems

_PORTS = 65535
#: The engine refuses less.
_LEAST_MEMORY = 4 * 1024**2


def service_problems(params: Params) -> t.Iterator[str]:
    """Yield what is wrong with the arguments of the module service."""
    yield from common_problems(params)
    problem = service_name_problem(params["name"])
    if problem:
        yield f"name: {problem}"
    yield from image_problems(params)
    if isinstance(params["env"], dict):
        yield from variable_problems("env", params["env"])
    yield from _addresses(params)
    yield from _resources(params)
    yield from _updates(params)
    yield from _ports(params["publish"] or [])
    yield from _mounts(params["mounts"] or [])
    yield from _files(params)
    yield from _placement(params["placement"] or {})
    for item in params["ulimits"] or []:
        if item["soft"] > item["hard"] >= 0:
            yield f"ulimits.{item['name']}: soft ({item['soft']}) is more than hard ({item['hard']})"
    if (params["oom_score_adj"] or 0) not in range(-1000, 1001):
        yield f"oom_score_adj: must be from -1000 to 1000, not {params['oom_score_adj']}"


def _addresses(params: Params) -> t.Iterator[str]:
    given = [("dns", item) for item in params["dns"] or []]
    given += [(f"hosts.{name}", address) for name, address in (params["hosts"] or {}).items()]
    for option, address in given:
        if not is_address(str(address)):
            yield f'{option}: must be an IP address, not "{address}"'
    for name in params["hosts"] or {}:
        if len(str(name).split()) != 1:
            yield f'hosts: "{name}" is not the name of one host; write an entry for each'


def _resources(params: Params) -> t.Iterator[str]:
    limits, reservations = params["limits"] or {}, params["reservations"] or {}
    for option, values in (("limits", limits), ("reservations", reservations)):
        if (values.get("cpus") or 0) < 0:
            yield f"{option}.cpus: must not be negative"
    memory = _value(size, limits.get("memory"))
    reserved = _value(size, reservations.get("memory"))
    if 0 < memory < _LEAST_MEMORY:
        yield "limits.memory: must be at least 4M, which is the engine's least"
    if 0 < memory < reserved:
        yield "reservations.memory: must not be more than limits.memory"
    if 0 < (limits.get("cpus") or 0) < (reservations.get("cpus") or 0):
        yield "reservations.cpus: must not be more than limits.cpus"
    if (limits.get("pids") or 0) < -1:
        yield "limits.pids: must be a number of processes, or 0 for no limit"


def _value(read: t.Callable[[t.Any], int], text: t.Any) -> int:
    """Return a size or duration; one that is none is told where it is used."""
    try:
        return read(text) if text else 0
    except BadValue:
        return 0


def _updates(params: Params) -> t.Iterator[str]:
    for option in ("update_config", "rollback_config"):
        values = params[option] or {}
        if (values.get("parallelism") or 0) < 0:
            yield f"{option}.parallelism: must be a number of tasks, or 0 for all at once"
        if not 0 <= (values.get("max_failure_ratio") or 0) <= 1:
            yield f"{option}.max_failure_ratio: must be from 0 to 1, not {values['max_failure_ratio']:g}"
        if values and str(params["mode"]).endswith("-job"):
            yield f"{option}: a job has no updates; remove it or choose another mode"
    if ((params["restart_config"] or {}).get("max_attempts") or 0) < 0:
        yield "restart_config.max_attempts: must be a number of attempts, or 0 for any number"
    if (
        params["mode"]
        and params["mode"].endswith("-job")
        and (params["restart_config"] or {}).get("condition") == "any"
    ):
        yield "restart_config.condition: a job is not started again after it has ended well; use on-failure or none"
    check = params["healthcheck"] or {}
    if (check.get("retries") or 0) < 0:
        yield "healthcheck.retries: must not be negative"
    for key in ("interval", "timeout", "start_period", "start_interval"):
        if 0 < _value(duration, check.get(key)) < 1_000_000:
            yield f"healthcheck.{key}: must be at least 1ms, or 0 for the image's"


def _ports(ports: t.Sequence[Params]) -> t.Iterator[str]:
    seen: set[tuple[t.Any, ...]] = set()
    for item in ports:
        for key in ("target_port", "published_port"):
            value = item.get(key)
            if value is not None and not (0 if key == "published_port" else 1) <= value <= _PORTS:
                yield f"publish.{key}: must be from 1 to {_PORTS}, not {value}"
        place = (item.get("published_port"), item.get("protocol") or "tcp", item.get("mode") or "ingress")
        if item.get("published_port") and place in seen:
            yield f"publish: port {place[0]}/{place[1]} is published twice; remove one"
        seen.add(place)


def _mounts(mounts: t.Sequence[Params]) -> t.Iterator[str]:
    seen: set[str] = set()
    for item in mounts:
        target = item["target"]
        # The engine fills templates in for each task (swarmkit template/expand.go).
        if not target.startswith(("/", "{{")) and item.get("type") != "npipe":
            yield f'mounts: the target "{target}" must be a path from the root, such as "/{target}"'
        if target in seen:
            yield f"mounts: there are two mounts at {target}; remove one"
        seen.add(target)
        if item.get("type") == "bind" and item.get("source") and not item["source"].startswith(("/", "{{")):
            yield f'mounts: the source "{item["source"]}" must be a path from the root; or use type volume'


def _files(params: Params) -> t.Iterator[str]:
    for option, key in (("configs", "config_name"), ("secrets", "secret_name")):
        seen: set[str] = set()
        for item in params[option] or []:
            problem = object_name_problem(item[key])
            if problem:
                yield f"{option}: {problem}"
            file = item.get("filename") or item[key]
            if file in seen:
                yield f"{option}: two of them are at {file}; give one another filename"
            seen.add(file)


def _placement(placement: Params) -> t.Iterator[str]:
    for constraint in placement.get("constraints") or []:
        problem = constraints.problem(constraint) or constraints.unknown(constraint)
        if problem:
            yield f"placement.constraints: {problem}"
    if (placement.get("replicas_max_per_node") or 0) < 0:
        yield "placement.replicas_max_per_node: must be a number of tasks, or 0 for any number"
