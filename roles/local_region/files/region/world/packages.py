# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A caching mirror of Debian's archive for the nodes, fed by the host's own apt.

The host's apt configuration alone says where packages come from, and apt's own downloader fetches them: whatever makes
C(apt update) work on this machine (proxies, certificates, transports) makes the mirror work too.
"""

from __future__ import annotations

import email.utils
import filecmp
import http.client
import os
import queue
import re
import socket
import subprocess
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import quote, unquote, urlsplit

from region.config import RegionConfig

APT_HELPER = "/usr/lib/apt/apt-helper"
DEFAULT_BASES = {"debian": "http://deb.debian.org/debian", "debian-security": "http://deb.debian.org/debian-security"}
FETCH_TIMEOUT = 600  # seconds for one file
MAX_FETCHES = 8  # downloads at once


class Failure(Enum):
    """Why a file could not be had."""

    NOT_FOUND = 404
    UPSTREAM = 502


class FetchError(Exception):
    """A file could not be had; C(failure) says why in terms of HTTP."""

    def __init__(self, failure: Failure, message: str) -> None:
        """Keep *failure* beside the *message*, which may be shown to a user."""
        super().__init__(message)
        self.failure = failure


def mirror_bases(targets: str | None = None) -> dict[str, str]:
    """Return the URIs behind C(debian) and C(debian-security), as the host's apt knows them.

    The release is no criterion: one mirror holds them all, so a Debian 12 host serves Debian 13 nodes. A host that is
    not Debian falls back to the project's own name, C(deb.debian.org).

    :param targets: the output of :func:`index_targets`; asked from apt when left out.
    """
    bases: dict[str, str] = {}
    for line in (index_targets() if targets is None else targets).splitlines():
        origin, label, release, uri = line.split("|", 3)
        if origin:
            name = {("Debian", "Debian"): "debian", ("Debian", "Debian-Security"): "debian-security"}.get(
                (origin, label)
            )
        elif "debian" not in uri:  # no index was ever fetched on this host: only the names can tell
            name = None
        elif release.endswith(("-security", "/updates")):
            name = "debian-security"
        else:
            name = "debian" if re.fullmatch(r"[a-z]+(-updates)?", release) else None
        if name is not None:
            bases.setdefault(name, uri.rstrip("/"))
    return {**DEFAULT_BASES, **bases}


def index_targets() -> str:
    """Return what apt is configured to fetch: lines C(origin|label|release|URI of the repository).

    Empty where there is no apt.
    """
    template = "$(ORIGIN)|$(LABEL)|$(RELEASE)|$(REPO_URI)"
    try:
        command = ["apt-get", "indextargets", "--format", template, "Created-By: Packages"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def is_immutable(path: PurePosixPath) -> bool:
    """Whether the file of this name never changes its content: packages, and index files named by their hash."""
    return path.suffix in (".deb", ".udeb") or "by-hash" in path.parts


class PackageCache:
    """The files of the mirror on disk; missing ones are fetched once, however many ask at the same time."""

    def __init__(self, directory: Path, bases: dict[str, str]) -> None:
        """Keep files below *directory*; fetch from *bases*, the URI of each first path component."""
        self._directory = directory
        self._bases = bases
        self._lock = threading.Lock()
        self._locks: dict[PurePosixPath, threading.Lock] = {}
        self._fresh: set[PurePosixPath] = set()
        self._slots = threading.BoundedSemaphore(MAX_FETCHES)

    def get(self, path: PurePosixPath) -> Path:
        """Return the file for *path*, such as C(debian/dists/trixie/InRelease), from the cache or fetched.

        Index files are fetched again once in the life of this object. When that fails the copy of an earlier run is
        good enough, so that a region comes up without a network.

        :raises FetchError: there is no such file, or it cannot be fetched.
        """
        if path.is_absolute() or ".." in path.parts or path.parts[:1] == () or path.parts[0] not in self._bases:
            raise FetchError(Failure.NOT_FOUND, f"no such file on the package mirror: {path}")
        local = self._directory / path
        with self._lock:
            lock = self._locks.setdefault(path, threading.Lock())
        with lock:
            if local.is_file() and (is_immutable(path) or path in self._fresh):
                return local
            try:
                self._fetch(path, local)
            except FetchError as exc:
                if exc.failure is Failure.NOT_FOUND or not local.is_file():
                    raise
            self._fresh.add(path)
            return local

    def _fetch(self, path: PurePosixPath, local: Path) -> None:
        """Download *path* with apt's own downloader and put it in place at once."""
        uri = f"{self._bases[path.parts[0]]}/{quote(str(PurePosixPath(*path.parts[1:])), safe='/:~+_-.')}"
        local.parent.mkdir(parents=True, exist_ok=True)
        partial = local.with_name(f".{local.name}.part")
        partial.unlink(missing_ok=True)
        command = [APT_HELPER, "-o", "APT::Sandbox::User=root", "download-file", uri, str(partial)]
        env = {**os.environ, "LC_ALL": "C"}
        with self._slots:
            try:
                done = subprocess.run(
                    command, capture_output=True, text=True, timeout=FETCH_TIMEOUT, check=False, env=env
                )
            except (OSError, subprocess.TimeoutExpired) as exc:
                raise FetchError(Failure.UPSTREAM, f"cannot fetch {uri}: {exc}") from exc
        if done.returncode != 0 or not partial.is_file():
            partial.unlink(missing_ok=True)
            missing = re.search(r"\b404\s+Not Found|\bFile not found\b", done.stdout + done.stderr)
            failure = Failure.NOT_FOUND if missing else Failure.UPSTREAM
            raise FetchError(failure, f"cannot fetch {uri}: {(done.stderr or done.stdout).strip()}")
        if local.is_file() and filecmp.cmp(partial, local, shallow=False):
            partial.unlink()  # keeps the date by which nodes ask whether their copy is still good
        else:
            partial.replace(local)


