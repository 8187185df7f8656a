# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2 Instance Connect: endpoints that carry SSH into a VPC, and keys that are let in for a minute."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from moto.core.responses import ActionResult
from moto.ec2.responses import EC2Response
from moto.ec2instanceconnect.responses import Ec2InstanceConnectResponse

from region.emulator import native
from region.emulator.ec2 import instances
from region.emulator.errors import AwsError
from region.emulator.patching import Patches
from region.emulator.state import runtime
from region.world.endpoints import tunnel_domain

KEY_SECONDS = 60.0
LONGEST_TUNNEL = 3600
PATH = "/openTunnel"
TARGET = "X-Region-Target"
"""Header of the answer that opens a tunnel: address, port and seconds, for whoever carries the bytes."""
_MAKING_SECONDS = 1.0
_FILTERS = {
    "instance-connect-endpoint-id": "InstanceConnectEndpointId",
    "state": "State",
    "subnet-id": "SubnetId",
    "vpc-id": "VpcId",
}
_PUBLIC_KEY = re.compile(r"(ssh-(rsa|ed25519)) [A-Za-z0-9+/]{16,}={0,2}( .*)?")


@dataclass
class Endpoint:
    """One Instance Connect Endpoint.

    :ivar made: seconds since the epoch.
    """

    id: str
    subnet: Any
    security_groups: list[str]
    preserves_address: bool
    region: str
    account: str
    made: float

    @property
    def state(self) -> str:
        """C(create-in-progress), then C(create-complete)."""
        return "create-complete" if runtime.now() >= self.made + _MAKING_SECONDS else "create-in-progress"

    @property
    def dns_name(self) -> str:
        """The name that tunnels are opened at."""
        return f"{self.id}.{tunnel_domain(self.region)}"


@dataclass
class _Known:
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    # (instance, user) → keys with the time when each ends
    keys: dict[tuple[str, str], list[tuple[str, float]]] = field(default_factory=dict)


_known = _Known()
patches = Patches()


@patches.define(EC2Response)
def create_instance_connect_endpoint(self: Any) -> ActionResult:
    """Make an endpoint; AWS allows one for each VPC."""
    subnet = self.ec2_backend.get_subnet(self._get_param("SubnetId"))
    if any(one.subnet.vpc_id == subnet.vpc_id for one in _known.endpoints.values()):
        raise AwsError(
            "InstanceConnectEndpointLimitExceeded",
            f"The VPC {subnet.vpc_id} has an Instance Connect Endpoint, and cannot have more than one.",
        )
    groups = self._get_param("SecurityGroupIds", []) or self._get_param("SecurityGroupId", [])
    endpoint = Endpoint(
        id=f"eice-{secrets.token_hex(9)[:17]}",
        subnet=subnet,
        security_groups=[str(one) for one in groups],
        preserves_address=str(self._get_param("PreserveClientIp")).lower() == "true",
        region=self.region,
        account=self.current_account,
        made=runtime.now(),
    )
    _known.endpoints[endpoint.id] = endpoint
    given = self._get_param("TagSpecifications", []) or self._get_param("TagSpecification", [])
    tags = {tag["Key"]: tag["Value"] for one in given for tag in one.get("Tags", one.get("Tag", []))}
    if tags:
        self.ec2_backend.create_tags([endpoint.id], tags)
    return ActionResult({"InstanceConnectEndpoint": _described(self.ec2_backend, endpoint)})


@patches.define(EC2Response)
def describe_instance_connect_endpoints(self: Any) -> ActionResult:
    """Tell of endpoints, by id, VPC, subnet, state or tag."""
    asked = self._get_param("InstanceConnectEndpointIds", []) or self._get_param("InstanceConnectEndpointId", [])
    for endpoint_id in asked:
        _find(endpoint_id)
    found = [
        shown
        for one in _known.endpoints.values()
        if one.region == self.region and (not asked or one.id in asked)
        for shown in [_described(self.ec2_backend, one)]
        if all(_fits(shown, name, values) for name, values in self._filters_from_querystring().items())
    ]
    return ActionResult({"InstanceConnectEndpoints": found})


@patches.define(EC2Response)
def delete_instance_connect_endpoint(self: Any) -> ActionResult:
    """Remove an endpoint; tunnels that are open stay so."""
    endpoint = _find(self._get_param("InstanceConnectEndpointId"))
    shown = {**_described(self.ec2_backend, endpoint), "State": "delete-in-progress"}
    del _known.endpoints[endpoint.id]
    return ActionResult({"InstanceConnectEndpoint": shown})


@patches.wrap(Ec2InstanceConnectResponse, "__init__")
def new_response(original: Any, self: Any) -> None:
    """moto reads nothing of what is sent."""
    original(self)
    self.automated_parameter_parsing = True


