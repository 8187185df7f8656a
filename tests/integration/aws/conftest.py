"""Fixtures: one region for the session, empty for each test, and a runner for modules."""

from __future__ import annotations

import json
import sys
import typing as t
from pathlib import Path

import pytest

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
