# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wrong with the arguments of modules beside their types: found before the engine is asked. Pure.

Each problem is one clause that begins with the option, ready to be joined into a sentence.
"""

from __future__ import annotations

import typing as t

from ..._errors import PlanRefused
from ..._references import problem as image_problem
from ..convert.names import service_name_problem
from ..problems import safe_name

Params = t.Mapping[str, t.Any]

_SCHEMES = ("unix://", "tcp://", "ssh://", "http://", "https://", "npipe://")
#: Option → its least value.
_LEAST = {
    "wait_timeout": 1,
    "progress_timeout": 1,
    "keep_releases": 1,
    "release": 1,
    "replicas": -1,
    "max_concurrent": 1,
}


def require(problems: t.Iterable[str], doing: str) -> None:
    """Raise PlanRefused with one sentence when there are problems.

    :param doing: how the sentence begins, as in C(Nothing was changed).
    """
    found = list(problems)
    if found:
        raise PlanRefused(f"{doing}: {'; '.join(found)}.")


def common_problems(params: Params) -> t.Iterator[str]:
    """Yield what is wrong with the options that several modules have."""
    for option, least in _LEAST.items():
        value = params.get(option)
        if value is not None and value < least:
            hint = ", or -1 to keep the number that there is" if option == "replicas" else ""
            yield f"{option}: must be at least {max(least, 0)}{hint}, not {value}"
    if not str(params.get("docker_host", _SCHEMES[0])).startswith(_SCHEMES):
        yield f'docker_host: must begin with "unix://" or "tcp://", not "{params["docker_host"]}"'
    registries = [login["registry"] for login in params.get("registry_auth") or []]
    for registry in sorted({item for item in registries if registries.count(item) > 1}):
        yield f"registry_auth: there are two logins for {registry}; remove one"


def stack_problems(params: Params) -> t.Iterator[str]:
    """Yield what is wrong with the arguments of the module stack."""
    yield from common_problems(params)
    problem = service_name_problem(params["name"])
    if problem:
        yield f"name: {problem}"
    if params["release"] is not None and params["state"] != "rolled_back":
        yield f"release: only goes with state rolled_back, not {params['state']}"


def job_problems(params: Params) -> t.Iterator[str]:
    """Yield what is wrong with the arguments of the module job."""
    yield from common_problems(params)
    if params["name"] and service_name_problem(params["name"]):
        yield f"name: {service_name_problem(params['name'])}"
    if params["command"] and not params["command"][0]:
        yield "command: the program is empty"
    yield from image_problems(params)
    yield from variable_problems("env", params["env"])


def image_problems(params: Params) -> t.Iterator[str]:
    """Yield what is wrong with the name of the image."""
    problem = image_problem(params["image"]) if params["image"] else ""
    if problem:
        yield f"image: {problem}"


def variable_problems(option: str, values: Params) -> t.Iterator[str]:
    """Yield what is wrong with names of environment variables."""
    for name in values:
        if not name or "=" in str(name):
            yield f'{option}: "{safe_name(name)}" cannot be the name of a variable'
