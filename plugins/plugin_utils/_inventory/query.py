# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Asking several regions at once for instances and for the clusters' records."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from ansible_collections.apiary.swarm.plugins.module_utils._aws import instances as ec2
from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster.record import parameter_name as record_name
from ansible_collections.apiary.swarm.plugins.module_utils._aws.errors import AwsError
from ansible_collections.apiary.swarm.plugins.module_utils._aws.instances import Facts, Filters
from ansible_collections.apiary.swarm.plugins.module_utils._aws.signed_http import SignedHttp
from ansible_collections.apiary.swarm.plugins.module_utils._aws.ssm import read_parameters
from ansible_collections.apiary.swarm.plugins.plugin_utils._access.road import parameter_name as road_name
from ansible_collections.apiary.swarm.plugins.plugin_utils._inventory.hosts import ClusterKey, clusters_in

Pending = dict[str, "Future[dict[str, str]]"]
"""By region: parameters of its clusters that are asked for."""
THREADS = 32
"""Calls at the same time: a call for every region of AWS."""


@dataclass
class Answer:
    """What the regions said.

    :ivar instances: in no order; no instance twice.
    :ivar records: the record's text of each cluster that has instances, ``None`` when there is no record.
    :ivar roads: the text of each cluster's road to its nodes; clusters of older stacks have none.
    :ivar failed: the error of each region that did not tell its instances.
    :ivar unread: the error of each region that did not tell its records.
    :ivar no_roads: the error of each region that did not tell its roads.
    """

    instances: list[Facts] = field(default_factory=list)
    records: dict[ClusterKey, str | None] = field(default_factory=dict)
    roads: dict[ClusterKey, str] = field(default_factory=dict)
    failed: dict[str, AwsError] = field(default_factory=dict)
    unread: dict[str, AwsError] = field(default_factory=dict)
    no_roads: dict[str, AwsError] = field(default_factory=dict)


def ask(
    http: SignedHttp,
    regions: Sequence[str],
    include: Sequence[Filters],
    exclude: Sequence[Filters] = (),
    clusters: Iterable[str] = (),
    parse: Callable[[bytes, str], list[Facts]] = ec2.parse_page,
    with_roads: bool = True,
) -> Answer:
    """Return the instances of *regions* that match one of *include* and none of *exclude*, and their records.

    :param clusters: clusters known beforehand, whose records are asked for at once with the instances.
    :param parse: reads one answer of EC2, given with its region.
    :param with_roads: whether clusters are asked how their nodes are reached, too.
    """
    answer = Answer()

    def describe(region: str, filters: Filters) -> list[Facts]:
        return [facts for page in ec2.describe_pages(http, region, filters) for facts in parse(page, region)]

    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        included = {region: [pool.submit(describe, region, item) for item in include] for region in regions}
        excluded = {region: [pool.submit(describe, region, item) for item in exclude] for region in regions}
        known = list(clusters)

        def read(names: Mapping[str, Sequence[str]]) -> tuple[Pending, Pending]:
            """Ask for records and roads apart: who may read the one may not read the other."""
            records, roads = (
                {region: pool.submit(_parameters, http, region, found, name) for region, found in asked.items()}
                for name, asked in ((record_name, names), (road_name, names if with_roads else {}))
            )
            return records, roads

        early = read(dict.fromkeys(regions, known) if known else {})
        for region in regions:
            try:
                unwanted = {facts["instance_id"] for facts in _collect(excluded[region])}
                found = {facts["instance_id"]: facts for facts in _collect(included[region])}
            except AwsError as exc:
                answer.failed[region] = exc
                continue
            answer.instances.extend(facts for key, facts in found.items() if key not in unwanted)
        missing: dict[str, list[str]] = {}
        for region, cluster in sorted(clusters_in(answer.instances)):
            answer.records[region, cluster] = None
            if cluster not in known:
                missing.setdefault(region, []).append(cluster)
        late = read(missing)
        there = set(answer.records)
        for records, roads in (early, late):
            _take(records, there, answer.records, answer.unread)
            _take(roads, there, answer.roads, answer.no_roads)
    return answer


def _parameters(http: SignedHttp, region: str, clusters: Sequence[str], name: Callable[[str], str]) -> dict[str, str]:
    names = {name(cluster): cluster for cluster in clusters}
    return {names[name]: text for name, text in read_parameters(http, region, list(names)).items()}


def _collect(futures: Iterable[Future[list[Facts]]]) -> list[Facts]:
    return [facts for future in futures for facts in future.result()]


def _take(
    pending: Pending, there: Collection[ClusterKey], texts: dict[ClusterKey, t.Any], errors: dict[str, AwsError]
) -> None:
    """Put what has come for clusters that are *there* into *texts*, and why it has not into *errors*."""
    regions = {region for region, dummy in there}
    for region, future in pending.items():
        if region not in regions:
            continue
        try:
            found = future.result()
        except AwsError as exc:
            errors[region] = exc
            continue
        texts.update({(region, cluster): text for cluster, text in found.items() if (region, cluster) in there})
