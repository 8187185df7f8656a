# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent keeps on disk: the old content or the new one, and the last good one when it is broken."""

from __future__ import annotations

import errno
import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._agent import files
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge import follow as edge
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.follow import Edge
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.nginx import EdgeOptions, render
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.routes import Route, Routes, Task
from ansible_collections.apiary.swarm.plugins.module_utils._errors import SwarmError

OPTIONS = EdgeOptions("n")
ONE = Routes((Route("web", 80, tasks=(Task("t1", "10.1.1.1"),)),))
TWO = Routes((Route("web", 80, tasks=(Task("t2", "10.1.1.2"),)),))


def test_a28_a_file_is_moved_into_place_once_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "routes.json"
    target.write_text("old")
    steps: list[str] = []
    plain_sync, plain_replace = os.fsync, Path.replace

    def sync(handle: int) -> None:
        steps.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink().name}")
        plain_sync(handle)

    def replace(self: Path, to: Path) -> Path:
        assert target.read_text() == "old"
        steps.append("move")
        return plain_replace(self, to)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", replace)
    assert files.write(target, "new")
    assert target.read_text() == "new"
    assert steps == ["sync .routes.json.new", "move", f"sync {tmp_path.name}"]
    assert not files.write(target, "new"), "the disk is left alone when nothing changes"


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a28_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    target = tmp_path / "routes.json"
    target.write_text("old")

    def full(*dummy: t.Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((os, "fsync", full) if fails == "fsync" else (Path, "replace", full)))
    with pytest.raises(SwarmError, match="No space left on device"):
        files.write(target, "new")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["routes.json"]


class Nothing:
    """Neither engine nor container are asked while an edge prepares."""


def prepare(folder: Path) -> Edge:
    nothing: t.Any = Nothing()
    found = Edge(nothing, nothing, folder, OPTIONS, "10.0.0.1", 1, lambda _line: None)
    found.prepare()
    return found


BROKEN = ["", "{", ONE.to_json()[:80], "null", "[]", '{"schema": 99}', "\x00" * 300]


@pytest.mark.parametrize("broken", BROKEN)
def test_a28_a_broken_document_drops_no_route(tmp_path: Path, broken: str) -> None:
    (tmp_path / edge.CONFIG).write_text(render(TWO, OPTIONS))
    (tmp_path / edge.DOCUMENT).write_text(broken)
    (tmp_path / edge.FORMER).write_text(ONE.to_json())
    prepare(tmp_path)
    assert (tmp_path / edge.CONFIG).read_text() == render(TWO, OPTIONS), "what the web server runs is the newest"


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("config", ["", render(TWO, OPTIONS)[:700]])
def test_a28_when_the_configuration_is_broken_too_the_former_routes_count(
    tmp_path: Path, broken: str, config: str
) -> None:
    (tmp_path / edge.CONFIG).write_text(config)
    (tmp_path / edge.DOCUMENT).write_text(broken)
    (tmp_path / edge.FORMER).write_text(ONE.to_json())
    prepare(tmp_path)
    assert (tmp_path / edge.CONFIG).read_text() == render(ONE, OPTIONS)


def test_a28_the_former_document_is_kept(tmp_path: Path) -> None:
    found = prepare(tmp_path)
    found._keep(ONE.to_json())
    found._keep(TWO.to_json())
    found._keep(TWO.to_json())
    assert (tmp_path / edge.FORMER).read_text() == ONE.to_json()
    assert (tmp_path / edge.DOCUMENT).read_text() == TWO.to_json()


def test_a28_nothing_in_the_agent_writes_in_place() -> None:
    """Every file that the agent keeps goes through one function; cleaning an image empties files for good."""
    source = Path(files.__file__).parent
    found = {
        str(path.relative_to(source))
        for path in source.rglob("*.py")
        if any(call in path.read_text() for call in ("write_text(", "write_bytes(", '.open("w', 'open(path, "w'))
    }
    assert found == {"files.py", "image/clean.py"}
