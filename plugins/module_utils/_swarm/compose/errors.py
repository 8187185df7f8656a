# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error of this package, and the words that its messages share."""

from __future__ import annotations

from ..._errors import InvalidInput
from ..problems import Path, revealed


class ComposeError(InvalidInput):
    """A stack file that cannot be deployed.

    The message is one sentence that names the file, the line and the key, says what is wrong and what to write
    instead, such as C(stack.yml:7: services.web.deploy.replicas: must be an integer, not "two").
    """

    def __init__(self, problem: str, *, file: str = "", line: int = 0, path: Path = ()) -> None:
        self.problem = revealed(problem)
        self.file = file
        self.line = line
        self.path = path
        super().__init__(place(file, line, path) + self.problem)


def place(file: str, line: int, path: Path) -> str:
    """Return the first words of a message: C(stack.yml:7: services.web.image: )."""
    where = f"{file}:{line}" if file and line else file
    return "".join(f"{part}: " for part in (where, dotted(path)) if part)


def dotted(path: Path) -> str:
    """Return the path as users write it: C(services.web.ports[0])."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text
