# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases, the lock, and what an interrupted deploy leaves to the next."""

from __future__ import annotations

import dataclasses
import platform
import typing as t

import pytest
from stacks import content, stack
from stacks import service as entry
from swarm_facts import Json, node

from ansible_collections.apiary.swarm.plugins.module_utils._errors import Conflict, LockHeld, OutOfSequence, PlanRefused
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy import lock, rollback
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.releases import (
    Release,
    base_trees,
    config_name,
    known_bad,
    last_good,
    read_release,
    read_releases,
    referenced,
    task_identity,
    to_drop,
)
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import Engine
from ansible_collections.apiary.swarm.plugins.modules import release_info


def _release(number: int, outcome: str = "converged", image: str = "app:1", **more: t.Any) -> Release:
    model = stack("shop", entry("shop", "web", image, env=more.pop("env", None)), **more.pop("sections", {}))
    values = {"at": "2026-01-01T00:00:00Z", "by": "ann", "host": "a", "pid": 7, "expires": "2026-01-01T01:00:00Z"}
    return Release("shop", number, **{**values, "git_revision": "", **more}, model=model, outcome=outcome)


def _config(release: Release, index: int = 3) -> Json:
    return {"ID": f"c{release.number}", "Version": {"Index": index}, "Spec": release.spec()}


def test_a_release_is_read_as_it_was_written_without_any_content() -> None:
    secret, config = content("shop", "sec", "s3cret"), content("shop", "conf", "text")
    release = _release(
        4, "failed", reason="web: crashed", bad={"shop_web": "abc"}, duration=3.2, rolled_back_to=3,
        sections={"secrets": {"sec": secret}, "configs": {"conf": config}},
    )  # fmt: skip
    found = read_release(_config(release))
    assert found is not None and found.config_id == "c4"
    assert found.model.secrets["sec"].data is None and found.model.configs["conf"].data is None
    assert found.summary() == release.summary()
    assert found.trees() == release.trees() and found.bad == {"shop_web": "abc"}
    assert referenced([found]) == ({config.name}, {secret.name})


def test_other_configs_are_no_releases() -> None:
    strange = {"ID": "x", "Version": {"Index": 1}, "Spec": {"Name": "x", "Labels": {}, "Data": "eA=="}}
    assert read_releases([strange, _config(_release(3)), _config(_release(2))]) == read_releases(
        [_config(_release(2)), _config(_release(3))]
    )


def test_names_stay_within_the_engines_limit() -> None:
    assert config_name("shop", 3) == "apiary-release.shop.3"
    long = [config_name("s" * 63, 1), config_name("s" * 62 + "t", 1)]
    assert all(len(name) <= 64 for name in long) and len(set(long)) == 2


def test_the_base_is_the_last_good_release_and_whatever_may_be_left_of_later_ones() -> None:
    good = [_release(1), _release(2, env={"A": "1"}), _release(3, "failed", env={"B": "1"})]
    assert base_trees(good) == _release(2, env={"A": "1"}).trees()
    for outcome in ("started", "broken", "abandoned"):
        env = base_trees([*good, _release(4, outcome, env={"C": "1"})])["shop_web"]["TaskTemplate"]["ContainerSpec"][
            "Env"
        ]
        assert set(env) == {"A", "C"}
    assert base_trees([_release(1, "failed")]) == {} and last_good([_release(1, "failed")]) is None


def test_what_failed_is_known_until_it_has_run() -> None:
    model = stack("shop", entry("shop", "web", "app:2"))
    bad = _release(2, "failed", "app:2", bad={"shop_web": task_identity(model.services["web"].spec)})
    assert known_bad([_release(1), bad], model) == [("shop_web", bad)]
    assert known_bad([_release(1), bad, _release(3, image="app:2")], model) == []
    assert known_bad([bad], stack("shop", entry("shop", "web", "app:3"))) == []
    moved = entry("shop", "web", "app:2", 5, template={"Placement": {"Constraints": ["node.role==worker"]}})
    assert known_bad([bad], stack("shop", moved)) == [("shop_web", bad)]


def _rolled_back(history: list[Release], number: int | None = None) -> list[Release]:
    to = rollback.target(history, "shop", number)
    fresh = _release(history[-1].number + 1, restores=rollback.origin(to))
    return [*history, dataclasses.replace(fresh, model=to.model)]


def _images(history: t.Sequence[Release]) -> list[str]:
    return [item.digests()["web"] for item in history]


def test_d69_a_rollback_after_a_rollback_goes_further_back() -> None:
    history = [_release(number, image=f"app:{number}") for number in (1, 2, 3)]
    once = _rolled_back(history)
    assert _images(_rolled_back(once)) == ["app:1", "app:2", "app:3", "app:2", "app:1"]
    # A deploy after it begins anew: what ran before that deploy is what the rollback had brought back.
    assert _images(_rolled_back([*once, _release(5, image="app:5")]))[-1] == "app:2"
    by_number = _rolled_back(_rolled_back(once, 3))
    assert _images(by_number)[-2:] == ["app:3", "app:2"]


@pytest.mark.parametrize("count", [2, 3, 6])
def test_d69_rollbacks_never_bring_back_what_was_left(count: int) -> None:
    """However often it is asked for: it ends with the oldest release, and then changes nothing."""
    history = [_release(number, image=f"app:{number}") for number in range(1, count + 1)]
    for older in range(count - 1, 0, -1):
        history = _rolled_back(history)
        assert _images(history)[-1] == f"app:{older}"
    for _again in range(2):
        with pytest.raises(PlanRefused) as caught:
            rollback.target(history, "shop", None)
        assert "runs release 1 again" in caught.value.message and "release: <number>" in caught.value.message
        assert f"recorded releases: 1, 2, {'3, ' * (count > 2)}" in caught.value.message


