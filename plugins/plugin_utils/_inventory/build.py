# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""The options of the inventory, and the road from them to hosts."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster.record import (
    RecordError,
    parameter_name,
    parse_record,
)
from ansible_collections.apiary.swarm.plugins.module_utils._aws.errors import AccessDenied, nearest
from ansible_collections.apiary.swarm.plugins.module_utils._aws.instances import (
    Facts,
    Filters,
    describe_regions,
    parse_page,
)
from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsOptions, AwsSession
from ansible_collections.apiary.swarm.plugins.module_utils._aws.signed_http import SignedHttp
from ansible_collections.apiary.swarm.plugins.module_utils._errors import InvalidInput
from ansible_collections.apiary.swarm.plugins.plugin_utils._access.road import (
    THROUGH_AWS,
    Road,
    RoadError,
    group_name,
    host_variable,
    parse_road,
)
from ansible_collections.apiary.swarm.plugins.plugin_utils._access.road import parameter_name as road_name
from ansible_collections.apiary.swarm.plugins.plugin_utils._inventory.expressions import (
    check_keyed_groups,
    expressions_of,
    needs_everything,
)
from ansible_collections.apiary.swarm.plugins.plugin_utils._inventory.full import full_parser, full_variables
from ansible_collections.apiary.swarm.plugins.plugin_utils._inventory.hosts import (
    CLUSTER_TAG,
    ROLE_TAG,
    ClusterKey,
    Host,
    View,
    build_hosts,
    is_manager,
    lean_variables,
)
from ansible_collections.apiary.swarm.plugins.plugin_utils._inventory.names import (
    FIELDS,
    ApplyFilter,
    Preference,
    check_preferences,
    host_names,
    value_of,
)
from ansible_collections.apiary.swarm.plugins.plugin_utils._inventory.query import Answer, ask

ALL_REGIONS = "all"
OWN_VARIABLES = ("ec2_state", "ec2_tags", "swarm_node", "swarm_access", "ansible_host", "inventory_hostname")
"""Variables of a host that are no fields of EC2."""
FILTERS = (*FIELDS, "tag-key", "tag-value", "instance.group-id", "instance.group-name", "network-interface.vpc-id")
"""Filters of DescribeInstances that a misspelt one may have meant."""


@dataclass(frozen=True)
class Settings:
    """The plugin's own options, checked.

    :ivar homes: (cluster, region) of the clusters that are looked for in one region only.
    """

    aws: AwsOptions
    clusters: tuple[str, ...]
    homes: tuple[tuple[str, str], ...]
    regions: tuple[str, ...]
    include: tuple[Filters, ...]
    exclude: tuple[Filters, ...]
    hostnames: tuple[Preference, ...]
    address: tuple[Preference, ...]
    connection: str
    access: str
    full_vars: bool
    full_facts: bool
    hostvars_prefix: str
    hostvars_suffix: str
    record_max_age: float
    strict_permissions: bool

    @classmethod
    def from_getter(cls, get: Callable[[str], t.Any], homes: Mapping[str, str]) -> Settings:
        """Read the options through *get*.

        :param homes: cluster → region, where one is known.
        :raises SwarmError: if one makes no sense.
        """
        check_preferences(get("hostnames"), "hostnames")
        check_preferences(get("address"), "address")
        check_keyed_groups(get("keyed_groups") or ())
        return cls(
            aws=AwsOptions.from_getter(get),
            clusters=tuple(get("clusters")),
            homes=tuple(homes.items()),
            regions=tuple(dict.fromkeys(get("regions"))),
            include=include_filters(get("filters"), get("include_filters"), get("clusters")),
            exclude=tuple(get("exclude_filters")),
            hostnames=tuple(get("hostnames")),
            address=tuple(get("address")),
            connection=get("connection"),
            access=get("access"),
            full_vars=get("full_vars"),
            full_facts=get("full_vars") or needs_everything(_expressions(get), OWN_VARIABLES),
            hostvars_prefix=get("hostvars_prefix") or "",
            hostvars_suffix=get("hostvars_suffix") or "",
            record_max_age=float(get("record_max_age")),
            strict_permissions=get("strict_permissions"),
        )


