# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others changed on a live service, and what a stack's next deploy makes of it."""

from __future__ import annotations

import typing as t

import pytest
from stacks import service, stack
from workbench import Swarm

Json = dict[str, t.Any]


@pytest.fixture
def by_hand(swarm: Swarm, name: str) -> t.Iterator[Json]:
    """A secret, a config and a network that belong to no stack; removed when the services of the test are gone."""
    client = swarm.client
    made = {
        "secret": client.create_secret(f"hand-{name}", b"x")["ID"],
        "config": client.create_config(f"hand-{name}", b"x")["ID"],
        "network": client.create_network(f"hand-{name}", driver="overlay")["Id"],
    }
    yield made
    swarm.module("stack", name=name, state="absent", wait_timeout=20)
    client.remove_secret(made["secret"])
    client.remove_config(made["config"])
    client.remove_network(made["network"])


def test_d50_what_was_added_by_hand_survives_a_change_of_the_task(swarm: Swarm, name: str, by_hand: Json) -> None:
    image, web = swarm.images["v1"], f"{name}_web"
    file = {"UID": "0", "GID": "0", "Mode": 0o444}

    def add(spec: Json) -> None:
        container = spec["TaskTemplate"]["ContainerSpec"]
        for kind in ("Secret", "Config"):
            own = {"File": {"Name": "hand", **file}, f"{kind}ID": by_hand[kind.lower()], f"{kind}Name": f"hand-{name}"}
            container[f"{kind}s"] = [own]
        container["Init"] = False
        spec["TaskTemplate"]["Networks"] = [{"Target": by_hand["network"], "Aliases": ["hand"]}]
        spec["TaskTemplate"]["Resources"] = {"Limits": {"Pids": 100}}

    assert not swarm.stack(stack(name, service(name, "web", image))).failed
    swarm.update(web, add)
    before = swarm.spec(web)["TaskTemplate"]
    changed = swarm.stack(stack(name, service(name, "web", image, env={"A": "1"})))
    assert changed.changed and not changed.failed, changed.msg
    after = swarm.spec(web)["TaskTemplate"]
    assert after["ContainerSpec"].pop("Env") == ["A=1"] and after == before
    assert len(swarm.tasks(web)) == 1


def test_d51_what_the_file_says_goes_back_to_the_default(swarm: Swarm, name: str) -> None:
    entry = service(name, "web", swarm.images["v1"])
    entry.declared = [["UpdateConfig", "Order"], ["TaskTemplate", "ContainerSpec", "ReadOnly"]]
    assert not swarm.stack(stack(name, entry)).failed

    def edit(spec: Json) -> None:
        spec["UpdateConfig"].update(Order="start-first", Delay=1)
        spec["TaskTemplate"]["ContainerSpec"].update(ReadOnly=True, TTY=True)

    swarm.update(f"{name}_web", edit)
    back = swarm.stack(stack(name, entry))
    assert back.changed and not back.failed, back.msg
    spec = swarm.spec(f"{name}_web")
    assert (spec["UpdateConfig"]["Order"], spec["UpdateConfig"]["Delay"]) == ("stop-first", 1)
    assert "ReadOnly" not in spec["TaskTemplate"]["ContainerSpec"] and spec["TaskTemplate"]["ContainerSpec"]["TTY"]
    assert not swarm.stack(stack(name, entry)).changed


def test_d61_all_at_once_comes_and_goes(swarm: Swarm, name: str) -> None:
    def deploy(**update: int) -> Json | None:
        entry = service(name, "web", swarm.images["v1"])
        entry.spec.pop("UpdateConfig")
        entry.spec.update({"UpdateConfig": update} if update else {})
        done = swarm.stack(stack(name, entry), wait=False)
        assert done.changed and not done.failed, done.msg
        assert not swarm.stack(stack(name, entry), wait=False).changed
        return swarm.spec(f"{name}_web").get("UpdateConfig")

    assert deploy() is None
    assert (deploy(Parallelism=0) or {}).get("Parallelism") == 0
    assert deploy(Parallelism=0, Delay=1)
    assert deploy() is None
