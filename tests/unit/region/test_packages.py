# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The package mirror, with a shell script in the place of apt's downloader."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import pytest
from region.config import RegionConfig
from region.world import packages
from region.world.packages import Failure, FetchError, PackageCache

INDEX = PurePosixPath("debian/dists/trixie/InRelease")
DEB = PurePosixPath("debian/pool/main/g/g++/g++_14~1+b2_amd64.deb")


class Upstream:
    """A mirror on disk, and the downloader that reads it and notes each call."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root / "upstream"
        self.root.mkdir()
        self.log = root / "fetched"
        self.down = root / "down"
        helper = root / "apt-helper"
        helper.write_text(
            "#!/bin/sh\n"
            f'echo "$4" >> {self.log}; sleep 0.05\n'
            f'[ ! -e {self.down} ] || {{ echo "E: Could not connect" >&2; exit 100; }}\n'
            f'file={self.root}/$(echo "${{4#http://mirror/}}" | sed "s/%2b/+/g")\n'
            '[ -e "$file" ] || { echo "E: Failed to fetch $4  404  Not Found [IP: 192.0.2.1]" >&2; exit 100; }\n'
            'cp "$file" "$5"\n'
        )
        helper.chmod(0o755)
        monkeypatch.setattr(packages, "APT_HELPER", str(helper))

    def put(self, path: PurePosixPath, content: str) -> None:
        """Offer a file."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)

    @property
    def fetched(self) -> list[str]:
        """The URIs that were asked for."""
        return self.log.read_text().split() if self.log.exists() else []


@pytest.fixture
def upstream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Upstream:
    """A mirror with one package and one index."""
    upstream = Upstream(tmp_path, monkeypatch)
    upstream.put(DEB, "package")
    upstream.put(INDEX, "index 1")
    return upstream


def cache(tmp_path: Path) -> PackageCache:
    """A cache as a region that starts has it."""
    return PackageCache(tmp_path / "cache", {"debian": "http://mirror/debian", "debian-security": "http://mirror/sec"})


@pytest.mark.parametrize(
    ("targets", "main", "security"),
    [
        (
            "Debian|Debian|bookworm|http://m.example/debian/\nDebian|Debian-Security|bookworm-security|http://m.example/sec/",
            "http://m.example/debian",
            "http://m.example/sec",
        ),
        ("||trixie|http://m.example/debian/\n||trixie-security|http://m.example/debian-security/", None, None),
        (
            "Docker|Docker CE|bookworm|https://download.docker.com/linux/debian/",
            "http://deb.debian.org/debian",
            "http://deb.debian.org/debian-security",
        ),
        (
            "||nodistro|https://deb.nodesource.com/node_20.x/\nUbuntu|Ubuntu|noble|http://archive.ubuntu.com/ubuntu/",
            "http://deb.debian.org/debian",
            "http://deb.debian.org/debian-security",
        ),
        ("", "http://deb.debian.org/debian", "http://deb.debian.org/debian-security"),
    ],
)
def test_bases_come_from_apt(targets: str, main: str | None, security: str | None) -> None:
    assert packages.mirror_bases(targets) == {
        "debian": main or "http://m.example/debian",
        "debian-security": security or "http://m.example/debian-security",
    }


def test_package_is_fetched_once_for_ever(tmp_path: Path, upstream: Upstream) -> None:
    assert cache(tmp_path).get(DEB).read_text() == "package"
    assert cache(tmp_path).get(DEB).read_text() == "package"
    assert len(upstream.fetched) == 1


