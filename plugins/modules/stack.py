#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack
short_description: Deploy a Compose file to a Docker swarm, and say truly whether it runs
version_added: 1.0.0
description:
  - Deploys the services, networks, configs and secrets of Compose files as one stack, as C(docker stack deploy) does.
  - Succeeds only when every wanted task runs what was deployed and has stayed up for the monitor period. A paused or
    rolled back update, a crash loop, a task that no node can take, an image that cannot be pulled and a deadline are
    failures. The message then names the task, its node, its exit code and its last log lines.
  - When a service fails, the whole stack is set back to what it was before.
  - Pins images to digests, changes only what differs, and keeps what others added to a service since the last deploy
    (see O(purge)).
  - Records each deploy in the swarm as a release. A release whose tasks failed is refused the next time.
  - Run it on a manager of the swarm. The files are read on the controller.
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.attributes
  - apiary.swarm.engine
  - apiary.swarm.engine.wait
  - apiary.swarm.engine.progress
  - apiary.swarm.engine.registry
  - apiary.swarm.stack_file
attributes:
  check_mode:
    support: full
    details:
      - Reads the swarm and the registries, and writes nothing. Fails as the real run would where the plan is refused or
        another deploy is under way; the plan and the diff are in the result all the same.
  diff_mode:
    support: full
    details:
      - Values of environment variables, and of fields whose names suggest a secret, are hidden. That they change is
        shown.
  idempotent:
    support: full
options:
  name:
    description:
      - Name of the stack. Services are named after it, C(<stack>_<service>).
    type: str
    required: true
  state:
    description:
      - V(present) deploys the files.
      - V(absent) removes the services, networks, configs and secrets of the stack and its releases. Volumes stay.
      - V(rolled_back) deploys what O(release) recorded, with its digests, environment, configs and secrets. Numbers of
        replicas that somebody set since then stay.
    type: str
    choices: [present, absent, rolled_back]
    default: present
  files:
    description:
      - Compose files on the controller. Later ones are merged over earlier ones.
      - They are looked for beside the playbook or in the role's C(files), then in the current folder. Vaulted files are
        decrypted.
    type: list
    elements: path
    default: []
    aliases: [file]
  definition:
    description:
      - A Compose file as data, in place of O(files) or merged over them.
    type: dict
  release:
    description:
      - Number of the release to go back to, with O(state=rolled_back). The default is the newest release that ran before
        the present one. A present one that is itself a rollback stands for the release that it brought back, so going
        back again goes further back, and never to what was left the first time.
    type: int
  log_group_prefix:
    description:
      - Services that declare no logging send their logs to the CloudWatch log group C(<prefix>/<stack>/<service>).
    type: str
  log_region:
    description:
      - AWS region of those log groups.
    type: str
  prune:
    description:
      - Remove services of the stack that are no longer in the files.
    type: bool
    default: true
  purge:
    description:
      - Remove from services what neither the files nor an earlier release declared. Replica counts go back to the files'
        too.
      - With V(false), what others added stays and is reported.
    type: bool
    default: false
  allow_recreate:
    description:
      - Allow changes that need a service to be removed and created again, which stops all its tasks first.
    type: bool
    default: false
  force:
    description:
      - Deploy although the plan has blockers or its tasks failed in an earlier release, and take over from another
        deploy that is under way.
    type: bool
    default: false
  git_revision:
    description:
      - Source revision, recorded with the release.
    type: str
    default: ""
  deployed_by:
    description:
      - Who deploys, recorded with the release. Whoever is refused because this deploy holds the stack reads it.
      - The default is, of the controller, who started the pipeline and which of its jobs it is (E(BUILD_USER),
        E(JOB_NAME) and E(BUILD_NUMBER) of Jenkins; E(GITLAB_USER_LOGIN), E(CI_PROJECT_PATH) and E(CI_PIPELINE_ID);
        E(GITHUB_ACTOR), E(GITHUB_REPOSITORY) and E(GITHUB_RUN_NUMBER)), else the user.
    type: str
    default: ""
  keep_releases:
    description:
      - Number of releases to keep in the swarm.
    type: int
    default: 10
  model:
    description:
      - For the collection's own use. What the controller made of the files. Do not set it.
    type: dict
  secret_data:
    description:
      - For the collection's own use. Content of the secrets. Do not set it.
    type: dict
seealso:
  - module: apiary.swarm.release_info
  - module: apiary.swarm.service
"""

EXAMPLES = r"""
- name: Deploy the shop
  apiary.swarm.stack:
    name: shop
    files:
      - "{{ playbook_dir }}/shop.yml"
    env:
      TAG: v42
    git_revision: "{{ lookup('ansible.builtin.pipe', 'git rev-parse HEAD') }}"

- name: Show what a deploy would change
  apiary.swarm.stack:
    name: shop
    files:
      - shop.yml
  check_mode: true
  diff: true

- name: Go back to release 7
  apiary.swarm.stack:
    name: shop
    state: rolled_back
    release: 7

- name: Remove the stack
  apiary.swarm.stack:
    name: shop
    state: absent
"""

RETURN = r"""
plan:
  description: What was, or in check mode would be, changed.
  returned: success, and when it was refused
  type: dict
  contains:
    services:
      description: For each service its action, changed fields, restarted tasks and the reason, image before and after.
      type: list
      elements: dict
    objects:
      description: Networks, configs, secrets and records of releases that are created or removed.
      type: list
      elements: dict
    migrations:
      description: What runs before services change, in this order, each with the fields for whose change it runs.
      type: list
      elements: dict
    warnings:
      description: What a careful reader would say.
      type: list
      elements: str
    blockers:
      description: Why the plan cannot work.
      type: list
      elements: str
