# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules that look before a cluster is made, while it forms, and after it is gone."""

from __future__ import annotations

import re
import typing as t
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fleet import cluster_stack
from moto.ec2.models import ec2_backends
from moto_region import ACCOUNT, Fault, Region

from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster import fleet, settings
from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster.record import (
    ClusterRecord,
    ManagerRecord,
    NodeRecord,
    format_time,
)
from ansible_collections.apiary.swarm.plugins.modules import (
    cluster_purge,
    cluster_record_info,
    cluster_settings,
    preflight,
)

Run = t.Callable[..., dict[str, t.Any]]


# -- preflight ---------------------------------------------------------------------------------------------------------
def test_good_settings(region: Region, run_module: Run) -> None:
    found = run_module(preflight, cluster="demo", vpc_cidr="10.20.0.0/16", zone_count=2)
    assert found["availability_zones"] == ["eu-west-1a", "eu-west-1b"]
    assert (found["account"], found["partition"], found["region"]) == ("123456789012", "aws", "eu-west-1")
    assert found["subnet_bits"] == 13
    assert found["ecr_repository_arns"] == ["arn:aws:ecr:eu-west-1:123456789012:repository/*"]
    assert region.writes() == []


def test_everything_that_is_wrong_is_said_at_once(region: Region, run_module: Run) -> None:
    failed = run_module(
        preflight,
        cluster="Demo",
        vpc_cidr="10.128.0.0/16",
        managers=2,
        workers=11,
        availability_zones=["eu-west-1z", "eu-west-1a"],
        key_name="missing",
        image="/swarm-images/demo/ami",
        image_hint="Bake one first.",
        cidrs={"admin_cidr": "home"},
    )
    assert failed["failed"]
    assert failed["msg"].startswith("8 things are wrong. (1) cluster 'Demo' cannot be the name")
    assert "There is no SSM parameter /swarm-images/demo/ami in eu-west-1. Bake one first." in failed["findings"]
    assert region.writes() == []


def test_an_unknown_region_is_asked_nothing(region: Region, run_module: Run) -> None:
    failed = run_module(preflight, cluster="demo", region="us-esat-1")
    assert failed["msg"] == "There is no AWS region 'us-esat-1': did you mean us-east-1?"
    assert region.calls == []


