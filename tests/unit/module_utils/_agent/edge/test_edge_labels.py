# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One grammar of labels: what a deploy takes the edge serves, and what the edge refuses the deploy refuses as well."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import pytest
from edges import ask, refusal, service, serving
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stack_texts import Loader

from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge import routes
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.routes import Route, Routes, Task
from ansible_collections.apiary.swarm.plugins.module_utils._swarm import model
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.compose.errors import ComposeError
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.convert.from_options import (
    InvalidOption,
    apply_options,
)

Labels = dict[str, str]
#: As long as a name can be.
LONG_NAME = ".".join(["a" * 61, "b" * 63, "c" * 63, "d" * 63])

#: Labels → the problem, as a stack file and the edge say it.
WRONG: list[tuple[Labels, str]] = [
    ({"port": "http"}, 'edge.port: must be a port from 1 to 65535, not "http"'),
    ({"port": "0"}, 'edge.port: must be a port from 1 to 65535, not "0"'),
    ({"port": "65536"}, 'edge.port: must be a port from 1 to 65535, not "65536"'),
    ({"port": "-1"}, 'edge.port: must be a port from 1 to 65535, not "-1"'),
    ({"port": "٣"}, 'edge.port: must be a port from 1 to 65535, not "٣"'),
    ({"port": "9" * 5000}, f'edge.port: must be a port from 1 to 65535, not "{"9" * 57}..."'),
    ({"host": "*"}, 'edge.host: must be a host name like "shop.example.org" or "*.example.org", not "*"'),
    ({"host": "."}, 'edge.host: must be a host name like "shop.example.org" or "*.example.org", not "."'),
    ({"host": "a.."}, 'edge.host: must be a host name like "shop.example.org" or "*.example.org", not "a.."'),
    ({"path": "api"}, 'edge.path: must be a path like "/api", not "api"'),
    ({"path": "/caf%C3%A9"}, 'edge.path: must be a path like "/api", not "/caf%C3%A9"'),
    ({"path": "/a//b"}, 'edge.path: must be a path like "/api", not "/a//b"'),
    ({"path": "/a/./b"}, 'edge.path: must be a path like "/api", not "/a/./b"'),
    ({"path": "/.."}, 'edge.path: must be a path like "/api", not "/.."'),
    ({"path": "/" + "a" * 250}, "edge.path: must have 250 characters at most, not 251"),
    ({"path": "/_edge/health"}, "edge.path: must not lie below /_edge, where the edge itself answers"),
    ({"path": "/_edge/"}, "edge.path: must not lie below /_edge, where the edge itself answers"),
    (
        {"balance": "random"},
        'edge.balance: must be round_robin, least_conn, sticky or weighted, not "random"',
    ),
    ({"weight": "1001"}, 'edge.weight: must be a number from 0 to 1000, not "1001"'),
    ({"hots": "a.example"}, 'edge.hots: is not a label of a route (did you mean "edge.host"?)'),
]
#: Labels, the route that they are, and a request that it answers.
RIGHT: list[tuple[Labels, model.Route, str, str]] = [
    ({"host": "Shop.Example.org."}, model.Route(80, "shop.example.org"), "SHOP.example.org.", "/"),
    ({"host": LONG_NAME}, model.Route(80, LONG_NAME), LONG_NAME, "/x"),
    ({"host": f"*{LONG_NAME[61:]}"}, model.Route(80, f"*{LONG_NAME[61:]}"), f"x.y{LONG_NAME[61:]}", "/"),
    ({"port": " 80", "host": " one.example\n"}, model.Route(80, "one.example"), "one.example", "/"),
    ({"port": "00080", "path": "/api/"}, model.Route(80, "", "/api"), "any", "/api/%61"),
    ({"path": "/" + "p" * 249}, model.Route(80, "", "/" + "p" * 249), "any", "/" + "p" * 249 + "/x"),
    ({"path": "/_edges"}, model.Route(80, "", "/_edges"), "any", "/_edges"),
    ({"path": "/.../~a@b:c,d=e+f-_.g"}, model.Route(80, "", "/.../~a@b:c,d=e+f-_.g"), "any", "/.../~a@b:c,d=e+f-_.g"),
    ({"host": "s.example", "balance": "sticky"}, model.Route(80, "s.example", "/", "sticky"), "s.example", "/"),
    ({"host": "w.example", "weight": " 0 "}, model.Route(80, "w.example", weight=0), "w.example", "/"),
]


def deployed(labels: Labels) -> model.Route | str:
    """Return the route that a deploy takes, or what it says without file and line."""
    given_labels = {f"edge.{key}": value.replace("$", "$$") for key, value in labels.items()}
    service_keys = {"image": "a", "deploy": {"labels": given_labels}}
    try:
        return Loader().definition({"services": {"web": service_keys}}).services["web"].routes[0]
    except ComposeError as exc:
        return str(exc).removeprefix("definition: services.web.deploy.labels.")


def collected(*services: Labels, tasks: tuple[Task, ...] = ()) -> Routes:
    """Return what the feed makes of services with these labels, called w0, w1 and so on."""
    found = [
        {"ID": f"s{n}", "Spec": {"Name": f"w{n}", "Labels": {f"edge.{key}": text for key, text in labels.items()}}}
        for n, labels in enumerate(services)
    ]
    live = [
        {
            "ID": task.task_id, "ServiceID": service["ID"], "DesiredState": "running", "Status": {"State": "running"},
            "NetworksAttachments": [{"Network": {"Spec": {"Name": "edge"}}, "Addresses": [f"{task.address}/20"]}],
        }
        for service in found
        for task in tasks
    ]  # fmt: skip
    return routes.parse(routes.collect(routes.routed(found), live, "edge").to_json())


