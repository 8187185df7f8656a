# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The road to a cluster's nodes: what its stack says of it, and what Ansible connects with. Pure."""

from __future__ import annotations

import json
import re
import shlex
import typing as t
from dataclasses import dataclass

WAYS = ("endpoint", "ssm", "direct", "inside")
"""Values of ``cluster_access``."""
THROUGH_AWS = ("endpoint", "ssm")
"""Those that lead through AWS's API: what ssh connects to is no address."""
PREFIX = "access_"
"""Hosts are in a group of this and the way to them."""
TIMEOUT = "30"
"""Seconds for a connection: calls of AWS come before ssh's own."""
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_ENDPOINT = re.compile(r"(eice-[0-9a-f]{8,32})?")


class RoadError(ValueError):
    """The text says no road; the message tells why."""


@dataclass(frozen=True)
class Road:
    """How the nodes of one cluster are reached.

    :ivar by: one of :data:`WAYS`.
    :ivar user: who logs in.
    :ivar own_key: whether the user has the key; else one is sent through AWS for each connection.
    :ivar endpoint: ID of the Instance Connect Endpoint, empty for other ways.
    """

    by: str
    user: str
    own_key: bool = False
    endpoint: str = ""


def parameter_name(cluster: str) -> str:
    """Return the name of the SSM parameter that the stack of *cluster* keeps its road in."""
    return f"/swarm/{cluster}/access"


def parse_road(text: str) -> Road:
    """Read the parameter's value. Each part of it gets into a command line, so it is what it should be or refused.

    :raises RoadError: it is something else.
    """
    try:
        given = json.loads(text)
        by, user, key, endpoint = (given[name] for name in ("by", "user", "key", "endpoint"))
    except (ValueError, TypeError, LookupError) as exc:
        raise RoadError(f"says no road to the nodes ({exc})") from exc
    if by not in WAYS or key not in ("own", "sent"):
        raise RoadError(f"names a road ({by!r}, key {key!r}) that this release does not know")
    if not (isinstance(user, str) and _USER.fullmatch(user)):
        raise RoadError(f"names no user that could log in: {user!r}")
    if not (isinstance(endpoint, str) and _ENDPOINT.fullmatch(endpoint)) or (by == "endpoint") != bool(endpoint):
        raise RoadError(f"names no endpoint: {endpoint!r}")
    return Road(by, user, key == "own", endpoint)


def host_variable(road: Road, address: str) -> dict[str, t.Any]:
    """Return the host variable ``swarm_access``, of which :func:`group_variables` are made."""
    key = "own" if road.own_key else "sent"
    return {"by": road.by, "user": road.user, "key": key, "endpoint": road.endpoint, "address": address}


def group_name(road: Road) -> str:
    """Return the group of the hosts that *road* leads to; a key of one's own makes another one of it."""
    return f"{PREFIX}{road.by}{'_own_key' if road.own_key else ''}"


def is_group(name: str) -> bool:
    """Say whether *name* is one of :func:`group_name`."""
    return name.startswith(PREFIX) and name.removeprefix(PREFIX).removesuffix("_own_key") in WAYS


def has_own_key(group: str) -> bool:
    """Say whether the user has the key for the hosts of a group of :func:`group_name`."""
    return group.endswith("_own_key")


def group_variables(group: str, connect: t.Sequence[str], key_file: str) -> dict[str, str]:
    """Return the variables of a group of :func:`group_name`, as templates over each host's own.

    As variables of a group they give way to ``group_vars`` and ``host_vars``. The connection that ssh keeps stays as
    Ansible has it.

    :param connect: what ssh runs in place of a connection, with the options that are the same for all hosts.
    :param key_file: private half of the key that is sent; its public half lies beside it.
    """
    own_key = has_own_key(group)
    by = group.removeprefix(PREFIX).removesuffix("_own_key")
    # An address may come back with another machine behind it; an instance's ID never does.
    arguments = ["-o", "StrictHostKeyChecking=accept-new", "-o", "HostKeyAlias={{ swarm_node.instance_id }}"]
    if not own_key:
        arguments += ["-o", f"IdentityFile={key_file}", "-o", "IdentitiesOnly=yes"]
    if by in THROUGH_AWS or not own_key:
        command = [*connect, "--region", "{{ swarm_node.region }}"]
        command += ["--instance", "{{ swarm_node.instance_id }}"]
        command += [] if own_key else ["--key", f"{key_file}.pub"]
        command += ["--endpoint", "{{ swarm_access.endpoint }}"] if by == "endpoint" else []
        command += ["--session"] if by == "ssm" else []
        arguments += ["-o", f"ProxyCommand={_shell(command)} --user %r {{{{ swarm_access.address }}}} %p"]
    variables = {"ansible_user": "{{ swarm_access.user }}", "ansible_python_interpreter": "/usr/bin/python3"}
    variables["ansible_ssh_common_args"] = shlex.join(arguments)
    return {**variables, "ansible_ssh_timeout": TIMEOUT} if by in THROUGH_AWS or not own_key else variables


def _shell(command: t.Sequence[str]) -> str:
    """Return *command* for the shell that ssh runs it in; a percent sign is ssh's own."""
    return " ".join(word if word.startswith("{{") else shlex.quote(word).replace("%", "%%") for word in command)
