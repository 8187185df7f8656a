# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine of the laboratory behind TLS: it shows a certificate and wants one, both of an authority of the test."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import subprocess
import threading
from pathlib import Path

NAME = "engine.test"
"""The only name that the engine's certificate is for."""


def certificates(folder: Path) -> None:
    """Write C(ca.pem), and C(server), C(cert) and C(other) with their keys, as C(DOCKER_CERT_PATH) has them.

    C(other) is of nobody's authority.
    """

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    made = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    openssl(*made, "-subj", "/CN=authority", "-keyout", "authority.pem", "-out", "ca.pem")
    openssl(*made, "-subj", "/CN=nobody", "-keyout", "other-key.pem", "-out", "other.pem")
    signed = (*made, "-CA", "ca.pem", "-CAkey", "authority.pem")
    openssl(*signed, "-subj", "/CN=engine", "-addext", f"subjectAltName=DNS:{NAME}", "-addext",
            "basicConstraints=critical,CA:FALSE", "-keyout", "server-key.pem", "-out", "server.pem")  # fmt: skip
    openssl(*signed, "-subj", "/CN=client", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "key.pem",
            "-out", "cert.pem")  # fmt: skip


class TlsEngine:
    """Context manager: a port that speaks TLS in front of an engine's socket.

    :ivar port: on 127.0.0.1.
    :ivar sessions: how many clients came through.
    """

    def __init__(self, unix_socket: Path, folder: Path) -> None:
        certificates(folder)
        self._behind = unix_socket
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / "server.pem", folder / "server-key.pem")
        self._context.load_verify_locations(folder / "ca.pem")
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.sessions = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> TlsEngine:
        return self

    def __exit__(self, *dummy: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.socket(socket.AF_UNIX) as engine:
            client.settimeout(10)
            with self._context.wrap_socket(client, server_side=True) as secure:
                self.sessions += 1
                engine.connect(str(self._behind))
                _relay(secure, engine)


def _relay(secure: ssl.SSLSocket, engine: socket.socket) -> None:
    """Carry bytes in both directions until one side has ended."""
    with selectors.DefaultSelector() as ready:
        ready.register(secure, selectors.EVENT_READ, engine)
        ready.register(engine, selectors.EVENT_READ, secure)
        while True:
            for key, _events in ready.select():
                source, target = key.fileobj, key.data
                assert isinstance(source, socket.socket)
                data = source.recv(65536)
                if not data:
                    return
                target.sendall(data)
                while source is secure and secure.pending():
                    target.sendall(secure.recv(65536))
