# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stack file says wins over what is live, also where it says what the engine does anyway."""

from __future__ import annotations

import copy
import json
import typing as t

import pytest
from stack_texts import Loader

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.convert.declared import FIELDS, MOUNT_FIELDS
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import ServiceEntry
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan import ServicePlan, plan_update, to_tree

Json = dict[str, t.Any]
NAN = 10**9

#: Keys of a service → what says the engine's default in a file, and what somebody set by hand.
DEFAULTS: dict[tuple[str, ...], tuple[t.Any, t.Any]] = {
    ("entrypoint",): ([], ["x"]),
    ("command",): ([], ["x"]),
    ("hostname",): ("", "x"),
    ("working_dir",): ("", "/x"),
    ("user",): ("", "x"),
    ("stop_signal",): ("", "SIGINT"),
    ("tty",): (False, True),
    ("stdin_open",): (False, True),
    ("read_only",): (False, True),
    ("init",): (False, True),
    ("stop_grace_period",): ("0s", NAN),
    ("isolation",): ("default", "process"),
    ("oom_score_adj",): (0, 5),
    ("dns",): ([], ["8.8.8.8"]),
    ("dns_search",): ([], ["x"]),
    ("dns_opt",): ([], ["ndots:1"]),
    ("healthcheck", "test"): ([], ["CMD", "true"]),
    ("healthcheck", "interval"): ("0s", NAN),
    ("healthcheck", "timeout"): ("0s", NAN),
    ("healthcheck", "start_period"): ("0s", NAN),
    ("healthcheck", "start_interval"): ("0s", NAN),
    ("healthcheck", "retries"): (0, 3),
    **{
        ("deploy", section, key): values
        for section in ("update_config", "rollback_config")
        for key, values in {
            "parallelism": (1, 2),
            "delay": ("0s", NAN),
            "failure_action": ("pause", "continue"),
            "monitor": ("5s", NAN),
            "max_failure_ratio": (0, 0.5),
            "order": ("stop-first", "start-first"),
        }.items()
    },
    ("deploy", "restart_policy", "condition"): ("any", "none"),
    ("deploy", "restart_policy", "delay"): ("5s", NAN),
    ("deploy", "restart_policy", "max_attempts"): (0, 3),
    ("deploy", "restart_policy", "window"): ("0s", NAN),
    ("restart",): ("always", "none"),
    ("logging", "driver"): ("", "none"),
    ("pids_limit",): (0, 5),
    ("deploy", "resources", "limits", "pids"): (0, 5),
    ("deploy", "resources", "limits", "cpus"): ("0", NAN),
    ("deploy", "resources", "limits", "memory"): ("0", NAN),
    ("deploy", "resources", "reservations", "cpus"): ("0", NAN),
    ("deploy", "resources", "reservations", "memory"): ("0", NAN),
    ("deploy", "resources", "reservations", "generic_resources"): ([], [{"DiscreteResourceSpec": {"Kind": "g"}}]),
    ("deploy", "placement", "preferences"): ([], [{"Spread": {"SpreadDescriptor": "node.labels.az"}}]),
    ("deploy", "placement", "max_replicas_per_node"): (0, 2),
    ("deploy", "endpoint_mode"): ("vip", "dnsrr"),
}
MOUNT_DEFAULTS: dict[tuple[str, ...], tuple[t.Any, t.Any]] = {
    ("read_only",): (False, True),
    ("bind", "create_host_path"): (False, True),
    ("volume", "nocopy"): (False, True),
    ("volume", "subpath"): ("", "x"),
    ("image", "subpath"): ("", "x"),
    ("tmpfs", "size"): (0, 5),
    ("tmpfs", "mode"): (0, 5),
}


def _nested(keys: tuple[str, ...], value: t.Any) -> t.Any:
    return {keys[0]: _nested(keys[1:], value)} if keys else value


def _entry(stack: Loader, keys: Json, **more: Json) -> ServiceEntry:
    model = stack.definition({"services": {"web": {"image": "app:1", **keys}}, **more})
    return ServiceEntry.from_dict(json.loads(json.dumps(model.services["web"].to_dict())))


def _plan(entry: ServiceEntry, base: Json, path: tuple[str, ...], theirs: t.Any) -> ServicePlan:
    """Plan the deploy of an unchanged file over a service in which somebody has set the field at a path."""
    spec = copy.deepcopy(base)
    place = spec
    for key in path[:-1]:
        if isinstance(place.get(key), list):
            place = place[key][0]
        elif not (key.startswith("/") and "Target" in place):
            place = place.setdefault(key, {})
    place[path[-1]] = theirs
    live = {"ID": "s", "Version": {"Index": 1}, "Spec": spec}
    return plan_update(entry.spec, live, to_tree(base), {}, declared=[tuple(item) for item in entry.declared])


