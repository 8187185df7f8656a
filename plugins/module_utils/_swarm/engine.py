# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker Engine API of one manager: one function per call, each with its error policy.

Answers are the engine's own JSON. What goes wrong arrives as an C(EngineError) with what was tried and Docker's words.
"""

from __future__ import annotations

import base64
import copy
import json
import socket
import typing as t
import urllib.parse

from .._errors import (
    AnswerLost,
    Conflict,
    EngineError,
    EngineUnreachable,
    NoLeader,
    NotAManager,
    NotFound,
    OutOfSequence,
)
from .connection import DEFAULT_HOST, NEWEST, Connection
from .retry import PATIENCE, is_leaderless, until_answered

Json = dict[str, t.Any]


def encode_auth(auth: t.Mapping[str, str]) -> str:
    """Return the value of the C(X-Registry-Auth) header for a login.

    :param auth: C(registry), C(username) and C(password).
    """
    login = {
        "username": auth["username"],
        "password": auth["password"],
        "serveraddress": auth["registry"],
    }
    return base64.urlsafe_b64encode(json.dumps(login).encode()).decode()


#: There was no connection, so that nothing was sent: no socket, no permission, nobody who listens, no such host.
_NOT_SENT = (ConnectionRefusedError, FileNotFoundError, PermissionError, socket.gaierror)


class Engine:
    """One session with one engine.

    :param way: how the engine is reached; its address will do.
    :param timeout: seconds until a call without an answer is given up, None for that of I(way).
    :param patience: seconds for which a read or removal whose answer is lost is made again. For creates and updates see
        M(writes).
    """

    def __init__(
        self, way: Connection | str = DEFAULT_HOST, timeout: float | None = None, patience: float = PATIENCE
    ) -> None:
        self.way = Connection(way) if isinstance(way, str) else way
        self.host = self.way.host
        self.timeout = self.way.timeout if timeout is None else timeout
        self.patience = patience
        self._session = self.way.open()
        self.api_version = ""
        self._given_up = False

    def another(self) -> Engine:
        """Return a further session with the same engine, reached in the same way."""
        return Engine(self.way, self.timeout, self.patience)

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def at_once(self) -> Engine:
        """Return the same session for who reads again anyway: errors of reads are raised at once."""
        other = copy.copy(self)
        other.patience = 0.0
        return other

    # -- services and tasks --------------------------------------------------------------------------------------
    def services(self, filters: t.Mapping[str, list[str]] | None = None) -> list[Json]:
        """Return services, all of them without I(filters)."""
        return self._list("list services", "/services", filters)

    def service(self, name: str) -> Json | None:
        """Return one service by name or id, or None when there is none."""
        return self._one(f"read service {name}", f"/services/{_quote(name)}")

    def create_service(self, spec: Json, registry_auth: str = "") -> str:
        """Create a service and return its id.

        :raises Conflict: the name is taken.
        """
        answer = self._call(
            f"create service {spec.get('Name')}", "POST", "/services/create", body=spec, headers=_auth(registry_auth)
        )
        return str(answer["ID"])

    def update_service(
        self, service_id: str, version: int, spec: Json, registry_auth: str = "", previous_login: bool = False
    ) -> list[str]:
        """Replace the spec of a service and return the engine's warnings.

        :param version: C(Version.Index) that I(spec) was made from.
        :param registry_auth: without one the service keeps the login that it has, whatever registry that is for.
        :param previous_login: without I(registry_auth), take the login of the engine's own previous spec.
        :raises OutOfSequence: the service has changed since it was read.
        """
        query: Json = {"version": version, "registryAuthFrom": "previous-spec" if previous_login else "spec"}
        answer = self._call(
            f"update service {spec.get('Name')}",
            "POST",
            f"/services/{service_id}/update",
            query=query,
            body=spec,
            headers=_auth(registry_auth),
        )
        return list((answer or {}).get("Warnings") or [])

    def remove_service(self, service_id: str) -> bool:
        """Remove a service; False when it was not there."""
        return self._delete(f"remove service {service_id}", f"/services/{service_id}")

    def tasks(self, filters: t.Mapping[str, list[str]] | None = None) -> list[Json]:
        """Return tasks, with the short history that the engine keeps of each slot.

        A filter that names a service or node that is gone finds none.
        """
        try:
            return self._list("list tasks", "/tasks", filters)
        except NotFound:
            return []

    def task_logs(self, task_id: str, lines: int = 20, timeout: float = 5) -> list[str]:
        """Return the last lines that a task wrote, on whichever node it ran, without waiting for more.

        :raises EngineError: its log driver cannot be read, or its node does not answer within I(timeout) seconds.
        """
        query = {"stdout": 1, "stderr": 1, "follow": 0, "tail": lines, "timestamps": 1}
        raw = self._call("read task logs", "GET", f"/tasks/{task_id}/logs", query=query, raw=True, timeout=timeout)
        return demultiplex(raw)[-lines:]

    # -- the rest of the swarm -----------------------------------------------------------------------------------
    def info(self) -> Json:
        """Return what the engine says about itself."""
        return t.cast(Json, self._call("read the engine's state", "GET", "/info"))

    def swarm(self) -> Json:
        """Return the swarm's own settings, with its join tokens."""
        return t.cast(Json, self._call("read the swarm", "GET", "/swarm"))

    def nodes(self) -> list[Json]:
        """Return all nodes."""
        return self._list("list nodes", "/nodes", None)

    def update_node(self, node_id: str, version: int, spec: Json) -> None:
        """Replace the spec (role, availability, labels) of a node.

        :raises OutOfSequence: the node has changed since it was read.
        """
        self._call(f"update node {node_id}", "POST", f"/nodes/{node_id}/update", query={"version": version}, body=spec)

    def remove_node(self, node_id: str, force: bool = False) -> bool:
        """Remove a node from the swarm; False when it was not there."""
        return self._delete(f"remove node {node_id}", f"/nodes/{node_id}", {"force": str(force).lower()})

    def networks(self, filters: t.Mapping[str, list[str]] | None = None) -> list[Json]:
        """Return networks."""
        return self._list("list networks", "/networks", filters)

    def network(self, name: str) -> Json | None:
        """Return one network by name or id, or None when there is none."""
        return self._one(f"read network {name}", f"/networks/{_quote(name)}")

    def create_network(self, spec: Json) -> str:
        """Create a network and return its id.

        :raises Conflict: the name is taken.
        """
        body = {"CheckDuplicate": True, **spec}
        return str(self._call(f"create network {spec.get('Name')}", "POST", "/networks/create", body=body)["Id"])

    def remove_network(self, network_id: str) -> bool:
        """Remove a network; False when it was not there."""
        return self._delete(f"remove network {network_id}", f"/networks/{network_id}")

    def configs(self, filters: t.Mapping[str, list[str]] | None = None) -> list[Json]:
        """Return configs with their content."""
        return self._list("list configs", "/configs", filters)

    def create_config(self, spec: Json) -> str:
        """Create a config and return its id.

        :raises Conflict: the name is taken.
        """
        return str(self._call(f"create config {spec.get('Name')}", "POST", "/configs/create", body=spec)["ID"])

    def update_config(self, config_id: str, version: int, spec: Json, kind: str = "config") -> None:
        """Replace the labels of a config (or I(kind) C(secret)); its content cannot change.

        :raises OutOfSequence: it has changed since it was read.
        """
        path = f"/{kind}s/{config_id}/update"
        self._call(f"update {kind} {spec.get('Name')}", "POST", path, query={"version": version}, body=spec)

    def remove_config(self, config_id: str) -> bool:
        """Remove a config; False when it was not there.

        :raises Conflict: a service uses it.
        """
        return self._delete(f"remove config {config_id}", f"/configs/{config_id}")

    def secrets(self, filters: t.Mapping[str, list[str]] | None = None) -> list[Json]:
        """Return secrets, which never show their content."""
        return self._list("list secrets", "/secrets", filters)

    def create_secret(self, spec: Json) -> str:
        """Create a secret and return its id.

        :raises Conflict: the name is taken.
        """
        return str(self._call(f"create secret {spec.get('Name')}", "POST", "/secrets/create", body=spec)["ID"])

    def remove_secret(self, secret_id: str) -> bool:
        """Remove a secret; False when it was not there.

        :raises Conflict: a service uses it.
        """
        return self._delete(f"remove secret {secret_id}", f"/secrets/{secret_id}")

    def distribution(self, image: str, registry_auth: str = "") -> Json:
        """Ask the image's registry for its digest and platforms.

        :raises EngineError: the registry is away, refuses the login, or does not have the image.
        """
        path = f"/distribution/{_quote(image, safe='/:')}/json"
        return t.cast(Json, self._call(f"look up image {image}", "GET", path, headers=_auth(registry_auth)))

    def container(self, container_id: str) -> Json | None:
        """Return one container of this very node, or None when it is not here."""
        return self._one(f"read container {container_id}", f"/containers/{container_id}/json")

    def containers(self, filters: t.Mapping[str, list[str]]) -> list[Json]:
        """Return the running containers of this very node."""
        return self._list("list containers", "/containers/json", filters)

    def create_exec(self, container_id: str, spec: Json) -> str:
        """Prepare a further program in a container of this very node and return its id.

        :raises NotFound: the container is not here, or runs no more.
        """
        doing = f"run a program in container {container_id[:12]}"
        return str(self._call(doing, "POST", f"/containers/{container_id}/exec", body=spec)["Id"])

    def start_exec(self, exec_id: str) -> t.Iterator[bytes]:
        """Start it and yield what it writes (see M(frames)), until its output is closed."""
        body = {"Detach": False, "Tty": False}
        response = self._send("start a program", "POST", f"/exec/{exec_id}/start", body=body, stream=True, timeout=None)
        yield from response.iter_content(None)

    def exec_state(self, exec_id: str) -> Json:
        """Return whether it still runs (C(Running)), its C(ExitCode), and its C(Pid) on the node."""
        return t.cast(Json, self._call("read the state of a program", "GET", f"/exec/{exec_id}/json"))

    def events(self, filters: t.Mapping[str, list[str]]) -> t.Iterator[Json]:
        """Yield the engine's events as they happen, until the session is closed."""
        query = {"filters": json.dumps(filters)}
        response = self._send("follow events", "GET", "/events", query=query, stream=True, timeout=None)
        for line in response.iter_lines():
            if line:
                yield json.loads(line)

    # -- HTTP ----------------------------------------------------------------------------------------------------
    def _list(self, doing: str, path: str, filters: t.Mapping[str, list[str]] | None) -> list[Json]:
        query = {"filters": json.dumps(filters)} if filters else {}
        return t.cast("list[Json]", self._call(doing, "GET", path, query=query) or [])

    def _one(self, doing: str, path: str) -> Json | None:
        try:
            return t.cast(Json, self._call(doing, "GET", path))
        except NotFound:
            return None

    def _delete(self, doing: str, path: str, query: t.Mapping[str, t.Any] | None = None) -> bool:
        """Remove something by its id, which does no harm a second time; so a lost answer is no reason to look."""
        try:
            until_answered(lambda: self._call(doing, "DELETE", path, query=query), patience=self.patience)
        except NotFound:
            return False
        return True

    def _call(
        self,
        doing: str,
        method: str,
        path: str,
        query: t.Mapping[str, t.Any] | None = None,
        body: Json | None = None,
        headers: t.Mapping[str, str] | None = None,
        raw: bool = False,
        timeout: float | None = None,
    ) -> t.Any:
        def send() -> t.Any:
            response = self._send(doing, method, path, query, body, headers, timeout=timeout or self.timeout)
            if raw:
                return response.content
            return response.json() if response.content.strip() else None

        if method != "GET" or timeout is not None:
            return send()  # who has a time of its own for the answer has none for another try
        try:
            return until_answered(send, patience=self.patience)
        except AnswerLost:
            self._given_up = self.patience > 0
            raise

    def _send(
        self,
        doing: str,
        method: str,
        path: str,
        query: t.Mapping[str, t.Any] | None = None,
        body: Json | None = None,
        headers: t.Mapping[str, str] | None = None,
        stream: bool = False,
        timeout: float | None = None,
    ) -> t.Any:
        import requests

        try:
            response = self._session.request(
                method,
                self._session.base_url + self.way.prefix + path,
                params=query,
                json=body,
                headers=dict(headers or {}),
                stream=stream,
                timeout=timeout,
                verify=self._session.verify,  # said here, for REQUESTS_CA_BUNDLE goes before what the session says
            )
        except requests.exceptions.ConnectTimeout as exc:
            raise EngineUnreachable(f"Cannot {doing}: no engine answers at {self.host} within {timeout:g} s") from exc
        except requests.exceptions.Timeout as exc:
            raise AnswerLost(f"Cannot {doing}: no answer from {self.host} within {timeout:g} s") from exc
        except (requests.exceptions.RequestException, OSError) as exc:
            cause = _root_cause(exc)
            if "timed out" in str(cause):  # in the middle of an answer
                raise AnswerLost(f"Cannot {doing}: {self.host} took longer than {timeout:g} s") from exc
            # One that has answered before may just be starting again: that is waited for, once.
            unsent = isinstance(exc, requests.exceptions.SSLError) or isinstance(cause, _NOT_SENT)
            gone = unsent and (self._given_up or not self.api_version)
            kind = EngineUnreachable if gone else AnswerLost
            why = str(cause) or type(cause).__name__
            raise kind(f"Cannot {doing}: no engine answers at {self.host} ({why})") from exc
        answered = response.headers.get("Api-Version", self.api_version)
        self.api_version = answered if self.way.api_version == NEWEST else self.way.api_version
        if response.status_code >= 400:
            of_swarm = not path.startswith("/distribution/")  # a registry may be as silent as a leader
            raise error_of(doing, response.status_code, _message(response), of_swarm)
        return response


