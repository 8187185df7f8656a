# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures: one region for the session, empty for each test, and a runner for modules."""

from __future__ import annotations

import json
import os
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))

from ansible.module_utils.testing import patch_module_args
from inventory_lister import Lister
from moto_region import Region


@pytest.fixture(scope="session")
def region_server() -> t.Iterator[Region]:
    """The region; started once."""
    server = Region()
    yield server
    server.close()


@pytest.fixture
def region(region_server: Region, environment: None) -> Region:
    """The region, empty, and the environment that leads there."""
    region_server.reset()
    return region_server


@pytest.fixture
def environment(region_server: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment that leads to the region."""
    for name in ("AWS_PROFILE", "AWS_CA_BUNDLE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in region_server.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def run_module(capsys: pytest.CaptureFixture[str]) -> t.Callable[..., dict[str, t.Any]]:
    """Return a function that runs a module's ``main`` in this process and returns its result."""

    def run(module: t.Any, *, check: bool = False, diff: bool = False, **options: t.Any) -> dict[str, t.Any]:
        arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": diff}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        result: dict[str, t.Any] = json.loads(capsys.readouterr().out)
        return result

    return run


@dataclass(frozen=True)
class Listing:
    """An inventory in the form of ansible-inventory, and what was printed."""

    data: dict[str, t.Any]
    stderr: str
    status: int

    @property
    def hostvars(self) -> dict[str, dict[str, t.Any]]:
        """The variables by host."""
        found: dict[str, dict[str, t.Any]] = self.data.get("_meta", {}).get("hostvars", {})
        return found

    def hosts(self, group: str) -> list[str]:
        """The hosts of *group*, in order."""
        members: list[str] = self.data.get(group, {}).get("hosts", [])
        return members

    @property
    def warnings(self) -> str:
        """All warnings and errors, on one line."""
        return " ".join(self.stderr.split())


@pytest.fixture(scope="session")
def lister() -> t.Iterator[Lister]:
    """The program that lists inventories; started once."""
    program = Lister()
    yield program
    program.close()


@pytest.fixture
def list_inventory(lister: Lister, tmp_path: Path) -> t.Callable[..., Listing]:
    """Return a function that lists an inventory from its configuration, given as a dictionary.

    With C(directory), all inventories of C(tmp_path) are read, in the order of their names.
    """

    def run(
        config: dict[str, t.Any], *, name: str = "demo.swarm_ec2.yml", directory: bool = False, **environment: str
    ) -> Listing:
        path = tmp_path / name
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        return Listing(**lister.list(tmp_path if directory else path, {**os.environ, "COLUMNS": "500", **environment}))

    return run


@pytest.fixture
def base(region: Region) -> str:
    """An image to bake from."""
    image: str = region.client("ec2").describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    return image


@pytest.fixture
def make_image(region: Region, base: str) -> t.Callable[..., str]:
    """Return a function that makes a baked image with more tags, and ends the machine that it was made from."""
    ec2 = region.client("ec2")

    def make(name: str, **tags: str) -> str:
        (instance,) = ec2.run_instances(ImageId=base, MinCount=1, MaxCount=1)["Instances"]
        image: str = ec2.create_image(InstanceId=instance["InstanceId"], Name=name)["ImageId"]
        ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
        held = {"swarm:bake": "true", "swarm:cluster": "demo", **{f"swarm:{key}": value for key, value in tags.items()}}
        ec2.create_tags(Resources=[image], Tags=[{"Key": key, "Value": value} for key, value in held.items()])
        region.forget()
        return image

    return make
