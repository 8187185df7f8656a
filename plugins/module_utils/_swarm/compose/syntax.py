# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The syntax layer: text to PyYAML's nodes, and what its complaints mean in a user's words."""

from __future__ import annotations

import functools
import re
import typing as t

from .errors import ComposeError

STANDARD = "tag:yaml.org,2002:"
#: Tag of a scalar without quotes and without a tag of its own: what it means is decided later.
PLAIN = "tag:apiary:plain"

MAX_DEPTH = 60
_QUOTED = re.compile(r"\s*'[^']*'")


@functools.lru_cache(maxsize=1)
def _loader() -> t.Any:
    """Return the loader class; PyYAML is imported only where files are read, that is on the controller."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """Marks plain scalars as such and leaves their meaning to us."""

        yaml_implicit_resolvers: t.ClassVar[dict[t.Any, t.Any]] = {}

    Loader.add_implicit_resolver(PLAIN, re.compile(r".*", re.DOTALL), None)
    return Loader


def compose(name: str, text: str) -> t.Any:
    """Return the node of the only document in a text, None when there is none. Raises ComposeError."""
    import yaml

    try:
        _check_depth(name, text)
        return yaml.compose(text, Loader=_loader())
    except yaml.reader.ReaderError as exc:
        line = text.count("\n", 0, exc.position) + 1
        message = f"the character #x{exc.character:04x} is not allowed; remove it"
        raise ComposeError(message, file=name, line=line) from None
    except yaml.MarkedYAMLError as exc:
        raise _syntax_error(name, text, exc) from None
    except (yaml.YAMLError, ValueError):
        raise ComposeError("not valid YAML", file=name) from None


def _check_depth(name: str, text: str) -> None:
    """Raise ComposeError for deep nesting: PyYAML composes nodes by recursion, and in C that ends the process."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=_loader()):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                line = event.start_mark.line + 1 if event.start_mark else 0
                raise ComposeError(f"nested deeper than {MAX_DEPTH} levels", file=name, line=line)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


# What the parser says → what it means, and whether the line of its beginning is the one to look at.
_SYNTAX = (
    ("another document", 'there is a second document; keep one, without "---" in between', False),
    ("undefined alias", 'the name after "*" has no "&" of the same name above it', False),
    ("flow mapping", 'the "{" on this line has no "}", or a "," is missing', True),
    ("flow sequence", 'the "[" on this line has no "]", or a "," is missing', True),
    ("quoted scalar", "the quote that begins on this line does not end", True),
    (
        "mapping values are not allowed",
        'a ":" cannot stand here; put the text in quotes, or look at the line above',
        False,
    ),
    ("could not find expected ':'", 'a ":" is missing after the key', True),
    ("expected key", "the line is not indented like those above it", False),
    ("expected '-' indicator", "the line is not indented like those above it", False),
    ("cannot start any token", "the line cannot begin like this; put the text in quotes", False),
)


def _syntax_error(name: str, text: str, exc: t.Any) -> ComposeError:
    words = " ".join(part for part in (exc.context, exc.problem) if part)
    mark = exc.problem_mark or exc.context_mark
    line = mark.line + 1 if mark else 0
    written = text.split("\n")[line - 1] if 0 < line <= text.count("\n") + 1 else ""
    if written.lstrip(" ").startswith("\t"):
        return ComposeError("a tab is used to indent; use spaces", file=name, line=line)
    for part, meaning, at_start in _SYNTAX:
        if part in words:
            if at_start and exc.context_mark:
                line = exc.context_mark.line + 1
            return ComposeError(f"not valid YAML: {meaning}", file=name, line=line)
    # The parser quotes what it has found.
    return ComposeError(f"not valid YAML: {_QUOTED.sub('', words)}", file=name, line=line)
