# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.

"""Errors that the collection raises on purpose; each says in one sentence what went wrong. Pure."""

from __future__ import annotations

import re
import typing as t

HIDDEN = "(hidden)"

#: The login of an address, also where its password has a slash or another @. Lengths are bounded: texts may be long.
_LOGIN = re.compile(r"(?P<before>://)(?:[^/\s\"']{1,500}@|[^/\s:@\"']{0,200}:[^\s\"']{0,500}@)")


def without_logins(text: str) -> str:
    """Return a text without the logins of the addresses in it."""
    return _LOGIN.sub(rf"\g<before>{HIDDEN}@", text)


class SwarmError(Exception):
    """The base of every error that a user is meant to read: of these, and of those that packages add to them.

    What Docker's SDK and botocore say repeats the address that they were given, with the login in it.

    :ivar message: one sentence for the user, without the logins of addresses.
    :ivar data: what a task that fails with it returns beside the message.
    """

    data: dict[str, t.Any]

    def __init__(self, message: str) -> None:
        self.message = without_logins(message)
        self.data = {}
        super().__init__(self.message)


class InvalidInput(SwarmError):
    """What was given makes no sense; no call was made."""


class Refused(SwarmError):
    """What was asked for cannot work as things are; the message says what to change."""

    def __init__(self, message: str, **data: t.Any) -> None:
        super().__init__(message)
        self.data = data


class EngineError(SwarmError):
    """The Docker engine refused or could not do what it was asked.

    :ivar message: one sentence: what was tried and Docker's own words.
    :ivar status: the HTTP status, 0 when no answer came.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class EngineUnreachable(EngineError):
    """No answer from the engine: no socket, no permission, or a time-out."""


class AnswerLost(EngineUnreachable):
    """The call was sent and its answer never came: whether it was carried out is not known."""


class NoLeader(EngineError):
    """The manager could not get an answer of the swarm's leader: whether the call was carried out is not known."""


class NotAManager(EngineError):
    """The engine is in no swarm, or is a worker: it cannot read nor change services."""


class NotFound(EngineError):
    """The object does not exist."""


class Conflict(EngineError):
    """The name is taken, or the object is in use."""


class OutOfSequence(EngineError):
    """Somebody else changed the object since it was read."""


class ImageUnresolved(SwarmError):
    """An image reference could not be turned into a digest.

    :ivar image: the reference as it was given.
    :ivar missing: the registry answered, and has no such image.
    """

    def __init__(self, message: str, image: str, missing: bool = False) -> None:
        super().__init__(message)
        self.image = image
        self.missing = missing


class PlanRefused(Refused):
    """The plan may not be carried out as it is; the message says what to change or which option allows it.

    :ivar plan: the plan, where there is one already; for the result.
    """

    def __init__(self, message: str, plan: t.Any = None) -> None:
        super().__init__(message)
        self.plan = plan


class LockHeld(PlanRefused):
    """Another deploy of the same stack is under way."""


class DeployFailed(SwarmError):
    """Services did not converge.

    :ivar failures: one entry per failed service, ready to be returned to the user.
    :ivar changed: something was written, even if it was taken back.
    :ivar warnings: what the plan had warned of.
    """

    def __init__(self, message: str, failures: list[dict[str, t.Any]], changed: bool = False) -> None:
        super().__init__(message)
        self.failures = failures
        self.changed = changed
        self.warnings: list[str] = []
