# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""Digests of images: what is tested is what runs."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import time
import typing as t

from ..._errors import EngineError, ImageUnresolved
from ..._references import completed, digest_of, pinned, registry_of

Spec = dict[str, t.Any]

_PARALLEL = 16
_MISSING = "does not have this name or tag"
_SILENT = "does not answer"
_AGAIN_AFTER = 1.0  # seconds


@dataclasses.dataclass(frozen=True)
class Resolved:
    """An image with its digest.

    Attributes:
        reference: C(name:tag@sha256:...), as C(docker service create) writes it.
        platforms: what the image is built for, as a spec's C(Placement.Platforms).
    """

    reference: str
    platforms: tuple[tuple[str, str], ...] = ()


class Resolver(t.Protocol):
    """What asks a registry: the engine session."""

    def distribution(self, image: str, registry_auth: str = "") -> Spec:
        """Return the registry's answer for I(image)."""


def resolve(engine: Resolver, images: t.Iterable[str], auth_of: t.Callable[[str], str]) -> dict[str, Resolved]:
    """Ask the registries for the digests of I(images), each distinct one once, several at a time.

    A registry that does not answer is asked once more.

    Args:
        auth_of: image → value of the C(X-Registry-Auth) header, "" for none.

    Returns:
        I(image) → its digest; an image that already names one is not looked up.

    Raises:
        ImageUnresolved: for the first image whose digest cannot be had: then nothing may be deployed.
    """
    wanted = list(dict.fromkeys(images))
    found = {image: Resolved(completed(image)) for image in wanted if digest_of(image)}
    missing = [image for image in wanted if image not in found]
    if not missing:
        return found
    with concurrent.futures.ThreadPoolExecutor(min(_PARALLEL, len(missing))) as pool:
        answers = pool.map(lambda image: _look_up(engine, image, auth_of(image)), missing)
        found.update(zip(missing, answers))
    return found


def _ask(engine: Resolver, image: str, auth: str) -> Spec:
    try:
        return engine.distribution(image, auth)
    except EngineError as exc:
        if _SILENT not in explain(exc, bool(auth), registry_of(image)):
            raise
    # One lost packet is no reason to refuse a deploy.
    time.sleep(_AGAIN_AFTER)
    return engine.distribution(image, auth)


def _look_up(engine: Resolver, image: str, auth: str) -> Resolved:
    try:
        answer = _ask(engine, image, auth)
    except EngineError as exc:
        why = explain(exc, bool(auth), registry_of(image))
        raise ImageUnresolved(f"Cannot pin {image}: {why}", image, missing=_MISSING in why) from exc
    # A platform's architecture is left out for arm, as Docker does: its variants are not told apart by the scheduler.
    platforms = tuple(
        ("" if item.get("architecture", "").lower() == "arm" else item.get("architecture", ""), item.get("os", ""))
        for item in answer.get("Platforms") or []
    )
    return Resolved(pinned(image, answer["Descriptor"]["digest"]), platforms)


def explain(error: EngineError, has_login: bool, registry: str) -> str:
    """Return in one sentence why a registry did not give a digest (pure)."""
    words = error.message.split(": ", 1)[-1]
    low = words.lower()
    if "unauthorized" in low or "no basic auth" in low or "denied" in low or error.status in (401, 403):
        if not has_login:
            return f"registry {registry} wants a login and registry_auth has none for it"
        return f"registry {registry} refuses the login of registry_auth (wrong or expired)"
    if "manifest unknown" in low or "not found" in low or "name unknown" in low:
        return f"registry {registry} {_MISSING}"
    return f"registry {registry} {_SILENT} ({words})"


def is_missing(why: str) -> bool:
    """Say whether a registry's refusal, as M(explain) words it, only means that the image is not there."""
    return _MISSING in why


def why_not(engine: Resolver, image: str, auth: str) -> str:
    """Return in one sentence why a registry does not give an image now, "" when it does."""
    try:
        engine.distribution(image, auth)
    except EngineError as exc:
        return explain(exc, bool(auth), registry_of(image))
    return ""


def pin(spec: Spec, resolved: Resolved) -> Spec:
    """Return a copy of a ServiceSpec with the image pinned and the platforms that it can run on."""
    template = dict(spec["TaskTemplate"])
    template["ContainerSpec"] = {**template["ContainerSpec"], "Image": resolved.reference}
    if resolved.platforms:
        platforms = [{"Architecture": architecture, "OS": os} for architecture, os in resolved.platforms]
        template["Placement"] = {**(template.get("Placement") or {}), "Platforms": platforms}
    return {**spec, "TaskTemplate": template}
