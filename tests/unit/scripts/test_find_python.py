# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The choice of interpreters for the oldest and the newest ansible-core."""

from __future__ import annotations

import sys
import venv
from pathlib import Path

import find_python
import pytest

OLD, MIDDLE, NEW, FUTURE = ((3, minor) for minor in (10, 11, 13, 14))


def at(*versions: tuple[int, int]) -> list[tuple[tuple[int, int], Path]]:
    return [(version, Path(f"/usr/bin/python{version[0]}.{version[1]}")) for version in versions]


@pytest.mark.parametrize(
    ("versions", "wish", "expected"),
    [
        pytest.param([OLD, MIDDLE, NEW], "oldest", "python3.11", id="too-old-is-passed-over"),
        pytest.param([OLD, MIDDLE, NEW], "newest", "python3.13", id="newest"),
        pytest.param([FUTURE, MIDDLE], "newest", "python3.14", id="newest-core-takes-3.14"),
        pytest.param([FUTURE], "oldest", None, id="oldest-core-does-not-take-3.14"),
        pytest.param([MIDDLE], "newest", "python3.11", id="one-serves-both"),
        pytest.param([OLD], "newest", None, id="nothing-fits"),
        pytest.param([], "oldest", None, id="nothing-found"),
    ],
)
def test_choose(versions: list[tuple[int, int]], wish: str, expected: str | None) -> None:
    chosen = find_python.choose(at(*versions), wish)
    assert (chosen and chosen.name) == expected


def test_first_of_equals_wins() -> None:
    found = [(MIDDLE, Path("/usr/local/bin/python3")), (MIDDLE, Path("/usr/bin/python3"))]
    assert find_python.choose(found, "oldest") == Path("/usr/local/bin/python3")


def test_version_of_running_interpreter() -> None:
    assert find_python.version_of(Path(sys.base_prefix, "bin/python3")) == sys.version_info[:2]


def test_virtual_environment_is_no_choice(tmp_path: Path) -> None:
    venv.create(tmp_path, symlinks=True, with_pip=False)
    assert find_python.version_of(tmp_path / "bin/python3") is None


def test_version_of_what_does_not_start(tmp_path: Path) -> None:
    shim = tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\necho 'pyenv: python3.12: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    assert find_python.version_of(shim) is None


def test_wrong_usage_prints_how_to_use_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert find_python.main(["find_python.py", "middle"]) == 2
    assert "usage:" in capsys.readouterr().err
