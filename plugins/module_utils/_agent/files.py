# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that the agent keeps: whoever reads one finds the old content or the new one, never a part."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from .._errors import SwarmError


def write(path: Path, text: str) -> bool:
    """Put *text* in place of the file at *path*, unless it holds just that; tell whether it was written.

    It is written beside the file and moved over it. The content is on the disk before the move, and the move before
    this returns, so that a loss of power leaves one of both (rename(2) alone promises that for running programs only).

    :raises SwarmError: it cannot be written, for one because the disk is full; the file is as it was.
    """
    if read(path) == text:
        return False
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        _settle(path.parent)
    except OSError as exc:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise SwarmError(f"{path} cannot be written, so it stays as it was: {exc.strerror or exc}") from exc
    return True


def move(path: Path, target: Path) -> None:
    """Move a file, whose content is on the disk already, over another one of the same folder.

    :raises SwarmError: it cannot be moved.
    """
    try:
        path.replace(target)
        _settle(target.parent)
    except OSError as exc:
        raise SwarmError(f"{target} cannot be replaced, so it stays as it was: {exc.strerror or exc}") from exc


def read(path: Path) -> str:
    """Return a file's text, C("") when there is none or it is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _settle(folder: Path) -> None:
    """Bring the folder's own entries to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
