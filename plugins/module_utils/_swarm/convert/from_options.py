# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of the module C(service) to an Engine ServiceSpec. Pure.

An option that is not given (None) leaves its field as it is live; one that is given, also an empty one, owns its field.
Suboptions count one by one.
"""

from __future__ import annotations

import copy
import re
import shlex
import typing as t

from ..._errors import InvalidInput
from .. import routes, values
from ..problems import BadValue
from ..values import variable_lines

Spec = dict[str, t.Any]
Params = t.Mapping[str, t.Any]

_CONTAINER = ("TaskTemplate", "ContainerSpec")
#: Labels by which a service belongs to its stack; they stay when labels are set.
_STACK_LABELS = "com.docker.stack."
#: How the test of a health check begins (moby daemon/health.go: "Unknown healthcheck type").
_TESTS = ("CMD", "CMD-SHELL", "NONE")


class InvalidOption(InvalidInput):
    """The value of an option makes no sense; the message names the option."""


def read(option: str, reader: t.Callable[[t.Any], t.Any], value: t.Any) -> t.Any:
    """Return what a reader of :mod:`.values` makes of the value of an option.

    :raises InvalidOption: it cannot be read; the message begins with the option.
    """
    try:
        return reader(value)
    except BadValue as exc:
        raise InvalidOption(f"{'.'.join(map(str, (option, *exc.path)))}: {exc}") from None


def environment(env: t.Any, files: t.Sequence[t.Mapping[str, str]]) -> list[str]:
    """Return C(NAME=value) entries.

    :param env: mapping, list of C(NAME=value), or such a list with commas in one text.
    :param files: what environment files say, in their order; I(env) wins.
    :raises InvalidOption: an entry is no text, or has no sign of equality. The message never holds a value.
    """
    merged: dict[str, str] = {}
    for content in files:
        merged.update(content)
    if isinstance(env, dict):
        for name, value in env.items():
            if not isinstance(value, str):
                raise InvalidOption(f"env: the value of {name} must be text; write it in quotes")
            merged[str(name)] = value
        return [f"{name}={value}" for name, value in sorted(merged.items())]
    items = env.split(",") if isinstance(env, str) else env or []
    if not isinstance(items, list):
        raise InvalidOption("env: must be a mapping of names to texts, or a list of entries like NAME=value")
    for number, item in enumerate(items, start=1):
        name, sign, value = item.partition("=") if isinstance(item, str) else ("", "", "")
        if not sign or not name:
            raise InvalidOption(f'env: entry {number} must look like "NAME=value"')
        merged[name] = value
    return [f"{name}={value}" for name, value in sorted(merged.items())]


def command_words(command: t.Any) -> list[str]:
    """Return a command line as the engine takes it: a text is split as a shell does, a list is taken as it is.

    :raises InvalidOption: it is neither, or a quote has no end. The message never holds a word of it.
    """
    if isinstance(command, str):
        try:
            return shlex.split(command)
        except ValueError:
            raise InvalidOption("command: a quote or a backslash has no end; write the command as a list") from None
    if not isinstance(command, list):
        raise InvalidOption("command: must be a text, or a list of texts")
    return _words("command", command)


def _words(option: str, items: t.Any) -> list[str]:
    """Return a list of texts; numbers are written out, as they have one form only."""
    if not isinstance(items, list):
        raise InvalidOption(f"{option}: must be a list of texts")
    for number, item in enumerate(items, start=1):
        if isinstance(item, bool) or not isinstance(item, (str, int, float)):
            raise InvalidOption(f"{option}: entry {number} must be text; write it in quotes")
    return [str(item) for item in items]


def env_file(name: str, text: str) -> dict[str, str]:
    """Return the variables of an environment file: lines C(NAME=value), empty ones and C(#) left out.

    :raises InvalidOption: a line is neither.
    """
    found = {}
    try:
        for number, variable, value in variable_lines(text):
            if value is None:
                raise BadValue('must be a line like "KEY=value"', (number,))
            found[variable] = value
    except BadValue as exc:
        raise InvalidOption(f"env_files: {name}:{exc.path[0]}: {exc}") from None
    return found


def apply_options(live: Spec, params: Params, files: t.Sequence[t.Mapping[str, str]] = ()) -> Spec:
    """Return a copy of a ServiceSpec with the given options set.

    :param live: the spec to start from, with names of networks in place of ids; C({}) for a new service.
    :param files: content of the environment files.
    :raises InvalidOption: a value makes no sense.
    """
    spec = copy.deepcopy(live)
    for path, value in _fields(params, live, files):
        _put(spec, path, value)
    _keep_order(live, spec, (*_CONTAINER, "DNSConfig"), "Options")
    spec.setdefault("TaskTemplate", {}).setdefault("ContainerSpec", {})
    return spec


def _keep_order(live: Spec, spec: Spec, path: tuple[str, ...], key: str) -> None:
    """Leave a list that differs in its order only as it is live: options of a resolver have no order."""
    for part in path:
        live, spec = live.get(part) or {}, spec.get(part) or {}
    if key in spec and sorted(spec[key]) == sorted(live.get(key) or []):
        spec[key] = live.get(key) or []


def _put(spec: Spec, path: tuple[str, ...], value: t.Any) -> None:
    for key in path[:-1]:
        if not isinstance(spec.get(key), dict):
            spec[key] = {}
        spec = spec[key]
    if value is None:
        spec.pop(path[-1], None)
    else:
        spec[path[-1]] = value


Field = tuple[tuple[str, ...], t.Any]


def _fields(params: Params, live: Spec, files: t.Sequence[t.Mapping[str, str]]) -> t.Iterator[Field]:
    yield ("Name",), params["name"]
    yield from _container(params, files)
    if params.get("healthcheck") is not None and not any(value is not None for value in params["healthcheck"].values()):
        yield (*_CONTAINER, "Healthcheck"), None  # an empty one removes it: the image's own counts again
    yield from _healthcheck(params.get("healthcheck") or {})
    yield from _task(params)
    for option, section in (("update_config", "UpdateConfig"), ("rollback_config", "RollbackConfig")):
        yield from _update(option, section, params.get(option) or {}, live)
    yield from _resources(params)
    yield from _mode(params, live)
    if params.get("labels") is not None:
        kept = {key: value for key, value in (live.get("Labels") or {}).items() if key.startswith(_STACK_LABELS)}
        labels = _texts("labels", params["labels"])
        read("labels", routes.read, labels)
        yield ("Labels",), {**kept, **labels}
    if params.get("endpoint_mode") is not None:
        yield ("EndpointSpec", "Mode"), params["endpoint_mode"]
    if params.get("publish") is not None:
        yield ("EndpointSpec", "Ports"), [_port(item) for item in params["publish"]]


def _container(params: Params, files: t.Sequence[t.Mapping[str, str]]) -> t.Iterator[Field]:
    simple = {
        "image": "Image", "args": "Args", "hostname": "Hostname", "groups": "Groups", "user": "User", "tty": "TTY",
        "working_dir": "Dir", "read_only": "ReadOnly", "stop_signal": "StopSignal", "init": "Init",
        "isolation": "Isolation", "oom_score_adj": "OomScoreAdj", "open_stdin": "OpenStdin",
    }  # fmt: skip
    for option, field in simple.items():
        if params.get(option) is not None:
            yield (*_CONTAINER, field), params[option]
    if params.get("command") is not None:
        yield (*_CONTAINER, "Command"), command_words(params["command"])
    if params.get("env") is not None or params.get("env_files") is not None:
        yield (*_CONTAINER, "Env"), environment(params.get("env"), files)
    if params.get("stop_grace_period") is not None:
        yield (*_CONTAINER, "StopGracePeriod"), read("stop_grace_period", values.duration, params["stop_grace_period"])
    for option, field in (("container_labels", "Labels"), ("sysctls", "Sysctls")):
        if params.get(option) is not None:
            yield (*_CONTAINER, field), _texts(option, params[option])
    if params.get("hosts") is not None:
        yield (*_CONTAINER, "Hosts"), [f"{address} {host}" for host, address in params["hosts"].items()]
    for option, field in (("dns", "Nameservers"), ("dns_search", "Search"), ("dns_options", "Options")):
        if params.get(option) is not None:
            yield (*_CONTAINER, "DNSConfig", field), params[option]
    for option, field in (("cap_add", "CapabilityAdd"), ("cap_drop", "CapabilityDrop")):
        if params.get(option) is not None:
            yield (*_CONTAINER, field), [values.capability(name) for name in params[option]]
    yield from _attached(params)
    yield from _privileges(params.get("privileges") or {})


def _attached(params: Params) -> t.Iterator[Field]:
    """Yield what a container gets beside its image and its words."""
    if params.get("mounts") is not None:
        yield (*_CONTAINER, "Mounts"), [_mount(item) for item in params["mounts"]]
    for option, kind in (("configs", "Config"), ("secrets", "Secret")):
        if params.get(option) is not None:
            yield (*_CONTAINER, f"{kind}s"), [_file(kind, item) for item in params[option]]
    if params.get("ulimits") is not None:
        yield (
            (*_CONTAINER, "Ulimits"),
            [{"Name": item["name"], "Soft": item["soft"], "Hard": item["hard"]} for item in params["ulimits"]],
        )


def _privileges(options: Params) -> t.Iterator[Field]:
    path = (*_CONTAINER, "Privileges")
    if options.get("no_new_privileges") is not None:
        yield (*path, "NoNewPrivileges"), options["no_new_privileges"]
    for option, field in (("seccomp", "Seccomp"), ("apparmor", "AppArmor")):
        if options.get(option) is not None:
            yield (*path, field), {"Mode": options[option]}


def _healthcheck(options: Params) -> t.Iterator[Field]:
    path = (*_CONTAINER, "Healthcheck")
    test = options.get("test")
    if test is not None:
        if not isinstance(test, (str, list)):
            raise InvalidOption("healthcheck.test: must be a text, or a list that begins with CMD, CMD-SHELL or NONE")
        words = test if isinstance(test, list) else ["NONE"] if test == "NONE" else ["CMD-SHELL", test]
        if words and words[0] not in _TESTS:  # the engine would only write into its journal that it does not check
            raise InvalidOption("healthcheck.test: a list must begin with CMD, CMD-SHELL or NONE")
        yield (*path, "Test"), _words("healthcheck.test", words)
    for option, field in (
        ("interval", "Interval"), ("timeout", "Timeout"), ("start_period", "StartPeriod"),
        ("start_interval", "StartInterval"),
    ):  # fmt: skip
        if options.get(option) is not None:
            yield (*path, field), read(f"healthcheck.{option}", values.duration, options[option])
    if options.get("retries") is not None:
        yield (*path, "Retries"), options["retries"]


def _task(params: Params) -> t.Iterator[Field]:
    if params.get("networks") is not None:
        yield ("TaskTemplate", "Networks"), [_network(item) for item in params["networks"]]
        yield ("Networks",), None  # where old clients put them
    logging = params.get("logging") or {}
    if logging.get("driver") is not None:
        yield ("TaskTemplate", "LogDriver", "Name"), logging["driver"]
    if logging.get("options") is not None:
        yield ("TaskTemplate", "LogDriver", "Options"), _texts("logging.options", logging["options"])
    placement = params.get("placement") or {}
    if placement.get("constraints") is not None:
        yield ("TaskTemplate", "Placement", "Constraints"), placement["constraints"]
    if placement.get("preferences") is not None:
        yield ("TaskTemplate", "Placement", "Preferences"), [_preference(item) for item in placement["preferences"]]
    if placement.get("replicas_max_per_node") is not None:
        yield ("TaskTemplate", "Placement", "MaxReplicas"), placement["replicas_max_per_node"]
    restart = params.get("restart_config") or {}
    path = ("TaskTemplate", "RestartPolicy")
    if restart.get("condition") is not None:
        yield (*path, "Condition"), restart["condition"]
    for option, field in (("delay", "Delay"), ("window", "Window")):
        if restart.get(option) is not None:
            yield (*path, field), read(f"restart_config.{option}", values.duration, restart[option])
    if restart.get("max_attempts") is not None:
        yield (*path, "MaxAttempts"), restart["max_attempts"]


def _update(option: str, section: str, options: Params, live: Spec) -> t.Iterator[Field]:
    """A service without the section replaces one task at a time; a section without a number would mean all at once."""
    given = any(value is not None for value in options.values())
    if given and options.get("parallelism") is None and live.get(section) is None:
        yield (section, "Parallelism"), 1
    names = {
        "parallelism": "Parallelism", "failure_action": "FailureAction", "max_failure_ratio": "MaxFailureRatio",
        "order": "Order",
    }  # fmt: skip
    for name, field in names.items():
        if options.get(name) is not None:
            yield (section, field), options[name]
    for name, field in (("delay", "Delay"), ("monitor", "Monitor")):
        if options.get(name) is not None:
            yield (section, field), read(f"{option}.{name}", values.duration, options[name])


def _resources(params: Params) -> t.Iterator[Field]:
    for option, section in (("limits", "Limits"), ("reservations", "Reservations")):
        options, path = params.get(option) or {}, ("TaskTemplate", "Resources", section)
        if options.get("cpus") is not None:
            yield (*path, "NanoCPUs"), read(f"{option}.cpus", values.nano_cpus, options["cpus"])
        if options.get("memory") is not None:
            yield (*path, "MemoryBytes"), read(f"{option}.memory", values.size, options["memory"])
        if options.get("pids") is not None:
            yield (*path, "Pids"), options["pids"]
        if options.get("generic_resources") is not None:
            yield (
                (*path, "GenericResources"),
                [
                    {
                        "DiscreteResourceSpec": {
                            "Kind": kind,
                            "Value": _count(f"{option}.{kind}", value),
                        }
                    }
                    for kind, value in sorted(options["generic_resources"].items())
                ],
            )


def _count(option: str, value: t.Any) -> int:
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]+", str(value)):
        raise InvalidOption(f"{option}: must be a number")
    return int(value)


def _mode(params: Params, live: Spec) -> t.Iterator[Field]:
    """The number of tasks stays as it is when it is not given: somebody else may look after it."""
    kinds = {
        "replicated": "Replicated",
        "global": "Global",
        "replicated-job": "ReplicatedJob",
        "global-job": "GlobalJob",
    }
    current = next((kind for kind in kinds.values() if (live.get("Mode") or {}).get(kind) is not None), "Replicated")
    kind = kinds[params["mode"]] if params.get("mode") else current
    count = None if params.get("replicas") in (None, -1) else params["replicas"]
    mode = dict((live.get("Mode") or {}).get(kind) or {})
    if kind == "Replicated":
        mode["Replicas"] = count if count is not None else mode.get("Replicas", 1)
    elif kind == "ReplicatedJob":
        total = count if count is not None else mode.get("TotalCompletions", 1)
        concurrent = params.get("max_concurrent") or mode.get("MaxConcurrent") or total
        mode = {"TotalCompletions": total, "MaxConcurrent": concurrent}
    yield ("Mode",), {kind: mode}


def _port(item: Params) -> Spec:
    port = {
        "Protocol": item["protocol"],
        "TargetPort": item["target_port"],
        "PublishMode": item.get("mode") or "ingress",
    }
    return {**port, "PublishedPort": item["published_port"]} if item.get("published_port") else port


def _network(item: t.Any) -> Spec:
    if isinstance(item, str):
        return {"Target": item}
    if not isinstance(item, dict) or not item.get("name"):
        raise InvalidOption("networks: an entry must be a name, or a mapping with name, aliases and options")
    unknown = sorted(set(item) - {"name", "aliases", "options"})
    if unknown:
        raise InvalidOption(f"networks: {', '.join(unknown)} is not known; use name, aliases and options")
    if not isinstance(item["name"], str):
        raise InvalidOption("networks.name: must be text; write it in quotes")
    spec: Spec = {"Target": item["name"]}
    if item.get("aliases") is not None:
        aliases = _words("networks.aliases", item["aliases"])
        if aliases:
            spec["Aliases"] = aliases
    if item.get("options") is not None:
        if not isinstance(item["options"], dict):
            raise InvalidOption("networks.options: must be a mapping")
        if item["options"]:
            spec["DriverOpts"] = _texts("networks.options", item["options"])
    return spec


def _preference(item: Params) -> Spec:
    if list(item) != ["spread"] or not isinstance(item["spread"], str):
        raise InvalidOption('placement.preferences: an entry must look like "spread: node.labels.zone"')
    return {"Spread": {"SpreadDescriptor": item["spread"]}}


def _mount(item: Params) -> Spec:
    kind = item["type"]
    if kind not in ("tmpfs",) and not item.get("source") and kind != "volume":
        raise InvalidOption(f"mounts: a mount of type {kind} needs a source ({item['target']})")
    spec: Spec = {"Type": kind, "Source": item.get("source") or "", "Target": item["target"]}
    if item.get("readonly"):
        spec["ReadOnly"] = True
    if item.get("propagation"):
        spec["BindOptions"] = {"Propagation": item["propagation"]}
    if kind == "volume":
        driver = item.get("driver_config") or {}
        options = {
            "NoCopy": bool(item.get("no_copy")),
            "Labels": _texts("mounts.labels", item.get("labels") or {}),
            "Subpath": item.get("subpath") or "",
            "DriverConfig": {
                "Name": driver.get("name") or "",
                "Options": _texts("mounts.driver_config.options", driver.get("options") or {}),
            }
            if driver
            else None,
        }
        spec["VolumeOptions"] = {key: value for key, value in options.items() if value}
    if kind == "tmpfs":
        options = {
            "SizeBytes": read("mounts.tmpfs_size", values.size, item["tmpfs_size"]) if item.get("tmpfs_size") else 0,
            "Mode": item.get("tmpfs_mode") or 0,
        }
        spec["TmpfsOptions"] = {key: value for key, value in options.items() if value}
    return spec


def _file(kind: str, item: Params) -> Spec:
    low = kind.lower()
    name = item[f"{low}_name"]
    mode = item.get("mode")
    file = {
        "Name": item.get("filename") or name,
        "UID": item.get("uid") or "0",
        "GID": item.get("gid") or "0",
        "Mode": 0o444 if mode is None else mode,
    }
    return {f"{kind}Name": name, f"{kind}ID": item.get(f"{low}_id") or "", "File": file}


def _texts(option: str, values: Params) -> dict[str, str]:
    """Return a mapping of text to text; numbers are written out.

    :raises InvalidOption: a value is none (C(key:) without anything behind it), true or false, a list or a mapping,
        which could be meant in more than one way.
    """
    for key, value in values.items():
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise InvalidOption(f'{option}: the value of {key} must be text; write it in quotes, "" for an empty one')
    return {str(key): str(value) for key, value in values.items()}
