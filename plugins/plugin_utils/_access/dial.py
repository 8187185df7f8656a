# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections to a node, and to an endpoint that leads to one, through a web proxy where the environment names one."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import urllib.parse
import urllib.request

from . import frames

TIMEOUT = 15.0
"""Seconds to wait for a connection and for each answer of its handshake."""
_LONGEST_HEAD = 1 << 16


class Refused(Exception):
    """Nobody answers, or he says no; the message tells which."""


def node(address: str, port: int) -> socket.socket:
    """Return a connection to *port* of *address*.

    :raises Refused: nobody answers.
    """
    try:
        return socket.create_connection((address, port), TIMEOUT)
    except OSError as exc:
        raise Refused(f"No connection to {address} port {port}: {exc}.") from exc


def websocket(url: str, verify: bool | str) -> socket.socket:
    """Return a connection that the server has made a WebSocket.

    :param url: with its signature.
    :param verify: the file of authorities, True for the usual ones, False for no check.
    :raises Refused: nobody answers, or the server says no.
    """
    parts = urllib.parse.urlsplit(url)
    host = str(parts.hostname)
    try:
        link = _context(verify).wrap_socket(_outside(host, parts.port or 443), server_hostname=host)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {parts.path}?{parts.query} HTTP/1.1",
            f"Host: {host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            "User-Agent: apiary.swarm",
        ]
        link.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode("ascii"))
        status, headers = _head(link)
        if status != 101:
            said = link.recv(int(headers.get("content-length") or 0) or 1).decode("utf-8", "replace").strip()
            raise Refused(f"The endpoint opens no tunnel: {said or status}")
    except (OSError, ValueError) as exc:
        raise Refused(f"No connection to {host}: {exc}.") from exc
    if headers.get("sec-websocket-accept") != frames.accept_key(key):
        raise Refused(f"{host} is no endpoint: its answer does not fit the question.")
    return link


def _context(verify: bool | str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
    if verify is False:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _outside(host: str, port: int) -> socket.socket:
    """Return a connection to *host*, by way of the proxy for HTTPS that the environment names."""
    proxy = urllib.request.getproxies().get("https", "")
    if not proxy or urllib.request.proxy_bypass(host):
        return socket.create_connection((host, port), TIMEOUT)
    parts = urllib.parse.urlsplit(proxy if "//" in proxy else f"//{proxy}")
    link = socket.create_connection((str(parts.hostname), parts.port or 3128), TIMEOUT)
    lines = [f"CONNECT {host}:{port} HTTP/1.1", f"Host: {host}:{port}"]
    if parts.username:
        word = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(word.encode()).decode()}")
    link.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode("ascii"))
    status, dummy = _head(link)
    if status != 200:
        raise Refused(f"The proxy {parts.hostname} does not connect to {host}: it answers {status}.")
    return link


def _head(link: socket.socket) -> tuple[int, dict[str, str]]:
    """Return status and headers of an answer. Byte by byte, so that nothing of what follows is taken.

    :raises ValueError: it is none.
    """
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        byte = link.recv(1)
        if not byte or len(head) > _LONGEST_HEAD:
            raise ValueError("the answer is no answer of HTTP")
        head += byte
    first, *rest = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in rest if line)
    return int(first.split(" ")[1]), {name.strip().lower(): value.strip() for name, dummy, value in pairs}
