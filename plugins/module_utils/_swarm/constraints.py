# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Placement constraints, as the engine reads them. Pure.

Source: swarmkit manager/constraint/constraint.go (Parse, NodeMatches).
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import typing as t

Json = dict[str, t.Any]

_KEY = re.compile(r"[a-z_][a-z0-9\-_.]+", re.IGNORECASE | re.ASCII)
_VALUE = re.compile(r"[a-z0-9:\-_\s.*()?+\[\]\\^$|/]+", re.IGNORECASE | re.ASCII)
#: Attributes that a node has by itself; C(node.labels.NAME) and C(engine.labels.NAME) are the others.
ATTRIBUTES = ("node.id", "node.hostname", "node.ip", "node.role", "node.platform.os", "node.platform.arch")
_LABELS = ("node.labels.", "engine.labels.")
_KEY_WORDS = "letters, digits and - _ ."
_VALUE_WORDS = r"letters, digits, blanks and : - _ . * ( ) ? + [ ] \ ^ $ | /"


class Constraint(t.NamedTuple):
    """One constraint in its parts; the operator is C(==) or C(!=)."""

    key: str
    operator: str
    value: str


def parse(text: str) -> Constraint | None:
    """Return the parts of an expression, None when it has no operator; the engine looks for V(==) first."""
    for operator in ("==", "!="):
        if operator in text:
            key, _operator, value = text.partition(operator)
            return Constraint(key.strip(), operator, value.strip())
    return None


def problem(text: str) -> str:
    """Return why the engine refuses an expression, V("") when it takes it."""
    found = parse(text)
    if found is None:
        return f'"{text}" is not a constraint; write it like "node.role == manager"'
    if not _KEY.fullmatch(found.key):
        return f'the attribute in the constraint "{text}" may have only {_KEY_WORDS}, and begin with a letter or _'
    if not _VALUE.fullmatch(found.value):
        return f'the value in the constraint "{text}" may have only {_VALUE_WORDS}'
    return ""


def is_known(key: str) -> bool:
    """Say whether nodes have the attribute: the engine takes any, and no node satisfies an unknown one."""
    low = key.lower()
    return low in ATTRIBUTES or any(low.startswith(prefix) and len(low) > len(prefix) for prefix in _LABELS)


def unknown(text: str) -> str:
    """Return what is wrong when a constraint is about an attribute that no node has, V("") otherwise."""
    found = parse(text)
    if found is None or is_known(found.key):
        return ""
    low = found.key.lower()
    prefix = next((item for item in _LABELS if difflib.SequenceMatcher(None, low[: len(item)], item).ratio() > 0.8), "")
    close = difflib.get_close_matches(low, ATTRIBUTES, n=1, cutoff=0.6)
    nearest = close[0] if close else f"{prefix}NAME" if prefix else ""
    hint = f" (did you mean {nearest}?)" if nearest else f", only {', '.join(ATTRIBUTES)} and labels (node.labels.NAME)"
    return f'the constraint "{text}" is satisfied by no node: there is no attribute {found.key}{hint}'


def matches(node: Json, text: str) -> bool:
    """Say whether a node satisfies one constraint, such as C(node.labels.disk == ssd).

    Values are compared whatever their case, names of labels are not. An expression that the engine does not understand
    is satisfied by none.
    """
    found = parse(text)
    if found is None or problem(text) or not is_known(found.key):
        return False
    if found.key.lower() == "node.ip":
        return _ip_matches(str((node.get("Status") or {}).get("Addr", "")), found)
    return (_value(node, found.key).lower() == found.value.lower()) == (found.operator == "==")


def _value(node: Json, key: str) -> str:
    """Return what a node has under an attribute; "" stands for a label that is not there.

    The architecture is compared as the node says it, C(x86_64) or C(aarch64); only the platforms of images are
    translated (manager/scheduler/filter.go: PlatformFilter). The engine compares the role that a node has (C(Role)),
    its API shows the one that is wanted: they differ for the seconds of a promotion or demotion.
    """
    description, spec = node.get("Description") or {}, node.get("Spec") or {}
    platform = description.get("Platform") or {}
    low = key.lower()
    if low.startswith("node.labels."):
        return str((spec.get("Labels") or {}).get(key[len("node.labels.") :], ""))
    if low.startswith("engine.labels."):
        return str(((description.get("Engine") or {}).get("Labels") or {}).get(key[len("engine.labels.") :], ""))
    simple = {
        "node.id": node.get("ID", ""),
        "node.hostname": description.get("Hostname", ""),
        "node.role": spec.get("Role", ""),
        "node.platform.os": platform.get("OS", ""),
        "node.platform.arch": platform.get("Architecture", ""),
    }
    return str(simple[low])


def _ip_matches(address: str, constraint: Constraint) -> bool:
    """A value that is neither an address nor a network is satisfied by no node, whatever the operator.

    A network has a number of bits behind its slash: Go knows no masks there (net.ParseCIDR).
    """
    _address, slash, bits = constraint.value.partition("/")
    if slash and not bits.isdigit():
        return False
    try:
        network = ipaddress.ip_network(constraint.value, strict=False)
    except ValueError:
        return False
    try:
        inside = ipaddress.ip_address(address) in network
    except ValueError:
        inside = False
    return inside == (constraint.operator == "==")
