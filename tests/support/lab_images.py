# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tiny container images of busybox, as archives that C(docker load) takes."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import typing as t
from pathlib import Path

BUSYBOX = Path("/bin/busybox")
APPLETS = [
    *("cat", "chmod", "date", "echo", "env", "false", "grep", "hostname", "httpd", "id", "kill", "ls", "mkdir"),
    *("nc", "nslookup", "ping", "printenv", "ps", "rm", "sh", "sleep", "stat", "tail", "test", "touch", "true", "wget"),
]


def archive(reference: str, settings: t.Mapping[str, t.Any], files: t.Mapping[str, str]) -> bytes:
    """Make what C(docker load) takes: a busybox layer that all images share, a layer with I(files), and I(settings)."""
    layers = [_base_layer(), _layer({path.lstrip("/"): text.encode() for path, text in files.items()})]
    config = {
        "architecture": "amd64", "os": "linux", "config": dict(settings),
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]},
    }  # fmt: skip
    names = [f"layer{index}.tar" for index in range(len(layers))]
    manifest = [{"Config": "config.json", "RepoTags": [reference], "Layers": names}]
    parts = {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    return _layer({**parts, **dict(zip(names, layers, strict=True))})


def _base_layer() -> bytes:
    return _layer({"bin/busybox": BUSYBOX.read_bytes(), "etc/passwd": b"root:x:0:0:root:/:/bin/sh\n"}, APPLETS)


def _layer(files: t.Mapping[str, bytes], applets: t.Sequence[str] = ()) -> bytes:
    """Make a tar archive of I(files), with the same bytes whenever the content is the same."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in ("tmp", "www", "run") if applets else ():
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
        for path, data in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), 0o755
            tar.addfile(entry, io.BytesIO(data))
        for applet in applets:
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "/bin/busybox"
            tar.addfile(entry)
    return buffer.getvalue()
