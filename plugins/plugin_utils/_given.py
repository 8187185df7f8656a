# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""What a playbook was given: variables that nothing reads, and places that contradict each other."""

from __future__ import annotations

import functools
import typing as t
from collections.abc import Iterable, Mapping
from pathlib import Path

from ansible.module_utils.common.yaml import yaml_load

from ansible_collections.apiary.swarm.plugins.module_utils._words import likest, nearest
from ansible_collections.apiary.swarm.plugins.plugin_utils._inventory.hosts import safe_group

ROLES = Path(__file__).resolve().parents[2] / "roles"

#: What every playbook reads that talks to a manager.
OF_INVENTORY = ("region", "swarm_manager", "swarm_patience")

#: How much of a word must be another one to be taken for it; C(stage) is not C(state), C(servce) is C(service).
_ALIKE = 0.83


@functools.cache
def variables_of_roles() -> Mapping[str, Mapping[str, t.Any]]:
    """Return role → its variables, those of all its entry points, with what C(meta/argument_specs.yml) says of each."""
    found = {}
    for path in sorted(ROLES.glob("*/meta/argument_specs.yml")):
        entries = yaml_load(path.read_text(encoding="utf-8"))["argument_specs"].values()
        found[path.parents[1].name] = {
            name: option for entry in entries for name, option in (entry.get("options") or {}).items()
        }
    return found


class Variables:
    """The variables that a playbook reads.

    :param words: those without a prefix, and those that only the playbook knows.
    :param roles: the roles that it runs.
    """

    def __init__(self, words: Iterable[str], roles: Iterable[str]) -> None:
        of_roles = variables_of_roles()
        self.words = frozenset(words)
        self._known = self.words.union(*of_roles.values())
        #: C(deploy_) of the role deploy, C(close_) of the word C(close_log_groups).
        self._own = tuple({*(f"{role}_" for role in roles), *(_prefix(word) for word in words if "_" in word)})
        self._any = (*self._own, *(f"{role}_" for role in of_roles))

    def mistakes(self, names: Iterable[str], extra: Iterable[str]) -> list[str]:
        """Return a sentence for each variable that is none of these but was meant to be.

        :param names: all variables that are set, wherever.
        :param extra: those of them that were given with C(-e). Nobody gives these for nothing: one with a prefix of
            the playbook is a mistake even when it looks like no other. Elsewhere somebody's own variables may begin
            like ours, so only those count that look like one of ours.
        """
        given, all_names = frozenset(map(str, extra)), frozenset(map(str, (*names, *extra)))
        found = []
        for name in sorted(all_names - self._known):
            plain = name.strip().lower().replace("-", "_")
            if name in given and plain in self._known and plain not in all_names:
                near = plain  # DEPLOY_FORCE, deploy-force; beside deploy_force it is somebody's own
            else:
                near = self._nearest(name, name in given)
            if near:
                found.append(f'there is no variable "{name}" (did you mean "{near}"?)')
            elif name in given and name.startswith(self._own):
                found.append(f'there is no variable "{name}"; remove it')
        return found

    def _nearest(self, name: str, extra: bool) -> str:
        """Return the variable that *name* was meant to be, or V("")."""
        prefix = next((prefix for prefix in self._any if name.startswith(prefix)), "")
        if prefix:
            rests = [word[len(prefix) :] for word in self._known if word.startswith(prefix)]
            rest = _alike(name[len(prefix) :], rests)
            return prefix + rest if rest else ""
        return _alike(name, self.words if "_" not in name else self._known) if extra else ""


def _prefix(word: str) -> str:
    return word.partition("_")[0] + "_"


def _alike(word: str, known: Iterable[str]) -> str:
    """Return the one of *known* that is *word* but for a slip: a letter too many or too few, or two swapped."""
    return likest(word, known, _ALIKE)


def missing(needs: Mapping[str, t.Any], given: Mapping[str, t.Any]) -> str:
    """Return a sentence about what of *needs* (variable → example) is not in *given*, or V("")."""
    lacking = {name: example for name, example in needs.items() if given.get(name) in (None, "")}
    if not lacking:
        return ""
    names = list(lacking)
    listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return f"say {listed}: {' '.join(f'-e {name}={example}' for name, example in lacking.items())}"


