# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(ContainerSpec.Privileges) of C(security_opt) and C(credential_spec)."""

from __future__ import annotations

import base64
import json
import re
import typing as t

from ..compose import Project
from ..compose.normalize import unreadable
from ..model import Spec
from ..problems import kind

_SELINUX = {"user": "User", "role": "Role", "type": "Type", "level": "Level"}


def privileges(project: Project, service: str, definition: t.Mapping[str, t.Any], config_name: str) -> Spec:
    """Return the privileges; C(config_name) is the name in the swarm of C(credential_spec.config), or V("").

    Raises ComposeError.
    """
    result: Spec = {"CredentialSpec": _credential(project, service, definition, config_name), "SELinuxContext": None}
    no_new = False
    for entry in definition.get("security_opt", []):
        name, _separator, value = _split(entry)
        if name == "no-new-privileges":
            no_new = _flag(project, service, entry, value)
        elif name == "seccomp":
            result["Seccomp"] = _seccomp(project, service, value)
        elif name == "apparmor" and value in {"unconfined", "docker-default"}:
            result["AppArmor"] = {"Mode": "disabled" if value == "unconfined" else "default"}
        elif name == "label":
            result["SELinuxContext"] = _selinux(project, service, entry, value, result["SELinuxContext"])
        else:
            known = "no-new-privileges:true, seccomp=FILE, apparmor=unconfined or label=type:NAME"
            problem = f"a service of a swarm can have {known}, not {kind(entry)}"
            raise project.error(("services", service, "security_opt"), problem)
    result["NoNewPrivileges"] = no_new
    return result


def _split(entry: str) -> tuple[str, str, str]:
    match = re.match(r"([a-z-]+)([=:]?)(.*)", entry, re.DOTALL)
    return (match.group(1), match.group(2), match.group(3)) if match else (entry, "", "")


def _flag(project: Project, service: str, entry: str, value: str) -> bool:
    if value not in {"", "true", "false"}:
        problem = f"must be no-new-privileges:true or no-new-privileges:false, not {kind(entry)}"
        raise project.error(("services", service, "security_opt"), problem)
    return value != "false"


def _seccomp(project: Project, service: str, value: str) -> Spec:
    if value == "unconfined":
        return {"Mode": "unconfined"}
    if value in {"", "builtin", "default"}:
        return {"Mode": "default"}
    path = ("services", service, "security_opt")
    try:
        profile = project.around.read(value)
    except OSError as exc:
        raise project.error(path, unreadable(value, exc)) from None
    try:
        json.loads(profile)
    except ValueError:
        raise project.error(path, f"the seccomp profile {value} is not JSON") from None
    return {"Mode": "custom", "Profile": base64.b64encode(profile).decode()}


def _selinux(project: Project, service: str, entry: str, value: str, before: Spec | None) -> Spec:
    context: Spec = before or {"Disable": False, "User": "", "Role": "", "Type": "", "Level": ""}
    if value == "disable":
        return {**context, "Disable": True}
    part, colon, label = value.partition(":")
    if part not in _SELINUX or not colon:
        problem = f"must be label=disable or label=user|role|type|level:NAME, not {kind(entry)}"
        raise project.error(("services", service, "security_opt"), problem)
    return {**context, _SELINUX[part]: label}


def _credential(project: Project, service: str, definition: t.Mapping[str, t.Any], config_name: str) -> Spec | None:
    given = {key: value for key, value in definition.get("credential_spec", {}).items() if value}
    if not given:
        return None
    if len(given) > 1:
        listed = " and ".join(f'"{key}"' for key in given)
        problem = f"{listed} contradict each other; keep one of them"
        raise project.error(("services", service, "credential_spec"), problem)
    return {"Config": config_name, "File": given.get("file", ""), "Registry": given.get("registry", "")}
