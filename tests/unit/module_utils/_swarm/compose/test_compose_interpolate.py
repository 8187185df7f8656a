# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables in stack files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stack_texts import Loader

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.compose.interpolate import substitute

ENV = {"SET": "value", "EMPTY": "", "_x1": "odd", "DOLLAR": "$SET"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"),
        ("$SET", "value"),
        ("a$SET/b", "avalue/b"),
        ("${SET}", "value"),
        ("a${SET}b${SET}", "avaluebvalue"),
        ("$_x1", "odd"),
        ("$$", "$"),
        ("$$SET", "$SET"),
        ("$$$SET", "$value"),
        ("$${SET}", "${SET}"),
        ("$EMPTY", ""),
        ("${SET:-d}", "value"),
        ("${EMPTY:-d}", "d"),
        ("${UNSET:-d}", "d"),
        ("${SET-d}", "value"),
        ("${EMPTY-d}", ""),
        ("${UNSET-d}", "d"),
        ("${UNSET:-}", ""),
        ("${UNSET-}", ""),
        ("${SET:?e}", "value"),
        ("${EMPTY?e}", ""),
        ("${SET:+r}", "r"),
        ("${EMPTY:+r}", ""),
        ("${UNSET:+r}", ""),
        ("${SET+r}", "r"),
        ("${EMPTY+r}", "r"),
        ("${UNSET+r}", ""),
        ("${UNSET:-${SET}}", "value"),
        ("${UNSET:-${EMPTY:-${SET}x}y}", "valuexy"),
        ("${SET:-${UNSET:?never asked}}", "value"),
        ("${UNSET:-$$SET}", "$$SET"),
        ("${UNSET:-a:b-c?d}", "a:b-c?d"),
        ("http://$SET:80", "http://value:80"),
        # What a variable holds is not looked at again.
        ("$DOLLAR", "$SET"),
        ("${UNSET:-}}", "}"),
    ],
)
def test_substitute(text: str, result: str) -> None:
    assert substitute(text, ENV) == result


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("$UNSET", "the variable UNSET is not set"),
        ("${UNSET}", 'write "${UNSET:-}" if it may be empty'),
        ("${SETT}", '(did you mean "SET"?)'),
        ("${UNSET:?say why}", "the variable UNSET must be set: say why; give it in env"),
        ("${EMPTY:?}", "the variable EMPTY must be set; give it in env"),
        ("${UNSET?with $SET}", "the variable UNSET must be set: with $SET; give it in env"),
        ("${UNSET:+x}$UNSET", "the variable UNSET is not set"),
        ("$", 'write "$$" for a plain dollar sign'),
        ("cost: 5$", 'write "$$" for a plain dollar sign'),
        ("$1", 'write "$$" for a plain dollar sign'),
        ("${}", "names no variable"),
        ("${ SET}", "names no variable"),
        ("${SET", 'has a "${" without a "}"'),
        ("${SET:-${X}", 'has a "${" without a "}"'),
        ("${SET!x}", "has no operator that is known"),
        ("${SET:=x}", "has no operator that is known"),
        ("$SET-app", "can be read in two ways"),
        ("$SET:-app", "can be read in two ways"),
        ("$SET?", "can be read in two ways"),
    ],
)
def test_bad_text(text: str, problem: str) -> None:
    with pytest.raises(ValueError) as caught:
        substitute(text, ENV)
    assert problem in str(caught.value)


@given(st.text())
def test_escaped_text_comes_back(text: str) -> None:
    assert substitute(text.replace("$", "$$"), {}) == text


@given(st.text(), st.text(), st.text())
def test_values_are_taken_as_they_are(before: str, value: str, after: str) -> None:
    text = f"{before.replace('$', '$$')}${{X}}{after.replace('$', '$$')}"
    assert substitute(text, {"X": value}) == before + value + after


@given(st.text())
def test_any_text_gives_a_text_or_a_sentence(text: str) -> None:
    try:
        assert isinstance(substitute(text, ENV), str)
    except ValueError as exc:
        assert str(exc)


@pytest.mark.parametrize(
    "default",
    ["$2y$05$abcdefghijklmnopqrstuuQ9s7Yk.3zR1xW2vT4", "$SET", "$$SET", "$$2y$$05", "a$", "$ $1", "$${x", "100$"],
)
@pytest.mark.parametrize("operator", [":-", "-"])
def test_p5_a_default_with_dollar_signs_is_the_text_that_docker_makes_of_it(default: str, operator: str) -> None:
    """As C(softDefault) and C(hardDefault) of docker/cli cli/compose/template/template.go have it."""
    assert substitute(f"a ${{UNSET{operator}{default}}} b", ENV) == f"a {default} b"
    assert substitute(f"${{SET{operator}{default}}}", ENV) == "value"


@given(st.text(alphabet="$a2{ -:?/.", max_size=12).filter(lambda text: "${" not in text))
def test_p5_any_default_without_a_variable_is_plain(default: str) -> None:
    assert substitute(f"${{UNSET:-{default}}}", {"a": "x"}) == default


def test_types(stack: Loader) -> None:
    stack.env = {"N": "3", "R": "0.5", "YES": "yes", "MODE": "0440", "EXT": "true"}
    spec = (
        stack.model(
            """
        services:
          web:
            image: app
            tty: ${YES}
            init: ${YES}
            ports: [{target: "${N}", published: "${N}"}]
            ulimits: {nproc: "${N}", nofile: {soft: "${N}", hard: "${N}"}}
            configs: [{source: c, mode: "${MODE}"}]
            deploy:
              replicas: ${N}
              update_config: {parallelism: "${N}", max_failure_ratio: "${R}"}
              resources: {limits: {pids: "${N}"}}
        configs: {c: {external: "${EXT}"}}
        """
        )
        .services["web"]
        .spec
    )
    container = spec["TaskTemplate"]["ContainerSpec"]
    assert spec["Mode"] == {"Replicated": {"Replicas": 3}}
    assert spec["UpdateConfig"] == {"Parallelism": 3, "MaxFailureRatio": 0.5, "Order": ""}
    assert (container["TTY"], container["Init"]) == (True, True)
    assert container["Configs"][0]["File"]["Mode"] == 0o440
    assert [limit["Soft"] for limit in container["Ulimits"]] == [3, 3]
    assert spec["TaskTemplate"]["Resources"]["Limits"] == {"Pids": 3}


def test_keys_are_left_alone(stack: Loader) -> None:
    assert stack.container("labels: {'$KEY': x}")["Labels"]["$KEY"] == "x"


def test_the_environment_of_the_process_does_not_count(stack: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_PROCESS", "x")
    assert stack.container("environment: [FROM_PROCESS]")["Env"] == ["FROM_PROCESS"]
    assert stack.container("hostname: '${FROM_PROCESS:-none}'")["Hostname"] == "none"