@pytest.mark.parametrize("keys", FIELDS, ids=".".join)
def test_d51_a_declared_default_wins_and_an_undeclared_field_stays(stack: Loader, keys: tuple[str, ...]) -> None:
    written, theirs = DEFAULTS[keys]
    said = _entry(stack, _nested(keys, written))
    plan = _plan(said, said.spec, FIELDS[keys], theirs)
    assert [change.note for change in plan.changes] == ["changed by somebody else, set back"] and not plan.kept
    assert to_tree(plan.spec) == to_tree(said.spec)
    silent = _entry(stack, _nested(keys[:-1], {}) if keys[:-1] else {})
    assert silent.declared == []
    if keys not in (("deploy", "update_config", "parallelism"), ("deploy", "rollback_config", "parallelism")):
        assert _plan(silent, silent.spec, FIELDS[keys], theirs).action == "none"


@pytest.mark.parametrize("keys", MOUNT_FIELDS, ids=".".join)
def test_d51_a_declared_default_of_a_mount_wins(stack: Loader, keys: tuple[str, ...]) -> None:
    written, theirs = MOUNT_DEFAULTS[keys]
    kind = keys[0] if len(keys) > 1 else "volume"
    source = {"bind": "/srv", "tmpfs": "", "image": "app:2"}.get(kind, "data")
    mount = {"type": kind, "target": "/t", **({"source": source} if source else {})}
    volumes: dict[str, t.Any] = {"volumes": {"data": {}}}
    said = _entry(stack, {"volumes": [{**mount, **_nested(keys, written)}]}, **volumes)
    path = ("TaskTemplate", "ContainerSpec", "Mounts", "/t", *MOUNT_FIELDS[keys])
    plan = _plan(said, said.spec, path, theirs)
    assert [change.note for change in plan.changes] == ["changed by somebody else, set back"] and not plan.kept
    silent = _entry(stack, {"volumes": [mount]}, **volumes)
    assert silent.declared == [] and _plan(silent, silent.spec, path, theirs).action == "none"


def test_d51_no_new_privileges_and_raw_fields(stack: Loader) -> None:
    said = _entry(stack, {"security_opt": ["no-new-privileges:false"]})
    path = ("TaskTemplate", "ContainerSpec", "Privileges", "NoNewPrivileges")
    assert _plan(said, said.spec, path, True).changes[0].note == "changed by somebody else, set back"
    raw = _entry(stack, {"x-apiary": {"spec": {"TaskTemplate": {"ContainerSpec": {"TTY": False}}}}})
    assert _plan(raw, raw.spec, ("TaskTemplate", "ContainerSpec", "TTY"), True).action == "update"


@pytest.mark.parametrize("section", ["update_config", "rollback_config"])
def test_d61_all_at_once_is_not_one_at_a_time(stack: Loader, section: str) -> None:
    field = {"update_config": "UpdateConfig", "rollback_config": "RollbackConfig"}[section]
    none, zero = _entry(stack, {}), _entry(stack, {"deploy": {section: {"parallelism": 0}}})
    one = _entry(stack, {"deploy": {section: {"parallelism": 1}}})

    def plan(before: ServiceEntry, after: ServiceEntry) -> ServicePlan:
        live = {"ID": "s", "Version": {"Index": 1}, "Spec": before.spec}
        return plan_update(after.spec, live, to_tree(before.spec), {})

    added, removed = plan(none, zero), plan(zero, none)
    assert added.action == removed.action == "update"
    assert added.spec[field]["Parallelism"] == 0 and field not in removed.spec
    assert plan(none, one).action == plan(one, none).action == plan(zero, zero).action == "none"
    assert plan(zero, one).spec[field]["Parallelism"] == plan(one, zero).spec[field]["Parallelism"] + 1 == 1


def test_d61_what_others_added_to_a_section_that_goes_is_not_all_at_once(stack: Loader) -> None:
    """A section without a number would be: 1 at a time is what a service without the section has."""
    zero, none = _entry(stack, {"deploy": {"update_config": {"parallelism": 0}}}), _entry(stack, {})
    spec = {**zero.spec, "UpdateConfig": {**zero.spec["UpdateConfig"], "Order": "start-first"}}
    live = {"ID": "s", "Version": {"Index": 1}, "Spec": spec}
    plan = plan_update(none.spec, live, to_tree(zero.spec), {})
    assert plan.spec["UpdateConfig"]["Parallelism"] == 1 and plan.spec["UpdateConfig"]["Order"] == "start-first"
