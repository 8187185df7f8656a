# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instance Connect Endpoints, keys for a minute, and tunnels: who gets one, and what it carries."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from region.emulator import view
from region.machines import metadata, tunnels
from region.middleware.identity import CONTROLLER_ACCESS_KEY, CONTROLLER_SECRET_KEY
from region.world import tls
from werkzeug.serving import make_server

from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsOptions, AwsSession
from ansible_collections.apiary.swarm.plugins.plugin_utils._access import aws, dial, frames

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO0kNLEbrBY7dEzu2VRuSXZqFqDCkQBTkZlSdAQBkXtR"


def vpc(account: Any) -> str:
    """Make a VPC and return its subnet."""
    ec2 = account.client("ec2")
    vpc_id = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    return str(ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.20.0.0/20")["Subnet"]["SubnetId"])


def instance(account: Any, subnet: str) -> dict[str, Any]:
    ec2 = account.client("ec2")
    image = ec2.describe_images(Owners=["136693071363"])["Images"][0]["ImageId"]
    made = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet)["Instances"][0]
    found = ec2.describe_instances(InstanceIds=[made["InstanceId"]])["Reservations"][0]["Instances"][0]
    return dict(found)


def endpoint(account: Any, subnet: str) -> dict[str, Any]:
    tags = [{"ResourceType": "instance-connect-endpoint", "Tags": [{"Key": "swarm:cluster", "Value": "demo"}]}]
    made = account.client("ec2").create_instance_connect_endpoint(SubnetId=subnet, TagSpecifications=tags)
    return dict(made["InstanceConnectEndpoint"])


def test_an_endpoint_is_made_told_and_removed(account: Any) -> None:
    ec2, subnet = account.client("ec2"), vpc(account)
    made = endpoint(account, subnet)
    assert made["State"] == "create-in-progress"
    account.wait(2)
    (found,) = ec2.describe_instance_connect_endpoints(
        Filters=[{"Name": "tag:swarm:cluster", "Values": ["demo"]}, {"Name": "state", "Values": ["create-complete"]}]
    )["InstanceConnectEndpoints"]
    assert found["DnsName"].startswith(made["InstanceConnectEndpointId"])
    assert found["DnsName"].endswith(".ec2-instance-connect-endpoint.us-east-1.amazonaws.com")
    with pytest.raises(ClientError, match="InstanceConnectEndpointLimitExceeded"):
        endpoint(account, subnet)
    ec2.delete_instance_connect_endpoint(InstanceConnectEndpointId=made["InstanceConnectEndpointId"])
    with pytest.raises(ClientError, match=r"InvalidInstanceConnectEndpointId\.NotFound"):
        ec2.describe_instance_connect_endpoints(InstanceConnectEndpointIds=[made["InstanceConnectEndpointId"]])


def test_a_key_is_in_the_metadata_for_a_minute(account: Any) -> None:
    node = instance(account, vpc(account))
    connect = account.client("ec2-instance-connect")
    assert connect.send_ssh_public_key(
        InstanceId=node["InstanceId"], InstanceOSUser="admin", SSHPublicKey=KEY + " me@here\n"
    )["Success"]

    def keys() -> Any:
        (one,) = [found for found in view.instances() if found.id == node["InstanceId"]]
        tree: Any = metadata.tree(one)
        return tree["meta-data"]["managed-ssh-keys"]["active-keys"]

    assert KEY in keys()["admin"] and f"#Instance={node['InstanceId']}" in keys()["admin"]
    account.wait(61)
    assert keys() == {}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"InstanceId": "i-00000000000000000"}, "EC2InstanceNotFoundException"),
        ({"SSHPublicKey": "x" * 90}, "InvalidArgsException"),
    ],
)
def test_a_key_that_nobody_gets(account: Any, wrong: dict[str, str], code: str) -> None:
    node = instance(account, vpc(account))
    given = {"InstanceId": node["InstanceId"], "InstanceOSUser": "admin", "SSHPublicKey": KEY, **wrong}
    with pytest.raises(ClientError, match=code):
        account.client("ec2-instance-connect").send_ssh_public_key(**given)


