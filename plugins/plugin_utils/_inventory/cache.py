# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""The cache of finished inventories: fresh ones save the calls, old ones bridge an outage."""

from __future__ import annotations

import hashlib
import time
import typing as t

from ansible.plugins.loader import cache_loader

from ansible_collections.apiary.swarm.plugins.plugin_utils._inventory.build import Settings
from ansible_collections.apiary.swarm.plugins.plugin_utils._inventory.hosts import Computed

FORM = 1
"""The form of what is kept; another form is not read."""


class InventoryCache:
    """One inventory in the cache plugin that the user chose.

    The cache plugin is told that nothing expires; the age is judged here, so that the last good inventory is still
    there when AWS does not answer.

    :param plugin: the inventory plugin, for its cache options.
    :param path: the configuration file.
    :param settings: the options; another set of them is another inventory.
    """

    def __init__(self, plugin: t.Any, path: str, settings: Settings) -> None:
        self._max_age = int(plugin.get_option("cache_timeout"))
        constructed = [plugin.get_option(name) for name in ("compose", "groups", "keyed_groups", "strict")]
        # The key ID tells accounts apart; the secret stays out.
        identity = (path, settings, settings.aws.access_key, constructed)
        self._key = "ec2_" + hashlib.sha256(repr(identity).encode()).hexdigest()[:16]
        options = {
            "_uri": plugin.get_option("cache_connection"),
            "_prefix": plugin.get_option("cache_prefix"),
            "_timeout": 0,
        }
        name = plugin.get_option("cache_plugin")
        self._store = cache_loader.get(name, **{key: value for key, value in options.items() if value is not None})

    def _load(self) -> tuple[Computed, float] | None:
        """Return what is kept and its age in seconds; negative when a clock was set back since."""
        try:
            kept = self._store.get(self._key)
            if kept["form"] != FORM:
                return None
            return Computed.from_dict(kept["inventory"]), time.time() - kept["stored_at"]
        except (AttributeError, KeyError, TypeError):
            return None

    def fresh(self) -> Computed | None:
        """Return the inventory if one is kept that is young enough."""
        found = self._load()
        # What was kept in the future was kept by a clock that was wrong: it would stay young until that day.
        return found[0] if found and (self._max_age == 0 or 0 <= found[1] < self._max_age) else None

    def last_good(self) -> tuple[Computed, int] | None:
        """Return the inventory that is kept, however old, and its age in seconds."""
        found = self._load()
        return (found[0], max(0, round(found[1]))) if found else None

    def keep(self, computed: Computed) -> None:
        """Keep *computed* as the last good inventory."""
        self._store.set(self._key, {"form": FORM, "stored_at": time.time(), "inventory": computed.to_dict()})
