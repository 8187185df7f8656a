# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notices of nodes that leave: believed only when a member of the swarm says it of itself, now."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._agent.imds import Imds, ImdsError
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.departure import (
    MAX_CLOCK_DIFFERENCE,
    Seen,
    node_at,
    notice,
    sign,
    verify,
)
from ansible_collections.apiary.swarm.plugins.module_utils._errors import SwarmError

TOKENS = ["SWMTKN-worker", "SWMTKN-manager"]
NOW = 1_800_000_000.0


def body(**changes: t.Any) -> bytes:
    return json.dumps({"node_id": "n4", "address": "10.20.0.4", "time": NOW, **changes}).encode()


def test_a_member_is_believed() -> None:
    for token in TOKENS:
        assert verify(TOKENS, body(), sign(token, body()), "10.20.0.4", NOW + 1) == "n4"


@pytest.mark.parametrize(
    ("content", "signature", "sender", "now", "words"),
    [
        (body(), sign("other", body()), "10.20.0.4", NOW, "not signed"),
        (body(), "", "10.20.0.4", NOW, "not signed"),
        (body(node_id="n1"), sign(TOKENS[0], body()), "10.20.0.4", NOW, "not signed"),
        (body(), sign(TOKENS[0], body()), "10.20.0.5", NOW, "comes from 10.20.0.5"),
        (body(), sign(TOKENS[0], body()), "10.20.0.4", NOW + 301, "too old"),
        (body(), sign(TOKENS[0], body()), "10.20.0.4", NOW - 301, "too old"),
        (b"{}", sign(TOKENS[0], b"{}"), "10.20.0.4", NOW, "wrong form"),
        (b"[]", sign(TOKENS[0], b"[]"), "10.20.0.4", NOW, "wrong form"),
        (b"\xff", sign(TOKENS[0], b"\xff"), "10.20.0.4", NOW, "wrong form"),
    ],
)
def test_nobody_else_is(content: bytes, signature: str, sender: str, now: float, words: str) -> None:
    with pytest.raises(SwarmError, match=words):
        verify(TOKENS, content, signature, sender, now)


@pytest.mark.parametrize(
    "content",
    [
        *(body().replace(b"1800000000.0", time) for time in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999")),
        body(time=10**400),
        body(time=str(NOW)),
        body(time=True),
        body(time=None),
        body(time=[NOW]),
        body(node_id=["n4"]),
        body(node_id=None),
        body(address={"10.20.0.4": 1}),
        body(time=NOW + MAX_CLOCK_DIFFERENCE + 1),
        b"[" * 4000,
        b'"text"',
        b"null",
        b"",
        b"\x00\xff",
    ],
)
def test_a5_what_is_signed_but_no_notice_of_now_is_refused(content: bytes) -> None:
    with pytest.raises(SwarmError):
        verify(TOKENS, content, sign(TOKENS[0], content), "10.20.0.4", NOW)


@pytest.mark.parametrize("signature", ["\xff" * 64, "é", "\udcff", "\x00", "a" * 100_000])
def test_a5_a_signature_of_any_bytes_is_compared(signature: str) -> None:
    with pytest.raises(SwarmError, match="not signed"):
        verify(TOKENS, body(), signature, "10.20.0.4", NOW)


def node(node_id: str, address: str) -> dict[str, t.Any]:
    return {
        "ID": node_id,
        "Spec": {"Role": "worker", "Availability": "active"},
        "Status": {"State": "ready", "Addr": address},
    }


def test_a5_a_node_speaks_of_itself_only() -> None:
    nodes = [node("n4", "10.20.0.4"), node("n5", "10.20.0.5")]
    assert node_at("n4", "10.20.0.4", nodes)["ID"] == "n4"
    for named in ("n5", "n6", ""):
        with pytest.raises(SwarmError, match=r"notice from 10\.20\.0\.4"):
            node_at(named, "10.20.0.4", nodes)


def test_a5_a_notice_counts_once_as_long_as_its_time_lets_it_pass() -> None:
    seen = Seen()
    seen.take(body(), 1000.0)
    for later in (1000.0, 1000.0 + 2 * MAX_CLOCK_DIFFERENCE - 1):
        with pytest.raises(SwarmError, match="sent before"):
            seen.take(body(), later)
    seen.take(body(time=NOW + 1), 1001.0)
    seen.forget(body())
    seen.take(body(), 1002.0)


def test_a5_what_is_remembered_is_bounded() -> None:
    seen = Seen()
    for number in range(10_050):
        seen.take(str(number).encode(), 0.0)
    assert len(seen._until) == 10_000
    seen.take(b"another", 1000.0)
    assert len(seen._until) == 1, "what is too old to be taken needs no memory"


@pytest.mark.parametrize("answer", ["<html>proxy</html>", "", "[]", "null", "{}", '{"time": "2026-11-20T12:00:00Z"}'])
def test_a_page_of_a_proxy_is_no_spot_notice(answer: str) -> None:
    with pytest.raises(ImdsError):
        notice(Metadata(instance_action=answer))


class Metadata(Imds):
    """A metadata service with fixed answers."""

    def __init__(self, **answers: str) -> None:
        super().__init__()
        self.answers = answers

    def get(self, path: str) -> str | None:
        return self.answers.get(path.rpartition("/")[2].replace("-", "_"))


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (Metadata(), None),
        (Metadata(target_lifecycle_state="InService"), None),
        (Metadata(target_lifecycle_state="Terminated"), "Auto Scaling"),
        (Metadata(instance_action='{"action": "terminate"}'), "spot interruption"),
    ],
)
def test_notice(metadata: Imds, words: str | None) -> None:
    found = notice(metadata)
    assert (found is None) if words is None else (found is not None and words in found.reason)
