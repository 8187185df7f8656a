# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every key of a service in its long form, with durations in nanoseconds and sizes in bytes."""

from __future__ import annotations

import typing as t

from .. import values
from ..problems import BadValue, kind
from .ports import Port, short_port
from .volumes import Volume, short_volume

_MILLISECOND = 10**6

Converted = tuple[t.Any, list[str]]


def mapping(value: t.Any, separator: str = "=") -> dict[str, str]:
    """Return C(["a=1", "b"]) or C({"a": 1, "b": None}) as C({"a": "1", "b": ""})."""
    if isinstance(value, dict):
        return {key: values.text(item) for key, item in value.items()}
    pairs = (item.partition(separator) for item in value)
    return {key: item for key, _separator, item in pairs}


def variables(value: t.Any) -> dict[str, str | None]:
    """Return an environment; a variable without a value is None."""
    if isinstance(value, dict):
        return {key: None if item is None else values.text(item) for key, item in value.items()}
    for item in value:
        if item.startswith("=") or not item:
            raise BadValue(f'{kind(item)} has no name; write it like "NAME=value"')
    pairs = (item.partition("=") for item in value)
    return {key: item if equals else None for key, equals, item in pairs}


def command(value: t.Any) -> list[str]:
    return values.words(value) if isinstance(value, str) else list(value)


def strings(value: t.Any) -> list[str]:
    return [value] if isinstance(value, str) else [values.text(item) for item in value]


def hosts(value: t.Any) -> list[str]:
    """Return C(name:address) entries, sorted when they were a mapping."""
    if isinstance(value, dict):
        entries = sorted(f"{name}:{values.text(address)}" for name, address in value.items() if address is not None)
    else:
        entries = []
        for item in value:
            separator = "=" if "=" in item else ":"
            name, found, address = item.partition(separator)
            if not found or not name or not address:
                raise BadValue(f'{kind(item)} must be like "name:address"')
            entries.append(f"{name}:{address}")
    return [_without_brackets(entry) for entry in entries]


def _without_brackets(entry: str) -> str:
    name, _colon, address = entry.partition(":")
    if len(address) > 2 and address[0] == "[" and address[-1] == "]":
        address = address[1:-1]
    return f"{name}:{address}"


def healthcheck(value: dict[str, t.Any]) -> dict[str, t.Any]:
    result = dict(value)
    test = value.get("test")
    if isinstance(test, str):
        result["test"] = ["CMD-SHELL", test]
    elif test and test[0] not in {"NONE", "CMD", "CMD-SHELL"}:
        problem = f'must begin with CMD, CMD-SHELL or NONE, not {kind(test[0])}; write ["CMD", "program", ...]'
        raise BadValue(problem, ("test",))
    for key in ("interval", "timeout", "start_period", "start_interval"):
        if key in value:
            result[key] = named(key, values.duration, value[key])
            if 0 < result[key] < _MILLISECOND:
                raise BadValue(f'must be at least "1ms", not {kind(value[key])}', (key,))
    return result


def named(keys: str, converter: t.Callable[[t.Any], t.Any], value: t.Any) -> t.Any:
    """Convert the value at dotted keys below the one that is looked at. Raises BadValue."""
    try:
        return converter(value)
    except BadValue as exc:
        raise BadValue(exc.problem, (*keys.split("."), *exc.path)) from None


def ulimits(value: dict[str, t.Any]) -> dict[str, dict[str, int]]:
    return {
        name: {"soft": limit["soft"], "hard": limit["hard"]} if isinstance(limit, dict) else {"single": limit}
        for name, limit in value.items()
    }


def networks(value: t.Any) -> dict[str, dict[str, t.Any] | None]:
    if isinstance(value, list):
        return dict.fromkeys(value)
    result: dict[str, dict[str, t.Any] | None] = {}
    for name, options in value.items():
        result[name] = None if options is None else dict(options)
        if options and "driver_opts" in options:
            result[name] = {**options, "driver_opts": mapping(options["driver_opts"])}
    return result


def logging(value: dict[str, t.Any]) -> dict[str, t.Any]:
    return {**value, "options": mapping(value["options"])} if "options" in value else dict(value)


def references(value: list[t.Any]) -> list[dict[str, t.Any]]:
    """Return configs or secrets of a service."""
    result = []
    for item in value:
        reference = {"source": item} if isinstance(item, str) else dict(item)
        for key in ("uid", "gid"):
            if key in reference:
                reference[key] = str(reference[key])
        if "mode" in reference:
            reference["mode"] = named("mode", values.file_mode, reference["mode"])
        result.append(reference)
    return result


