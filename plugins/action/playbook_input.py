# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module playbook_input: it needs what only the controller knows, the variables and where they come from."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from pathlib import Path

from ansible.errors import AnsibleActionFail, AnsibleUndefinedVariable
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars

from ansible_collections.apiary.swarm.plugins.module_utils._errors import InvalidInput
from ansible_collections.apiary.swarm.plugins.modules.playbook_input import ARGUMENTS
from ansible_collections.apiary.swarm.plugins.plugin_utils import _settings_file as settings_file
from ansible_collections.apiary.swarm.plugins.plugin_utils._given import (
    OF_INVENTORY,
    Hosts,
    Place,
    Variables,
    contradictions,
    empty_region,
    missing,
    strangers,
)


class ActionModule(ActionBase):
    """The action."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Fail with all that is wrong, or return what is right."""
        super().run(tmp, task_vars)
        dummy, params = self.validate_argument_spec(ARGUMENTS)
        known = task_vars or {}
        words = [*params["needs"], *params["takes"], *(OF_INVENTORY if params["inventory"] else ())]
        words += ["clusters_dir"] if params["settings_file"] else []
        extra = load_extra_vars(self._loader)
        settings, problems = self._settings(params["settings_file"], known)
        problems += Variables(words, params["roles"]).mistakes(known.keys() - settings.keys(), extra)
        given = {name: self._templar.template(known.get(name)) for name in ("cluster", "region")}
        if not problems:
            problems += filter(None, [missing(params["needs"], {**known, **given})])
        place, managers = Place(str(given["region"] or "")), list[str]()
        if params["inventory"] and not problems:
            hosts = Hosts.of(known, str(given["cluster"]))
            place = hosts.place(place.region)
            managers = hosts.managers(place.region)
            problems += filter(None, [place.problem or empty_region(extra, place.region)])
            if not problems:
                stated = self._stated(known, ["swarm_manager", *(f"{role}_manager" for role in params["roles"])])
                problems += strangers(stated, managers, hosts.cluster)
                managers = [host for host in managers if host in stated.values()] or managers
        if not problems:
            names = [f"{role}_{what}" for role in params["roles"] for what in ("cluster", "region")]
            problems += contradictions(self._stated(known, names), {**given, "region": place.region})
        if problems:
            raise AnsibleActionFail(_sentence(problems))
        return {"changed": False, "region": place.region, "managers": managers}

    def _settings(self, path: str | None, known: Mapping[str, t.Any]) -> tuple[settings_file.Values, list[str]]:
        """Return what the cluster's file holds, and all that is wrong with it."""
        if not path:
            return {}, []
        try:
            values = settings_file.read(Path(path), self._loader.load_from_file)
        except InvalidInput as exc:
            return {}, [exc.message]
        name = settings_file.shown(Path(path))
        if not Path(path).exists() and known.get("clusters_dir"):
            return {}, [f"there is no {name}: make it, or leave clusters_dir out"]
        wrong = settings_file.mistakes(values, settings_file.known_variables(), self._templar.is_template)
        return values, [f"{name}: {sentence}" for sentence in wrong]

    def _stated(self, known: Mapping[str, t.Any], names: t.Iterable[str]) -> dict[str, t.Any]:
        """Return the values of those of *names* that somebody sets and that do not follow what is not known yet."""
        found = {}
        for name in names:
            if name in known:
                try:
                    found[name] = self._templar.template(known[name])
                except AnsibleUndefinedVariable:  # such as "{{ region }}", which the hosts tell
                    continue
        return found


def _sentence(problems: list[str]) -> str:
    text = "; ".join(problems)
    # The name of a variable or a file stays as it is.
    return f"{text if set('_/.') & set(text.partition(' ')[0]) else text[:1].upper() + text[1:]}."
