# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases: recorded deploys of a stack, kept in the swarm itself as config objects. Pure.

A config's content never changes, its labels may: the record is the content, what became of it stands in the labels.
Names are taken by one writer only, so an unfinished release is also the lock of its stack.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import gzip
import hashlib
import json
import typing as t
import zlib

from ..._diff import Tree
from ..model import ModelError, StackModel, known_part
from ..plan.tree import fingerprint, task_tree, to_tree
from ..watch.terms import Verdict

Json = dict[str, t.Any]

_PREFIX = "apiary.release."
LABEL_STACK = _PREFIX + "stack"
_NAME_LIMIT = 64
_RECORD_VERSION = 1

#: C(started): under way, or left behind by a deploy that died. C(accepted): sent, and nobody waited for the result.
#: C(failed): did not converge, and the stack is back where it was. C(broken): not even that worked.
#: C(abandoned): its deploy died and a later one took over.
Outcome = t.Literal["started", "accepted", "converged", "failed", "broken", "abandoned"]
_GOOD = ("converged", "accepted")
_UNCERTAIN = ("started", "broken", "abandoned")


@dataclasses.dataclass
class Release:
    """One recorded deploy.

    :ivar number: counts from 1 in each stack.
    :ivar at: when it began, ISO 8601, UTC.
    :ivar by: who deployed; host and pid: the process that did.
    :ivar expires: from when on an unfinished release may be taken over, ISO 8601, UTC.
    :ivar model: the stack with its images pinned, without the content of configs and secrets.
    :ivar bad: service → fingerprint of the tasks that failed.
    :ivar machine, began, node: which process deploys, as far as its process number alone does not say: the machine and
        its table of processes, when the process began, and the id of the manager that it asks.
    :ivar restores: number of the release that this one went back to, 0 when it is not a rollback.
    :ivar token: of its own; tells this deploy's record from another's of the same number.
    :ivar config: the config object that holds it, as the engine shows it; empty before it is made.
    :ivar too_new: a newer version of the collection recorded it, with fields that this one does not know.
    :ivar readable: False when this version does not even know what services it declared; the model is empty then.
    """

    stack: str
    number: int
    at: str
    by: str
    host: str
    pid: int
    expires: str
    git_revision: str
    model: StackModel
    outcome: str = "started"
    duration: float = 0.0
    reason: str = ""
    bad: dict[str, str] = dataclasses.field(default_factory=dict)
    rolled_back_to: int = 0
    restores: int = 0
    machine: str = ""
    began: str = ""
    node: str = ""
    token: str = ""
    config: Json = dataclasses.field(default_factory=dict)
    too_new: bool = False
    readable: bool = True

    @property
    def config_id(self) -> str:
        """Id of the config object, "" before it is made."""
        return str(self.config.get("ID", ""))

    @property
    def name(self) -> str:
        """Name of the config object."""
        return config_name(self.stack, self.number)

    @property
    def is_open(self) -> bool:
        """Whether its deploy has not recorded how it ended."""
        return self.outcome == "started"

    def digests(self) -> dict[str, str]:
        """Return service → image with digest."""
        return {
            name: str(entry.spec["TaskTemplate"]["ContainerSpec"].get("Image", ""))
            for name, entry in self.model.services.items()
        }

    def trees(self) -> dict[str, Tree]:
        """Return name in the swarm → canonical form of what was declared."""
        return {entry.full_name: to_tree(entry.spec) for entry in self.model.services.values()}

    def labels(self) -> dict[str, str]:
        """Return the labels of the config object."""
        values = {
            "stack": self.stack, "number": self.number, "outcome": self.outcome, "at": self.at, "by": self.by,
            "host": self.host, "pid": self.pid, "expires": self.expires, "git-revision": self.git_revision,
            "duration": f"{self.duration:.1f}", "reason": self.reason[:500], "rolled-back-to": self.rolled_back_to,
            "restores": self.restores,
            "bad": json.dumps(self.bad, sort_keys=True) if self.bad else "", "machine": self.machine,
            "began": self.began, "node": self.node, "token": self.token,
        }  # fmt: skip
        return {_PREFIX + key: str(value) for key, value in values.items() if value not in ("", 0)}

    def relabelled(self) -> Json:
        """Return the config object's spec with the labels of now.

        All else goes back byte for byte as the engine has it: it takes an update of the labels only (swarmkit
        C(manager/controlapi/config.go), C(UpdateConfig)), and another Python packs the same record otherwise. Labels
        that this version does not know stay.
        """
        spec: Json = self.config["Spec"]
        return {**spec, "Labels": {**(spec.get("Labels") or {}), **self.labels()}}

    def spec(self) -> Json:
        """Return the body of C(POST /configs/create)."""
        data = json.dumps({"version": _RECORD_VERSION, "model": _slim(self.model)}, sort_keys=True).encode()
        packed = base64.b64encode(gzip.compress(data, mtime=0)).decode()
        return {"Name": self.name, "Labels": self.labels(), "Data": packed}

    def summary(self) -> Json:
        """Return the release for the user."""
        return {
            "number": self.number,
            "outcome": self.outcome,
            "at": self.at,
            "by": self.by,
            "git_revision": self.git_revision,
            "duration": self.duration,
            "reason": self.reason,
            "rolled_back_to": self.rolled_back_to or None,
            "restores": self.restores or None,
            "digests": self.digests(),
            "too_new": self.too_new,
        }


