# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load balancers that follow the API; HAProxy, addresses and the resolver are played."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from region.balancer import control as loadbalancer
from region.balancer.control import LoadBalancers
from region.balancer.haproxy import ServerStatus
from region.balancer.model import HealthBoard
from region.emulator import elbv2, view

TRIXIE = "/aws/service/debian/release/13/latest/amd64"


class HAProxy:
    """Notes commands, and has the servers that they make; the test says what their checks find."""

    def __init__(self, directory: Path, log: Path) -> None:
        self.running = False
        self.applied: list[str] = []
        self.commands: list[str] = []
        self.table: dict[tuple[str, str], list[str]] = {}
        self.lingering = False

    def apply(self, body: str) -> None:
        self.running = True
        self.applied.append(body)

    def stop(self) -> None:
        self.running = False
        self.table.clear()

    def command(self, *commands: str) -> str:
        self.commands += commands
        for command in commands:
            words = command.split()
            backend, name = re.findall(r"(\S+)/(\S+)", command)[0]
            server = (backend, name)
            if words[:2] == ["add", "server"]:
                self.table[server] = ["DOWN", "INI", ""]
            elif words[:2] == ["del", "server"] and not self.lingering:
                del self.table[server]
            elif words[3:] == ["health", "up"]:
                self.table[server][0] = "UP"
        return ""

    def servers(self) -> dict[tuple[str, str], ServerStatus]:
        return {key: ServerStatus(status, check, code) for key, (status, check, code) in self.table.items()}

    def found(self, target: str, status: str, check: str, code: str = "") -> None:
        """Let the checks of a target end like this."""
        for key in self.table:
            if key[1].removesuffix(".first") == target:
                self.table[key] = [status, check, code]


class Names:
    """Stands in for the resolver."""

    def __init__(self) -> None:
        self.hosts: dict[str, str] = {}

    def set_hosts(self, hosts: dict[str, str]) -> None:
        self.hosts = hosts


class Shop:
    """A load balancer with one target group, and what is behind it."""

    def __init__(self, account: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.account = account
        self.seconds = 0.0
        self.interfaces: list[tuple[str, ...]] = []
        self.names = Names()
        monkeypatch.setattr(loadbalancer, "HAProxy", HAProxy)
        monkeypatch.setattr(loadbalancer, "_ip", lambda *words: self.interfaces.append(words))
        monkeypatch.setattr(elbv2, "board", HealthBoard())
        elbv2.install()
        self.balancers = LoadBalancers(account.config, self.names, lambda: self.seconds)  # type: ignore[arg-type]
        self.haproxy: Any = self.balancers._haproxy
        ec2 = account.client("ec2")
        self.elb = account.client("elbv2")
        self.vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.20.{number}.0/24", AvailabilityZone=zone)["Subnet"][
                "SubnetId"
            ]
            for number, zone in enumerate(("us-east-1a", "us-east-1b"))
        ]
        created = self.elb.create_load_balancer(Name="web", Subnets=self.subnets)["LoadBalancers"][0]
        self.arn, self.dns_name = created["LoadBalancerArn"], created["DNSName"]
        self.group = self.elb.create_target_group(
            Name="edge",
            Protocol="HTTP",
            Port=80,
            VpcId=self.vpc,
            HealthCheckPath="/health",
            HealthCheckIntervalSeconds=10,
            HealthCheckTimeoutSeconds=2,
            HealthyThresholdCount=3,
            UnhealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]
        self.elb.modify_target_group_attributes(
            TargetGroupArn=self.group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}]
        )

    def listen(self) -> str:
        """Add the listener and return its ARN."""
        action = {"Type": "forward", "TargetGroupArn": self.group}
        answer = self.elb.create_listener(LoadBalancerArn=self.arn, Protocol="HTTP", Port=80, DefaultActions=[action])
        return str(answer["Listeners"][0]["ListenerArn"])

    def register(self) -> str:
        """Run an instance, register it and return its id."""
        image = self.account.client("ssm").get_parameter(Name=TRIXIE)["Parameter"]["Value"]
        ec2 = self.account.client("ec2")
        (run,) = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=self.subnets[0])["Instances"]
        self.account.wait(2)
        ec2.describe_instances(InstanceIds=[run["InstanceId"]])
        self.elb.register_targets(TargetGroupArn=self.group, Targets=[{"Id": run["InstanceId"]}])
        return str(run["InstanceId"])

    def deregister(self, target: str) -> None:
        """Take a target out of the group."""
        self.elb.deregister_targets(TargetGroupArn=self.group, Targets=[{"Id": target}])

    def sync(self, seconds: float = 0) -> None:
        """Let time pass, then look."""
        self.seconds += seconds
        self.balancers.sync()

    def health(self) -> dict[str, tuple[str, str | None]]:
        """State and reason of each target."""
        found = self.elb.describe_target_health(TargetGroupArn=self.group)["TargetHealthDescriptions"]
        return {one["Target"]["Id"]: (one["TargetHealth"]["State"], one["TargetHealth"].get("Reason")) for one in found}

    def healthy(self) -> str:
        """Register a target that passes its first check."""
        target = self.register()
        self.sync()
        self.haproxy.found(target, "DRAIN", "L7OK", "200")
        self.sync(1)
        return target


