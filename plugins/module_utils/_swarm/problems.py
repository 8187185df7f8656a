# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a value, in a user's words, and whether the value itself may be shown. Pure.

A problem is put into words where nobody knows yet in which place the value stands, and that place may hold passwords.
So values in it are marked (:func:`kind`, :func:`marked`), and who knows the place shows (:func:`revealed`) or leaves
out (:func:`hidden`) what is marked.
"""

from __future__ import annotations

import re
import typing as t

#: A place in plain data: keys and list indexes from the top.
Path = tuple[t.Union[str, int], ...]

# Characters of Unicode's private use, which no text that people write has: begin, what to say instead, end.
_OPEN, _INSTEAD, _CLOSE = "\ue000", "\ue001", "\ue002"
_MARK = re.compile(f"{_OPEN}([^{_INSTEAD}{_CLOSE}]*)(?:{_INSTEAD}([^{_CLOSE}]*))?{_CLOSE}")
_NOT_VALUE = re.compile(f", not {_OPEN}[^{_INSTEAD}{_CLOSE}]*{_CLOSE}")
_LONGEST = 60

#: Keys of stack files below which values may be passwords: variables, command lines, labels (of proxies, say), options
#: of drivers and plugins, contents.
_PRIVATE = frozenset({
    "args", "command", "content", "driver_opts", "entrypoint", "environment", "labels", "options", "spec", "test",
})  # fmt: skip
_PUBLIC_LABELS = "edge."
_OBJECTS = ("configs", "secrets")
#: Where a mapping belongs; a text there is a command line, or what should have been an option.
_MAPPINGS = ("healthcheck", "logging", "migrate")
#: Extensions hold what is used elsewhere, variables most of all; our own has keys like any other.
_EXTENSION, _OWN_EXTENSION = "x-", "x-apiary"


class BadValue(ValueError):
    """A value that does not fit.

    :ivar problem: the rest of a sentence, with values marked; C(str) shows them.
    :ivar path: the place, below the value that was looked at.
    """

    def __init__(self, problem: str, path: Path = ()) -> None:
        super().__init__(revealed(problem))
        self.problem = problem
        self.path = path


def marked(text: str, instead: str = "") -> str:
    """Return a value or a part of one, marked.

    :param instead: what to say where it is hidden.
    """
    return f"{_OPEN}{revealed(text)}{_INSTEAD + instead if instead else ''}{_CLOSE}"


def kind(value: t.Any) -> str:
    """Return what a value is, in a user's words; a text or a number is itself, marked."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = str(value)
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
    return marked(f'"{text}"' if isinstance(value, str) else text)


def revealed(problem: str) -> str:
    """Return a problem with the values in it."""
    return _MARK.sub(lambda match: match[1], problem)


def hidden(problem: str, name: str = "") -> str:
    """Return a problem without the values in it.

    :param name: what to call a value, such as V(the value of $TAG).
    """
    problem = _NOT_VALUE.sub(f", not {name}" if name else "", problem)
    return _MARK.sub(lambda match: match[2] or name or "the value", problem)


def is_private(path: Path) -> bool:
    """Say whether the place of a stack file may hold a password, a key or a text with one in it."""
    keys = [key for key in path if isinstance(key, str)]
    if (len(path) == 2 and path[0] in _OBJECTS) or (keys and keys[-1] in _MAPPINGS):
        return True  # a text where a mapping belongs: a content, a command line
    if any(key.startswith(_EXTENSION) and key != _OWN_EXTENSION for key in keys):
        return True
    return bool(_PRIVATE.intersection(path)) and not str(path[-1]).startswith(_PUBLIC_LABELS)


def safe_name(name: t.Any) -> str:
    """Return the name of a variable without what follows a sign of equality, which was meant as its value."""
    head, equals, _value = str(name).partition("=")
    return f"{head}=..." if equals else head
