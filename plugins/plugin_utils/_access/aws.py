# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a connection asks of AWS: an endpoint's name, leave for a key, and an address to open a tunnel at."""

from __future__ import annotations

import typing as t
import urllib.parse
from xml.etree import ElementTree

from ...module_utils._aws.errors import NotFound, translate
from ...module_utils._aws.instances import API_VERSION

if t.TYPE_CHECKING:
    from ...module_utils._aws.session import AwsSession
    from ...module_utils._aws.signed_http import SignedHttp

SERVICE = "ec2-instance-connect"
LONGEST_TUNNEL = 3600
"""Seconds after which AWS ends a tunnel in any case."""
_SIGNATURE_SECONDS = 60


def endpoint_name(http: SignedHttp, region: str, endpoint: str) -> str:
    """Return the DNS name of the Instance Connect Endpoint *endpoint*.

    :raises AwsError: there is none that works, or the call fails.
    """
    content = http.query(
        "ec2",
        region,
        {
            "Action": "DescribeInstanceConnectEndpoints",
            "Version": API_VERSION,
            "InstanceConnectEndpointId.1": endpoint,
        },
        f"find the Instance Connect Endpoint {endpoint}",
        "ec2:DescribeInstanceConnectEndpoints",
    )
    texts = {element.tag.rpartition("}")[2]: element.text or "" for element in ElementTree.fromstring(content).iter()}
    if not texts.get("dnsName"):
        state = texts.get("state", "gone")
        raise NotFound(f"The Instance Connect Endpoint {endpoint} in {region} is {state}.", region=region)
    return texts["dnsName"]


def send_key(http: SignedHttp, region: str, instance: str, user: str, public_key: str) -> None:
    """Let whoever has the private half of *public_key* log in as *user*, for one minute.

    :raises AwsError: AWS does not.
    """
    http.json(
        SERVICE,
        region,
        "AWSEC2InstanceConnectService.SendSSHPublicKey",
        {"InstanceId": instance, "InstanceOSUser": user, "SSHPublicKey": public_key},
        f"send a key to {instance}",
        "ec2-instance-connect:SendSSHPublicKey",
    )


def start_session(http: SignedHttp, region: str, wanted: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Let SSM open a session, *wanted* as :func:`session_to` says, and return what its plugin needs to take it up.

    :raises AwsError: AWS does not.
    """
    what = f"start a session on {wanted['Target']}"
    return http.json("ssm", region, "AmazonSSM.StartSession", wanted, what, "ssm:StartSession")


def session_to(instance: str, port: int) -> dict[str, t.Any]:
    """Return the request for a session that leads to *port* of *instance*."""
    return {"Target": instance, "DocumentName": "AWS-StartSSHSession", "Parameters": {"portNumber": [str(port)]}}


def tunnel_url(session: AwsSession, region: str, name: str, endpoint: str, address: str, port: int) -> str:
    """Return a signed URL, good for a minute, that opens a tunnel to *port* of *address*.

    :param name: the endpoint's, as :func:`endpoint_name` returns it.
    :raises AwsError: there are no credentials.
    """
    from botocore.auth import SigV4QueryAuth
    from botocore.awsrequest import AWSRequest

    wanted = {
        "instanceConnectEndpointId": endpoint,
        "maxTunnelDuration": LONGEST_TUNNEL,
        "privateIpAddress": address,
        "remotePort": port,
    }
    request = AWSRequest(method="GET", url=f"https://{name}/openTunnel?{urllib.parse.urlencode(wanted)}")
    try:
        credentials = session.credentials().get_frozen_credentials()
        SigV4QueryAuth(credentials, SERVICE, region, expires=_SIGNATURE_SECONDS).add_auth(request)
    except Exception as exc:
        raise translate(exc, "sign the request for a tunnel", region) from exc
    return str(request.url)
