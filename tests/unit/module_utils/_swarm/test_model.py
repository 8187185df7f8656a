# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model's way through JSON."""

from __future__ import annotations

import json
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.apiary.swarm.plugins.module_utils._swarm import model as m

texts = st.text(max_size=5)
specs = st.dictionaries(texts, st.one_of(texts, st.integers(), st.booleans(), st.lists(texts, max_size=2)), max_size=2)
routes = st.builds(m.Route, st.integers(1, 65535), texts, texts, st.sampled_from(m.BALANCES), st.integers(0, 1000))
services = st.builds(
    m.ServiceEntry, texts, specs, texts, st.lists(texts, max_size=2), st.integers(0, 9), st.none() | specs,
    st.lists(routes, max_size=2),
)  # fmt: skip
networks = st.builds(m.NetworkEntry, texts, texts, st.booleans(), specs)
objects = st.builds(m.ObjectEntry, texts, texts, st.booleans(), st.booleans(), texts, specs, st.none() | texts)
volumes = st.builds(m.VolumeEntry, texts, texts, st.booleans(), specs)
migrations = st.builds(m.Migration, texts, st.lists(texts, max_size=2), st.integers(1, 9))


def by_key(entries: st.SearchStrategy[t.Any]) -> st.SearchStrategy[t.Any]:
    return st.dictionaries(texts, entries, max_size=2)


models = st.builds(
    m.StackModel, texts, by_key(services), by_key(networks), by_key(objects), by_key(objects), by_key(volumes),
    st.builds(m.StackOptions, texts, texts, st.booleans(), texts), st.lists(migrations, max_size=2),
    st.lists(texts, max_size=2),
)  # fmt: skip


@given(models)
def test_json_round_trip(model: m.StackModel) -> None:
    assert m.StackModel.from_dict(json.loads(json.dumps(model.to_dict()))) == model


@given(models)
def test_secrets_travel_apart(model: m.StackModel) -> None:
    bare, data = model.split_secret_data()
    assert all(entry.data is None for entry in bare.secrets.values())
    assert bare.with_secret_data(data) == model
    assert bare.configs == model.configs


def test_smallest() -> None:
    assert m.StackModel.from_dict({"version": m.MODEL_VERSION, "name": "x"}) == m.StackModel("x")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"name": "x"}, "reads stack models of version 1, not None"),
        ({"version": 2, "name": "x"}, "reads stack models of version 1, not 2"),
        ({"version": 1}, "StackModel needs name"),
        ({"version": 1, "name": "x", "colour": 1}, "StackModel has no field colour"),
        ({"version": 1, "name": "x", "services": {"a": {"name": "a"}}}, "ServiceEntry needs image, spec"),
        ({"version": 1, "name": "x", "options": {"a": 1}}, "StackOptions has no field a"),
    ],
)
def test_foreign_data(data: dict[str, t.Any], problem: str) -> None:
    with pytest.raises(m.ModelError, match=problem):
        m.StackModel.from_dict(data)
