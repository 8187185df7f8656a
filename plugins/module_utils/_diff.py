# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""Differences between two trees of plain data, field by field, without ever showing a secret. Pure."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ._errors import HIDDEN, without_logins

Path = tuple[str, ...]
Tree = dict[str, t.Any]

_SENSITIVE = re.compile(
    r"pass|pwd|secret|token|jwt|credential|private|auth|api.?key|access.?key|dsn|connection", re.IGNORECASE
)
# Lengths are bounded, for a text may be long and a pattern must not look through all of it at each of its places.
_WORD = r"""(?:"[^"]*"?|'[^']*'?|[^\s"']\S*)"""
_NAMED = rf"[\w.-]{{0,64}}(?:{_SENSITIVE.pattern})[\w.-]{{0,64}}"
_OTHER_WORDS = r"(?:\s+\S{1,200}){0,12}?\s+"
#: What stands behind a name, a flag or a scheme that promises a secret; the group C(flag) may be shown.
_SECRETS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?P<flag>(?:{_NAMED})[\"']?\s{{0,9}}[=:]\s{{0,9}})(?:(?:bearer|basic|digest|token|negotiate)\s+)?{_WORD}",
        rf"(?P<flag>(?<!\S)--?{_NAMED}\s+){_WORD}",
        rf"(?P<flag>\b(?:bearer|basic)\s+){_WORD}",
        # curl, wget and the like; programs whose short flag takes a password
        rf"(?P<flag>(?<!\S)(?:-u|-U|--user|--proxy-user)[\s=]{{0,9}})(?=[\"']?[^\s:\"']{{1,200}}:){_WORD}",
        rf"(?P<flag>\b(?:mysql|mariadb)[\w-]{{0,20}}{_OTHER_WORDS}-p)[^\s-]\S*",
        rf"(?P<flag>\b(?:sshpass\s+-p|redis-cli{_OTHER_WORDS}-a)\s*)\S+",
    )
)
#: A blank that no word of a command has.
_BETWEEN = "\x1f"
#: Flags that take a login when it has a colon.
_LOGIN_FLAGS = frozenset({"-u", "-U", "--user", "--proxy-user"})


@dataclasses.dataclass(frozen=True)
class Change:
    """One field that differs.

    :ivar path: keys from the root of the tree.
    :ivar before: old value, None when the field is new.
    :ivar after: new value, None when the field goes.
    :ivar note: why it changes, when that is not plain (drift, a digest that moved).
    """

    path: Path
    before: t.Any
    after: t.Any
    note: str = ""

    @property
    def kind(self) -> str:
        """C(add), C(remove) or C(change)."""
        if self.before is None:
            return "add"
        return "remove" if self.after is None else "change"

    def shown(self) -> dict[str, t.Any]:
        """Return the change as plain data that may be printed."""
        before, after = show(self.path, self.before), show(self.path, self.after)
        if before == after and self.kind == "change":
            before, after = f"{HIDDEN} old value", f"{HIDDEN} new value"
        data = {"path": dotted(self.path), "kind": self.kind, "before": before, "after": after}
        return {**data, "note": self.note} if self.note else data


def diff(before: Tree, after: Tree, at: Path = ()) -> list[Change]:
    """Return every leaf that differs, in the order of I(before), then what is new in I(after).

    A missing key and one that holds None are the same.
    """
    changes: list[Change] = []
    for key in [*before, *(key for key in after if key not in before)]:
        old, new, path = before.get(key), after.get(key), (*at, str(key))
        if old == new:
            continue
        if isinstance(old, dict) or isinstance(new, dict):
            left = old if isinstance(old, dict) else {}
            right = new if isinstance(new, dict) else {}
            changes += diff(left, right, path)
        else:
            changes.append(Change(path, old, new))
    return changes


def leaves(tree: Tree, at: Path = ()) -> t.Iterator[tuple[Path, t.Any]]:
    """Yield every leaf with its path."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, (*at, str(key)))
        else:
            yield (*at, str(key)), value


def show(path: Path, value: t.Any) -> t.Any:
    """Return I(value) as it may be printed: values of environment variables never, nor what looks like a secret."""
    if value is None:
        return None
    if "Env" in path[:-1] or is_sensitive(path):
        return HIDDEN
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, (list, tuple)):
        return _clean_list([str(item) for item in value])
    return value


def show_argument(path: Path, value: t.Any) -> t.Any:
    """Return a module's argument, of any depth, as M(show) shows a value."""
    if isinstance(value, dict):
        return {str(key): show_argument((*path, str(key)), item) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and any(isinstance(item, (dict, list)) for item in value):
        return [show_argument(path, item) for item in value]
    return show(path, value)


def is_sensitive(path: Path) -> bool:
    """Say whether the name of a field promises a secret."""
    return bool(path) and path[-1] not in ("SecretName", "SecretID") and bool(_SENSITIVE.search(path[-1]))


def show_tree(tree: Tree, at: Path = ()) -> Tree:
    """Return a copy of I(tree) that may be printed."""
    return {
        key: show_tree(value, (*at, str(key))) if isinstance(value, dict) else show((*at, str(key)), value)
        for key, value in tree.items()
    }


def dotted(path: Path) -> str:
    """Return I(path) for people; a key that holds a dot stands in brackets."""
    text = ""
    for key in path:
        text += f"[{key}]" if re.search(r"[^\w-]", key) else f".{key}"
    return text.lstrip(".")


def _clean(text: str) -> str:
    """Return a text without what a name, a flag or an address in it says to be a secret."""
    for pattern in _SECRETS:
        text = pattern.sub(rf"\g<flag>{HIDDEN}", text)
    return without_logins(text)


def _clean_list(words: list[str]) -> list[str]:
    """Hide the word after a flag that promises a secret, as in C(--password hunter2) and C(-u me:hunter2).

    What flags mean to a program, as in C(redis-cli -a hunter2), shows in the words together only.
    """
    together = _clean(_BETWEEN.join(words)).split(_BETWEEN)
    if len(together) != len(words):
        together = [_clean(word) for word in words]
    cleaned, before = list[str](), ""
    for word, within in zip(words, together):
        promised = before.startswith("-") and "=" not in before and bool(_SENSITIVE.search(before))
        login = before in _LOGIN_FLAGS and ":" in word
        cleaned.append(HIDDEN if promised or login else _clean(within))
        before = word
    return cleaned
