# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What C(docker stack deploy) and this collection make of the same stack files, on a real engine.

Each folder of C(corpus/) is one stack: its C(*.yml) files in the order of their names, and in C(case.json) the
environment and the external objects. Both sides deploy it; compared are the bodies that are sent, and the specs that
the engine then has. The image is not resolved, so the corpus needs no registry.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import typing as t
from pathlib import Path

import docker
import pytest
from lab import Lab, Node, missing, until
from recorder import Recorder

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.compose import load_project
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.convert.stack import build_model
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.apply import Applier
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import Engine
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.live import read_live
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import (
    LABEL_CONTENT,
    StackModel,
    StackOptions,
)
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan import PlanOptions, plan_stack
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan.steps import steps

CORPUS = Path(__file__).parent / "corpus"
CASES = sorted(path.name for path in CORPUS.iterdir())
STACK = "parity"
KINDS = ("networks", "configs", "secrets")

Json = t.Any


@pytest.fixture(scope="module")
def node() -> t.Iterator[Node]:
    problem = missing() or ("" if shutil.which("docker") else "the parity test needs the docker CLI")
    if problem:
        pytest.fail(problem)
    with Lab(registry=False) as lab:
        yield lab.swarm()[0]


@pytest.fixture
def engine(node: Node) -> t.Iterator[docker.APIClient]:
    client = node.client()
    yield client
    client.close()


class Case:
    """One folder of the corpus."""

    def __init__(self, name: str) -> None:
        self.folder = CORPUS / name
        self.files = sorted(self.folder.glob("*.yml"))
        settings = self.folder / "case.json"
        self.settings: dict[str, Json] = json.loads(settings.read_text()) if settings.exists() else {}
        self.environment: dict[str, str] = self.settings.get("env", {})

    def model(self) -> StackModel:
        project = load_project(
            {path.name: path.read_bytes() for path in self.files},
            self.environment,
            lambda path: (self.folder / path).read_bytes(),
            str(self.folder),
        )
        return build_model(project, STACK, StackOptions(hash_names=False))

    def make_externals(self, engine: docker.APIClient) -> None:
        external = self.settings.get("external", {})
        for name in external.get("networks", []):
            engine.create_network(name, driver="overlay")
        for name in external.get("configs", []):
            engine.create_config(name, b"x")
        for name in external.get("secrets", []):
            engine.create_secret(name, b"x")


def clear(engine: docker.APIClient) -> None:
    """Remove everything from the engine's swarm but the ingress network."""
    for service in engine.services():
        engine.remove_service(service["ID"])
    for config in engine.configs():
        engine.remove_config(config["ID"])
    for secret in engine.secrets():
        engine.remove_secret(secret["ID"])

    def networks_gone() -> bool:
        left = [item for item in engine.networks(filters={"scope": "swarm"}) if not item["Ingress"]]
        for network in left:
            engine.remove_network(network["Id"])
        return not left

    until(networks_gone, "the networks to go", 60)


def stored(engine: docker.APIClient) -> dict[str, dict[str, Json]]:
    """Return the specs of all objects that the engine has, by kind and name, with names in place of ids."""
    networks = {item["Id"]: item for item in engine.networks(filters={"scope": "swarm"}) if not item["Ingress"]}
    hosts = {item["Id"]: item["Name"] for item in engine.networks()}
    configs = {item["ID"]: item["Spec"] for item in engine.configs()}
    secrets = {item["ID"]: item["Spec"] for item in engine.secrets()}
    services = {}
    for service in engine.services():
        spec = service["Spec"]
        for attachment in spec["TaskTemplate"].get("Networks", []):
            attachment["Target"] = hosts.get(attachment["Target"], attachment["Target"])
        spec["TaskTemplate"].get("Networks", []).sort(key=lambda item: item["Target"])
        container = spec["TaskTemplate"]["ContainerSpec"]
        credential = (container.get("Privileges") or {}).get("CredentialSpec") or {}
        if credential.get("Config"):
            credential["Config"] = f"id of {configs[credential['Config']]['Name']}"
        for reference in container.get("Configs", []):
            assert configs[reference.pop("ConfigID")]["Name"] == reference["ConfigName"]
        for reference in container.get("Secrets", []):
            assert secrets[reference.pop("SecretID")]["Name"] == reference["SecretName"]
        services[spec["Name"]] = _ordered(spec)
    kept = ("Name", "Driver", "Labels", "Options", "Internal", "Attachable", "EnableIPv6")
    bodies = {}
    for network in networks.values():
        bodies[network["Name"]] = {key: network[key] for key in kept}
        # The engine numbers its overlays; and an empty pool is filled with an address of its choice.
        bodies[network["Name"]]["Options"].pop("com.docker.network.driver.overlay.vxlanid_list", None)
    return {
        "services": services,
        "networks": bodies,
        "configs": {spec["Name"]: spec for spec in configs.values()},
        "secrets": {spec["Name"]: spec for spec in secrets.values()},
    }


def _ordered(spec: dict[str, Json]) -> dict[str, Json]:
    """Bring references to one object in order, as Docker's is random, and equally published ports, as before CLI 29."""
    spec["EndpointSpec"].get("Ports", []).sort(key=lambda port: json.dumps(port, sort_keys=True))
    container = spec["TaskTemplate"]["ContainerSpec"]
    for key, title in (("Configs", "Config"), ("Secrets", "Secret")):
        if key in container:
            container[key].sort(key=lambda item: (item[f"{title}Name"], item.get("File", {}).get("Name", "")))
    return spec


