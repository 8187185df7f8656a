# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a cluster: what is given, what stays as the stack has it, and what a change would take away. Pure.

A cluster keeps every setting that a run does not mention: CloudFormation would take the template's default for it, and
with that drop a key, a rule, a dozen workers or the whole network.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ..errors import nearest

Values = dict[str, t.Any]

#: Why a change of some settings of a living cluster is refused or needs a word of its own.
_NETWORK = (
    "AWS would replace the network and every node with it. Leave it out, and it stays; for another network make "
    "another cluster"
)
_TRUE, _FALSE = ("true", "yes", "on", "1", "t", "y"), ("false", "no", "off", "0", "f", "n")


@dataclass(frozen=True)
class Setting:
    """One setting of a cluster.

    :ivar parameter: of the CloudFormation template.
    :ivar default: of a new cluster; the template has the same one.
    :ivar choices: all values that it can have; none for any.
    """

    parameter: str
    default: t.Any
    choices: tuple[t.Any, ...] = ()

    def read(self, text: str) -> t.Any:
        """Return the value that a parameter of a stack means."""
        if isinstance(self.default, bool):
            return text.lower() == "true"
        if isinstance(self.default, int):
            return int(text)
        if isinstance(self.default, list):
            return [item for item in text.split(",") if item]
        return text

    def take(self, value: t.Any) -> t.Any:
        """Return a given value in the setting's type; on a command line everything is text.

        :raises ValueError: it cannot be one.
        """
        if isinstance(self.default, list):
            items = value.split(",") if isinstance(value, str) else value
            if not isinstance(items, (list, tuple)) or not all(isinstance(item, str) for item in items):
                raise ValueError(f"{value!r} is not a list of names")
            return [item.strip() for item in items if item.strip()]
        text = str(value).strip()
        if isinstance(self.default, bool):
            if text.lower() not in (*_TRUE, *_FALSE):
                raise ValueError(f"{value!r} is neither true nor false")
            return text.lower() in _TRUE
        if isinstance(self.default, int):
            if isinstance(value, float) and value.is_integer():
                return int(value)
            if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
                raise ValueError(f"{value!r} is not a whole number")
            return int(text)
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise ValueError(f"{value!r} is no text")
        if self.default and not text:
            raise ValueError("this setting cannot be empty")
        if self.choices and text not in self.choices:
            raise ValueError(f"{value!r} is not one of the choices")
        return text

    @property
    def kind(self) -> str:
        """What its values are, for messages."""
        if self.choices:
            return " or ".join(self.choices)
        if isinstance(self.default, bool):
            return "true or false"
        if isinstance(self.default, int):
            return "a whole number"
        return "names, separated by commas, or a list of them" if isinstance(self.default, list) else "one text"


#: By name, which is that of the role's variable without C(cluster_).
SETTINGS: dict[str, Setting] = {
    "vpc_cidr": Setting("VpcCidr", "10.20.0.0/16"),
    "availability_zones": Setting("AvailabilityZones", []),
    "nat_gateways": Setting("NatGateways", "one", ("one", "per_zone")),
    "managers": Setting("Managers", 3),
    "manager_instance_type": Setting("ManagerInstanceType", "t3.small"),
    "manager_volume_size": Setting("ManagerVolumeSize", 20),
    "workers": Setting("WorkersDesired", 2),
    "workers_min": Setting("WorkersMin", 2),
    "workers_max": Setting("WorkersMax", 10),
    "worker_instance_type": Setting("WorkerInstanceType", "t3.medium"),
    "worker_volume_size": Setting("WorkerVolumeSize", 40),
    "scale_out_cpu": Setting("ScaleOutCpu", 80),
    "scale_out_minutes": Setting("ScaleOutMinutes", 3),
    "scale_in_cpu": Setting("ScaleInCpu", 5),
    "scale_in_minutes": Setting("ScaleInMinutes", 15),
    "drain_timeout": Setting("DrainTimeout", 300),
    "access": Setting("Access", "endpoint", ("endpoint", "ssm", "direct", "inside")),
    "key_name": Setting("KeyName", ""),
    "admin_cidr": Setting("AdminCidr", ""),
    "admin_security_group": Setting("AdminSecurityGroup", ""),
    "session_manager": Setting("SessionManager", False),
    "ecr_repositories": Setting("EcrRepositoryArns", ["*"]),
    "load_balancer_scheme": Setting("LoadBalancerScheme", "internet-facing", ("internet-facing", "internal")),
    "load_balancer_cidr": Setting("LoadBalancerCidr", "0.0.0.0/0"),
    "certificate_arn": Setting("CertificateArn", ""),
    "deregistration_delay": Setting("DeregistrationDelay", 30),
    "edge_on_managers": Setting("EdgeOnManagers", True),
    "log_retention": Setting("LogRetention", 30),
}
_ZONE_COUNT = "zone_count"
#: How many zones to choose; a new cluster only asks for it, for the stack knows the zones themselves.
_ZONES = Setting("", 3)


@dataclass(frozen=True)
class SettingChange:
    """A setting of a living cluster that a run changes."""

    setting: str
    before: t.Any
    after: t.Any


def take(given: t.Mapping[str, t.Any]) -> tuple[Values, list[str]]:
    """Return what is given, each in its setting's type, and what is wrong with it, one sentence each.

    :param given: by name; None is not given.
    """
    known = {**SETTINGS, _ZONE_COUNT: _ZONES}
    values: Values = {}
    found = []
    for name, value in given.items():
        if name not in known:
            found.append(f"There is no setting {name!r}{nearest(str(name), known)}.")
        elif value is not None:
            try:
                values[name] = known[name].take(value)
            except ValueError:
                found.append(f"cluster_{name}: {value!r} cannot be: write {known[name].kind}.")
    # No zone is no wish for other zones.
    return {name: value for name, value in values.items() if value != [] or known[name].default != []}, found


