# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The canonical form of an Engine ServiceSpec: a tree in which equal meaning is equal data.

Lists whose order means nothing become dicts keyed by what identifies an element, ids become names, and values that the
engine takes for "not given" are left out. Two specs mean the same exactly when their trees are equal.

What is "not given" was read from how the engine takes a spec in (moby, daemon/cluster/convert/service.go and
container.go) and from what it then assumes (swarmkit, api/defaults/service.go). Only where a field is a pointer, or the
whole section stands for other values than an empty one, is zero another thing than nothing: see C(_ZERO_MATTERS) and
M(_with_parallelism).
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import typing as t

from ..._diff import Path, Tree
from ..marks import unmarked

Spec = dict[str, t.Any]

_CONTAINER = ("TaskTemplate", "ContainerSpec")
UPDATES = ("UpdateConfig", "RollbackConfig")
SECOND = 1_000_000_000

#: Where the number of tasks stands in the canonical form of a spec.
REPLICAS = ("Mode", "Replicas")

#: Here zero is a value of its own: the engine's field is a pointer, or (C(Parallelism)) nothing means another number.
_ZERO_MATTERS = {
    ("Mode", "Replicas"),
    ("Mode", "MaxConcurrent"),
    ("Mode", "TotalCompletions"),
    ("UpdateConfig", "Parallelism"),
    ("RollbackConfig", "Parallelism"),
    ("TaskTemplate", "Resources", "SwapBytes"),
    ("TaskTemplate", "Resources", "MemorySwappiness"),
    ("TaskTemplate", "RestartPolicy", "Delay"),
    (*_CONTAINER, "StopGracePeriod"),
    (*_CONTAINER, "Init"),
}

#: What the engine assumes, or fills in, when the field is not given.
_DEFAULTS: dict[Path, t.Any] = {
    ("TaskTemplate", "Runtime"): "container",
    ("TaskTemplate", "RestartPolicy", "Condition"): "any",
    ("TaskTemplate", "RestartPolicy", "Delay"): 5 * SECOND,
    (*_CONTAINER, "Isolation"): "default",
    ("EndpointSpec", "Mode"): "vip",
    ("EndpointSpec", "Ports", "*", "Protocol"): "tcp",
    ("EndpointSpec", "Ports", "*", "PublishMode"): "ingress",
    **{
        (section, field): value
        for section in ("UpdateConfig", "RollbackConfig")
        for field, value in (
            ("FailureAction", "pause"), ("Order", "stop-first"), ("Monitor", 5 * SECOND), ("Parallelism", 1),
        )
    },
}  # fmt: skip

#: Here an empty mapping says something: what kind of reference it is. C(ClusterOptions) of a mount is always empty too,
#: but engines neither keep nor return it: the type says it all (moby daemon/cluster/convert/container.go:
#: containerToGRPC, containerSpecFromGRPC).
_EMPTY_MATTERS = {
    (*_CONTAINER, "Configs", "*", "Runtime"),
}


@dataclasses.dataclass(frozen=True)
class _Codec:
    """How a list is kept as a dict."""

    encode: t.Callable[[t.Any], tuple[str, t.Any]]
    decode: t.Callable[[str, t.Any], t.Any]


def _member(key: t.Callable[[t.Any], str]) -> _Codec:
    return _Codec(lambda item: (key(item), item), lambda _key, value: value)


def _variable(item: str) -> tuple[str, t.Any]:
    name, sign, value = item.partition("=")
    return name, value if sign else True


def _file_key(kind: str) -> t.Callable[[Spec], str]:
    def key(item: Spec) -> str:
        return f"{item.get(f'{kind}Name', '')}:{(item.get('File') or {}).get('Name', '')}"

    return key


def _port_key(item: Spec) -> str:
    mode, published = item.get("PublishMode") or "ingress", item.get("PublishedPort") or 0
    return f"{mode}:{published}:{item.get('TargetPort', 0)}/{item.get('Protocol') or 'tcp'}"


_SET = _Codec(lambda item: (str(item), True), lambda key, _value: key)
_ENVIRONMENT = _Codec(_variable, lambda key, value: key if value is True else f"{key}={value}")