@dataclass(frozen=True)
class Request:
    """What a client of the mirror asked for."""

    method: str
    target: str
    headers: http.client.HTTPMessage

    @property
    def last(self) -> bool:
        """Whether the client wants the connection closed after the answer."""
        return (self.headers.get("Connection") or "").lower() == "close"


class Connection:
    """One client's connection.

    Apt sends up to ten requests ahead. They are read at once, so that the missing files are fetched together, and
    answered in order.
    """

    def __init__(self, sock: socket.socket, cache: PackageCache, pool: ThreadPoolExecutor) -> None:
        """Serve *cache* on the accepted socket *sock*, looking files up in the threads of *pool*."""
        self._sock = sock
        self._cache = cache
        self._pool = pool
        self._pending: queue.Queue[tuple[Request, Future[Path]] | None] = queue.Queue(maxsize=16)

    def run(self) -> None:
        """Serve until the client closes or asks to close."""
        writer = threading.Thread(target=self._write, daemon=True)
        writer.start()
        with self._sock, self._sock.makefile("rb") as reader:
            try:
                while (request := _read_request(reader)) is not None:
                    path = PurePosixPath(unquote(urlsplit(request.target).path).lstrip("/"))
                    self._pending.put((request, self._pool.submit(self._cache.get, path)))
                    if request.last:
                        break
            except (OSError, http.client.HTTPException):
                pass  # the client went away or does not speak HTTP: there is nobody to tell
            self._pending.put(None)
            writer.join()

    def _write(self) -> None:
        broken = False
        while (item := self._pending.get()) is not None:
            if broken:
                continue  # goes on taking items, or the reader would wait for room for ever
            try:
                self._answer(*item)
            except OSError:
                broken = True

    def _answer(self, request: Request, future: Future[Path]) -> None:
        if request.method not in ("GET", "HEAD"):
            self._send("405 Method Not Allowed", {}, b"this mirror only reads\n")
            return
        try:
            path = future.result()
        except FetchError as exc:
            reason = "404 Not Found" if exc.failure is Failure.NOT_FOUND else "502 Bad Gateway"
            self._send(reason, {"Content-Type": "text/plain"}, f"{exc}\n".encode())
            return
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            modified = email.utils.formatdate(status.st_mtime, usegmt=True)
            headers = {"Last-Modified": modified, "Content-Type": "application/octet-stream"}
            if request.headers.get("If-Modified-Since") == modified:
                self._send("304 Not Modified", {"Last-Modified": modified})
            elif request.method == "HEAD":
                self._send("200 OK", {**headers, "Content-Length": str(status.st_size)})
            else:
                self._send("200 OK", {**headers, "Content-Length": str(status.st_size)})
                self._sock.sendfile(file)

    def _send(self, status: str, headers: dict[str, str], body: bytes | None = None) -> None:
        if body is not None:
            headers = {**headers, "Content-Length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._sock.sendall(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + (body or b""))


def _read_request(reader: BinaryIO) -> Request | None:
    """Read the head of one request; C(None) when the client is done."""
    words = reader.readline(65537).decode("latin-1").split()
    if len(words) != 3:
        return None
    return Request(words[0], words[1], http.client.parse_headers(reader))


def serve(sock: socket.socket, config: RegionConfig) -> None:
    """Answer C(/debian/...) and C(/debian-security/...) on the listening socket *sock* until it is closed.

    The socket may live in the region's network namespace while the calling process stays in the host's, from where the
    packages come.
    """
    cache = PackageCache(config.cache_dir / "packages", mirror_bases())
    with ThreadPoolExecutor(MAX_FETCHES * 2, thread_name_prefix="packages") as pool:
        while True:
            try:
                client, _address = sock.accept()
            except OSError:
                return
            threading.Thread(target=Connection(client, cache, pool).run, daemon=True).start()
