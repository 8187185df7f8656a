# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of a service that have no effect in a swarm, and keys that only other tools know."""

from __future__ import annotations

import typing as t

_LIMITS = "limit it in deploy.resources"
_VOLUMES = "define a volume under the top-level volumes and mount it"

#: Keys that C(docker stack deploy) accepts without effect → what to do instead. So do we, with a warning.
IGNORED = {
    "build": "a swarm runs images that exist: build and push the image first",
    "cgroup_parent": "a service cannot choose its cgroup",
    "cgroupns_mode": "a service cannot choose its cgroup namespace",
    "container_name": "a service has many containers; other services reach it by its own name",
    "devices": "mount the device as a volume, or use deploy.resources.reservations.generic_resources",
    "domainname": "write the whole name in hostname",
    "expose": "services on one network reach each other on any port",
    "external_links": "put both services on one external network",
    "ipc": "a service cannot choose its IPC namespace",
    "links": "services on one network reach each other by name",
    "mac_address": "a service cannot choose its MAC address",
    "network_mode": 'for the host\'s network, define an external network with the name "host" and attach to it',
    "pid": "a service cannot choose its PID namespace",
    "privileged": "give the capabilities that are needed with cap_add",
    "shm_size": "mount a volume of type tmpfs with the size at /dev/shm",
    "userns_mode": "a service cannot choose its user namespace",
}

#: Keys that C(docker stack deploy) refuses and people write all the same → what to write.
ELSEWHERE = {
    "annotations": "write labels",
    "attach": "remove it",
    "blkio_config": "remove it",
    "cpu_count": _LIMITS,
    "cpu_percent": _LIMITS,
    "cpu_period": _LIMITS,
    "cpu_quota": _LIMITS,
    "cpu_rt_period": _LIMITS,
    "cpu_rt_runtime": _LIMITS,
    "cpu_shares": _LIMITS,
    "cpus": "write it in deploy.resources.limits",
    "cpuset": _LIMITS,
    "develop": "remove it",
    "device_cgroup_rules": "remove it",
    "extends": "use a YAML anchor with <<, or several files",
    "gpus": "use deploy.resources.reservations.generic_resources",
    "label_file": "write labels",
    "mem_limit": "write memory in deploy.resources.limits",
    "mem_reservation": "write memory in deploy.resources.reservations",
    "mem_swappiness": "write MemorySwappiness in x-apiary.spec.TaskTemplate.Resources",
    "memswap_limit": "write SwapBytes in x-apiary.spec.TaskTemplate.Resources",
    "oom_kill_disable": "remove it",
    "platform": "use a placement constraint on node.platform.arch",
    "post_start": "remove it",
    "pre_stop": "let the process end its work on stop_signal within stop_grace_period",
    "profiles": "leave the service out, or move it to a file of its own",
    "provider": "remove it",
    "pull_policy": "images are pinned to their digest and pulled when a node lacks them",
    "runtime": "set the runtime in the engine's configuration",
    "scale": "write replicas under deploy",
    "storage_opt": "remove it",
    "uts": "remove it",
    "volume_driver": _VOLUMES,
    "volumes_from": _VOLUMES,
}


def ignored_warnings(services: t.Iterable[tuple[str, t.Mapping[str, t.Any]]]) -> list[str]:
    """Return one sentence for each ignored key that the services use, in the order of the alphabet."""
    users: dict[str, list[str]] = {}
    for name, service in services:
        for key in IGNORED:
            if key in service and name not in users.get(key, []):
                users.setdefault(key, []).append(name)
    return [f"{key} of {', '.join(names)} is ignored: {IGNORED[key]}" for key, names in sorted(users.items())]
