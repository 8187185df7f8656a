# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""Labels of configs and secrets: all that can change of one that exists."""

from __future__ import annotations

import typing as t

from ..._errors import EngineError, NotFound, OutOfSequence, PlanRefused
from ..engine import Engine

_TRIES = 4


def relabel(engine: Engine, kind: str, object_id: str, labels: t.Mapping[str, str], data: str | None = None) -> None:
    """Give a config or secret these labels and no others; its content goes back as the engine shows it.

    The engine compares the content of a config with what it has, and lets that of a secret be left out (swarmkit,
    manager/controlapi/config.go and secret.go).

    Args:
        data: content that a secret must have; the engine refuses any other.

    Raises:
        NotFound: it is gone.
        PlanRefused: the secret has other content.
        OutOfSequence: others write to it all the time.
    """
    read = {"config": engine.configs, "secret": engine.secrets}[kind]
    for attempt in range(1, _TRIES + 1):
        found = next(iter(read({"id": [object_id]})), None)
        if found is None:
            raise NotFound(f"Cannot change the labels of {kind} {object_id}: it is gone")
        try:
            body = {**found["Spec"], "Labels": dict(labels), **({} if data is None else {"Data": data})}
            engine.update_config(object_id, found["Version"]["Index"], body, kind)
            return
        except OutOfSequence:
            if attempt == _TRIES:
                raise
        except EngineError as exc:
            if data is None or "only updates to Labels" not in exc.message:
                raise
            raise PlanRefused(
                f"{kind} {found['Spec']['Name']} exists with other content and cannot change: leave its name out of "
                "the file, then each content gets a name of its own"
            ) from exc