def test_no_credentials(region: Region, run_module: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    failed = run_module(preflight, cluster="demo")
    assert "no complete AWS credentials found" in failed["msg"]
    assert "\n" not in failed["msg"]


def test_expired_credentials(region: Region, run_module: Run) -> None:
    region.faults.append(Fault("GetCallerIdentity", "ExpiredToken"))
    failed = run_module(preflight, cluster="demo")
    assert failed["msg"].endswith("the AWS credentials have expired.")


def test_an_image_by_parameter(region: Region, run_module: Run) -> None:
    image = region.client("ec2").describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    region.client("ssm").put_parameter(Name="/swarm-images/demo/ami", Value=image, Type="String")
    found = run_module(preflight, cluster="demo", image="/swarm-images/demo/ami")["image"]
    assert found["image_id"] == image
    assert found["validated"] is False


def test_a18_a_key_that_auto_scaling_may_not_use_is_found_before_anything_is_made(
    region: Region, run_module: Run, make_image: t.Callable[..., str]
) -> None:
    ec2, kms = region.client("ec2"), region.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    image = make_image("own")
    (disk,) = ec2.describe_images(ImageIds=[image])["Images"][0]["BlockDeviceMappings"]
    snapshot = disk["Ebs"]["SnapshotId"]
    # moto makes every snapshot of an image without a key.
    ec2_backends[ACCOUNT]["eu-west-1"].snapshots[snapshot].kms_key_id = key
    region.forget()
    failed = run_module(preflight, cluster="demo", image=image)
    assert failed["failed"] and f"aws kms create-grant --region eu-west-1 --key-id {key}" in failed["msg"]
    assert region.writes() == []
    role = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    kms.create_grant(KeyId=key, GranteePrincipal=f"arn:aws:iam::{ACCOUNT}:{role}", Operations=["CreateGrant"])
    assert run_module(preflight, cluster="demo", image=image)["image"]["snapshot_ids"] == [snapshot]


def test_a4_an_image_that_was_published_beside_the_tokens_is_found_until_there_is_a_new_one(
    region: Region, run_module: Run, make_image: t.Callable[..., str]
) -> None:
    ssm, earlier, later = region.client("ssm"), make_image("one"), make_image("two")
    ssm.put_parameter(Name="/swarm/demo/ami", Value=earlier, Type="String")
    assert run_module(preflight, cluster="demo", image="/swarm-images/demo/ami")["image"]["image_id"] == earlier
    ssm.put_parameter(Name="/swarm-images/demo/ami", Value=later, Type="String")
    assert run_module(preflight, cluster="demo", image="/swarm-images/demo/ami")["image"]["image_id"] == later
    assert run_module(preflight, cluster="demo", image="/swarm/demo/ami")["image"]["image_id"] == earlier


def test_a12_a_type_that_a_zone_does_not_offer(region: Region, run_module: Run) -> None:
    types = {"cluster_worker_instance_type": "t3.medium", "cluster_manager_instance_type": "t3.smal"}
    failed = run_module(preflight, cluster="demo", region="us-east-1", instance_types=types)
    assert failed["findings"] == [
        "cluster_manager_instance_type 't3.smal' is not an instance type that us-east-1 offers: write one such as "
        "t3.medium."
    ]
    zones = ["us-east-1a", "us-east-1e"]
    types = {"cluster_worker_instance_type": "t3.medium"}
    failed = run_module(preflight, cluster="demo", region="us-east-1", instance_types=types, availability_zones=zones)
    assert "t3.medium is not offered in us-east-1e, only in us-east-1a" in failed["msg"]
    assert region.writes() == []


def test_a12_zones_are_chosen_where_the_types_are_offered(region: Region, run_module: Run) -> None:
    offers = {"cluster_worker_instance_type": "m1.small"}
    found = run_module(preflight, cluster="demo", region="us-east-1", zone_count=2, instance_types=offers)
    zones = region.client("ec2", "us-east-1").describe_instance_type_offerings(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": ["m1.small"]}]
    )["InstanceTypeOfferings"]
    assert set(found["availability_zones"]) <= {one["Location"] for one in zones}


def test_a12_an_image_of_another_architecture_and_a_volume_too_small(region: Region, run_module: Run) -> None:
    image = region.client("ec2").describe_images(Owners=["amazon"])["Images"][0]
    (root,) = (
        one["Ebs"]["VolumeSize"] for one in image["BlockDeviceMappings"] if one["DeviceName"] == image["RootDeviceName"]
    )
    failed = run_module(
        preflight,
        cluster="demo",
        image=image["ImageId"],
        instance_types={"cluster_worker_instance_type": "t4g.medium"},
        volume_sizes={"cluster_worker_volume_size": root - 1, "cluster_manager_volume_size": root},
    )
    assert failed["findings"] == [
        f"cluster_worker_instance_type t4g.medium has arm64 processors and the image is for {image['Architecture']}: "
        "choose another type, or bake an image for it.",
        f"cluster_worker_volume_size {root - 1} GiB is smaller than the image's own {root} GiB: write {root} or more.",
    ]


def test_a11_an_impaired_zone_of_a_living_cluster_is_kept(region: Region, run_module: Run) -> None:
    zones = ["eu-west-1a", "eu-west-1x"]
    found = run_module(preflight, cluster="demo", availability_zones=zones, zones_in_use=True)
    assert found["availability_zones"] == zones


# -- cluster_settings --------------------------------------------------------------------------------------------------
@pytest.fixture
def living(region: Region) -> dict[str, str]:
    """A cluster of three managers and 20 workers with an SSH key; returns its parameters."""
    parameters = {
        **settings.parameters(settings.resolve({}, None)),
        "AvailabilityZones": "eu-west-1a,eu-west-1b",
        "EcrRepositoryArns": "arn:aws:ecr:eu-west-1:123456789012:repository/*",
        "WorkersDesired": "20",
        "WorkersMax": "30",
        "KeyName": "ops",
    }
    cluster_stack(region, "demo", parameters, {"swarm:cluster": "demo", "team": "shop"})
    image = region.client("ec2").describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    autoscaling = region.client("autoscaling")
    autoscaling.create_launch_configuration(LaunchConfigurationName="w", ImageId=image, InstanceType="t3.small")
    tags = [{"Key": "swarm:cluster", "Value": "demo"}, {"Key": "swarm:role", "Value": "worker"}]
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="w", LaunchConfigurationName="w", MinSize=2, MaxSize=30, DesiredCapacity=20,
        AvailabilityZones=["eu-west-1a"], Tags=[{**tag, "PropagateAtLaunch": True} for tag in tags],
    )  # fmt: skip
    region.forget()
    return parameters


