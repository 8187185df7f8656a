# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replacing methods of moto's classes, once a process, in a way that keeps the original at hand."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

# (class, method, module that patches it) → the replacement in force
_replacements: dict[tuple[type, str, str], Callable[..., Any]] = {}


def wrap(owner: type, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Replace method *name* of *owner* by the decorated function, which gets the original as its first argument.

    Several modules may wrap one method, each around those before. A module that wraps it again puts its new function
    in the place of its old one, so that installing the emulator again in one process does not pile up.
    """

    def decorate(replacement: Callable[..., Any]) -> Callable[..., Any]:
        key = (owner, name, replacement.__module__)
        is_new = key not in _replacements
        _replacements[key] = replacement
        if is_new:
            original = getattr(owner, name)

            @functools.wraps(original)
            def method(self: Any, *args: Any, **kwargs: Any) -> Any:
                return _replacements[key](original, self, *args, **kwargs)

            setattr(owner, name, method)
        return replacement

    return decorate


def define(owner: type, name: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make the decorated function a method of *owner*, as *name* (default: the function's own name)."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        setattr(owner, name or function.__name__, function)
        return function

    return decorate