def config_name(stack: str, number: int) -> str:
    """Return the name of a release's config object, within the engine's limit."""
    name = f"apiary-release.{stack}.{number}"
    if len(name) > _NAME_LIMIT:
        short = hashlib.sha256(stack.encode()).hexdigest()[:12]
        name = f"apiary-release.{stack[: _NAME_LIMIT - 40]}-{short}.{number}"
    return name


def read_release(config: Json) -> Release | None:
    """Return the release that a config object holds, None when it holds none."""
    labels = {
        key[len(_PREFIX) :]: value
        for key, value in (config["Spec"].get("Labels") or {}).items()
        if key.startswith(_PREFIX)
    }
    try:
        record = _unpacked(config["Spec"].get("Data", ""))
        found = _read_model(record)
        return Release(
            stack=labels["stack"], number=int(labels["number"]), at=labels["at"], by=labels.get("by", ""),
            host=labels.get("host", ""), pid=int(labels.get("pid", 0)), expires=labels.get("expires", ""),
            git_revision=labels.get("git-revision", ""), model=found or StackModel(labels["stack"]),
            outcome=labels.get("outcome", "started"), duration=float(labels.get("duration", 0)),
            reason=labels.get("reason", ""), bad=json.loads(labels.get("bad") or "{}"),
            rolled_back_to=int(labels.get("rolled-back-to", 0)),
            restores=int(labels.get("restores", 0)), machine=labels.get("machine", ""),
            began=labels.get("began", ""), node=labels.get("node", ""), token=labels.get("token", ""), config=config,
            too_new=found is None or _is_newer(record["model"]),
            readable=found is not None,
        )  # fmt: skip
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


def _unpacked(data: str) -> Json:
    """Return the content of a record, an empty one when it is packed in a way that this version does not know."""
    try:
        record = json.loads(gzip.decompress(base64.b64decode(data)))
    except (ValueError, OSError, EOFError, zlib.error):
        return {}
    return record if isinstance(record, dict) else {}


def _is_newer(model: Json) -> bool:
    try:
        StackModel.from_dict(model)
    except ModelError:
        return True
    return False


def _read_model(record: Json) -> StackModel | None:
    """Return the recorded stack as far as this version knows its fields, None when it knows too little of it."""
    if record.get("version") != _RECORD_VERSION:
        return None
    try:
        return StackModel.from_dict(known_part(record["model"]))
    except (ModelError, KeyError, TypeError, AttributeError):
        return None


def read_releases(configs: t.Iterable[Json]) -> list[Release]:
    """Return the releases among some config objects, oldest first."""
    found = (read_release(config) for config in configs)
    return sorted((release for release in found if release is not None), key=lambda release: release.number)


def base_trees(releases: t.Sequence[Release]) -> dict[str, Tree]:
    """Return what we have declared so far, for the three-way merge.

    That is the last good release, and on top of it whatever an interrupted or broken deploy may have left behind.
    """
    base: dict[str, Tree] = {}
    for release in releases:
        if release.outcome in _GOOD:
            base = release.trees()
        elif release.outcome in _UNCERTAIN:
            base = t.cast("dict[str, Tree]", _union(base, release.trees()))
    return base


