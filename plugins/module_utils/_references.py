# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""References of container images, as Docker reads and writes them. Pure; the only reader of them in the collection.

The grammar and the short ("familiar") form are those of github.com/distribution/reference, which client, engine and
swarmkit share: C(regexp.go), C(reference.go) (C(Parse), the length of a name), C(normalize.go)
(C(ParseNormalizedNamed): what counts as a registry's host; C(FamiliarString)). Digests are checked as in
github.com/opencontainers/go-digest.
"""

from __future__ import annotations

import dataclasses
import re

#: The host by which references name Docker Hub.
HUB = "docker.io"
#: Other names of Docker Hub: the one that logins are kept under, and the one that is asked.
_ALSO_HUB = ("index.docker.io", "registry-1.docker.io")
_OFFICIAL = "library/"
_DEFAULT_TAG = "latest"
_LONGEST_NAME = 255

_DOMAIN_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PATH_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<domain>{_DOMAIN})/(?P<path>{_PATH_PART}(?:/{_PATH_PART})*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>[^@]+))?",
    re.ASCII,
)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}")


@dataclasses.dataclass(frozen=True)
class Reference:
    """An image's name, taken apart.

    :ivar domain: host of the registry, with its port if it has one; C(docker.io) for Docker Hub.
    :ivar path: the repository, for Docker Hub's own images with C(library/) before it.
    :ivar tag: V("") when none is given.
    :ivar digest: C(sha256:...), V("") when none is given.
    """

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """The name without tag and digest, as short as Docker writes it.

        Docker shortens C(docker.io/0.0/app) too, and then reads C(0.0) as a registry; such a name stays whole here.
        """
        path = self.path
        if self.domain == HUB and path.startswith(_OFFICIAL) and path.count("/") == 1:
            path = path[len(_OFFICIAL) :]
        return path if self.domain == HUB and not _is_host(path) else f"{self.domain}/{self.path}"

    def __str__(self) -> str:
        """Return the whole reference, as Docker's clients write it into specs."""
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse(text: str) -> Reference | None:
    """Return a reference taken apart, None when Docker would not take it."""
    if _IDENTIFIER.fullmatch(text):
        return None
    domain, remainder = _split_domain(text)
    match = _REFERENCE.fullmatch(f"{domain}/{remainder}")
    if match is None or len(match["path"]) > _LONGEST_NAME:
        return None
    digest = match["digest"] or ""
    if digest and not is_digest(digest):
        return None
    return Reference(match["domain"], match["path"], match["tag"] or "", digest)


def _split_domain(text: str) -> tuple[str, str]:
    """Return the registry's host and the rest."""
    first, _slash, rest = text.partition("/")
    domain, rest = (first, rest) if _is_host(text) else (HUB, text)
    if domain == _ALSO_HUB[0]:
        domain = HUB
    return domain, _OFFICIAL + rest if domain == HUB and "/" not in rest else rest


def _is_host(text: str) -> bool:
    """Say whether the first part of a reference names a registry: only if it looks like a host."""
    first, slash, _rest = text.partition("/")
    return bool(slash) and (first == "localhost" or "." in first or ":" in first or first != first.lower())


def is_digest(text: str) -> bool:
    """Say whether a text is a digest that Docker takes, such as C(sha256:) and 64 hexadecimal digits."""
    return bool(_DIGEST.fullmatch(text))


def problem(text: str) -> str:
    """Return what is wrong with a reference, and V("") when nothing is."""
    if parse(text):
        return ""
    name, at, _digest = text.partition("@")
    if parse(text.lower()):
        return f'"{text}" is not an image: the name must be in lower case'
    if re.search(r"\s", text):
        return f'"{text}" is not an image: it has a blank in it'
    if name.endswith(":"):
        return f'"{text}" is not an image: the tag after ":" is missing'
    if at and parse(name):
        return f'"{text}" is not an image: after "@" must stand a digest, such as sha256: and 64 hexadecimal digits'
    if _IDENTIFIER.fullmatch(text):
        return f'"{text}" is the id of an image, which other nodes cannot pull; write its name'
    return f'"{text}" is not an image; write it like "registry.example.org/team/app:1.2"'


def registry_of(text: str) -> str:
    """Return the host of an image's registry, with its port; C(docker.io) when it names none."""
    return _split_domain(text)[0]


def host_of(registry: str) -> str:
    """Return the host of a registry that may be given as an address, as image references name it."""
    host = registry.split("://", 1)[-1].rstrip("/").split("/", 1)[0].rpartition("@")[2]
    return HUB if host in _ALSO_HUB else host


def digest_of(text: str) -> str:
    """Return the digest in a reference, V("") when it has none."""
    return text.partition("@")[2]


def without_digest(text: str) -> str:
    """Return a reference without its digest, otherwise as it is written."""
    return text.partition("@")[0]


def completed(text: str) -> str:
    """Return a reference as Docker's clients send it: short for Docker Hub, with a tag unless it has a digest.

    What is no reference stays as it is.
    """
    found = parse(text)
    if found is None:
        return text
    return str(found if found.tag or found.digest else dataclasses.replace(found, tag=_DEFAULT_TAG))


def tagged(text: str) -> str:
    """Return a reference as :func:`completed` does, without its digest and with a tag in any case."""
    return completed(without_digest(text))


def pinned(text: str, digest: str) -> str:
    """Return a reference with its tag and this digest, as C(docker service create) writes it."""
    return f"{tagged(text)}@{digest}"
