# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison of a role's defaults with its argument specifications."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import argument_specs
import pytest

STR = {"type": "str"}


@pytest.mark.parametrize(
    ("defaults", "options"),
    [
        pytest.param({"web_port": 80}, {"web_port": {"type": "int", "default": 80}}, id="equal"),
        pytest.param({"web_name": None}, {"web_name": STR}, id="null-is-no-default"),
        pytest.param({"web_url": "http://{{ web_name }}"}, {"web_url": STR}, id="computed"),
        pytest.param({}, {"web_name": STR | {"required": True}}, id="required"),
    ],
)
def test_agreement(defaults: dict[str, Any], options: dict[str, Any]) -> None:
    assert list(argument_specs.differences("web", defaults, options)) == []


@pytest.mark.parametrize(
    ("defaults", "options", "complaint"),
    [
        pytest.param({"web_port": 80}, {}, "does not know it", id="undocumented"),
        pytest.param({}, {"web_port": {"type": "int"}}, "defaults/main.yml must set it", id="no-default"),
        pytest.param(
            {"web_port": 80}, {"web_port": {"type": "int", "default": 81}}, "is 80 in defaults/main.yml, 81", id="value"
        ),
        pytest.param({"web_port": 80}, {"web_port": {"type": "int"}}, "None in meta", id="value-not-stated"),
        pytest.param(
            {"web_name": "x"}, {"web_name": STR | {"required": True}}, "must not have a default", id="required"
        ),
        pytest.param({"web_url": "{{ x }}"}, {"web_url": STR | {"default": "y"}}, "is computed", id="computed"),
        pytest.param({"port": 80}, {"port": {"type": "int", "default": 80}}, "start with the role's name", id="prefix"),
        pytest.param({"web_name": None}, {"web_name": {}}, "has no type", id="no-type"),
    ],
)
def test_disagreement(defaults: dict[str, Any], options: dict[str, Any], complaint: str) -> None:
    (problem,) = argument_specs.differences("web", defaults, options)
    assert problem.startswith("web: ")
    assert complaint in problem


def test_check_reads_all_entry_points(tmp_path: Path) -> None:
    role = tmp_path / "web"
    for name in ("tasks", "meta", "defaults"):
        (role / name).mkdir(parents=True)
    (role / "defaults/main.yml").write_text("web_port: 80\nweb_log: null\n")
    (role / "meta/argument_specs.yml").write_text(
        "argument_specs:\n"
        "  main: {options: {web_port: {type: int, default: 80}}}\n"
        "  logs: {options: {web_log: {type: path}}}\n"
    )
    assert argument_specs.check(tmp_path) == []


def test_unsafe_strings_are_literal(tmp_path: Path) -> None:
    path = tmp_path / "main.yml"
    path.write_text('web_tag: !unsafe "{{.Name}}"\n')
    defaults = argument_specs.load(path)
    assert defaults == {"web_tag": "{{.Name}}"}
    assert not argument_specs.is_computed(defaults["web_tag"])


def test_role_without_specification_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "web/tasks").mkdir(parents=True)
    assert argument_specs.main(["x", str(tmp_path)]) == 1
    assert capsys.readouterr().out == "web: meta/argument_specs.yml is missing\n"
