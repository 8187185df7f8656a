# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of an EC2 instance: a request only asks for a transition, who runs the machine completes it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.instances import Instance, InstanceBackend, InstanceState, StateReason

from region.emulator.errors import AwsError
from region.emulator.patching import Patches
from region.emulator.state import runtime

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
COMPLETED = {"pending": "running", "stopping": "stopped", "shutting-down": "terminated"}
# EC2 goes on describing a terminated instance for about an hour.
TERMINATED_VISIBLE_SECONDS = 3600.0


def backend(region: str | None = None) -> Any:
    """Return moto's EC2 backend of *region* (default: the local region's own)."""
    config = runtime.settings
    return ec2_backends[config.account][region or config.region]


def all_instances() -> Iterator[Any]:
    """Yield every instance of the account in every region that has been used."""
    for dummy, dummy, region_backend in ec2_backends.iter_backends():
        for reservation in region_backend.reservations.values():  # type: ignore[attr-defined]
            yield from reservation.instances


def find(instance_id: str) -> Any:
    """Return the instance, whatever its region.

    :raises KeyError: there is none.
    """
    for instance in all_instances():
        if instance.id == instance_id:
            return instance
    raise KeyError(instance_id)


def set_state(instance: Any, state: str) -> None:
    """Put the instance in *state*; what a terminated one held (addresses, volumes, profile) is given back."""
    if state == "stopped" and instance.state == "running":
        _stopped_by_guest(instance)
        state = "terminated" if instance.instance_initiated_shutdown_behavior == "terminate" else "stopped"
    if state == instance.state:
        return
    if state == "terminated":
        _release(instance)
    elif state == "stopped":
        for nic in instance.nics.values():
            nic.stop()
    elif state == "running":
        for nic in instance.nics.values():
            nic.start()
    _put(instance, state)


def settle() -> None:
    """Complete all transitions at once; used where no machines exist behind the instances."""
    for instance in list(all_instances()):
        if instance.state in COMPLETED:
            set_state(instance, COMPLETED[instance.state])


def forget_terminated(now: float) -> None:
    """Stop describing instances that were terminated about an hour ago."""
    for dummy, dummy, region_backend in ec2_backends.iter_backends():
        reservations: dict[str, Any] = region_backend.reservations  # type: ignore[attr-defined]
        for reservation in list(reservations.values()):
            reservation.instances = [one for one in reservation.instances if not _is_forgotten(one, now)]
            if not reservation.instances:
                del reservations[reservation.id]


def _is_forgotten(instance: Any, now: float) -> bool:
    return bool(instance.state == "terminated" and now - instance.state_since > TERMINATED_VISIBLE_SECONDS)


def _put(instance: Any, state: str) -> None:
    instance._state = InstanceState(state, CODES[state])
    instance.state_since = runtime.now()


def _reason(instance: Any, code: str, message: str) -> None:
    instance._reason = f"User initiated ({utcnow().strftime('%Y-%m-%d %H:%M:%S GMT')})" if "User" in code else ""
    instance.state_reason = StateReason(f"{code}: {message}", code)


def _stopped_by_guest(instance: Any) -> None:
    _reason(instance, "Client.InstanceInitiatedShutdown", "Instance initiated shutdown")


def _release(instance: Any) -> None:
    addresses = list(instance._private_ips)
    subnet = instance.ec2_backend.get_subnet(instance.subnet_id) if instance.subnet_id else None
    reason, state_reason = instance._reason, instance.state_reason
    _original_terminate(instance)
    instance._reason, instance.state_reason = reason, state_reason
    for address in addresses:
        if subnet is not None:
            subnet.del_subnet_ip(address)
    instance._private_ips = set()
    instance.nics = {}
    instance._subnet_id = None
    instance.security_groups = []


_original_terminate = Instance.terminate


patches = Patches()


