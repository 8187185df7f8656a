# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The local region's resolver, package mirror, registry and load balancer, asked from inside as a node would."""

from __future__ import annotations

import io
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_region import LocalRegion, local_region

HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
ECR = "import base64, boto3, json; ecr = boto3.client('ecr'); "
ELB = "import boto3, json; elb = boto3.client('elbv2'); ec2 = boto3.client('ec2'); "
HOOKS = "http://127.0.0.1:5001/_region/registry"


@pytest.fixture(scope="module")
def region() -> Iterator[LocalRegion]:
    with local_region("services") as found:
        yield found


def curl(region: LocalRegion, *arguments: str) -> str:
    return region.run(["curl", "-s", "-m", "10", *arguments]).stdout


def resolve(region: LocalRegion, name: str) -> str:
    """Return the address of *name*, or "" when there is no such name."""
    return region.run(["getent", "ahostsv4", name]).stdout.split(" ")[0]


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("ssm.us-east-1.amazonaws.com", "100.100.0.1"),
        ("sts.amazonaws.com", "100.100.0.1"),
        (HOST, "100.100.0.2"),
        ("cdn-aws.deb.debian.org", "100.100.0.3"),
        ("ip-10-20-1-5.ec2.internal", "10.20.1.5"),
        ("ssm.us-nowhere-1.amazonaws.com", ""),
        ("www.example.com", ""),
    ],
)
def test_names(region: LocalRegion, name: str, address: str) -> None:
    assert resolve(region, name) == address


def test_packages_come_through_the_mirror(region: LocalRegion) -> None:
    release = curl(region, "http://cdn-aws.deb.debian.org/debian/dists/trixie/InRelease")
    assert "Codename: trixie" in release
    security = curl(region, "http://cdn-aws.deb.debian.org/debian-security/dists/trixie-security/InRelease")
    assert "Codename: trixie-security" in security
    assert curl(region, "-o", "/dev/null", "-w", "%{http_code}", "http://cdn-aws.deb.debian.org/debian/none") == "404"