@pytest.fixture
def shop(account: Any, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A load balancer that nobody looks after yet."""
    return Shop(account, monkeypatch)


def test_load_balancer_gets_an_address_a_name_and_becomes_active(shop: Shop) -> None:
    shop.sync()
    assert shop.interfaces == [("addr", "replace", "100.100.1.1/32", "dev", "region0")]
    assert shop.names.hosts == {shop.dns_name: "100.100.1.1"}
    assert shop.elb.describe_load_balancers()["LoadBalancers"][0]["State"]["Code"] == "active"
    assert not shop.haproxy.running  # there is no listener yet
    shop.listen()
    shop.sync()
    assert "bind 100.100.1.1:80" in shop.haproxy.applied[-1]


def test_deleted_load_balancer_gives_its_address_back(shop: Shop) -> None:
    shop.listen()
    shop.sync()
    shop.elb.delete_load_balancer(LoadBalancerArn=shop.arn)
    shop.sync()
    assert shop.interfaces[-1] == ("addr", "del", "100.100.1.1/32", "dev", "region0")
    assert shop.names.hosts == {}
    assert not shop.haproxy.running


def test_new_target_gets_requests_after_its_first_good_check(shop: Shop) -> None:
    shop.listen()
    target = shop.register()
    shop.sync()
    assert shop.health() == {target: ("initial", "Elb.InitialHealthChecking")}
    assert any(re.search(rf"add server \S+/{target}.first \S+:80 check inter 1s", one) for one in shop.haproxy.commands)
    shop.haproxy.found(target, "DRAIN", "L7OK", "200")
    shop.sync(1)
    assert shop.health() == {target: ("healthy", None)}
    assert [name for dummy, name in shop.haproxy.table] == [target]
    assert any("check inter 10s rise 3 fall 2" in one for one in shop.haproxy.commands)


def test_target_that_never_answers_becomes_unhealthy(shop: Shop) -> None:
    shop.listen()
    target = shop.register()
    shop.sync()
    shop.haproxy.found(target, "DRAIN", "L4CON")
    shop.sync(19)
    assert shop.health()[target][0] == "initial"
    shop.sync(1)
    assert shop.health() == {target: ("unhealthy", "Target.FailedHealthChecks")}


@pytest.mark.parametrize(
    ("check", "code", "reason"),
    [
        ("L7STS", "502", "Target.ResponseCodeMismatch"),
        ("L7TOUT", "", "Target.Timeout"),
        ("L4TOUT", "", "Target.Timeout"),
        ("L4CON", "", "Target.FailedHealthChecks"),
    ],
)
def test_failing_check_has_a_reason(shop: Shop, check: str, code: str, reason: str) -> None:
    shop.listen()
    target = shop.healthy()
    shop.haproxy.found(target, "DOWN", check, code)
    shop.sync(1)
    assert shop.health() == {target: ("unhealthy", reason)}
    shop.haproxy.found(target, "UP", "L7OK", "200")
    shop.sync(1)
    assert shop.health() == {target: ("healthy", None)}


def test_deregistered_target_drains_for_its_delay(shop: Shop) -> None:
    shop.listen()
    stays, goes = shop.healthy(), shop.healthy()
    shop.deregister(goes)
    shop.sync()
    assert shop.health() == {stays: ("healthy", None), goes: ("draining", "Target.DeregistrationInProgress")}
    assert re.fullmatch(rf"set server \S+/{goes} state drain", shop.haproxy.commands[-1])
    shop.sync(29)
    assert goes in shop.health()
    shop.sync(1)
    assert set(shop.health()) == {stays}
    assert [name for dummy, name in shop.haproxy.table] == [stays]
    assert len(shop.haproxy.applied) == 1  # no reload for any of this


def test_target_registered_again_stops_draining(shop: Shop) -> None:
    shop.listen()
    target = shop.healthy()
    shop.deregister(target)
    shop.sync()
    shop.elb.register_targets(TargetGroupArn=shop.group, Targets=[{"Id": target}])
    shop.sync(10)
    assert re.fullmatch(rf"set server \S+/{target} state ready", shop.haproxy.commands[-1])
    shop.sync(1)
    assert shop.health() == {target: ("healthy", None)}


def test_server_with_lingering_connections_is_removed_later(shop: Shop) -> None:
    shop.listen()
    target = shop.healthy()
    shop.deregister(target)
    shop.sync()
    shop.haproxy.lingering = True
    shop.sync(30)
    assert shop.haproxy.table
    shop.haproxy.lingering = False
    shop.sync(1)
    assert not shop.haproxy.table


def test_terminated_instance_leaves_its_groups(shop: Shop) -> None:
    shop.listen()
    target = shop.healthy()
    shop.account.client("ec2").terminate_instances(InstanceIds=[target])
    view.set_instance_state(target, "terminated")
    shop.sync()
    assert shop.health() == {target: ("draining", "Target.DeregistrationInProgress")}
    shop.sync(30)
    assert shop.health() == {}


def test_group_that_nobody_uses_is_not_checked(shop: Shop) -> None:
    target = shop.register()
    shop.sync()
    assert shop.health() == {target: ("unused", "Target.NotInUse")}


def test_change_of_rules_reloads_with_the_servers_it_has(shop: Shop) -> None:
    listener = shop.listen()
    target = shop.healthy()
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain"}}
    shop.elb.create_rule(
        ListenerArn=listener, Priority=1, Conditions=[{"Field": "path-pattern", "Values": ["/x*"]}], Actions=[fixed]
    )
    shop.sync()
    assert len(shop.haproxy.applied) == 2
    assert "http-request return status 404" in shop.haproxy.applied[-1]
    assert f"server {target} " in shop.haproxy.applied[-1]
    shop.sync()
    assert len(shop.haproxy.applied) == 2


def test_after_a_crash_targets_start_afresh(shop: Shop) -> None:
    shop.listen()
    target = shop.healthy()
    shop.haproxy.stop()
    shop.sync()
    assert shop.haproxy.running
    assert shop.health() == {target: ("initial", "Elb.InitialHealthChecking")}


def test_rules_are_taken_by_priority(shop: Shop) -> None:
    listener = shop.listen()
    for priority, path in ((20, "/b"), (3, "/a")):
        action = {"Type": "redirect", "RedirectConfig": {"Path": path, "StatusCode": "HTTP_302"}}
        condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": [path]}}
        shop.elb.create_rule(ListenerArn=listener, Priority=priority, Conditions=[condition], Actions=[action])
    (balancer,) = elbv2.snapshot().balancers
    rules = balancer.listeners[0].rules
    assert [rule.conditions[0].values for rule in rules[:-1]] == [("/a",), ("/b",)]
    assert rules[-1].conditions == ()


def test_secure_listener_gets_a_certificate_for_acms_names(shop: Shop) -> None:
    shop.listen()
    acm = shop.account.client("acm")
    certificate = acm.request_certificate(DomainName="shop.example", SubjectAlternativeNames=["*.shop.example"])
    shop.elb.create_listener(
        LoadBalancerArn=shop.arn,
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": certificate["CertificateArn"]}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": shop.group}],
    )
    shop.sync()
    (balancer,) = elbv2.snapshot().balancers
    (secure,) = [listener for listener in balancer.listeners if listener.protocol == "HTTPS"]
    assert set(secure.certificate_names) == {"shop.example", "*.shop.example"}
    bundle = shop.account.config.state_dir / "loadbalancer" / f"{secure.key}.pem"
    assert "PRIVATE KEY" in bundle.read_text()
    assert bundle.stat().st_mode & 0o077 == 0
