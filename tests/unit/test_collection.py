# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the collection that no outside tool knows: layers, headers, sizes, the action group."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from documents import ROOT, documentation_of, relative

from ansible_collections.apiary.swarm.plugins.lookup.bake_parts import LIBRARIES

PLUGINS = ROOT / "plugins"
MODULES = sorted(path for path in (PLUGINS / "modules").glob("*.py"))
UTILS = sorted((PLUGINS / "module_utils").rglob("*.py"))
HELPERS = sorted((PLUGINS / "plugin_utils").rglob("*.py"))
SOURCES = sorted(
    path
    for folder in ("plugins", "roles/local_region/files", "scripts", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if ".cache" not in path.parts
)
ROLES = sorted(path.parent for path in (ROOT / "roles").glob("*/tasks"))
PLAYS = sorted(path for path in (ROOT / "playbooks").rglob("*.yml") if path.parent.name != "vars")
TASKS = [*PLAYS, *sorted((ROOT / "roles").glob("*/tasks/*.yml"))]
# Roles that run on the controller instead of setting up a node; the end-to-end tests run them.
ON_THE_CONTROLLER = ("bake", "cluster", "deploy", "local_region")

HEADER = (
    "# Copyright (c) 2026 The apiary.swarm contributors",
    "# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)",
    "# SPDX-License-Identifier: GPL-3.0-or-later",
)
PRIVATE = "# Private to the collection: may change in any release."

# Pure parts decide; they know neither SDKs nor Ansible. A file or a package says so in its docstring.
IS_PURE = re.compile(r"\b[Pp]ure\b")
IMPURE_PACKAGES = {"ansible", "boto3", "botocore", "docker", "requests"}
DOCUMENTED = ("DOCUMENTATION", "EXAMPLES", "RETURN")
MAX_LINES = 450


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield what a file imports as (level of a relative import or 0, dotted name)."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.level, node.module or alias.name) for alias in node.names)


def is_pure(path: Path) -> bool:
    """Say whether a file, or a package around it, calls itself pure in its first sentences."""
    faces = [folder / "__init__.py" for folder in path.parents if PLUGINS in folder.parents]
    texts = (ast.get_docstring(ast.parse(one.read_text())) or "" for one in [path, *faces] if one.exists())
    return any(IS_PURE.search(text.replace("pure Python", "")) for text in texts)


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_source_says_whose_it_is(path: Path) -> None:
    lines = path.read_text().splitlines()
    shebang = bool(lines) and lines[0] == "#!/usr/bin/python"
    assert tuple(lines[shebang : shebang + 3]) == HEADER or not lines


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_source_is_short_enough_to_read(path: Path) -> None:
    """What a module documents is not counted: that is a page of its own, as long as its options are many."""
    text = path.read_text()
    documented = [node for node in ast.parse(text).body if isinstance(node, ast.Assign) and named(node) in DOCUMENTED]
    lines = len(text.splitlines()) - sum((node.end_lineno or node.lineno) - node.lineno + 1 for node in documented)
    assert lines <= MAX_LINES


def tasks_of(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the tasks of a file, those inside of plays and blocks too."""
    held = list(yaml.safe_load(path.read_text()) or ())
    while held:
        entry = held.pop()
        held += [task for key in ("tasks", "pre_tasks", "block", "rescue", "always") for task in entry.get(key, ())]
        yield entry


def named(node: ast.Assign) -> str:
    return node.targets[0].id if isinstance(node.targets[0], ast.Name) else ""


@pytest.mark.parametrize("path", [*SOURCES, *(ROOT / "examples").rglob("*.py")], ids=relative)
def test_what_is_unused_has_a_name(path: Path) -> None:
    """ansible-test's pylint refuses "_", which Ansible's old modules used for translations; call it "dummy"."""
    tree = ast.parse(path.read_text())
    names = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "_"]
    arguments = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.arg) and node.arg == "_"]
    assert sorted(names + arguments) == []


@pytest.mark.parametrize("path", UTILS, ids=relative)
def test_utilities_are_private(path: Path) -> None:
    """Each package says so once, in its face; a file outside of packages says so itself."""
    face = path.with_name("__init__.py")
    assert path.relative_to(PLUGINS / "module_utils").parts[0].startswith("_")
    assert PRIVATE in (face if face.exists() else path).read_text().splitlines()


@pytest.mark.parametrize("path", [path for path in (*UTILS, *HELPERS) if is_pure(path)], ids=relative)
def test_pure_parts_import_no_sdk_and_no_ansible(path: Path) -> None:
    impure = [name for level, name in imports(path) if not level and name.partition(".")[0] in IMPURE_PACKAGES]
    assert impure == []


def test_the_parts_that_decide_call_themselves_pure() -> None:
    """Taking the word out of a docstring takes its file out of the guard: these must stay."""
    pure = {str(path.relative_to(PLUGINS / "module_utils")) for path in UTILS if is_pure(path)}
    assert pure >= {
        "_diff.py",
        "_errors.py",
        "_agent/edge/routes.py",
        "_agent/membership/chores.py",
        "_agent/membership/election.py",
        "_aws/cluster/formation.py",
        "_aws/logs/groups.py",
        "_swarm/compose/merge.py",
        "_swarm/convert/service.py",
        "_swarm/deploy/releases.py",
        "_swarm/deploy/terms.py",
        "_swarm/model.py",
        "_swarm/nodes.py",
        "_swarm/plan/stack.py",
        "_swarm/plan/steps.py",
        "_swarm/routes.py",
        "_swarm/watch/verdict.py",
    }


def test_execution_environment_has_what_plugins_import() -> None:
    """Others bring the rest: ansible-core Jinja and PyYAML, boto3 botocore, docker requests."""
    lines = (ROOT / "meta/ee-requirements.txt").read_text().splitlines()
    named = {line.partition(">=")[0] for line in lines if not line.startswith("#")}
    roots = {name.partition(".")[0] for path in PLUGINS.rglob("*.py") for level, name in imports(path) if not level}
    others = {name for name in roots if name not in sys.stdlib_module_names and not name.startswith("ansible")}
    assert {"boto3" if name == "botocore" else name for name in others - {"jinja2", "requests", "yaml"}} == named


@pytest.mark.parametrize("path", [path for path in UTILS if len(path.relative_to(PLUGINS).parts) > 2], ids=relative)
def test_packages_that_go_to_a_node_import_relatively(path: Path) -> None:
    assert [name for level, name in imports(path) if not level and name.startswith("ansible_collections")] == []


def test_the_agent_takes_along_all_that_its_packages_use() -> None:
    """The role packs whole packages, so whatever a file of one imports must be packed too."""
    parts = yaml.safe_load((ROOT / "roles/agent/vars/main.yml").read_text())["__agent_parts"]
    assert [Path(part).name for part in LIBRARIES] == parts
    top = PLUGINS / "module_utils"
    used = {
        (path.relative_to(PLUGINS).parts[1], name.partition(".")[0])
        for path in UTILS
        for level, name in imports(path)
        if level == len(path.relative_to(top).parts)
    }
    packed = {Path(part).stem for part in parts}
    assert [f"{user} needs {name}" for user, name in sorted(used) if user in packed and name not in packed] == []


def test_aws_and_swarm_do_not_know_the_agent() -> None:
    upward = [
        f"{relative(path)}: {name}"
        for package in ("_aws", "_swarm")
        for path in (PLUGINS / "module_utils" / package).rglob("*.py")
        for _level, name in imports(path)
        if "_agent" in name.split(".")
    ]
    assert upward == []


@pytest.mark.parametrize("module", ["job", "service", "stack"])
def test_module_takes_no_compose_parser_along_to_the_node(module: str) -> None:
    package = "ansible_collections.apiary.swarm.plugins"
    code = f"import sys, {package}.modules.{module}; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()
    assert f"{package}.module_utils._swarm.arguments.common" in loaded
    assert [name for name in loaded if name.startswith(f"{package}.module_utils._swarm.compose")] == []


def test_action_group_names_every_module() -> None:
    runtime = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())
    assert runtime["action_groups"]["swarm"] == [path.stem for path in MODULES]


def test_modules_of_aws_run_on_the_controller_without_a_process_of_their_own() -> None:
    routing = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())["plugin_routing"]["modules"]
    found = [name for name, route in routing.items() if route == {"action_plugin": "apiary.swarm.log_group"}]
    assert sorted([*found, "log_group"]) == [path.stem for path in MODULES if "WORK = AwsWork(" in path.read_text()]


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_module_states_what_it_promises(path: Path) -> None:
    documentation = documentation_of(path)
    fragments = documentation.get("extends_documentation_fragment", [])
    assert "apiary.swarm.attributes" in fragments
    if "apiary.swarm.attributes.info_module" not in fragments:
        promised = documentation.get("attributes", {})
        assert {"check_mode", "diff_mode", "idempotent"} <= promised.keys()
        unexplained = [
            name
            for name, attribute in promised.items()
            if attribute["support"] == "partial" and not attribute.get("details")
        ]
        assert unexplained == []


@pytest.mark.parametrize("role", ROLES, ids=relative)
def test_role_has_all_its_parts(role: Path) -> None:
    assert [
        name
        for name in ("README.md", "defaults/main.yml", "meta/argument_specs.yml", "tasks/main.yml")
        if not (role / name).exists()
    ] == []


@pytest.mark.parametrize("role", [role for role in ROLES if role.name not in ON_THE_CONTROLLER], ids=relative)
def test_role_has_a_scenario(role: Path) -> None:
    assert (ROOT / "molecule" / role.name / "molecule.yml").exists()


def test_no_sanity_finding_is_ignored() -> None:
    assert list((ROOT / "tests/sanity").glob("ignore*")) == []


@pytest.mark.parametrize("path", TASKS, ids=relative)
def test_u14_lists_are_shown_as_lines(path: Path) -> None:
    """Callbacks print what debug is given as JSON, with quotes and brackets; it is for one sentence."""
    shown = [
        str(task["ansible.builtin.debug"].get("msg", "")) for task in tasks_of(path) if "ansible.builtin.debug" in task
    ]
    assert [
        text for text in shown if re.search(r"apiary\.swarm\.(table|change_set|deploy_report)|\{\{ *\(?\[", text)
    ] == []
