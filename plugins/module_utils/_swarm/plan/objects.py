# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to the networks, configs and secrets of a stack. Pure.

A network cannot change at all while it exists, a config or secret only in its labels; where the file says something
else the plan says so, whichever of the two has more. Labels of configs and secrets become those of the file, as with
Docker's C(stack deploy) (docker/cli, cli/command/stack/swarm/deploy_composefile.go).
"""

from __future__ import annotations

import ipaddress
import typing as t

from ..._diff import diff, dotted, show
from ..model import LABEL_CONTENT, NetworkEntry, ObjectEntry, namespace_of
from .types import Json, LiveState, ObjectPlan, StackPlan

#: Networks that every engine has; the engine knows them by name.
PREDEFINED = frozenset({"host", "bridge", "none", "ingress"})

#: What the overlay driver itself notes among the options of a network.
_NUMBERS = "com.docker.network.driver.overlay.vxlanid_list"
_FIELDS = {"Internal": "internal", "Attachable": "attachable", "EnableIPv6": "enable_ipv6"}


def plan_network(entry: NetworkEntry, live: LiveState, plan: StackPlan, before: Json | None = None) -> list[ObjectPlan]:
    """Plan a network.

    :param plan: gets what speaks against it.
    :param before: what our last release declared, None when it did not.
    """
    found = [item for item in live.networks if item["Name"] == entry.name]
    if entry.external:
        if not found and entry.name not in PREDEFINED:
            plan.errors.append(f"network {entry.name} is declared external and does not exist in the swarm")
        elif found and entry.name not in PREDEFINED and all(item.get("Scope") != "swarm" for item in found):
            plan.errors.append(f"network {entry.name} exists on this node only, services need one of scope swarm")
        return []
    if not found:
        return [ObjectPlan("network", entry.name, "create", entry.spec)]
    owner = namespace_of(found[0])
    if owner != plan.stack:
        plan.errors.append(_foreign("network", entry.name, owner))
    else:
        plan.warnings += [
            f"network {entry.name} has {text}: a network cannot change while it exists, remove the stack first"
            for text in _differences(entry.spec, found[0], before or {})
        ]
    return [ObjectPlan("network", entry.name, "none", object_id=found[0]["Id"])]


def _differences(wanted: Json, live: Json, before: Json) -> t.Iterator[str]:
    driver = wanted.get("Driver")
    if driver and driver != live.get("Driver"):
        yield f"driver {live.get('Driver')}, the file says {driver}"
    for field, key in _FIELDS.items():
        if bool(wanted.get(field)) != bool(live.get(field)):
            yield f"{key} {_flag(live.get(field))}, the file says {_flag(wanted.get(field))}"
    options = {key: value for key, value in (live.get("Options") or {}).items() if key != _NUMBERS}
    for key, has, says in (
        ("driver_opts", options, wanted.get("Options") or {}),
        ("labels", live.get("Labels") or {}, wanted.get("Labels") or {}),
    ):
        for change in diff(has, says, (key,)):
            was, value = (
                "none" if side is None else f'"{show(change.path, side)}"' for side in (change.before, change.after)
            )
            yield f"{dotted(change.path)} {was}, the file says {value}"
    yield from _addresses(wanted.get("IPAM") or {}, live.get("IPAM") or {}, before.get("IPAM") or {})


def _addresses(wanted: Json, live: Json, before: Json) -> t.Iterator[str]:
    """A file without subnets leaves the choice to the engine, unless it had some before."""
    driver = wanted.get("Driver") or "default"
    if (live.get("Driver") or "default") != driver:
        yield f"ipam driver {live.get('Driver') or 'default'}, the file says {driver}"
    has, says, had = ([_pool(item) for item in ipam.get("Config") or []] for ipam in (live, wanted, before))
    if not any(says):
        if any(had) and any(has):
            yield f"subnet {_pools(has)}, the file says none any more"
        return
    missing = [pool for pool in says if not any(pool.items() <= other.items() for other in has)]
    if missing or len(says) != len(has):
        yield f"subnet {_pools(has)}, the file says {_pools(says)}"


def _pool(config: Json) -> dict[str, str]:
    """Return what a pool says, networks without the bits of a host, as the engine keeps them."""
    pool = {}
    for key in ("Subnet", "IPRange", "Gateway"):
        text = str(config.get(key) or "")
        if text:
            try:
                text = str(ipaddress.ip_address(text) if key == "Gateway" else ipaddress.ip_network(text, strict=False))
            except ValueError:
                text = text.strip()
            pool[key] = text
    return pool


def _pools(pools: t.Sequence[dict[str, str]]) -> str:
    texts = []
    for pool in pools:
        more = [f"{word} {pool[key]}" for key, word in (("IPRange", "range"), ("Gateway", "gateway")) if key in pool]
        texts.append(pool.get("Subnet", "of the engine's choice") + (f" ({', '.join(more)})" if more else ""))
    return " and ".join(texts) or "none"


def plan_object(kind: str, entry: ObjectEntry, existing: t.Sequence[Json], plan: StackPlan) -> list[ObjectPlan]:
    """Plan a config or secret; I(plan) gets what speaks against it."""
    found = next((item for item in existing if item["Spec"]["Name"] == entry.name), None)
    kind_name = t.cast(t.Any, kind)
    if found is None:
        if entry.external:
            plan.errors.append(f"{kind} {entry.name} is declared external and does not exist in the swarm")
            return []
        return [ObjectPlan(kind_name, entry.name, "create", entry.body())]
    same = ObjectPlan(kind_name, entry.name, "none", object_id=found["ID"])
    if entry.external:
        return [same]
    spec, labels = found["Spec"], _labels(entry, found["Spec"])
    owner = namespace_of(spec)
    if owner != plan.stack:
        plan.errors.append(_foreign(kind, entry.name, owner))
    elif _keeper(entry.spec) != _keeper(spec):
        plan.errors.append(
            f"{kind} {entry.name} exists with another driver, driver_opts or template_driver and cannot change: leave "
            "its name out of the file, then each gets a name of its own"
        )
    elif entry.data is not None and _has_other_content(kind, entry, spec):
        plan.errors.append(
            f"{kind} {entry.name} exists with other content and cannot change: leave its name out of the file, then "
            "each content gets a name of its own"
        )
    elif (spec.get("Labels") or {}) != labels:
        changes = diff(spec.get("Labels") or {}, labels, ("Labels",))
        body = {**spec, "Labels": labels}
        if kind == "secret" and LABEL_CONTENT in labels and LABEL_CONTENT not in (spec.get("Labels") or {}):
            body["Data"] = entry.data  # the engine compares it, and nobody else can
            plan.warnings.append(
                f"secret {entry.name} does not say what content it has: whether it is that of the file shows when it "
                "is deployed"
            )
        return [ObjectPlan(kind_name, entry.name, "update", body, found["ID"], found, changes)]
    return [same]


def _labels(entry: ObjectEntry, live: Json) -> dict[str, str]:
    """Return the labels that an object is to have; a record of a release knows no content, so what is noted stays."""
    labels = dict(entry.spec.get("Labels") or {})
    if entry.data is None:
        labels.pop(LABEL_CONTENT, None)
        noted = (live.get("Labels") or {}).get(LABEL_CONTENT)
        return {**labels, LABEL_CONTENT: noted} if noted else labels
    return labels


def _keeper(spec: Json) -> list[tuple[str, Json]]:
    """Return who has the content of an object, and who fills it in: as fixed as the content itself."""
    found = (spec.get(key) or {} for key in ("Driver", "Templating"))
    return [(str(item.get("Name") or ""), item.get("Options") or {}) for item in found]


def _has_other_content(kind: str, entry: ObjectEntry, live: Json) -> bool:
    if kind == "config":
        return bool(live.get("Data") != entry.data)
    noted = (live.get("Labels") or {}).get(LABEL_CONTENT)
    return noted is not None and noted != (entry.spec.get("Labels") or {}).get(LABEL_CONTENT, noted)


def _foreign(kind: str, name: str, owner: str) -> str:
    whose = f"stack {owner}" if owner else "no stack"
    return f"{kind} {name} exists and belongs to {whose}: declare it as external or give it another name"


def _flag(value: t.Any) -> str:
    return str(bool(value)).lower()