def test_concurrent_requests_fetch_once(tmp_path: Path, upstream: Upstream) -> None:
    shared = cache(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        assert {path.read_text() for path in pool.map(shared.get, [DEB] * 8)} == {"package"}
    assert len(upstream.fetched) == 1


def test_index_is_fetched_once_a_start(tmp_path: Path, upstream: Upstream) -> None:
    first = cache(tmp_path)
    first.get(INDEX)
    first.get(INDEX)
    assert len(upstream.fetched) == 1
    upstream.put(INDEX, "index 2")
    assert cache(tmp_path).get(INDEX).read_text() == "index 2"


def test_same_index_keeps_its_date(tmp_path: Path, upstream: Upstream) -> None:
    before = cache(tmp_path).get(INDEX).stat().st_mtime_ns
    assert cache(tmp_path).get(INDEX).stat().st_mtime_ns == before
    assert len(upstream.fetched) == 2


def test_old_index_is_good_enough_without_a_network(tmp_path: Path, upstream: Upstream) -> None:
    cache(tmp_path).get(INDEX)
    upstream.down.touch()
    assert cache(tmp_path).get(INDEX).read_text() == "index 1"


@pytest.mark.parametrize(
    "path", ["debian/nothing", "ubuntu/dists/noble/InRelease", "debian/../etc/passwd", "/etc/passwd", ""]
)
def test_missing_files_and_other_paths_are_not_found(tmp_path: Path, upstream: Upstream, path: str) -> None:
    with pytest.raises(FetchError) as caught:
        cache(tmp_path).get(PurePosixPath(path))
    assert caught.value.failure is Failure.NOT_FOUND


def test_trouble_is_not_taken_for_a_missing_file(tmp_path: Path, upstream: Upstream) -> None:
    upstream.down.touch()
    with pytest.raises(FetchError, match="Could not connect") as caught:
        cache(tmp_path).get(DEB)
    assert caught.value.failure is Failure.UPSTREAM


@pytest.fixture
def mirror(tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """A mirror that serves on loopback."""
    monkeypatch.setattr(packages, "mirror_bases", lambda: {"debian": "http://mirror/debian"})
    config = RegionConfig(name="test", state_dir=tmp_path / "state", cache_dir=tmp_path / "cache")
    sock = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=packages.serve, args=(sock, config), daemon=True)
    thread.start()
    yield sock.getsockname()
    sock.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=5)
    sock.close()


def ask(address: tuple[str, int], path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, str]:
    """Return status, body and date of one request."""
    connection = http.client.HTTPConnection(*address, timeout=5)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body, answer.headers.get("Last-Modified", "")


def test_server_answers(mirror: tuple[str, int]) -> None:
    status, body, modified = ask(mirror, "/debian/pool/main/g/g%2b%2b/g%2b%2b_14~1%2bb2_amd64.deb")
    assert (status, body) == (200, b"package")
    assert ask(mirror, f"/{INDEX}", "HEAD")[:2] == (200, b"")
    status, body, date = ask(mirror, f"/{INDEX}")
    assert ask(mirror, f"/{INDEX}", If_Modified_Since=date)[:2] == (304, b"")
    assert ask(mirror, "/debian/nothing")[0] == 404
    assert ask(mirror, f"/{INDEX}", "POST")[0] == 405
    assert modified


def test_requests_sent_ahead_are_fetched_together_and_answered_in_order(
    mirror: tuple[str, int], upstream: Upstream
) -> None:
    paths = [PurePosixPath(f"debian/pool/{number}.deb") for number in range(10)]
    for path in paths:
        upstream.put(path, f"<{path.stem}>")
    with socket.create_connection(mirror, timeout=5) as client:
        client.sendall(b"".join(f"GET /{path} HTTP/1.1\r\nHost: mirror\r\n\r\n".encode() for path in paths[:-1]))
        client.sendall(f"GET /{paths[-1]} HTTP/1.1\r\nHost: mirror\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while chunk := client.recv(65536):
            answer += chunk
    assert [part for part in answer.decode().split("\r\n\r\n") if part][1:] != []
    order = [answer.index(f"<{path.stem}>".encode()) for path in paths]
    assert order == sorted(order)
    assert len(upstream.fetched) == 10


def test_nonsense_ends_the_connection(mirror: tuple[str, int]) -> None:
    with socket.create_connection(mirror, timeout=5) as client:
        client.sendall(b"hello\r\n\r\n")
        assert client.recv(100) == b""
