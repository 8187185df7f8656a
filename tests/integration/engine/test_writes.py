# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deploy writes, when, and by whose leave: records, locks, migrations, scales, errors of the engine."""

from __future__ import annotations

import base64
import datetime
import gzip
import json
import os
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest
from engine_injector import Injector, Place
from lab import until
from stacks import network, service, stack
from workbench import Swarm

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.lock import GRACE
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import LABEL_NAMESPACE, Migration, StackModel

LABEL = "apiary.release."
UPDATE = "POST /services/*/update"
_IN_ANOTHER_PROCESS = """
import json, sys
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.stack import Deploy, Options
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import Engine
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import StackModel
host, model = json.load(sys.stdin)
Deploy(Engine(host), StackModel.from_dict(model), Options(wait_timeout=60)).run()
"""


@pytest.fixture
def injector(swarm: Swarm, tmp_path: Path) -> t.Iterator[Injector]:
    """A proxy that spoils an answer, in front of the first manager."""
    made = Injector(swarm.nodes[0].socket, tmp_path / "i.sock", late=1)
    yield made
    made.close()


def _one(swarm: Swarm, name: str, tag: str = "v1", replicas: int = 1, **more: t.Any) -> StackModel:
    migrate = more.pop("migrate", [])
    return stack(name, service(name, "web", swarm.images[tag], replicas, **more), migrate=migrate)


def _releases(swarm: Swarm, name: str) -> dict[int, dict[str, str]]:
    """Return number → labels of a stack's releases."""
    found = swarm.client.configs(filters={"label": [f"{LABEL}stack={name}"]})
    labels = [item["Spec"]["Labels"] for item in found]
    return {int(item[f"{LABEL}number"]): {key[len(LABEL) :]: item[key] for key in item} for item in labels}


def _outcomes(swarm: Swarm, name: str) -> dict[int, str]:
    return {number: labels["outcome"] for number, labels in _releases(swarm, name).items()}


def _record(swarm: Swarm, name: str, number: int, change: t.Callable[[t.Any], t.Any], **labels: str) -> None:
    """Record a release as another version on another machine would: like release 1, but for changes."""
    (first,) = swarm.client.configs(filters={"label": [f"{LABEL}stack={name}", f"{LABEL}number=1"]})
    record = json.loads(gzip.decompress(base64.b64decode(first["Spec"]["Data"])))
    data = gzip.compress(json.dumps(change(record), indent=1).encode(), compresslevel=1)
    values = {"number": str(number), "token": "theirs", "machine": "theirs", "host": "elsewhere", **labels}
    own = {**first["Spec"]["Labels"], **{f"{LABEL}{key}": value for key, value in values.items()}}
    body = {"Name": f"apiary-release.{name}.{number}", "Labels": own, "Data": base64.b64encode(data).decode()}
    answer = swarm.client.post(f"{swarm.client.base_url}/configs/create", json=body)
    assert answer.status_code < 300, answer.text


def _text(hours: float) -> str:
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _elsewhere(swarm: Swarm, model: StackModel) -> subprocess.Popen[str]:
    """Deploy in another process."""
    process = subprocess.Popen(
        [sys.executable, "-c", _IN_ANOTHER_PROCESS],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps([swarm.host, model.to_dict()]))
    process.stdin.close()
    return process


def _image(swarm: Swarm, name: str) -> str:
    return str(swarm.spec(f"{name}_web")["TaskTemplate"]["ContainerSpec"]["Image"]).partition("@")[0]


# -- records -----------------------------------------------------------------------------------------------------------
def test_d45_a_record_of_another_version_is_closed_as_it_is(swarm: Swarm, name: str) -> None:
    assert not swarm.stack(_one(swarm, name)).failed
    dead = {"outcome": "started", "expires": _text(-1), "at": _text(-2), "news": "kept"}

    def with_more(record: t.Any) -> t.Any:
        record["model"]["services"]["web"]["colour"] = "blue"
        return record

    _record(swarm, name, 2, with_more, **dead, node="gone")
    out = swarm.stack(_one(swarm, name, "v2"))
    assert not out.failed, out.msg
    assert _outcomes(swarm, name) == {1: "converged", 2: "abandoned", 3: "converged"}
    assert _releases(swarm, name)[2]["news"] == "kept"
    back = swarm.module("stack", name=name, state="rolled_back", release=2)
    assert back.failed and "recorded by a newer version" in back.msg, back.msg


