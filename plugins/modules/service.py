#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service
short_description: Manage one service of a Docker swarm, and say truly whether it runs
version_added: 1.0.0
description:
  - Creates, changes and removes a service. The options have the names and meanings of those of
    M(community.docker.docker_swarm_service).
  - What is not given stays as it is in the swarm. An option that is given replaces what the service has there. An empty
    list or mapping removes it. Suboptions count one by one.
  - Succeeds only when every wanted task runs what was declared and has stayed up for the monitor period. The message of a
    failure names the task, its node, its exit code and its last log lines.
  - Images are pinned to digests.
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.attributes
  - apiary.swarm.engine
  - apiary.swarm.engine.wait
  - apiary.swarm.engine.registry
  - apiary.swarm.engine.progress
attributes:
  check_mode:
    support: full
    details:
      - Reads the swarm and the registry, and writes nothing.
  diff_mode:
    support: full
    details:
      - Values of environment variables, and of fields whose names suggest a secret, are hidden. That they change is
        shown.
  idempotent:
    support: partial
    details:
      - O(force_update=true) restarts the tasks each time.
options:
  name:
    description:
      - Name of the service.
    type: str
    required: true
  state:
    description:
      - V(present) creates or changes the service.
      - V(absent) removes it and waits until its tasks are gone.
    type: str
    choices: [present, absent]
    default: present
  image:
    description:
      - Container image. Needed to create a service.
    type: str
  args:
    description:
      - Arguments for the image's entry point.
    type: list
    elements: str
  command:
    description:
      - Program in place of the image's entry point, as text (split like a shell does) or as a list.
    type: raw
  env:
    description:
      - Environment variables, as a mapping or as a list of C(NAME=value). Values must be text.
    type: raw
  env_files:
    description:
      - Files on the host that the module runs on, with lines C(NAME=value). O(env) wins.
    type: list
    elements: path
  user:
    description:
      - User that the program runs as.
    type: str
  groups:
    description:
      - Further groups that the program runs with.
    type: list
    elements: str
  working_dir:
    description:
      - Working directory.
    type: str
  hostname:
    description:
      - Host name of the containers.
    type: str
  hosts:
    description:
      - Host names and their addresses for the containers' hosts file.
    type: dict
  tty:
    description:
      - Give the program a terminal.
    type: bool
  open_stdin:
    description:
      - Keep the standard input open.
    type: bool
  read_only:
    description:
      - Make the root file system read-only.
    type: bool
  init:
    description:
      - Run an init as the first process.
    type: bool
  stop_signal:
    description:
      - Signal that asks the program to end.
    type: str
  stop_grace_period:
    description:
      - Time from that signal until the program is killed. Durations are written like V(90s) or V(1m30s).
    type: str
  isolation:
    description:
      - Isolation technology of Windows nodes.
    type: str
    choices: [default, process, hyperv]
  oom_score_adj:
    description:
      - How gladly the kernel kills it when memory is short, V(-1000) to V(1000). Needs Docker 27 or newer.
    type: int
  container_labels:
    description:
      - Labels of the containers. Changing them restarts the tasks.
    type: dict
  labels:
    description:
      - Labels of the service. Those by which it belongs to a stack stay.
    type: dict
  sysctls:
    description:
      - Kernel parameters of the containers.
    type: dict
  ulimits:
    description:
      - Limits of the processes.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name, such as V(nofile).
        type: str
        required: true
      soft:
        description:
          - Soft limit.
        type: int
        required: true
      hard:
        description:
          - Hard limit.
        type: int
        required: true
  cap_add:
    description:
      - Capabilities to add.
    type: list
    elements: str
  cap_drop:
    description:
      - Capabilities to drop.
    type: list
    elements: str
  privileges:
    description:
      - Security settings.
    type: dict
    suboptions:
      no_new_privileges:
        description:
          - Processes gain no privileges by setuid programs. Needs Docker 25 or newer.
        type: bool
      seccomp:
        description:
          - Seccomp profile. Needs Docker 25 or newer.
        type: str
        choices: [default, unconfined]
      apparmor:
        description:
          - AppArmor profile. Needs Docker 25 or newer.
        type: str
        choices: [default, disabled]
  dns:
    description:
      - DNS servers.
    type: list
    elements: str
  dns_search:
    description:
      - DNS search domains.
    type: list
    elements: str
  dns_options:
    description:
      - DNS options.
    type: list
    elements: str
  configs:
    description:
      - Configs that the program sees as files.
    type: list
    elements: dict
    suboptions:
      config_id:
        description:
          - Id of the config.
        type: str
      config_name:
        description:
          - Name of the config.
        type: str
        required: true
      filename:
        description:
          - Path of the file. The default is the config's name.
        type: str
      uid:
        description:
          - User that owns the file.
        type: str
      gid:
        description:
          - Group that owns the file.
        type: str
      mode:
        description:
          - Permissions of the file.
        type: int
  secrets:
    description:
      - Secrets that the program sees as files.
    type: list
    elements: dict
    suboptions:
      secret_id:
        description:
          - Id of the secret.
        type: str
      secret_name:
        description:
          - Name of the secret.
        type: str
        required: true
      filename:
        description:
          - Name of the file. The default is the secret's name.
        type: str
      uid:
        description:
          - User that owns the file.
        type: str
      gid:
        description:
          - Group that owns the file.
        type: str
      mode:
        description:
          - Permissions of the file.
        type: int
  mounts:
    description:
      - Volumes and directories that the program sees.
    type: list
    elements: dict
    suboptions:
      source:
        description:
          - Name of the volume or path on the node.
        type: str
      target:
        description:
          - Path in the container.
        type: str
        required: true
      type:
        description:
          - Kind of the mount.
        type: str
        choices: [bind, volume, tmpfs, npipe]
        default: bind
      readonly:
        description:
          - Mount read-only.
        type: bool
      labels:
        description:
          - Labels of the volume.
        type: dict
      propagation:
        description:
          - Propagation of a bind mount.
        type: str
        choices: [shared, slave, private, rshared, rslave, rprivate]
      no_copy:
        description:
          - Do not fill a new volume with what the image has there.
        type: bool
      subpath:
        description:
          - Directory within the volume. Needs Docker 26 or newer.
        type: str
      driver_config:
        description:
          - Driver of the volume.
        type: dict
        suboptions:
          name:
            description:
              - Name of the driver.
            type: str
          options:
            description:
              - Options of the driver.
            type: dict
      tmpfs_size:
        description:
          - Size of a tmpfs, such as V(64M).
        type: str
      tmpfs_mode:
        description:
          - Permissions of a tmpfs.
        type: int
  networks:
    description:
      - Networks, as names or as mappings with C(name), C(aliases) and C(options).
    type: list
    elements: raw
  publish:
    description:
      - Published ports.
    type: list
    elements: dict
    suboptions:
      published_port:
        description:
          - Port on the nodes. The engine chooses one when it is not given.
        type: int
      target_port:
        description:
          - Port in the container.
        type: int
        required: true
      protocol:
        description:
          - Protocol.
        type: str
        choices: [tcp, udp]
        default: tcp
      mode:
        description:
          - V(ingress) answers on every node, V(host) on nodes with a task.
        type: str
        choices: [ingress, host]
  endpoint_mode:
    description:
      - 'How the service''s name resolves: to one virtual address or to the tasks'' addresses.'
    type: str
    choices: [vip, dnsrr]
  healthcheck:
    description:
      - Health check. Durations are written like V(90s) or V(1m30s).
    type: dict
    suboptions:
      test:
        description:
          - Command, as text for a shell or as a list that begins with V(CMD), V(CMD-SHELL) or V(NONE).
        type: raw
      interval:
        description:
          - Time between two checks.
        type: str
      timeout:
        description:
          - Time that a check may take.
        type: str
      start_period:
        description:
          - Time after the start in which failures do not count.
        type: str
      start_interval:
        description:
          - Time between two checks in the start period. Needs Docker 25 or newer.
        type: str
      retries:
        description:
          - Failures in a row that make a task unhealthy.
        type: int
  logging:
    description:
      - Log driver.
    type: dict
    suboptions:
      driver:
        description:
          - Name of the driver.
        type: str
      options:
        description:
          - Options of the driver.
        type: dict
  placement:
    description:
      - Where tasks may run.
    type: dict
    suboptions:
      constraints:
        description:
          - Expressions such as V(node.role==worker).
        type: list
        elements: str
      preferences:
        description:
          - 'Entries such as C(spread: node.labels.zone).'
        type: list
        elements: dict
      replicas_max_per_node:
        description:
          - Most tasks on one node; V(0) means no limit.
        type: int
  mode:
    description:
      - Mode of the service. The default is the mode that it has, V(replicated) for a new one.
      - A change needs O(allow_recreate=true).
    type: str
    choices: [replicated, global, replicated-job, global-job]
  replicas:
    description:
      - Number of tasks, for V(replicated-job) the number of runs.
      - V(-1) leaves the number as it is, and makes it 1 for a new service.
    type: int
    default: -1
  max_concurrent:
    description:
      - Runs of a V(replicated-job) at the same time.
    type: int
  limits:
    description:
      - What a task may use.
    type: dict
    suboptions:
      cpus:
        description:
          - CPUs; V(0) means no limit.
        type: float
      memory:
        description:
          - Memory, such as V(512M); V(0) means no limit.
        type: str
      pids:
        description:
          - Processes; V(0) means no limit.
        type: int
  reservations:
    description:
      - What a node must have free for a task.
    type: dict
    suboptions:
      cpus:
        description:
          - CPUs.
        type: float
      memory:
        description:
          - Memory, such as V(512M).
        type: str
      generic_resources:
        description:
          - 'Generic resources and their numbers, such as C(gpu: 1).'
        type: dict
  restart_config:
    description:
      - When the engine restarts a task. Durations are written like V(90s) or V(1m30s).
    type: dict
    suboptions:
      condition:
        description:
          - After which end a task is restarted.
        type: str
        choices: [none, on-failure, any]
      delay:
        description:
          - Time before a restart.
        type: str
      max_attempts:
        description:
          - Number of restarts; V(0) means no limit.
        type: int
      window:
        description:
          - Time in which restarts are counted.
        type: str
  update_config:
    description:
      - How the engine replaces tasks in an update. Durations are written like V(90s) or V(1m30s).
    type: dict
    suboptions:
      parallelism:
        description:
          - Tasks replaced at the same time; V(0) is all. A service that has no number yet gets V(1) with the first
            of these settings.
        type: int
      delay:
        description:
          - Time between two batches.
        type: str
      failure_action:
        description:
          - What the engine does when a task fails during the update.
        type: str
        choices: [continue, pause, rollback]
      monitor:
        description:
          - Time that a new task is watched for failure.
        type: str
      max_failure_ratio:
        description:
          - Share of failed tasks that is put up with.
        type: float
      order:
        description:
          - Whether the old task stops first or the new one starts first.
        type: str
        choices: [stop-first, start-first]
  rollback_config:
    description:
      - How the engine replaces tasks when it rolls back. Durations are written like V(90s) or V(1m30s).
    type: dict
    suboptions:
      parallelism:
        description:
          - Tasks replaced at the same time; V(0) is all. A service that has no number yet gets V(1) with the first
            of these settings.
        type: int
      delay:
        description:
          - Time between two batches.
        type: str
      failure_action:
        description:
          - What the engine does when a task fails during the rollback. It never rolls back a rollback.
        type: str
        choices: [continue, pause]
      monitor:
        description:
          - Time that a new task is watched for failure.
        type: str
      max_failure_ratio:
        description:
          - Share of failed tasks that is put up with.
        type: float
      order:
        description:
          - Whether the old task stops first or the new one starts first.
        type: str
        choices: [stop-first, start-first]
  force_update:
    description:
      - Restart all tasks even if nothing changes.
    type: bool
    default: false
  purge:
    description:
      - Remove from the service what is not given here. The number of tasks stays unless O(replicas) is given.
      - With V(false), what is not given stays as it is.
    type: bool
    default: false
  allow_recreate:
    description:
      - Allow a change of O(mode), which removes the service and creates it again.
    type: bool
    default: false
  force:
    description:
      - Go on although the plan says that it cannot work in the swarm as it is now, or the service's stack is being
        deployed.
    type: bool
    default: false
