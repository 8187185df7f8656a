# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images and digests, and what registries' refusals mean."""

from __future__ import annotations

import threading
import time
import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._errors import EngineError, ImageUnresolved, NotFound
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.registry.digest import Resolved, explain, pin, resolve

DIGEST = "sha256:" + "a" * 64


class Registry:
    """Knows some images and counts the questions; the first *errors* of them get the error."""

    def __init__(self, error: EngineError | None = None, errors: int = 99) -> None:
        self.asked: list[tuple[str, str]] = []
        self._error = error
        self._errors = errors
        self._lock = threading.Lock()

    def distribution(self, image: str, registry_auth: str = "") -> dict[str, t.Any]:
        with self._lock:
            self.asked.append((image, registry_auth))
            late = len(self.asked) > self._errors
        if self._error and not late:
            raise self._error
        platforms = [{"architecture": "arm", "os": "linux"}, {"architecture": "amd64", "os": "linux"}]
        return {"Descriptor": {"digest": DIGEST}, "Platforms": platforms}


def test_each_distinct_image_is_asked_for_once() -> None:
    registry = Registry()
    found = resolve(registry, ["a:1", "b", "a:1"], lambda image: f"auth-{image}")
    assert sorted(registry.asked) == [("a:1", "auth-a:1"), ("b", "auth-b")]
    assert found["b"] == Resolved(f"b:latest@{DIGEST}", (("", "linux"), ("amd64", "linux")))
    assert resolve(registry, [], lambda _image: "") == {}


def test_an_image_with_a_digest_keeps_it_and_gets_its_platforms() -> None:
    """Or the scheduler gives it to nodes of any kind."""
    own = "sha256:" + "c" * 64
    registry = Registry()
    found = resolve(registry, [f"c:1@{own}"], lambda image: "auth")
    assert registry.asked == [(f"c:1@{own}", "auth")]
    assert found[f"c:1@{own}"] == Resolved(f"c:1@{own}", (("", "linux"), ("amd64", "linux")))


@pytest.mark.parametrize("words", ["manifest unknown", "denied", "connection refused"])
def test_an_image_with_a_digest_needs_no_answer(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    own = f"c:1@{DIGEST}"
    found = resolve(Registry(EngineError(f"Cannot look up: {words}", 500)), [own], lambda _image: "")
    assert found == {own: Resolved(own, None)}


def test_platforms_that_nobody_can_say_are_those_of_the_very_same_image() -> None:
    known = [{"Architecture": "amd64", "OS": "linux"}]

    def spec(image: str, **placement: t.Any) -> dict[str, t.Any]:
        return {"TaskTemplate": {"ContainerSpec": {"Image": image}, **({"Placement": placement} if placement else {})}}

    unknown = Resolved("a:2@x", None)
    live = spec("a:2@x", Platforms=known)
    assert pin(spec("a:2"), unknown, live) == spec("a:2@x", Platforms=known)
    assert pin(spec("a:2", Constraints=["c"]), unknown, live) == spec("a:2@x", Constraints=["c"], Platforms=known)
    assert pin(spec("a:2"), unknown, spec("a:1@y", Platforms=known)) == spec("a:2@x")
    assert pin(spec("a:1@y", Platforms=known, Constraints=["c"]), unknown, spec("a:1@y", Platforms=known)) == spec(
        "a:2@x", Constraints=["c"]
    )
    assert pin(spec("a:2"), unknown) == spec("a:2@x")


def test_one_image_that_cannot_be_had_stops_everything() -> None:
    with pytest.raises(
        ImageUnresolved, match=r"Cannot pin r\.test/a:1: registry r\.test does not have this name"
    ) as caught:
        resolve(Registry(NotFound("Cannot look up: manifest unknown", 404)), ["r.test/a:1"], lambda _image: "")
    assert caught.value.missing and caught.value.image == "r.test/a:1"


def test_a_registry_that_does_not_answer_is_asked_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    registry = Registry(EngineError("Cannot look up: dial tcp 10.0.0.1:443: i/o timeout", 500), errors=1)
    assert resolve(registry, ["a:1"], lambda _image: "")["a:1"].reference == f"a:1@{DIGEST}"
    assert len(registry.asked) == 2 and slept == [1.0]
    with pytest.raises(ImageUnresolved, match="does not answer"):
        resolve(Registry(EngineError("Cannot look up: connection refused", 500)), ["a:1"], lambda _image: "")
    refused = Registry(EngineError("Cannot look up: denied", 403))
    with pytest.raises(ImageUnresolved):
        resolve(refused, ["a:1"], lambda _image: "")
    assert len(refused.asked) == 1


@pytest.mark.parametrize(
    ("words", "status", "login", "says"),
    [
        ("unauthorized: authentication required", 401, True, "refuses the login of registry_auth (wrong or expired)"),
        ('Head "http://r/v2/": no basic auth credentials', 500, False, "wants a login and registry_auth has none"),
        ("denied: Your authorization token has expired", 403, True, "wrong or expired"),
        ("manifest unknown", 404, True, "does not have this name or tag"),
        ("dial tcp 10.0.0.1:443: connect: connection refused", 500, True, "does not answer (dial tcp"),
    ],
)
def test_why_a_registry_refuses(words: str, status: int, login: bool, says: str) -> None:
    assert says in explain(EngineError(f"Cannot look up image r/a: {words}", status), login, "r")


def test_pin_copies() -> None:
    spec: dict[str, t.Any] = {
        "TaskTemplate": {"ContainerSpec": {"Image": "a:1"}, "Placement": {"Constraints": ["x==y"]}}
    }
    done = pin(spec, Resolved("a:1@d", (("amd64", "linux"),)))
    assert spec["TaskTemplate"]["ContainerSpec"]["Image"] == "a:1"
    assert done["TaskTemplate"] == {
        "ContainerSpec": {"Image": "a:1@d"},
        "Placement": {"Constraints": ["x==y"], "Platforms": [{"Architecture": "amd64", "OS": "linux"}]},
    }
