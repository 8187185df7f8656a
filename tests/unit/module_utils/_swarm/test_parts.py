# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The session's pure parts, reports, jobs, and the options of the module service."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from stacks import service as entry
from swarm_facts import Json, node

from ansible_collections.apiary.swarm.plugins.module_utils import _errors
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.compose.envfile import parse_env_file
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.convert.from_options import (
    InvalidOption,
    apply_options,
    env_file,
    environment,
)
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.jobs import LABEL_JOB, job_spec
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import (
    Engine,
    demultiplex,
    encode_auth,
    error_of,
)
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.registry.auth import header_for, login_for
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.watch.report import collect, text
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.watch.terms import Problem, Verdict


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (503, "This node is not a swarm manager. Use ...", _errors.NotAManager),
        (406, "This node is not part of a swarm", _errors.NotAManager),
        (500, "update out of sequence", _errors.OutOfSequence),
        (404, "service x not found", _errors.NotFound),
        (409, "name conflicts with an existing object: service x already exists", _errors.Conflict),
        (400, "secret 's' is in use by the following service: d", _errors.Conflict),
        (500, "something else", _errors.EngineError),
    ],
)
def test_errors_have_types_and_dockers_words(status: int, words: str, kind: type) -> None:
    error = error_of("create service x", status, words)
    assert error.__class__ is kind and error.message == f"Cannot create service x: {words}" and error.status == status


def _frame(stream: int, content: str) -> bytes:
    data = content.encode()
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


def test_log_lines_come_in_the_order_in_which_they_were_written() -> None:
    raw = _frame(2, "2026-01-01T00:00:00.200000000Z second\n") + _frame(1, "2026-01-01T00:00:00.100000000Z first one\n")
    assert demultiplex(raw) == ["first one", "second"]
    assert demultiplex(b"") == [] and demultiplex(b"\x01\x00") == []


def test_logins_belong_to_their_registry() -> None:
    logins = [{"registry": "https://r.test", "username": "u", "password": "p"}]
    assert login_for(logins, "r.test/a:1") == logins[0] and header_for(logins, "nginx") == ""
    assert header_for(logins, "r.test/a:1") == encode_auth(logins[0])


class Words:
    """The part of an engine that a report asks."""

    def task_logs(self, task_id: str, _lines: int) -> list[str]:
        if task_id == "remote":
            raise _errors.EngineError("Cannot read task logs: configured logging driver does not support reading")
        return ["starting", "no database"]

    def container(self, container_id: str) -> Json | None:
        state = {"OOMKilled": True, "Health": {"Log": [{"Output": "not ok\n"}]}}
        return {"State": state} if container_id == "here" else None


def test_a_failure_is_told_with_all_that_is_known() -> None:
    problems = (
        Problem("remote", "2", "id-b", "failed", "task: non-zero exit (1)", 1, "there"),
        Problem("local0000000000", "1", "id-a", "failed", "task: non-zero exit (137)", 137, "here"),
        Problem("again", "1", "id-a", "failed", "task: non-zero exit (137)", 137, "here"),
        Problem("stuck", "3", "", "pending", "no suitable node", None, ""),
        Problem("pull", "4", "id-b", "rejected", "No such image: a:1", None, ""),
    )
    verdicts = {"web": Verdict("failed", "it crashed", 0, 2, problems), "db": Verdict("converged", "")}
    failures = collect(t.cast(Engine, Words()), verdicts, [node("a"), node("b")])
    assert [item["id"] for item in failures[0]["tasks"]] == ["remote", "local0000000000", "stuck"]
    shown = text(failures, "Stack shop: release 2 failed.")
    for part in (
        "Stack shop: release 2 failed.\nservice web: it crashed",
        "task remote (slot 2) on node b failed, exit code 1: task: non-zero exit (1)",
        "its log cannot be read here: Cannot read task logs: configured logging driver",
        "task local0000000 (slot 1) on node a failed, exit code 137",
        "used more memory than its limit", "health check said: not ok", "    | no database",
        "task stuck (slot 3) pending: no suitable node",
    ):  # fmt: skip
        assert part in shown, shown