def ports(value: list[t.Any]) -> tuple[list[Port], list[str]]:
    result: list[Port] = []
    warnings = []
    for item in value:
        if isinstance(item, dict):
            port = dict(item)
            published = port.get("published", 0)
            if isinstance(published, str):
                if not published.isdigit() or int(published) > 65535:
                    raise BadValue(f"must be a port like 8080, not {kind(published)}", ("published",))
                port["published"] = int(published)
            result.append(port)
            continue
        short, warning = short_port(item)
        result += short
        if warning:
            warnings.append(warning)
    return result, warnings


def volumes(value: list[t.Any]) -> tuple[list[Volume], list[str]]:
    result: list[Volume] = []
    warnings = []
    for item in value:
        if isinstance(item, str):
            volume, warning = short_volume(item)
            if warning:
                warnings.append(warning)
        else:
            volume = _long_volume(item)
        result.append(volume)
    return result, warnings


def _long_volume(item: Volume) -> Volume:
    volume = dict(item)
    if "tmpfs" in item:
        volume["tmpfs"] = dict(item["tmpfs"])
        if "size" in item["tmpfs"]:
            volume["tmpfs"]["size"] = named("tmpfs.size", values.size, item["tmpfs"]["size"])
        if "mode" in item["tmpfs"]:
            volume["tmpfs"]["mode"] = named("tmpfs.mode", values.file_mode, item["tmpfs"]["mode"])
    if "labels" in item.get("volume", {}):
        volume["volume"] = {**item["volume"], "labels": mapping(item["volume"]["labels"])}
    return volume


def depends_on(value: t.Any) -> list[str]:
    return list(value)


def deploy(value: dict[str, t.Any] | None) -> dict[str, t.Any]:
    result = dict(value or {})
    if "labels" in result:
        result["labels"] = mapping(result["labels"])
    if "endpoint_mode" in result:
        result["endpoint_mode"] = result["endpoint_mode"].lower()
    for key in ("update_config", "rollback_config", "restart_policy"):
        if key in result:
            result[key] = {
                name: named(f"{key}.{name}", values.duration, item) if name in {"delay", "monitor", "window"} else item
                for name, item in result[key].items()
            }
    if "resources" in result:
        result["resources"] = {kind_of: _resources(kind_of, item) for kind_of, item in result["resources"].items()}
    return result


def _resources(kind_of: str, value: dict[str, t.Any]) -> dict[str, t.Any]:
    result = dict(value)
    if "cpus" in value:
        result["cpus"] = named(f"resources.{kind_of}.cpus", values.nano_cpus, value["cpus"])
    if "memory" in value:
        result["memory"] = named(f"resources.{kind_of}.memory", values.size, value["memory"])
    return result


def _timeout(value: t.Any) -> int:
    """Return seconds of a number of them or a duration."""
    return value if isinstance(value, int) else max(1, values.duration(value) // 10**9)


def migrate(value: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return C(x-apiary.migrate) of a stack or a service."""
    result = {**value, "command": named("command", command, value["command"])}
    if not result["command"]:
        raise BadValue('is empty; write what is to run, such as ["./migrate", "up"]', ("command",))
    if "timeout" in value:
        result["timeout"] = named("timeout", _timeout, value["timeout"])
    return result


def apiary(value: dict[str, t.Any]) -> dict[str, t.Any]:
    result = dict(value)
    if "migrate" in value:
        items = value["migrate"] if isinstance(value["migrate"], list) else [value["migrate"]]
        result["migrate"] = [named("migrate", migrate, item) for item in items]
    if "max_buffer_size" in value.get("logs", {}):
        named("logs.max_buffer_size", values.size, value["logs"]["max_buffer_size"])
    if "tags" in value.get("logs", {}):
        result["logs"] = {**value["logs"], "tags": mapping(value["logs"]["tags"])}
    return result


def _quiet(converter: t.Callable[[t.Any], t.Any]) -> t.Callable[[t.Any], Converted]:
    return lambda value: (converter(value), [])


#: Key of a service → the function that gives its long form and warnings. Other keys are left as they are.
SERVICE_KEYS: dict[str, t.Callable[[t.Any], Converted]] = {
    "command": _quiet(command),
    "configs": _quiet(references),
    "depends_on": _quiet(depends_on),
    "deploy": _quiet(deploy),
    "dns": _quiet(strings),
    "dns_opt": _quiet(strings),
    "dns_search": _quiet(strings),
    "entrypoint": _quiet(command),
    "environment": _quiet(variables),
    "extra_hosts": _quiet(hosts),
    "group_add": _quiet(strings),
    "healthcheck": _quiet(healthcheck),
    "labels": _quiet(mapping),
    "logging": _quiet(logging),
    "networks": _quiet(networks),
    "ports": ports,
    "secrets": _quiet(references),
    "stop_grace_period": _quiet(values.duration),
    "sysctls": _quiet(mapping),
    "tmpfs": _quiet(strings),
    "ulimits": _quiet(ulimits),
    "volumes": volumes,
    "x-apiary": _quiet(apiary),
}