@dataclass
class Site:
    """An account with an endpoint, an instance behind it, and where tunnels are opened."""

    account: Any
    endpoint: dict[str, Any]
    node: dict[str, Any]
    ca: str

    def open(self, secret: str = CONTROLLER_SECRET_KEY, **wrong: Any) -> socket.socket:
        """Open a tunnel as the program does that ssh runs."""
        session = AwsSession(AwsOptions(region="us-east-1", access_key=CONTROLLER_ACCESS_KEY, secret_key=secret))
        where = {
            "name": self.endpoint["DnsName"],
            "endpoint": self.endpoint["InstanceConnectEndpointId"],
            "address": self.node["PrivateIpAddress"],
            "port": 22,
            **wrong,
        }
        return dial.websocket(aws.tunnel_url(session, "us-east-1", **where), self.ca)


@pytest.fixture
def site(account: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The account's API on TLS under AWS's names, and for the instance's sshd a program that sends everything back."""
    subnet = vpc(account)
    node, made = instance(account, subnet), endpoint(account, subnet)
    account.wait(2)
    certificate, key = tls.issue(account.config, "api", tls.api_names())
    context = tls.server_context(certificate, key)
    server = make_server("127.0.0.1", 0, tunnels.carrying(account.app), threaded=True, ssl_context=context)
    echo = socket.create_server(("127.0.0.1", 0))
    real = socket.create_connection

    def redirected(where: tuple[str, int], timeout: float) -> socket.socket:
        """Lead AWS's names to the API, and the instance's address to the program."""
        is_api = where == (made["DnsName"], 443)
        assert is_api or where == (node["PrivateIpAddress"], 22)
        return real(("127.0.0.1", server.server_port if is_api else echo.getsockname()[1]), timeout)

    def send_back() -> None:
        link = echo.accept()[0]
        while data := link.recv(1 << 16):
            link.sendall(data)

    for target in (server.serve_forever, send_back):
        threading.Thread(target=target, daemon=True).start()
    monkeypatch.setattr(socket, "create_connection", redirected)
    yield Site(account, made, node, str(account.config.ca_file))
    server.shutdown()
    echo.close()


def test_a3_a_tunnel_carries_whatever_is_said(site: Site) -> None:
    link = site.open()
    sent = bytes(range(256)) * 1000
    link.sendall(frames.write(frames.BINARY, sent[:60_000]) + frames.write(frames.BINARY, sent[60_000:120_000]))
    link.sendall(frames.write(frames.PING, b"x"))
    came, pongs, reader = b"", 0, frames.Reader()
    while len(came) < 120_000 or not pongs:
        for opcode, payload in reader.feed(link.recv(1 << 16)):
            came += payload if opcode == frames.BINARY else b""
            pongs += opcode == frames.PONG
    assert came == sent[:120_000]
    link.sendall(frames.write(frames.CLOSE, b"\x03\xe8"))
    assert list(reader.feed(link.recv(1000))) == [(frames.CLOSE, b"\x03\xe8")]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"secret": "somebody else's"}, "SignatureDoesNotMatch"),
        ({"endpoint": "eice-00000000000000000"}, "There is no such endpoint"),
        ({"address": "10.20.99.99"}, "No instance in the endpoint's VPC has the address"),
        ({"port": 2377}, "remotePort is 22 or 3389"),
    ],
)
def test_a3_a_tunnel_that_is_not_allowed_says_why(site: Site, wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(dial.Refused, match=f"The endpoint opens no tunnel: .*{reason}"):
        site.open(**wrong)


def test_a3_tunnels_and_keys_are_on_record_and_no_writes(site: Site) -> None:
    """A deploy with --check opens tunnels too."""
    site.open().close()
    site.account.client("ec2-instance-connect").send_ssh_public_key(
        InstanceId=site.node["InstanceId"], InstanceOSUser="admin", SSHPublicKey=KEY
    )
    made = [one for one in site.account.calls.since() if one.service == "ec2-instance-connect"]
    assert [(one.action, one.error, one.write) for one in made] == [
        ("OpenTunnel", "", False),
        ("SendSSHPublicKey", "", False),
    ]
    assert made[0].parameters["privateIpAddress"] == site.node["PrivateIpAddress"]
