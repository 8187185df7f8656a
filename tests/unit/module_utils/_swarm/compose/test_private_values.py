# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a stack file is said without the values that may be passwords."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._errors import SwarmError
from ansible_collections.apiary.swarm.plugins.module_utils._swarm import problems
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.compose import load_project
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.convert.stack import build_model

SECRET = "hunter2xyz"
NUMBER = "8675309"


def message(text: str, env: dict[str, str] | None = None, files: dict[str, bytes] | None = None) -> str:
    def read(path: str) -> bytes:
        return (files or {})[path]

    with pytest.raises(SwarmError) as caught:
        build_model(load_project({"stack.yml": text.encode()}, env or {}, read, "/srv"), "shop")
    return caught.value.message


def service(text: str) -> str:
    return f"services:\n  web:\n    image: app\n    {text}\n"


#: A service that cannot be deployed, and what its message must name.
LITERALS = [
    ('environment: {DB_PASSWORD: "hunter$2xyz"}', "services.web.environment.DB_PASSWORD: the value has a"),
    ('environment: {DB_PASSWORD: "p$hunter2xyz"}', "the variable in the value is not set"),
    ('environment: {DB_PASSWORD: "${hunter2xyz!}"}', 'a "${" has no operator'),
    ('environment: {DB_PASSWORD: "${2hunter2xyz}"}', 'a "${" names no variable'),
    ('environment: {DB_PASSWORD: "hunter2xyz${"}', 'a "${" without a "}"'),
    ('environment: {DB_PASSWORD: "$hunter2xyz-a"}', "can be read in two ways"),
    ("environment: {DB_PASSWORD: !hunter2xyz }", "services.web.environment.DB_PASSWORD: the tag here is not known"),
    ("environment: {DB_PASSWORD: [hunter2xyz]}", "services.web.environment.DB_PASSWORD: must be"),
    ('environment: ["=hunter2xyz"]', "services.web.environment: the value has no name"),
    ("environment: [P=hunter2xyz, P=hunter2xyz]", "services.web.environment[1]: the value is there twice"),
    ("environment: [8675309]", "services.web.environment[0]: must be"),
    ("environment: hunter2xyz", "services.web.environment: must be"),
    ("command: [login, 8675309]", "services.web.command[1]: must be a text"),
    ('command: "login -p \'hunter2xyz"', "services.web.command: has an opening '"),
    ('entrypoint: "login hunter2xyz \\\\"', "services.web.entrypoint: ends with a backslash"),
    ("healthcheck: {test: [hunter2xyz]}", "services.web.healthcheck.test: must begin with"),
    ("logging: {driver: splunk, options: {splunk-token: [hunter2xyz]}}", "options.splunk-token: must be"),
    ("labels: {traefik: [hunter2xyz]}", "services.web.labels.traefik: must be"),
    ("deploy: {labels: {auth: [hunter2xyz]}}", "services.web.deploy.labels.auth: must be"),
    ("x-apiary: {migrate: {command: \"up 'hunter2xyz\"}}", "services.web.x-apiary.migrate.command: has an opening"),
    ("x-apiary: {migrate: hunter2xyz}", "services.web.x-apiary.migrate: must be"),
    ("x-apiary: {migrate: [hunter2xyz]}", "services.web.x-apiary.migrate"),
    ("healthcheck: login -p hunter2xyz", "services.web.healthcheck: must be a mapping"),
    ("logging: hunter2xyz", "services.web.logging: must be a mapping"),
    ('x-env: {P: "hunter2xyz$"}', "services.web.x-env.P: the value has a"),
    ("env_file: web.env", "web.env:2: must be a line like"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "says"), LITERALS)
def test_d57_a_message_has_file_line_and_key_and_no_value(text: str, says: str) -> None:
    said = message(service(text), files={"web.env": b"A=1\nhunter2xyz 1\n"})
    assert says in said and said.startswith(("stack.yml:4: services.web", "web.env:2: "))
    assert "hunter" not in said and "2xyz" not in said and NUMBER not in said


