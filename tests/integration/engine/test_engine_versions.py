# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What plan/versions.py says of fields, asked of the engine that runs here, whichever it is (LAB_ENGINE)."""

from __future__ import annotations

import typing as t

import pytest
from stacks import service
from workbench import Swarm

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan.versions import too_new

Json = dict[str, t.Any]


def _mount(kind: str, **options: t.Any) -> Json:
    source = {"bind": "/tmp", "volume": "some", "tmpfs": "", "image": "app", "cluster": "group:some"}[kind]
    return {"Mounts": [{"Type": kind, "Source": source, "Target": "/x", **options}]}


FIELDS: dict[str, tuple[Json, Json]] = {  # further fields of ContainerSpec, of Resources
    "no-new-privileges": ({"Privileges": {"NoNewPrivileges": True}}, {}),
    "seccomp": ({"Privileges": {"Seccomp": {"Mode": "unconfined"}}}, {}),
    "apparmor": ({"Privileges": {"AppArmor": {"Mode": "disabled"}}}, {}),
    "start-interval": ({"Healthcheck": {"Test": ["CMD", "true"], "StartInterval": 10**9}}, {}),
    "create-mountpoint": (_mount("bind", BindOptions={"CreateMountpoint": True}), {}),
    "writable": (_mount("bind", BindOptions={"ReadOnlyNonRecursive": True}, ReadOnly=True), {}),
    "readonly": (
        _mount("bind", BindOptions={"ReadOnlyForceRecursive": True, "Propagation": "rprivate"}, ReadOnly=True),
        {},
    ),
    "subpath": (_mount("volume", VolumeOptions={"Subpath": "one"}), {}),
    "tmpfs-options": (_mount("tmpfs", TmpfsOptions={"Options": [["noexec"]]}), {}),
    "oom-score": ({"OomScoreAdj": 100}, {}),
    "swap": ({}, {"SwapBytes": 2**26}),
    "swappiness": ({}, {"MemorySwappiness": 10}),
    "image-mount": (_mount("image"), {}),
    "cluster-mount": (_mount("cluster", ClusterOptions={}), {}),
}


@pytest.mark.parametrize("field", FIELDS)
def test_d63_an_engine_keeps_what_it_is_new_enough_for_and_no_more(swarm: Swarm, name: str, field: str) -> None:
    container, resources = FIELDS[field]
    spec = service(
        name, "web", swarm.images["v1"], 0, container=container, template={"Resources": resources} if resources else {}
    ).spec
    refused = too_new(spec, swarm.client.version()["ApiVersion"])
    answer = swarm.client.post(f"{swarm.client.base_url}/services/create", json=spec)
    kept = False
    if answer.status_code == 201:
        template = swarm.spec(f"{name}_web")["TaskTemplate"]
        kept = _holds(template["ContainerSpec"], container) and _holds(template.get("Resources") or {}, resources)
    assert kept == (refused == []), f"{answer.status_code} {answer.text} {refused}"


def _holds(live: t.Any, wanted: t.Any) -> bool:
    """Say whether everything wanted is there; an engine leaves out what is empty (C(ClusterOptions) always is)."""
    if not wanted:
        return True
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(_holds(live.get(key), wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        return isinstance(live, list) and len(live) == len(wanted) and all(map(_holds, live, wanted))
    return bool(live == wanted)
