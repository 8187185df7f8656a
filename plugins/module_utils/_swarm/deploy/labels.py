# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels of configs and secrets: all that can change of one that exists."""

from __future__ import annotations

import typing as t

from ..._errors import EngineError, NotFound, OutOfSequence, PlanRefused
from ..engine import Engine
from ..retry import is_unknown, until_answered


def relabel(engine: Engine, kind: str, object_id: str, labels: t.Mapping[str, str], data: str | None = None) -> None:
    """Give a config or secret these labels and no others; its content goes back as the engine shows it.

    The engine compares name and content with what it has; the content, which it never shows of a secret, may be left
    out (swarmkit manager/controlapi/config.go: UpdateConfig, secret.go: UpdateSecret).

    :param data: content that a secret must have; the engine refuses any other.
    :raises NotFound: it is gone.
    :raises PlanRefused: the secret has other content.
    :raises OutOfSequence: others write to it all the time.
    """
    until_answered(lambda: _relabel(engine, kind, object_id, labels, data), again=_may_pass)


def _relabel(engine: Engine, kind: str, object_id: str, labels: t.Mapping[str, str], data: str | None) -> None:
    read = {"config": engine.configs, "secret": engine.secrets}[kind]
    found = next(iter(read({"id": [object_id]})), None)
    if found is None:
        raise NotFound(f"Cannot change the labels of {kind} {object_id}: it is gone")
    if data is None and (found["Spec"].get("Labels") or {}) == dict(labels):
        return
    body = {**found["Spec"], "Labels": dict(labels), **({} if data is None else {"Data": data})}
    try:
        engine.update_config(object_id, found["Version"]["Index"], body, kind)
    except EngineError as exc:
        if data is None or "only updates to Labels" not in exc.message:
            raise
        raise PlanRefused(
            f"{kind} {found['Spec']['Name']} exists with other content and cannot change: leave its name out of "
            "the file, then each content gets a name of its own"
        ) from exc


def _may_pass(error: EngineError) -> bool:
    return is_unknown(error) or isinstance(error, OutOfSequence)
