# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Names of hosts: the preferences of ``hostnames``, and a distinct name for every instance. Pure."""

from __future__ import annotations

import re
import typing as t
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from ansible_collections.apiary.swarm.plugins.module_utils._aws.errors import nearest
from ansible_collections.apiary.swarm.plugins.module_utils._aws.instances import Facts
from ansible_collections.apiary.swarm.plugins.module_utils._errors import InvalidInput

Preference = str | Mapping[str, t.Any]

RESERVED = frozenset({"all", "ungrouped", "localhost", "127.0.0.1", "::1"})
"""Names with a meaning of their own: a host called ``localhost`` would be taken for the controller."""

_IPV6 = "network-interface.ipv6-addresses.ipv6-address"

FIELDS: dict[str, tuple[str, ...]] = {
    "architecture": ("architecture",),
    "availability-zone": ("placement", "availability_zone"),
    "dns-name": ("public_dns_name",),
    "iam-instance-profile.arn": ("iam_instance_profile", "arn"),
    "image-id": ("image_id",),
    "instance-id": ("instance_id",),
    "instance-lifecycle": ("instance_lifecycle",),
    "instance-state-name": ("state", "name"),
    "instance-type": ("instance_type",),
    "ip-address": ("public_ip_address",),
    "ipv6-address": ("ipv6_address",),
    "key-name": ("key_name",),
    "launch-time": ("launch_time",),
    _IPV6: ("ipv6_address",),
    "owner-id": ("owner_id",),
    "platform": ("platform",),
    "private-dns-name": ("private_dns_name",),
    "private-ip-address": ("private_ip_address",),
    "reservation-id": ("reservation_id",),
    "root-device-name": ("root_device_name",),
    "root-device-type": ("root_device_type",),
    "spot-instance-request-id": ("spot_instance_request_id",),
    "subnet-id": ("subnet_id",),
    "tenancy": ("placement", "tenancy"),
    "virtualization-type": ("virtualization_type",),
    "vpc-id": ("vpc_id",),
}
"""Filter names of EC2 that can name a host, and where an instance has their value."""

ApplyFilter = Callable[[str, str], str]
"""Applies a Jinja filter expression (second) to a value (first)."""


def check_preferences(preferences: Sequence[Preference], option: str) -> None:
    """Check the entries of *option* (``hostnames`` or ``address``).

    :raises InvalidInput: if an entry names neither a field of an instance nor a tag.
    """
    for preference in preferences:
        name = preference.get("name") if isinstance(preference, Mapping) else preference
        if not isinstance(name, str) or not name:
            raise InvalidInput(f"{option}: every entry is a string or has a name, not {preference!r}.")
        field = name.split("|", 1)[0].strip()
        if not field.startswith("tag:") and field not in FIELDS:
            raise InvalidInput(
                f"{option}: {field!r} is not a field of an instance{nearest(field, FIELDS)}; "
                f"for a tag write tag:{field}."
            )


def value_of(facts: Facts, preference: Preference, apply_filter: ApplyFilter | None = None) -> str:
    """Return what *preference* gives for an instance, ``""`` when it has no such thing."""
    if isinstance(preference, Mapping):
        name = value_of(facts, preference["name"], apply_filter)
        prefix = preference.get("prefix")
        if not name or not prefix:
            return name
        # A prefix that is no field is taken as it is written.
        before = value_of(facts, prefix, apply_filter) if _is_field(prefix) else str(prefix)
        return f"{before}{preference.get('separator', '_')}{name}" if before else name
    field, dummy, expression = preference.partition("|")
    field = field.strip()
    found = _tag_value(facts["tags"], field[4:]) if field.startswith("tag:") else _field_value(facts, field)
    return apply_filter(found, expression) if found and expression and apply_filter else found


def _is_field(text: str) -> bool:
    return text.startswith("tag:") or text in FIELDS


def _field_value(facts: Facts, field: str) -> str:
    value: t.Any = facts
    for key in FIELDS[field]:
        value = value.get(key) if isinstance(value, Mapping) else None
    return str(value) if value else ""


def _tag_value(tags: Mapping[str, str], wanted: str) -> str:
    """Return the value of the tag, or ``Name_Value`` for ``Name=Value``; of several, by comma, the first that fits."""
    for part in wanted.split(","):
        name, equals, value = part.partition("=")
        name = name.removeprefix("tag:")
        if name in tags and (not equals or tags[name] == value):
            found = f"{name}_{value}" if equals else tags[name]
            if found:
                return found
    return ""


def clean_host_name(name: str) -> str:
    """Return *name* with ``_`` for whatever would be something else than a name in a pattern of hosts.

    Blanks, commas and colons separate patterns, ``!``, ``&``, ``~`` and ``@`` begin special ones, and ``*``, ``?`` and
    ``[`` match others (lib/ansible/inventory/manager.py: ``split_host_pattern``, ``_evaluate_patterns``); ``/`` would
    lead elsewhere in ``host_vars`` and caches.
    """
    cleaned = re.sub(r"[^\w.+=@-]", "_", name)
    return re.sub(r"^\W", "_", cleaned)


def host_names(
    instances: Sequence[Facts],
    preferences: Sequence[Preference],
    apply_filter: ApplyFilter | None = None,
    avoid: Collection[str] = (),
) -> dict[str, str]:
    """Return a distinct host name for each instance, by instance id; each can be named by a pattern.

    The first of *preferences* that gives a value wins. A name that several instances claim is given to none of
    them: they fall to the next preference, in the end to their instance ids, so that no host is lost.

    :param avoid: names that no host may have, as those of groups.
    """
    refused = RESERVED.union(avoid)
    names: dict[str, str] = {}
    open_: list[Facts] = list(instances)
    ids = {facts["instance_id"] for facts in instances}
    for preference in (*preferences, "instance-id"):
        claims = {facts["instance_id"]: clean_host_name(value_of(facts, preference, apply_filter)) for facts in open_}
        count = Counter(claims.values())
        taken = set(names.values())
        for instance_id, claim in claims.items():
            # The ID of another instance is that one's last resort.
            free = claim == instance_id or (claim not in taken and claim not in ids)
            if claim and count[claim] == 1 and free and claim not in refused:
                names[instance_id] = claim
        open_ = [facts for facts in open_ if facts["instance_id"] not in names]
    for facts in open_:  # even the id is the name of a group
        name = f"{facts['instance_id']}_"
        while name in refused or name in ids or name in names.values():
            name += "_"
        names[facts["instance_id"]] = name
    return names