def test_a_pull_that_failed_says_what_the_engine_does_not() -> None:
    problem = Problem("pull", "4", "id-b", "rejected", "No such image: a:1", None, "")
    failures = collect(t.cast(Engine, Words()), {"web": Verdict("failed", "x", problems=(problem,))}, [])
    assert "the registry refused the login" in text(failures, "")


def test_a_job_has_the_setting_of_the_service_and_not_its_name() -> None:
    template = entry(
        "shop", "web", "app:1", env={"A": "1", "B": "2"},
        container={"Healthcheck": {"Test": ["CMD", "x"]}, "Command": ["serve"], "Args": ["--all"]},
        template={"Networks": [{"Target": "n", "Aliases": ["web"]}], "LogDriver": {"Name": "awslogs"},
                  "Placement": {"Constraints": ["x==y"], "MaxReplicas": 1}},
        EndpointSpec={"Ports": [{"TargetPort": 80, "PublishedPort": 80}]},
    ).spec  # fmt: skip
    job = job_spec(template, "j", ["migrate"], env={"B": "3"}, image="app:2")
    task = job["TaskTemplate"]
    assert task["ContainerSpec"]["Command"] == ["migrate"] and task["ContainerSpec"]["Args"] == []
    assert task["ContainerSpec"]["Env"] == ["A=1", "B=3"] and task["ContainerSpec"]["Image"] == "app:2"
    assert task["ContainerSpec"]["Healthcheck"] == {"Test": ["NONE"]}
    assert task["Networks"] == [{"Target": "n"}] and task["Placement"] == {"Constraints": ["x==y"]}
    assert task["LogDriver"] == {"Name": "awslogs"} and task["RestartPolicy"] == {"Condition": "none"}
    assert job["Labels"] == {LABEL_JOB: "shop_web"} and "Ports" not in job["EndpointSpec"]
    assert job_spec(template, "j", arguments=["--once"])["TaskTemplate"]["ContainerSpec"]["Command"] == ["serve"]


@pytest.mark.parametrize(
    ("given", "nanoseconds"),
    [("0", 0), ("0s", 0), ("90s", 90 * 10**9), ("1m30s", 90 * 10**9), ("1.5h", 5400 * 10**9),
     ("200ms", 2 * 10**8), ("5us", 5000)],
)  # fmt: skip
def test_durations(given: str, nanoseconds: int) -> None:
    spec = apply_options({}, {"name": "x", "stop_grace_period": given})
    assert spec["TaskTemplate"]["ContainerSpec"]["StopGracePeriod"] == nanoseconds


@pytest.mark.parametrize(
    ("given", "count"), [("0", 0), ("512", 512), ("1K", 1024), ("64M", 2**26), ("1.5g", 3 * 2**29), ("1GiB", 2**30)]
)
def test_sizes(given: str, count: int) -> None:
    spec = apply_options({}, {"name": "x", "limits": {"memory": given}})
    assert spec["TaskTemplate"]["Resources"]["Limits"]["MemoryBytes"] == count


@pytest.mark.parametrize("given", ["", "s", "3 apples", "1s2"])
def test_what_is_no_duration(given: str) -> None:
    with pytest.raises(InvalidOption, match="stop_grace_period: must be a duration"):
        apply_options({}, {"name": "x", "stop_grace_period": given})


def test_a_negative_duration() -> None:
    with pytest.raises(InvalidOption, match="stop_grace_period: must not be negative"):
        apply_options({}, {"name": "x", "stop_grace_period": "-1s"})


def test_environments() -> None:
    assert environment({"B": "2", "A": "1=1"}, [{"A": "0", "C": "3"}]) == ["A=1=1", "B=2", "C=3"]
    assert environment("A=1,B=2", []) == ["A=1", "B=2"]
    assert env_file("f", "# no\n\nA=1\n  B=2=3\n") == {"A": "1", "B": "2=3"}
    with pytest.raises(InvalidOption, match=r"env_files: f:2: must be a line like"):
        env_file("f", "A=1\nB")


