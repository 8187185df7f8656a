# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that modules share, and those of the module stack.

They stand apart from the work, so that a controller that only checks them does not load it.
"""

from __future__ import annotations

import os
import typing as t

from ansible.module_utils.errors import AnsibleFallbackNotFound

from ..connection import ANSWER_TIME, DEFAULT_HOST


def from_environment(name: str) -> str:
    """Return a variable of the environment that an option falls back to; an empty one is none, as for Docker itself."""
    if not os.environ.get(name):
        raise AnsibleFallbackNotFound
    return os.environ[name]


#: As C(DOCKER_COMMON_ARGS) of community.docker.
ENGINE_OPTIONS: dict[str, t.Any] = {
    "docker_host": {
        "type": "str",
        "default": DEFAULT_HOST,
        "fallback": (from_environment, ["DOCKER_HOST"]),
        "aliases": ["docker_url"],
    },
    "tls": {"type": "bool", "default": False, "fallback": (from_environment, ["DOCKER_TLS"])},
    "validate_certs": {
        "type": "bool",
        "default": False,
        "fallback": (from_environment, ["DOCKER_TLS_VERIFY"]),
        "aliases": ["tls_verify"],
    },
    "tls_hostname": {"type": "str", "fallback": (from_environment, ["DOCKER_TLS_HOSTNAME"])},
    "ca_path": {"type": "path", "aliases": ["ca_cert", "tls_ca_cert", "cacert_path"]},
    "client_cert": {"type": "path", "aliases": ["tls_client_cert", "cert_path"]},
    "client_key": {"type": "path", "no_log": False, "aliases": ["tls_client_key", "key_path"]},
    "api_version": {
        "type": "str",
        "default": "auto",
        "fallback": (from_environment, ["DOCKER_API_VERSION"]),
        "aliases": ["docker_api_version"],
    },
    "timeout": {"type": "int", "default": ANSWER_TIME, "fallback": (from_environment, ["DOCKER_TIMEOUT"])},
    "use_ssh_client": {"type": "bool", "default": False},
    "debug": {"type": "bool", "default": False},
}
WAIT_OPTIONS: dict[str, t.Any] = {
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 600},
    "progress_timeout": {"type": "int"},
}
PROGRESS_OPTIONS: dict[str, t.Any] = {
    "progress": {"type": "bool", "default": True},
    "progress_token": {"type": "str", "default": "", "no_log": False},
}
LOGINS: dict[str, t.Any] = {
    "type": "list",
    "elements": "dict",
    "no_log": False,  # its passwords are; the rest may be shown
    "options": {
        "registry": {"type": "str", "required": True},
        "username": {"type": "str", "required": True},
        "password": {"type": "str", "required": True, "no_log": True},
        "expires_at": {"type": "str"},
    },
}
REGISTRY_OPTIONS: dict[str, t.Any] = {
    "registry_auth": {**LOGINS, "default": []},
    "resolve_image": {"type": "bool", "default": True},
}

#: Of the module stack.
STACK_OPTIONS: dict[str, t.Any] = {
    **ENGINE_OPTIONS,
    **WAIT_OPTIONS,
    **REGISTRY_OPTIONS,
    **PROGRESS_OPTIONS,
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent", "rolled_back"], "default": "present"},
    "files": {"type": "list", "elements": "path", "default": [], "aliases": ["file"]},
    "definition": {"type": "dict"},
    "env": {"type": "dict", "default": {}},
    "env_from_controller": {"type": "bool", "default": False},
    "release": {"type": "int"},
    "log_group_prefix": {"type": "str"},
    "log_region": {"type": "str"},
    "prune": {"type": "bool", "default": True},
    "purge": {"type": "bool", "default": False},
    "allow_recreate": {"type": "bool", "default": False},
    "force": {"type": "bool", "default": False},
    "git_revision": {"type": "str", "default": ""},
    "deployed_by": {"type": "str", "default": ""},
    "keep_releases": {"type": "int", "default": 10},
    "model": {"type": "dict"},
    "secret_data": {"type": "dict", "no_log": True},
}
