# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.

"""What Ansible says of an option of a plugin that does not fit, without the value of a private one."""

from __future__ import annotations

import re
import typing as t

from ansible.errors import AnsibleError, AnsibleLookupError

from ansible_collections.apiary.swarm.plugins.module_utils._diff import is_sensitive

# ansible-core, lib/ansible/config/manager.py: ConfigManager names the option, then quotes its value.
_OPTION = re.compile(r"'(?P<name>\w+)' for|plugin setting: (?P<older>\w+)")
_QUOTED = re.compile(r"(Invalid value provided for '[^']*'|Invalid type for configuration option): .*", re.DOTALL)

#: Options of lookups whose name promises no secret, with secrets in them.
_PRIVATE = frozenset({"env"})


def set_options(plugin: t.Any, variables: t.Any, direct: t.Mapping[str, t.Any]) -> None:
    """Set the options of a lookup.

    :raises AnsibleLookupError: an option is missing or has another type.
    """
    try:
        plugin.set_options(var_options=variables, direct=direct)
    except AnsibleError as exc:
        raise AnsibleLookupError(without_value(exc.message)) from None


def without_value(message: str) -> str:
    """Return what Ansible says of an option, without the value if nobody may read it (pure)."""
    found = _OPTION.search(message)
    name = (found["name"] or found["older"]) if found else ""
    if name and name not in _PRIVATE and not is_sensitive((name,)):
        return message
    return _QUOTED.sub(r"\1.", message)
