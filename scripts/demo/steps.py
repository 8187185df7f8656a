# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's steps, each doing what a user would do and then looking whether it is so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .account import Account, wait_for
from .images import Images
from .load import Client, Load, share
from .playbooks import Outcome, Playbooks
from .report import Step, check

MANAGERS = 3
WORKERS = 2
REQUESTS = 200
STACK = "shop"
SERVICES = ("gate", "storage", "redis")
HOST = "shop.example.com"
VERSIONS = ("1", "2", "3")  # plain, with an offer, broken


@dataclass(frozen=True)
class Demo:
    """The road from a base image to a service that is updated without a failed request.

    :ivar folder: for the demo's own files.
    """

    account: Account
    playbooks: Playbooks
    folder: Path
    images: Images

    @property
    def steps(self) -> list[Step]:
        """All steps after "region up", in order."""
        return [
            Step("Bake the node image, test it on a machine booted from it", self.bake),
            Step(f"Form the cluster: {MANAGERS} managers, {WORKERS} workers, by themselves", self.form),
            Step("Finish the example's container images and push them to ECR", self.push),
            Step("Deploy: log groups, registry credentials, services, until converged", self.deploy),
            Step(f"{REQUESTS} requests: load balancer, edge, gate, storage, redis", self.request),
            Step("Read each service's log lines from CloudWatch", self.read_logs),
            Step("Deploy again: nothing to change", self.deploy_again),
            Step("One more worker: joins by itself, its edge serves", self.grow),
            Step("Deploy version 2 under requests without pause", self.update),
            Step("Deploy a broken version 3: it fails and says why, version 2 serves on", self.break_it),
        ]

    def bake(self) -> Sequence[str]:
        """Make the image, or find that it exists; meanwhile container images are built."""
        self.images.start()
        outcome = self.playbooks.must("bake", variables={"bake_artifacts": str(self.folder / "images")})
        image = self.account.image()
        tags = {tag["Key"]: tag["Value"] for tag in image["Tags"]}
        check(tags.get("swarm:validated") == "true", f"image {image['ImageId']} is not tagged as validated: {tags}")
        title = f"{image['ImageId']} {image['Name']}, validated and published in SSM"
        if "Nothing to bake" in outcome.output:
            return [f"{title}; baked before, nothing has changed since"]
        report = re.findall(r"^ +((?:yes|no)  .*?) *$", outcome.output, re.MULTILINE)
        check(report, f"the bake shows no hygiene report:\n{outcome.tail()}")
        return [title, *report]

    def form(self) -> Sequence[str]:
        """Make the environment and wait for the swarm in it."""
        self.playbooks.must("cluster", variables={"cluster_managers": MANAGERS, "cluster_workers": WORKERS})
        # The worker that an earlier demo added may still be there, or be leaving.
        self.account.want_workers(WORKERS)
        wait_for(f"{MANAGERS + WORKERS} nodes only", lambda: len(self._nodes()) == MANAGERS + WORKERS, 180)
        nodes = self._nodes()
        ready = [node for node in nodes if node["state"] == "ready"]
        roles = [node["role"] for node in ready]
        check(roles.count("manager") == MANAGERS, f"{roles.count('manager')} managers are ready: {nodes}")
        check(roles.count("worker") == WORKERS, f"{roles.count('worker')} workers are ready: {nodes}")
        return [f"{len(ready)} nodes ready"] + [
            f"{node['role']:8} {node['instance_id']} {node['ip']}" for node in ready
        ]

    def push(self) -> Sequence[str]:
        """Push all versions of the example, which were built while the node image was baked."""
        self.account.ensure_repositories([f"shop/{service}" for service in SERVICES])
        self.images.login(*self.account.registry_login())
        self.images.push()
        lines = [self.account.describe_repository(f"shop/{service}") for service in SERVICES]
        return [f"{len(SERVICES)} repositories in {self.account.registry}", *lines]

    def deploy(self) -> Sequence[str]:
        """Deploy version 1."""
        self._deploy("1")
        groups = self.account.client("logs").describe_log_groups(
            logGroupNamePrefix=f"/swarm/{self.account.cluster}/{STACK}/"
        )["logGroups"]
        check(len(groups) == len(SERVICES), f"log groups: {[group['logGroupName'] for group in groups]}")
        answer = wait_for("the first answer", self.client.good_answer, 30)
        return [f"version {answer.body.get('version')} answers at http://{self.client.address}/ (Host: {HOST})"] + [
            f"{group['logGroupName']} kept for {group['retentionInDays']} days" for group in groups
        ]

    def request(self) -> Sequence[str]:
        """Send requests through the whole chain and show who answered."""
        answers = self.client.many(REQUESTS)
        failed = [answer for answer in answers if answer.status != 200]
        check(not failed, f"{len(failed)} of {REQUESTS} requests failed, the first with {failed[:1]}")
        edges = {answer.edge for answer in answers}
        tasks = {answer.body["task"] for answer in answers}
        check(len(edges) > 1, f"only one edge answered: {edges}")
        check(len(tasks) > 1, f"only one task answered: {tasks}")
        return [
            f"{len(answers)} answered, 0 failed, by {len(tasks)} tasks through {len(edges)} edges",
            *share(answers, "task"),
        ]

    def read_logs(self) -> Sequence[str]:
        """Find lines of every service in CloudWatch."""
        lines = []
        for service in SERVICES:
            group = f"/swarm/{self.account.cluster}/{STACK}/{service}"
            found = wait_for(f"log lines in {group}", lambda group=group: self.account.log_lines(group), 60)  # type: ignore[misc]
            lines.append(f"{service}: {found[-1].strip()[:110]}")
        return [f"lines of all {len(SERVICES)} services", *lines]

    def deploy_again(self) -> Sequence[str]:
        """Deploy what is deployed."""
        outcome = self._deploy("1")
        check(outcome.changed == 0, f"{outcome.changed} tasks changed something:\n{outcome.tail()}")
        return ["0 changed"]

    def grow(self) -> Sequence[str]:
        """Add a worker and see it serve."""
        known = {node["instance_id"] for node in self._nodes()}
        self.account.want_workers(WORKERS + 1)

        def joined() -> list[str] | None:
            nodes = self._nodes()
            return [n["instance_id"] for n in nodes if n["state"] == "ready" and n["instance_id"] not in known] or None

        newcomer = wait_for(f"a ready worker number {WORKERS + 1}", joined, 180)[0]
        wait_for(f"{newcomer} healthy behind the load balancer", lambda: newcomer in self.account.healthy_targets(), 90)
        edge = Client(self.account.private_address(newcomer), HOST)
        answer = wait_for(f"an answer of {newcomer}'s edge", edge.good_answer, 30)
        return [f"{newcomer} joined, is healthy behind the load balancer, and serves (task {answer.body['task']})"]

    def update(self) -> Sequence[str]:
        """Go to version 2 while requests run."""
        with Load(self.client) as load:
            self._deploy("2")
        failed = load.failed()
        check(not failed, f"{len(failed)} of {len(load.answers)} requests failed, the first with {failed[:1]}")
        versions = {answer.body["version"] for answer in load.answers}
        check(versions == {"1", "2"}, f"the requests saw versions {versions}")
        now = self.client.get("/").body["version"]
        check(now == "2", f"after the deploy, version {now} answers")
        return [f"{len(load.answers)} requests during the deploy, 0 failed; version 2 answers"]

    def break_it(self) -> Sequence[str]:
        """Try a version that cannot start."""
        # By force, as what failed once is refused at once, and it did if this is the second demo.
        variables = {**self._stack_variables("3"), "deploy_force": True}
        with Load(self.client) as load:
            outcome = self.playbooks.run("deploy", variables=variables)
        check(outcome.status != 0, "the deploy of a version that exits at once counted as a success")
        found = re.search(r"Module failed: (Stack .*?)\n(?:Origin:|\n)", outcome.output, re.DOTALL)
        reason = found.group(1).splitlines() if found else []
        check(any("exit code 3" in line for line in reason), f"the failure names no exit code:\n{outcome.tail()}")
        check(any("prices.json" in line for line in reason), f"the failure shows no log line:\n{outcome.tail()}")
        check(not load.failed(), f"{len(load.failed())} of {len(load.answers)} requests failed meanwhile")
        now = {answer.body["version"] for answer in self.client.many(20)}
        check(now == {"2"}, f"after the failed deploy, versions {now} answer")
        return [
            f"failed as it must; version 2 serves on; {len(load.answers)} requests meanwhile, 0 failed",
            *(line[:160] for line in reason),
        ]

    def give_back(self) -> None:
        """Make the worker group as large as it was formed; nobody waits for the worker that leaves."""
        self.account.want_workers(WORKERS)

    def _nodes(self) -> list[dict[str, str]]:
        return list(self.account.record()["nodes"])

    @cached_property
    def client(self) -> Client:
        """A browser at the load balancer."""
        return Client(self.account.outputs["LoadBalancerDnsName"], HOST)

    def _stack_variables(self, version: str) -> dict[str, object]:
        return {
            "stack": STACK,
            "files": str(self.images.shop / "stack.yml"),
            "deploy_env": {"REGISTRY": self.account.registry, "VERSION": version, "SHOP_HOST": HOST},
        }

    def _deploy(self, version: str) -> Outcome:
        return self.playbooks.must("deploy", variables=self._stack_variables(version))
