# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs what: a role for each kind of work, with the documents of docs/iam and no other permission."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from .account import Account

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "iam"
# What the documents are written for.
SAMPLE = {"account": "123456789012", "region": "eu-west-1", "cluster": "demo"}
# Role → its documents, and the playbooks that it runs.
DOCUMENTS = {
    "bake": ("bake",),
    "cluster": ("cluster", "cluster-network", "cluster-nodes"),
    "deploy": ("deploy",),
    "operate": ("operate",),
}
PLAYBOOKS = {
    "bake": "bake",
    "cluster": "cluster",
    "deploy": "deploy",
    "rollback": "deploy",
    "close": "deploy",
    "exec": "operate",
    "images": "operate",
    "status": "operate",
}
_SETTINGS = "http://100.100.0.1/_region/settings"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}


@dataclass(frozen=True)
class People:
    """The roles for the cluster of an account."""

    account: Account

    def engage(self) -> None:
        """Make the roles, or bring them up to date, and let policies decide from now on."""
        known = {one["RoleName"] for one in self.account.client("iam").list_roles()["Roles"]}
        for name in DOCUMENTS:
            self._ensure(name, known)
        body = json.dumps({"enforce": "roles"}).encode()
        request = urllib.request.Request(_SETTINGS, body, {"Content-Type": "application/json"}, method="POST")
        with urllib.request.urlopen(request, timeout=10):
            pass

    def variables(self, playbook: str) -> dict[str, str]:
        """Return the environment variables with which a playbook is run; they are good for an hour."""
        arn = f"arn:aws:iam::{self.account.id}:role/{self._named(PLAYBOOKS[playbook])}"
        sts = self.account.client("sts")
        held = sts.assume_role(RoleArn=arn, RoleSessionName=f"{playbook}-{time.time():.0f}")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": held["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": held["SecretAccessKey"],
            "AWS_SESSION_TOKEN": held["SessionToken"],
        }

    def document(self, name: str) -> str:
        """Return a document of docs/iam, written for this cluster."""
        text = (FOLDER / f"{name}.json").read_text()
        own = {"account": self.account.id, "region": self.account.region, "cluster": self.account.cluster}
        for key, value in SAMPLE.items():
            text = text.replace(value, own[key])
        return text

    def _named(self, name: str) -> str:
        return f"{self.account.cluster}-{self.account.region}-{name}"

    def _ensure(self, name: str, known: Collection[str]) -> None:
        """Make a role with a managed policy for each of its documents."""
        iam, role = self.account.client("iam"), self._named(name)
        if role not in known:
            iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(_TRUST))
        held = {
            one["PolicyName"]: one["PolicyArn"]
            for one in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        }
        for document in DOCUMENTS[name]:
            policy = self._named(document)
            if policy in held:  # IAM keeps five versions; one is enough here
                iam.detach_role_policy(RoleName=role, PolicyArn=held[policy])
                iam.delete_policy(PolicyArn=held[policy])
            made = iam.create_policy(PolicyName=policy, PolicyDocument=self.document(document))
            iam.attach_role_policy(RoleName=role, PolicyArn=made["Policy"]["Arn"])