def test_d45_a_record_that_cannot_be_read_is_named(swarm: Swarm, name: str) -> None:
    assert not swarm.stack(_one(swarm, name)).failed
    _record(swarm, name, 2, lambda record: {**record, "version": 99}, outcome="converged")
    refused = swarm.stack(_one(swarm, name, "v2"))
    assert refused.failed and "release 2 was recorded by a newer version of this collection" in refused.msg, refused.msg
    assert _image(swarm, name) == swarm.images["v1"]
    forced = swarm.stack(_one(swarm, name, "v2"), force=True)
    assert not forced.failed, forced.msg
    assert _outcomes(swarm, name) == {1: "converged", 2: "converged", 3: "converged"}


# -- the lock ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "theirs",
    [
        {"at": _text(-3), "expires": _text(-2.75)},  # its clock is three hours slow
        {"at": _text(0), "expires": _text(0.3), "host": os.uname().nodename, "pid": "1"},
    ],
    ids=["slow clock", "equal host name"],
)
def test_a_lock_of_another_machine_is_held_whatever_its_clock_and_name(
    swarm: Swarm, name: str, theirs: dict[str, str]
) -> None:
    assert not swarm.stack(_one(swarm, name)).failed
    node = swarm.client.info()["Swarm"]["NodeID"]
    pid = {"pid": str(2**22 + 1)} if "host" in theirs else {}
    _record(swarm, name, 2, lambda record: record, outcome="started", by="ann", node=node, **{**theirs, **pid})
    real = swarm.stack(_one(swarm, name, "v2"))
    assert real.failed and "Another deploy of stack" in real.msg and "ann on" in real.msg, real.msg
    assert _image(swarm, name) == swarm.images["v1"] and _outcomes(swarm, name)[2] == "started"
    assert not [item for item in swarm.client.configs() if item["Spec"]["Name"].startswith("apiary-clock")]


def test_check_mode_sees_a_lock_that_is_held(swarm: Swarm, name: str) -> None:
    assert not swarm.stack(_one(swarm, name)).failed
    node = swarm.client.info()["Swarm"]["NodeID"]
    times = {"at": _text(0), "expires": _text(1)}
    _record(swarm, name, 2, lambda record: record, outcome="started", by="ann (shop #7)", node=node, **times)
    check = swarm.stack(_one(swarm, name, "v2"), check=True, diff=True)
    assert check.failed and "under way: ann (shop #7) on elsewhere" in check.msg, check.msg
    assert "v2" in check.data["diff"]["after"] and check.data["plan"]["changed"]
    gone = swarm.module("stack", name=name, state="absent", check=True)
    assert gone.failed and "is being deployed: ann (shop #7)" in gone.msg, gone.msg
    assert not swarm.stack(_one(swarm, name, "v2"), check=True, force=True).failed


# -- what would be refused ---------------------------------------------------------------------------------------------
def test_u6_a_plan_that_would_be_refused_fails_in_check_mode(swarm: Swarm, name: str) -> None:
    nowhere = {"Placement": {"Constraints": ["node.labels.disk == ssd"]}}
    check = swarm.stack(_one(swarm, name, template=nowhere), check=True, diff=True)
    assert check.failed and "Nothing was deployed: service" in check.msg and "node.labels.disk" in check.msg
    assert f"service {name}_web" in check.data["diff"]["after"] and check.data["plan"]["blockers"]
    assert not swarm.stack(_one(swarm, name, template=nowhere), check=True, force=True).failed
    placed = {"image": swarm.images["v1"], "placement": {"constraints": ["node.labels.disk == ssd"]}}
    single = swarm.module("service", name=name, check=True, diff=True, **placed)
    assert single.failed and "Nothing was changed: service" in single.msg and single.data["plan"]["blockers"]
    assert f"service {name}" in single.data["diff"]["after"]


# -- migrations --------------------------------------------------------------------------------------------------------
def test_d47_the_time_to_converge_begins_when_services_are_written(swarm: Swarm, name: str) -> None:
    slow = [Migration("web", ["sleep", "11"], 100)]
    out = swarm.stack(_one(swarm, name, migrate=slow), wait_timeout=10)
    assert not out.failed, out.msg
    labels = _releases(swarm, name)[1]
    begin, end = (datetime.datetime.fromisoformat(labels[key]) for key in ("at", "expires"))
    assert (end - begin).total_seconds() >= 10 + 100 + GRACE


