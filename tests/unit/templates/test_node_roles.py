# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles that make a node promise in their own files: names of hosts, the order of steps, units that go on."""

from __future__ import annotations

import configparser
import typing as t
from pathlib import Path

import jinja2
import pytest
import yaml

ROLES = Path(__file__).resolve().parents[3] / "roles"


def tasks(name: str) -> list[dict[str, t.Any]]:
    return t.cast("list[dict[str, t.Any]]", yaml.safe_load((ROLES / name).read_text()))


@pytest.mark.parametrize(
    ("region", "domain", "registries", "expected"),
    [
        ("eu-west-1", "amazonaws.com", [], ["123456789012.dkr.ecr.eu-west-1.amazonaws.com"]),
        ("cn-north-1", "amazonaws.com.cn\n", [], ["123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn"]),
        ("eusc-de-east-1", "amazonaws.eu", [], ["123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu"]),
        ("eu-west-1", None, ["x"], ["x"]),
    ],
)
def test_a_partitions_the_registrys_host_ends_in_the_domain_of_its_partition(
    region: str, domain: str | None, registries: list[str], expected: list[str]
) -> None:
    task = next(item for item in tasks("ecr/tasks/main.yml") if "__ecr_hosts" in item.get("vars", {}))
    text = task["vars"]["__ecr_hosts"].strip().removeprefix("{{").removesuffix("}}")
    given = {} if domain is None else {"content": domain}
    found = jinja2.Environment().compile_expression(text, undefined_to_none=False)(
        ecr_registries=registries, __ecr_account="123456789012", ecr_region=region, __ecr_domain=given
    )
    assert found == expected


def test_a_first_boot_upgrades_are_waited_for_before_packages_are_installed() -> None:
    (build,) = tasks("bake/tasks/build.yml")
    names = [item.get("ansible.builtin.include_role", {}).get("name", item["name"]) for item in build["block"]]
    order = [names.index(name) for name in (
        "Wait until its first boot is done", "Keep further upgrades from starting", "Wait until no upgrade runs",
        "apiary.swarm.node",
    )]  # fmt: skip
    assert order == sorted(order)
    wait = build["block"][order[2]]
    assert wait["retries"] * wait["delay"] >= 600
    assert build["module_defaults"]["ansible.builtin.apt"]["lock_timeout"] >= 600


@pytest.mark.parametrize("unit", sorted(ROLES.glob("*/templates/etc/systemd/system/apiary-swarm-*.service.j2")))
def test_units_of_the_agent_begin_anew_however_often_they_end(unit: Path) -> None:
    """By default systemd gives up after five starts in ten seconds, for good."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit.read_text())
    assert parser["Unit"]["StartLimitIntervalSec"] == "0"
    assert parser["Service"]["Restart"] in ("always", "on-failure")