_CODECS: dict[Path, _Codec] = {
    (*_CONTAINER, "Env"): _ENVIRONMENT,
    (*_CONTAINER, "Mounts"): _member(lambda item: str(item.get("Target", ""))),
    (*_CONTAINER, "Secrets"): _member(_file_key("Secret")),
    (*_CONTAINER, "Configs"): _member(_file_key("Config")),
    (*_CONTAINER, "Ulimits"): _member(lambda item: str(item.get("Name", ""))),
    **{(*_CONTAINER, name): _SET for name in ("Groups", "Hosts", "CapabilityAdd", "CapabilityDrop")},
    ("TaskTemplate", "Networks"): _member(lambda item: str(item.get("Target", ""))),
    ("TaskTemplate", "Networks", "*", "Aliases"): _SET,
    ("TaskTemplate", "Placement", "Constraints"): _SET,
    ("TaskTemplate", "Placement", "Platforms"): _member(
        lambda item: f"{item.get('OS', '')}/{item.get('Architecture', '')}"
    ),
    ("EndpointSpec", "Ports"): _member(_port_key),
}

#: Below these the keys are the user's own, so that an empty value still is a value.
_FREE = ("Labels", "Sysctls", "Options", "DriverOpts")

_IDS = {"SecretID", "ConfigID"}
_MODES = {"Replicated": "replicated", "Global": "global", "ReplicatedJob": "replicated-job", "GlobalJob": "global-job"}


class Place:
    """What is known of one place in a spec; a look-up for each value is most of the work here, so it is a short one.

    :ivar below: key → the place there; elements of a list that is kept as a dict share C(*).
    :ivar free: the key is the user's own.
    :ivar element: what is here is an element of such a list.
    :ivar stays: what is here says something even if it is an empty mapping.
    """

    __slots__ = ("below", "codec", "default", "element", "free", "gives_free", "stays", "zero_matters")

    def __init__(self, path: Path = ()) -> None:
        self.below: dict[str, Place] = {}
        self.codec = _CODECS.get(path)
        self.default = _DEFAULTS.get(path)
        self.zero_matters = path in _ZERO_MATTERS
        self.element = path[-1:] == ("*",)
        self.stays = self.element or path in _EMPTY_MATTERS
        self.free = path[-2:-1] != () and path[-2] in _FREE
        self.gives_free = path[-1:] != () and path[-1] in _FREE

    def at(self, key: str) -> Place:
        """Return the place of a key."""
        found = self.below.get(key)
        if found is not None:
            return found
        if key == "*":
            return _SOME_ELEMENT
        if self.gives_free:
            return _SOME_FREE
        return _SOME_FREE_KEYS if key in _FREE else _SOME_PLACE


_SOME_PLACE, _SOME_FREE_KEYS, _SOME_FREE, _SOME_ELEMENT = (
    Place(path) for path in (("",), (_FREE[0],), (_FREE[0], ""), ("*",))
)


def _places() -> Place:
    """Return the place of a whole spec."""
    root = Place()
    for path in {*_CODECS, *_DEFAULTS, *_ZERO_MATTERS, *_EMPTY_MATTERS}:
        place = root
        for depth, key in enumerate(path, 1):
            place = place.below.setdefault(str(key), Place(path[:depth]))
    return root


ROOT = _places()


def to_tree(spec: Spec, networks: t.Mapping[str, str] | None = None, marked: bool = False) -> Tree:
    """Return the canonical form of a ServiceSpec.

    :param networks: id → name of networks; targets that are not in it stay as they are.
    :param marked: keep the constraints of a drain, which are none of the service's own.
    """
    spec = dict(spec)
    template = dict(spec.get("TaskTemplate") or {})
    attached = template.get("Networks") or spec.get("Networks")  # old clients put them at the top
    spec.pop("Networks", None)
    if attached:
        names = networks or {}
        template["Networks"] = [
            {**item, "Target": names.get(item.get("Target", ""), item.get("Target"))} for item in attached
        ]
    placement = template.get("Placement") or {}
    if placement.get("Constraints") and not marked:
        template["Placement"] = {**placement, "Constraints": unmarked(placement["Constraints"])}
    spec["TaskTemplate"] = _with_credential_name(template)
    spec["Mode"] = _flat_mode(spec.get("Mode") or {})
    for section in UPDATES:
        if spec.get(section) is not None:
            spec[section] = _with_parallelism(spec[section], 0)
    return t.cast(Tree, _encode(spec, ROOT) or {})


def from_tree(tree: Tree) -> Spec:
    """Return a ServiceSpec (with names in place of ids) that has the canonical form I(tree)."""
    spec = t.cast(Spec, _decode(copy.deepcopy(tree), ROOT))
    mode = dict(spec.pop("Mode", {"Kind": "replicated"}))
    wanted = mode.pop("Kind", "replicated")
    kind = next(name for name, value in _MODES.items() if value == wanted)
    for section in UPDATES:
        if section in spec:
            spec[section] = _with_parallelism(spec[section], 1)
    return {**spec, "Mode": {kind: mode}}


