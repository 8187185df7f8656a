# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which logins the leader renews, when, and what it says of those that it does not; no engine, no AWS."""

from __future__ import annotations

import typing as t
from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership import logins
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.logins import Held, Sent, due
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.renewal import Renewer
from ansible_collections.apiary.swarm.plugins.module_utils._agent.settings import Settings, SettingsError
from ansible_collections.apiary.swarm.plugins.module_utils._aws.ecr.auth import Registry, Token, role_for
from ansible_collections.apiary.swarm.plugins.module_utils._aws.errors import AwsError
from ansible_collections.apiary.swarm.plugins.module_utils._errors import EngineError

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OWN = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
SAME_REGION = "210987654321.dkr.ecr.eu-west-1.amazonaws.com"
FAR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


def service(name: str, image: str = f"{OWN}/app:1@sha256:a", version: int = 1, **changes: t.Any) -> dict[str, t.Any]:
    template = {"ContainerSpec": {"Image": image}}
    spec = {"Name": name, "Mode": {"Replicated": {"Replicas": 1}}, "TaskTemplate": template, **changes.pop("spec", {})}
    return {"ID": f"id-{name}", "Version": {"Index": version}, "Spec": spec, **changes}


def sent(ago: timedelta, version: int = 1) -> Sent:
    return Sent(version, NOW - ago, NOW - ago + 6 * HOUR, NOW - ago + 12 * HOUR)


JOB: dict[str, t.Any] = {"Mode": {"ReplicatedJob": {}}}
TABLE: list[tuple[str, dict[str, t.Any], Sent | None, bool]] = [
    ("never sent by this leader", service("a"), None, True),
    ("sent an hour ago", service("a"), sent(HOUR), False),
    ("half of its life is over", service("a"), sent(6 * HOUR), True),
    ("a deploy wrote it since", service("a", version=2), sent(HOUR), True),
    ("it was written a moment after", service("a", version=2), sent(timedelta(minutes=5)), False),
    ("another account's registry", service("a", f"{SAME_REGION}/app"), None, True),
    ("another region's", service("a", f"{FAR}/app:1"), None, True),
    ("no ECR", service("a", "registry.example.org/app:1"), None, False),
    ("Docker Hub", service("a", "nginx:1"), None, False),
    ("the public ECR", service("a", "public.ecr.aws/nginx/nginx:1"), None, False),
    ("a job", service("a", spec=JOB), None, False),
    ("no container", service("a", spec={"TaskTemplate": {}}), None, False),
]