def test_a8_what_is_not_given_stays_as_the_stack_has_it(
    region: Region, run_module: Run, living: dict[str, str]
) -> None:
    found = run_module(cluster_settings, cluster="demo", settings={"log_retention": "90", "workers": None})
    assert found["exists"] and found["changes"] == [{"setting": "log_retention", "before": 30, "after": 90}]
    assert found["parameters"].items() <= {**living, "LogRetention": "90"}.items()
    assert (found["settings"]["key_name"], found["settings"]["workers"], found["tags"]) == ("ops", 20, {"team": "shop"})
    assert region.writes() == []


def test_u21_what_changes_is_told_with_the_values_before_and_after(
    region: Region, run_module: Run, living: dict[str, str]
) -> None:
    found = run_module(cluster_settings, cluster="demo", settings={"log_retention": 90}, tags={"team": "ops", "n": 1})
    assert found["changes"] == [
        {"setting": "log_retention", "before": 30, "after": 90},
        {"setting": "tags", "before": {"team": "shop"}, "after": {"team": "ops", "n": 1}},
    ]
    assert found["image_id"] == living.get("ImageId", "")
    assert run_module(cluster_settings, cluster="demo", tags={"team": "shop"})["changes"] == []


def test_a8_u1_what_takes_away_is_refused_all_at_once(region: Region, run_module: Run, living: dict[str, str]) -> None:
    given = {"managers": 1, "workers": 2, "vpc_cidr": "10.99.0.0/16"}
    failed = run_module(cluster_settings, cluster="demo", settings=given)
    assert failed["failed"] and len(failed["findings"]) == 3
    assert "would end managers side by side" in failed["msg"]
    allowed = run_module(cluster_settings, cluster="demo", settings={"workers": 2}, allow_shrink=True)
    assert allowed["settings"]["workers"] == 2


def test_a8_a_new_cluster_and_one_that_could_not_be_made_get_the_defaults(region: Region, run_module: Run) -> None:
    found = run_module(cluster_settings, cluster="demo", settings={"workers_min": 3})
    assert not found["exists"] and (found["settings"]["workers"], found["tags"], found["changes"]) == (3, {}, [])


# -- cluster_record_info -----------------------------------------------------------------------------------------------
@pytest.fixture
def cluster(region: Region) -> dict[str, str]:
    """A cluster of one manager and one worker; returns role → instance id."""
    ec2, autoscaling = region.client("ec2"), region.client("autoscaling")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    found = {}
    for role in ("manager", "worker"):
        template = ec2.create_launch_template(LaunchTemplateName=role, LaunchTemplateData={"ImageId": image})
        tags = [{"Key": "swarm:cluster", "Value": "demo"}, {"Key": "swarm:role", "Value": role}]
        autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=role,
            MinSize=1,
            MaxSize=1,
            AvailabilityZones=["eu-west-1a"],
            LaunchTemplate={"LaunchTemplateId": template["LaunchTemplate"]["LaunchTemplateId"], "Version": "1"},
            Tags=[{**tag, "PropagateAtLaunch": True} for tag in tags],
        )
        group = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[role])["AutoScalingGroups"][0]
        found[role] = group["Instances"][0]["InstanceId"]
    region.forget()
    return found


