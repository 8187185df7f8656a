# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the edge's container image on the node itself: the distribution's own nginx and the libraries that it loads."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
import typing as t
from pathlib import Path

from ..._errors import SwarmError
from ..engine import LocalEngine
from .container import IMAGE

NGINX = "/usr/sbin/nginx"
_FILES = (NGINX, "/etc/nginx/mime.types", "/etc/passwd", "/etc/group")
_FOLDERS = ("tmp", "run", "var/log/nginx", "var/lib/nginx", "etc/edge")
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")
_SIGNATURE_LABEL = "apiary.edge.files"


def libraries(ldd: str) -> list[str]:
    """Return the paths in what C(ldd) prints.

    :raises SwarmError: a library is not there.
    """
    if "not found" in ldd:
        raise SwarmError(f"nginx lacks a library: {ldd.strip()}")
    return sorted(set(_LIBRARY.findall(ldd)))


def build(engine: LocalEngine, image: str = IMAGE) -> bool:
    """Make the image unless there is one of the same files; tell whether it was made.

    :raises SwarmError: nginx is not installed, or the engine refuses.
    """
    missing = [path for path in _FILES if not Path(path).exists()]
    if missing:
        raise SwarmError(f"The edge's image needs {', '.join(missing)}: install the package nginx.")
    # A program on a node, no module: there is no run_command.
    run = subprocess.run(  # pylint: disable=ansible-bad-function
        ["ldd", NGINX], capture_output=True, text=True, check=False
    )
    files = [*_FILES, *libraries(run.stdout)]
    signature = ";".join(_signature(Path(path)) for path in files)
    with engine.api("make the edge's image") as api:
        found = api.images(name=image)
        if found and (found[0].get("Labels") or {}).get(_SIGNATURE_LABEL) == signature:
            return False
        api.import_image_from_data(
            _archive(files), repository=image.partition(":")[0], tag=image.partition(":")[2],
            changes=[f'LABEL {_SIGNATURE_LABEL}="{signature}"'],
        )  # fmt: skip
    return True


def _signature(path: Path) -> str:
    status = path.stat()
    return f"{path}:{status.st_size}:{int(status.st_mtime)}"


def _archive(files: t.Sequence[str]) -> bytes:
    """Return a tar archive of *files*, each under its own path with links resolved."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", dereference=True) as tar:
        for folder in _FOLDERS:
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
        for path in files:
            tar.add(path, arcname=path.lstrip("/"), recursive=False)
    return buffer.getvalue()