def send_key(request: native.Request) -> dict[str, Any]:
    """Let a key log in for a minute."""
    instance_id, user = request.get("InstanceId", ""), request.get("InstanceOSUser", "")
    text = str(request.get("SSHPublicKey", "")).strip()
    if not _PUBLIC_KEY.fullmatch(text):
        raise AwsError("InvalidArgsException", "SSHPublicKey is no public key of OpenSSH.")
    try:
        instance = instances.find(instance_id)
    except KeyError:
        raise AwsError("EC2InstanceNotFoundException", f"There is no EC2 instance {instance_id}.") from None
    if instance.state != "running":
        raise AwsError("EC2InstanceStateInvalidException", f"The instance {instance_id} is {instance.state}.")
    now = runtime.now()
    held = _known.keys.setdefault((instance_id, user), [])
    held[:] = [one for one in held if one[1] > now and one[0] != text] + [(text, now + KEY_SECONDS)]
    return {"RequestId": secrets.token_hex(16), "Success": True}


def active_keys(instance_id: str) -> dict[str, str]:
    """Return what an instance's metadata say of keys, by user: entries with their conditions and a signature."""
    now = runtime.now()
    return {
        user: "\n".join(_entry(instance_id, key, until) for key, until in held if until > now)
        for (one, user), held in _known.keys.items()
        if one == instance_id and any(until > now for dummy, until in held)
    }


def _entry(instance_id: str, key: str, until: float) -> str:
    # AWS signs with a certificate of its own; nobody here has that.
    signature = base64.b64encode(b"local region").decode()
    return f"#Timestamp={int(until)}\n#Instance={instance_id}\n#Caller=\n#Request=\n{key}\n{signature}\n"


def open_tunnel(environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
    """Say where a tunnel leads: 101 with the header :data:`TARGET`, or why there is none."""
    given = {name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    endpoint = _known.endpoints.get(given.get("instanceConnectEndpointId", ""))
    host = environ.get("HTTP_HOST", "").partition(":")[0].lower()
    if endpoint is None or endpoint.state != "create-complete" or host != endpoint.dns_name:
        return _refused(404, "ResourceNotFoundException", "There is no such endpoint, or it is not complete yet.")
    address, port = given.get("privateIpAddress", ""), given.get("remotePort", "")
    seconds = given.get("maxTunnelDuration", str(LONGEST_TUNNEL))
    if port not in ("22", "3389") or not seconds.isdigit() or not 1 <= int(seconds) <= LONGEST_TUNNEL:
        return _refused(400, "ValidationException", "remotePort is 22 or 3389, maxTunnelDuration 1 to 3600.")
    inside = (one for one in instances.all_instances() if one.private_ip == address and one.state == "running")
    if not any(one.vpc_id == endpoint.subnet.vpc_id for one in inside):
        return _refused(400, "ValidationException", f"No instance in the endpoint's VPC has the address {address}.")
    return 101, [(TARGET, f"{address} {port} {seconds}")], b""


def _refused(status: int, code: str, message: str) -> tuple[int, list[tuple[str, str]], bytes]:
    body = f'{{"__type": "{code}", "message": "{message}"}}'.encode()
    return status, [("Content-Type", "application/json")], body


def _find(endpoint_id: str) -> Endpoint:
    if endpoint_id not in _known.endpoints:
        raise AwsError("InvalidInstanceConnectEndpointId.NotFound", f"The endpoint '{endpoint_id}' does not exist.")
    return _known.endpoints[endpoint_id]


def _described(backend: Any, endpoint: Endpoint) -> dict[str, Any]:
    tags = backend.describe_tags(filters={"resource-id": [endpoint.id]})
    return {
        "OwnerId": endpoint.account,
        "InstanceConnectEndpointId": endpoint.id,
        "InstanceConnectEndpointArn": (
            f"arn:aws:ec2:{endpoint.region}:{endpoint.account}:instance-connect-endpoint/{endpoint.id}"
        ),
        "State": endpoint.state,
        "DnsName": endpoint.dns_name,
        "AvailabilityZone": endpoint.subnet.availability_zone,
        "CreatedAt": datetime.fromtimestamp(endpoint.made, tz=UTC),
        "VpcId": endpoint.subnet.vpc_id,
        "SubnetId": endpoint.subnet.id,
        "PreserveClientIp": endpoint.preserves_address,
        "SecurityGroupIds": endpoint.security_groups,
        "Tags": [{"Key": tag["key"], "Value": tag["value"]} for tag in tags],
    }


def _fits(shown: dict[str, Any], name: str, values: list[str]) -> bool:
    if name.startswith("tag:"):
        return any(tag["Key"] == name[4:] and tag["Value"] in values for tag in shown["Tags"])
    if name not in _FILTERS:
        raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
    return shown[_FILTERS[name]] in values


def install() -> None:
    """Teach moto's EC2 endpoints, and its Instance Connect to keep keys; forget those of an earlier account."""
    _known.endpoints.clear()
    _known.keys.clear()
    patches.install()
    native.serve(Ec2InstanceConnectResponse, "ec2-instance-connect", {"SendSSHPublicKey": send_key})