def parallelism_of(tree: Tree, section: str) -> int:
    """Return how many tasks are replaced at a time, 0 for all; I(section): C(UpdateConfig) or C(RollbackConfig)."""
    return int((tree.get(section) or {}).get("Parallelism", 1))


def _with_parallelism(config: Spec, missing: int) -> Spec:
    """Return an C(UpdateConfig) that says how many tasks are replaced at a time.

    A service without the section has 1 (swarmkit, api/defaults/service.go); in a section that is there a missing
    number is 0, all at once (moby, updateConfigToGRPC). The canonical form leaves 1 out and keeps 0.
    """
    return {"Parallelism": missing, **config}


def _with_credential_name(template: Spec) -> Spec:
    """Return a C(TaskTemplate) whose credential spec names its config: the engine has the config's id there."""
    container = template.get("ContainerSpec") or {}
    privileges = container.get("Privileges") or {}
    config = (privileges.get("CredentialSpec") or {}).get("Config")
    names = {item.get("ConfigID"): item.get("ConfigName") for item in container.get("Configs") or []}
    if not config or not names.get(config):
        return template
    credential = {**privileges["CredentialSpec"], "Config": names[config]}
    return {**template, "ContainerSpec": {**container, "Privileges": {**privileges, "CredentialSpec": credential}}}


def task_tree(task_template: Spec, networks: t.Mapping[str, str] | None = None) -> Tree:
    """Return the canonical form of a TaskSpec, as services and tasks carry it; where tasks may run is left out.

    The engine lets tasks live whose node still satisfies changed constraints, so placement says nothing about a task.
    """
    tree = dict(to_tree({"TaskTemplate": task_template}, networks).get("TaskTemplate") or {})
    tree.pop("Placement", None)
    return tree


def fingerprint(tree: t.Any) -> str:
    """Return a short digest of a tree: equal for equal meaning."""
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def image_of(spec: Spec) -> str:
    """Return the image of a ServiceSpec, "" when it has none."""
    return str(((spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}).get("Image", ""))


def replicas(spec: Spec) -> int | None:
    """Return the wanted number of tasks of a replicated service, None for other modes."""
    mode = _flat_mode(spec.get("Mode") or {})
    return mode["Replicas"] if mode["Kind"] == "replicated" else None


def without_replicas(tree: Tree) -> Tree:
    """Return a canonical form without its number of tasks: a scale by somebody else changes how many, not what."""
    return {**tree, "Mode": {key: value for key, value in (tree.get("Mode") or {}).items() if key != "Replicas"}}


def _flat_mode(mode: Spec) -> Spec:
    kind = next((name for name in _MODES if mode.get(name) is not None), "Replicated")
    flat: Spec = {"Kind": _MODES[kind], **(mode.get(kind) or {})}
    if kind == "Replicated":
        flat["Replicas"] = 1 if flat.get("Replicas") is None else flat["Replicas"]
    elif kind == "ReplicatedJob":
        flat["MaxConcurrent"] = 1 if flat.get("MaxConcurrent") is None else flat["MaxConcurrent"]
        runs = flat.get("TotalCompletions")
        flat["TotalCompletions"] = flat["MaxConcurrent"] if runs is None else runs
    return flat


def _encode(value: t.Any, place: Place) -> t.Any:
    """Return the canonical form of I(value), None when it means "not given"."""
    if isinstance(value, dict):
        fields = {}
        for key, item in value.items():
            if key not in _IDS or place.gives_free:
                encoded = _encode(item, place.at(key))
                if encoded is not None:
                    fields[key] = encoded
        # An element that is all defaults still exists.
        return fields if fields or place.stays else None
    if place.codec is not None and isinstance(value, list):
        below = place.at("*")
        return {key: _encode(item, below) for key, item in keyed(place.codec, value)} or None
    if place.zero_matters:
        return None if value == place.default else value
    if not (place.element or place.free) and value in (None, "", 0, False, []):
        return None
    return None if place.default is not None and value == place.default else value


def keyed(codec: _Codec, items: t.Iterable[t.Any]) -> t.Iterator[tuple[str, t.Any]]:
    """Yield key and value of each element of a list; two that differ in nothing both stay."""
    seen: set[str] = set()
    for item in items:
        key, value = codec.encode(item)
        while key in seen and isinstance(value, dict):
            key += "'"
        seen.add(key)
        yield key, value


def _decode(value: t.Any, place: Place) -> t.Any:
    if not isinstance(value, dict):
        return value
    if place.codec is not None:
        below = place.at("*")
        return [place.codec.decode(key, _decode(item, below)) for key, item in value.items()]
    return {key: _decode(item, place.at(key)) for key, item in value.items()}
