# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stack files as texts, for tests."""

from __future__ import annotations

import textwrap
import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.compose import Project, load_project
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.convert.stack import build_model
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import StackModel, StackOptions


class Loader:
    """Makes projects and models of texts; C(files) are the files that they refer to."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.env: dict[str, str] = {}

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self.files[path]

    def project(self, *texts: str) -> Project:
        names = ["stack.yml", "override.yml", "third.yml"]
        files = {name: textwrap.dedent(text).encode() for name, text in zip(names, texts, strict=False)}
        return load_project(files, self.env, self.read, "/srv/project")

    def model(self, *texts: str, **options: t.Any) -> StackModel:
        return build_model(self.project(*texts), "shop", StackOptions(**options))

    def service(self, keys: str, rest: str = "") -> dict[str, t.Any]:
        """Return the spec of a service with these keys (in flow style, without braces) besides its image."""
        text = f"services: {{web: {{image: app, {keys}}}}}\n{rest}"
        return self.model(text).services["web"].spec

    def container(self, keys: str, rest: str = "") -> dict[str, t.Any]:
        spec: dict[str, t.Any] = self.service(keys, rest)["TaskTemplate"]["ContainerSpec"]
        return spec

    def definition(self, data: dict[str, t.Any]) -> StackModel:
        return build_model(load_project({"definition": data}, self.env, self.read, "/srv/project"), "shop")