@pytest.mark.parametrize("section", ["secrets", "configs"])
@pytest.mark.parametrize(
    "text", ["hunter2xyz", "[hunter2xyz]", "8675309", "{content: [hunter2xyz]}", "{content: $2xyz}"]
)
def test_d57_a_content_at_the_wrong_place_is_not_shown(section: str, text: str) -> None:
    said = message(f"services: {{web: {{image: app}}}}\n{section}:\n  db: {text}\n")
    assert said.startswith(f"stack.yml:3: {section}.db"), said
    assert "hunter" not in said and "2xyz" not in said and NUMBER not in said


#: A value that does not fit, at a place that is shown when it is written there, but not when a variable brings it.
VARIABLES = [
    "deploy: {replicas: $V}", "stop_grace_period: $V", 'ports: ["$V:80"]', 'ports: ["80/$V"]', "tty: $V",
    'volumes: ["$V:/data"]', 'volumes: ["/a:/b:$V"]', "dns: $V", 'extra_hosts: ["$V"]', "restart: $V",
    "security_opt: [$V]", "deploy: {resources: {limits: {memory: $V}}}", "deploy: {update_config: {order: $V}}",
    "deploy: {placement: {constraints: [$V]}}", "deploy: {labels: {edge.port: $V}}", "networks: [$V]", "secrets: [$V]",
    "image: UPPER/$V:$V:$V", 'tmpfs: ["/run:size=$V"]', 'ulimits: {nofile: "$V"}', "env_file: ./$V", "isolation: $V/a",
]  # fmt: skip


@pytest.mark.parametrize("text", VARIABLES)
def test_d57_values_of_variables_are_named_not_shown(text: str) -> None:
    text = service(text).replace("    image: app\n", "" if text.startswith("image") else "    image: app\n")
    try:
        said = message(text, {"V": SECRET}, {})
    except KeyError:  # the file that is named so is not there, which is for the reader to say
        return
    except pytest.fail.Exception:
        said = warnings(text)
    assert SECRET not in said and SECRET[:6] not in said


def warnings(text: str) -> str:
    project = load_project({"stack.yml": text.encode()}, {"V": SECRET}, lambda _path: b"", "/srv")
    return "\n".join(build_model(project, "shop").warnings)


@pytest.mark.parametrize(
    "text",
    [
        "a: 'hunter2xyz\n", "a: [hunter2xyz\n", "a: *hunter2xyz\n", "a: &hunter2xyz &hunter2xyz b\n", "%hunter2xyz\n",
        "a: !<hunter2xyz b\n", "a: hunter2xyz: b\n", "hunter2xyz\nb: c\n", "a: @hunter2xyz\n", 'a: "\\hunter2xyz"\n',
    ],
)  # fmt: skip
def test_d57_a_complaint_about_yaml_quotes_nothing(text: str) -> None:
    said = message(text)
    assert said.startswith("stack.yml:") and SECRET not in said and "hunter" not in said


def test_d57_what_is_said_of_a_variable_names_it() -> None:
    assert message(service("deploy: {replicas: $COUNT}"), {"COUNT": SECRET}).endswith(
        "services.web.deploy.replicas: must be an integer, not the value of $COUNT"
    )
    assert 'must be an integer, not "two"' in message(service("deploy: {replicas: two}"))


@pytest.mark.parametrize("value", ["", "x", 5, 1.5, "a" * 99])
def test_marks_are_never_seen(value: t.Any) -> None:
    problem = f"must be this, not {problems.kind(value)}; write {problems.marked('b', 'another')}"
    shown = problems.revealed(problem)
    assert shown == str(problems.BadValue(problem)) and shown.isprintable() and shown.endswith("write b")
    assert problems.hidden(problem) == "must be this; write another"
    assert problems.hidden(problem, "V") == "must be this, not V; write another"


def test_an_environment_file_that_is_too_big_is_called_by_its_name() -> None:
    said = message(service("env_file: big.env"), files={"big.env": b"A=" + b"x" * 1_200_000})
    assert said == "big.env: the file has more than 1048576 bytes; an environment file may have no more"


def test_d57_what_an_extension_holds_for_others_is_not_shown() -> None:
    """Variables that several services share stand there."""
    says = message('x-common: &common {DB_PASSWORD: "hunter$2xyz"}\n' + service("environment: *common"))
    assert says.startswith('stack.yml:1: x-common.DB_PASSWORD: the value has a "$"') and SECRET[:6] not in says
