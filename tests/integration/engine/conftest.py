# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures: one real swarm of two nodes for the session, and a clean stack name for each test."""

from __future__ import annotations

import contextlib
import itertools
import typing as t
from pathlib import Path

import docker
import pytest
from engine_recorder import Recorder
from lab import Lab, missing
from workbench import Swarm

_COUNT = itertools.count(1)
SICK = {"Healthcheck": {"Test": ["CMD-SHELL", "echo not well; exit 1"], "Interval": 500_000_000, "Retries": 2}}


@pytest.fixture(scope="session")
def swarm() -> t.Iterator[Swarm]:
    """One manager and one worker, with images C(v1), C(v2), C(crash) (exit code 7), C(sick) (health check fails)."""
    problem = missing()
    assert problem is None, problem
    with Lab() as lab:
        nodes = lab.swarm(managers=1, workers=1)
        serve = ["httpd", "-f", "-p", "8080", "-h", "/www"]
        crash = ["sh", "-c", "echo starting; echo no database >&2; sleep 0.3; exit 7"]
        images = {tag: lab.image("app", tag, serve, {"/www/index.html": tag}) for tag in ("v1", "v2")}
        images["crash"] = lab.image("app", "crash", crash)
        images["sick"] = lab.image("app", "sick", ["sleep", "1000"], config=SICK)
        client = nodes[0].client()
        yield Swarm(lab, nodes, client, images)
        client.close()


@pytest.fixture
def name(swarm: Swarm) -> t.Iterator[str]:
    """A stack name of the test's own; whatever carries it is removed afterwards."""
    own = f"t{next(_COUNT)}"
    yield own
    for service in swarm.client.services():
        if service["Spec"]["Name"].startswith(own):
            swarm.client.remove_service(service["ID"])
    for kind in ("configs", "secrets"):
        for item in getattr(swarm.client, kind)():
            if own in item["Spec"]["Name"]:
                with contextlib.suppress(docker.errors.APIError):
                    getattr(swarm.client, f"remove_{kind[:-1]}")(item["ID"])
    swarm.module("stack", name=own, state="absent", wait_timeout=20)


@pytest.fixture
def recorder(swarm: Swarm, tmp_path: Path) -> t.Iterator[Recorder]:
    """A recording proxy in front of the first manager."""
    proxy = Recorder(swarm.nodes[0].socket, tmp_path / "r.sock")
    yield proxy
    proxy.close()
