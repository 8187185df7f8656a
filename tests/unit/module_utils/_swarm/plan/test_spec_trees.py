# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The canonical form of specs, and the merge, on made-up specs of every shape."""

from __future__ import annotations

import copy
import random
import typing as t

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.apiary.swarm.plugins.module_utils._diff import diff, leaves
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan import (
    fingerprint,
    from_tree,
    plan_update,
    task_tree,
    to_tree,
)
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan.merge import merge, overlay

Spec = dict[str, t.Any]
word = st.text("abcxyz", min_size=1, max_size=3)
number = st.integers(0, 3)


def _maybe(**fields: st.SearchStrategy[t.Any]) -> st.SearchStrategy[Spec]:
    return st.fixed_dictionaries({}, optional=fields)


def _unique(items: st.SearchStrategy[Spec], key: str) -> st.SearchStrategy[list[Spec]]:
    return st.lists(items, max_size=3, unique_by=lambda item: item[key])


UPDATE = _maybe(
    Parallelism=number, Delay=number, Order=st.sampled_from(["start-first", "stop-first"]),
    FailureAction=st.sampled_from(["pause", "rollback"]), Monitor=st.sampled_from([0, 10**9, 5 * 10**9]),
)  # fmt: skip
CONTAINER = _maybe(
    Env=st.dictionaries(word, st.text("ab=", max_size=2), max_size=3).map(lambda d: [f"{k}={v}" for k, v in d.items()]),
    Args=st.lists(word, max_size=3),
    Labels=st.dictionaries(word, st.text("ab", max_size=2), max_size=2),
    Init=st.booleans(),
    TTY=st.booleans(),
    StopGracePeriod=number,
    Hosts=st.lists(word, max_size=2, unique=True),
    Mounts=_unique(
        st.fixed_dictionaries({"Target": word, "Type": word}, optional={"ReadOnly": st.booleans()}), "Target"
    ),
    Ulimits=_unique(st.fixed_dictionaries({"Name": word, "Soft": number, "Hard": number}), "Name"),
    Isolation=st.sampled_from(["default", "hyperv", ""]),
    DNSConfig=_maybe(Nameservers=st.lists(word, max_size=2)),
)
TASK = _maybe(
    Placement=_maybe(Constraints=st.lists(word, max_size=2, unique=True), MaxReplicas=number),
    Networks=_unique(
        st.fixed_dictionaries({"Target": word}, optional={"Aliases": st.lists(word, unique=True)}), "Target"
    ),
    RestartPolicy=_maybe(Condition=st.sampled_from(["any", "none"]), Delay=number, MaxAttempts=number),
    Resources=_maybe(Limits=_maybe(MemoryBytes=number)),
    ForceUpdate=number,
    Runtime=st.just("container"),
)
MODE: st.SearchStrategy[dict[str, t.Any]] = st.one_of(
    number.map(lambda n: {"Replicated": {"Replicas": n}}),
    st.just({"Global": {}}),
    st.just({"GlobalJob": {}}),
    number.map(lambda n: {"ReplicatedJob": {"TotalCompletions": n + 1, "MaxConcurrent": 1}}),
)
PORTS = _unique(
    st.fixed_dictionaries(
        {"TargetPort": st.integers(1, 3)}, optional={"PublishMode": st.sampled_from(["host", "ingress"])}
    ),
    "TargetPort",
)


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    task = draw(TASK)
    task["ContainerSpec"] = {"Image": draw(word), **draw(CONTAINER)}
    spec = {"Name": "web", "TaskTemplate": task, "Mode": draw(MODE)}
    spec.update(draw(_maybe(UpdateConfig=UPDATE, Labels=st.dictionaries(word, word, max_size=3))))
    spec.update(draw(_maybe(EndpointSpec=_maybe(Mode=st.sampled_from(["vip", "dnsrr"]), Ports=PORTS))))
    return spec


def _live(spec: Spec) -> Spec:
    return {"ID": "s", "Version": {"Index": 1}, "Spec": spec}


def _shuffled(value: t.Any, rnd: random.Random) -> t.Any:
    if isinstance(value, dict):
        keys = list(value)
        rnd.shuffle(keys)
        return {key: _shuffled(value[key], rnd) for key in keys}
    return value