def test_d48_a_deploy_that_lost_its_lock_during_its_migration_writes_nothing(swarm: Swarm, name: str) -> None:
    assert not swarm.stack(_one(swarm, name)).failed
    model = _one(swarm, name, "v2", env={"BY": "first"}, migrate=[Migration("web", ["sleep", "6"], 60)])
    first = _elsewhere(swarm, model)
    until(lambda: swarm.client.services(filters={"name": f"{name}_web-migrate"}), "the migration")
    second = swarm.stack(_one(swarm, name, "v2", env={"BY": "second"}), force=True)
    assert not second.failed, second.msg
    assert first.wait(60) != 0
    assert first.stderr is not None and "another deploy took over from release 2" in first.stderr.read()
    assert swarm.spec(f"{name}_web")["TaskTemplate"]["ContainerSpec"]["Env"] == ["BY=second"]
    assert _outcomes(swarm, name) == {1: "converged", 2: "abandoned", 3: "converged"}


# -- errors of the engine ----------------------------------------------------------------------------------------------
def test_d55_an_error_while_the_release_is_closed_or_old_ones_go_decides_nothing(
    swarm: Swarm, name: str, injector: Injector
) -> None:
    injector.arm(Place("", "POST /configs/*/update", 1), "fail")
    closed = swarm.stack(_one(swarm, name), docker_host=injector.host)
    assert injector.hit and not closed.failed, closed.msg
    assert _outcomes(swarm, name) == {1: "converged"}
    injector.arm(Place("", "DELETE /configs/*", 1), "fail")
    cleaned = swarm.stack(_one(swarm, name, "v2"), docker_host=injector.host, keep_releases=1)
    assert injector.hit and not cleaned.failed, cleaned.msg
    assert "old releases could not be removed" in cleaned.text
    assert _outcomes(swarm, name)[2] == "converged"


# -- scales ------------------------------------------------------------------------------------------------------------
def _scale(swarm: Swarm, name: str, number: int) -> None:
    swarm.update(f"{name}_web", lambda spec: spec.update(Mode={"Replicated": {"Replicas": number}}))


def _replicas(swarm: Swarm, name: str) -> int:
    return int(swarm.spec(f"{name}_web")["Mode"]["Replicated"]["Replicas"])


def test_d59_a_scale_between_plan_and_write_is_taken_along(swarm: Swarm, name: str, injector: Injector) -> None:
    assert not swarm.stack(_one(swarm, name)).failed
    injector.arm(Place("", UPDATE, 1), act=lambda: _scale(swarm, name, 3))
    out = swarm.stack(_one(swarm, name, "v2"), docker_host=injector.host)
    assert injector.hit and not out.failed, out.msg
    assert _replicas(swarm, name) == 3 and _image(swarm, name) == swarm.images["v2"]
    injector.arm(Place("", UPDATE, 1), act=lambda: _scale(swarm, name, 4))
    declared = swarm.stack(_one(swarm, name, "v2", replicas=2), docker_host=injector.host)
    assert injector.hit and not declared.failed, declared.msg
    assert _replicas(swarm, name) == 2  # the file changed its mind in this very deploy


def test_d59_a_scale_during_a_deploy_that_fails_stays(swarm: Swarm, name: str, injector: Injector) -> None:
    assert not swarm.stack(_one(swarm, name)).failed
    injector.arm(Place(f"{UPDATE} 1", "GET /services", 1), act=lambda: _scale(swarm, name, 2))
    out = swarm.stack(_one(swarm, name, "crash"), docker_host=injector.host)
    assert injector.hit and out.failed and "was rolled back: release 1 runs" in out.msg, out.msg
    assert _replicas(swarm, name) == 2 and _image(swarm, name) == swarm.images["v1"]


# -- what never ran ----------------------------------------------------------------------------------------------------
def test_u4_what_never_ran_is_not_restored_and_what_remains_is_said(swarm: Swarm, name: str) -> None:
    net = network(name, "net")
    web = service(name, "web", swarm.images["sick"], template={"Networks": [{"Target": net.name}]})
    model = stack(name, web, networks={"net": net})
    killed = _elsewhere(swarm, model)
    until(lambda: swarm.client.services(filters={"name": f"{name}_web"}), "the first deploy to have written")
    killed.send_signal(signal.SIGKILL)
    killed.wait(10)
    began = time.monotonic()
    crash = service(name, "web", swarm.images["crash"], template={"Networks": [{"Target": net.name}]})
    out = swarm.stack(stack(name, crash, networks={"net": net}))
    assert out.failed and f"its services were removed ({name}_web): nothing of it remains" in out.msg, out.msg
    assert time.monotonic() - began < 90  # not the two minutes that a release gets to run again
    label = {"label": f"{LABEL_NAMESPACE}={name}"}
    assert not swarm.client.services(filters=label) and not swarm.client.networks(filters=label)
