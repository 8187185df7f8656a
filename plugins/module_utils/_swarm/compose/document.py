# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML text to plain data, as Docker's own parser reads it, with the line of every key.

PyYAML's own loaders follow YAML 1.1, where C(22:22) is the number 1342, C(yes) is a boolean and the second of two
equal keys wins. Docker's parser does none of that, so only PyYAML's syntax layer is used here.
"""

from __future__ import annotations

import typing as t

from ..problems import Path, hidden, is_private, marked, revealed
from ..values import plain_scalar
from .errors import ComposeError
from .syntax import MAX_DEPTH, PLAIN, STANDARD, compose

MAX_BYTES = 1024 * 1024
MAX_VALUES = 100_000
#: Shorter values of variables are not looked for in messages: they would be found in other words.
_SHORTEST_HIDDEN = 4

#: A node of PyYAML: C(id) says its kind, C(tag), C(value) and C(start_mark) the rest.
Node = t.Any

_MERGE = "<<"

_Result = t.TypeVar("_Result")


class Document:
    """One parsed file.

    :ivar name: its name in messages.
    :ivar data: the top-level mapping.
    :ivar lines: line (from 1) of each key and list item, by path; empty for a document that was never text.
    :ivar variables: names and values of the variables that were replaced, by the path of the text that held them.
    """

    def __init__(self, name: str, data: dict[str, t.Any], lines: dict[Path, int] | None = None) -> None:
        self.name = name
        self.data = data
        self.lines = lines or {}
        self.variables: dict[Path, dict[str, str]] = {}

    def line(self, path: Path) -> int:
        """Return the line of the path, or of the nearest thing around it; 0 when unknown."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return 0

    def has(self, path: Path) -> bool:
        """Say whether the file itself has this path."""
        return path in self.lines

    def error(self, path: Path, problem: str) -> ComposeError:
        """Return an error at this path."""
        names = {value: f"${{{name}}}" for name, value in self._variables_at(path).items()}
        place = tuple(names.get(part, part) if isinstance(part, str) else part for part in path)
        return ComposeError(self.printable(path, problem), file=self.name, line=self.line(path), path=place)

    def printable(self, path: Path, problem: str) -> str:
        """Return a problem as it may be printed: without values of variables, and without what may be a password."""
        used = self._variables_at(path)
        for name, value in used.items():
            problem = problem.replace(value, f"${{{name}}}") if len(value) >= _SHORTEST_HIDDEN else problem
        if is_private(path):
            return hidden(problem)
        return (
            hidden(problem, f"the value of {' and '.join(f'${name}' for name in used)}") if used else revealed(problem)
        )

    def _known(self, path: Path) -> int:
        """Return how much of a path is in the file itself: long forms have keys that short ones lack."""
        value: t.Any = self.data
        for length, part in enumerate(path):
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return length
        return len(path)

    def _variables_at(self, path: Path) -> dict[str, str]:
        """Return the variables in the text at this path, below it, or around it."""
        found: dict[str, str] = {}
        known = self._known(path)
        for place, used in self.variables.items():
            length = min(len(place), known)
            if place[:length] == path[:length]:
                found.update(used)
        return found


def decode(name: str, content: bytes, what: str = "a stack file") -> str:
    """Return the text of a file. Raises ComposeError when it is too big or not UTF-8.

    :param what: the file, in the words of the message.
    """
    if len(content) > MAX_BYTES:
        raise ComposeError(f"the file has more than {MAX_BYTES} bytes; {what} may have no more", file=name)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise ComposeError("the file is not UTF-8 text; save it as UTF-8", file=name, line=line) from None


def parse(name: str, content: bytes) -> Document:
    """Parse a stack file.

    Raises ComposeError for everything that is not one YAML document with a mapping at its top, without anything that
    plain data cannot express, and of a sane size.
    """
    node = compose(name, decode(name, content))
    if node is None:
        raise ComposeError('the file is empty; write at least "services:" with one service', file=name)
    if node.id != "mapping":
        raise ComposeError('the top must be a mapping; write "services:" first', file=name, line=1)
    builder = _Builder(name)
    return Document(name, builder.build(node, ()), builder.lines)


