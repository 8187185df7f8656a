# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Merging of several stack files, by the rules of C(docker stack deploy).

What an override leaves empty (V(""), V(0), V(false)) does not override, save where Docker can tell an empty value from
a missing one; lists grow; top-level networks, volumes, configs and secrets are replaced as a whole. Where Docker loses
entries of one file only because there is a second one (C(53/tcp) and C(53/udp), unpublished ports, one config mounted
twice), or appends one health check to another, the plain reading is kept.
"""

from __future__ import annotations

import typing as t

from .normalize import Sections

# Keys whose number 0 is a value.
_COUNTS = frozenset({"replicas", "parallelism", "retries", "max_attempts"})
# Mappings of names to texts, in which the empty text is a value.
_TEXT_MAPPINGS = frozenset({"labels", "sysctls"})
_REPLACED = frozenset({"command", "entrypoint", "ulimits", "test"})


def merge(base: Sections, override: Sections) -> Sections:
    """Return both together; C(override) wins."""
    services = dict(base.services)
    for name, service in override.services.items():
        services[name] = _service(services[name], service) if name in services else service
    return Sections(
        services=services,
        networks={**base.networks, **override.networks},
        volumes={**base.volumes, **override.volumes},
        configs={**base.configs, **override.configs},
        secrets={**base.secrets, **override.secrets},
        apiary=_extension(base.apiary, override.apiary),
    )


def _service(base: dict[str, t.Any], override: dict[str, t.Any]) -> dict[str, t.Any]:
    result = dict(base)
    for key, value in override.items():
        if key in _SPECIAL and key in base:
            result[key] = _SPECIAL[key](base[key], value)
        else:
            result[key] = _value(key, base.get(key), value)
    for key, order in _SORTED.items():
        if base.get(key):
            result[key] = sorted(result[key], key=order)
    return result


def _value(key: str, base: t.Any, override: t.Any) -> t.Any:
    if base is None:
        return override
    if isinstance(base, dict) and isinstance(override, dict):
        if key in _TEXT_MAPPINGS:
            return {**base, **override}
        return {**base, **{name: _value(name, base.get(name), item) for name, item in override.items()}}
    if isinstance(base, list) and isinstance(override, list) and key not in _REPLACED:
        return base + override
    if key in _COUNTS:
        return override
    return override if override not in (None, "", 0, False, [], {}) else base


def _ports(base: list[t.Any], override: list[t.Any]) -> list[t.Any]:
    return _keyed(base, override, lambda port: (
        port.get("published", 0) or (-port["target"]), port.get("protocol") or "tcp"))  # fmt: skip


def _by(key: str) -> t.Callable[[list[t.Any], list[t.Any]], list[t.Any]]:
    return lambda base, override: _keyed(base, override, lambda item: item[key])


def _keyed(base: list[t.Any], override: list[t.Any], identity: t.Callable[[t.Any], t.Any]) -> list[t.Any]:
    """Return both lists without the base's items that the override has another version of."""
    replaced = {identity(item) for item in override}
    return [item for item in base if identity(item) not in replaced] + override


def _networks(base: dict[str, t.Any], override: dict[str, t.Any]) -> dict[str, t.Any]:
    result = dict(base)
    for name, options in override.items():
        before = result.get(name)
        if before is None or options is None:
            result[name] = options if before is None else before
        else:
            addresses = {key: options[key] for key in ("ipv4_address", "ipv6_address") if options.get(key)}
            result[name] = {**before, **addresses, "aliases": options.get("aliases", [])}
    return result


def _logging(base: dict[str, t.Any], override: dict[str, t.Any]) -> dict[str, t.Any]:
    before, after = base.get("driver", ""), override.get("driver", "")
    if before and after and before != after:
        return override
    return {"driver": before or after, "options": {**base.get("options", {}), **override.get("options", {})}}


def _extension(base: t.Any, override: t.Any) -> t.Any:
    """Merge C(x-apiary): mappings by key, anything else is replaced."""
    if isinstance(base, dict) and isinstance(override, dict):
        return {**base, **{key: _extension(base.get(key), value) for key, value in override.items()}}
    return override


def _ulimits(base: dict[str, t.Any], override: dict[str, t.Any]) -> dict[str, t.Any]:
    return {**base, **override}


_SPECIAL: dict[str, t.Callable[[t.Any, t.Any], t.Any]] = {
    "configs": _by("source"),
    "logging": _logging,
    "networks": _networks,
    "ports": _ports,
    "secrets": _by("source"),
    "ulimits": _ulimits,
    "volumes": _by("target"),
    "x-apiary": _extension,
}

# Lists that Docker brings into an order when it merges: those that the earlier files have.
_SORTED: dict[str, t.Callable[[t.Any], t.Any]] = {
    "configs": lambda item: item["source"],
    "ports": lambda item: item.get("published", 0),
    "secrets": lambda item: item["source"],
    "volumes": lambda item: item["target"],
}
