# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small stack models for tests, with the specs that a Compose file would give."""

from __future__ import annotations

import base64
import hashlib
import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import (
    LABEL_IMAGE,
    LABEL_NAMESPACE,
    NetworkEntry,
    ObjectEntry,
    ServiceEntry,
    StackModel,
)

SECOND = 1_000_000_000


def service(
    stack: str,
    name: str,
    image: str,
    replicas: int = 1,
    env: t.Mapping[str, str] | None = None,
    container: t.Mapping[str, t.Any] | None = None,
    template: t.Mapping[str, t.Any] | None = None,
    wave: int = 0,
    labels: t.Mapping[str, str] | None = None,
    **spec: t.Any,
) -> ServiceEntry:
    """Make a service that starts quickly and is watched for one second.

    :param container: further fields of C(ContainerSpec); I(template): of C(TaskTemplate).
    :param spec: further fields of the ServiceSpec, in the place of those made here.
    """
    body: dict[str, t.Any] = {
        "Name": f"{stack}_{name}",
        "Labels": {LABEL_NAMESPACE: stack, LABEL_IMAGE: image, **(labels or {})},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": image,
                "Env": [f"{key}={value}" for key, value in sorted((env or {}).items())],
                "Labels": {LABEL_NAMESPACE: stack},
                **(container or {}),
            },
            "RestartPolicy": {"Condition": "any", "Delay": SECOND // 5},
            **(template or {}),
        },
        "Mode": {"Replicated": {"Replicas": replicas}},
        "UpdateConfig": {"Parallelism": 0, "Monitor": SECOND, "FailureAction": "pause"},
        "EndpointSpec": {"Mode": "dnsrr"},
        **spec,
    }
    return ServiceEntry(name, body, image, wave=wave)


def stack(name: str, *services: ServiceEntry, **sections: t.Any) -> StackModel:
    """Put services into a stack."""
    return StackModel(name, {entry.name: entry for entry in services}, **sections)


def network(stack_name: str, key: str) -> NetworkEntry:
    """Make an overlay network of the stack."""
    name = f"{stack_name}_{key}"
    spec = {"Name": name, "Driver": "overlay", "Attachable": True, "Labels": {LABEL_NAMESPACE: stack_name}}
    return NetworkEntry(key, name, spec=spec)


def content(stack_name: str, key: str, text: str) -> ObjectEntry:
    """Make a config or secret named after its content."""
    base = f"{stack_name}_{key}"
    name = f"{base}_{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    data = base64.b64encode(text.encode()).decode()
    spec = {"Name": name, "Labels": {LABEL_NAMESPACE: stack_name}}
    return ObjectEntry(key, name, hashed=True, base_name=base, spec=spec, data=data)


def reference(kind: str, entry: ObjectEntry) -> dict[str, t.Any]:
    """Return the element of C(Configs) or C(Secrets) that mounts I(entry) under its key; I(kind): Config or Secret."""
    file = {"Name": entry.key, "UID": "0", "GID": "0", "Mode": 0o444}
    return {f"{kind}Name": entry.name, f"{kind}ID": "", "File": file}
