# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The region's certificates: what openssl's own verification makes of them."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest
from region.config import RegionConfig
from region.world import tls


@pytest.fixture
def config(tmp_path: Path) -> RegionConfig:
    """A region with files of its own."""
    return RegionConfig(name="test", state_dir=tmp_path / "state", cache_dir=tmp_path / "cache")


def handshake(config: RegionConfig, name: str, certificate: Path, key: Path) -> str:
    """Shake hands with a server of *certificate* as a client that trusts the bundle; return "" or what went wrong."""
    client_sock, server_sock = socket.socketpair()
    context = tls.server_context(certificate, key)

    def serve() -> None:
        try:
            with context.wrap_socket(server_sock, server_side=True) as connection:
                connection.recv(1)
        except (OSError, ssl.SSLError):
            server_sock.close()

    thread = threading.Thread(target=serve)
    thread.start()
    client = ssl.create_default_context(cafile=str(tls.bundle_file(config)))
    try:
        with client.wrap_socket(client_sock, server_hostname=name):
            return ""
    except ssl.SSLCertVerificationError as exc:
        return exc.verify_message
    finally:
        client_sock.close()
        thread.join()


@pytest.mark.parametrize(
    "name",
    [
        "ssm.us-east-1.amazonaws.com",
        "iam.amazonaws.com",
        "api.ecr.eu-west-1.amazonaws.com",
        "my-bucket.s3.eu-west-1.amazonaws.com",
        "my-bucket.s3.amazonaws.com",
        "100.100.0.1",
    ],
)
def test_api_certificate_is_good_for_all_apis(config: RegionConfig, name: str) -> None:
    pair = tls.issue(config, "api", tls.api_names(), ["100.100.0.1"])
    assert handshake(config, name, *pair) == ""


@pytest.mark.parametrize("name", ["ssm.us-nowhere-1.amazonaws.com", "deep.ssm.us-east-1.amazonaws.com", "example.com"])
def test_api_certificate_is_bad_for_other_names(config: RegionConfig, name: str) -> None:
    pair = tls.issue(config, "api", tls.api_names())
    assert "mismatch" in handshake(config, name, *pair)


def test_registry_certificate_is_good_for_any_account(config: RegionConfig) -> None:
    pair = tls.issue(config, "registry", tls.registry_names())
    assert handshake(config, "123456789012.dkr.ecr.us-east-1.amazonaws.com", *pair) == ""
    assert handshake(config, "999999999999.dkr.ecr.eu-central-1.amazonaws.com", *pair) == ""


def test_keys_are_private_and_certificates_are_not(config: RegionConfig) -> None:
    certificate, key = tls.ensure_ca(config)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (certificate, key, tls.bundle_file(config))}
    assert modes == {certificate: 0o644, key: 0o600, tls.bundle_file(config): 0o644}
    assert stat.S_IMODE(tls.issue(config, "api", ["a.example"])[1].stat().st_mode) == 0o600


def test_second_call_changes_nothing(config: RegionConfig) -> None:
    tls.issue(config, "api", ["a.example"])
    before = {path.name: path.read_bytes() for path in config.ca_file.parent.iterdir()}
    tls.issue(config, "api", ["a.example"])
    assert {path.name: path.read_bytes() for path in config.ca_file.parent.iterdir()} == before


def test_other_names_make_another_certificate(config: RegionConfig) -> None:
    before = tls.issue(config, "api", ["a.example"])[0].read_bytes()
    pair = tls.issue(config, "api", ["a.example", "b.example"])
    assert pair[0].read_bytes() != before
    assert handshake(config, "b.example", *pair) == ""


def test_bundle_keeps_the_authorities_of_the_host(config: RegionConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    host = config.state_dir.parent / "host.crt"
    host.write_text("# the host's own\n")
    monkeypatch.setattr(tls, "HOST_BUNDLES", (host.with_name("missing.crt"), host))
    certificate, dummy = tls.ensure_ca(config)
    assert tls.bundle_file(config).read_text() == "# the host's own\n" + certificate.read_text()
