# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploys of one small stack of which one answer is spoilt, and what must be true of each afterwards."""

from __future__ import annotations

import dataclasses
import typing as t
from pathlib import Path

import docker
from engine_injector import Injector, Place
from lab import until
from stacks import SECOND, content, network, reference, service, stack
from workbench import Swarm

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import (
    LABEL_NAMESPACE,
    Migration,
    ServiceEntry,
    StackModel,
)
from ansible_collections.apiary.swarm.plugins.modules import stack as stack_module
from ansible_collections.apiary.swarm.plugins.plugin_utils._here import result_of

#: What of a scenario is done to a stack that runs release "old", what is live if it succeeds, and if it fails.
SCENARIOS = {
    "deploy": ("new", "new"),
    "rollback": ("rolled_back", "older"),
    "removal": ("absent", ""),
    "failing deploy": ("broken", "old"),
}


#: How a deploy says that a node was too busy to start a container, or not in time.
BUSY = ("starting container failed", "not converged within")


class Trial:
    """A stack of its own behind an injector of its own.

    :param timeout: seconds for which the module waits for an answer.
    :param late: seconds after which a delayed one comes.
    """

    def __init__(self, swarm: Swarm, name: str, folder: Path, timeout: int, late: float) -> None:
        self._timeout = timeout
        self.swarm = swarm
        self.name = name
        self.injector = Injector(swarm.nodes[0].socket, folder / f"{name}.sock", late)
        self._round = 0  # each has contents of its own: what kept releases still refer to would not be made again

    def close(self) -> None:
        self.injector.close()

    # -- what is deployed ------------------------------------------------------------------------------------------
    def model(self, which: str) -> StackModel:
        """Return C(old), C(older), C(new) or C(broken): each adds, changes and removes something of the others."""
        text = {"broken": "new"}.get(which, which)
        nets = {"net": network(self.name, "net")}
        if text == "new":
            nets["more"] = network(self.name, "more")
        own = f"{text} {self._round}"
        config, secret = content(self.name, "conf", own), content(self.name, "sec", own)
        files = {"Configs": [reference("Config", config)], "Secrets": [reference("Secret", secret)]}
        third = {"old": "left", "older": "left", "new": "fresh", "broken": "fresh"}[which]
        command = {"Command": ["sh", "-c", "exit 7"]} if which == "broken" else {}
        entries = [
            self._service("a", text, files, list(nets.values())),
            self._service("b", text, command, [], wave=1),
            self._service(third, text, {}, []),
        ]
        migrate = [Migration("a", ["true"], 30)] if which in ("new", "broken") else []
        return stack(
            self.name, *entries, networks=nets, configs={"conf": config}, secrets={"sec": secret}, migrate=migrate
        )

    def _service(
        self, name: str, text: str, container: dict[str, t.Any], nets: list[t.Any], wave: int = 0
    ) -> ServiceEntry:
        quick = {"StopSignal": "SIGKILL", "Command": ["sleep", "1000"], **container}
        update = {"Parallelism": 0, "Monitor": SECOND // 4, "FailureAction": "pause"}
        attached = {"Networks": [{"Target": net.name} for net in nets]} if nets else {}
        return service(
            self.name, name, self.swarm.images["v1"], 1, {"VERSION": text}, quick, attached, wave, UpdateConfig=update
        )

    # -- what is done ----------------------------------------------------------------------------------------------
    def run(self, what: str, host: str = "") -> dict[str, t.Any]:
        """Let the module stack deploy a model, go back, or remove, and return its answer."""
        args: dict[str, t.Any] = {"name": self.name, "docker_host": host or self.swarm.host, "wait_timeout": 60}
        args.update({"keep_releases": 2, "progress": False, "timeout": self._timeout})
        if what in ("absent", "rolled_back"):
            args["state"] = what
        else:
            slim, secrets = self.model(what).split_secret_data()
            # The same version fails again and again here.
            args.update({"model": slim.to_dict(), "secret_data": secrets, "force": what == "broken"})
        return result_of(stack_module.WORK, args, check_mode=False)

    def prepare(self, scenario: str) -> None:
        """Bring the stack to the state from which a scenario begins; this is the next deploy after a spoilt one."""
        self._round += 1
        if scenario == "rollback":
            self._must("older")
        self._must("old")
        with self.swarm.nodes[0].client() as client:
            # A deploy leaves networks alone that are not in its files any more.
            until(lambda: self._is_removed(client, f"{self.name}_more"), "its second network to go")

    def _must(self, which: str) -> None:
        answer = self.run(which)
        assert not answer.get("failed"), f"the next deploy: {answer['msg']}"
        live, wanted = self.live(), self.wanted(which)
        assert set(live["networks"]) >= set(wanted["networks"]), f"the next deploy: {live}"
        assert {**live, "networks": wanted["networks"]} == wanted, f"the next deploy: {live}"

    def _is_removed(self, client: docker.APIClient, network_name: str) -> bool:
        found = client.networks(names=[network_name])
        for item in found:
            client.remove_network(item["Id"])
        return not found

    # -- what is true ----------------------------------------------------------------------------------------------
    def wanted(self, which: str) -> dict[str, t.Any]:
        """Return what is live when a model runs."""
        if not which:
            return {"services": {}, "networks": [], "configs": set(), "secrets": set()}
        model = self.model(which)
        version = "new" if which == "broken" else which
        return {
            "services": {entry.full_name: [f"VERSION={version}"] for entry in model.services.values()},
            "networks": sorted(entry.name for entry in model.networks.values()),
            "configs": {entry.name for entry in model.configs.values()},
            "secrets": {entry.name for entry in model.secrets.values()},
        }

    def live(self) -> dict[str, t.Any]:
        """Return what the engine shows; of configs and secrets what services use, for old ones stay for a rollback."""
        client = self.swarm.nodes[0].client()
        label = {"label": f"{LABEL_NAMESPACE}={self.name}"}
        try:
            services = client.services(filters=label)
            specs = {item["Spec"]["Name"]: item["Spec"]["TaskTemplate"]["ContainerSpec"] for item in services}
            return {
                "services": {name: spec.get("Env") for name, spec in specs.items()},
                "networks": sorted(item["Name"] for item in client.networks(filters=label)),
                "configs": {item["ConfigName"] for spec in specs.values() for item in spec.get("Configs") or []},
                "secrets": {item["SecretName"] for spec in specs.values() for item in spec.get("Secrets") or []},
            }
        finally:
            client.close()

    def running(self) -> dict[str, list[str]]:
        """Return service → environment of its running task, by the tasks themselves."""
        client = self.swarm.nodes[0].client()
        try:
            tasks = client.tasks(filters={"label": f"{LABEL_NAMESPACE}={self.name}", "desired-state": "running"})
            names = {item["ID"]: item["Spec"]["Name"] for item in client.services()}
            return {
                names[task["ServiceID"]]: task["Spec"]["ContainerSpec"]["Env"]
                for task in tasks
                if task["Status"]["State"] == "running" and task["ServiceID"] in names
            }
        finally:
            client.close()

    def outcomes(self) -> dict[int, str]:
        """Return number → outcome of the stack's releases."""
        label = {"label": [f"apiary.release.stack={self.name}"]}
        with self.swarm.nodes[0].client() as client:
            found = client.configs(filters=label)
        labels = [item["Spec"]["Labels"] for item in found]
        return {int(item["apiary.release.number"]): item["apiary.release.outcome"] for item in labels}


@dataclasses.dataclass(frozen=True)
class Case:
    """One spoilt answer."""

    scenario: str
    fault: str
    place: Place


def places(trial: Trial, scenario: str) -> list[Place]:
    """Return the calls of a scenario that differ from one another."""
    trial.prepare(scenario)
    trial.injector.arm()
    trial.run(SCENARIOS[scenario][0], trial.injector.host)
    found = dict.fromkeys(trial.injector.places)
    trial.injector.arm()
    # A wait asks the same question again and again, in the same state: it is spoilt once in each.
    return [place for place in found if place.is_write or not place.after or place.turn == 1]


def check(trial: Trial, case: Case, again: bool = True) -> bool:
    """Spoil one answer and prove that the module's verdict is what is live; False when the call did not happen.

    :param again: once more, should a node be too busy to start a container; that verdict must be true as well.
    """
    what, after = SCENARIOS[case.scenario]
    trial.prepare(case.scenario)
    trial.injector.arm(case.place, case.fault)
    answer = trial.run(what, trial.injector.host)
    hit = trial.injector.hit
    trial.injector.arm()
    said = answer.get("msg", "")
    wanted = trial.wanted(after)
    if again and what != "broken" and answer.get("failed") and any(words in said for words in BUSY):
        live, before = trial.live(), trial.wanted("old")
        assert " remains." in said or "was rolled back: release" in said, f"{case}: {said}"
        # What a migration may use is made before it, and stays for the next try.
        assert {**live, "networks": []} == {**before, "networks": []}, f"{case}: {said}\n{live}"
        return check(trial, case, again=False)
    assert bool(answer.get("failed")) is (what == "broken"), f"{case}: {said}"
    if what == "broken":
        assert "was rolled back: release" in said and "exit code 7" in said, f"{case}: {said}"
    live = trial.live()
    assert live == wanted, f"{case}: {said}\n{live}"
    until(lambda: trial.running() == wanted["services"], f"{case}: {wanted['services']} to run")
    outcomes = trial.outcomes()
    if what == "absent":
        assert outcomes == {}, f"{case}: {outcomes}"
    else:
        newest = outcomes[max(outcomes)]
        assert newest == ("failed" if what == "broken" else "converged"), f"{case}: {said} {outcomes}"
        assert "started" not in outcomes.values(), f"{case}: {outcomes}"
    return hit
