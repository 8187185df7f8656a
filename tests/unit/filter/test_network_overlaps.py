# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks that overlap are named with the variables that hold them."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.apiary.swarm.plugins.filter.network_overlaps import FilterModule, network_overlaps


@pytest.mark.parametrize(
    ("networks", "words"),
    [
        ({}, []),
        ({"a": ["10.0.0.0/16"], "b": ["10.1.0.0/16"]}, []),
        ({"a": ["10.0.0.0/16", "10.0.1.0/24"]}, []),  # of one variable: its own business
        ({"a": ["10.0.0.0/8"], "b": ["10.1.0.0/16"]}, ["a 10.0.0.0/8 overlaps with b 10.1.0.0/16"]),
        ({"a": ["10.0.0.0/8"], "b": ["10.1.0.0/16"], "c": ["10.1.2.0/24"]}, ["a ", "a ", "b "]),
        ({"a": ["10.0.0.1/8"]}, ["a '10.0.0.1/8' is not an IPv4 network"]),
        ({"a": ["fd00::/8"]}, ["a 'fd00::/8' is not an IPv4 network"]),
    ],
)
def test_overlaps(networks: dict[str, list[str]], words: list[str]) -> None:
    found = network_overlaps(networks)
    assert len(found) == len(words)
    assert all(text.startswith(start) for text, start in zip(found, words, strict=True))


def test_wrong_input() -> None:
    with pytest.raises(AnsibleFilterError):
        FilterModule().filters()["network_overlaps"](["10.0.0.0/8"])