seealso:
  - module: apiary.swarm.stack
  - module: apiary.swarm.job
"""

EXAMPLES = r"""
- name: Deploy a service
  apiary.swarm.service:
    name: api
    image: registry.example.org/shop/api:v42
    replicas: 3
    env:
      LOG_LEVEL: info
    networks:
      - backend
    healthcheck:
      test: [CMD, /app/healthy]
      interval: 5s
    update_config:
      order: start-first
      failure_action: rollback

- name: Change one variable's neighbours not at all, only the image
  apiary.swarm.service:
    name: api
    image: registry.example.org/shop/api:v43

- name: Remove all published ports
  apiary.swarm.service:
    name: api
    publish: []
"""

RETURN = r"""
plan:
  description: What was, or in check mode would be, changed.
  returned: success, and when it was refused
  type: dict
summary:
  description: The plan for people.
  returned: success, and when it was refused
  type: list
  elements: str
changes:
  description:
    - Names of the fields of a service that changed, as the Engine API has them and then as the options and results of
      M(community.docker.docker_swarm_service) have them.
  returned: success
  type: list
  elements: str
  sample: ["TaskTemplate.ContainerSpec.Image", "image"]
swarm_service:
  description:
    - The service as M(community.docker.docker_swarm_service) returns it, empty when it is removed. Values of
      environment variables, and what looks like a password, are hidden. Durations are nanoseconds, sizes bytes.
  returned: success
  type: dict
  sample: {"image": "app:v42@sha256:...", "mode": "replicated", "replicas": 3}
