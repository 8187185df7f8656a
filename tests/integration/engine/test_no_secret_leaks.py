# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way in which a module, an action or a lookup of the engine can fail, with secrets in all that it is given.

Nothing of them may be printed, with C(-vvv) as without, nor be left in a file. Modules run in this process, one failure
after the other; a playbook whose tasks all fail goes the user's own road, with the actions, the lookup and the vault.
"""

from __future__ import annotations

import base64
import json
import sys
import typing as t
from pathlib import Path

import pytest
from planted import ALL, PLANTED, play, shown, traces
from workbench import Swarm, run_module

ENV = {"DB_PASSWORD": PLANTED["env"]}
LOGIN = {"registry": "r.example.org", "username": "u", "password": PLANTED["login"]}
LABELS = {"proxy.password": PLANTED["label"]}
COMMAND = ["serve", "--password", PLANTED["command"]]
LOGGING = {"driver": "none", "options": {"splunk-token": PLANTED["log"]}}
MODEL = {"version": "none", "services": {"web": {"env": PLANTED["model"]}}}
SERVICE: dict[str, t.Any] = {
    "name": "leaks", "image": "10.99.0.1:5000/nothing:v1", "env": ENV, "labels": LABELS, "command": COMMAND,
    "logging": LOGGING, "registry_auth": [LOGIN],
}  # fmt: skip
JOB: dict[str, t.Any] = {"service": "nobody", "env": ENV, "command": COMMAND, "registry_auth": [LOGIN]}
EXEC: dict[str, t.Any] = {"service": "nobody", "env": ENV, "command": COMMAND}
CONTENT = base64.b64encode(str(PLANTED["content"]).encode()).decode()
STACK: dict[str, t.Any] = {
    "name": "leaks", "model": MODEL, "secret_data": {"s": CONTENT}, "env": ENV, "registry_auth": [LOGIN]
}  # fmt: skip
TWICE = {"registry_auth": [LOGIN, LOGIN]}

#: Module, what differs from its good arguments, and a word of the failure.
FAILURES: list[tuple[str, dict[str, t.Any], str]] = [
    ("service", {"name": None}, "name"),
    ("service", {"unknown": 1}, "unknown"),
    ("service", {"replicas": "many"}, "replicas"),
    ("service", {"name": "not good"}, "name"),
    ("service", {"mode": "no-mode"}, "mode"),
    ("service", TWICE, "registry_auth"),
    ("service", {}, "nothing"),
    ("service", {"docker_host": "unix:///nowhere"}, "/nowhere"),
    ("service", {"docker_host": "gopher://x"}, "docker_host"),
    ("service", {"env": {"PIN": PLANTED["env_number"]}}, "PIN"),
    ("service", {"env": [PLANTED["env"]]}, "entry 1"),
    ("service", {"env": {f"A={PLANTED['env']}": "x"}}, "A=..."),
    ("service", {"env": PLANTED["env_number"]}, "env"),
    ("service", {"env": f"A=1,{PLANTED['env']}"}, "entry 2"),
    ("service", {"command": f"serve '{PLANTED['command']}"}, "command"),
    ("service", {"command": [["serve", PLANTED["command"]]]}, "command"),
    ("service", {"labels": {"a": [PLANTED["label"]]}}, "labels"),
    ("service", {"logging": {"options": {"token": [PLANTED["log"]]}}}, "token"),
    ("service", {"networks": ["missing"], "resolve_image": False}, "missing"),
    ("service", {"env_files": ["{folder}/bad.env"]}, "bad.env:2"),
    ("service", {"env_files": ["{folder}/binary.env"]}, "binary.env"),
    ("service", {"env_files": ["{folder}/missing.env"]}, "missing.env"),
    ("service", {"client_cert": "/x"}, "client_key"),
    ("service", {"resolve_image": False, "wait_timeout": 3, "logging": None}, "leaks"),
    ("job", {"service": None}, "service"),
    ("job", {"env": [PLANTED["env"]]}, "env"),
    ("job", {"env": {f"A={PLANTED['env']}": "x"}}, "A=..."),
    ("job", {}, "nobody"),
    ("job", TWICE, "registry_auth"),
    ("job", {"docker_host": "unix:///nowhere"}, "/nowhere"),
    ("exec", {"command": None}, "command"),
    ("exec", {"container": "x"}, "mutually"),
    ("exec", {"env": {f"A={PLANTED['env']}": "x"}}, "A=..."),
    ("exec", {}, "nobody"),
    ("exec", {"docker_host": "unix:///nowhere"}, "/nowhere"),
    ("stack", {"name": None}, "name"),
    ("stack", {"state": "gone"}, "state"),
    ("stack", {"model": None}, "files"),
    ("stack", {}, "version"),
    ("stack", TWICE, "registry_auth"),
    ("stack", {"state": "absent", "docker_host": "unix:///nowhere"}, "/nowhere"),
    ("stack", {"state": "rolled_back"}, "release"),
    ("registry_auth", {"registry_auth": [{"registry": "r", "password": PLANTED["login"]}]}, "username"),
    ("registry_auth", TWICE, "registry_auth"),
    ("registry_auth", {"registry_auth": [LOGIN], "docker_host": "unix:///nowhere"}, "/nowhere"),
    ("node", {}, "nobody"),
    ("node", {"availability": "none"}, "availability"),
    ("node", {"docker_host": "unix:///nowhere"}, "/nowhere"),
    ("cluster_info", {"unknown": 1}, "unknown"),
    ("task_info", {}, "nobody"),
    ("release_info", {"docker_host": "unix:///nowhere"}, "/nowhere"),
    ("manager_info", {"wait": "soon"}, "wait"),
]  # fmt: skip
GOOD = {"service": SERVICE, "job": JOB, "exec": EXEC, "stack": STACK, "registry_auth": {},
        "node": {"hostname": "nobody", "labels": LABELS}, "cluster_info": {}, "task_info": {"service": "nobody"},
        "release_info": {"name": "leaks"}, "manager_info": {}}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files with secrets in them, most of them bad."""
    path = tmp_path_factory.mktemp("leaks")
    secret = str(PLANTED["env_file"])
    (path / "bad.env").write_text(f"A={secret}\n{secret} is no line\n")
    (path / "bare.env").write_text(f"A={secret}\n{secret}\n")
    (path / "binary.env").write_bytes(b"A=\xff" + secret.encode())
    return path


