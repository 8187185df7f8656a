# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How modules reach an engine: the options and the environment of community.docker, TLS with certificates of a test."""

from __future__ import annotations

import importlib
import typing as t
from pathlib import Path

import pytest
from tls_engine import NAME, TlsEngine
from workbench import Outcome, Swarm, run_module

MODULES: dict[str, dict[str, t.Any]] = {
    "cluster_info": {}, "release_info": {}, "task_info": {"service": "nobody"}, "node": {"hostname": "nobody"},
    "registry_auth": {"registry_auth": []}, "stack": {"name": "nobody", "state": "absent"},
    "service": {"name": "nobody", "state": "absent"}, "job": {"service": "nobody"},
    "exec": {"service": "nobody", "command": ["true"]},
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def tls(swarm: Swarm, folder: Path) -> t.Iterator[TlsEngine]:
    with TlsEngine(swarm.nodes[0].socket, folder) as engine:
        yield engine


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "TLS", "TLS_VERIFY", "TLS_HOSTNAME", "CERT_PATH", "API_VERSION", "TIMEOUT"):
        monkeypatch.delenv(f"DOCKER_{name}", raising=False)


def reached(outcome: Outcome) -> bool:
    """Say whether the module has spoken to the swarm's manager, whatever it then said."""
    return not outcome.failed or ("no engine answers" not in outcome.msg and "obody" in outcome.msg)


def options(engine: TlsEngine, folder: Path, **more: t.Any) -> dict[str, t.Any]:
    pair = {"client_cert": str(folder / "cert.pem"), "client_key": str(folder / "key.pem")}
    return {"docker_host": f"tcp://127.0.0.1:{engine.port}", **pair, **more}


@pytest.mark.parametrize("module", MODULES)
def test_p7_every_module_of_the_engine_goes_by_docker_host_of_the_environment(
    swarm: Swarm, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", swarm.host)
    assert reached(run_module(module, MODULES[module], check=True))


@pytest.mark.parametrize("module", MODULES)
def test_p7_every_module_of_the_engine_has_the_options_of_its_peer(module: str) -> None:
    code = importlib.import_module(f"ansible_collections.apiary.swarm.plugins.modules.{module}")
    found = code.WORK.arguments
    known = {name for option, spec in found.items() for name in (option, *spec.get("aliases", ()))}
    assert known >= {
        "docker_host", "docker_url", "tls", "tls_hostname", "ca_path", "ca_cert", "tls_ca_cert", "cacert_path",
        "client_cert", "tls_client_cert", "cert_path", "client_key", "tls_client_key", "key_path", "validate_certs",
        "tls_verify", "api_version", "docker_api_version", "timeout", "use_ssh_client", "debug",
    }  # fmt: skip


def test_p7_a_whole_change_goes_through_tls(swarm: Swarm, tls: TlsEngine, folder: Path, name: str) -> None:
    """The listener for events is a second session, which must go the same way."""
    way = options(tls, folder, validate_certs=True, ca_path=str(folder / "ca.pem"), tls_hostname=NAME)
    before = tls.sessions
    done = run_module("service", {**way, "name": name, "image": swarm.images["v1"], "wait_timeout": 40})
    assert not done.failed, done.msg
    assert tls.sessions >= before + 2
    ran = run_module("job", {**way, "service": name, "command": ["true"], "wait_timeout": 40})
    assert not ran.failed, ran.msg


def test_p7_tls_alone_asks_nobody_who_they_are(tls: TlsEngine, folder: Path) -> None:
    assert reached(run_module("task_info", {**options(tls, folder, tls=True), "service": "nobody"}))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"tls_hostname": NAME, "ca_path": "other.pem"}, "certificate verify failed"),
        ({"ca_path": "ca.pem"}, "not valid for '127.0.0.1'"),
        ({"tls_hostname": "another.test", "ca_path": "ca.pem"}, "another.test"),
        ({"tls_hostname": NAME, "ca_path": "missing.pem"}, "Invalid CA certificate"),
    ],
)
def test_p7_an_engine_that_is_not_the_right_one_is_not_used(
    tls: TlsEngine, folder: Path, wrong: dict[str, str], why: str
) -> None:
    wrong = {**wrong, "ca_path": str(folder / wrong["ca_path"])}
    done = run_module("cluster_info", options(tls, folder, validate_certs=True, **wrong))
    assert done.failed and why in done.msg and "\n" not in done.msg


def test_p7_certificates_of_the_environment(tls: TlsEngine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{tls.port}")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_TLS_HOSTNAME", NAME)
    monkeypatch.setenv("DOCKER_CERT_PATH", str(folder))
    assert reached(run_module("task_info", {"service": "nobody"}))
    half = run_module("task_info", {"service": "nobody", "client_key": "/nowhere"})
    assert half.failed and "Path to a certificate and key files must be provided" in half.msg


def test_p7_an_empty_variable_is_none(swarm: Swarm, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_API_VERSION", "DOCKER_TIMEOUT"):
        monkeypatch.setenv(name, "")
    assert reached(swarm.module("task_info", service="nobody"))


def test_p7_the_version_of_the_api(swarm: Swarm, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reached(swarm.module("task_info", service="nobody", api_version="1.40"))
    late = swarm.module("task_info", service="nobody", api_version="9.9")
    assert late.failed and "9.9" in late.msg
    assert "api_version" in swarm.module("task_info", service="nobody", api_version="new").msg
    monkeypatch.setenv("DOCKER_API_VERSION", "9.9")
    assert swarm.module("task_info", service="nobody").failed


def test_p7_one_of_certificate_and_key() -> None:
    assert "go together" in run_module("cluster_info", {"client_cert": "/x"}).msg


def test_p7_exec_has_a_timeout_of_its_own(swarm: Swarm) -> None:
    assert reached(swarm.module("exec", service="nobody", command=["true"], timeout=1))
