# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the bytes of stack files to one project."""

from __future__ import annotations

import typing as t

from ..problems import Path
from .document import Document, parse
from .errors import ComposeError
from .interpolate import interpolate
from .keys import ignored_warnings
from .merge import merge
from .normalize import Normalizer, Reader, Sections, Surroundings
from .schema import validate

Environment = t.Mapping[str, str]


class Project:
    """Merged stack files in their long form.

    :ivar sections: services, networks, volumes, configs, secrets and C(x-apiary).
    :ivar documents: the files, for the places of errors.
    :ivar around: environment, reader and folder.
    :ivar name: top-level C(name) of the last file that has one, or V("").
    :ivar warnings: sentences about what has no effect.
    """

    def __init__(self, sections: Sections, documents: list[Document], around: Surroundings) -> None:
        self.sections = sections
        self.documents = documents
        self.around = around
        self.warnings: list[str] = []
        names = [document.data["name"] for document in documents if document.data.get("name")]
        self.name: str = names[-1] if names else ""

    def error(self, path: Path, problem: str) -> ComposeError:
        """Return an error at this path, in the last file that has the most of it."""
        for length in range(len(path), 0, -1):
            for document in reversed(self.documents):
                if document.has(path[:length]):
                    return document.error(path, problem)
        return self.documents[-1].error(path, problem)


def load_project(
    files: t.Mapping[str, bytes | dict[str, t.Any]],
    environment: Environment,
    read: Reader,
    project_dir: str,
) -> Project:
    """Read stack files.

    :param files: content of each file by its name in messages, in the order of merging; or plain data that was never
        a file.
    :param environment: variables for interpolation and for environment entries without a value.
    :param read: returns the content of a file that the stack files name; raises OSError.
    :param project_dir: absolute path of the folder that relative bind mounts start at.
    :raises ComposeError: for the first thing that is wrong.
    """
    if not files:
        raise ComposeError('no stack file is given; name at least one in "files"')
    around = Surroundings(environment, read, project_dir)
    documents: list[Document] = []
    parts: list[Sections] = []
    warnings: list[str] = []
    for name, content in files.items():
        document = parse(name, content) if isinstance(content, bytes) else _plain(name, content)
        document = interpolate(document, environment)
        validate(document)
        normalizer = Normalizer(document, around)
        parts.append(normalizer.sections())
        documents.append(document)
        warnings += normalizer.warnings
    sections = parts[0]
    for part in parts[1:]:
        sections = merge(sections, part)
    project = Project(sections, documents, around)
    if not sections.services:
        raise project.error((), 'describes no service; write one under "services"')
    project.warnings = ignored_warnings(sections.services.items()) + warnings
    return project


def _plain(name: str, data: t.Any) -> Document:
    """Return a document of plain data. Raises ComposeError when it is not what YAML or JSON could say."""
    if not isinstance(data, dict):
        raise ComposeError('must be a mapping with "services"', file=name)

    def walk(value: t.Any, path: Path) -> t.Any:
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, str):
                    raise ComposeError(f'the key {key} is not a text; write "{key}" in quotes', file=name, path=path)
            return {str(key): walk(item, (*path, str(key))) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [walk(item, (*path, index)) for index, item in enumerate(value)]
        for scalar in (bool, int, float):
            if isinstance(value, scalar):
                return scalar(value)
        return None if value is None else str(value)

    return Document(name, walk(data, ()))