def docker(region: LocalRegion, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return region.run(["docker", "--config", str(home), *arguments], timeout=60)


@pytest.fixture
def home(region: LocalRegion, tmp_path: Path) -> Path:
    """A Docker client that is logged in, and three images of one small file each, C(app:1) to C(app:3)."""
    token = region.python(
        ECR + "data = ecr.get_authorization_token()['authorizationData'][0];"
        "print(json.dumps(base64.b64decode(data['authorizationToken']).decode().split(':', 1)[1]))"
    )
    done = docker(region, tmp_path, "login", "--username", "AWS", "--password", token, HOST)
    assert done.returncode == 0, done.stderr
    for version in ("1", "2", "3"):
        archive = tmp_path / "image.tar"
        with tarfile.open(archive, "w") as tar:
            member = tarfile.TarInfo("version")
            member.size = len(version)
            tar.addfile(member, io.BytesIO(version.encode()))
        assert docker(region, tmp_path, "import", str(archive), f"app:{version}").returncode == 0
    return tmp_path


def push(region: LocalRegion, home: Path, version: str, reference: str) -> subprocess.CompletedProcess[str]:
    docker(region, home, "tag", f"app:{version}", f"{HOST}/{reference}")
    return docker(region, home, "push", f"{HOST}/{reference}")


def repository(region: LocalRegion, name: str, mutability: str = "MUTABLE") -> None:
    region.python(
        ECR + f"ecr.create_repository(repositoryName='{name}', imageTagMutability='{mutability}'); print('null')"
    )


def test_push_is_listed_and_can_be_pulled(region: LocalRegion, home: Path) -> None:
    missing = push(region, home, "1", "push:v1")
    assert "The repository with name 'push' does not exist in the registry with id '123456789012'" in missing.stderr
    repository(region, "push")
    assert push(region, home, "1", "push:v1").returncode == 0
    images = region.python(
        ECR + "print(json.dumps(ecr.describe_images(repositoryName='push')['imageDetails'], default=str))"
    )
    assert [image["imageTags"] for image in images] == [["v1"]]
    docker(region, home, "rmi", f"{HOST}/push:v1")
    pulled = docker(region, home, "pull", f"{HOST}/push:v1")
    assert images[0]["imageDigest"] in pulled.stdout
    absent = docker(region, home, "pull", f"{HOST}/push:v2")
    assert "manifest unknown: Requested image not found" in absent.stderr


def test_immutable_tag_stays(region: LocalRegion, home: Path) -> None:
    repository(region, "fixed", "IMMUTABLE")
    assert push(region, home, "1", "fixed:v1").returncode == 0
    assert "cannot be overwritten because the tag is immutable" in push(region, home, "2", "fixed:v1").stderr


def test_expired_token_opens_nothing(region: LocalRegion, home: Path) -> None:
    repository(region, "expiry")
    assert push(region, home, "3", "expiry:v1").returncode == 0
    curl(region, "-X", "DELETE", f"{HOOKS}/tokens")
    assert "Your authorization token has expired" in docker(region, home, "pull", f"{HOST}/expiry:v1").stderr


@pytest.fixture(scope="module")
def balancer(region: LocalRegion) -> Any:
    """A load balancer with one target group; the package mirror plays the target."""
    return region.python(
        ELB + "vpc = ec2.describe_vpcs()['Vpcs'][0]['VpcId'];"
        "subnets = [one['SubnetId'] for one in ec2.describe_subnets()['Subnets']][:2];"
        "lb = elb.create_load_balancer(Name='web', Subnets=subnets)['LoadBalancers'][0];"
        "group = elb.create_target_group(Name='mirror', Protocol='HTTP', Port=80, VpcId=vpc, TargetType='ip',"
        "    HealthCheckPath='/debian/none', Matcher={'HttpCode': '404'}, HealthCheckIntervalSeconds=5,"
        "    HealthCheckTimeoutSeconds=4)['TargetGroups'][0]['TargetGroupArn'];"
        "elb.modify_target_group_attributes(TargetGroupArn=group,"
        "    Attributes=[{'Key': 'deregistration_delay.timeout_seconds', 'Value': '8'}]);"
        "elb.create_listener(LoadBalancerArn=lb['LoadBalancerArn'], Protocol='HTTP', Port=80,"
        "    DefaultActions=[{'Type': 'forward', 'TargetGroupArn': group}]);"
        "elb.register_targets(TargetGroupArn=group, Targets=[{'Id': '100.100.0.3'}]);"
        "print(json.dumps({'arn': lb['LoadBalancerArn'], 'name': lb['DNSName'], 'group': group}))"
    )


def health(region: LocalRegion, balancer: Any) -> list[str]:
    states: list[str] = region.python(
        ELB + f"found = elb.describe_target_health(TargetGroupArn='{balancer['group']}')['TargetHealthDescriptions'];"
        "print(json.dumps([one['TargetHealth']['State'] for one in found]))"
    )
    return states


def wait_for(region: LocalRegion, balancer: Any, states: list[str]) -> None:
    deadline = time.monotonic() + 60
    while (found := health(region, balancer)) != states:
        assert time.monotonic() < deadline, found
        time.sleep(0.3)


def test_load_balancer_follows_its_target_group(region: LocalRegion, balancer: Any) -> None:
    wait_for(region, balancer, ["healthy"])
    state = region.python(ELB + "print(json.dumps(elb.describe_load_balancers()['LoadBalancers'][0]['State']))")
    assert state == {"Code": "active"}
    assert "Codename: trixie" in curl(region, f"http://{balancer['name']}/debian/dists/trixie/InRelease")
    region.python(
        ELB + f"elb.deregister_targets(TargetGroupArn='{balancer['group']}', Targets=[{{'Id': '100.100.0.3'}}]);"
        "print('null')"
    )
    wait_for(region, balancer, ["draining"])
    assert curl(region, "-o", "/dev/null", "-w", "%{http_code}", f"http://{balancer['name']}/") == "503"
    wait_for(region, balancer, [])


def test_deleted_load_balancer_has_no_name(region: LocalRegion, balancer: Any) -> None:
    assert resolve(region, balancer["name"]).startswith("100.100.1.")
    region.python(ELB + f"elb.delete_load_balancer(LoadBalancerArn='{balancer['arn']}'); print('null')")
    deadline = time.monotonic() + 60
    while resolve(region, balancer["name"]):
        assert time.monotonic() < deadline
        time.sleep(0.3)
