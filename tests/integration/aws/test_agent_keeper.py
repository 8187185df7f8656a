# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The leader's housekeeping against AWS's API, with an engine that stands still."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
import typing as t

import pytest
from moto_region import IMAGE, Fault, Region

from ansible_collections.apiary.swarm.plugins.module_utils._agent.imds import Identity
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.absence import Patience
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.leader import Keeper
from ansible_collections.apiary.swarm.plugins.module_utils._agent.settings import Settings
from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster.record import parse_record
from ansible_collections.apiary.swarm.plugins.module_utils._aws.errors import AwsError, CredentialsError
from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsOptions, AwsSession
from ansible_collections.apiary.swarm.plugins.module_utils._errors import EngineError

CLUSTER = "demo"
NAME = f"/swarm/{CLUSTER}/managers"


class Swarm:
    """An engine that leads a swarm of one manager and workers."""

    def __init__(self) -> None:
        self.members: list[dict[str, t.Any]] = []
        self.removed: list[str] = []
        self.changed: list[tuple[str, dict[str, t.Any]]] = []

    def add(self, instance: dict[str, t.Any], state: str = "ready", manager: bool = False) -> str:
        node_id = f"node{len(self.members)}"
        address = instance["PrivateIpAddress"]
        labels = {"instance-id": instance["InstanceId"], "availability-zone": "eu-west-1a", "instance-type": "t3.small"}
        self.members.append(
            {
                "ID": node_id,
                "CreatedAt": f"2026-11-20T12:00:{len(self.members):02}Z",
                "Spec": {"Role": "manager" if manager else "worker", "Availability": "active", "Labels": labels},
                "Status": {"State": state, "Addr": address},
                **(
                    {"ManagerStatus": {"Leader": True, "Reachability": "reachable", "Addr": f"{address}:2377"}}
                    if manager
                    else {}
                ),
            }
        )
        return node_id

    def nodes(self) -> list[dict[str, t.Any]]:
        return self.members

    def node_id(self) -> str:
        return "node0"

    def swarm(self) -> dict[str, t.Any]:
        return {"ID": "swarm", "JoinTokens": {"Worker": "w", "Manager": "m"}}

    def unlock_key(self) -> str:
        return ""

    def change_node(self, node: dict[str, t.Any], changes: dict[str, t.Any]) -> None:
        self.changed.append((node["ID"], changes))

    def remove_node(self, node_id: str, force: bool) -> bool:
        if node_id in self.removed:
            raise EngineError("no such node")
        self.removed.append(node_id)
        self.members = [member for member in self.members if member["ID"] != node_id]
        return True


class Scene:
    """A manager that leads, its keeper, and what both say."""

    def __init__(self, region: Region) -> None:
        self.region = region
        self.ec2 = region.client("ec2")
        self.ssm = region.client("ssm")
        self.swarm = Swarm()
        self.lines: list[str] = []
        own = self.launch()
        self.swarm.add(own, manager=True)
        self.own = own["InstanceId"]
        engine: t.Any = self.swarm
        identity = Identity(own["InstanceId"], "t3.small", "eu-west-1a", own["PrivateIpAddress"])
        settings = Settings.from_dict({"cluster": CLUSTER, "region": "eu-west-1", "role": "manager"}, "test")
        self.keeper = Keeper(settings, identity, engine, self.lines.append, Patience(3, 0.0, 0.0))

    def launch(self) -> dict[str, t.Any]:
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "swarm:cluster", "Value": CLUSTER}]}]
        made = self.ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1, TagSpecifications=tags)
        return t.cast("dict[str, t.Any]", made["Instances"][0])

    @property
    def nodes(self) -> list[str]:
        return [node.instance_id for node in parse_record(self.stored()).nodes]

    def stored(self) -> str:
        return str(self.ssm.get_parameter(Name=NAME)["Parameter"]["Value"])

    def store(self, text: str) -> None:
        self.ssm.put_parameter(Name=NAME, Value=text, Type="String", Overwrite=True)


@pytest.fixture
def scene(region: Region) -> Scene:
    return Scene(region)


