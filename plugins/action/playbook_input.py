# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module playbook_input: it needs what only the controller knows, the variables and where they come from."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars

from ansible_collections.apiary.swarm.plugins.modules.playbook_input import ARGUMENTS
from ansible_collections.apiary.swarm.plugins.plugin_utils._given import (
    Hosts,
    Place,
    Variables,
    contradictions,
    missing,
)

#: What every playbook reads that talks to a manager.
_OF_INVENTORY = ("region", "swarm_manager", "swarm_patience")


class ActionModule(ActionBase):
    """The action."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Fail with all that is wrong, or return what is right."""
        super().run(tmp, task_vars)
        dummy, params = self.validate_argument_spec(ARGUMENTS)
        known = task_vars or {}
        words = [*params["needs"], *params["takes"], *(_OF_INVENTORY if params["inventory"] else ())]
        problems = Variables(words, params["roles"]).mistakes(known, load_extra_vars(self._loader))
        given = {name: self._templar.template(known.get(name)) for name in ("cluster", "region")}
        if not problems:
            problems += filter(None, [missing(params["needs"], {**known, **given})])
        place, managers = Place(str(given["region"] or "")), list[str]()
        if params["inventory"] and not problems:
            hosts = Hosts.of(known, str(given["cluster"]))
            place = hosts.place(place.region)
            managers = hosts.managers(place.region)
            problems += filter(None, [place.problem])
        if not problems:
            stated = {name: self._templar.template(value) for name, value in _of_roles(params["roles"], known).items()}
            problems += contradictions(stated, {**given, "region": place.region})
        if problems:
            raise AnsibleActionFail(_sentence(problems))
        return {"changed": False, "region": place.region, "managers": managers}


def _of_roles(roles: t.Iterable[str], known: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the roles' own variables for cluster and region, as far as somebody sets them."""
    names = (f"{role}_{what}" for role in roles for what in ("cluster", "region"))
    return {name: known[name] for name in names if name in known}


def _sentence(problems: list[str]) -> str:
    text = "; ".join(problems)
    # The name of a variable stays as it is.
    return f"{text if '_' in text.partition(' ')[0] else text[:1].upper() + text[1:]}."
