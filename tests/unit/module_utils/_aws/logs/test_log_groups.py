# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for log groups, their limits, and pruning, without AWS."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest
from botocore.session import Session
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.apiary.swarm.plugins.module_utils._aws.logs import api as logs
from ansible_collections.apiary.swarm.plugins.module_utils._aws.logs.groups import (
    LogGroup,
    WantedLogGroup,
    plan_absent,
    plan_present,
)
from ansible_collections.apiary.swarm.plugins.module_utils._aws.logs.limits import LogLimits, check_all
from ansible_collections.apiary.swarm.plugins.module_utils._aws.logs.prune import DAY, judge, orphans_of
from ansible_collections.apiary.swarm.plugins.module_utils._aws.logs.reading import common_prefixes, metric_settings
from ansible_collections.apiary.swarm.plugins.module_utils._aws.reconcile import Step
from ansible_collections.apiary.swarm.plugins.module_utils._errors import InvalidInput

LIMITS = LogLimits.from_model(Session().get_service_model("logs"))

NAMES = st.text(alphabet="abc/", min_size=1, max_size=4)
TAGS = st.dictionaries(st.sampled_from(["a", "b", "aws:c"]), st.sampled_from(["1", "2"]))
OWN_TAGS = st.dictionaries(st.sampled_from(["a", "b", "d"]), st.sampled_from(["1", "2"]))
FILTERS = st.dictionaries(
    st.sampled_from(["err", "errors"]), st.fixed_dictionaries({"filterPattern": st.sampled_from(["x", "y"])})
)

WANTED = st.builds(
    WantedLogGroup,
    name=st.just("/a"),
    retention=st.none() | st.sampled_from([0, 1, 30]),
    kms_key_id=st.none() | st.sampled_from(["", "key"]),
    deletion_protection=st.none() | st.booleans(),
    tags=st.none() | OWN_TAGS,
    purge_tags=st.booleans(),
    metric_filters=st.none() | FILTERS,
    purge_metric_filters=st.booleans(),
    subscription_filters=st.none() | FILTERS,
    purge_subscription_filters=st.booleans(),
)
LIVE = st.builds(
    LogGroup,
    name=st.just("/a"),
    arn=st.just("arn"),
    retention=st.sampled_from([0, 1, 14]),
    kms_key_id=st.sampled_from(["", "key", "other"]),
    deletion_protection=st.booleans(),
    tags=TAGS,
    metric_filters=FILTERS,
    subscription_filters=FILTERS,
)


@given(WANTED, st.none() | LIVE)
def test_a_plan_carried_out_leaves_nothing_to_do(wanted: WantedLogGroup, live: LogGroup | None) -> None:
    """Planning again on the group that a plan promises gives no step."""
    plan = plan_present(wanted, live)
    assert plan.after is not None
    assert plan_present(wanted, plan.after).steps == ()


@given(WANTED, LIVE)
def test_nothing_undeclared_is_lost(wanted: WantedLogGroup, live: LogGroup) -> None:
    """What the user did not mention stays."""
    after = plan_present(wanted, live).after
    assert after is not None
    if wanted.retention is None:
        assert after.retention == live.retention
    if wanted.tags is None:
        assert after.tags == live.tags
    if not wanted.purge_tags or wanted.tags is None:
        assert set(live.tags or {}) <= set(after.tags or {})
    if not wanted.purge_metric_filters:
        assert set(live.metric_filters or {}) <= set(after.metric_filters or {})
    assert (live.tags or {}).get("aws:c") == (after.tags or {}).get("aws:c")


@given(WANTED, LIVE)
def test_no_plan_deletes_or_recreates(wanted: WantedLogGroup, live: LogGroup) -> None:
    """state: present never touches the logs themselves."""
    calls = {step.do for step in plan_present(wanted, live).steps}
    assert not calls & {logs.delete_log_group, logs.create_log_group}


def test_absent() -> None:
    """One call if it is there, none if it is not."""
    assert plan_absent("/a", LogGroup("/a")).steps == (Step("deleted", logs.delete_log_group, ("/a",), None),)
    assert plan_absent("/a", None).steps == ()