@patches.wrap(Instance, "__init__")
def new_instance(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
    """A new instance is pending in AWS; moto has it running at once. Ours stays pending until it has booted."""
    original(self, *args, **kwargs)
    self.reboots = 0
    for nic in self.nics.values():
        # EC2 deletes an interface that it made itself with its instance, moto keeps it and so the subnet's users.
        nic.delete_on_termination = True
    _put(self, "pending")


@patches.wrap(Instance, "start")
def start(original: Any, self: Any) -> Any:
    """AWS: stopped → pending, later running. moto: running at once, from any state."""
    return _ask(self, "start", {"stopped": "pending"}, unchanged=("pending", "running"))


@patches.wrap(Instance, "stop")
def stop(original: Any, self: Any) -> Any:
    """AWS: running → stopping, later stopped. moto: stopped at once, from any state."""
    previous = _ask(self, "stop", {"running": "stopping", "pending": "stopping"}, unchanged=("stopping", "stopped"))
    _reason(self, "Client.UserInitiatedShutdown", "User initiated shutdown")
    return previous


@patches.wrap(Instance, "terminate")
def terminate(original: Any, self: Any) -> Any:
    """AWS: any → shutting-down, later terminated. moto: terminated at once."""
    states = dict.fromkeys(("pending", "running", "stopping", "stopped"), "shutting-down")
    previous = _ask(self, "terminate", states, unchanged=("shutting-down", "terminated"))
    if previous.name in states:
        _reason(self, "Client.UserInitiatedShutdown", "User initiated shutdown")
    return previous


@patches.wrap(Instance, "reboot")
def reboot(original: Any, self: Any) -> None:
    """AWS reboots a running machine and its state stays; moto does nothing. Ours counts, for the reconciler."""
    if self.state not in ("pending", "running"):
        raise _incorrect_state(self, "reboot")
    self.reboots += 1


@patches.wrap(TaggedEC2Resource, "get_tags")
def get_tags(original: Any, self: Any) -> list[dict[str, str]]:
    """moto matches the tags of all resources against a pattern made of this one's id, for each description."""
    if not self.id:
        return []
    own: dict[str, str] = self.ec2_backend.tags.get(self.id, {})
    return [{"resource_id": self.id, "key": key, "value": value} for key, value in own.items()]


@patches.wrap(InstanceBackend, "get_instance")
def get_instance(original: Any, self: Any, instance_id: str) -> Any:
    """moto copies every reservation for each look at one instance."""
    for reservation in self.reservations.values():
        for instance in reservation.instances:
            if instance.id == instance_id:
                return instance
    return original(self, instance_id)


def install() -> None:
    """Patch moto's instances."""
    patches.install()
    _describe_terminated()


def _ask(instance: Any, verb: str, transitions: dict[str, str], unchanged: tuple[str, ...]) -> InstanceState:
    previous: InstanceState = copy.copy(instance._state)
    if previous.name in transitions:
        _put(instance, transitions[previous.name])
    elif previous.name not in unchanged:
        raise _incorrect_state(instance, verb)
    return previous


def _incorrect_state(instance: Any, verb: str) -> AwsError:
    return AwsError(
        "IncorrectInstanceState",
        f"The instance '{instance.id}' is not in a state from which it can be {_PARTICIPLE[verb]}.",
    )


_PARTICIPLE = {"start": "started", "stop": "stopped", "reboot": "rebooted", "terminate": "terminated"}


def _describe_terminated() -> None:
    """A terminated instance has no address any more; moto's properties assume a first interface."""

    def first_nic(attribute: str) -> property:
        return property(lambda self: getattr(self.nics[0], attribute) if self.nics else None)

    for name, attribute in (
        ("private_ip", "private_ip_address"),
        ("private_ip_address", "private_ip_address"),
        ("public_ip", "public_ip"),
        ("public_ip_address", "public_ip"),
    ):
        setattr(Instance, name, first_nic(attribute))
    original = Instance.private_dns_name.fget  # type: ignore[attr-defined]
    Instance.private_dns_name = property(  # type: ignore[assignment,method-assign]
        lambda self: original(self) if self.nics else ""
    )
