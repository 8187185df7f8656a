# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep node containers in step with the EC2 instances and images that the emulator knows."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from region.emulator import view
from region.machines.nodes import Nodes, NodeSpec

_LOG = logging.getLogger(__name__)
_WORKERS = 6  # container starts at once; more only makes each of them slower on a small machine


@dataclass(frozen=True)
class Step:
    """One thing to do to bring an instance or image where EC2 says that it is.

    :ivar verb: launch, start, stop, reboot, remove, adopt, lost, commit, forget.
    """

    verb: str
    id: str


def plan(
    instances: Mapping[str, str],
    containers: Mapping[str, bool],
    images: Mapping[str, str],
    held: frozenset[str],
    reboots: frozenset[str] = frozenset(),
) -> list[Step]:
    """Decide what to do; pure.

    :param instances: instance id → EC2 state.
    :param containers: instance id → whether its container runs.
    :param images: AMI id → EC2 state.
    :param held: AMI ids that the engine holds.
    :param reboots: ids of instances that were asked to reboot and have not yet.
    """
    steps = []
    for instance, state in instances.items():
        runs = containers.get(instance)
        if state == "pending":
            steps.append(Step("launch" if runs is None else "adopt" if runs else "start", instance))
        elif state == "stopping":
            steps.append(Step("stop", instance))
        elif state == "shutting-down" or (state == "terminated" and runs is not None):
            steps.append(Step("remove", instance))
        elif state == "running" and not runs:
            steps.append(Step("lost", instance))
        elif state == "running" and instance in reboots:
            steps.append(Step("reboot", instance))
    steps += [Step("remove", instance) for instance in containers if instance not in instances]
    steps += [Step("commit", image) for image, state in images.items() if state == "pending"]
    steps += [Step("forget", image) for image in held if image not in images]
    return steps


class Reconciler:
    """Runs the steps of :func:`plan`, each in a thread of its own, never two for one instance or image at once."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="node")
        self._busy: dict[str, Future[None]] = {}
        self._rebooted: dict[str, int] = {}

    def sync(self) -> None:
        """Look once and start what is to be done."""
        self._busy = {key: future for key, future in self._busy.items() if not future.done()}
        # What EC2 says first, what the engine says second: a machine that EC2 calls running has its container by then.
        instances = {instance.id: instance for instance in view.instances()}
        images = {image.id: image for image in view.images()}
        containers, held = self._nodes.states(), frozenset(self._nodes.image_ids())
        states = {key: value.state for key, value in instances.items()}
        waiting = {key for key, value in instances.items() if value.reboots > self._rebooted.get(key, 0)}
        for step in plan(states, containers, {i: v.state for i, v in images.items()}, held, frozenset(waiting)):
            if step.id not in self._busy:
                self._busy[step.id] = self._pool.submit(self._run, step, instances.get(step.id), images.get(step.id))

    def _run(self, step: Step, instance: view.InstanceView | None, image: view.ImageView | None) -> None:
        _LOG.info("%s %s", step.verb, step.id)
        try:
            if image is not None:
                self._image_step(step, image)
            elif instance is not None:
                self._instance_step(step, instance)
            elif step.verb == "remove":  # EC2 no longer describes it
                self._nodes.remove(step.id)
            else:
                self._nodes.remove_image(step.id)
        except Exception as exc:
            _LOG.exception("%s %s failed", step.verb, step.id)
            self._failed(step, exc)

    def _instance_step(self, step: Step, instance: view.InstanceView) -> None:
        if step.verb == "launch":
            self._nodes.launch(
                NodeSpec(instance.id, instance.image_id, instance.vpc_id, instance.vpc_cidr, instance.private_ip)
            )
        elif step.verb == "start":
            self._nodes.start(instance.id)
        elif step.verb == "reboot":
            self._rebooted[instance.id] = instance.reboots
            self._nodes.restart(instance.id)
        elif step.verb == "stop":
            self._nodes.stop(instance.id)
        elif step.verb == "remove":
            self._nodes.remove(instance.id)
        after = {"stop": "stopped", "lost": "stopped", "remove": "terminated"}.get(step.verb, "running")
        if instance.state != after:
            view.set_instance_state(instance.id, after)

    def _image_step(self, step: Step, image: view.ImageView) -> None:
        if image.reboot_instance and self._nodes.states().get(image.instance_id):
            self._nodes.stop(image.instance_id)  # a clean file system, as CreateImage without NoReboot promises
            self._nodes.commit(image.instance_id, image.id)
            self._nodes.start(image.instance_id)
        else:
            self._nodes.commit(image.instance_id, image.id)
        view.set_image_state(image.id, "available")

    def _failed(self, step: Step, error: Exception) -> None:
        if step.verb in ("launch", "start"):
            self._nodes.remove(step.id)
            view.set_instance_state(step.id, "terminated")
        elif step.verb == "commit":
            view.set_image_state(step.id, "failed", str(error))
