# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project's model: the specs of all its parts."""

from __future__ import annotations

import typing as t

from ..._references import problem as image_problem
from .. import routes
from ..compose import Project
from ..compose.errors import ComposeError
from ..model import (
    LABEL_IMAGE,
    LABEL_NAMESPACE,
    NetworkEntry,
    Route,
    ServiceEntry,
    Spec,
    StackModel,
    StackOptions,
    VolumeEntry,
)
from ..problems import BadValue
from . import extensions
from .container import container_spec
from .declared import declared_defaults
from .mounts import Mounts
from .names import service_name_problem
from .networks import Networks
from .objects import Objects
from .service import ServiceParts


def build_model(project: Project, name: str, options: StackOptions | None = None) -> StackModel:
    """Return the model of a stack.

    :param project: the stack files.
    :param name: name of the stack, which begins the name of everything in it.
    :raises ComposeError: for the first thing that the engine or this collection would refuse.
    """
    options = options or StackOptions()
    problem = service_name_problem(name)
    if problem:
        raise ComposeError(f"the stack cannot have this name: {problem}")
    return _Builder(project, name, options).model()


class _Builder:
    def __init__(self, project: Project, name: str, options: StackOptions) -> None:
        self.project = project
        self.name = name
        self.options = options
        self.mounts = Mounts(project, name)
        self.networks = Networks(project, name, options.edge_network)
        self.configs = Objects(project, name, "configs", options.hash_names)
        self.secrets = Objects(project, name, "secrets", options.hash_names)

    def model(self) -> StackModel:
        services = {key: self._service(key, item) for key, item in sorted(self.project.sections.services.items())}
        extensions.set_waves(self.project, services)
        return StackModel(
            name=self.name,
            services=services,
            networks=self._networks(),
            configs=self.configs.entries,
            secrets=self.secrets.entries,
            volumes=self._volumes(),
            options=self.options,
            migrate=extensions.migrations(self.project, services),
            warnings=self._warnings(),
        )

    def _warnings(self) -> list[str]:
        warnings = list(self.project.warnings)
        if self.project.name and self.project.name != self.name:
            warnings.append(f'the name "{self.project.name}" in the file is ignored: the stack is called "{self.name}"')
        return warnings

    def _networks(self) -> dict[str, NetworkEntry]:
        return dict(sorted(self.networks.entries.items()))

    def _volumes(self) -> dict[str, VolumeEntry]:
        result = {}
        for key, volume in sorted(self.project.sections.volumes.items()):
            fields = {
                "Driver": volume.get("driver"), "DriverOpts": volume.get("driver_opts"), "Labels": volume.get("labels"),
            }  # fmt: skip
            spec = {field: value for field, value in fields.items() if value}
            name = self.mounts.name(key)
            result[key] = VolumeEntry(key=key, name=name, external=volume["external"], spec=spec)
        return result

    def _service(self, key: str, definition: dict[str, t.Any]) -> ServiceEntry:
        full_name = f"{self.name}_{key}"
        problem = service_name_problem(full_name)
        if problem:
            raise self.project.error(("services", key), problem)
        self._check_image(key, definition)
        labels = definition.get("deploy", {}).get("labels", {})
        route = self._route(key, labels)
        driver, logs = extensions.logs(self.project, self.name, key, definition, self.options)
        parts = ServiceParts(self.project, key, definition)
        task: Spec = {
            "ContainerSpec": container_spec(
                self.project, self.name, key, definition, self.mounts, self.configs, self.secrets
            ),
            "Resources": parts.resources(),
            "RestartPolicy": parts.restart_policy(),
            "Placement": parts.placement(),
            "Networks": self.networks.attachments(key, definition, route is not None),
            "LogDriver": driver if driver is not None else parts.log_driver(),
            "ForceUpdate": 0,
        }
        spec: Spec = {
            "Name": full_name,
            "Labels": {**labels, LABEL_NAMESPACE: self.name, LABEL_IMAGE: definition["image"]},
            "TaskTemplate": {field: value for field, value in task.items() if value is not None},
            "Mode": parts.mode(),
            "UpdateConfig": parts.update("update_config"),
            "RollbackConfig": parts.update("rollback_config"),
            "EndpointSpec": parts.endpoint(),
        }
        spec = {field: value for field, value in spec.items() if value is not None}
        extra = definition.get("x-apiary", {}).get("spec", {})
        spec = extensions.overlay(spec, extra)
        if len(spec["Mode"]) != 1:
            problem = 'a service has one mode; say it in "deploy.mode" and refine that one here'
            raise self.project.error(("services", key, "x-apiary", "spec", "Mode"), problem)
        return ServiceEntry(
            name=key,
            spec=spec,
            declared=declared_defaults(definition, extra, spec),
            image=definition["image"],
            depends_on=definition.get("depends_on", []),
            logs=logs,
            routes=[route] if route else [],
        )

    def _route(self, key: str, labels: t.Mapping[str, str]) -> Route | None:
        try:
            return routes.read(labels)
        except BadValue as exc:
            raise self.project.error(("services", key, "deploy", "labels", *exc.path), exc.problem) from None

    def _check_image(self, key: str, definition: t.Mapping[str, t.Any]) -> None:
        image = definition.get("image")
        if not image:
            hint = "; build and push it first, then name it here" if "build" in definition else ""
            raise self.project.error(("services", key), f'needs an "image"{hint}')
        problem = image_problem(image)
        if problem:
            raise self.project.error(("services", key, "image"), problem)
