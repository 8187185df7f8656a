# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploys while things break: the outcome is true, the stack is on one release, and the next deploy can go on."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import signal
import subprocess
import sys
import threading
import time
import typing as t

import pytest
from lab import Lab, LabError, Node, until
from lab_faults import clear_disk, fill_disk, set_clock
from stacks import SECOND, service, stack
from workbench import Outcome, run_module

from ansible_collections.apiary.swarm.plugins.module_utils._errors import NoLeader
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.stack import Deploy, Options, Result
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import Engine
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import StackModel

_IN_ANOTHER_PROCESS = """
import json, sys
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.stack import Deploy, Options
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import Engine
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import StackModel
host, model = json.load(sys.stdin)
Deploy(Engine(host), StackModel.from_dict(model), Options(wait_timeout=60)).run()
"""


class Cluster:
    """Three managers and one worker, of which a test may break what it likes."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.nodes = lab.swarm(managers=3, workers=1)
        serve = ["httpd", "-f", "-p", "8080", "-h", "/www"]
        self.images = {tag: lab.image("app", tag, serve, {"/www/index.html": tag}) for tag in ("v1", "v2", "v3")}

    def model(self, tag: str, replicas: int = 4, slowly: bool = False, **more: t.Any) -> StackModel:
        """Make the stack C(shop); I(slowly): one task after another, two seconds apart."""
        update = {"Parallelism": 1 if slowly else 0, "Monitor": SECOND, "Delay": 2 * SECOND if slowly else 0}
        web = service("shop", "web", self.images[tag], replicas, UpdateConfig=update, **more)
        return stack("shop", web, service("shop", "other", self.images["v1"]))

    def deploy(self, model: StackModel, through: Node, **args: t.Any) -> Outcome:
        args = {"docker_host": through.host, "wait_timeout": 60, "name": "shop", "model": model.to_dict(), **args}
        return run_module("stack", args)

    def start(self, model: StackModel, through: Node, **options: t.Any) -> tuple[threading.Thread, list[t.Any]]:
        """Deploy in a thread; the list gets the result or the error."""
        ended: list[t.Any] = []

        def run() -> None:
            try:
                ended.append(Deploy(Engine(through.host), model, Options(**{"wait_timeout": 60, **options})).run())
            except Exception as exc:
                ended.append(exc)

        thread = threading.Thread(target=run)
        thread.start()
        return thread, ended

    def outcomes(self, through: Node) -> dict[int, str]:
        found = run_module("release_info", {"docker_host": through.host, "name": "shop"}).data["releases"]
        return {item["number"]: item["outcome"] for item in found}

    def image(self, through: Node) -> str:
        client = through.client()
        try:
            return str(client.inspect_service("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"])
        finally:
            client.close()


@pytest.fixture
def cluster() -> t.Iterator[Cluster]:
    """A cluster of the test's own, with v1 deployed."""
    with Lab() as lab:
        made = Cluster(lab)
        first = made.deploy(made.model("v1"), made.nodes[0])
        assert not first.failed, first.msg
        yield made


def _under_way(cluster: Cluster, through: Node, tag: str = "v2") -> None:
    until(lambda: cluster.image(through).startswith(cluster.images[tag]), "the deploy to have written")


def _kill_half_way(cluster: Cluster, manager: Node) -> None:
    """Deploy v2 in another process and kill that when some tasks are new and some are old."""
    command = [sys.executable, "-c", _IN_ANOTHER_PROCESS]
    deploy = subprocess.Popen(command, stdin=subprocess.PIPE, env=os.environ, text=True)
    assert deploy.stdin is not None
    deploy.stdin.write(json.dumps([manager.host, cluster.model("v2", slowly=True).to_dict()]))
    deploy.stdin.close()
    _under_way(cluster, manager)
    deploy.send_signal(signal.SIGKILL)
    deploy.wait(10)
    assert cluster.outcomes(manager) == {1: "converged", 2: "started"}


def test_a_killed_deploy_is_finished_by_the_next(cluster: Cluster) -> None:
    manager = cluster.nodes[0]
    _kill_half_way(cluster, manager)
    finished = cluster.deploy(cluster.model("v2", slowly=True), manager)
    assert not finished.failed, finished.msg
    assert cluster.outcomes(manager) == {1: "converged", 2: "abandoned", 3: "converged"}
    assert not cluster.deploy(cluster.model("v2", slowly=True), manager).changed


def test_a_killed_deploy_and_a_bad_one_after_it_end_on_the_last_good_release(cluster: Cluster) -> None:
    manager = cluster.nodes[0]
    _kill_half_way(cluster, manager)
    crash = cluster.model("v3", container={"Command": ["sh", "-c", "exit 7"]})
    out = cluster.deploy(crash, manager)
    assert out.failed and "exit code 7" in out.msg and "release 1 runs" in out.msg, out.msg
    assert cluster.image(manager).startswith(cluster.images["v1"])
    assert cluster.outcomes(manager) == {1: "converged", 2: "abandoned", 3: "failed"}