def error_of(doing: str, status: int, words: str, of_swarm: bool = True) -> EngineError:
    """Return the typed error for an answer of the engine (pure).

    :param doing: what was tried, as in C(create service web).
    :param status: HTTP status.
    :param words: Docker's own message.
    :param of_swarm: the leader was asked.
    """
    # Managers pass errors on wrapped in gRPC's own words.
    marker = " desc = "
    reason = words.split(marker, 1)[1] if words.startswith("rpc error") and marker in words else words
    text = f"Cannot {doing}: {reason}"
    kind = EngineError
    if of_swarm and is_leaderless(status, words):
        kind = NoLeader
    elif "not a swarm manager" in words or "not part of a swarm" in words:
        kind = NotAManager
    elif "update out of sequence" in words:
        kind = OutOfSequence
    elif status == 404:
        kind = NotFound
    elif status == 409 or "already exists" in words or " in use by " in words or "has active endpoints" in words:
        kind = Conflict
    return kind(text, status)


def demultiplex(raw: bytes) -> list[str]:
    """Return the lines of the engine's log stream (frames with an 8-byte header, each line with its time), in order.

    The engine keeps the order within standard output and within standard error only.
    """
    lines = [line for _stream, data in frames(raw) for line in data.decode(errors="replace").splitlines()]
    return [line.partition(" ")[2] for line in sorted(lines, key=lambda line: line.partition(" ")[0])]


def frames(raw: bytes) -> t.Iterator[tuple[int, bytes]]:
    """Yield (stream, content) of each frame of the engine's output; stream 1 is standard output, 2 standard error."""
    offset = 0
    while offset + 8 <= len(raw):
        size = int.from_bytes(raw[offset + 4 : offset + 8], "big")
        yield raw[offset], raw[offset + 8 : offset + 8 + size]
        offset += 8 + size


def _message(response: t.Any) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return response.text.strip() or f"HTTP {response.status_code}"


def _root_cause(exc: BaseException) -> BaseException:
    while exc.__cause__ is not None or exc.__context__ is not None:
        exc = t.cast(BaseException, exc.__cause__ or exc.__context__)
    return exc


def _auth(registry_auth: str) -> dict[str, str]:
    return {"X-Registry-Auth": registry_auth} if registry_auth else {}


def _quote(text: str, safe: str = "") -> str:
    return urllib.parse.quote(text, safe=safe)
