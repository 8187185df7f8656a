# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Further programs in running tasks: found by service on the node that runs the task, started, watched, stopped."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import re
import signal
import threading
import time
import typing as t

from .._errors import EngineError, NotAManager, PlanRefused
from .engine import Engine, frames
from .nodes import name_of
from .problems import safe_name
from .session import unknown_service
from .tasks import SHOULD_RUN, is_running

Json = dict[str, t.Any]

_LABEL = "com.docker.swarm."
#: Seconds from the polite signal to the one that cannot be ignored, once the time of a program is up.
_PATIENCE = 5.0
#: Seconds that the engine gets to note the end of a program whose output is closed.
_SETTLE = 5.0


@dataclasses.dataclass(frozen=True)
class Place:
    """A container of a task on this node."""

    container: str
    task_id: str
    task: str


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a program ended.

    :ivar exit_code: None when it was stopped, or could not be.
    :ivar problem: one sentence when it did not end by itself, else "".
    """

    exit_code: int | None
    stdout: str
    stderr: str
    problem: str = ""


def place_of(container: Json) -> Place:
    """Return the place that an entry of the engine's list of containers is (pure)."""
    labels = container.get("Labels") or {}
    return Place(str(container["Id"]), labels.get(f"{_LABEL}task.id", ""), labels.get(f"{_LABEL}task.name", ""))


def choose(containers: t.Sequence[Json], service: str, slot: str = "") -> Place | None:
    """Return the newest healthy container of a service, or the newest of all when none says that it is (pure).

    :param containers: entries of the engine's list.
    :param slot: number of the replica, or id of the node for a global service; "" for any.
    """
    found = [
        item
        for item in containers
        if not slot or place_of(item).task.startswith(f"{service}.{slot}.")  # <service>.<slot>.<task>
    ]
    found.sort(key=lambda item: ("(healthy)" in str(item.get("Status", "")), item.get("Created", 0)), reverse=True)
    return place_of(found[0]) if found else None


def find(engine: Engine, service: str, slot: str = "") -> Place:
    """Return a running task's container of a service on this very node.

    :raises PlanRefused: none is here; on a manager the message names the nodes that have one.
    """
    here = choose(engine.containers({"label": [f"{_LABEL}service.name={service}"]}), service, slot)
    if here is not None:
        return here
    which = f"service {service}" + (f", slot {slot}," if slot else "")
    try:
        nodes = {node["ID"]: name_of(node) for node in engine.nodes()}
    except NotAManager:
        raise PlanRefused(f"No task of {which} runs on this node. Ask a manager where (task_info).") from None
    if engine.service(service) is None:
        raise unknown_service(engine, service)
    tasks = engine.tasks({"service": [service], **SHOULD_RUN})
    running = [task for task in tasks if is_running(task)]
    places = {
        nodes.get(task.get("NodeID", ""), "?")
        for task in running
        if not slot or slot in (str(task.get("Slot", "")), task.get("NodeID"))
    }
    if not places:
        raise PlanRefused(f"No task of {which} runs, on no node.")
    raise PlanRefused(
        f"No task of {which} runs on this node, but on {', '.join(sorted(places))}: delegate the task there."
    )


def run(engine: Engine, container: str, spec: Json, timeout: float) -> Ended:
    """Run a program in a container of this node to its end.

    :param spec: C(Cmd), and perhaps C(Env), C(User), C(WorkingDir).
    :param timeout: seconds until it is stopped.
    :raises EngineError: it could not be started.
    """
    exec_id = engine.create_exec(container, {"AttachStdout": True, "AttachStderr": True, **spec})
    written: list[bytes] = []
    trouble: list[EngineError] = []

    def read() -> None:
        try:
            written.extend(engine.another().start_exec(exec_id))
        except EngineError as exc:
            trouble.append(exc)
        except Exception as exc:  # the stream broke; the state says what became of the program
            trouble.append(EngineError(f"Lost the output of the program: {exc}"))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(timeout)
    problem = ""
    if reader.is_alive():
        problem = f"not ended within {timeout:g} s; {_stop(engine, exec_id, container)}"
        reader.join(_SETTLE)
    state = _settled(engine, exec_id)
    if trouble and not written and not problem:
        raise trouble[0]
    stdout, stderr = split(b"".join(written))
    code = None if problem or state.get("Running") else state.get("ExitCode")
    if code is None and not problem:
        problem = "it still runs, but has closed its output"
    return Ended(code, stdout, stderr, problem)


def not_started(text: str) -> str:
    """Return in a few words why a program was not even started, V("") when the text is a program's own (pure).

    The engine writes what its runtime says into the program's output (moby daemon/exec.go; runc's C(exec failed), with
    the engine's C(: unknown) at its end; Docker 26 adds its own reading of that, as C(: permission denied)).
    """
    found = re.fullmatch(r"OCI runtime exec failed: (.*?)(?:: unknown(?:: .*)?)?\s*", text, re.DOTALL)
    if found is None:
        user = re.fullmatch(r"unable to find (?:user|group) .*", text.strip())
        return f"it cannot be started: {user[0]}" if user else ""
    program = re.search(r'exec: "[^"]*": (.*)', found[1])
    why = program[1] if program else found[1].split("process: ")[-1].split("caused: ")[-1]
    if "executable file not found" in why or (program and "no such file or directory" in why):
        return "the container has no such program"
    return f"it cannot be started: {why}"


def split(raw: bytes) -> tuple[str, str]:
    """Return what a program wrote to standard output and to standard error (pure)."""
    parts: dict[int, list[bytes]] = {}
    for stream, data in frames(raw):
        parts.setdefault(stream, []).append(data)
    stdout, stderr = (b"".join(parts.get(stream, [])).decode(errors="replace") for stream in (1, 2))
    return stdout, stderr


def _settled(engine: Engine, exec_id: str) -> Json:
    deadline = time.monotonic() + _SETTLE
    state = engine.exec_state(exec_id)
    while state.get("Running") and time.monotonic() < deadline:
        time.sleep(0.1)
        state = engine.exec_state(exec_id)
    return state


def _stop(engine: Engine, exec_id: str, container: str) -> str:
    """Stop a program on this machine, for the engine has no call for it; say how that went."""
    pid = int(engine.exec_state(exec_id).get("Pid") or 0)
    for number, seconds in ((signal.SIGTERM, _PATIENCE), (signal.SIGKILL, _SETTLE)):
        if not _is_in(pid, container):
            return "it cannot be stopped from here and may still run"
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not engine.exec_state(exec_id).get("Running"):
                return "it was stopped"
            time.sleep(0.1)
    return "it could not be stopped and still runs"


def _is_in(pid: int, container: str) -> bool:
    """Say whether a process of this machine belongs to a container: a number alone may be anybody's."""
    try:
        return pid > 1 and container in pathlib.Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return False


def environment(values: t.Mapping[str, t.Any]) -> list[str]:
    """Return environment variables as the engine takes them (pure).

    :raises PlanRefused: a name is no name of a variable.
    """
    for name in values:
        if not re.fullmatch(r"[^=\s\x00]+", str(name)):
            raise PlanRefused(f'env: "{safe_name(name)}" cannot be the name of a variable.')
    return [f"{name}={value}" for name, value in sorted(values.items())]
