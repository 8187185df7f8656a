# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures: one region for the session, empty for each test, and a runner for modules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))

from ansible.module_utils.testing import patch_module_args
from moto_region import Region


@pytest.fixture(scope="session")
def region_server() -> t.Iterator[Region]:
    """The region; started once."""
    server = Region()
    yield server
    server.close()


@pytest.fixture
def region(region_server: Region, monkeypatch: pytest.MonkeyPatch) -> Region:
    """The region, empty, and the environment that leads there."""
    region_server.reset()
    for name in ("AWS_PROFILE", "AWS_CA_BUNDLE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in region_server.environment().items():
        monkeypatch.setenv(name, value)
    return region_server


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


ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Listing:
    """What ansible-inventory printed."""

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


def _untagged(data: dict[str, t.Any]) -> t.Any:
    """Read ansible-inventory's mark of text that must not be templated as the text."""
    return data["__ansible_unsafe"] if set(data) == {"__ansible_unsafe"} else data


@pytest.fixture
def list_inventory(tmp_path: Path) -> t.Callable[..., Listing]:
    """Return a function that runs ansible-inventory on a configuration, given as a dictionary."""

    def run(config: dict[str, t.Any], *, name: str = "demo.swarm_ec2.yml", **environment: str) -> Listing:
        path = tmp_path / name
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        done = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-inventory")), "-i", str(path), "--list", "--export"],
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": f"{ROOT}/.cache/ac:{ROOT}/.cache/collections",
                "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
                "COLUMNS": "500",
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Listing(
            json.loads(done.stdout, object_hook=_untagged) if done.stdout.startswith("{") else {},
            done.stderr,
            done.returncode,
        )

    return run
