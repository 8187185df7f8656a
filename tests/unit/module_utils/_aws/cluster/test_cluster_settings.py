# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not given stays as the cluster has it; what takes something away is refused or needs its word."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from documents import ROOT

from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster import settings
from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster.stack import get_stack

LIVE = {
    **settings.parameters(settings.resolve({}, None)),
    "AvailabilityZones": "eu-west-1a,eu-west-1b,eu-west-1c",
    "EcrRepositoryArns": "arn:aws:ecr:eu-west-1:123456789012:repository/*",
    "WorkersDesired": "20",
    "WorkersMax": "30",
    "KeyName": "ops",
    "AdminCidr": "203.0.113.0/24",
    "SessionManager": "true",
}
BEFORE = settings.living(LIVE)


def _refusals(running: int = 20, shrink: bool = False, replace: bool = False, **given: t.Any) -> list[str]:
    values, wrong = settings.take(given)
    assert wrong == []
    return settings.refusals(BEFORE, settings.resolve(values, BEFORE, running), running, shrink, replace)


def test_every_setting_is_a_variable_of_the_role() -> None:
    given = yaml.safe_load((ROOT / "roles/cluster/vars/main.yml").read_text())["__cluster_given"]
    assert sorted(given) == sorted([*settings.SETTINGS, "zone_count"])
    defaults = yaml.safe_load((ROOT / "roles/cluster/defaults/main.yml").read_text())
    assert [name for name in given if defaults[f"cluster_{name}"] is not None] == []


def test_a8_nothing_given_changes_nothing() -> None:
    after = settings.resolve({}, BEFORE, 20)
    assert settings.changes(BEFORE, after) == [] and _refusals() == []
    assert (after["workers"], after["key_name"], after["admin_cidr"]) == (20, "ops", "203.0.113.0/24")
    assert settings.parameters(after).items() <= LIVE.items()


@pytest.mark.parametrize(("name", "value"), [("workers_max", 40), ("log_retention", "90"), ("drain_timeout", 60)])
def test_a8_one_thing_given_changes_that_thing(name: str, value: t.Any) -> None:
    values, _wrong = settings.take({name: value, "workers": None, "key_name": None})
    changed = settings.changes(BEFORE, settings.resolve(values, BEFORE, 20))
    assert [(one.setting, one.after) for one in changed] == [(name, int(value))]


@pytest.mark.parametrize("empty", ["key_name", "admin_cidr", "certificate_arn"])
def test_a8_an_empty_word_is_given(empty: str) -> None:
    values, _wrong = settings.take({empty: ""})
    assert settings.resolve(values, BEFORE)[empty] == ""


def test_u2_a_cluster_of_an_older_template_gets_the_default_of_what_it_lacks() -> None:
    old = {key: value for key, value in LIVE.items() if key != "EdgeOnManagers"}
    assert settings.living(old) == BEFORE


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"managers": 1}, "cluster_managers: 3 → 1 would end managers side by side"),
        ({"vpc_cidr": "10.99.0.0/16"}, "cluster_vpc_cidr: 10.20.0.0/16 → 10.99.0.0/16 cannot change"),
        (
            {"availability_zones": "eu-west-1a,eu-west-1b"},
            "eu-west-1a, eu-west-1b, eu-west-1c → eu-west-1a, eu-west-1b",
        ),
        ({"zone_count": 2}, "cluster_zone_count: 3 → 2 cannot change"),
        ({"load_balancer_scheme": "internal"}, "cluster_allow_replace=true allows that"),
        ({"workers": 2}, "cluster_workers=2 takes 18 of the 20 workers away"),
        ({"workers_max": 5}, "cluster_workers_max=5 takes 15 of the 20 workers away"),
    ],
)
def test_a7_a8_what_takes_away_is_refused(given: dict[str, t.Any], says: str) -> None:
    assert says in " ".join(_refusals(**given))


def test_a8_the_words_that_allow_it() -> None:
    assert _refusals(workers=2, shrink=True) == []
    assert _refusals(load_balancer_scheme="internal", replace=True) == []
    assert _refusals(managers=1, shrink=True, replace=True) != []


def test_u1_more_managers_are_welcome() -> None:
    assert _refusals(managers=5) == []


def test_a8_workers_follow_limits_from_where_scaling_left_them() -> None:
    """25 run because of their load, the stack says 20: a new least number must not send five of them home."""
    values, _wrong = settings.take({"workers_min": 22})
    assert settings.resolve(values, BEFORE, 25)["workers"] == 25
    assert _refusals(running=25, workers_min=22) == []


def test_a8_a_number_that_scaling_has_left_behind_is_no_shrinking() -> None:
    """The same number again changes no parameter, so the group keeps the size that scaling has set."""
    assert _refusals(running=25, workers=20) == []
    assert "takes 4 of the 25 workers away" in " ".join(_refusals(running=25, workers=21))


def test_a11_zones_of_a_living_cluster_stay_in_any_order() -> None:
    values, _wrong = settings.take({"availability_zones": ["eu-west-1c", "eu-west-1a", "eu-west-1b"]})
    assert settings.changes(BEFORE, settings.resolve(values, BEFORE)) == []


def test_a_new_cluster_gets_the_defaults() -> None:
    values, _wrong = settings.take({"workers_min": 4, "session_manager": "yes"})
    found = settings.resolve(values, None)
    assert (found["workers"], found["session_manager"], found["zone_count"]) == (4, True, 3)


