# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The region's own endpoints, under C(/_region/) on every host."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qs

from region.middleware.control import ENFORCEMENTS, Control

PREFIX = "/_region/"
Answer = tuple[int, Any]


class Refused(ValueError):
    """The request to the region's own endpoint makes no sense."""


def answer(environ: dict[str, Any], body: bytes, control: Control) -> Answer:
    """Return HTTP status and JSON answer of a request to one of the region's own endpoints."""
    name = environ["PATH_INFO"].removeprefix(PREFIX).strip("/")
    method = environ["REQUEST_METHOD"]
    handler = _HANDLERS.get((method, name))
    if handler is None:
        return 404, {"error": f"no such endpoint: {method} {PREFIX}{name}"}
    query = {key: values[-1] for key, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    try:
        fields = json.loads(body) if body else {}
        if not isinstance(fields, dict):
            raise Refused("the body must be a JSON object")
        return 200, handler(control, query, fields)
    except (ValueError, TypeError) as exc:
        return 400, {"error": str(exc)}


def _health(control: Control, query: dict[str, str], fields: dict[str, Any]) -> Any:
    return {"status": "ok", "calls": control.recorder.last_sequence}


def _calls(control: Control, query: dict[str, str], fields: dict[str, Any]) -> Any:
    """C(since=N) and any of C(service), C(action), C(role), C(principal), C(error), C(via); C(write=true|false)."""
    equal: dict[str, Any] = {
        key: query[key] for key in ("service", "action", "role", "principal", "error", "via") if key in query
    }
    if "write" in query:
        equal["write"] = query["write"] == "true"
    records = control.recorder.since(int(query.get("since", 0)), **equal)
    return {"calls": [asdict(one) for one in records], "last": control.recorder.last_sequence}


def _list_faults(control: Control, query: dict[str, str], fields: dict[str, Any]) -> Any:
    return {"faults": control.faults.describe()}


def _add_fault(control: Control, query: dict[str, str], fields: dict[str, Any]) -> Any:
    if "kind" not in fields:
        raise Refused("a fault needs a kind")
    return asdict(control.faults.add(**fields))


def _remove_faults(control: Control, query: dict[str, str], fields: dict[str, Any]) -> Any:
    control.faults.remove(int(query["id"]) if "id" in query else None)
    return {"faults": control.faults.describe()}


def _settings(control: Control, query: dict[str, str], fields: dict[str, Any]) -> Any:
    return {"enforce": control.enforce, "role_lifetime": control.role_lifetime}


def _change_settings(control: Control, query: dict[str, str], fields: dict[str, Any]) -> Any:
    unknown = set(fields) - {"enforce", "role_lifetime"}
    if unknown:
        raise Refused(f"unknown setting: {', '.join(sorted(unknown))}")
    enforce = fields.get("enforce", control.enforce)
    if enforce not in ENFORCEMENTS:
        raise Refused(f"enforce must be one of {', '.join(ENFORCEMENTS)}, not {enforce!r}")
    control.enforce = enforce
    control.role_lifetime = float(fields.get("role_lifetime", control.role_lifetime))
    return _settings(control, query, fields)


_HANDLERS: dict[tuple[str, str], Callable[[Control, dict[str, str], dict[str, Any]], Any]] = {
    ("GET", "health"): _health,
    ("GET", "calls"): _calls,
    ("GET", "faults"): _list_faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _remove_faults,
    ("GET", "settings"): _settings,
    ("POST", "settings"): _change_settings,
}