def home_of(stack_arn: str) -> str:
    """Return how ARNs of ECR repositories begin that are in the account and region of a stack."""
    partition, dummy, region, account = stack_arn.split(":")[1:5]
    return f"arn:{partition}:ecr:{region}:{account}:repository/"


def at_home(values: Values, home: str) -> Values:
    """Return *values* with the plain names of ECR repositories that are at *home*, so that both forms are one."""
    if "ecr_repositories" not in values:
        return values
    return {**values, "ecr_repositories": [name.removeprefix(home) for name in values["ecr_repositories"]]}


def living(parameters: t.Mapping[str, str]) -> Values:
    """Return the settings that the parameters of a stack hold; one that the stack is too old for has its default."""
    found = {
        name: setting.read(parameters[setting.parameter]) if setting.parameter in parameters else setting.default
        for name, setting in SETTINGS.items()
    }
    if SETTINGS["access"].parameter not in parameters:
        found["access"] = _access(found)
    return {**found, _ZONE_COUNT: len(found["availability_zones"])}


def _access(values: Values) -> str:
    """Return how nodes are reached when nobody says: directly by those who are named, else by the default."""
    named = any(values.get(name) for name in ("admin_cidr", "admin_security_group"))
    return "direct" if named else str(SETTINGS["access"].default)


def resolve(given: t.Mapping[str, t.Any], before: Values | None, running: int = 0) -> Values:
    """Return all settings: what is given, else what the cluster has, else the default.

    :param given: as :func:`take` returns it.
    :param before: settings of the living cluster, None for a new one.
    :param running: workers that the living cluster's group wants now, whoever asked for them.
    """
    defaults = {**{name: setting.default for name, setting in SETTINGS.items()}, _ZONE_COUNT: _ZONES.default}
    values = {**(defaults if before is None else before)}
    values.update(given)
    if before is None and "access" not in given:
        values["access"] = _access(values)
    if values["availability_zones"] and _ZONE_COUNT not in given:
        values[_ZONE_COUNT] = len(values["availability_zones"])
    if "workers" not in given:
        low, high = int(values["workers_min"]), int(values["workers_max"])
        if not low <= int(values["workers"]) <= high:
            values["workers"] = max(low, min(high, int(values["workers"]) if before is None else running))
    return values


def parameters(values: Values) -> dict[str, str]:
    """Return the template's parameters for settings; the two lists are left out, whose entries AWS has to complete."""
    simple = {
        setting.parameter: str(values[name]).lower() if isinstance(setting.default, bool) else str(values[name])
        for name, setting in SETTINGS.items()
        if not isinstance(setting.default, list)
    }
    # The next worker goes when the rest have been idle for as long again.
    return {**simple, "ScaleInCooldown": str(60 * int(values["scale_in_minutes"]))}


def changes(before: Values, after: Values) -> list[SettingChange]:
    """Return what a run changes of a living cluster, by name."""
    return [
        SettingChange(name, before[name], after[name])
        for name in sorted(before)
        if _comparable(name, before[name]) != _comparable(name, after[name])
    ]


def refusals(
    before: Values, after: Values, running: int, allow_shrink: bool = False, allow_replace: bool = False
) -> list[str]:
    """Return why a change of a living cluster is not made; one sentence each.

    :param running: workers that the group wants now.
    """
    changed = {change.setting: change for change in changes(before, after)}
    found = []
    for name in ("vpc_cidr", "availability_zones", _ZONE_COUNT):
        if name in changed:
            found.append(f"{_arrow(changed[name])} cannot change while the cluster lives: {_NETWORK}.")
    if "managers" in changed and after["managers"] < before["managers"]:
        found.append(
            f"{_arrow(changed['managers'])} would end managers side by side, and the swarm's quorum with them: leave "
            f"cluster_managers at {before['managers']}."
        )
    if "load_balancer_scheme" in changed and not allow_replace:
        found.append(
            f"{_arrow(changed['load_balancer_scheme'])} replaces the load balancer: it gets another DNS name, and "
            "nothing answers under the old one. cluster_allow_replace=true allows that."
        )
    wanted = _workers_after(before, after, running)
    if wanted < running and not allow_shrink:
        what = "workers_max" if int(after["workers_max"]) == wanted else "workers"
        found.append(
            f"cluster_{what}={after[what]} takes {running - wanted} of the {running} workers away that the cluster has "
            "now. cluster_allow_shrink=true allows that."
        )
    return found


def _workers_after(before: Values, after: Values, running: int) -> int:
    """Return the workers that the group wants after a change.

    The template's C(IgnoreUnmodifiedGroupSizeProperties) leaves alone the size that scaling has set, unless the
    parameter itself changes.
    """
    wanted = int(after["workers"]) if after["workers"] != before["workers"] else running
    return max(int(after["workers_min"]), min(int(after["workers_max"]), wanted))


def _arrow(change: SettingChange) -> str:
    return f"cluster_{change.setting}: {_text(change.before)} → {_text(change.after)}"


def _text(value: t.Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value) if value != "" else "none"


def _comparable(name: str, value: t.Any) -> t.Any:
    """Zones and repositories mean the same in any order."""
    return sorted(value) if isinstance(SETTINGS.get(name, _ZONES).default, list) else value