def test_the_manager_that_deploys_is_lost(cluster: Cluster) -> None:
    victim, other = cluster.nodes[1], cluster.nodes[0]
    thread, ended = cluster.start(cluster.model("v2", slowly=True), victim, wait_timeout=8)
    _under_way(cluster, other)
    victim.kill()
    thread.join(180)
    assert isinstance(ended[0], Exception) and "no engine answers" in str(ended[0])
    assert "Run it again: the next manager finishes it" in str(ended[0]), str(ended[0])
    assert cluster.outcomes(other)[2] == "started"
    again = cluster.deploy(cluster.model("v2"), other, force=True, wait_timeout=90)
    assert not again.failed, again.msg
    assert cluster.outcomes(other) == {1: "converged", 2: "abandoned", 3: "converged"}


def test_the_leader_is_lost(cluster: Cluster) -> None:
    leader, other = cluster.nodes[0], cluster.nodes[1]
    thread, ended = cluster.start(cluster.model("v2", slowly=True), other, wait_timeout=90)
    _under_way(cluster, other)
    leader.kill()
    thread.join(180)
    assert isinstance(ended[0], Result), ended
    assert cluster.outcomes(other)[2] == "converged"
    assert "n1" not in _running(cluster, other)


def test_d54_managers_lose_each_other(cluster: Cluster) -> None:
    """For some seconds no manager has a leader, and says so in words that the collection knows; a deploy waits."""
    manager, others = cluster.nodes[0], cluster.nodes[1:3]
    for node in others:
        node.cut()
    impatient = Engine(manager.host, timeout=30, patience=0)  # an engine gives its leader up after 20 seconds
    until(lambda: _is_leaderless(impatient), "the manager to miss its leader", 60)
    thread, ended = cluster.start(cluster.model("v2"), manager, wait_timeout=90)
    with pytest.raises(LabError):
        until(lambda: ended, "the deploy to end before it can", 3)
    for node in others:
        node.plug()
    thread.join(180)
    assert isinstance(ended[0], Result), ended
    assert cluster.outcomes(manager)[2] == "converged"


def _is_leaderless(engine: Engine) -> bool:
    try:
        engine.nodes()
    except NoLeader:
        return True
    return False


def _running(cluster: Cluster, through: Node) -> set[str]:
    """Return the nodes that run new tasks, and fail if an old one is left on a living node."""
    client = through.client()
    names = {
        item["ID"]: item["Description"]["Hostname"] for item in client.nodes() if item["Status"]["State"] == "ready"
    }
    tasks = client.tasks({"service": "shop_web", "desired-state": "running"})
    alive = [task for task in tasks if task["NodeID"] in names and task["Status"]["State"] == "running"]
    assert len(alive) == 4
    assert all(task["Spec"]["ContainerSpec"]["Image"].startswith(cluster.images["v2"]) for task in alive)
    client.close()
    return {names[task["NodeID"]] for task in alive}


def test_a_worker_is_lost(cluster: Cluster) -> None:
    manager = cluster.nodes[0]
    thread, ended = cluster.start(cluster.model("v2", slowly=True), manager, wait_timeout=90)
    _under_way(cluster, manager)
    cluster.nodes[3].kill()
    thread.join(240)
    if isinstance(ended[0], Result):
        assert "n4" not in _running(cluster, manager)
    else:  # the engine waits a minute for each old task on the dead node, which may be longer than the deploy may take
        assert "some are on n4, which is down" in str(ended[0]) and "release 1 runs" in str(ended[0]), str(ended[0])
        assert cluster.image(manager).startswith(cluster.images["v1"])


def test_the_network_of_a_node_is_cut_for_20_seconds(cluster: Cluster) -> None:
    thread, ended = cluster.start(cluster.model("v2", slowly=True), cluster.nodes[0], wait_timeout=90)
    _under_way(cluster, cluster.nodes[0])
    cluster.nodes[3].cut()
    time.sleep(20)
    cluster.nodes[3].plug()
    thread.join(180)
    if isinstance(ended[0], Result):
        assert cluster.outcomes(cluster.nodes[0])[2] == "converged"
    else:  # the engine may take the tasks of a node that it does not hear for failed ones
        assert "release 1 runs" in str(ended[0]), str(ended[0])
        assert cluster.image(cluster.nodes[0]).startswith(cluster.images["v1"])


def test_the_registry_goes_away_while_a_node_still_needs_the_image(cluster: Cluster) -> None:
    manager = cluster.nodes[0]
    thread, ended = cluster.start(cluster.model("v3", slowly=True), manager, wait_timeout=60)
    _under_way(cluster, manager, "v3")
    cluster.lab.stop_registry()
    thread.join(240)
    text = str(ended[0])
    if isinstance(ended[0], Result):  # every node had pulled the image before the registry went
        assert cluster.image(manager).startswith(cluster.images["v3"])
    else:
        assert "No such image" in text and "was rolled back: release 1 runs" in text, text
        assert cluster.image(manager).startswith(cluster.images["v1"])


