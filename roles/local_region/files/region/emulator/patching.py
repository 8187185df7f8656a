# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replacing methods of moto's classes, once a process, in a way that keeps the original at hand."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]

# (class, method, module that patches it) → the replacement in force
_replacements: dict[tuple[type, str, str], Function] = {}


class Patches:
    """What one module of the emulator changes of moto: noted as its functions are defined, done by :meth:`install`."""

    def __init__(self) -> None:
        self._todo: list[Callable[[], None]] = []

    def install(self) -> None:
        """Patch moto; installing again in one process puts the same functions into their places."""
        for patch in self._todo:
            patch()

    def wrap(self, owner: type, name: str) -> Callable[[Function], Function]:
        """Replace method *name* of *owner* by the decorated function, which gets the original as its first argument.

        Several modules may wrap one method, each around those before.
        """

        def decorate(replacement: Function) -> Function:
            self._todo.append(lambda: _wrap(owner, name, replacement))
            return replacement

        return decorate

    def define(self, owner: type, name: str | None = None) -> Callable[[Function], Function]:
        """Make the decorated function a method of *owner*, as *name* (default: the function's own name)."""

        def decorate(function: Function) -> Function:
            self._todo.append(lambda: setattr(owner, name or function.__name__, function))
            return function

        return decorate


def _wrap(owner: type, name: str, replacement: Function) -> None:
    key = (owner, name, replacement.__module__)
    is_new = key not in _replacements
    _replacements[key] = replacement
    if is_new:
        original = getattr(owner, name)

        @functools.wraps(original)
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            return _replacements[key](original, self, *args, **kwargs)

        setattr(owner, name, method)