def test_wrong_values_and_names_get_one_sentence_each() -> None:
    _values, found = settings.take(
        {"worker": 3, "workers_max": "many", "session_manager": "perhaps", "nat_gateways": "two"}
    )
    assert found == [
        "There is no setting 'worker' (did you mean workers?).",
        "cluster_workers_max: 'many' cannot be: write a whole number.",
        "cluster_session_manager: 'perhaps' cannot be: write true or false.",
        "cluster_nat_gateways: 'two' cannot be: write one or per_zone.",
    ]


class _CloudFormation:
    """The part of a client that tells of one stack in a state."""

    def __init__(self, status: str) -> None:
        self._status = status

    def describe_stacks(self, StackName: str) -> dict[str, t.Any]:
        parameters = [{"ParameterKey": "WorkersDesired", "ParameterValue": "20"}]
        stack = {"StackName": StackName, "StackId": "arn", "StackStatus": self._status, "Parameters": parameters}
        return {"Stacks": [stack]}


@pytest.mark.parametrize(
    ("status", "holds"),
    [
        ("CREATE_COMPLETE", True), ("CREATE_FAILED", True), ("UPDATE_FAILED", True), ("ROLLBACK_FAILED", True),
        ("UPDATE_ROLLBACK_COMPLETE", True), ("DELETE_FAILED", True), ("REVIEW_IN_PROGRESS", False),
        ("ROLLBACK_COMPLETE", False), ("DELETE_IN_PROGRESS", False), ("DELETE_COMPLETE", False),
    ],
)  # fmt: skip
def test_a_stack_whose_creation_failed_holds_what_was_made(status: str, holds: bool) -> None:
    """CREATE_FAILED is where a stack rests that was not to be rolled back; an update goes on from there."""
    found = get_stack(_CloudFormation(status), "swarm-demo")
    assert (found is not None) == holds and (found is None or found.parameters == {"WorkersDesired": "20"})


def _each(name: str, kind: str, *values: object) -> list[tuple[str, object, str]]:
    return [(name, value, kind) for value in values]


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        *_each("workers", "a whole number", 2.9, True, "1_000", "\u0663", float("inf"), [], "", "5.0"),
        *_each("session_manager", "true or false", [], 2, ""),
        *_each(
            "availability_zones", "names, separated by commas, or a list of them", 5, {"a": 1}, [None], ["a", ["b"]]
        ),
        *_each("key_name", "one text", True, ["a"], {}),
        *((name, "", "one text") for name in ("vpc_cidr", "worker_instance_type", "load_balancer_cidr")),
        ("load_balancer_scheme", "", "internet-facing or internal"),
    ],
)
def test_a8_a_value_of_another_type_is_not_taken_for_one_of_ours(name: str, value: t.Any, kind: str) -> None:
    """2.9 workers are not 2, V(true) is not one worker, and a list of keys is no key's name."""
    assert settings.take({name: value}) == ({}, [f"cluster_{name}: {value!r} cannot be: write {kind}."])


def test_a8_text_of_a_command_line_is_read() -> None:
    given = {
        "workers": " 5 ",
        "managers": 5.0,
        "session_manager": "True ",
        "availability_zones": "a, b",
        "key_name": "",
    }
    taken = {"workers": 5, "managers": 5, "session_manager": True, "availability_zones": ["a", "b"], "key_name": ""}
    assert settings.take(given) == (taken, [])
    assert settings.take({5: 1}) == ({}, ["There is no setting 5."])  # type: ignore[dict-item]


@pytest.mark.parametrize("nothing", ["", [], ","])
def test_a8_no_zone_is_no_wish_for_other_zones(nothing: t.Any) -> None:
    assert settings.take({"availability_zones": nothing}) == ({}, [])


def test_a8_a_repository_of_another_account_is_a_change_and_a_name_of_the_own_is_none() -> None:
    home = settings.home_of("arn:aws-cn:cloudformation:cn-north-1:123456789012:stack/swarm-demo/1f")
    assert home == "arn:aws-cn:ecr:cn-north-1:123456789012:repository/"
    before = settings.at_home({**BEFORE, "ecr_repositories": [f"{home}shop/*", f"{home}base"]}, home)
    same = settings.at_home({**before, "ecr_repositories": ["base", f"{home}shop/*"]}, home)
    assert settings.changes(before, same) == []
    other = ["base", f"{home.replace('123456789012', '999999999999')}shop/*"]
    assert [change.after for change in settings.changes(before, {**before, "ecr_repositories": other})] == [other]


@pytest.mark.parametrize(
    ("given", "access"),
    [
        ({}, "endpoint"),
        ({"admin_cidr": "10.0.0.0/8"}, "direct"),
        ({"admin_security_group": "sg-1"}, "direct"),
        ({"admin_cidr": "10.0.0.0/8", "access": "inside"}, "inside"),
    ],
)
def test_a3_a_new_cluster_is_reached_by_an_endpoint_or_by_who_is_named(given: dict[str, str], access: str) -> None:
    assert settings.resolve(given, None)["access"] == access


def test_a3_a_cluster_of_before_goes_on_as_it_was_reached() -> None:
    """Its stack has no such parameter: whom it names goes on coming directly, and one that names nobody gets a road."""
    older = {name: value for name, value in LIVE.items() if name != "Access"}
    assert settings.living(older)["access"] == "direct"
    assert settings.living({**older, "AdminCidr": ""})["access"] == "endpoint"
    assert settings.resolve({"admin_cidr": "10.0.0.0/8"}, settings.living({**LIVE}))["access"] == "endpoint"


def test_a3_a_road_that_is_none_is_refused() -> None:
    assert settings.take({"access": "bastion"})[1] == [
        "cluster_access: 'bastion' cannot be: write endpoint or ssm or direct or inside."
    ]