def test_somebody_edits_a_service_meanwhile(cluster: Cluster) -> None:
    manager = cluster.nodes[0]
    thread, ended = cluster.start(cluster.model("v2", slowly=True), manager)
    _under_way(cluster, manager)
    client = manager.client()
    until(lambda: _edit(client), "the edit")
    thread.join(180)
    text = str(ended[0])
    assert "somebody else changed the service" in text, text
    assert cluster.image(manager).startswith(cluster.images["v1"])
    client.close()


def _edit(client: t.Any) -> bool:
    live = client.inspect_service("shop_web")
    live["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["BY=hand"]
    with contextlib.suppress(Exception):
        answer = client.post(
            f"{client.base_url}/services/{live['ID']}/update",
            json=live["Spec"],
            params={"version": live["Version"]["Index"]},
        )
        return bool(answer.ok)
    return False


def test_a_second_deploy_starts_meanwhile(cluster: Cluster) -> None:
    first, second = cluster.nodes[0], cluster.nodes[1]
    thread, ended = cluster.start(cluster.model("v2", slowly=True), first, deployed_by="ann")
    _under_way(cluster, second)
    refused = cluster.deploy(cluster.model("v3"), second)
    assert refused.failed and "Another deploy of stack shop is under way: ann on " in refused.msg, refused.msg
    assert "(release 2)" in refused.msg and cluster.image(first).startswith(cluster.images["v2"])
    thread.join(180)
    assert isinstance(ended[0], Result), ended
    _running(cluster, second)
    later = cluster.deploy(cluster.model("v3"), second)
    assert not later.failed, later.msg
    assert cluster.outcomes(first) == {1: "converged", 2: "converged", 3: "converged"}


def test_a_second_deploy_takes_over_by_force(cluster: Cluster) -> None:
    manager = cluster.nodes[0]
    thread, ended = cluster.start(cluster.model("v2", slowly=True), manager)
    _under_way(cluster, manager)
    forced = cluster.deploy(cluster.model("v3"), manager, force=True)
    assert not forced.failed, forced.msg
    thread.join(180)
    text = str(ended[0])
    assert "another deploy took over from release 2" in text and "nothing was set back" in text, text
    assert cluster.image(manager).startswith(cluster.images["v3"])
    assert cluster.outcomes(manager) == {1: "converged", 2: "abandoned", 3: "converged"}


def test_clocks_that_are_five_minutes_off(cluster: Cluster) -> None:
    """A worker is ahead, the leader behind: no task is taken for old or new by a time stamp."""
    leader, manager, worker = cluster.nodes[0], cluster.nodes[1], cluster.nodes[3]
    set_clock(leader, -300)
    set_clock(worker, 300)
    assert _clock_error(worker) == pytest.approx(300, abs=5) and _clock_error(leader) == pytest.approx(-300, abs=5)
    started = time.monotonic()
    good = cluster.deploy(cluster.model("v2", slowly=True), manager, wait_timeout=90)
    # Two seconds between tasks, and the last one watched for a second.
    assert not good.failed and time.monotonic() - started > 6, good.msg
    assert "n4" in _running(cluster, manager)
    crash = cluster.model("v3", container={"Command": ["sh", "-c", "echo one; echo two; exit 7"]})
    bad = cluster.deploy(crash, manager, wait_timeout=90)
    assert bad.failed and "exit code 7" in bad.msg and "release 2 runs" in bad.msg, bad.msg
    assert cluster.image(manager).startswith(cluster.images["v2"])
    assert cluster.outcomes(manager) == {1: "converged", 2: "converged", 3: "failed"}


def _clock_error(node: Node) -> float:
    """Return the seconds by which an engine's clock is ahead of this machine's."""
    client = node.client()
    said = datetime.datetime.fromisoformat(client.info()["SystemTime"][:19] + "+00:00")
    client.close()
    return (said - datetime.datetime.now(datetime.UTC)).total_seconds()


def test_the_disk_of_a_node_is_full() -> None:
    with Lab(disks={"n4": "96m"}) as lab:
        cluster = Cluster(lab)
        manager, full = cluster.nodes[0], cluster.nodes[3]
        assert not cluster.deploy(cluster.model("v1"), manager).failed
        fill_disk(full)
        out = cluster.deploy(cluster.model("v2", slowly=True), manager, wait_timeout=90)
        if out.failed:
            assert "n4" in out.msg and ("No such image" in out.msg or "no space left on device" in out.msg), out.msg
            assert cluster.image(manager).startswith(cluster.images["v1"]), out.msg
            assert cluster.outcomes(manager)[2] in ("failed", "broken")
        else:  # the scheduler may have found room for all tasks on the other nodes
            assert "n4" not in _running(cluster, manager)
        clear_disk(full)
        again = cluster.deploy(cluster.model("v2"), manager, wait_timeout=90, force=True)
        assert not again.failed, again.msg
        _running(cluster, manager)
