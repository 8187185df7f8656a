# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The architecture page is the map: every package has its line there, and every line its package."""

from __future__ import annotations

import re

from documents import ROOT

_TOPS = ("plugins/module_utils", "plugins/plugin_utils", "roles/local_region/files/region", "scripts", "tests")
_LINE = re.compile(r"^\| `([\w/]+)` \|", re.MULTILINE)
#: Tests of one kind lie in folders that follow the code: their parent's line is theirs.
_FOLLOWS = "tests/unit/"


def _packages() -> set[str]:
    """Return the folders that hold Python files of their own."""
    folders = {path.parent for top in _TOPS for path in (ROOT / top).rglob("*.py")}
    names = {str(folder.relative_to(ROOT)) for folder in folders}
    return {name for name in names if not name.startswith(_FOLLOWS) and "/." not in name}


def test_every_package_is_on_the_map() -> None:
    lines = _LINE.findall((ROOT / "docs/architecture.md").read_text())
    drawn = [name for name in lines if name.startswith(_TOPS)]
    assert sorted(drawn) == sorted(_packages() | {"plugins/module_utils", "plugins/plugin_utils"})


def test_walks_name_files_that_exist() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    walks = text[text.index("Four walks:") : text.index("## The road of a deploy")]
    paths = re.findall(r"`((?:_\w+|plugins)/[\w/]+\.py)`", walks)
    homes = [ROOT / path if path.startswith("plugins/") else ROOT / "plugins/module_utils" / path for path in paths]
    assert len(homes) >= 10 and [str(path) for path in homes if not path.exists()] == []


def test_unit_tests_lie_where_their_code_does() -> None:
    folders = {
        path.parent.relative_to(ROOT / "tests/unit") for path in (ROOT / "tests/unit").glob("*_utils/**/test_*.py")
    }
    assert len(folders) > 10 and [folder for folder in folders if not (ROOT / "plugins" / folder).is_dir()] == []
