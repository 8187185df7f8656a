# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels of a config or secret are written until they are there."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils import _errors
from ansible_collections.apiary.swarm.plugins.module_utils._swarm import retry
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.labels import relabel

Json = dict[str, t.Any]


class Engine:
    """Knows one secret; the first writes end with the given errors, one of them after it was carried out."""

    def __init__(self, *errors: _errors.EngineError) -> None:
        self.errors = list(errors)
        self.found: Json = {"ID": "s", "Version": {"Index": 1}, "Spec": {"Name": "pw", "Labels": {"a": "1"}}}
        self.writes = 0

    def configs(self, _filters: Json) -> list[Json]:
        return []

    def secrets(self, _filters: Json) -> list[Json]:
        return [self.found]

    def update_config(self, _object_id: str, version: int, spec: Json, kind: str) -> None:
        self.writes += 1
        error = self.errors.pop(0) if self.errors else None
        if error is None or isinstance(error, _errors.AnswerLost):
            assert (kind, version) == ("secret", self.found["Version"]["Index"])
            self.found = {**self.found, "Version": {"Index": version + 1}, "Spec": spec}
        if error is not None:
            raise error


@pytest.mark.parametrize(
    ("errors", "writes"),
    [
        ((), 1),
        ((_errors.OutOfSequence("x", 500), _errors.NoLeader("x", 503)), 3),
        ((_errors.AnswerLost("x"),), 1),
    ],
    ids=["at-once", "again", "answer-lost"],
)
def test_d60_labels_are_written_until_they_are_there(
    monkeypatch: pytest.MonkeyPatch, errors: tuple[_errors.EngineError, ...], writes: int
) -> None:
    monkeypatch.setattr(retry, "PAUSE", 0)
    engine = Engine(*errors)
    relabel(t.cast(t.Any, engine), "secret", "s", {"b": "2"})
    assert engine.found["Spec"] == {"Name": "pw", "Labels": {"b": "2"}} and engine.writes == writes
    with pytest.raises(_errors.NotFound, match="it is gone"):
        relabel(t.cast(t.Any, engine), "config", "s", {})
