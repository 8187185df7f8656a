# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The generated reference: pages, role tables, and the notice of what is not current."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import reference
from reference_markdown import plugin_page, role_tables

MODULE: dict[str, Any] = {
    "doc": {
        "short_description": "Keep bees",
        "description": ["Keeps O(count) bees.", "Never V(0)."],
        "requirements": ["docker >= 7"],
        "options": {
            "count": {"type": "int", "required": True, "description": ["How many | at least."]},
            "hive": {
                "type": "dict",
                "description": ["Where."],
                "suboptions": {
                    "colour": {"type": "str", "default": "red", "choices": ["red", "blue"], "description": "Paint."}
                },
            },
        },
        "attributes": {"check_mode": {"support": "full", "description": ["Changes nothing."]}},
    },
    "examples": "- apiary.swarm.bee:\n    count: 3\n",
    "return": {"bees": {"type": "list", "elements": "str", "returned": "always", "description": "Their names."}},
}


def test_plugin_page_has_every_part() -> None:
    page = plugin_page("module", "apiary.swarm.bee", MODULE)
    assert page.startswith("<!-- Generated")
    assert "# apiary.swarm.bee (module)\n\nKeep bees.\n" in page
    assert "| `count` | int | **required** | How many \\| at least. |" in page
    assert "| `hive.colour` | str | `red` | Paint.<br>One of `red`, `blue`. |" in page
    assert "| check_mode | full | Changes nothing. |" in page
    assert "```yaml\n- apiary.swarm.bee:\n    count: 3\n```" in page
    assert "| `bees` | list of str | always | Their names. |" in page


def test_empty_parts_are_left_out() -> None:
    page = plugin_page("lookup", "apiary.swarm.bee", {"doc": {"short_description": "X", "description": "Y"}})
    assert "##" not in page.replace("# apiary", "")


def test_role_tables_put_the_main_entry_point_first() -> None:
    entry = {"short_description": "Other things", "options": {"web_log": {"type": "path", "description": "Log."}}}
    main = {"short_description": "Web", "options": {"web_port": {"type": "int", "default": 80, "description": "Port."}}}
    lines = role_tables("apiary.swarm.web", {"alpha": entry, "main": main})
    assert lines[2] == "| `web_port` | int | `80` | Port. |"
    assert "Entry point `alpha`: Other things." in lines


def test_table_replaces_what_is_between_the_markers() -> None:
    readme = f"# web\n\n{reference.BEGIN}\nold\n{reference.END}\n\nAfter.\n"
    assert reference.with_table(readme, ["| new |"], "README.md") == (
        f"# web\n\n{reference.BEGIN}\n\n| new |\n\n{reference.END}\n\nAfter.\n"
    )


def test_readme_without_markers_is_refused() -> None:
    with pytest.raises(reference.DocumentationError, match=r"web/README\.md lacks the lines"):
        reference.with_table("# web\n", [], "web/README.md")


def test_playbook_page_takes_leading_comment_and_play_names(tmp_path: Path) -> None:
    (tmp_path / "bake.yml").write_text("---\n# Makes an image.\n#\n# Once.\n- name: Build it\n  hosts: all\n")
    page = reference.playbook_page(tmp_path)
    assert "## apiary.swarm.bake\n\nMakes an image.\n\nOnce.\n\n1. Build it\n" in page


def test_playbook_without_comment_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bake.yml").write_text("---\n- name: Build it\n  hosts: all\n")
    with pytest.raises(reference.DocumentationError, match=r"bake\.yml does not begin with a comment"):
        reference.playbook_page(tmp_path)


def test_stale_names_changed_missing_and_forgotten_pages(tmp_path: Path) -> None:
    pages = tmp_path / "docs" / "reference"
    pages.mkdir(parents=True)
    current, changed, forgotten, missing = (pages / f"{name}.md" for name in "abcd")
    for path in (current, changed, forgotten):
        path.write_text("old")
    assert reference.stale({current: "old", changed: "new", missing: "new"}, tmp_path) == [changed, forgotten, missing]


def test_render_goes_on_where_a_readme_is_missing(tmp_path: Path) -> None:
    entry = {"entry_points": {"main": {"short_description": "Web", "options": {}}}}
    (tmp_path / "roles/good").mkdir(parents=True)
    (tmp_path / "roles/good/README.md").write_text(f"# good\n\n{reference.BEGIN}\n{reference.END}\n")
    roles = {"apiary.swarm.bad": entry, "apiary.swarm.good": entry}
    files, problems = reference.render({"role": roles, "module": {"apiary.swarm.bee": MODULE}}, tmp_path)
    assert problems == ["roles/bad/README.md is missing"]
    names = {str(path.relative_to(tmp_path)) for path in files}
    assert names == {"docs/reference/README.md", "docs/reference/module/bee.md", "roles/good/README.md"}