def test_a10_an_empty_answer_costs_no_node_and_no_record(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = scene.launch()
    scene.swarm.add(worker, state="down")
    assert scene.keeper.round()
    assert scene.nodes == [scene.own, worker["InstanceId"]]
    before = scene.stored()
    with monkeypatch.context() as patched:
        patched.setattr(scene.keeper, "_cloud", lambda _members: ({}, {}))
        for dummy in range(10):
            assert scene.keeper.round()
        # A leader that has just come to lead has no record of its own yet.
        scene.keeper._written = None
        scene.keeper.round()
    assert scene.stored() == before
    assert scene.swarm.removed == []
    assert [line for line in scene.lines if "does not know this manager" in line] != []


def test_a10_what_is_down_and_absent_goes_after_several_answers(scene: Scene) -> None:
    lost = scene.launch()
    node_id = scene.swarm.add(lost, state="down")
    scene.ec2.create_tags(Resources=[lost["InstanceId"]], Tags=[{"Key": "swarm:cluster", "Value": "other"}])
    lost_label = {**scene.swarm.members[1]["Spec"]["Labels"], "instance-id": "i-0123456789abcdef0"}
    scene.swarm.members[1]["Spec"]["Labels"] = lost_label
    for dummy in range(2):
        scene.keeper.round()
        assert scene.swarm.removed == []
    scene.keeper.round()
    assert scene.swarm.removed == [node_id]


def test_a10_a_brake_and_a_line_that_says_what_to_do(scene: Scene) -> None:
    for number in range(4):
        scene.swarm.add({"InstanceId": f"i-{number:017}", "PrivateIpAddress": f"10.9.9.{number}"}, state="down")
    for dummy in range(10):
        scene.keeper.round()
    assert scene.swarm.removed == []
    found = [line for line in scene.lines if "docker node rm --force" in line]
    assert len(found) == 1, "once a minute, not each round"
    assert "4 of 5 nodes" in found[0]


BROKEN = [
    "x",
    " ",
    "null",
    "[]",
    "[" * 4000,
    '{"schema": 1',
    '{"schema": 1}',
    '{"schema": 1, "packed": "x"}',
    '{"schema": 1, "cluster": "demo", "epoch": 1e999}',
]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_record_that_is_none_is_repaired(scene: Scene, broken: str) -> None:
    scene.store(broken)
    scene.keeper.round()
    assert scene.nodes == [scene.own]
    assert any("written anew" in line for line in scene.lines)


def test_a_record_of_a_newer_release_is_not_touched(scene: Scene) -> None:
    scene.store('{"schema": 2, "cluster": "demo"}')
    with pytest.raises(Exception, match="schema 2"):
        scene.keeper.round()
    assert json.loads(scene.stored())["schema"] == 2


def test_a27_hooks_of_ended_instances_are_completed(scene: Scene) -> None:
    """Auto Scaling holds an instance that has ended by itself until its hooks are done."""
    vpc = scene.ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    subnet = scene.ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.0.0/16", AvailabilityZone="eu-west-1a")["Subnet"]
    scaling = scene.region.client("autoscaling")
    scaling.create_launch_configuration(LaunchConfigurationName="c", ImageId=IMAGE, InstanceType="t3.small")
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="g", LaunchConfigurationName="c", MinSize=0, MaxSize=3, DesiredCapacity=2,
        VPCZoneIdentifier=subnet["SubnetId"],
        Tags=[{"Key": "swarm:cluster", "Value": CLUSTER, "PropagateAtLaunch": True}],
    )  # fmt: skip
    group = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["g"])["AutoScalingGroups"][0]
    ended, lives = (item["InstanceId"] for item in group["Instances"])
    scene.region.client("ec2").terminate_instances(InstanceIds=[ended])
    scene.region.forget()
    scene.keeper.round()
    asked = [call.body for call in scene.region.calls if call.action == "DescribeAutoScalingInstances"]
    assert len(asked) == 1
    assert ended in asked[0]
    assert lives in asked[0]


def test_a_refusal_for_an_hour_is_told_once_a_minute(scene: Scene) -> None:
    scene.region.faults.append(Fault("DescribeInstances", "InternalError", status=400))
    for dummy in range(3):
        with pytest.raises(AwsError):
            scene.keeper.round()
    scene.region.faults.clear()
    assert scene.keeper.round()
    assert scene.nodes == [scene.own]


class Metadata(http.server.ThreadingHTTPServer):
    """A metadata service that has no role at first."""

    daemon_threads = True

    def __init__(self) -> None:
        self.ready = False
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                self._answer(b"token")

            def do_GET(self) -> None:
                if not service.ready:
                    return self._answer(b"", 404)
                if self.path.endswith("/security-credentials/"):
                    return self._answer(b"role")
                found = {
                    "Code": "Success", "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "secret", "Token": "t",
                    "Expiration": "2099-01-01T00:00:00Z",
                }  # fmt: skip
                return self._answer(json.dumps(found).encode())

            def _answer(self, body: bytes, status: int = 200) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def metadata(region: Region, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Metadata]:
    """The metadata service as the only source of credentials."""
    service = Metadata()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{service.server_address[1]}")
    yield service
    service.shutdown()
    service.server_close()


def test_a25_a_client_made_without_credentials_is_not_kept(metadata: Metadata) -> None:
    session = AwsSession(AwsOptions(region="eu-west-1"))
    for dummy in range(2):
        with pytest.raises(CredentialsError):
            session.credentials()
        client = session.client("ssm")
        with pytest.raises(Exception, match=r"(?i)credentials"):
            client.describe_parameters()
    metadata.ready = True
    assert session.client("ssm").describe_parameters()["Parameters"] == []
    assert session.client("ssm") is session.client("ssm"), "one with credentials is kept"


def test_a25_a_keeper_that_began_without_credentials_goes_on(metadata: Metadata, region: Region) -> None:
    scene = Scene(region)
    for dummy in range(2):
        with pytest.raises(CredentialsError):
            scene.keeper.round()
    metadata.ready = True
    assert scene.keeper.round()
    assert scene.nodes == [scene.own]
