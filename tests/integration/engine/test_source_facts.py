# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts read from the engine's source, asked of a real engine: names, what of a config may change, ports that move."""

from __future__ import annotations

import typing as t

import pytest
from lab import until
from workbench import Swarm


def post(swarm: Swarm, path: str, body: dict[str, t.Any], **query: t.Any) -> tuple[int, str]:
    answer = swarm.client.post(f"{swarm.client.base_url}{path}", json=body, params=query)
    return answer.status_code, answer.text


@pytest.mark.parametrize(("suffix", "words"), [(".net", "DNS name component"), ("x" * 63, "63 characters or fewer")])
def test_networks_go_by_the_rule_of_services(swarm: Swarm, name: str, suffix: str, words: str) -> None:
    """See convert/names.py."""
    status, text = post(swarm, "/networks/create", {"Name": f"{name}{suffix}", "Driver": "overlay"})
    assert status == 400 and words in text


def test_a_config_takes_new_labels_and_its_content_or_none(swarm: Swarm, name: str) -> None:
    """See deploy/labels.py."""
    config = swarm.client.create_config(f"{name}_conf", b"one")["ID"]
    try:
        for data, status in ((None, 200), ("b25l", 200), ("dHdv", 400)):
            version = swarm.client.inspect_config(config)["Version"]["Index"]
            body = {"Name": f"{name}_conf", "Labels": {"data": str(data)}, **({"Data": data} if data else {})}
            found = post(swarm, f"/configs/{config}/update", body, version=version)
            assert found[0] == status and (status == 200 or "only updates to Labels are allowed" in found[1])
        assert swarm.client.inspect_config(config)["Spec"] == {
            "Name": f"{name}_conf", "Labels": {"data": "b25l"}, "Data": "b25l",
        }  # fmt: skip
    finally:
        swarm.client.remove_config(config)


def test_a_port_is_free_only_once_the_allocator_has_come_to_its_service(swarm: Swarm, name: str) -> None:
    """deploy/apply.py: what an update gives away counts for some time, and then no more."""

    def spec(which: str, *ports: int) -> dict[str, t.Any]:
        return {
            "Name": f"{name}_{which}",
            "TaskTemplate": {"ContainerSpec": {"Image": swarm.images["v1"]}, "Placement": {}},
            "Mode": {"Replicated": {"Replicas": 0}},
            "EndpointSpec": {"Ports": [{"TargetPort": 80, "PublishedPort": port} for port in ports]},
        }

    swarm.create(spec("old", 18999))
    refused = post(swarm, "/services/create", spec("new", 18999))
    assert refused[0] == 400 and " is already in use by service " in refused[1]
    old = swarm.client.inspect_service(f"{name}_old")
    assert post(swarm, f"/services/{old['ID']}/update", spec("old"), version=old["Version"]["Index"])[0] == 200
    until(lambda: post(swarm, "/services/create", spec("new", 18999))[0] == 201, "the port to be free")
