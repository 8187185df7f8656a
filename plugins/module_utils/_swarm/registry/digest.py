# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests of images: what is tested is what runs."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import time
import typing as t

from ..._errors import EngineError, ImageUnresolved
from ..._references import completed, digest_of, pinned, registry_of
from ..model import StackModel

Spec = dict[str, t.Any]

_PARALLEL = 16
_MISSING = "does not have this name or tag"
_SILENT = "does not answer"
_AGAIN_AFTER = 1.0  # seconds


@dataclasses.dataclass(frozen=True)
class Resolved:
    """An image with its digest.

    :ivar reference: C(name:tag@sha256:...), as C(docker service create) writes it.
    :ivar platforms: what the image is built for, as a spec's C(Placement.Platforms); None when nobody has said.
    """

    reference: str
    platforms: tuple[tuple[str, str], ...] | None = ()


class Resolver(t.Protocol):
    """What asks a registry: the engine session."""

    def distribution(self, image: str, registry_auth: str = "") -> Spec:
        """Return the registry's answer for I(image)."""


def resolve(engine: Resolver, images: t.Iterable[str], auth_of: t.Callable[[str], str]) -> dict[str, Resolved]:
    """Ask the registries for digests and platforms of I(images), each distinct one once, several at a time.

    A registry that does not answer is asked once more. An image that names its digest is asked for too, as the CLI does
    (docker/docker C(client/service_create.go), C(imageDigestAndPlatforms)): without its platforms the scheduler would
    give it to nodes of any kind. No answer is no reason to refuse it.

    :param auth_of: image → value of the C(X-Registry-Auth) header, "" for none.
    :returns: I(image) → its digest; an image that names one keeps it.
    :raises ImageUnresolved: for the first image whose digest cannot be had: then nothing may be deployed.
    """
    wanted = list(dict.fromkeys(images))
    if not wanted:
        return {}
    with concurrent.futures.ThreadPoolExecutor(min(_PARALLEL, len(wanted))) as pool:
        return dict(zip(wanted, pool.map(lambda image: _look_up(engine, image, auth_of(image)), wanted)))


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
        if digest_of(image):
            return Resolved(completed(image), None)
        why = explain(exc, bool(auth), registry_of(image))
        raise ImageUnresolved(f"Cannot pin {image}: {why}", image, missing=_MISSING in why) from exc
    # A platform's architecture is left out for arm, as Docker does: its variants are not told apart by the scheduler.
    platforms = tuple(
        ("" if item.get("architecture", "").lower() == "arm" else item.get("architecture", ""), item.get("os", ""))
        for item in answer.get("Platforms") or []
    )
    if digest_of(image):
        return Resolved(completed(image), platforms)
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


def pin(spec: Spec, resolved: Resolved, live: Spec | None = None) -> Spec:
    """Return a copy of a ServiceSpec with the image pinned and the platforms that it can run on.

    :param live: the service's spec as it is: its platforms stay while nobody can say those of the very same image.
    """
    template = dict(spec["TaskTemplate"])
    template["ContainerSpec"] = {**template["ContainerSpec"], "Image": resolved.reference}
    if resolved.platforms is None:
        known = _platforms_of(live, resolved.reference)
        others = {key: value for key, value in (template.get("Placement") or {}).items() if key != "Platforms"}
        if others or known:
            template["Placement"] = {**others, "Platforms": known} if known else others
    elif resolved.platforms:
        platforms = [{"Architecture": architecture, "OS": os} for architecture, os in resolved.platforms]
        template["Placement"] = {**(template.get("Placement") or {}), "Platforms": platforms}
    return {**spec, "TaskTemplate": template}


def pin_stack(model: StackModel, found: t.Mapping[str, Resolved], services: t.Iterable[Spec]) -> StackModel:
    """Return a stack with every image pinned that was looked up.

    :param services: as they are live.
    """
    live = {service["Spec"]["Name"]: service["Spec"] for service in services}
    pinned_services = {
        key: dataclasses.replace(entry, spec=pin(entry.spec, found[image], live.get(entry.full_name)))
        for key, entry in model.services.items()
        for image in [entry.spec["TaskTemplate"]["ContainerSpec"]["Image"]]
        if image in found
    }
    return dataclasses.replace(model, services={**model.services, **pinned_services})


def _platforms_of(live: Spec | None, image: str) -> list[Spec]:
    task = (live or {}).get("TaskTemplate") or {}
    if (task.get("ContainerSpec") or {}).get("Image") != image:
        return []
    return list((task.get("Placement") or {}).get("Platforms") or [])
