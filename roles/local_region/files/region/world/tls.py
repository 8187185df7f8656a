# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The region's throw-away certificate authority and the certificates of its servers."""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from region.config import RegionConfig
from region.world.endpoints import DOMAIN, regions, tunnel_domain

LIFETIME = timedelta(days=397)  # what browsers and Go accept at most for a server
HOST_BUNDLES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),  # Debian, Ubuntu, Alpine
    Path("/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"),  # Amazon Linux, Fedora
    Path("/etc/ssl/ca-bundle.pem"),  # openSUSE
)


def ensure_ca(config: RegionConfig) -> tuple[Path, Path]:
    """Make the certificate authority, its bundle and nothing else, unless they exist.

    The bundle (:func:`bundle_file`) holds the host's own authorities and the region's, for programs that run inside the
    region and may also talk to the outside.

    :returns: the files of the certificate and of the private key, both PEM.
    """
    certificate, key = config.ca_file, config.ca_file.with_suffix(".key")
    if not (certificate.exists() and key.exists()):
        key.parent.mkdir(parents=True, exist_ok=True)
        private = ec.generate_private_key(ec.SECP256R1())
        name = _subject(f"apiary.swarm local region {config.name}")
        builder = _builder(name, name, private.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        usage = _key_usage(signs_certificates=True)
        _write_key(key, private)
        _write(certificate, builder.add_extension(usage, critical=True).sign(private, hashes.SHA256()))
    host = next((path.read_bytes() for path in HOST_BUNDLES if path.exists()), b"")
    _write_bytes(bundle_file(config), host + certificate.read_bytes(), 0o644)
    return certificate, key


def bundle_file(config: RegionConfig) -> Path:
    """Return the PEM file with the host's authorities and the region's; use it as E(AWS_CA_BUNDLE)."""
    return config.ca_file.with_name("bundle.crt")


def issue(
    config: RegionConfig, name: str, dns_names: Iterable[str], ip_addresses: Iterable[str] = ()
) -> tuple[Path, Path]:
    """Make a certificate for a server called *name* (also the files' name), unless one for the same names exists.

    :returns: the files of the certificate (followed by the authority's) and of the private key, both PEM.
    """
    ca_file, ca_key_file = ensure_ca(config)
    certificate, key = ca_file.with_name(f"{name}.crt"), ca_file.with_name(f"{name}.key")
    names: list[x509.GeneralName] = [x509.DNSName(dns_name) for dns_name in dns_names]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ip_addresses]
    alternatives = x509.SubjectAlternativeName(names)
    ca = x509.load_pem_x509_certificate(ca_file.read_bytes())
    if certificate.exists() and key.exists() and _covers(certificate, alternatives, ca):
        return certificate, key
    ca_key = serialization.load_pem_private_key(ca_key_file.read_bytes(), password=None)
    if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{ca_key_file} holds no elliptic-curve key; remove the region's state and start again")
    private = ec.generate_private_key(ec.SECP256R1())
    signed = (
        _builder(_subject(name), ca.subject, private.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(alternatives, critical=False)
        # Python 3.13 and newer demand it.
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    _write_key(key, private)
    _write(certificate, signed, ca)
    return certificate, key


def api_names() -> list[str]:
    """Return the names of a certificate for every API of every region, all as wildcards.

    A wildcard stands for one label only, so the services with deeper names (S3 buckets, C(api.ecr)) have their own.
    """
    names = [DOMAIN, f"*.{DOMAIN}", f"*.s3.{DOMAIN}"]
    for region in regions():
        names += [f"*.{region}.{DOMAIN}", f"*.s3.{region}.{DOMAIN}", f"*.ecr.{region}.{DOMAIN}"]
        names += [f"*.{tunnel_domain(region)}"]
    return names


def registry_names() -> list[str]:
    """Return the names of a certificate for the ECR registries of every account in every region."""
    return [f"*.dkr.ecr.{region}.{DOMAIN}" for region in regions()]


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return the context of a TLS server (1.2 or newer) that shows *certificate*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def _subject(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _builder(subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # the clock of a restored node may lag
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _covers(certificate: Path, wanted: x509.SubjectAlternativeName, ca: x509.Certificate) -> bool:
    """Whether *certificate* was signed by *ca*, carries the names *wanted* and is good for another week."""
    current = x509.load_pem_x509_certificate(certificate.read_bytes())
    if current.issuer != ca.subject or current.not_valid_after_utc < datetime.now(UTC) + timedelta(days=7):
        return False
    return current.extensions.get_extension_for_class(x509.SubjectAlternativeName).value == wanted


def _write_key(path: Path, private: ec.EllipticCurvePrivateKey) -> None:
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write_bytes(path, pem, 0o600)


def _write(path: Path, *certificates: x509.Certificate) -> None:
    pem = b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)
    _write_bytes(path, pem, 0o644)


def _write_bytes(path: Path, data: bytes, mode: int) -> None:
    """Replace *path* at once; the file never exists with wider rights than *mode*."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
    temporary.replace(path)