def contradictions(of_roles: Mapping[str, t.Any], given: Mapping[str, t.Any]) -> list[str]:
    """Return a sentence for each variable of a role, such as C(deploy_region), that is not what was given."""
    found = []
    for name, value in of_roles.items():
        word = name.rpartition("_")[2]
        if given.get(word) and str(value) != str(given[word]):
            found.append(f'{name} is "{value}", {word} is "{given[word]}": leave {name} out, it follows {word}')
    return found


def _mapping(value: t.Any) -> Mapping[str, t.Any]:
    return value if isinstance(value, Mapping) else {}


def empty_region(extra: Mapping[str, t.Any], region: str) -> str:
    """Return a sentence when *extra*, what C(-e) gives, sets a region without a value, or V("").

    Nothing wins over it, and AWS would be asked in the region of the environment instead.
    """
    if "region" not in extra or str(extra["region"] or "").strip():
        return ""
    return f"region is given without a value: leave it out, or write -e region={region}"


def strangers(stated: Mapping[str, t.Any], managers: t.Sequence[str], cluster: str) -> list[str]:
    """Return a sentence for each variable, such as C(swarm_manager), that names a host which is not a manager of it."""
    return [
        f'{name} is "{host}", which is not a manager of {cluster} there{nearest(str(host), managers)}: leave '
        f"{name} out, and the first manager that answers is used"
        for name, host in stated.items()
        if str(host or "") not in managers
    ]


class Place(t.NamedTuple):
    """Where a cluster is, or a sentence why that is not clear."""

    region: str
    problem: str = ""


class Hosts(t.NamedTuple):
    """The managers of a cluster in an inventory.

    :ivar region_of: their hosts, the best one first, each with its region, V("") when the inventory does not say.
    :ivar clusters: the clusters that the inventory knows.
    """

    cluster: str
    region_of: Mapping[str, str]
    clusters: t.Sequence[str]

    @classmethod
    def of(cls, known: Mapping[str, t.Any], cluster: str) -> Hosts:
        """Read the variables that every task has."""
        groups, hostvars = known.get("groups") or {}, known.get("hostvars") or {}
        group = set(groups.get(safe_group(cluster), ()))
        nodes = {host: _mapping(hostvars[host].get("swarm_node")) for host in groups.get("managers", ())}
        clusters = {str(node["cluster"]) for node in nodes.values() if node.get("cluster")}
        # A group of keyed_groups may have the cluster's name as well: what the node itself says decides.
        own = [host for host, node in nodes.items() if host in group and node.get("cluster") in (None, "", cluster)]
        regions = {}
        for host in own:
            place = _mapping(hostvars[host].get("placement"))
            regions[host] = str(nodes[host].get("region") or place.get("region") or "")
        return cls(cluster, regions, sorted(clusters))

    def managers(self, region: str) -> list[str]:
        """Return the hosts in a region, and those that may be anywhere."""
        return [host for host, own in self.region_of.items() if own in ("", region)]

    def place(self, given: str) -> Place:
        """Return the region of the cluster: its hosts tell it, and nobody may say another one.

        :param given: what the user says, V("") for nothing.
        """
        regions = sorted({region for region in self.region_of.values() if region})
        listed = " and ".join(regions)
        if not self.region_of:
            where = f" in {given}" if given else ""
            problem = (
                f"the inventory has no manager of {self.cluster}{nearest(self.cluster, self.clusters)}: give one with "
                f'-i whose file says "plugin: apiary.swarm.ec2"; it lists the instances{where} with the tags '
                f"swarm:cluster={self.cluster} and swarm:role=manager"
            )
        elif given in regions or (given and not regions):
            return Place(given)
        elif not regions:
            problem = "the inventory does not say in which region its hosts are: say it, -e region=eu-west-1"
        elif given:
            problem = (
                f"the hosts of cluster {self.cluster} are in {listed}, not in {given}: leave region out, or take the "
                f"inventory of {given}"
            )
        elif len(regions) > 1:
            problem = f"cluster {self.cluster} is in {listed}: say which one, for example -e region={regions[0]}"
        else:
            return Place(regions[0])
        return Place("", problem)