def test_class_cannot_change() -> None:
    """AWS fixes it at the creation."""
    with pytest.raises(InvalidInput, match="cannot be changed to DELIVERY"):
        plan_present(WantedLogGroup("/a", log_class="DELIVERY"), LogGroup("/a"))


def test_limits_come_from_the_model() -> None:
    """Every number of days that the API documents, and its classes and lengths."""
    assert {1, 30, 1096, 2192, 2557, 2922, 3288, 3653} <= set(LIMITS.retention_days)
    assert 1000 not in LIMITS.retention_days
    assert "INFREQUENT_ACCESS" in LIMITS.classes
    assert (LIMITS.name_length, LIMITS.tags, LIMITS.tag_key_length, LIMITS.tag_value_length) == (512, 50, 128, 256)


def test_a_silent_model_checks_nothing() -> None:
    """A botocore that does not tell the days leaves the check to AWS."""
    silent = replace(LIMITS, retention_days=(), classes=())
    check_all([WantedLogGroup("/a", retention=1000, log_class="NEW")], silent, "eu-west-1")


@given(st.lists(NAMES, min_size=1, max_size=6))
def test_prefixes_cover_all_names(names: list[str]) -> None:
    """No name is missed, and no prefix is longer than it may be."""
    prefixes = common_prefixes(names)
    assert all(any(name.startswith(prefix) for prefix in prefixes) for name in names)
    assert len(prefixes) <= len(set(names))


def test_prefixes_are_few() -> None:
    """Services of one cluster are one prefix, groups elsewhere their own."""
    names = ["/swarm/demo/shop/gate", "/swarm/demo/shop/storage", "/swarm/demo/web/x", "/aws/lambda/f", "plain"]
    assert common_prefixes(names) == ["/aws/lambda/f", "/swarm/demo/", "plain"]


def test_metric_filters_are_compared_without_defaults() -> None:
    """What AWS adds by itself is no difference."""
    described = {
        "filterName": "err",
        "filterPattern": "ERROR",
        "creationTime": 1,
        "metricTransformations": [
            {"metricName": "m", "metricNamespace": "n", "metricValue": "1", "unit": "None", "dimensions": {}}
        ],
    }
    assert metric_settings(described) == {
        "filterPattern": "ERROR",
        "metricTransformations": [{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}],
    }


@pytest.mark.parametrize(
    ("name", "orphan"),
    [
        ("/swarm/demo/shop/gate", False),
        ("/swarm/demo/shop/storage", False),
        ("/swarm/demo/edge", False),
        ("/swarm/demo/shop/gate2", True),
        ("/swarm/demo/gate", True),
        ("/swarm/demo2/shop/x", False),
        ("/swarm/demo", False),
    ],
)
def test_orphans(name: str, orphan: bool) -> None:
    """Under the prefix, and of no living service, by either spelling."""
    found = orphans_of([LogGroup(name)], "/swarm/demo", ["shop_gate", "shop/storage"], ["edge"])
    assert bool(found) is orphan


@pytest.mark.parametrize(
    ("group", "last_event", "reason"),
    [
        ({}, None, ""),
        ({}, 60 * DAY, ""),
        ({}, 95 * DAY, "it was used 5 days ago, and the grace is 30 days"),
        ({"creation_time": 90 * DAY}, None, "it was used 10 days ago, and the grace is 30 days"),
        ({"tags": {"keep": "true"}}, None, "it has the tag keep"),
        ({"tags": {"keep": ""}}, None, "it has the tag keep"),
        ({"tags": {"keep": "False"}}, None, ""),
        ({"deletion_protection": True}, None, "its deletion protection is on"),
    ],
)
def test_what_may_be_deleted(group: dict[str, t.Any], last_event: int | None, reason: str) -> None:
    """The tag, the protection and the grace, in this order."""
    verdict = judge(LogGroup("/a", **group), last_event, 100 * DAY, 30, "keep")
    assert verdict.reason == reason
    assert verdict.deletable is (not reason)