def publish(region: Region, cluster: dict[str, str], worker_state: str = "ready") -> None:
    """Write the record as the leader does."""
    record = ClusterRecord(
        cluster="demo",
        state="ready",
        updated_at=format_time(datetime.now(UTC)),
        managers=(ManagerRecord(cluster["manager"], reachability="reachable", leader=True),),
        nodes=(
            NodeRecord(cluster["manager"], role="manager", state="ready"),
            NodeRecord(cluster["worker"], state=worker_state),
        ),
    )
    region.client("ssm").put_parameter(
        Name="/swarm/demo/managers", Value=record.to_json(), Type="String", Overwrite=True
    )


def test_a_formed_cluster(region: Region, run_module: Run, cluster: dict[str, str]) -> None:
    publish(region, cluster)
    found = run_module(cluster_record_info, cluster="demo", wait=True)
    assert found["formed"]
    assert [(node["instance_id"], node["state"], node["leader"]) for node in found["nodes"]] == [
        (cluster["manager"], "ready", True),
        (cluster["worker"], "ready", False),
    ]


def test_one_that_does_not_form_in_time(region: Region, run_module: Run, cluster: dict[str, str]) -> None:
    publish(region, cluster, worker_state="down")
    failed = run_module(cluster_record_info, cluster="demo", wait=True, wait_timeout=0)
    assert failed["failed"]
    assert re.match(r"1 of 2 nodes of demo are Ready after \d+ s; missing: worker ", failed["msg"])
    assert failed["msg"].endswith("is down in the swarm.")


