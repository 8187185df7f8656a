# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node knows about itself: JSON files that the image carries, and one written at boot by user data."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import re
import typing as t
from pathlib import Path

from .._aws.session import AwsOptions, AwsSession
from .._errors import InvalidInput

#: Written when the image is made; the same on every node of that image. Later ones win.
IMAGE_FILES = (Path("/etc/apiary-swarm/image.json"), Path("/etc/apiary-swarm/edge.json"))
#: Written by user data; says which cluster this node belongs to, and as what. Wins over the image's files.
NODE_FILE = Path("/etc/apiary-swarm/node.json")
#: What the agent remembers between runs.
STATE_DIR = Path("/var/lib/apiary-swarm")

_CLUSTER = re.compile(r"^[a-z][a-z0-9-]{0,30}[a-z0-9]$")
#: botocore.regions takes every name of this form for a region, too; new partitions begin with more letters than two.
_REGION = re.compile(r"^[a-z]+(-[a-z0-9]+)*-\d+$")
_SIZE = re.compile(r"^\d+[kmgKMG]?$")
_ROLE = re.compile(r"^arn:[a-z-]+:iam::\d{12}:role/\S+$")
_ROLES = ("manager", "worker")
_SOURCES = ("ssm", "baked")


class SettingsError(InvalidInput):
    """A settings file is missing or wrong; the message names the file and the key."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of one node.

    :ivar cluster: Name of the cluster.
    :ivar region: AWS region of the cluster's parameters.
    :ivar role: C(manager) or C(worker).
    :ivar join_source: C(ssm): tokens and manager addresses come from SSM. C(baked): a worker joins with what its image
        carries and makes no AWS call for it; managers use SSM all the same.
    :ivar worker_token: Worker join token, for C(join_source=baked) only.
    :ivar manager_addresses: IPv4 addresses of managers, for C(join_source=baked) only.
    :ivar autolock: Encrypt the managers' keys at rest; a rebooted manager unlocks itself with the key in SSM.
    :ivar address_pool: Range that overlay networks take their subnets from.
    :ivar address_pool_mask: Prefix length of an overlay network's subnet.
    :ivar edge_network: Overlay network between the edge and routed services.
    :ivar edge_mask: Prefix length of the edge network's subnet: it holds every task of every routed service.
    :ivar feed_port: TCP port of the managers' route feed.
    :ivar registry_roles: ARNs of roles that the leader assumes to renew logins to registries of ECR, by the registry's
        host or account; it uses the instance's own role for all others.
    :ivar trusted_proxies: CIDR ranges of the load balancer, whose X-Forwarded-For the edge believes; empty: the VPC's
        ranges.
    :ivar edge_log_driver: Where the edge's log goes; with C(awslogs) to the group C(/swarm/<cluster>/edge).
    :ivar edge_max_body: Largest request body that the edge takes, in nginx's notation.
    :ivar edge_drain_seconds: How long requests in flight may go on after a change of routes.
    """

    cluster: str
    region: str
    role: str
    join_source: str = "ssm"
    worker_token: str = dataclasses.field(default="", repr=False)
    manager_addresses: tuple[str, ...] = ()
    autolock: bool = True
    address_pool: str = "10.128.0.0/10"
    address_pool_mask: int = 22
    edge_network: str = "edge"
    edge_mask: int = 20
    feed_port: int = 7950
    registry_roles: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    trusted_proxies: tuple[str, ...] = ()
    edge_log_driver: str = "awslogs"
    edge_max_body: str = "100m"
    edge_drain_seconds: int = 60

    @property
    def prefix(self) -> str:
        """Path of the cluster's SSM parameters."""
        return f"/swarm/{self.cluster}"

    @property
    def is_manager(self) -> bool:
        """Whether the node is to be a manager."""
        return self.role == "manager"

    @property
    def joins_from_image(self) -> bool:
        """Whether the node joins with the token its image carries."""
        return self.join_source == "baked" and not self.is_manager

    @classmethod
    def from_dict(cls, data: t.Mapping[str, t.Any], where: str) -> Settings:
        """Check *data* and make settings of it.

        Keys that this release does not know are ignored: user data may be newer than the image.

        :param where: the file's name, for messages.
        :raises SettingsError: a key is missing or has a value that cannot be.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        values = {key: value for key, value in data.items() if key in known}
        for key, pattern in (("cluster", _CLUSTER), ("region", _REGION)):
            if not isinstance(values.get(key), str) or not pattern.fullmatch(values[key]):
                raise SettingsError(f"{where}: {key} must match {pattern.pattern}, got {values.get(key)!r}")
        for key, choices in (("role", _ROLES), ("join_source", _SOURCES)):
            if values.setdefault(key, "ssm" if key == "join_source" else None) not in choices:
                raise SettingsError(f"{where}: {key} must be one of {', '.join(choices)}, got {values[key]!r}")
        for key in ("address_pool_mask", "edge_mask", "feed_port", "edge_drain_seconds"):
            if key in values and (isinstance(values[key], bool) or not isinstance(values[key], int)):
                raise SettingsError(f"{where}: {key} must be a whole number, got {values[key]!r}")
        if not isinstance(values.get("autolock", True), bool):
            raise SettingsError(f"{where}: autolock must be true or false, got {values['autolock']!r}")
        if "edge_max_body" in values and not _SIZE.fullmatch(str(values["edge_max_body"])):
            raise SettingsError(f"{where}: edge_max_body must be a size such as 100m, got {values['edge_max_body']!r}")
        _each(where, "address_pool", [values.get("address_pool", "10.128.0.0/10")], ipaddress.IPv4Network)
        for key, kind in (("manager_addresses", ipaddress.IPv4Address), ("trusted_proxies", ipaddress.IPv4Network)):
            values[key] = _each(where, key, values.get(key, ()), kind)
        roles = values.setdefault("registry_roles", {})
        if not isinstance(roles, dict) or not all(_ROLE.match(str(arn)) for arn in roles.values()):
            raise SettingsError(f"{where}: registry_roles must map registries or accounts to ARNs of roles")
        settings = cls(**values)
        if settings.joins_from_image and not (settings.worker_token and settings.manager_addresses):
            raise SettingsError(
                f"{where}: join_source is baked, but the image carries no worker_token and manager_addresses"
            )
        return settings


def session(settings: Settings) -> AwsSession:
    """Return a session of AWS for the node; a slow answer must not hold the agent up for minutes."""
    return AwsSession(AwsOptions(region=settings.region), read_timeout=10, attempts=3)


def _each(where: str, key: str, found: t.Any, kind: t.Callable[[str], object]) -> tuple[str, ...]:
    """Return the entries of a list as *kind* writes them.

    :raises SettingsError: one of them is not of that kind.
    """
    if not isinstance(found, (list, tuple)):
        raise SettingsError(f"{where}: {key} must be a list, got {found!r}")
    try:
        return tuple(str(kind(str(item))) for item in found)
    except ValueError as exc:
        raise SettingsError(f"{where}: {key}: {exc}") from exc


def load(node_file: Path = NODE_FILE, image_files: t.Iterable[Path] = IMAGE_FILES) -> Settings:
    """Read the node's settings.

    :raises SettingsError: the node's file is missing, not JSON, or wrong.
    """
    image: dict[str, t.Any] = {}
    for path in image_files:
        image.update(_read(path) if path.exists() else {})
    if not node_file.exists():
        raise SettingsError(f"{node_file} is missing: the instance's user data did not name a cluster")
    return Settings.from_dict({**image, **_read(node_file)}, str(node_file))


def _read(path: Path) -> dict[str, t.Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise SettingsError(f"{path}: {exc}") from exc
    if not isinstance(data, dict):
        raise SettingsError(f"{path}: expected a JSON object")
    return data