@pytest.mark.parametrize(("module", "bad", "says"), FAILURES)
def test_d56_d57_no_failure_of_a_module_shows_a_secret(
    swarm: Swarm, folder: Path, capfd: pytest.CaptureFixture[str], module: str, bad: dict[str, t.Any], says: str
) -> None:
    text = json.dumps({"docker_host": swarm.host, **GOOD[module], **bad}).replace("{folder}", str(folder))
    arguments = {key: value for key, value in json.loads(text).items() if value is not None}
    done = run_module(module, arguments)
    assert done.failed and says in done.msg
    printed = capfd.readouterr()
    assert shown(done.text + printed.out + printed.err) == []


@pytest.mark.parametrize("module", ["service", "job", "exec"])
def test_d56_without_a_docker_sdk_nothing_is_shown(swarm: Swarm, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, "docker", None)
    done = run_module(module, {"docker_host": swarm.host, **GOOD[module]})
    assert done.failed and "Docker SDK" in done.msg and shown(done.text) == []


def web(line: str, rest: str = "") -> str:
    return f"services:\n  web:\n    image: app\n    {line}\n{rest}"


S, C = PLANTED["stack"], PLANTED["content"]
#: Stack files that cannot be deployed.
STACKS = {
    "dollar": web(f'environment: {{P: "{S}$2x"}}'),
    "variable": web(f'environment: {{P: "x$y{S}"}}'),
    "type": web(f"environment: {{P: [{S}]}}"),
    "tag": web(f"environment: {{P: !{S} }}"),
    "yaml": web(f"environment: {{P: '{S}"),
    "yaml_line": web("tty: true") + f"{S}\n",
    "anchor": web(f"environment: {{P: *{S}}}"),
    "entry": web(f'environment: ["={S}"]'),
    "command": web(f"command: \"login -p '{S}\""),
    "label": web(f"labels: {{auth: [{S}]}}"),
    "replicas": web("deploy: {replicas: $DB_PASSWORD}"),
    "image": "services: {web: {image: 'UPPER/$DB_PASSWORD:x:y'}}\n",
    "port": web('ports: ["$DB_PASSWORD:80"]'),
    "required": web("hostname: ${MISSING:?give it}"),
    "env_file": web("env_file: bad.env"),
    "config": web("configs: [missing]", f"configs: {{c: {{content: {C}}}}}\n"),
    "both": web("tty: true", f"configs: {{c: {{content: {C}, file: x}}}}\n"),
    "option": web(f"logging: {{driver: x, options: {{token: [{S}]}}}}"),
    "driver": web("tty: true", f"volumes: {{v: {{driver_opts: {{o: [{S}]}}}}}}\n"),
    "unknown": web(f"environmnet: {{P: {S}}}"),
}  # fmt: skip