def test_a30_it_waits_until_what_leaves_has_left_and_tells(
    region: Region, run_module: Run, cluster: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The group wants no worker any more, and its only one runs until it is drained."""
    autoscaling, looks = region.client("autoscaling"), []
    plain = cluster_record_info.look

    def look(session: t.Any, name: str) -> t.Any:
        found = plain(session, name)
        looks.append(found[0].missing)
        if len(looks) == 2:  # drained at last
            autoscaling.update_auto_scaling_group(AutoScalingGroupName="worker", MinSize=0, DesiredCapacity=0)
        return found

    def shrunk(client: t.Any, name: str) -> t.Any:
        return [replace(group, desired=0) if group.role == "worker" else group for group in groups(client, name)]

    groups = fleet.list_groups
    monkeypatch.setattr(cluster_record_info, "look", look)
    monkeypatch.setattr(fleet, "list_groups", shrunk)
    publish(region, cluster)
    done = run_module(cluster_record_info, cluster="demo", wait=True, wait_timeout=60, poll_interval=0.05)
    assert looks[:2] == [("worker group has 1 instances instead of 0: 1 leaves",)] * 2
    assert done["formed"] and done["left"] == [cluster["worker"]], done


def test_without_waiting_it_only_tells(region: Region, run_module: Run, cluster: dict[str, str]) -> None:
    found = run_module(cluster_record_info, cluster="demo")
    assert not found["formed"]
    assert found["record_state"] == "absent"
    assert region.writes() == []


def test_a_cluster_that_is_not_there(region: Region, run_module: Run) -> None:
    failed = run_module(cluster_record_info, cluster="demo", wait=True)
    assert failed["msg"] == (
        "There is no cluster demo in eu-west-1: no Auto Scaling group or instance has the tag swarm:cluster=demo."
    )


def test_a_record_of_something_else(region: Region, run_module: Run, cluster: dict[str, str]) -> None:
    region.client("ssm").put_parameter(Name="/swarm/demo/managers", Value="hello", Type="String")
    failed = run_module(cluster_record_info, cluster="demo")
    assert failed["msg"].startswith("The cluster's record is not JSON")


# -- cluster_purge -----------------------------------------------------------------------------------------------------
@pytest.fixture
def leftovers(region: Region) -> Region:
    """What a cluster leaves, and the same of another one."""
    ssm, logs = region.client("ssm"), region.client("logs")
    for name in ("demo/managers", "demo/token/worker", "demo/ami", "demo/bake-lock", "demo2/managers"):
        ssm.put_parameter(Name=f"/swarm/{name}", Value="x", Type="String")
    for number in range(12):
        ssm.put_parameter(Name=f"/swarm/demo/claim/{number}", Value="x", Type="String")
    for name in ("demo/default", "demo/shop/gate", "demo2/default"):
        logs.create_log_group(logGroupName=f"/swarm/{name}")
    region.forget()
    return region


def remaining(region: Region) -> tuple[set[str], set[str]]:
    """Return the names of all parameters under /swarm and of all log groups."""
    pages = region.client("ssm").get_paginator("get_parameters_by_path").paginate(Path="/swarm", Recursive=True)
    groups = region.client("logs").describe_log_groups()["logGroups"]
    return {item["Name"] for page in pages for item in page["Parameters"]}, {group["logGroupName"] for group in groups}


def test_the_rest_of_a_cluster_goes(leftovers: Region, run_module: Run) -> None:
    checked = run_module(cluster_purge, check=True, cluster="demo")
    assert leftovers.writes() == []
    done = run_module(cluster_purge, cluster="demo")
    assert done == {**checked, "invocation": done["invocation"]}
    assert len(done["parameters"]) == 14
    assert remaining(leftovers) == (
        {"/swarm/demo/ami", "/swarm/demo/bake-lock", "/swarm/demo2/managers"},
        {"/swarm/demo2/default"},
    )
    assert not run_module(cluster_purge, cluster="demo")["changed"]


def test_a4_who_removes_a_cluster_reads_no_token(leftovers: Region, run_module: Run) -> None:
    run_module(cluster_purge, cluster="demo")
    assert {action for action in leftovers.actions() if "Parameter" in action} == {
        "DescribeParameters",
        "DeleteParameters",
    }


def test_more_leftovers_than_a_page(leftovers: Region, run_module: Run) -> None:
    """DescribeLogGroups gives 50 a page, DescribeParameters 10, DeleteParameters takes 10."""
    logs, ssm = leftovers.client("logs"), leftovers.client("ssm")
    for number in range(110):
        logs.create_log_group(logGroupName=f"/swarm/demo/shop/s{number:03}")
    for number in range(60):
        ssm.put_parameter(Name=f"/swarm/demo/claim/more{number}", Value="x", Type="String")
    done = run_module(cluster_purge, cluster="demo")
    assert (len(done["log_groups"]), len(done["parameters"])) == (112, 74)
    assert remaining(leftovers)[1] == {"/swarm/demo2/default"}


def test_log_groups_may_stay(leftovers: Region, run_module: Run) -> None:
    assert run_module(cluster_purge, cluster="demo", log_groups=False)["log_groups"] == []
    assert "/swarm/demo/shop/gate" in remaining(leftovers)[1]


def test_a_running_cluster_loses_nothing(leftovers: Region, run_module: Run, cluster: dict[str, str]) -> None:
    before = remaining(leftovers)
    failed = run_module(cluster_purge, cluster="demo", even_if_running=True)
    assert failed["msg"] == "The cluster demo in eu-west-1 still has 2 groups and 2 instances: delete it first."
    assert remaining(leftovers) == before
    assert run_module(cluster_purge, check=True, cluster="demo", even_if_running=True)["changed"]


def test_a_name_that_is_none(leftovers: Region, run_module: Run) -> None:
    failed = run_module(cluster_purge, cluster="")
    assert "cannot be the name of a cluster" in failed["msg"]
