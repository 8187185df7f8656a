# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module log_group: check, do, again, change, empty, again; what it refuses; and how few calls it makes."""

from __future__ import annotations

import typing as t

import pytest
from moto_region import ACCOUNT, Fault, Region

from ansible_collections.apiary.swarm.plugins.modules import log_group

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_KEY = "arn:aws:kms:eu-west-1:123456789012:key/aaaaaaaa-12ab-34cd-56ef-1234567890ab"
FILTER = {
    "filter_name": "err",
    "filter_pattern": "ERROR",
    "metric_transformations": [{"metric_name": "errors", "metric_namespace": "shop"}],
}
SUBSCRIPTION = {
    "filter_name": "ship",
    "destination_arn": "arn:aws:kinesis:eu-west-1:123456789012:stream/logs",
}
Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def task(run_module: Run) -> Run:
    """Run the module log_group with the given options."""
    return lambda **options: run_module(log_group, **options)


def live(region: Region, name: str) -> dict[str, t.Any] | None:
    """Return the group as AWS describes it."""
    groups = region.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return next((group for group in groups if group["logGroupName"] == name), None)


def without_identity(groups: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Leave out what only a made group has."""
    return [{key: value for key, value in group.items() if key not in ("arn", "creation_time")} for group in groups]


ALL_SETTINGS = {
    "name": "/swarm/demo/shop/gate",
    "retention": 30,
    "tags": {"a": "1", "b": "2"},
    "kms_key_id": KEY,
    "log_class": "INFREQUENT_ACCESS",
    "deletion_protection": True,
    "metric_filters": [FILTER],
}


def test_rhythm_of_every_setting(region: Region, task: Run) -> None:
    """Check mode announces what the run does; a second run changes nothing."""
    checked = task(**ALL_SETTINGS, check=True, diff=True)
    assert region.writes() == []
    assert live(region, "/swarm/demo/shop/gate") is None
    done = task(**ALL_SETTINGS, diff=True)
    assert checked["changed"] and done["changed"]
    assert checked["diff"] == done["diff"]
    assert without_identity(checked["log_groups"]) == without_identity(done["log_groups"])
    assert done["log_groups"][0]["arn"].endswith(":log-group:/swarm/demo/shop/gate")
    described = live(region, "/swarm/demo/shop/gate")
    assert described is not None
    assert described["retentionInDays"] == 30
    assert described["kmsKeyId"] == KEY
    assert described["logGroupClass"] == "INFREQUENT_ACCESS"
    assert described["deletionProtectionEnabled"] is True

    region.forget()
    again = task(**ALL_SETTINGS, diff=True)
    assert again["changed"] is False
    assert again["diff"] == {"before": {}, "after": {}}
    assert region.writes() == []


@pytest.mark.parametrize(
    ("change", "calls"),
    [
        ({"retention": 1096}, ["PutRetentionPolicy"]),
        ({"retention": 0}, ["DeleteRetentionPolicy"]),
        ({"purge_retention_policy": True}, ["DeleteRetentionPolicy"]),
        ({"tags": {"a": "1", "b": "3"}}, ["TagResource"]),
        ({"tags": {"a": "1"}}, ["UntagResource"]),
        ({"tags": {}}, ["UntagResource"]),
        ({"tags": {"c": "4"}, "purge_tags": False}, ["TagResource"]),
        ({"kms_key_id": OTHER_KEY}, ["AssociateKmsKey"]),
        ({"kms_key_id": ""}, ["DisassociateKmsKey"]),
        ({"deletion_protection": False}, ["PutLogGroupDeletionProtection"]),
        ({"metric_filters": [{**FILTER, "filter_pattern": "FATAL"}]}, ["PutMetricFilter"]),
        ({"metric_filters": [{**FILTER, "filter_name": "errors"}]}, ["PutMetricFilter"]),
        ({"metric_filters": [], "purge_metric_filters": True}, ["DeleteMetricFilter"]),
        ({"subscription_filters": [SUBSCRIPTION]}, ["PutSubscriptionFilter"]),
    ],
)
def test_each_change_alone(region: Region, task: Run, change: dict[str, t.Any], calls: list[str]) -> None:
    """One setting changes by one write, check mode says the same, and the next run is quiet."""
    region.client("kinesis").create_stream(StreamName="logs", ShardCount=1)
    task(**ALL_SETTINGS)
    options = {"name": "/swarm/demo/shop/gate", **change}
    region.forget()
    checked = task(**options, check=True, diff=True)
    assert region.writes() == []
    done = task(**options, diff=True)
    assert region.writes() == calls
    assert checked["diff"] == done["diff"]
    assert done["changed"] is True
    region.forget()
    assert task(**options)["changed"] is False
    assert region.writes() == []


def test_undeclared_settings_stay(region: Region, task: Run) -> None:
    """A group named without settings keeps all it has."""
    task(**ALL_SETTINGS)
    region.forget()
    assert task(name="/swarm/demo/shop/gate")["changed"] is False
    assert region.writes() == []


def test_common_settings_are_defaults(region: Region, task: Run) -> None:
    """Settings beside groups hold for every entry; an entry's own win, tags are merged."""
    done = task(
        retention=30,
        tags={"cluster": "demo"},
        groups=[{"name": "/a/one"}, {"name": "/a/two", "retention_in_days": 90, "tags": {"x": "y"}}],
    )
    one, two = done["log_groups"]
    assert (one["retention_in_days"], one["tags"]) == (30, {"cluster": "demo"})
    assert (two["retention_in_days"], two["tags"]) == (90, {"cluster": "demo", "x": "y"})


def test_few_calls_for_many_groups(region: Region, task: Run) -> None:
    """Fifty unchanged groups cost less than 0.1 calls each."""
    options = {
        "retention": 30,
        "tags": {"a": "1", "b": "2"},
        "groups": [{"name": f"/swarm/demo/stack/service{number}"} for number in range(50)],
    }
    assert task(**options)["changed"] is True
    region.forget()
    assert task(**options)["changed"] is False
    assert len(region.calls) < 5, region.actions()


def test_more_groups_than_a_page_while_tags_are_throttled(region: Region, task: Run) -> None:
    """DescribeLogGroups gives 50 a page; the index of tags is forbidden, and ListTagsForResource takes few a second."""
    options = {
        "retention": 30,
        "groups": [{"name": f"/swarm/demo/stack/service{number}"} for number in range(120)],
        "tags": {"a": "1"},
    }
    assert len(task(**options)["log_groups"]) == 120
    region.faults.append(Fault("GetResources", "AccessDeniedException"))
    region.faults.append(Fault("ListTagsForResource", "ThrottlingException", times=10))
    region.forget()
    again = task(**options)
    assert again["changed"] is False and not again.get("failed"), again
    assert region.actions().count("DescribeLogGroups") == 3
    assert region.actions().count("ListTagsForResource") >= 130
    gone = task(groups=options["groups"], state="absent")
    assert len(gone["deleted"]) == 120


def test_absent(region: Region, task: Run) -> None:
    """Groups are removed, those that are not there are no change."""
    task(groups=[{"name": "/a/one"}, {"name": "/a/two"}])
    options = {"state": "absent", "groups": [{"name": "/a/one"}, {"name": "/a/gone"}]}
    region.forget()
    assert task(**options, check=True)["deleted"] == ["/a/one"]
    assert region.writes() == []
    assert task(**options)["deleted"] == ["/a/one"]
    assert task(**options)["changed"] is False
    assert live(region, "/a/two") is not None


def test_one_failure_does_not_stop_the_others(region: Region, task: Run) -> None:
    """The failing group is reported with its reason, the rest is done."""
    region.faults.append(
        Fault(
            "CreateLogGroup",
            "AccessDeniedException",
            "not authorized to perform: logs:CreateLogGroup",
            containing="/a/two",
        )
    )
    result = task(groups=[{"name": "/a/one"}, {"name": "/a/two"}, {"name": "/a/three"}], retention=7)
    assert result["failed"] is True
    assert result["failed_groups"] == {
        "/a/two": "Cannot create the log group /a/two in eu-west-1: permission logs:CreateLogGroup is missing."
    }
    assert result["msg"].startswith("1 log group(s) failed. Cannot create the log group /a/two")
    assert live(region, "/a/one")["retentionInDays"] == 7  # type: ignore[index]
    assert live(region, "/a/three")["retentionInDays"] == 7  # type: ignore[index]


def test_throttling_is_retried(region: Region, task: Run) -> None:
    """A throttled call is repeated."""
    region.faults.append(Fault("CreateLogGroup", "ThrottlingException", times=2))
    assert task(name="/a/one")["changed"] is True
    assert region.actions().count("CreateLogGroup") == 3


def test_tags_without_the_tagging_permission(region: Region, task: Run) -> None:
    """Where tag:GetResources is denied, tags are read group by group."""
    options = {"groups": [{"name": "/a/one"}, {"name": "/a/two"}], "tags": {"x": "y"}}
    task(**options)
    region.faults.append(Fault("GetResources", "AccessDeniedException"))
    assert task(**options)["changed"] is False


def test_a_stale_tagging_index_writes_nothing(region: Region, task: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index does not know the new tags yet: they are read again before any write."""
    from ansible_collections.apiary.swarm.plugins.module_utils._aws.logs import api as logs

    task(name="/a/one", tags={"x": "y"})
    monkeypatch.setattr(logs, "tags_of_all", lambda client, arns: {})
    region.forget()
    assert task(name="/a/one", tags={"x": "y"})["changed"] is False
    assert region.writes() == []


BAD = [
    ({"name": "/a", "retention": 1000}, "retention 1000 is not a number of days that AWS takes; take one of 1, 3, 5"),
    ({"name": "/a", "retention": -1}, "retention -1 is not a number of days"),
    ({"name": "/" + "a" * 512}, "has 513 characters; AWS takes 512 at most"),
    ({"name": "/a b"}, "'/a b' has characters that AWS does not take"),
    (
        {"name": "/a", "kms_key_id": KEY.replace("eu-west-1", "us-east-1")},
        "the KMS key is in us-east-1, but the log group is in eu-west-1",
    ),
    ({"name": "/a", "kms_key_id": "alias/mine"}, "kms_key_id must be the ARN of a key"),
    ({"name": "/a", "tags": {str(number): "x" for number in range(51)}}, "has 51 tags; AWS takes 50 at most"),
    ({"name": "/a", "tags": {"k" * 129: "x"}}, "must have 1 to 128 characters"),
    ({"name": "/a", "tags": {"k": "v" * 257}}, "has 257 characters; AWS takes 256 at most"),
    ({"name": "/a", "tags": {"aws:x": "y"}}, "begins with aws:"),
    ({"name": "/a", "log_class": "INFREQUENT"}, "there is no log class 'INFREQUENT'"),
    ({"groups": [{"name": "/a"}, {"name": "/a"}]}, "Log group /a is given twice"),
    ({"name": "/a", "retention": 7, "purge_retention_policy": True}, "exclude one another"),
    ({"name": "/a", "metric_filters": [FILTER, FILTER]}, "the metric filter err is given twice"),
    ({"name": "/a", "prune": "report", "prefix": "/", "services": []}, "give state: absent"),
    ({"name": "/a", "access_key": "x"}, "access_key, secret_key"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=[message[:30] for dummy, message in BAD])
def test_bad_input_writes_nothing(region: Region, task: Run, options: dict[str, t.Any], message: str) -> None:
    """One sentence, and not one write, even for the good groups beside the bad one."""
    if "groups" not in options and options.get("prune") is None:
        options = {
            **{key: value for key, value in options.items() if key in ("access_key",)},
            "groups": [{"name": "/good"}, {key: value for key, value in options.items() if key != "access_key"}],
        }
    result = task(**options)
    assert result["failed"] is True
    assert message in result["msg"]
    assert "Traceback" not in result["msg"] and "\n" not in result["msg"]
    assert region.writes() == []


def test_log_class_of_an_existing_group(region: Region, task: Run) -> None:
    """A class cannot change; nothing is written, to other groups neither."""
    task(name="/a/one")
    region.forget()
    result = task(groups=[{"name": "/a/new"}, {"name": "/a/one", "log_class": "INFREQUENT_ACCESS"}])
    assert "which cannot be changed to INFREQUENT_ACCESS" in result["msg"]
    assert region.writes() == []


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ExpiredTokenException", "the AWS credentials have expired"),
        ("UnrecognizedClientException", "AWS rejected the credentials"),
        ("AccessDeniedException", "permission logs:DescribeLogGroups is missing"),
    ],
)
def test_refused_credentials(region: Region, task: Run, code: str, message: str) -> None:
    """Credentials that AWS refuses give one sentence."""
    region.faults.append(Fault("*", code))
    result = task(name="/a")
    assert message in result["msg"]
    assert "eu-west-1" in result["msg"]


def test_no_credentials(region: Region, task: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: t.Any) -> None:
    """No credentials at all."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert "no complete AWS credentials found" in task(name="/a")["msg"]


def test_unknown_profile(region: Region, task: Run) -> None:
    """A profile that does not exist."""
    assert "nobody" in task(name="/a", profile="nobody")["msg"]


def test_unknown_region(region: Region, task: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A region that does not exist is named, with the nearest one."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    message = task(name="/a", region="eu-wset-1")["msg"]
    assert "there is no region eu-wset-1 (did you mean eu-west-1?)" in message


# Services that are gone.

PRUNE: dict[str, t.Any] = {
    "state": "absent",
    "prefix": "/swarm/demo",
    "services": ["shop_gate", "shop/storage"],
    "unused_days": 0,
}


@pytest.fixture
def closed(region: Region, task: Run) -> Region:
    """Groups of two living services, of three closed ones, and of none."""
    task(
        groups=[
            {"name": "/swarm/demo/default"},
            {"name": "/swarm/demo/edge"},
            {"name": "/swarm/demo/shop/gate"},
            {"name": "/swarm/demo/shop/storage"},
            {"name": "/swarm/demo/shop/old"},
            {"name": "/swarm/demo/shop/kept", "tags": {"swarm:protect": "true"}},
            {"name": "/swarm/demo/shop/locked", "deletion_protection": True},
            {"name": "/swarm/demo2/shop/other"},
        ]
    )
    region.forget()
    return region


def test_prune_reports(closed: Region, task: Run) -> None:
    """A report deletes nothing and gives the reason of each group that would stay."""
    result = task(prune="report", **PRUNE)
    assert {item["log_group_name"]: item["kept_because"] for item in result["orphans"]} == {
        "/swarm/demo/shop/old": "",
        "/swarm/demo/shop/kept": "it has the tag swarm:protect",
        "/swarm/demo/shop/locked": "its deletion protection is on",
    }
    assert result["changed"] is False
    assert closed.writes() == []


def test_prune_deletes(closed: Region, task: Run) -> None:
    """Only what may go goes, first in check mode; then there is nothing left to do."""
    checked = task(prune="delete", **PRUNE, check=True, diff=True)
    assert closed.writes() == []
    done = task(prune="delete", **PRUNE, diff=True)
    assert checked["deleted"] == done["deleted"] == ["/swarm/demo/shop/old"]
    assert checked["diff"] == done["diff"]
    assert closed.writes() == ["DeleteLogGroup"]
    assert task(prune="delete", **PRUNE)["changed"] is False
    assert live(closed, "/swarm/demo2/shop/other") is not None


def test_prune_spares_what_was_used(closed: Region, task: Run) -> None:
    """The grace counts from the newest event."""
    result = task(prune="delete", **{**PRUNE, "unused_days": 30})
    assert result["changed"] is False
    reasons = {item["log_group_name"]: item["kept_because"] for item in result["orphans"]}
    assert reasons["/swarm/demo/shop/old"] == "it was used 0 days ago, and the grace is 30 days"


@pytest.mark.parametrize("services", [None, []])
def test_prune_needs_services(closed: Region, task: Run, services: list[str] | None) -> None:
    """No list of services is a mistake, an empty one is not: the last service was closed."""
    result = task(prune="report", **{**PRUNE, "services": services})
    if services is None:
        assert result["failed"] is True and "services" in result["msg"]
    else:
        assert len(result["orphans"]) == 5


def test_u3_credentials_of_another_account_write_nothing(region: Region, run_module: Run) -> None:
    """Nor do they read anything there."""
    failed = run_module(log_group, name="/a", account="999999999999")
    assert failed["failed"] and failed["msg"].startswith(
        f"The AWS credentials are of account {ACCOUNT}, and this is for account 999999999999"
    )
    assert [call.action for call in region.calls] == ["GetCallerIdentity"]
    for account in (ACCOUNT, ""):
        assert not run_module(log_group, name="/a", account=account).get("failed")


def test_groups_that_have_all_in_common_are_given_by_name(region: Region, run_module: Run) -> None:
    """Made, and removed."""
    done = run_module(log_group, names=["/a", "/b"], retention_in_days=7)
    assert [(group["log_group_name"], group["retention_in_days"]) for group in done["log_groups"]] == [
        ("/a", 7),
        ("/b", 7),
    ]
    assert run_module(log_group, names=["/a", "/b"], state="absent")["deleted"] == ["/a", "/b"]
    assert not run_module(log_group, names=[], state="absent")["changed"]