def sent_by_cli(recorder: Recorder) -> dict[str, dict[str, Json]]:
    """Return the bodies that the CLI has sent, by kind and name, with empty ids."""
    services = {}
    for body in recorder.bodies("/services/create"):
        container = body["TaskTemplate"]["ContainerSpec"]
        credential = container["Privileges"]["CredentialSpec"]
        for reference in container.get("Configs", []):
            if credential and credential["Config"] == reference["ConfigID"]:
                credential["Config"] = reference["ConfigName"]
            reference["ConfigID"] = ""
        for reference in container.get("Secrets", []):
            reference["SecretID"] = ""
        services[body["Name"]] = _ordered(body)
    result = {"services": services}
    for kind in KINDS:
        result[kind] = {body["Name"]: body for body in recorder.bodies(f"/{kind}/create")}
    return result


def sent_by_us(model: StackModel) -> dict[str, dict[str, Json]]:
    result: dict[str, dict[str, Json]] = {
        "services": {
            entry.full_name: _ordered(json.loads(json.dumps(entry.spec))) for entry in model.services.values()
        },
        "networks": {entry.name: entry.spec for entry in model.networks.values() if not entry.external},
    }
    for kind in ("configs", "secrets"):
        result[kind] = {entry.name: entry.body() for entry in getattr(model, kind).values() if not entry.external}
    for body in result["secrets"].values():
        assert (LABEL_CONTENT in body["Labels"]) == ("Data" in body)
    return _without_note(result)


def _without_note(sent: dict[str, dict[str, Json]]) -> dict[str, dict[str, Json]]:
    """Leave out the label with a digest of a secret's content: a difference on purpose (docs/stack-file.md)."""
    for body in sent["secrets"].values():
        body["Labels"] = {label: value for label, value in body["Labels"].items() if label != LABEL_CONTENT}
    return sent


def deploy_with_cli(case: Case, host: str, config: Path, able: bool) -> None:
    files = [argument for path in case.files for argument in ("-c", str(path))]
    env = {"PATH": os.environ["PATH"], "DOCKER_CONFIG": str(config), **case.environment}
    command = ["docker", "-H", host, "stack", "deploy", "--resolve-image", "never", "--detach=true", *files, STACK]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode == 0) == able, done.stderr


def deploy_ours(model: StackModel, host: str) -> None:
    """Write a model as a deploy does: read, plan, take the steps."""
    engine = Engine(host)
    live = read_live(engine, STACK, model)
    plan = plan_stack(model, live, {}, PlanOptions())
    assert plan.errors == []
    applier = Applier(engine, live, lambda _image: "")
    for step in steps(plan, waits=False):
        applier.take(step)
    engine.close()


def differences(ours: Json, theirs: Json, path: str = "") -> list[str]:
    """Return a line for each place where the two differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [
            line
            for key in sorted({*ours, *theirs})
            for line in differences(ours.get(key, "(absent)"), theirs.get(key, "(absent)"), f"{path}/{key}")
        ]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [
            line
            for index, (mine, other) in enumerate(zip(ours, theirs, strict=True))
            for line in differences(mine, other, f"{path}/{index}")
        ]
    return [] if ours == theirs and type(ours) is type(theirs) else [f"{path}: ours {ours!r}, Docker's {theirs!r}"]


@pytest.fixture
def empty_swarm(engine: docker.APIClient) -> t.Iterator[None]:
    clear(engine)
    yield
    clear(engine)


@pytest.mark.usefixtures("empty_swarm")
@pytest.mark.parametrize("name", CASES)
def test_p3_p4_same_specs(name: str, node: Node, engine: docker.APIClient, tmp_path: Path) -> None:
    case = Case(name)
    model = case.model()
    # An engine that is too old for a case refuses what both send; what they send can be compared all the same.
    able = version(engine.api_version) >= version(case.settings.get("api_version", "1.40"))
    case.make_externals(engine)
    with Recorder(node.socket, tmp_path / "proxy") as recorder:
        deploy_with_cli(case, recorder.host, tmp_path, able)
    # Where Docker's own result is a mistake, the case names the field and the reason.
    mistakes = case.settings.get("mistakes", {})
    found = differences(sent_by_us(model), _plain(sent_by_cli(recorder)))
    assert [line for line in found if line.partition(":")[0] not in mistakes] == []
    assert len(found) == len(mistakes)
    if able:
        theirs = stored(engine)
        clear(engine)
        case.make_externals(engine)
        deploy_ours(model, node.host)
        found = differences(_without_note(stored(engine)), theirs)
        assert [line for line in found if line.partition(":")[0] not in mistakes] == []


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _plain(sent: dict[str, dict[str, Json]]) -> dict[str, dict[str, Json]]:
    """Leave out of the CLI's bodies what says the same as nothing."""
    for body in sent["networks"].values():
        if body.get("IPAM") and body["IPAM"].get("Options") is None:
            body["IPAM"].pop("Options", None)
        # Only old engines look at it.
        body.pop("CheckDuplicate", None)
        for key in ("Scope", "Options", "IPAM", "Internal", "Attachable", "Ingress", "ConfigOnly", "ConfigFrom"):
            if not body.get(key):
                body.pop(key, None)
    for kind in ("configs", "secrets"):
        for body in sent[kind].values():
            assert base64.b64decode(body["Data"])
    return sent