rebuilt:
  description: Whether the service was removed and created again.
  returned: success
  type: bool
running:
  description: Number of tasks that run.
  returned: when O(wait=true) and O(state=present)
  type: int
completed:
  description: Number of tasks that have ended well, for jobs and services whose tasks may end.
  returned: when O(wait=true) and O(state=present)
  type: int
failures:
  description: The service's failed tasks, with exit codes and last log lines.
  returned: on failure
  type: list
  elements: dict
"""

import pathlib
import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils._diff import dotted
from ansible_collections.apiary.swarm.plugins.module_utils._errors import PlanRefused
from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.common import require
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.options import (
    ENGINE_OPTIONS,
    PROGRESS_OPTIONS,
    REGISTRY_OPTIONS,
    WAIT_OPTIONS,
)
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.service import service_problems
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.convert.from_options import env_file
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.convert.to_options import changed_options, to_options
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy import service as single
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import Engine
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.session import (
    EngineWork,
    plan_result,
)
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.watch.progress import Progress

ARGUMENTS: dict[str, t.Any] = {
    **ENGINE_OPTIONS,
    **WAIT_OPTIONS,
    **REGISTRY_OPTIONS,
    **PROGRESS_OPTIONS,
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "image": {"type": "str"},
    "args": {"type": "list", "elements": "str"},
    "command": {"type": "raw"},
    "env": {"type": "raw"},
    "env_files": {"type": "list", "elements": "path"},
    "user": {"type": "str"},
    "groups": {"type": "list", "elements": "str"},
    "working_dir": {"type": "str"},
    "hostname": {"type": "str"},
    "hosts": {"type": "dict"},
    "tty": {"type": "bool"},
    "open_stdin": {"type": "bool"},
    "read_only": {"type": "bool"},
    "init": {"type": "bool"},
    "stop_signal": {"type": "str"},
    "stop_grace_period": {"type": "str"},
    "isolation": {"type": "str", "choices": ["default", "process", "hyperv"]},
    "oom_score_adj": {"type": "int"},
    "container_labels": {"type": "dict"},
    "labels": {"type": "dict"},
    "sysctls": {"type": "dict"},
    "ulimits": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "soft": {"type": "int", "required": True},
            "hard": {"type": "int", "required": True},
        },
    },
    "cap_add": {"type": "list", "elements": "str"},
    "cap_drop": {"type": "list", "elements": "str"},
    "privileges": {
        "type": "dict",
        "options": {
            "no_new_privileges": {"type": "bool"},
            "seccomp": {"type": "str", "choices": ["default", "unconfined"]},
            "apparmor": {"type": "str", "choices": ["default", "disabled"]},
        },
    },
    "dns": {"type": "list", "elements": "str"},
    "dns_search": {"type": "list", "elements": "str"},
    "dns_options": {"type": "list", "elements": "str"},
    "configs": {
        "type": "list",
        "elements": "dict",
        "options": {
            "config_id": {"type": "str"},
            "config_name": {"type": "str", "required": True},
            "filename": {"type": "str"},
            "uid": {"type": "str"},
            "gid": {"type": "str"},
            "mode": {"type": "int"},
        },
    },
    "secrets": {
        "type": "list",
        "elements": "dict",
        "no_log": False,
        "options": {
            "secret_id": {"type": "str", "no_log": False},
            "secret_name": {"type": "str", "required": True, "no_log": False},
            "filename": {"type": "str"},
            "uid": {"type": "str"},
            "gid": {"type": "str"},
            "mode": {"type": "int"},
        },
    },
    "mounts": {
        "type": "list",
        "elements": "dict",
        "options": {
            "source": {"type": "str"},
            "target": {"type": "str", "required": True},
            "type": {"type": "str", "choices": ["bind", "volume", "tmpfs", "npipe"], "default": "bind"},
            "readonly": {"type": "bool"},
            "labels": {"type": "dict"},
            "propagation": {"type": "str", "choices": ["shared", "slave", "private", "rshared", "rslave", "rprivate"]},
            "no_copy": {"type": "bool"},
            "subpath": {"type": "str"},
            "driver_config": {"type": "dict", "options": {"name": {"type": "str"}, "options": {"type": "dict"}}},
            "tmpfs_size": {"type": "str"},
            "tmpfs_mode": {"type": "int"},
        },
    },
    "networks": {"type": "list", "elements": "raw"},
    "publish": {
        "type": "list",
        "elements": "dict",
        "options": {
            "published_port": {"type": "int"},
            "target_port": {"type": "int", "required": True},
            "protocol": {"type": "str", "choices": ["tcp", "udp"], "default": "tcp"},
            "mode": {"type": "str", "choices": ["ingress", "host"]},
        },
    },
    "endpoint_mode": {"type": "str", "choices": ["vip", "dnsrr"]},
    "healthcheck": {
        "type": "dict",
        "options": {
            "test": {"type": "raw"},
            "interval": {"type": "str"},
            "timeout": {"type": "str"},
            "start_period": {"type": "str"},
            "start_interval": {"type": "str"},
            "retries": {"type": "int"},
        },
    },
    "logging": {"type": "dict", "options": {"driver": {"type": "str"}, "options": {"type": "dict"}}},
    "placement": {
        "type": "dict",
        "options": {
            "constraints": {"type": "list", "elements": "str"},
            "preferences": {"type": "list", "elements": "dict"},
            "replicas_max_per_node": {"type": "int"},
        },
    },
    "mode": {"type": "str", "choices": ["replicated", "global", "replicated-job", "global-job"]},
    "replicas": {"type": "int", "default": -1},
    "max_concurrent": {"type": "int"},
    "limits": {
        "type": "dict",
        "options": {"cpus": {"type": "float"}, "memory": {"type": "str"}, "pids": {"type": "int"}},
    },
    "reservations": {
        "type": "dict",
        "options": {"cpus": {"type": "float"}, "memory": {"type": "str"}, "generic_resources": {"type": "dict"}},
    },
    "restart_config": {
        "type": "dict",
        "options": {
            "condition": {"type": "str", "choices": ["none", "on-failure", "any"]},
            "delay": {"type": "str"},
            "max_attempts": {"type": "int"},
            "window": {"type": "str"},
        },
    },
    "update_config": {
        "type": "dict",
        "options": {
            "parallelism": {"type": "int"},
            "delay": {"type": "str"},
            "failure_action": {"type": "str", "choices": ["continue", "pause", "rollback"]},
            "monitor": {"type": "str"},
            "max_failure_ratio": {"type": "float"},
            "order": {"type": "str", "choices": ["stop-first", "start-first"]},
        },
    },
    "rollback_config": {
        "type": "dict",
        "options": {
            "parallelism": {"type": "int"},
            "delay": {"type": "str"},
            "failure_action": {"type": "str", "choices": ["continue", "pause"]},
            "monitor": {"type": "str"},
            "max_failure_ratio": {"type": "float"},
            "order": {"type": "str", "choices": ["stop-first", "start-first"]},
        },
    },
    "force_update": {"type": "bool", "default": False},
    "purge": {"type": "bool", "default": False},
    "allow_recreate": {"type": "bool", "default": False},
    "force": {"type": "bool", "default": False},
}


def read_env_files(paths: t.Sequence[str]) -> list[dict[str, str]]:
    """Return the content of environment files.

    :raises PlanRefused: one cannot be read.
    """
    found = []
    for path in paths:
        try:
            found.append(env_file(path, pathlib.Path(path).read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as exc:
            raise PlanRefused(f"env_files: cannot read {path}: {exc}") from exc
    return found


def check(params: Params) -> None:
    """Check what can be known to be wrong without an engine.

    :raises PlanRefused: with all that is.
    """
    require(service_problems(params), "Nothing was changed")


def run(engine: Engine, params: Params, check_mode: bool) -> Result:
    """Do what the arguments ask for."""
    if params["state"] == "absent":
        result = single.remove(engine, params["name"], params["wait_timeout"], check_mode, params["force"])
    else:
        options = single.Options(
            wait=params["wait"],
            wait_timeout=params["wait_timeout"],
            progress_timeout=params["progress_timeout"],
            resolve_image=params["resolve_image"],
            purge=params["purge"],
            allow_recreate=params["allow_recreate"],
            force=params["force"],
            force_update=params["force_update"],
            logins=params["registry_auth"],
        )
        files = read_env_files(params["env_files"] or [])
        with Progress(params["progress_token"]) as progress:
            result = single.change(engine, params, files, options, check_mode, progress)
    service = result.service
    changes = service.changes if service else []
    return {
        "changed": result.plan.changed,
        "changes": [*(dotted(item.path) for item in changes), *changed_options(changes)],
        "swarm_service": to_options(result.desired) if result.desired else {},
        "rebuilt": service is not None and service.action == "recreate",
        **({"running": result.verdict.running, "completed": result.verdict.completed} if result.verdict else {}),
        **plan_result(result.plan),
        "warnings": [*result.plan.warnings, *(result.verdict.warnings if result.verdict else ())],
    }


WORK = EngineWork(ARGUMENTS, run, check=check)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
