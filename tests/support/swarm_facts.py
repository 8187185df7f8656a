# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's JSON for tests without an engine: nodes, services and tasks with only what matters."""

from __future__ import annotations

import itertools
import typing as t

Json = dict[str, t.Any]
_IDS = itertools.count(1)


def node(name: str, role: str = "worker", state: str = "ready", availability: str = "active", **more: t.Any) -> Json:
    """Make a node; its id is C(id-<name>)."""
    manager = {"ManagerStatus": {"Reachability": "reachable" if state == "ready" else "unreachable"}}
    return {
        "ID": f"id-{name}",
        "Version": {"Index": 1},
        "Spec": {"Role": role, "Availability": availability, "Labels": more.get("labels", {})},
        "Description": {
            "Hostname": name,
            "Platform": {"OS": "linux", "Architecture": more.get("architecture", "x86_64")},
            "Resources": {
                "MemoryBytes": more.get("memory", 1024**3),
                "NanoCPUs": more.get("cpus", 2) * 10**9,
                "GenericResources": more.get("generic", []),
            },
            "Engine": {"EngineVersion": more.get("engine", "26.1.5"), "Labels": more.get("engine_labels", {})},
        },
        "Status": {"State": state, "Addr": more.get("address", "10.0.0.1")},
        **(manager if role == "manager" else {}),
    }


def service(spec: Json, update: str = "", message: str = "", job: int | None = None) -> Json:
    """Make a live service; its id is C(id-<name>)."""
    live: Json = {"ID": f"id-{spec['Name']}", "Version": {"Index": 1}, "Spec": spec}
    if update:
        live["UpdateStatus"] = {"State": update, "Message": message}
    if job is not None:
        live["JobStatus"] = {"JobIteration": {"Index": job}}
    return live


def task(
    of: Json,
    state: str = "running",
    slot: int = 1,
    on: str = "a",
    spec: Json | None = None,
    desired: str | None = None,
    error: str = "",
    exit_code: int | None = None,
    **more: t.Any,
) -> Json:
    """Make a task of the service I(of); later ones are newer."""
    number = next(_IDS)
    ended = state in ("failed", "rejected", "complete", "shutdown", "orphaned")
    status: Json = {"State": state, "Timestamp": more.get("stamp", "2026-01-01T00:00:00.0Z")}
    if error:
        status["Err"] = error
    if exit_code is not None:
        status["ContainerStatus"] = {"ContainerID": f"c{number}", "ExitCode": exit_code}
    return {
        "ID": f"task-{number}",
        "ServiceID": of["ID"],
        "Slot": slot,
        "NodeID": f"id-{on}",
        "CreatedAt": f"2026-01-01T00:{number // 60 % 60:02}:{number % 60:02}.0Z",
        "Spec": spec if spec is not None else of["Spec"]["TaskTemplate"],
        "Status": status,
        "DesiredState": desired or ("shutdown" if ended else "running"),
        **({"JobIteration": {"Index": more["job"]}} if "job" in more else {}),
    }
