# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""Messages name the option that the user can set: the module's own, or the variable of the role that runs it."""

from __future__ import annotations

import re
import typing as t

_ADVICE = re.compile(r"\b(force|allow_recreate|purge|prune|wait_timeout|progress_timeout)(?=: )|(?<=\bin )(env)\b")


def at_level(answer: t.Any, role: str) -> t.Any:
    """Return a module's answer with the role's variables in place of the module's options (pure).

    Only advice is changed, which reads C(option: value) or C(in env), in what a user reads: C(msg), C(summary),
    C(plan.blockers).

    :param role: short name of the role that runs the task, C("") for none.
    """
    if not role or not isinstance(answer, dict):
        return answer
    result = dict(answer)
    if isinstance(result.get("msg"), str):
        result["msg"] = _words(result["msg"], role)
    for key in ("summary", "blockers"):
        if isinstance(result.get(key), list):
            result[key] = [_words(line, role) for line in result[key]]
    if isinstance(result.get("plan"), dict):
        result["plan"] = at_level(result["plan"], role)
    return result


def role_of(task: t.Any) -> str:
    """Return the short name of the collection's own role that a task belongs to, "" for none."""
    role = getattr(task, "_role", None)
    name = str(role.get_name(include_role_fqcn=True)) if role is not None else ""
    return name.rpartition(".")[2] if name.startswith("apiary.swarm.") else ""


def _words(text: str, role: str) -> str:
    return _ADVICE.sub(lambda match: f"{role}_{match[0]}", text)