def base_networks(releases: t.Sequence[Release]) -> dict[str, Json]:
    """Return what the last good release declared of its networks, by name in the swarm."""
    good = last_good(releases)
    return {entry.name: entry.spec for entry in good.model.networks.values()} if good else {}


def last_good(releases: t.Sequence[Release]) -> Release | None:
    """Return the newest release that the stack has run."""
    return next((release for release in reversed(releases) if release.outcome in _GOOD), None)


def is_unfinished(releases: t.Sequence[Release]) -> bool:
    """Say whether the last deploy died half-way: then even a plan without a change must be recorded as a release."""
    return bool(releases) and releases[-1].outcome in _UNCERTAIN


def unreadable(releases: t.Sequence[Release]) -> list[Release]:
    """Return the releases that what we have declared so far rests on, and that this version cannot read."""
    good = last_good(releases)
    newer = [item for item in releases if good is None or item.number > good.number]
    resting = [item for item in newer if item.outcome in _UNCERTAIN] + ([good] if good else [])
    return [item for item in resting if not item.readable]


def known_bad(releases: t.Sequence[Release], model: StackModel) -> list[tuple[str, Release]]:
    """Return the services of a model whose very tasks failed in an earlier release, with that release.

    A later release in which the same tasks ran clears the name.
    """
    wanted = {entry.full_name: task_identity(entry.spec) for entry in model.services.values()}
    bad: dict[str, Release] = {}
    for release in releases:
        if release.outcome == "converged":
            for entry in release.model.services.values():
                if wanted.get(entry.full_name) == task_identity(entry.spec):
                    bad.pop(entry.full_name, None)
        for name, identity in release.bad.items():
            if wanted.get(name) == identity:
                bad[name] = release
    return sorted(bad.items())


def reservations(releases: t.Sequence[Release], model: StackModel) -> list[str]:
    """Return what earlier releases have against a deploy of this model."""
    failed = [
        f"service {name} failed with the very same image and settings in release {release.number} "
        f"({release.reason or 'no reason recorded'}); change something, or use force: true"
        for name, release in known_bad(releases, model)
    ]
    return failed + [
        f"release {release.number} was recorded by a newer version of this collection, and this one cannot "
        "read what it declared; deploy with that version, or use force: true, which removes what the file "
        "does not declare"
        for release in unreadable(releases)
    ]


def to_blame(model: StackModel, verdicts: t.Mapping[str, Verdict]) -> dict[str, str]:
    """Return the services whose own tasks failed, each with the fingerprint of its tasks.

    A full swarm or a dead registry is not a version's fault.
    """
    identities = {entry.full_name: task_identity(entry.spec) for entry in model.services.values()}
    return {
        name: identities[name]
        for name, verdict in verdicts.items()
        if verdict.state == "failed"
        and name in identities
        and any(problem.ended_itself for problem in verdict.problems)
    }


def task_identity(spec: Json) -> str:
    """Return the fingerprint of what a service's tasks are, wherever they may run."""
    return fingerprint(task_tree(spec.get("TaskTemplate") or {}))


def to_drop(releases: t.Sequence[Release], keep: int) -> list[Release]:
    """Return the releases that need not be kept: neither among the newest I(keep) nor the last good one."""
    good = last_good(releases)
    old = releases[: max(0, len(releases) - keep)]
    return [release for release in old if release is not good and not release.is_open]


def referenced(releases: t.Iterable[Release]) -> tuple[set[str], set[str]]:
    """Return the names of configs and of secrets that releases need for a rollback."""
    configs: set[str] = set()
    secrets: set[str] = set()
    for release in releases:
        configs |= {entry.name for entry in release.model.configs.values()}
        secrets |= {entry.name for entry in release.model.secrets.values()}
    return configs, secrets


def now_text(later: float = 0) -> str:
    """Return the time in I(later) seconds, ISO 8601, UTC."""
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=later)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _slim(model: StackModel) -> Json:
    """Content stays out of the record: configs and secrets are objects of their own."""
    slim, _secret = model.split_secret_data()
    configs = {key: dataclasses.replace(entry, data=None) for key, entry in slim.configs.items()}
    return dataclasses.replace(slim, configs=configs).to_dict()


def _union(left: t.Any, right: t.Any) -> t.Any:
    if isinstance(left, dict) and isinstance(right, dict):
        return {key: _union(left.get(key), right.get(key)) for key in {**left, **right}}
    return left if right is None else right
