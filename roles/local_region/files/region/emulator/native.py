# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that are emulated here from the ground up; moto only reads their requests and writes their answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse

from region.emulator.patching import Patches

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One request to such a service.

    :ivar parameters: as in the API reference; numbers and booleans already converted.
    :ivar token: session token.
    """

    region: str
    account: str
    parameters: Parameters
    access_key: str = ""
    token: str = ""

    def get(self, name: str, default: Any = None) -> Any:
        """Return a parameter."""
        value = self.parameters.get(name)
        return default if value is None else value


Action = Callable[[Request], "dict[str, Any] | None"]


def serve(response_class: type[BaseResponse], service: str, actions: dict[str, Action]) -> None:
    """Answer all of a service's requests by *actions*; an action that is not there is not emulated."""
    response_class.RESPONSE_KEY_PATH_TO_TRANSFORMER = {}  # moto's are for the objects of its own backend

    patches = Patches()

    @patches.wrap(response_class, "call_action")
    def call_action(original: Any, self: Any) -> Any:
        name = self._get_action()
        action = actions.get(name)
        if action is None:
            raise NotImplementedError(f"{service}.{name}")
        parameters = {key: value for key, value in dict(self.params).items() if value is not None}
        request = Request(
            region=self.region,
            account=self.current_account,
            parameters=parameters,
            access_key=self.get_access_key(),
            token=self.headers.get("X-Amz-Security-Token", ""),
        )
        try:
            result: Any = ActionResult(action(request) or {})
        except ServiceException as exc:
            result = ActionResult(exc)
        return self.serialized(result)

    patches.install()