summary:
  description: The plan for people.
  returned: success, and when it was refused
  type: list
  elements: str
  sample:
    - "~ service shop_api: restarts 4 tasks because Image change"
services:
  description:
    - Each service with its action, image and state, and how many of its tasks run (C(running)), have completed
      (C(completed), for jobs and services whose tasks may end) and are wanted (C(wanted)).
  returned: when O(state) is not V(absent)
  type: list
  elements: dict
migrations:
  description:
    - The migrations that were run, in this order. Those that would be run are in RV(plan), and a migration that failed is in
      RV(failures).
  returned: when O(state) is not V(absent)
  type: list
  elements: dict
  contains:
    service:
      description: Name of the service in the swarm.
      type: str
    command:
      description: The command, without what looks like a secret.
      type: str
    because:
      description: Fields of the service for whose change it ran; empty for a new service.
      type: list
      elements: str
    timeout:
      description: Seconds that it might have taken.
      type: int
    seconds:
      description: Time that it took.
      type: float
    node:
      description: Name of the node that it ran on.
      type: str
    logs:
      description: The last 20 lines that it wrote.
      type: list
      elements: str
release:
  description: The release that runs now, or V(none) when there is none.
  returned: when O(state) is not V(absent)
  type: dict
refused:
  description: Whether it failed before anything was written.
  returned: on failure
  type: bool
failures:
  description: The services that failed, with their tasks, exit codes and last log lines.
  returned: on failure
  type: list
  elements: dict
"""

import base64
import dataclasses
import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils._errors import (
    DeployFailed,
    ImageUnresolved,
    InvalidInput,
    PlanRefused,
    SwarmError,
)
from ansible_collections.apiary.swarm.plugins.module_utils._module import Params
from ansible_collections.apiary.swarm.plugins.module_utils._module import Result as Answer
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.common import require, stack_problems
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.options import STACK_OPTIONS
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy import lock, releases, rollback
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.removal import remove_stack
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.stack import Deploy, Options, Result
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import Engine
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import StackModel
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.session import (
    EngineWork,
    plan_result,
)
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.watch.progress import Progress

#: Shorter lines of a secret are not hidden: they would hide every other use of the same letters.
SHORTEST_SECRET = 5


def options_of(params: t.Mapping[str, t.Any]) -> Options:
    """Return how to deploy, from the module's arguments."""
    return Options(
        wait=params["wait"],
        wait_timeout=params["wait_timeout"],
        progress_timeout=params["progress_timeout"],
        resolve_image=params["resolve_image"],
        prune=params["prune"],
        purge=params["purge"],
        allow_recreate=params["allow_recreate"],
        force=params["force"],
        keep_releases=params["keep_releases"],
        deployed_by=params["deployed_by"],
        git_revision=params["git_revision"],
        logins=params["registry_auth"],
        exact=params["state"] == "rolled_back",
    )


def known(release: releases.Release) -> StackModel:
    """Return what a release recorded.

    :raises PlanRefused: a newer version of the collection recorded it, and what this one does not know would be lost.
    """
    if release.too_new:
        raise PlanRefused(
            f"Release {release.number} of stack {release.stack} was recorded by a newer version of this collection, with "
            "fields that this one does not know: go back to it with that version."
        )
    return release.model


def secrets(params: Params) -> list[str]:
    """Return what no result may hold: the content of secrets, the last log lines of a task included."""
    contents = [str(data) for data in (params["secret_data"] or {}).values()]
    texts = [base64.b64decode(data).decode(errors="ignore") for data in contents]
    lines = [line for text in texts for line in text.splitlines() if len(line) >= SHORTEST_SECRET]
    passwords = [str(login["password"]) for login in params["registry_auth"]]
    return [value for value in (*contents, *passwords, *lines) if value]


def deploy_result(result: Result) -> dict[str, t.Any]:
    """Return a deploy for the user."""
    release = result.release.summary() if result.release else None
    return {
        "changed": result.changed,
        "services": result.services(),
        "migrations": result.migrations,
        "release": release,
        **plan_result(result.plan),
        "warnings": result.warnings,
    }


def check(params: Params) -> None:
    """Check what can be known to be wrong without an engine.

    :raises InvalidInput: if there is nothing to deploy.
    :raises PlanRefused: with all that is wrong otherwise.
    """
    if params["state"] == "present" and params["model"] is None:
        raise InvalidInput("apiary.swarm.stack needs files or definition, which its action plugin reads.")
    require(stack_problems(params), "Nothing was deployed")


def run(engine: Engine, params: Params, check_mode: bool) -> Answer:
    """Do what the arguments ask for."""
    options = options_of(params)
    if params["state"] == "absent":
        plan = remove_stack(engine, params["name"], check_mode, params["wait_timeout"], params["force"])
        return {"changed": plan.changed, **plan_result(plan)}
    if params["state"] == "rolled_back":
        to = rollback.target(lock.read(engine, params["name"]), params["name"], params["release"])
        model, options = known(to), dataclasses.replace(options, restores=rollback.origin(to))
    else:
        model = StackModel.from_dict(params["model"]).with_secret_data(params["secret_data"] or {})
    with Progress(params["progress_token"]) as progress:
        result = Deploy(engine, model, options, progress).run(check_mode)
    return deploy_result(result)


class StackWork(EngineWork):
    """A deploy, which says of a failure whether anything was done before it."""

    def failure(self, error: SwarmError) -> Answer:
        """Return what a failure returns."""
        failed = isinstance(error, DeployFailed)
        refused = {} if failed else {"refused": isinstance(error, (InvalidInput, PlanRefused, ImageUnresolved))}
        return {**refused, **super().failure(error)}


WORK = StackWork(STACK_OPTIONS, run, check=check, secrets=secrets)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
