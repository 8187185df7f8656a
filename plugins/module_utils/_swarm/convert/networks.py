# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks: bodies that make them, and the attachments of services."""

from __future__ import annotations

import ipaddress
import typing as t

from ..._words import nearest
from ..compose import Project
from ..model import LABEL_NAMESPACE, NetworkEntry, Spec
from ..problems import kind
from .names import service_name_problem

DEFAULT = "default"
EDGE_KEY = "x-apiary-edge"
# Networks that every node has; they know no aliases.
_PREDEFINED = frozenset({"default", "bridge", "host", "none"})
_LOCAL_DRIVERS = frozenset({"bridge", "host", "ipvlan", "macvlan", "none", "null"})


class Networks:
    """The networks of one stack."""

    def __init__(self, project: Project, stack: str, edge: str) -> None:
        self.project = project
        self.stack = stack
        self.edge = edge
        self.entries: dict[str, NetworkEntry] = {}

    def attachments(self, service: str, definition: t.Mapping[str, t.Any], routed: bool) -> list[Spec]:
        """Return C(TaskTemplate.Networks), with names as targets, and note the networks as used.

        A service with a route is attached to the edge network too, without an alias: many stacks share that network,
        and a service called V(api) there must not answer for another stack's. Raises ComposeError.
        """
        wanted = definition.get("networks") or {DEFAULT: None}
        result: list[Spec] = []
        for key, options in wanted.items():
            entry = self._use(service, key)
            attachment: Spec = {"Target": entry.name}
            aliases = list((options or {}).get("aliases", []))
            if entry.name not in _PREDEFINED and not entry.name.startswith("container:"):
                aliases.append(service)
            if aliases:
                attachment["Aliases"] = aliases
            if (options or {}).get("driver_opts"):
                attachment["DriverOpts"] = (options or {})["driver_opts"]
            result.append(attachment)
        if routed and self.edge not in (attachment["Target"] for attachment in result):
            self.entries[EDGE_KEY] = NetworkEntry(key=EDGE_KEY, name=self.edge, external=True)
            result.append({"Target": self.edge})
        return sorted(result, key=lambda attachment: str(attachment["Target"]))

    def _use(self, service: str, key: str) -> NetworkEntry:
        networks = self.project.sections.networks
        if key not in networks and key != DEFAULT:
            hint = nearest(key, networks) or "; describe it there"
            problem = f'the network "{key}" is not under the top-level networks{hint}'
            raise self.project.error(("services", service, "networks", key), problem)
        if key not in self.entries:
            self.entries[key] = self._entry(key, networks.get(key, {}))
        return self.entries[key]

    def _entry(self, key: str, network: t.Mapping[str, t.Any]) -> NetworkEntry:
        name = network.get("name") or f"{self.stack}_{key}"
        problem = service_name_problem(name)
        if problem:
            raise self.project.error(("networks", key), problem)
        if network.get("external"):
            return NetworkEntry(key=key, name=name, external=True)
        if network.get("driver") in _LOCAL_DRIVERS:
            problem = f"services cannot use a {network['driver']} network, which is one node's own; write overlay"
            raise self.project.error(("networks", key, "driver"), problem)
        spec: Spec = {
            "Name": name,
            "Driver": network.get("driver") or "overlay",
            "Labels": {**network.get("labels", {}), LABEL_NAMESPACE: self.stack},
        }
        for option, field in (("internal", "Internal"), ("attachable", "Attachable"), ("enable_ipv6", "EnableIPv6")):
            if network.get(option):
                spec[field] = True
        if network.get("driver_opts"):
            spec["Options"] = network["driver_opts"]
        ipam = self._ipam(key, network.get("ipam") or {})
        if ipam:
            spec["IPAM"] = ipam
        return NetworkEntry(key=key, name=name, spec=spec)

    def _ipam(self, key: str, ipam: t.Mapping[str, t.Any]) -> Spec:
        result: Spec = {}
        if ipam.get("driver"):
            result["Driver"] = ipam["driver"]
        if ipam.get("options"):
            result["Options"] = ipam["options"]
        pools = []
        for pool in ipam.get("config", []):
            body: Spec = {}
            for option, field, parser in (
                ("subnet", "Subnet", ipaddress.ip_network),
                ("ip_range", "IPRange", ipaddress.ip_network),
                ("gateway", "Gateway", ipaddress.ip_address),
            ):
                if not pool.get(option):
                    continue
                try:
                    parser(pool[option])
                except ValueError:
                    example = "10.1.0.1" if option == "gateway" else "10.1.0.0/24"
                    problem = f"{option} must be like {example}, not {kind(pool[option])}"
                    raise self.project.error(("networks", key, "ipam", "config"), problem) from None
                body[field] = pool[option]
            if pool.get("aux_addresses"):
                body["AuxiliaryAddresses"] = pool["aux_addresses"]
            pools.append(body)
        if pools:
            result["Config"] = pools
        return result