@given(specs())
def test_tree_and_back_means_the_same(spec: Spec) -> None:
    assert to_tree(from_tree(to_tree(spec))) == to_tree(spec)


@given(specs(), st.randoms())
def test_order_without_meaning_has_none(spec: Spec, rnd: random.Random) -> None:
    other = _shuffled(spec, rnd)
    for path in (("TaskTemplate", "ContainerSpec", "Env"), ("TaskTemplate", "Networks"), ("EndpointSpec", "Ports")):
        holder = other
        for key in path[:-1]:
            holder = holder.get(key, {})
        if path[-1] in holder:
            holder[path[-1]] = list(reversed(holder[path[-1]]))
    assert fingerprint(to_tree(other)) == fingerprint(to_tree(spec))


@settings(max_examples=200)
@given(specs(), specs(), st.one_of(st.none(), specs()), st.booleans())
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(
    desired: Spec, live: Spec, base: Spec | None, purge: bool
) -> None:
    before = copy.deepcopy((desired, live, base))
    tree = to_tree(base) if base is not None else None
    plan = plan_update(desired, _live(live), tree, {}, purge=purge)
    again = plan_update(desired, _live(plan.spec), to_tree(desired), {}, purge=purge)
    assert again.action == "none" and again.changes == []
    assert (desired, live, base) == before


@given(specs(), specs(), specs())
def test_merging_never_loses_what_nobody_declared(desired: Spec, live: Spec, base: Spec) -> None:
    trees = [to_tree(spec) for spec in (desired, live, base)]
    wanted, current, ours = trees
    merged = dict(leaves(merge(ours, wanted, current).tree))
    known = {path for tree in (wanted, ours) for path, _value in leaves(tree)}
    for path, value in leaves(current):
        # A field below something that became another kind of thing is not the same field any more.
        if path not in known and path[0] != "Mode":
            assert merged.get(path) == value, path


@given(specs(), specs(), specs())
def test_what_we_set_and_dropped_goes(desired: Spec, live: Spec, base: Spec) -> None:
    wanted, current, ours = (to_tree(spec) for spec in (desired, live, base))
    merged = dict(leaves(merge(ours, wanted, current).tree))
    declared = dict(leaves(wanted))
    for path, _value in leaves(ours):
        if path not in declared and path != ("TaskTemplate", "ForceUpdate"):
            assert path not in merged


@given(specs(), specs(), specs())
def test_what_the_file_says_wins(desired: Spec, live: Spec, base: Spec) -> None:
    wanted, current, ours = (to_tree(spec) for spec in (desired, live, base))
    merged = dict(leaves(merge(ours, wanted, current).tree))
    for path, value in leaves(wanted):
        if path != ("Mode", "Replicas"):
            assert merged[path] == value


@given(specs(), specs())
def test_a_first_deploy_and_a_purge_stand_alone(desired: Spec, live: Spec) -> None:
    wanted, current = to_tree(desired), to_tree(live)
    for tree in (merge(None, wanted, current).tree, merge(wanted, wanted, current, purge=True).tree):
        differing = [change.path for change in diff(wanted, tree)]
        assert differing in ([], [("TaskTemplate", "ForceUpdate")])


@given(specs(), specs())
def test_an_overlay_keeps_everything_else(declared: Spec, live: Spec) -> None:
    wanted, current = to_tree(declared), to_tree(live)
    merged = dict(leaves(overlay(wanted, current).tree))
    for path, value in {**dict(leaves(current)), **dict(leaves(wanted))}.items():
        if path[0] != "Mode":
            assert merged[path] == value


@given(specs(), specs())
def test_what_stays_the_same_is_sent_as_the_engine_has_it(desired: Spec, live: Spec) -> None:
    plan = plan_update(desired, _live(live), None, {})
    if task_tree(plan.spec["TaskTemplate"]) == task_tree(live["TaskTemplate"]) and (
        to_tree(plan.spec).get("TaskTemplate") == to_tree(live).get("TaskTemplate")
    ):
        assert plan.spec["TaskTemplate"] == live["TaskTemplate"]
        ports = any(change.path[0] == "EndpointSpec" for change in plan.changes)
        assert plan.because == [] or ports or plan.action == "recreate"
