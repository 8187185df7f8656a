# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the swarm for a plan: a fixed number of requests, whatever the number of services."""

from __future__ import annotations

import concurrent.futures
import typing as t

from .engine import Engine
from .model import ObjectEntry, StackModel, label_filter
from .plan import Json, LiveState
from .tasks import SHOULD_RUN

Filters = t.Mapping[str, list[str]]


def read_live(engine: Engine, stack: str, model: StackModel | None = None) -> LiveState:
    """Read all that planning a stack needs: services, tasks, nodes, networks, configs and secrets.

    :param model: configs and secrets that it names and that do not carry the stack's label are read too: external ones,
        and those of others that are in the way.
    """
    own = label_filter(stack)
    live = read_swarm(engine, own, own)
    if model is not None:
        live.configs += _named(engine.configs, model.configs.values(), live.configs)
        live.secrets += _named(engine.secrets, model.secrets.values(), live.secrets)
    return live


def read_swarm(engine: Engine, configs: Filters | None, secrets: Filters | None) -> LiveState:
    """Read services, tasks, nodes and networks, and the configs and secrets that filters find, all of it at once.

    :param configs: filter, None for no configs; secrets: likewise.
    """
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        services = pool.submit(engine.services)
        tasks = pool.submit(engine.tasks, SHOULD_RUN)
        nodes = pool.submit(engine.nodes)
        networks = pool.submit(engine.networks)
        found_configs = pool.submit(engine.configs, configs) if configs else None
        found_secrets = pool.submit(engine.secrets, secrets) if secrets else None
    live = LiveState(
        services=services.result(),
        tasks=tasks.result(),
        nodes=nodes.result(),
        networks=networks.result(),
        configs=found_configs.result() if found_configs else [],
        secrets=found_secrets.result() if found_secrets else [],
        api_version=engine.api_version,
    )
    complete_networks(engine, live.networks, live.services)
    return live


def read_tasks(engine: Engine, service_ids: t.Iterable[str]) -> list[Json]:
    """Read the tasks of services, with their history.

    By the ids of services and not by a label: a task carries for ever the labels that its service had when it was made
    (swarmkit C(manager/orchestrator/task.go), C(NewTask); C(manager/controlapi/task.go), C(ListTasks)), and a label may
    be given or taken away by hand.
    """
    wanted = [service_id for service_id in service_ids if service_id]
    return engine.tasks({"service": wanted}) if wanted else []


def _named(
    read: t.Callable[[dict[str, list[str]]], list[Json]], entries: t.Iterable[ObjectEntry], known: t.Sequence[Json]
) -> list[Json]:
    """Return the objects that entries name and that do not carry the stack's label."""
    found = {item["Spec"]["Name"] for item in known}
    names = [entry.name for entry in entries if entry.name not in found]
    # The engine's filter is by prefix.
    return [item for item in read({"name": names}) if item["Spec"]["Name"] in names] if names else []


def complete_networks(engine: Engine, networks: list[Json], services: t.Iterable[Json]) -> None:
    """Add to I(networks) those that services use and that the list does not show (the swarm's own host network)."""
    known = {item["Id"] for item in networks}
    for service in services:
        for attachment in (service["Spec"].get("TaskTemplate") or {}).get("Networks") or []:
            target = attachment.get("Target", "")
            if target not in known:
                known.add(target)
                found = engine.network(target)
                if found is not None:
                    networks.append({**found, "Id": target})
