# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which accounts may use an image and its snapshots. One function per API call."""

from __future__ import annotations

import typing as t

from ..errors import api_call


@api_call("see with whom the image {image_id} is shared", permission="ec2:DescribeImageAttribute")
def _image_accounts(client: t.Any, image_id: str) -> list[str]:
    found = client.describe_image_attribute(ImageId=image_id, Attribute="launchPermission")["LaunchPermissions"]
    return sorted(entry["UserId"] for entry in found if "UserId" in entry)


@api_call("see with whom the snapshot {snapshot_id} is shared", permission="ec2:DescribeSnapshotAttribute")
def _snapshot_accounts(client: t.Any, snapshot_id: str) -> list[str]:
    found = client.describe_snapshot_attribute(SnapshotId=snapshot_id, Attribute="createVolumePermission")
    return sorted(entry["UserId"] for entry in found["CreateVolumePermissions"] if "UserId" in entry)


@api_call("share the image {image_id}", permission="ec2:ModifyImageAttribute")
def _share_image(client: t.Any, image_id: str, add: t.Sequence[str], remove: t.Sequence[str]) -> None:
    change = {"Add": [{"UserId": one} for one in add], "Remove": [{"UserId": one} for one in remove]}
    client.modify_image_attribute(ImageId=image_id, LaunchPermission={key: ids for key, ids in change.items() if ids})


@api_call("share the snapshot {snapshot_id}", permission="ec2:ModifySnapshotAttribute")
def _share_snapshot(client: t.Any, snapshot_id: str, operation: str, accounts: t.Sequence[str]) -> None:
    client.modify_snapshot_attribute(
        SnapshotId=snapshot_id,
        Attribute="createVolumePermission",
        OperationType=operation,
        UserIds=list(accounts),
    )


def accounts_of(client: t.Any, resource: str) -> list[str]:
    """Return the accounts, sorted, that may use *resource*, the ID of an image or of a snapshot."""
    return _snapshot_accounts(client, resource) if resource.startswith("snap-") else _image_accounts(client, resource)


def share(client: t.Any, resource: str, now: t.Sequence[str], wanted: t.Sequence[str]) -> None:
    """Share *resource* with the accounts *wanted* and with no others, given that it is shared with *now*."""
    add, remove = sorted(set(wanted) - set(now)), sorted(set(now) - set(wanted))
    if not resource.startswith("snap-"):
        _share_image(client, resource, add, remove)
        return
    for operation, accounts in (("add", add), ("remove", remove)):
        if accounts:
            _share_snapshot(client, resource, operation, accounts)