def test_an_environment_file_is_read_as_docker_reads_it() -> None:
    """A line ends with a line feed, and with nothing else that Unicode calls an end."""
    text = "A=1\x0b2\r\nB=\u2028x\x85 \nC= 'quoted' # no comment\n"
    expected = {"A": "1\x0b2", "B": "\u2028x\x85 ", "C": " 'quoted' # no comment"}
    assert env_file("f", text) == expected == parse_env_file("f", text.encode(), {})


def test_options_that_are_not_given_change_nothing() -> None:
    live = entry("shop", "web", "app:1", 4, env={"A": "1"}).spec
    assert apply_options(live, {"name": "shop_web", "replicas": -1}) == live
    renewed = apply_options(live, {"name": "shop_web", "labels": {"x": 1}, "publish": []})
    assert renewed["Labels"]["x"] == "1" and renewed["Labels"]["com.docker.stack.namespace"] == "shop"
    assert renewed["EndpointSpec"] == {"Mode": "dnsrr", "Ports": []}
    job = apply_options({}, {"name": "j", "mode": "replicated-job", "replicas": 4, "max_concurrent": 2})
    assert job["Mode"] == {"ReplicatedJob": {"TotalCompletions": 4, "MaxConcurrent": 2}}


def test_u14_stuck_tasks_of_one_cause_are_one_line_of_the_report() -> None:
    stuck = tuple(Problem(f"task{n}", str(n), "", "pending", "no suitable node") for n in range(200))
    verdict = Verdict("failed", "not converged within 15 s: 0 of 200 tasks run", 0, 200, stuck, "deadline")
    failures = collect(t.cast(Engine, None), {"shop_web": verdict}, [])
    assert text(failures, "Stack shop: it failed.").splitlines() == [
        "Stack shop: it failed.",
        "service shop_web: not converged within 15 s: 0 of 200 tasks run",
        "  task task0 (slot 0) pending: no suitable node (199 more like it)",
    ]


def test_d68_words_that_were_read_in_time_are_told() -> None:
    """The newest failure is forgotten already; one like it has left its words."""
    kept = Problem("kept", "1", "id-a", "failed", "task: non-zero exit (7)", 7, words=("no database",))
    gone = dataclasses.replace(kept, task_id="gone", words=())
    verdict = Verdict("failed", "its tasks fail again and again", 0, 1, (gone, kept), "task")
    task = collect(t.cast(Engine, None), {"shop_web": verdict}, [])[0]["tasks"][0]
    assert (task["id"], task["logs"], task["more"]) == ("kept", ["no database"], 1)


def test_d67_a_program_that_ended_well_gets_a_hint() -> None:
    ended = Problem("ended", "1", "id-a", "complete", "", 0, words=("bad config",))
    verdict = Verdict("failed", "its tasks end again and again", 0, 1, (ended,), "task")
    task = collect(t.cast(Engine, None), {"shop_web": verdict}, [])[0]["tasks"][0]
    assert "restart_policy.condition" in task["hint"] and task["logs"] == ["bad config"] and task["exit_code"] == 0


@pytest.mark.parametrize("section", ["update_config", "rollback_config"])
def test_d61_the_first_setting_of_an_update_leaves_one_task_at_a_time(section: str) -> None:
    field = {"update_config": "UpdateConfig", "rollback_config": "RollbackConfig"}[section]

    def made(live: dict[str, t.Any], **options: t.Any) -> t.Any:
        return apply_options(live, {"name": "web", section: {"parallelism": None, **options}}).get(field)

    assert made({}, order="start-first") == {"Parallelism": 1, "Order": "start-first"}
    assert made({field: {"Parallelism": 0}}, order="start-first") == {"Parallelism": 0, "Order": "start-first"}
    assert made({}, parallelism=0) == {"Parallelism": 0} and made({}) is None
