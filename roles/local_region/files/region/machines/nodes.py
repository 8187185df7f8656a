# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Node containers: every Docker Engine call that the region makes for instances, images and VPC networks."""

from __future__ import annotations

import contextlib
import ipaddress
import shutil
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import APIError, NotFound

from region.config import RegionConfig
from region.machines import images
from region.world import endpoints

_LABEL = "apiary.swarm.instance"
_AUTHORITY = "/usr/local/share/ca-certificates/local-region.crt"
_CAP_SYS_RESOURCE = 24


@dataclass(frozen=True)
class NodeSpec:
    """What a container needs to stand in for an EC2 instance."""

    instance_id: str
    image_id: str
    vpc_id: str
    vpc_cidr: str
    private_ip: str


def missing_capabilities(status: str) -> list[str]:
    """Return the names of capabilities that this process lacks and a node should not ask for.

    :param status: contents of C(/proc/self/status).
    """
    bounding = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapBnd"))
    return [] if bounding >> _CAP_SYS_RESOURCE & 1 else ["SYS_RESOURCE"]


class Nodes:
    """The containers that are the region's instances."""

    def __init__(self, config: RegionConfig, socket: str) -> None:
        self._config = config
        self._api = docker.APIClient(base_url=f"unix://{socket}", timeout=120, version="auto")
        self._drop = missing_capabilities(Path("/proc/self/status").read_text())
        self._snapshots = config.state_dir / "snapshots"
        self._networks: set[str] = set()
        self._network_lock = threading.Lock()

    def load_base(self, image_id: str, release: str) -> None:
        """Import the base image of a Debian *release* under the AMI id *image_id*."""
        self._api.import_image_from_file(str(images.archive(self._config, release)), repository="ami", tag=image_id)

    def states(self) -> dict[str, bool]:
        """Return instance id → whether its container runs."""
        found = self._api.containers(all=True, filters={"label": _LABEL})
        return {entry["Labels"][_LABEL]: entry["State"] == "running" for entry in found}

    def launch(self, spec: NodeSpec) -> None:
        """Create and start the container of an instance, with the root volume of its image."""
        self.ensure_network(spec)
        volume = _volume(spec.instance_id)
        self._api.create_volume(volume)
        snapshot = self._snapshots / spec.image_id
        if snapshot.is_dir():
            subprocess.run(["cp", "-a", "--reflink=auto", f"{snapshot}/.", self._mountpoint(volume)], check=True)
        host = self._api.create_host_config(
            cap_add=["ALL"],
            cap_drop=self._drop,
            security_opt=["seccomp=unconfined", "apparmor=unconfined"],
            device_cgroup_rules=["a *:* rwm"],
            cgroupns="private",
            tmpfs={"/run": "", "/run/lock": "", "/tmp": ""},
            binds=[
                f"{volume}:/var/lib/docker",
                f"{Path(__file__).parent / 'node-init'}:/sbin/region-init:ro",
                f"{self._config.ca_file}:{_AUTHORITY}:ro",
            ],
            log_config=docker.types.LogConfig(type="none"),
        )
        host |= {"MaskedPaths": [], "ReadonlyPaths": []}  # the inner engine mounts its own /proc and /sys
        endpoint = self._api.create_endpoint_config(ipv4_address=spec.private_ip)
        container = self._api.create_container(
            image=f"ami:{spec.image_id}",
            command=["/sbin/region-init"],
            name=spec.instance_id,
            environment={
                "REGION_DNS": self._config.dns_address,
                "REGION_DOMAIN": endpoints.private_domain(self._config.region),
            },
            labels={_LABEL: spec.instance_id},
            stop_signal="SIGRTMIN+3",  # systemd: halt
            host_config=host,
            networking_config={"EndpointsConfig": {spec.vpc_id: endpoint}},
        )
        self._api.start(container)

    def start(self, instance_id: str) -> None:
        """Start a stopped instance again."""
        self._api.start(instance_id)

    def restart(self, instance_id: str, grace: int = 20) -> None:
        """Reboot an instance in order; after *grace* seconds its power is cut."""
        self._api.restart(instance_id, timeout=grace)

    def stop(self, instance_id: str, grace: int = 20) -> None:
        """Shut an instance down in order; after *grace* seconds its power is cut."""
        self._api.stop(instance_id, timeout=grace)

    def remove(self, instance_id: str) -> None:
        """Remove an instance with its root volume; one that is not there is no error."""
        for call, name in ((self._api.remove_container, instance_id), (self._api.remove_volume, _volume(instance_id))):
            try:
                call(name, force=True)
            except NotFound:
                continue

    def commit(self, instance_id: str, image_id: str) -> None:
        """Make an image of an instance: its root file system and its engine's data."""
        self._api.commit(instance_id, repository="ami", tag=image_id)
        self._snapshots.mkdir(exist_ok=True)
        subprocess.run(
            ["cp", "-a", "--reflink=auto", self._mountpoint(_volume(instance_id)), str(self._snapshots / image_id)],
            check=True,
        )

    def remove_image(self, image_id: str) -> None:
        """Remove an image and its snapshot; one in use by an instance keeps its layers until that one ends."""
        try:
            self._api.remove_image(f"ami:{image_id}", force=True, noprune=False)
        except NotFound:
            pass
        except APIError as exc:
            if exc.status_code != 409:
                raise
        shutil.rmtree(self._snapshots / image_id, ignore_errors=True)

    def image_ids(self) -> set[str]:
        """Return the AMI ids that the engine holds."""
        tags = (tag for image in self._api.images(name="ami") for tag in image["RepoTags"] or ())
        return {tag.partition(":")[2] for tag in tags}

    def _mountpoint(self, volume: str) -> str:
        return str(self._api.inspect_volume(volume)["Mountpoint"])

    def ensure_network(self, spec: NodeSpec) -> None:
        """Make the network of an instance's VPC, unless it is there."""
        # One launch at a time: while the first makes a network, the engine tells the second that the addresses are
        # taken, as it does when they were those of a VPC that is gone.
        with self._network_lock:
            if spec.vpc_id in self._networks:
                return
            try:
                self._create_network(spec)
            except APIError as exc:
                if exc.status_code == 403:
                    self._remove_idle_networks(ipaddress.ip_network(spec.vpc_cidr))
                    self._create_network(spec)
                elif exc.status_code != 409:  # it is there since before this process
                    raise
            self._networks.add(spec.vpc_id)

    def _create_network(self, spec: NodeSpec) -> None:
        gateway = str(ipaddress.ip_network(spec.vpc_cidr).network_address + 1)
        pool = docker.types.IPAMPool(subnet=spec.vpc_cidr, gateway=gateway)
        self._api.create_network(
            spec.vpc_id,
            driver="bridge",
            ipam=docker.types.IPAMConfig(pool_configs=[pool]),
            check_duplicate=True,
            options={"com.docker.network.bridge.enable_ip_masquerade": "false"},
        )

    def _remove_idle_networks(self, taken: ipaddress.IPv4Network | ipaddress.IPv6Network) -> None:
        """Remove the networks of VPCs without instances whose addresses overlap with *taken*."""
        for network in self._api.networks():
            name = str(network["Name"])
            subnets = [ipaddress.ip_network(pool["Subnet"]) for pool in network["IPAM"]["Config"] or ()]
            if not name.startswith("vpc-") or not any(taken.overlaps(subnet) for subnet in subnets):
                continue
            if not self._api.inspect_network(name)["Containers"]:
                self._networks.discard(name)
                with contextlib.suppress(APIError):  # an instance was faster
                    self._api.remove_network(name)


def _volume(instance_id: str) -> str:
    return f"root-{instance_id}"
