# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random lives of a service: what files declare, deploy after deploy, and what other people edit in between.

A *setting* is one thing that a file may or may not declare. Each knows how it stands in a ServiceSpec, how to read it
back, and what the engine takes for "not given", so that contracts can be checked without the code that is tested.
"""

from __future__ import annotations

import copy
import dataclasses
import typing as t

from hypothesis import strategies as st
from stacks import SECOND, service

Json = dict[str, t.Any]
Values = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Setting:
    """One thing that a file may declare.

    :ivar path: where it stands in a ServiceSpec; the last part of an entry of a list is what identifies it.
    :ivar values: what it can be; the engine's own default is among them where it has one.
    :ivar default: what reading gives when nobody set it.
    :ivar entry: how a value becomes an element of the list at I(path) but its last part; None when that is no list.
    :ivar value_of: how an element of the list is read.
    """

    path: tuple[str, ...]
    values: tuple[t.Any, ...]
    default: t.Any = None
    entry: t.Callable[[str, t.Any], t.Any] | None = None
    owns: t.Callable[[str, t.Any], bool] = lambda key, item: False
    value_of: t.Callable[[t.Any], t.Any] = lambda item: True

    def put(self, spec: Json, value: t.Any) -> None:
        """Set it in a spec."""
        *parents, key = self.path
        holder: t.Any = spec
        for part in parents[:-1] if self.entry else parents:
            holder = holder.setdefault(part, {})
        if self.entry is None:
            holder[key] = value
            return
        items = [item for item in holder.get(parents[-1]) or [] if not self.owns(key, item)]
        holder[parents[-1]] = [*items, self.entry(key, value)]

    def drop(self, spec: Json) -> None:
        """Take it out of a spec."""
        *parents, key = self.path
        holder: t.Any = spec
        for part in parents[:-1] if self.entry else parents:
            holder = holder.get(part) or {}
        if self.entry is None:
            holder.pop(key, None)
        elif holder.get(parents[-1]):
            holder[parents[-1]] = [item for item in holder[parents[-1]] if not self.owns(key, item)]

    def read(self, spec: Json) -> t.Any:
        """Return its value in a spec."""
        *parents, key = self.path
        holder: t.Any = spec
        for part in parents:
            holder = (holder or {}).get(part)
        if self.entry is None:
            value = (holder or {}).get(key)
            return self.default if value is None else value
        found = [self.value_of(item) for item in holder or [] if self.owns(key, item)]
        return found[0] if found else self.default


_TASK = ("TaskTemplate",)
_CONTAINER = (*_TASK, "ContainerSpec")


def _variable(name: str) -> Setting:
    return Setting(
        (*_CONTAINER, "Env", name),
        ("1", "2", ""),
        entry=lambda key, value: f"{key}={value}",
        owns=lambda key, item: item.partition("=")[0] == key,
        value_of=lambda item: item.partition("=")[2],
    )


def _constraint(text: str) -> Setting:
    return Setting(
        (*_TASK, "Placement", "Constraints", text),
        (True,),
        entry=lambda key, value: key,
        owns=lambda key, item: item == key,
    )


def _mount(target: str) -> Setting:
    return Setting(
        (*_CONTAINER, "Mounts", target),
        ("one", "two"),
        entry=lambda key, value: {"Type": "volume", "Source": value, "Target": key},
        owns=lambda key, item: item["Target"] == key,
        value_of=lambda item: item["Source"],
    )


def _port(target: str) -> Setting:
    return Setting(
        ("EndpointSpec", "Ports", target),
        (True,),
        entry=lambda key, value: {"TargetPort": int(key), "Protocol": "tcp", "PublishMode": "host"},
        owns=lambda key, item: item["TargetPort"] == int(key),
    )


#: Each is independent of all others.
SETTINGS: dict[str, Setting] = {
    "env A": _variable("A"),
    "env B": _variable("B"),
    "label x": Setting(("Labels", "x"), ("1", "2", "")),
    "label y.z": Setting(("Labels", "y.z"), ("1",)),
    "container label": Setting((*_CONTAINER, "Labels", "who"), ("us", "")),
    "user": Setting((*_CONTAINER, "User"), ("nobody", "1000:1000"), ""),
    "read only": Setting((*_CONTAINER, "ReadOnly"), (True, False), False),
    "init": Setting((*_CONTAINER, "Init"), (True, False)),
    "hostname": Setting((*_CONTAINER, "Hostname"), ("h1", "h2"), ""),
    "grace": Setting((*_CONTAINER, "StopGracePeriod"), (0, 2 * SECOND, 10 * SECOND)),
    "args": Setting((*_CONTAINER, "Args"), (["-v"], ["-v", "-x"])),
    "mount /a": _mount("/a"),
    "mount /b": _mount("/b"),
    "constraint 1": _constraint("node.labels.zone!=c"),
    "constraint 2": _constraint("node.platform.os==linux"),
    "max replicas": Setting((*_TASK, "Placement", "MaxReplicas"), (3, 5), 0),
    "restart delay": Setting((*_TASK, "RestartPolicy", "Delay"), (0, SECOND // 5, 5 * SECOND), 5 * SECOND),
    "restart condition": Setting((*_TASK, "RestartPolicy", "Condition"), ("any", "on-failure"), "any"),
    "memory": Setting((*_TASK, "Resources", "Limits", "MemoryBytes"), (64 << 20, 128 << 20), 0),
    "update order": Setting(("UpdateConfig", "Order"), ("start-first", "stop-first"), "stop-first"),
    "update failure": Setting(("UpdateConfig", "FailureAction"), ("pause", "continue"), "pause"),
    "update monitor": Setting(("UpdateConfig", "Monitor"), (SECOND, 5 * SECOND), 5 * SECOND),
    "rollback order": Setting(("RollbackConfig", "Order"), ("start-first", "stop-first"), "stop-first"),
    "port 81": _port("81"),
    "port 82": _port("82"),
}


def declared(stack: str, name: str, image: str, replicas: int, values: Values) -> t.Any:
    """Return the entry of a service whose file declares I(values), and as little else as can be."""
    entry = service(stack, name, image, replicas)
    spec = entry.spec
    spec["TaskTemplate"]["RestartPolicy"] = {}
    spec["TaskTemplate"]["ContainerSpec"].pop("Env")
    spec["UpdateConfig"] = {"Parallelism": 0}
    spec["EndpointSpec"] = {"Mode": "dnsrr"}
    for key, value in values.items():
        SETTINGS[key].put(spec, copy.deepcopy(value))
    # As reading a stack file notes it: the engine's default stands in no canonical form, and is said all the same.
    entry.declared = [list(SETTINGS[key].path) for key, value in values.items() if value == SETTINGS[key].default]
    return entry


def may_be(key: str, before: t.Any, wanted: Values, last: Values | None) -> tuple[t.Any, ...]:
    """Return what a setting may be after a deploy.

    :param before: what it was; last: what the deploy before declared, None for none.
    """
    default = SETTINGS[key].default
    if key in wanted:
        return (wanted[key],)
    if last is not None and key not in last:
        return (before,)
    if last is not None and last[key] == default:  # nobody can tell whether we or the engine had set it
        return (default, before)
    return (default,)


def some_values(keys: t.Iterable[str] = tuple(SETTINGS)) -> st.SearchStrategy[Values]:
    """Return settings that a file declares: any of them, with any value."""
    return st.fixed_dictionaries({}, optional={key: st.sampled_from(SETTINGS[key].values) for key in keys})


@dataclasses.dataclass(frozen=True)
class Deploy:
    """Somebody deploys a file."""

    values: Values
    replicas: int


@dataclasses.dataclass(frozen=True)
class Edit:
    """Somebody sets something by hand; None takes it out."""

    key: str
    value: t.Any


@dataclasses.dataclass(frozen=True)
class Scale:
    """An autoscaler, or a person, changes the number of tasks."""

    replicas: int


@dataclasses.dataclass(frozen=True)
class Back:
    """Somebody rolls back to an earlier release: the number counts from the last one."""

    steps: int


Step = Deploy | Edit | Scale | Back


def _edits() -> st.SearchStrategy[Step]:
    return st.sampled_from(list(SETTINGS)).flatmap(
        lambda key: st.builds(Edit, st.just(key), st.sampled_from((*SETTINGS[key].values, None)))
    )


def lives(least: int = 1, most: int = 6) -> st.SearchStrategy[list[Step]]:
    """Return the life of a service: a first deploy, and what comes after it."""
    deploys = st.builds(Deploy, some_values(), st.integers(0, 4))
    steps: st.SearchStrategy[Step] = st.one_of(
        deploys, _edits(), st.builds(Scale, st.integers(0, 4)), st.builds(Back, st.integers(1, 3))
    )
    return st.builds(lambda first, rest: [first, *rest], deploys, st.lists(steps, min_size=least, max_size=most))
