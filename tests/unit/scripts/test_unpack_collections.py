# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collections out of a wheel."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import unpack_collections


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "ansible-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("amazon/aws/MANIFEST.json", "amazon/aws/plugins/x.py", "community/aws/MANIFEST.json"):
            archive.writestr(f"ansible_collections/{name}", name)
    return path


def test_unpacks_only_what_is_named(wheel: Path, tmp_path: Path) -> None:
    assert unpack_collections.unpack(wheel, tmp_path, ["amazon.aws"]) == 2
    assert (tmp_path / "ansible_collections/amazon/aws/plugins/x.py").read_text() == "amazon/aws/plugins/x.py"
    assert not (tmp_path / "ansible_collections/community").exists()


def test_replaces_an_older_copy(wheel: Path, tmp_path: Path) -> None:
    leftover = tmp_path / "ansible_collections/amazon/aws/gone.py"
    leftover.parent.mkdir(parents=True)
    leftover.touch()
    unpack_collections.unpack(wheel, tmp_path, ["amazon.aws"])
    assert not leftover.exists()


def test_missing_collection_is_named_and_nothing_is_touched(
    wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert unpack_collections.main(["x", str(wheel), str(tmp_path), "amazon.aws", "no.such"]) == 1
    assert "does not hold no.such" in capsys.readouterr().err
    assert not (tmp_path / "ansible_collections").exists()


def test_wrong_usage_prints_how_to_use_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert unpack_collections.main(["x"]) == 2
    assert "usage:" in capsys.readouterr().err