def _expressions(get: Callable[[str], t.Any]) -> list[str]:
    return expressions_of(get("compose") or {}, get("groups") or {}, get("keyed_groups") or ())


def include_filters(filters: Filters, more: Sequence[Filters], clusters: Sequence[str]) -> tuple[Filters, ...]:
    """Return the sets of filters to ask for, narrowed to *clusters*; all swarm nodes when nothing is given."""
    asked = [*([filters] if filters else []), *more]
    if clusters:
        return tuple({**item, f"tag:{CLUSTER_TAG}": list(clusters)} for item in asked or [{}])
    return tuple(asked) or ({"tag-key": CLUSTER_TAG},)


class Builder:
    """Asks AWS and makes hosts of the answer.

    :param warn: shows a warning to the user.
    :param apply_filter: applies a Jinja filter to a host name.
    """

    def __init__(self, settings: Settings, warn: Callable[[str], None], apply_filter: ApplyFilter) -> None:
        self._settings = settings
        self._homes = dict(settings.homes)
        self._warn = warn
        self._apply_filter = apply_filter
        self._session = AwsSession(settings.aws)
        self._http = SignedHttp(self._session)
        self._instances: list[Facts] = []
        self._seen: dict[ClusterKey, View] = {}
        self._roads: dict[ClusterKey, Road] = {}

    def read(self) -> bool:
        """Ask AWS, and return whether all regions answered.

        :raises AwsError: if no region answered, or with strict_permissions if one denied access.
        """
        settings = self._settings
        regions = self._regions()
        parse_any = full_parser(self._session) if settings.full_facts else parse_page

        def parse(page: bytes, region: str) -> list[Facts]:
            return [facts for facts in parse_any(page, region) if self._is_at_home(facts, region)]

        roads = settings.access != "none" and settings.connection == "ssh"
        answer = ask(self._http, regions, settings.include, settings.exclude, settings.clusters, parse, roads)
        self._report(answer, regions)
        self._instances, self._seen = answer.instances, self._views(answer)
        self._roads = self._read_roads(answer)
        self._warn_without_manager([region for region in regions if region not in answer.failed])
        return not answer.failed

    def hosts(self, avoid: Collection[str] = ()) -> list[Host]:
        """Return the hosts, the best ones to talk to first; none is named like a group of theirs or one of *avoid*."""

        def name_them(groups: set[str]) -> dict[str, str]:
            return host_names(self._instances, self._settings.hostnames, self._apply_filter, groups.union(avoid))

        hosts = build_hosts(self._instances, self._seen, name_them, self._variables)
        return [
            replace(host, groups=(*host.groups, group_name(road))) if (road := self._road(host.facts)) else host
            for host in hosts
        ]

    def _road(self, facts: Facts) -> Road | None:
        """Return the road to an instance, None when nobody names one."""
        if not facts.get("private_ip_address"):
            return None
        return self._roads.get((facts["placement"]["region"], facts["tags"].get(CLUSTER_TAG, "")))

    def _read_roads(self, answer: Answer) -> dict[ClusterKey, Road]:
        """Return the roads that clusters name, and warn of what cannot be read; an older stack has none."""
        for error in answer.no_roads.values():
            self._warn(f"{error.message} How hosts are reached is left to other variables.")
        roads = {}
        for (region, cluster), text in answer.roads.items():
            try:
                road = parse_road(text)
            except RoadError as exc:
                self._warn(f"{road_name(cluster)} in {region} {exc}: it is left to other variables.")
                continue
            if self._settings.access == "direct":
                road = replace(road, by="direct", endpoint="")
            roads[region, cluster] = road
        return roads

    def _regions(self) -> list[str]:
        if self._settings.regions == (ALL_REGIONS,):
            return describe_regions(self._http, self._session.region)
        if self._settings.regions:
            return list(self._settings.regions)
        homes = [self._homes.get(cluster) or self._session.region for cluster in self._settings.clusters]
        return list(dict.fromkeys(homes)) or [self._session.region]

    def _is_at_home(self, facts: Facts, region: str) -> bool:
        """Tell whether an instance in a region is of a cluster that is there, and not of a namesake."""
        if self._settings.regions or not self._homes:
            return True
        return region == (self._homes.get(facts["tags"].get(CLUSTER_TAG, "")) or self._session.region)

    def _report(self, answer: Answer, regions: Sequence[str]) -> None:
        """Warn of the regions that failed; raise if none answered, or if a denial is an error."""
        for error in answer.failed.values():
            strict = isinstance(error, AccessDenied) and self._settings.strict_permissions
            # A mistake in the configuration is one everywhere; a warning would hide it.
            if error.code.startswith("Invalid"):
                raise InvalidInput(error.message + self._nearest_filter(error.message))
            if strict:
                raise error
        if len(answer.failed) == len(regions):
            raise next(iter(answer.failed.values()))
        for error in answer.failed.values():
            self._warn(f"{error.message} Its hosts are missing from the inventory.")
        for error in answer.unread.values():
            self._warn(f"{error.message} Managers and workers come from EC2's tags; who leads is unknown.")

    def _nearest_filter(self, message: str) -> str:
        """Return a hint when *message* complains of a filter that AWS does not know."""
        for filters in (*self._settings.include, *self._settings.exclude):
            for name in filters:
                if f"'{name}'" in message:
                    return nearest(name, FILTERS)
        return ""

    def _views(self, answer: Answer) -> dict[ClusterKey, View]:
        """Return the records that can be read, and warn of the others."""
        now = datetime.now(UTC)
        views = {}
        for (region, cluster), text in answer.records.items():
            if region in answer.unread:
                continue
            if text is None:
                self._warn(
                    f"Cluster {cluster} has no record in SSM ({parameter_name(cluster)} in {region}): managers and "
                    "workers come from EC2's tags; who leads is unknown."
                )
                continue
            try:
                view = View.of(parse_record(text), now, self._settings.record_max_age)
            except RecordError as exc:
                self._warn(f"{parameter_name(cluster)} in {region}: {exc.message}")
                continue
            if not view.fresh:
                # One that is not fresh and has no age either was written by a clock that runs ahead.
                age = f"{round(view.age)} seconds old" if view.age else "of unknown age"
                self._warn(
                    f"The record of cluster {cluster} ({parameter_name(cluster)} in {region}) is {age}: managers and "
                    "workers come from EC2's tags; who leads is unknown."
                )
            views[region, cluster] = view
        return views

    def _warn_without_manager(self, regions: Sequence[str]) -> None:
        if any(is_manager(facts) for facts in self._instances):
            return
        clusters = self._settings.clusters
        cluster = f"{CLUSTER_TAG}={' or '.join(clusters)}" if clusters else CLUSTER_TAG
        self._warn(
            f"No manager found: looked for running instances with the tags {cluster} and {ROLE_TAG}=manager "
            f"in {', '.join(regions)}."
        )

    def _variables(self, facts: Facts, node: Mapping[str, t.Any]) -> dict[str, t.Any]:
        variables = lean_variables(facts, node)
        if self._settings.full_vars:
            variables = {**full_variables(facts), **variables}
        before, after = self._settings.hostvars_prefix, self._settings.hostvars_suffix
        if before or after:
            # The playbooks look for swarm_node.
            variables = {
                name if name == "swarm_node" else f"{before}{name}{after}": value for name, value in variables.items()
            }
        road = self._road(facts)
        if road:
            variables["swarm_access"] = host_variable(road, facts["private_ip_address"])
        if road and road.by in THROUGH_AWS:
            # An address may be another machine's in another VPC, and ssh would take the connection that it keeps to it.
            variables["ansible_host"] = facts["instance_id"]
            return variables
        if self._settings.connection == "ssm":
            variables["ansible_connection"] = "amazon.aws.aws_ssm"
            variables["ansible_host"] = facts["instance_id"]
            variables["ansible_aws_ssm_instance_id"] = facts["instance_id"]
            variables["ansible_aws_ssm_region"] = facts["placement"]["region"]
            if self._settings.aws.profile:
                variables["ansible_aws_ssm_profile"] = self._settings.aws.profile
            return variables
        for preference in self._settings.address:
            address = value_of(facts, preference, self._apply_filter)
            if address:
                variables["ansible_host"] = address
                break
        return variables
