# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``log_group`` does, from its options to its result."""

from __future__ import annotations

import time
import typing as t
from dataclasses import replace

from ..._errors import InvalidInput
from ..reconcile import carry_out, reports, result
from ..session import AwsSession
from ..threads import in_threads
from . import api as logs
from . import prune as log_prune
from . import reading
from .groups import LogGroup, WantedLogGroup, plan_absent, plan_present
from .limits import LogLimits, check_all
from .params import wanted_groups


class LogGroupTask:
    """One run.

    :param session: where the groups are.
    :param params: the options of the module ``log_group``.
    :param check_mode: make no call that writes; the result is that of the real run.
    """

    def __init__(self, session: AwsSession, params: t.Mapping[str, t.Any], *, check_mode: bool) -> None:
        self.params = params
        self.check_mode = check_mode
        self.session = session
        self.client = self.session.client("logs")

    def run(self) -> dict[str, t.Any]:
        """Do the task and return the module's result; ``failed_groups`` is in it when some failed.

        :raises SwarmError: if nothing could be done, as for bad input.
        """
        if self.params["prune"] and self.params["state"] != "absent":
            raise InvalidInput("prune removes log groups; give state: absent with it.")
        if self.params["prune"] and (not self.params["prefix"] or self.params["services"] is None):
            # An empty list says that no service lives; nothing at all says that somebody forgot it.
            raise InvalidInput("prune needs a prefix and the list of services that live.")
        wanted = wanted_groups(self.params)
        limits = LogLimits.from_model(self.client.meta.service_model)
        check_all(wanted, limits, self.session.region)
        if self.params["state"] == "present":
            return self._present(wanted)
        return self._absent(wanted)

    def _present(self, wanted: list[WantedLogGroup]) -> dict[str, t.Any]:
        live = self._read(wanted)
        plans = [plan_present(item, live.get(item.name)) for item in wanted]
        outcomes = carry_out(self.client, plans, self.check_mode)
        if not self.check_mode:
            outcomes = reading.read_back(self.client, outcomes)
        return {**result(outcomes, "failed_groups"), "log_groups": reports(outcomes)}

    def _read(self, wanted: list[WantedLogGroup]) -> dict[str, LogGroup]:
        """Return what exists of the *wanted* groups, with those parts that the task speaks of."""
        live = reading.read_groups(self.client, [item.name for item in wanted])
        tagged = {item.name: live[item.name] for item in wanted if item.tags is not None and item.name in live}
        if tagged:
            tagged = reading.with_tags(self.client, self.session.client("resourcegroupstaggingapi"), tagged)
            live.update(reading.confirm_tags(self.client, tagged, wanted))
        filtered = [item for item in wanted if item.name in live and _has_filters(item)]
        for group in in_threads(lambda item: reading.with_filters(self.client, live[item.name], item), filtered):
            live[group.name] = group
        return live

    def _absent(self, wanted: list[WantedLogGroup]) -> dict[str, t.Any]:
        live = reading.read_groups(self.client, [item.name for item in wanted]) if wanted else {}
        plans = [plan_absent(item.name, live.get(item.name)) for item in wanted]
        orphans: list[log_prune.Orphan] = []
        if self.params["prune"]:
            named = {plan.name for plan in plans}
            orphans = [item for item in self._orphans() if item.group.name not in named]
        if self.params["prune"] == "delete":
            plans += [plan_absent(item.group.name, item.group) for item in orphans if item.deletable]
        outcomes = carry_out(self.client, plans, self.check_mode)
        found = result(outcomes, "failed_groups")
        found["deleted"] = [one.plan.name for one in outcomes if one.done]
        if self.params["prune"]:
            found["orphans"] = [
                {
                    "log_group_name": item.group.name,
                    "stored_bytes": item.group.stored_bytes,
                    "unused_days": item.unused_days,
                    "kept_because": item.reason,
                }
                for item in orphans
            ]
        return found

    def _orphans(self) -> list[log_prune.Orphan]:
        prefix: str = self.params["prefix"]
        described = [LogGroup.from_api(item) for item in logs.describe_log_groups(self.client, prefix)]
        found = log_prune.orphans_of(described, prefix, self.params["services"], self.params["keep"])
        # The tags decide about a deletion, so the truth is asked, not the index.
        now = int(time.time() * 1000)

        def judge(group: LogGroup) -> log_prune.Orphan:
            tags = logs.list_tags(self.client, group.arn)
            last = logs.last_event_time(self.client, group.name)
            return log_prune.judge(
                replace(group, tags=tags),
                last,
                now,
                self.params["unused_days"],
                self.params["protection_tag"],
            )

        return in_threads(judge, found)


def _has_filters(wanted: WantedLogGroup) -> bool:
    return wanted.metric_filters is not None or wanted.subscription_filters is not None
