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
      - With O(tls) or O(validate_certs) the engine is spoken to with TLS also where the address begins with C(tcp://).
      - Not given, it is taken from the environment variable E(DOCKER_HOST).
    type: str
    default: unix:///var/run/docker.sock
    aliases: [docker_url]
  tls:
    description:
      - Use TLS without asking whether it is the right engine that answers. O(validate_certs) has precedence.
      - Not given, it is taken from the environment variable E(DOCKER_TLS).
    type: bool
    default: false
  validate_certs:
    description:
      - Use TLS, and go on only if the certificate of the engine is good.
      - Not given, it is taken from the environment variable E(DOCKER_TLS_VERIFY).
    type: bool
    default: false
    aliases: [tls_verify]
  tls_hostname:
    description:
      - Name that the engine's certificate must be for, when it is not the host in O(docker_host).
      - Not given, it is taken from the environment variable E(DOCKER_TLS_HOSTNAME).
    type: str
  ca_path:
    description:
      - File with the certificates of the authorities that O(validate_certs) trusts.
      - Not given, it is C(ca.pem) in the folder of the environment variable E(DOCKER_CERT_PATH), if that is set.
    type: path
    aliases: [ca_cert, tls_ca_cert, cacert_path]
  client_cert:
    description:
      - File with the certificate that is shown to the engine.
      - Not given, it is C(cert.pem) in the folder of the environment variable E(DOCKER_CERT_PATH), if that is set.
    type: path
    aliases: [tls_client_cert, cert_path]
  client_key:
    description:
      - File with the key of O(client_cert).
      - Not given, it is C(key.pem) in the folder of the environment variable E(DOCKER_CERT_PATH), if that is set.
    type: path
    aliases: [tls_client_key, key_path]
  api_version:
    description:
      - Version of the Engine API to use, such as V(1.41). V(auto) is the newest that the engine has.
      - Not given, it is taken from the environment variable E(DOCKER_API_VERSION).
    type: str
    default: auto
    aliases: [docker_api_version]
  timeout:
    description:
      - Seconds until a call of the engine without an answer is given up. How long a module waits for tasks is another
        matter.
      - Not given, it is taken from the environment variable E(DOCKER_TIMEOUT).
    type: int
    default: 60
  use_ssh_client:
    description:
      - For addresses that begin with C(ssh://), use the program C(ssh) instead of the Python package C(paramiko).
    type: bool
    default: false
  debug:
    description:
      - Without effect. It is there so that tasks of other modules need no change.
    type: bool
    default: false
requirements:
  - A Docker engine that is a manager of a swarm (Docker 20.10 or newer); for M(apiary.swarm.exec) any engine.
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