def test_d69_what_a_release_restored_is_recorded() -> None:
    found = read_release(_config(_release(3, restores=1)))
    assert found is not None and found.restores == 1 and found.summary()["restores"] == 1
    plain = read_release(_config(_release(3)))
    assert plain is not None and plain.summary()["restores"] is None


def test_the_newest_releases_and_the_last_good_one_are_kept() -> None:
    releases = [_release(1), _release(2), *(_release(number, "failed") for number in (3, 4, 5))]
    assert [item.number for item in to_drop(releases, 2)] == [1, 3]
    assert to_drop(releases, 10) == []


NOW = "2026-01-01T00:30:00Z"


@pytest.mark.parametrize(
    ("change", "now", "alive", "nodes", "held"),
    [
        ({}, NOW, True, [], True),
        ({}, NOW, False, [], False),
        ({"host": "b"}, NOW, False, [node("b")], True),
        ({"host": "b"}, NOW, True, [node("b", state="down")], False),
        ({"host": "elsewhere"}, NOW, False, [node("b")], True),
        ({}, "2026-01-01T02:00:00Z", True, [], False),
    ],
)
def test_who_holds_an_unfinished_release(change: Json, now: str, alive: bool, nodes: list[Json], held: bool) -> None:
    release = _release(2, "started", **change)
    here = lock.Process("a", "", 7, "")
    gone = lock.is_gone(release, nodes, here, lambda _pid: "100" if alive else "")
    assert (not gone and not lock.is_expired(release, now)) is held


class Configs:
    """The part of an engine that keeps configs, with its rules on names and versions."""

    def __init__(self, *releases: Release) -> None:
        self.items = {release.name: _config(release) for release in releases}

    def configs(self, _filters: t.Any) -> list[Json]:
        return list(self.items.values())

    def remove_config(self, config_id: str) -> None:
        del self.items[config_id]

    create_network = create_secret = remove_network = remove_secret = None

    def create_config(self, spec: Json) -> str:
        if spec["Name"] in self.items:
            raise Conflict("taken")
        self.items[spec["Name"]] = {"ID": spec["Name"], "Version": {"Index": 1}, "Spec": spec}
        return str(spec["Name"])

    def update_config(self, config_id: str, version: int, spec: Json) -> None:
        item = next(item for item in self.items.values() if item["ID"] == config_id)
        if item["Version"]["Index"] != version:
            raise OutOfSequence("moved")
        assert item["Spec"]["Data"] == spec["Data"]
        item["Spec"], item["Version"] = spec, {"Index": version + 1}

    def outcomes(self) -> dict[int, str]:
        return {release.number: release.outcome for release in read_releases(self.items.values())}


def _engine(configs: Configs) -> Engine:
    return t.cast(Engine, configs)


def test_take_and_finish() -> None:
    configs = Configs(_release(1))
    release = lock.take(_engine(configs), read_releases(configs.items.values()), stack("shop"), [], 60, by="bob")
    assert release.number == 2 and configs.outcomes() == {1: "converged", 2: "started"}
    with pytest.raises(LockHeld, match=r"bob on .* since .* \(release 2\)"):
        lock.take(_engine(configs), read_releases(configs.items.values()), stack("shop"), [], 60)
    lock.finish(_engine(configs), dataclasses.replace(release, outcome="converged"))
    assert configs.outcomes()[2] == "converged"
    with pytest.raises(LockHeld, match="taken over"):
        lock.finish(_engine(configs), dataclasses.replace(release, outcome="failed"))


def test_two_at_the_same_moment() -> None:
    configs = Configs(_release(1))
    seen = read_releases(configs.items.values())
    lock.take(_engine(configs), seen, stack("shop"), [], 60)
    with pytest.raises(LockHeld, match="at the same moment"):
        lock.take(_engine(configs), seen, stack("shop"), [], 60)


@pytest.mark.parametrize(("change", "force"), [({"pid": 2**22 + 1}, False), ({"pid": 1}, True)])
def test_a_dead_deploy_is_taken_over_and_a_living_one_only_by_force(change: Json, force: bool) -> None:
    mine = {"host": platform.node(), "expires": "2999-01-01T00:00:00Z"}
    configs = Configs(_release(1), _release(2, "started", **mine, **change))
    lock.take(_engine(configs), read_releases(configs.items.values()), stack("shop"), [], 60, force=force)
    assert configs.outcomes() == {1: "converged", 2: "abandoned", 3: "started"}


def test_u8_the_releases_of_several_stacks_are_told_by_time_and_those_of_one_by_number() -> None:
    configs = [
        _config(dataclasses.replace(_release(number), stack=name, at=f"2026-11-01T{hour:02}:00:00Z"))
        for name, number, hour in (("old", 18, 1), ("old", 19, 2), ("new", 1, 9), ("new", 2, 8))
    ]

    class History:
        def configs(self, filters: Json) -> list[Json]:
            return [item for item in configs if filters["label"] != ["apiary.release.stack=new"] or "new" in str(item)]

    def caught(name: str | None) -> list[tuple[str, int]]:
        found = release_info.run(t.cast(Engine, History()), {"name": name}, False)
        return [(item["stack"], item["number"]) for item in found["releases"] if name in (None, item["stack"])]

    assert caught(None) == [("new", 1), ("new", 2), ("old", 19), ("old", 18)]
    assert caught("new") == [("new", 2), ("new", 1)]


def test_the_registries_of_a_stack_are_those_of_all_its_releases() -> None:
    found = [_release(1, image="r.example/a@sha256:1"), _release(2, image="app:1")]
    assert release_info.registries_of(found) == ["docker.io", "r.example"]
