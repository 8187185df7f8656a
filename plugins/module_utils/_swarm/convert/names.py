# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""Which names the engine takes, and image references."""

from __future__ import annotations

import re

# swarmkit's rule for services: each name is a DNS label.
_SERVICE = re.compile(r"[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*")
_OBJECT = re.compile(r"[a-zA-Z0-9]+(?:[a-zA-Z0-9-_.]*[a-zA-Z0-9])?")
_RESOURCE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
MAX_SERVICE = 63
MAX_OBJECT = 64

_DOMAIN_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PATH_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:(?P<domain>{_DOMAIN})/)?(?P<path>{_PATH_PART}(?:/{_PATH_PART})*)"
    r"(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?",
    re.ASCII,
)
_HUB = "docker.io"


def service_name_problem(name: str) -> str:
    """Return what is wrong with the name of a service, or V("")."""
    if len(name) > MAX_SERVICE:
        return f'the name "{name}" has {len(name)} characters; the engine takes {MAX_SERVICE}'
    if not _SERVICE.fullmatch(name):
        return f'the name "{name}" may have only letters, digits, "-" and "_", and begin and end with the first two'
    return ""


def object_name_problem(name: str) -> str:
    """Return what is wrong with the name of a config or secret, or V("")."""
    if len(name) > MAX_OBJECT:
        return f'the name "{name}" has {len(name)} characters; the engine takes {MAX_OBJECT}'
    if not _OBJECT.fullmatch(name):
        return f'the name "{name}" may have only letters, digits, "-", "_" and ".", the first two at both ends'
    return ""


def resource_name_problem(name: str) -> str:
    """Return what is wrong with the name of a network or volume, or V("")."""
    if not _RESOURCE.fullmatch(name):
        return f'the name "{name}" may have only letters, digits, "-", "_" and ".", and begin with the first two'
    return ""


def image_problem(image: str) -> str:
    """Return what is wrong with an image reference, or V("")."""
    if _parse(image):
        return ""
    if image != image.lower() and _parse(image.lower()):
        return f'"{image}" is not an image: the name must be in lower case'
    if re.search(r"\s", image):
        return f'"{image}" is not an image: it has a blank in it'
    if image.endswith(":") or ":@" in image:
        return f'"{image}" is not an image: the tag after ":" is missing'
    return f'"{image}" is not an image; write it like "registry.example.org/team/app:1.2"'


def _parse(image: str) -> tuple[str, str, str, str] | None:
    """Return domain, path, tag and digest; the first part is a domain only if it looks like one."""
    match = _IMAGE.fullmatch(image)
    if match is None:
        return None
    domain, path = match.group("domain") or "", match.group("path")
    if domain and not re.search(r"[.:]", domain) and domain != "localhost" and domain == domain.lower():
        domain, path = "", f"{domain}/{path}"
    return domain, path, match.group("tag") or "", match.group("digest") or ""


def registry(image: str) -> str:
    """Return the registry's host of a valid image reference, with its port."""
    parsed = _parse(image)
    return (parsed[0] if parsed else "") or _HUB


def tagged(image: str) -> str:
    """Return a valid reference as Docker's clients send it: short for Docker Hub, with a tag or a digest."""
    parsed = _parse(image)
    if parsed is None:
        return image
    domain, path, tag, digest = parsed
    if domain in {_HUB, "index.docker.io"}:
        domain, path = "", path.removeprefix("library/")
    name = f"{domain}/{path}" if domain else path
    if not tag and not digest:
        tag = "latest"
    return name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
