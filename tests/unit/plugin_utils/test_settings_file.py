# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files with the settings of clusters: what they may hold, and who reads them."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from documents import ROOT

from ansible_collections.apiary.swarm.plugins.module_utils._errors import InvalidInput
from ansible_collections.apiary.swarm.plugins.plugin_utils import _settings_file as settings_file
from ansible_collections.apiary.swarm.plugins.plugin_utils._given import variables_of_roles

PLAYBOOKS = sorted(path for path in (ROOT / "playbooks").rglob("*.yml") if path.parent.name != "vars")
LOADER = DataLoader()


def mistakes(**values: t.Any) -> list[str]:
    return settings_file.mistakes(values, settings_file.known_variables(), Templar(LOADER).is_template)


def read(path: Path) -> settings_file.Values:
    return settings_file.read(path, DataLoader().load_from_file)


def test_what_a_file_may_hold_is_what_the_playbooks_of_a_cluster_read() -> None:
    known = settings_file.known_variables()
    roles = {"bake", "cluster", "deploy", "node", "engine", "ecr", "agent", "edge"}
    every = {name for role in roles for name in variables_of_roles()[role]}
    assert every - known.keys() <= set(settings_file.FOR_ONE_RUN)
    assert {"region", "images_tracker", "exec_user", "swarm_patience", "stack", "files"} <= known.keys()
    assert not [name for name in known if name.startswith(("sandbox_", "local_region_"))]


def test_what_is_for_one_run_is_something_that_a_playbook_reads() -> None:
    """Otherwise the list has grown old."""
    texts = " ".join(path.read_text() for path in PLAYBOOKS)
    every = {name for names in variables_of_roles().values() for name in names}
    assert [name for name in settings_file.FOR_ONE_RUN if name not in every and f"{name}" not in texts] == []
    assert not set(settings_file.FOR_ONE_RUN) & settings_file.known_variables().keys()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("cluster_workrs", 'there is no variable "cluster_workrs" (did you mean "cluster_workers"?)'),
        ("regoin", 'there is no variable "regoin" (did you mean "region"?)'),
        ("sandbox_state", 'there is no variable "sandbox_state"'),
        ("my_own", 'there is no variable "my_own"'),
        ("state", "state is for one run: give it with -e, not here"),
        ("cluster_allow_shrink", "cluster_allow_shrink is for one run: give it with -e, not here"),
    ],
)
def test_a_variable_that_nothing_reads_is_named_with_the_nearest(name: str, says: str) -> None:
    assert [text[: len(says)] for text in mistakes(**{name: "x"})] == [says]


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("cluster_workers", "many", "a whole number"),
        ("cluster_session_manager", "perhaps", "true or false"),
        ("cluster_tags", "team", "a mapping of names to values"),
        ("cluster_availability_zones", {"a": "b"}, "a list of texts"),
        ("cluster_key_name", ["ops"], "one text"),
        ("bake_address", "somewhere", "private or public"),
    ],
)
def test_a_value_of_another_type_is_refused_and_not_quoted(name: str, value: t.Any, kind: str) -> None:
    assert mistakes(**{name: value}) == [f"{name} must be {kind}"]


@pytest.mark.parametrize(
    "values",
    [
        {"cluster_workers": "5", "cluster_session_manager": "yes", "cluster_availability_zones": "a,b"},
        {"cluster_workers": None},
        {"cluster_workers": trust_as_template("{{ lookup('ansible.builtin.pipe', 'false') }}")},
        {"deploy_env": {"TOKEN": object()}, "cluster_workers": object()},
    ],
    ids=["texts as on a command line", "not given", "a template", "a vault"],
)
def test_values_that_fit_or_that_are_known_later_only(values: dict[str, t.Any]) -> None:
    """A template is not evaluated, and a vault not opened, before somebody needs it."""
    assert mistakes(**values) == []


def test_a_file_that_is_missing_or_empty_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "prod.yml"
    assert read(path) == {}
    path.write_text("---\n")
    assert read(path) == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- 1\n", "must hold variables, one a line: cluster_workers: 5"),
        ("1: 2\n", "must hold variables, one a line: cluster_workers: 5"),
        (
            "region: a\n  x: y\n",
            "prod.yml, line 2, cannot be read: YAML parsing failed: Mapping values are not allowed in",
        ),
    ],
)
def test_a_file_that_holds_no_variables_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "prod.yml"
    path.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        read(path)
    assert says in caught.value.message and str(path) in caught.value.message


def test_another_ending_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters/prod.yaml").write_text("region: eu-west-1\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match=r"^clusters/prod\.yaml is not read: call it prod\.yml$"):
        read(settings_file.path_in("clusters", "prod"))


def test_regions_of_clusters(tmp_path: Path) -> None:
    """What a file says of the region may name the cluster and its other variables, and nothing else."""
    (tmp_path / "a.yml").write_text("region: '{{ stack }}-{{ cluster }}'\nstack: eu-west-1\n")
    (tmp_path / "b.yml").write_text("cluster_workers: 5\n")
    (tmp_path / "c.yml").write_text("region: '{{ stack }}'\n")

    def regions(*clusters: str) -> dict[str, str]:
        return settings_file.regions(clusters, str(tmp_path), LOADER, Templar(LOADER))

    assert regions("a", "b") == {"a": "eu-west-1-a"}
    with pytest.raises(InvalidInput, match=r"c\.yml: region: 'stack' is undefined"):
        regions("b", "c")
    with pytest.raises(InvalidInput, match=r"^clusters_dir: there is no .*/d\.yml$"):
        regions("d")


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.name)
def test_every_play_for_a_cluster_reads_its_settings(path: Path) -> None:
    """On all hosts, so that a builder is made of the same settings as the image's hash."""
    plays = [play for play in yaml.safe_load(path.read_text()) if "hosts" in play]
    reads = [play.get("vars_files", []) for play in plays]
    (found,) = {str(files) for files in reads}
    if path.name == "sandbox.yml":
        assert found == "[]"
        return
    where = reads[0][0]
    assert (path.parent / "vars" / where).resolve() == ROOT / "playbooks/vars/settings.yml" or (
        path.parent / where
    ).resolve() == ROOT / "playbooks/vars/settings.yml"
    assert reads[0][1:] == [["{{ __settings_file }}", where]]
    checks = plays[0]["tasks"][0].get("apiary.swarm.playbook_input")
    assert checks is None or checks["settings_file"] == "{{ __settings_file }}"


def test_the_playbooks_and_the_inventory_look_in_one_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    text = yaml.safe_load((ROOT / "playbooks/vars/settings.yml").read_text())["__settings_file"]
    for given, folder in (
        ({}, settings_file.FOLDER),
        ({"clusters_dir": "~/envs"}, "~/envs"),
        ({"clusters_dir": ""}, "clusters"),
    ):
        templar = Templar(DataLoader(), variables={"cluster": "prod", **given})
        assert templar.template(trust_as_template(text)) == str(settings_file.path_in(folder, "prod"))


@pytest.mark.parametrize("path", sorted((ROOT / "examples/clusters").iterdir()), ids=lambda path: path.name)
def test_the_examples_hold_what_they_may(path: Path) -> None:
    values = read(path)
    assert values and mistakes(**values) == []


def test_a_path_is_shown_as_people_write_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings_file.shown(settings_file.path_in("clusters", "prod")) == "clusters/prod.yml"
    assert settings_file.shown(settings_file.path_in(os.sep, "prod")) == "/prod.yml"