def tasks_that_fail(swarm: Swarm, stacks: t.Iterable[str]) -> list[dict[str, t.Any]]:
    """Return tasks that all fail; the secrets come as variables, as they would from a vault."""
    engine = {"docker_host": swarm.host}
    tasks: list[dict[str, t.Any]] = []
    for name in stacks:
        options = {"name": "leaks", "files": [f"{name}.yml"], "env": {"DB_PASSWORD": "{{ planted.env }}"}}
        tasks.append({"name": f"Stack {name}", "apiary.swarm.stack": {**engine, **options}})
        lookup = f"lookup('apiary.swarm.stack_file', '{name}.yml', name='leaks', env={{'DB_PASSWORD': planted.env}})"
        tasks.append({"name": f"Lookup {name}", "ansible.builtin.debug": {"msg": f"{{{{ {lookup} }}}}"}})
    definition = {"services": {"web": {"image": "app", "environment": {"P": ["{{ planted.stack }}"]}}}}
    login = {"registry": "r", "username": "u", "password": "{{ planted.login }}"}
    env = {"P": "{{ planted.env }}"}
    more: list[tuple[str, dict[str, t.Any]]] = [
        ("stack", {"name": "leaks", "definition": definition}),
        ("stack", {"name": "leaks", "definition": definition, "unknown": 1, "registry_auth": [login]}),
        ("stack", {"name": "leaks", "files": ["missing.yml"], "env": env}),
        ("stack", {"name": "leaks", "files": ["good.yml"], "env": env, "registry_auth": [login, login]}),
        ("stack", {"name": "leaks", "files": ["good.yml"], "env": env, "docker_host": "unix:///nowhere"}),
        ("service", {"name": "leaks", "image": "app", "env": {"PIN": "{{ planted.env_number }}", "Q": 86753091}}),
        ("service", {"name": "leaks", "env": env, "unknown": 1}),
        ("service", {"name": "leaks", "image": "app", "env": env, "registry_auth": [login, login]}),
        ("service", {"name": "leaks", "image": "app", "env": env, "docker_host": "unix:///nowhere"}),
        ("job", {"service": "nobody", "env": env, "command": ["--password", "{{ planted.command }}"]}),
        ("exec", {"service": "nobody", "env": env, "command": ["--password", "{{ planted.command }}"]}),
        ("registry_auth", {"registry_auth": [login, login]}),
        ("node", {"hostname": "nobody", "labels": {"api_key": "{{ planted.label }}"}}),
    ]
    options = {"name": "leaks", "files": ["dollar.yml"], "env": env}
    tasks.append({"name": "Read", "apiary.swarm.stack_file_info": options})
    tasks.append({"name": "Given", "apiary.swarm.playbook_input": {"needs": {"command": "x"}, "takes": ["region"]}})
    tasks += [
        {"name": f"More {number}", f"apiary.swarm.{module}": {**engine, **options}}
        for number, (module, options) in enumerate(more)
    ]
    return tasks


#: C(make test) tries these, and in the controller only.
SOME = {"dollar", "tag", "yaml", "replicas", "env_file", "option"}


@pytest.mark.parametrize("python", ["in process", "as a process"] if ALL else ["in process"])
def test_d56_d57_a_playbook_that_fails_in_every_way_shows_and_leaves_no_secret(
    swarm: Swarm, folder: Path, tmp_path: Path, python: str
) -> None:
    for name, text in {**STACKS, "good": web(f"environment: {{P: {S}}}")}.items():
        (folder / f"{name}.yml").write_text(text)
    tasks = tasks_that_fail(swarm, STACKS if ALL else sorted(SOME))
    failed, said = play(tasks, folder, tmp_path, python)
    assert failed == len(tasks), said[-3000:]
    assert traces(said, tmp_path) == []