def served(labels: Labels) -> model.Route | str:
    """Return the route that the edge serves, or what it says, as :func:`deployed` does."""
    found = collected(labels)
    if not found.routes:
        return (found.problems or {})["w0"].replace(" ", ": ", 1)
    return model.Route(**{key: value for key, value in dataclasses.asdict(found.routes[0]).items() if key in FIELDS})


FIELDS = {field.name for field in dataclasses.fields(model.Route)}


@pytest.mark.parametrize(("labels", "problem"), WRONG)
def test_e1_e2_what_the_edge_refuses_the_deploy_refuses_in_the_same_words(labels: Labels, problem: str) -> None:
    labels = {"port": "80", **labels}
    assert (deployed(labels), served(labels)) == (problem, problem)
    with pytest.raises(InvalidOption) as refused:
        apply_options({}, {"name": "w", "labels": {f"edge.{key}": text for key, text in labels.items()}}, [])
    assert refused.value.message == f"labels.{problem}"


def test_a_stack_files_label_has_file_and_line() -> None:
    text = "services:\n  web:\n    image: a\n    deploy: {labels: {edge.port: 80, edge.host: a..}}"
    with pytest.raises(ComposeError) as refused:
        Loader().model(text)
    assert str(refused.value) == (
        'stack.yml:4: services.web.deploy.labels.edge.host: must be a host name like "shop.example.org" or '
        '"*.example.org", not "a.."'
    )


@pytest.mark.parametrize(("labels", "problem"), WRONG)
def test_e1_wrong_labels_cost_one_service_its_route(labels: Labels, problem: str) -> None:
    found = collected({"port": "80", **labels}, {"port": "80"})
    assert [route.service for route in found.routes] == ["w1"]
    assert found.problems == {"w0": problem.replace(": ", " ", 1)}


def test_e1_a_document_of_another_version_costs_one_service_its_route() -> None:
    """While nodes are replaced one by one, managers may let through what newer edges do not."""
    document = collected({"port": "80", "host": "a.example"}, {"port": "80", "host": "b.example"}).to_json()
    found = routes.parse(document.replace("a.example", "a..example"))
    assert [route.service for route in found.routes] == ["w1"]
    assert list(found.problems or {}) == ["w0"]


def test_a_problem_is_one_line_of_the_log() -> None:
    problems = collected({"port": "80\nloaded: 0 routes"}).problems
    assert problems == {"w0": 'edge.port must be a port from 1 to 65535, not "80 loaded: 0 routes"'}


@pytest.mark.parametrize(("labels", "route"), [case[:2] for case in RIGHT])
def test_e2_what_means_the_same_is_the_same(labels: Labels, route: model.Route) -> None:
    labels = {"port": "80", **labels}
    assert (deployed(labels), served(labels)) == (route, route)


def test_e1_e2_a_request_reaches_what_a_deploy_took(tmp_path: Path) -> None:
    with service() as port:
        services = [{**labels, "port": f" {port}"} for labels, _route, _host, _path in RIGHT]
        with serving(collected(*services, tasks=(Task("t1", "127.0.0.1"),)), tmp_path) as edge:
            answers = [ask(edge, f"GET {path} HTTP/1.1", host)[2] for _labels, _route, host, path in RIGHT]
    assert answers == ["mine"] * len(RIGHT)


_HOSTS = st.from_regex(r"(\*\.)?([A-Za-z0-9-]{1,66}\.?){1,8}", fullmatch=True)
_PATHS = st.from_regex(r"(/[A-Za-z0-9._~%@:+,={};\"$ -]{0,90}){1,6}", fullmatch=True)
_NUMBERS = st.from_regex(r" ?[+0]?[0-9]{1,6} ?", fullmatch=True)
_LABELS = st.fixed_dictionaries(
    {"port": st.one_of(_NUMBERS, st.text())},
    optional={
        "host": st.one_of(_HOSTS, st.text()),
        "path": st.one_of(_PATHS, st.text()),
        "balance": st.sampled_from([*model.BALANCES, "Sticky", ""]),
        "weight": _NUMBERS,
    },
)


@given(_LABELS)
@example({"port": "80", "host": "\u212a.example"})
@settings(max_examples=300, deadline=None)
def test_e2_what_a_deploy_takes_the_edge_serves(labels: Labels) -> None:
    taken = deployed(labels)
    if isinstance(taken, model.Route):
        assert served(labels) == taken
        assert deployed({key: str(value) for key, value in taken.to_dict().items()}) == taken
    else:
        assert served(labels) == "".join(c if c.isprintable() else " " for c in taken)


@given(st.lists(_LABELS, min_size=10, max_size=30))
@settings(max_examples=20, deadline=None)
def test_e1_nginx_takes_whatever_the_grammar_lets_through(services: list[Labels]) -> None:
    found = collected(*services, tasks=(Task("t1", "10.1.1.1"),))
    with tempfile.TemporaryDirectory() as folder:
        assert refusal(found, Path(folder)) == ""


@pytest.mark.parametrize("balance", model.BALANCES)
def test_e1_any_number_of_tasks_of_one_service(balance: str, tmp_path: Path) -> None:
    tasks = tuple(Task(f"t{n}", f"10.1.{n // 250}.{n % 250}") for n in range(1000))
    found = Routes((Route("web", 80, balance=balance, tasks=tasks), Route("few", 80, path="/few", tasks=tasks[:150])))
    assert refusal(found, tmp_path) == ""