@pytest.mark.parametrize(("what", "found", "before", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_a1_which_logins_are_due(what: str, found: dict[str, t.Any], before: Sent | None, expected: bool) -> None:
    known = {found["ID"]: before} if before else {}
    assert list(due([found], known, NOW)) == ([found["ID"]] if expected else [])


def test_a1_the_time_comes_from_what_ecr_says() -> None:
    assert Held(Token(OWN, "AWS", "x", NOW + 12 * HOUR), NOW).due == NOW + 6 * HOUR
    assert Held(Token(OWN, "AWS", "x", NOW + HOUR), NOW).due == NOW + HOUR / 2


def test_a1_roles_go_by_host_before_account() -> None:
    roles = {"123456789012": "by-account", FAR: "by-host"}
    assert role_for(Registry(FAR, "123456789012", "us-east-1"), roles) == "by-host"
    assert role_for(Registry(OWN, "123456789012", "eu-west-1"), roles) == "by-account"
    assert role_for(Registry(OWN, "123456789012", "eu-west-1"), {}) == ""


def test_a1_roles_of_registries_are_checked_when_settings_are_read() -> None:
    node = {"cluster": "demo", "region": "eu-west-1", "role": "manager"}
    roles = {"210987654321": "arn:aws:iam::210987654321:role/pull"}
    assert Settings.from_dict({**node, "registry_roles": roles}, "node.json").registry_roles == roles
    for wrong in ({"210987654321": "pull"}, ["arn:aws:iam::210987654321:role/pull"]):
        with pytest.raises(SettingsError, match=r"node\.json: registry_roles must map"):
            Settings.from_dict({**node, "registry_roles": wrong}, "node.json")


class Engine:
    """Services and tasks of a swarm; knows what was sent, and which registries refuse."""

    def __init__(self, *services: dict[str, t.Any]) -> None:
        self.found = list(services)
        self.refused: dict[str, EngineError] = {}
        self.pending: set[str] = set()
        self.written: list[tuple[str, dict[str, t.Any]]] = []

    def services(self) -> list[dict[str, t.Any]]:
        return [dict(item) for item in self.found]

    def tasks(self, filters: dict[str, list[str]]) -> list[dict[str, t.Any]]:
        return [
            {"ID": "t", "ServiceID": item["ID"], "Slot": 1, "DesiredState": "running", "CreatedAt": "",
             "Status": {"State": "pending" if item["Spec"]["Name"] in self.pending else "running"},
             "Spec": item["Spec"]["TaskTemplate"]}
            for item in self.found if item["ID"] in filters["service"]
        ]  # fmt: skip

    def distribution(self, image: str, registry_auth: str = "") -> dict[str, t.Any]:
        assert registry_auth
        for prefix, error in self.refused.items():
            if image.startswith(prefix):
                raise error
        return {}

    def update_service(
        self, service_id: str, version: int, spec: dict[str, t.Any], registry_auth: str, previous_login: bool = False
    ) -> None:
        item = next(item for item in self.found if item["ID"] == service_id)
        assert item["Version"]["Index"] == version and item["Spec"] == spec
        self.written.append((spec["Name"], registry_auth))  # type: ignore[arg-type]
        item["Version"] = {"Index": version + 1}

    def names(self) -> list[str]:
        """Return the services written since the last call."""
        found, self.written = [name for name, _auth in self.written], []
        return sorted(found)


class Clock(Renewer):
    """A renewer with a clock and tokens of the test's own."""

    def __init__(self, engine: Engine, roles: dict[str, str] | None = None) -> None:
        self.lines: list[str] = []
        super().__init__("eu-west-1", roles or {}, t.cast(t.Any, engine), self.lines.append)
        self.now = NOW
        self.asked: list[tuple[str, str]] = []
        self.closed: set[str] = set()

    def _now(self) -> datetime:
        return self.now

    def _token(self, registry: Registry, role: str) -> Token:
        self.asked.append((registry.region, role))
        if registry.region in self.closed:
            raise AwsError("Cannot get an ECR token: no.", region=registry.region)
        return Token(registry.host, "AWS", f"token-{len(self.asked)}", self.now + 12 * HOUR)

    def after(self, time: timedelta) -> None:
        self.now += time
        self.work()


def test_a1_half_of_a_tokens_life_passes_between_two_renewals() -> None:
    engine = Engine(service("a"), service("b"), service("c", "nginx:1"))
    leader = Clock(engine)
    leader.work()
    assert engine.names() == ["a", "b"]
    for hours, expected in ((1, []), (4, []), (1, ["a", "b"]), (5, []), (1, ["a", "b"])):
        leader.after(hours * HOUR)
        assert engine.names() == expected
    assert leader.asked == [("eu-west-1", "")] * 3
    assert leader.lines[0] == "logins: renewed for 2 services, until 2026-01-02 00:00 UTC" and len(leader.lines) == 3


def test_a1_a_new_leader_and_a_deploy_make_it_due_at_once() -> None:
    engine = Engine(service("a"), service("b"))
    leader = Clock(engine)
    leader.work()
    assert engine.names() == ["a", "b"]
    engine.found[0]["Version"] = {"Index": 9}
    leader.after(timedelta(minutes=30))
    assert engine.names() == ["a"]
    leader.forget()
    leader.after(timedelta(minutes=1))
    assert engine.names() == ["a", "b"]


def test_a1_one_token_serves_a_region_and_a_role_serves_its_registry() -> None:
    engine = Engine(service("a"), service("b", f"{SAME_REGION}/b:1"), service("c", f"{FAR}/c:1"))
    leader = Clock(engine)
    leader.work()
    assert engine.names() == ["a", "b", "c"] and leader.asked == [("eu-west-1", ""), ("us-east-1", "")]
    apart = Clock(engine, {"210987654321": "arn:aws:iam::210987654321:role/pull"})
    apart.work()
    assert sorted(apart.asked) == [
        ("eu-west-1", ""), ("eu-west-1", "arn:aws:iam::210987654321:role/pull"), ("us-east-1", ""),
    ]  # fmt: skip


def test_a1_a_registry_that_gives_no_token_or_refuses_it_costs_its_own_services_only() -> None:
    engine = Engine(service("a"), service("b", f"{SAME_REGION}/b:1"), service("c", f"{FAR}/c:1"), service("gone"))
    engine.found[3]["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] = f"{OWN}/gone:1"
    engine.refused = {
        f"{SAME_REGION}/": EngineError("Cannot look up: denied: no", 403),
        f"{OWN}/gone": EngineError("Cannot look up: manifest unknown", 404),
    }
    leader = Clock(engine)
    leader.closed = {"us-east-1"}
    for _round in range(3):
        leader.work()
    assert engine.names() == ["a", "gone"]  # that an image is gone says nothing about the login
    assert sorted(leader.lines) == [
        f"logins: {FAR}: Cannot get an ECR token: no.",
        "logins: renewed for 2 services, until 2026-01-02 00:00 UTC",
        f"logins: service b keeps its login of unknown age: registry {SAME_REGION} refuses the login of this manager's "
        "role (wrong or expired)",
    ]
    leader.closed, engine.refused = set(), {}
    leader.after(timedelta(minutes=1))
    assert engine.names() == ["b", "c"]


def test_a1_what_is_on_the_move_is_left_alone_told_once_and_tried_again() -> None:
    busy = service("a", UpdateStatus={"State": "updating"})
    stuck = service("b", UpdateStatus={"State": "paused"})
    engine = Engine(busy, stuck, service("j", spec=JOB))
    leader = Clock(engine)
    for _round in range(3):
        leader.after(timedelta(minutes=1))
    assert engine.names() == []
    assert leader.lines == [
        "logins: service a keeps its login of unknown age: it is being updated",
        "logins: service b keeps its login of unknown age: its update is paused and would go on",
    ]
    del busy["UpdateStatus"]
    leader.after(timedelta(minutes=1))
    assert engine.names() == ["a"]
    busy["UpdateStatus"] = {"State": "updating"}
    leader.after(7 * HOUR)
    assert engine.names() == []
    assert leader.lines[-1] == "logins: service a keeps its login until 2026-01-02 00:01 UTC: it is being updated"


def test_a1_tasks_that_never_come_to_run_do_not_cost_the_others_their_login() -> None:
    engine = Engine(service("a"))
    engine.pending = {"a"}
    leader = Clock(engine)
    leader.work()
    leader.after(logins.PATIENCE - timedelta(minutes=1))
    assert engine.names() == []
    leader.after(timedelta(minutes=2))
    assert engine.names() == ["a"]


def test_a1_the_work_is_done_beside_the_round_and_its_errors_stay_there() -> None:
    leader = Clock(Engine())
    leader._engine = t.cast(t.Any, Silent())
    leader.round()
    assert leader._thread is not None
    leader._thread.join(5)
    assert leader.lines == ["logins: no leader"]


class Silent:
    def services(self) -> t.NoReturn:
        raise EngineError("no leader")
