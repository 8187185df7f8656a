# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documents of C(docs/iam) allow every call that their playbooks make; calls are recorded here."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
from container_images import push
from fleet import cluster, record
from moto_region import ACCOUNT, Call, Region
from permissions import CLUSTER, missing

from ansible_collections.apiary.swarm.plugins.modules import (
    cluster_record_info,
    cluster_settings,
    ecr_image_info,
    ecr_repository,
    image_info,
    log_group,
    log_group_info,
    preflight,
)

ROOT = Path(__file__).resolve().parents[3]
HOST = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"
Run = t.Callable[..., dict[str, t.Any]]
INVENTORY = {"plugin": "apiary.swarm.ec2", "clusters": ["demo"]}
LOOKING = {"cluster_record_info", "log_group", "log_group_info"}

PLAYBOOKS: dict[str, tuple[str, set[str]]] = {
    "deploy": ("deploy", {"ecr_auth", "ecr_image_info", "ecr_repository", "log_group", "log_group_info"}),
    "rollback": ("deploy", {"ecr_auth", "ecr_image_info", "ecr_repository", "log_group", "log_group_info"}),
    "close": ("deploy", {"ecr_auth", "ecr_image_info", "ecr_repository", "log_group", "log_group_info"}),
    "status": ("", LOOKING),
    "exec": ("", set()),
    "images": ("", {"image_info"}),
    "cluster": ("cluster", {"cluster_purge", "cluster_record_info", "cluster_settings", "preflight"}),
    "bake": ("bake", {"bake_info", "bake_lock", "image_attributes", "image_copy", "image_retire", "preflight"}),
}
"""Playbooks with their role, and what of this collection they use that calls AWS; each is called by a test here, in
C(test_playbooks.py)."""


def calls_aws(name: str) -> bool:
    paths = [ROOT / f"plugins/{kind}/{name}.py" for kind in ("modules", "lookup")]
    return any("apiary.swarm.aws" in path.read_text() for path in paths if path.exists())


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a14_nothing_else_of_a_playbook_calls_aws(playbook: str) -> None:
    """Whoever adds a module to a playbook adds its calls here, and its permissions to the document."""
    role, expected = PLAYBOOKS[playbook]
    files = [ROOT / f"playbooks/{playbook}.yml", *((ROOT / f"roles/{role}/tasks").glob("*.yml") if role else ())]
    used = {name for file in files for name in re.findall(r"apiary\.swarm\.(\w+)", file.read_text())}
    assert {name for name in used if calls_aws(name)} == expected


@pytest.fixture
def calls(region: Region, run_module: Run) -> t.Callable[[], list[Call]]:
    """Two log groups, a container image and a record; returns a function that gives the calls made since."""
    logs = region.client("logs")
    logs.create_log_group(logGroupName="/swarm/demo/shop/gate", tags={"team": "a"})
    logs.create_log_group(logGroupName="/swarm/demo/shop/old")
    logs.put_retention_policy(logGroupName="/swarm/demo/shop/gate", retentionInDays=7)
    region.client("ecr").create_repository(repositoryName="shop/gate")
    record(region, *cluster(region))
    region.forget()
    return lambda: region.calls


def test_a14_the_inventory_needs_no_more_than_each_document_that_finds_managers(
    region: Region, calls: t.Callable[[], list[Call]], list_inventory: t.Callable[..., t.Any]
) -> None:
    assert list_inventory(INVENTORY).status == 0
    assert {call.action for call in calls()} == {"DescribeInstances", "GetParameters"}
    for document in ("deploy", "operate", "read"):
        assert missing(calls(), document) == []


def test_a14_deploy_rollback_and_close(region: Region, calls: t.Callable[[], list[Call]], run_module: Run) -> None:
    """Log groups made, changed, renewed and removed, images looked for; then what deploy_keep_images does."""
    run_module(ecr_image_info, images=[f"{HOST}/shop/gate:v1"])
    groups = [{"name": f"/swarm/demo/shop/{name}"} for name in ("gate", "new")]
    run_module(log_group, groups=groups, retention_in_days=30, tags={"swarm:cluster": "demo"})
    run_module(log_group, groups=groups, purge_retention_policy=True, kms_key_id=KEY)
    run_module(log_group, groups=groups, kms_key_id="")
    run_module(log_group_info, prefix="/swarm/demo/shop/")
    assert not run_module(log_group, groups=groups, state="absent").get("failed")
    region.client("ecr").get_authorization_token()
    made = {call.action for call in calls()}
    assert {"CreateLogGroup", "DeleteLogGroup", "TagResource", "UntagResource", "DeleteRetentionPolicy"} <= made
    assert {"AssociateKmsKey", "DisassociateKmsKey", "GetResources", "BatchGetImage"} <= made
    assert missing(calls(), "deploy") == []


KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def test_a14_deploy_that_keeps_images(region: Region, calls: t.Callable[[], list[Call]], run_module: Run) -> None:
    digest = push(region, "shop/gate", "v1")
    region.client("ecr").batch_delete_image(repositoryName="shop/gate", imageIds=[{"imageTag": "none"}])
    region.forget()
    for kept in ([digest], []):
        assert run_module(ecr_repository, name="shop/gate", kept_digests=kept, kept_by="demo")["changed"]
    assert {"PutImage", "BatchDeleteImage"} <= {call.action for call in calls()}
    assert missing(calls(), "deploy", "deploy-keep") == []


def test_a14_status_and_images(
    calls: t.Callable[[], list[Call]], make_image: t.Callable[..., str], run_module: Run, tmp_path: Path
) -> None:
    """What an operator needs from AWS, and a developer who may change nothing; neither may write."""
    make_image("one")
    run_module(cluster_record_info, cluster="demo")
    run_module(log_group_info, prefix="/swarm/demo/", tags=False)
    run_module(log_group, state="absent", prune="report", prefix="/swarm/demo/", services=["shop_gate"])
    run_module(image_info, cluster="demo", artifacts=str(tmp_path))
    assert [call.action for call in calls() if call.writes] == []
    assert {"DescribeLaunchTemplates", "DescribeParameters"} <= {call.action for call in calls()}
    for document in ("operate", "read"):
        assert missing(calls(), document) == []


def test_a14_cluster_checks_and_looks(calls: t.Callable[[], list[Call]], run_module: Run) -> None:
    run_module(cluster_settings, cluster="demo")
    types = {"cluster_worker_instance_type": "t3.medium"}
    run_module(preflight, cluster="demo", image="/swarm-images/demo/ami", key_name="demo", instance_types=types)
    run_module(cluster_record_info, cluster="demo")
    assert missing(calls(), *CLUSTER) == []


def test_a14_what_is_missing_is_found(calls: t.Callable[[], list[Call]], run_module: Run) -> None:
    """The comparison itself: an action, and a resource, that a document does not allow."""
    run_module(log_group, name="/other/group")
    assert missing(calls(), "read") == [
        "logs:CreateLogGroup on arn:aws:logs:eu-west-1:123456789012:log-group:/other/group"
    ]
    assert "/other/group" in missing(calls(), "deploy")[0]
