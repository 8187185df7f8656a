# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of modules that talk to a Docker engine."""

from __future__ import annotations


class ModuleDocFragment:
    """How to reach the engine of a manager."""

    DOCUMENTATION = r"""
options:
  docker_host:
    description:
      - Address of the Docker engine of a manager, seen from the host that the module runs on.
    type: str
    default: unix:///var/run/docker.sock
requirements:
  - A Docker engine that is a manager of a swarm (Docker 20.10 or newer).
  - Docker SDK for Python on the host that the module runs on (C(python3-docker) on Debian and Ubuntu).
"""

    WAIT = r"""
options:
  wait:
    description:
      - Wait until the wanted tasks run what was deployed and have done so for the monitor period, and fail otherwise.
      - Without it the module says only that the engine has taken the change.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds until a wait is given up as failed.
    type: int
    default: 600
  progress_timeout:
    description:
      - Seconds without any progress until a wait is given up as failed, before O(wait_timeout) is over. No task starts or
        ends meanwhile; the monitor period of tasks that run does not count.
      - It must be longer than C(update_config.delay), during which nothing moves. Not given, there is no such limit.
    type: int
"""

    REGISTRY = r"""
options:
  registry_auth:
    description:
      - Logins of registries. They are sent with each service that uses the registry, so that every node can pull.
    type: list
    elements: dict
    default: []
    suboptions:
      registry:
        description: Host of the registry, with its port if it has one.
        type: str
        required: true
      username:
        description: User.
        type: str
        required: true
      password:
        description: Password or token.
        type: str
        required: true
      expires_at:
        description: When the password ends, as the lookup P(apiary.swarm.ecr_auth#lookup) returns it. Not used.
        type: str
  resolve_image:
    description:
      - Pin every image to the digest that its tag has now, by asking the registry. An image that cannot be found is an
        error, and nothing is deployed.
      - V(false) deploys tags as they are. Nodes may then run different content under the same tag.
    type: bool
    default: true
"""

    PROGRESS = r"""
options:
  progress:
    description:
      - While the module waits, print a line for each task that comes to another state, and for each change of a service.
    type: bool
    default: true
  progress_token:
    description:
      - For the collection's own use. Do not set it.
    type: str
    default: ""
"""