class _Builder:
    """Turns a node graph into plain data, counting what anchors expand to."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[Path, int] = {}
        self.values = 0
        self.open: set[int] = set()

    def error(self, node: Node, path: Path, problem: str) -> ComposeError:
        problem = hidden(problem) if is_private(path) else revealed(problem)
        return ComposeError(problem, file=self.name, line=node.start_mark.line + 1, path=path)

    def build(self, node: Node, path: Path) -> t.Any:
        self.count(node)
        if len(path) > MAX_DEPTH:
            raise self.error(node, (), f"nested deeper than {MAX_DEPTH} levels")
        if node.id == "scalar":
            return self.scalar(node, path)
        return self.inner(node, path, self.mapping if node.id == "mapping" else self.sequence)

    def count(self, node: Node) -> None:
        self.values += 1
        if self.values > MAX_VALUES:
            raise self.error(node, (), f"anchors expand to more than {MAX_VALUES} values; write the file without them")

    def inner(self, node: t.Any, path: Path, work: t.Callable[[t.Any, Path], _Result]) -> _Result:
        """Look into a collection, but not into one that is being looked into."""
        if id(node) in self.open:
            raise self.error(node, path, "an anchor contains itself; break the circle")
        expected = STANDARD + ("map" if node.id == "mapping" else "seq")
        if node.tag != expected:
            raise self.error(node, path, _unknown_tag(node))
        self.open.add(id(node))
        try:
            return work(node, path)
        finally:
            self.open.discard(id(node))

    def sequence(self, node: Node, path: Path) -> list[t.Any]:
        return [self.item(child, (*path, index)) for index, child in enumerate(node.value)]

    def item(self, node: Node, path: Path) -> t.Any:
        self.lines[path] = node.start_mark.line + 1
        return self.build(node, path)

    def scalar(self, node: Node, path: Path) -> t.Any:
        if node.tag == STANDARD + "str":
            return node.value
        if node.tag == PLAIN:
            return plain_scalar(node.value)
        if node.tag in {STANDARD + "int", STANDARD + "float", STANDARD + "bool", STANDARD + "null"}:
            return plain_scalar(node.value)
        raise self.error(node, path, _unknown_tag(node))

    def mapping(self, node: Node, path: Path) -> dict[str, t.Any]:
        result = {}
        for key, (key_node, value_node) in self.entries(node, path).items():
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            result[key] = self.build(value_node, (*path, key))
        return result

    def entries(self, node: Node, path: Path) -> dict[str, tuple[Node, Node]]:
        """Return the entries by key; those of C(<<) mappings come after the mapping's own, the earlier mapping wins."""
        self.count(node)
        result: dict[str, tuple[Node, Node]] = {}
        merged: list[tuple[Node, Node]] = []
        for key_node, value_node in node.value:
            if key_node.value == _MERGE and key_node.tag == PLAIN:
                merged.append((key_node, value_node))
                continue
            key = self.key(key_node, path)
            if key in result:
                line = result[key][0].start_mark.line + 1
                raise self.error(key_node, (*path, key), f"the key is already on line {line}; remove one of them")
            result[key] = (key_node, value_node)
        for key_node, value_node in merged:
            for source in value_node.value if value_node.id == "sequence" else [value_node]:
                if source.id != "mapping":
                    problem = '"<<" takes a mapping or a list of mappings, such as "<<: *defaults"'
                    raise self.error(key_node, path, problem)
                for key, entry in self.inner(source, path, self.entries).items():
                    result.setdefault(key, entry)
        return result

    def key(self, node: Node, path: Path) -> str:
        if node.id != "scalar":
            raise self.error(node, path, "a key must be a word, not a list or a mapping")
        key = self.scalar(node, path)
        if not isinstance(key, str):
            raise self.error(
                node,
                path,
                f'the key {node.value or "(empty)"} is not a text; write "{node.value}" in quotes',
            )
        return key


def _unknown_tag(node: Node) -> str:
    """Return the problem of a tag; what people take for a password that begins with an exclamation mark is one, too."""
    return f"the tag {marked(node.tag.replace(STANDARD, '!!'), 'here')} is not known here; remove it"
