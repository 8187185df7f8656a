# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked again: calls whose answer is lost, and whatever takes its time. Pure but for the clock.

An engine passes each call on to the leader and waits 20 seconds for it (moby C(daemon/cluster/cluster.go),
C(swarmRequestTimeout)); it does so in its own time, so that a call goes on when the client has given up. When the
connection to the leader breaks, the manager looks for the next leader and makes the call once more by itself (swarmkit
C(protobuf/plugin/raftproxy/raftproxy.go), C(genSimpleMethod)), though the first leader may have carried it out. An
election takes some seconds, in which managers answer in the words below. No such answer says whether raft took the
change.
"""

from __future__ import annotations

import time
import typing as t

from .._errors import AnswerLost, EngineError, EngineUnreachable, NoLeader

#: Seconds for which a call without a true answer is made again: more than an election and the engine's 20 seconds.
PATIENCE = 30.0
PAUSE = 0.5

#: What managers say when the leader's answer is lost, in small letters:
_LEADERLESS = (
    "the swarm does not have a leader",  # swarmkit manager/state/raft/raft.go: lostQuorumMessage
    "no elected cluster leader",  # the same: ErrNoClusterLeader
    "node lost leader status",  # the same: ErrLostLeadership
    "failed to process the request: node is stopped",  # the same: ErrStopped
    "current node is leader",  # swarmkit manager/raftselector/raftselector.go: ErrIsLeader, between two leaders
    "more than one redirect to leader",  # swarmkit protobuf/plugin/raftproxy/raftproxy.go
    "context deadline exceeded",  # gRPC, after the 20 seconds
    "code = unavailable",  # gRPC: the leader is gone or does not listen yet
    "code = deadlineexceeded",
    "code = canceled",  # gRPC: the manager closed its connection to a leader that is one no more, or the leader stopped
    "manager is being prepared or has trouble connecting",  # moby daemon/cluster/cluster.go: errNoManager
)
#: How gRPC names a broken connection, where an error says so without a code: the engine's message is the whole error
#: (moby C(api/server/errorhandler.go)), its status that of the code, if any (C(httpstatus/status.go),
#: C(statusCodeFromGRPCError)). Source: grpc-go C(internal/transport/transport.go), C(clientconn.go).
_UNAVAILABLE = (
    "connection error: desc",
    "subconns",
    "error while dialing",
    "transport is closing",
    "connection is closing",
)

#: Errors after which nobody knows whether a call was carried out.
UNKNOWN = (AnswerLost, NoLeader)

Found = t.TypeVar("Found")


def is_leaderless(status: int, words: str) -> bool:
    """Say whether an engine's answer means that it got none of the leader (pure)."""
    text = words.lower()
    if any(sign in text for sign in _LEADERLESS):
        return True
    return status in (500, 503) and any(sign in text for sign in _UNAVAILABLE)


def is_unknown(error: EngineError) -> bool:
    """Say whether nobody knows after an error whether the call was carried out (pure)."""
    return isinstance(error, UNKNOWN)


def is_passing(error: EngineError) -> bool:
    """Say whether an error may pass: any but that of an engine which is not there (pure)."""
    return isinstance(error, UNKNOWN) or not isinstance(error, EngineUnreachable)


def until_answered(
    call: t.Callable[[], Found],
    look: t.Callable[[], Found | None] | None = None,
    patience: float = PATIENCE,
    again: t.Callable[[EngineError], bool] = is_unknown,
) -> Found:
    """Make a call again and again until it has a true answer, and return that.

    :param look: asked after each lost answer: returns what the call would, when what is live shows that it was carried
        out, None when it was not. Without it the call is one that may be repeated.
    :param patience: seconds after which the last error is raised.
    :param again: says after which errors the call is made again.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return call()
        except EngineError as exc:
            if not again(exc):
                raise
            trouble = exc
        found = look() if look is not None else None
        if found is not None:
            return found
        if time.monotonic() + PAUSE >= deadline:
            raise trouble
        time.sleep(PAUSE)


def until(done: t.Callable[[], bool], seconds: float, pause: float = 0.3) -> bool:
    """Ask every I(pause) seconds whether something is done, for I(seconds) at most; say whether it is.

    It is asked once at least.
    """
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
    return True
