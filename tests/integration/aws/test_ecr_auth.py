# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup ecr_auth: several registries and accounts, the cache, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ansible.errors import AnsibleLookupError
from moto.core.responses import ActionResult
from moto.ecr.responses import ECRResponse
from moto_region import ACCOUNT, Fault, Region

from ansible_collections.apiary.swarm.plugins.lookup import ecr_auth
from ansible_collections.apiary.swarm.plugins.module_utils._aws.ecr.auth import Token

HOME = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"
OTHER = "210987654321.dkr.ecr.us-east-1.amazonaws.com"
ROLE = "arn:aws:iam::210987654321:role/pull"
ROOT = Path(__file__).resolve().parents[3]
Lookup = t.Callable[..., list[dict[str, str]]]


@pytest.fixture
def lifetime(monkeypatch: pytest.MonkeyPatch) -> dict[str, timedelta]:
    """How long tokens last from now; those of moto ended in 2015."""
    setting = {"lasts": timedelta(hours=12)}
    plain = ECRResponse.get_authorization_token

    def get_authorization_token(self: ECRResponse) -> ActionResult:
        answer = plain(self)
        for item in answer.result["authorizationData"]:
            item["expiresAt"] = datetime.now(UTC) + setting["lasts"]
        return answer

    monkeypatch.setattr(ECRResponse, "get_authorization_token", get_authorization_token)
    return setting


@pytest.fixture
def lookup(region: Region, lifetime: dict[str, timedelta], monkeypatch: pytest.MonkeyPatch) -> Lookup:
    """Run the lookup in this process, with no token kept from before."""
    monkeypatch.setattr(ecr_auth, "_tokens", {})

    def run(*terms: t.Any, **options: t.Any) -> list[dict[str, str]]:
        given = {"role_arns": {}, "validate_certs": True, **options}
        plugin = ecr_auth.LookupModule()
        monkeypatch.setattr(plugin, "set_options", lambda **dummy: None)
        monkeypatch.setattr(plugin, "get_option", given.get)
        found: list[dict[str, str]] = plugin.run(list(terms), variables={})
        return found

    return run


def test_several_registries(region: Region, lookup: Lookup) -> None:
    """Each registry is asked in its own region; a role is assumed where one is given."""
    home, other = lookup(HOME, OTHER, role_arns={"210987654321": ROLE}, region="eu-west-1")
    assert (home["registry"], home["username"]) == (HOME, "AWS")
    assert home["password"] and other["password"]
    assert other["registry"] == OTHER
    expires = datetime.fromisoformat(home["expires_at"])
    assert timedelta(hours=11) < expires - datetime.now(UTC) < timedelta(hours=13)
    calls = [(call.action, call.region) for call in region.calls]
    assert calls == [
        ("GetAuthorizationToken", "eu-west-1"),
        ("AssumeRole", "eu-west-1"),
        ("GetAuthorizationToken", "us-east-1"),
    ]


def test_a_token_is_kept_until_shortly_before_its_end(
    region: Region, lookup: Lookup, lifetime: dict[str, timedelta]
) -> None:
    """Twelve hours: asked once. Twenty minutes left: asked again."""
    assert lookup(HOME) == lookup([f"https://{HOME}/shop/gate:v1"])
    assert region.actions() == ["GetAuthorizationToken"]
    lifetime["lasts"] = timedelta(minutes=20)
    lookup(HOME, assume_role_arn=ROLE)
    region.forget()
    lookup(HOME, assume_role_arn=ROLE)
    assert "GetAuthorizationToken" in region.actions()


def test_tokens_of_two_roles_are_two(region: Region, lookup: Lookup) -> None:
    """A token got with one role is not handed to another."""
    lookup(HOME)
    lookup(HOME, assume_role_arn=ROLE)
    assert region.actions().count("GetAuthorizationToken") == 2


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ([], "no registry given"),
        (["docker.io"], "'docker.io' is not a registry of ECR"),
        ([HOME, f"{HOME}/shop/gate"], f"the registry {HOME} is given twice"),
        (["123.dkr.ecr.eu-west-1.amazonaws.com"], "is not a registry of ECR"),
    ],
)
def test_bad_terms(region: Region, lookup: Lookup, terms: list[str], message: str) -> None:
    """One sentence, and no call."""
    with pytest.raises(AnsibleLookupError, match="ecr_auth: ") as caught:
        lookup(*terms)
    assert message in str(caught.value)
    assert region.calls == []


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("AccessDeniedException", "permission ecr:GetAuthorizationToken is missing"),
        ("ExpiredTokenException", "the AWS credentials have expired"),
        ("UnrecognizedClientException", "AWS rejected the credentials"),
    ],
)
def test_refused(region: Region, lookup: Lookup, code: str, message: str) -> None:
    """What AWS refuses is said in one sentence."""
    region.faults.append(Fault("GetAuthorizationToken", code))
    with pytest.raises(AnsibleLookupError) as caught:
        lookup(HOME)
    assert message in str(caught.value)


def test_role_that_cannot_be_assumed(region: Region, lookup: Lookup) -> None:
    """The failing step is named."""
    region.faults.append(Fault("AssumeRole", "AccessDenied", status=403))
    with pytest.raises(AnsibleLookupError, match=r"Cannot get an ECR token in eu-west-1: .* is missing"):
        lookup(HOME, assume_role_arn=ROLE)


def test_a_token_shows_no_secret() -> None:
    """Tokens end up in tracebacks and logs by their repr."""
    token = Token("host", "AWS", "geheim", datetime.now(UTC))
    assert "geheim" not in f"{token!r} {token}"


def test_through_ansible(region: Region) -> None:
    """The real plugin, loaded by Ansible; with no_log nothing of the token is printed, however verbose."""
    expression = f"{{{{ query('apiary.swarm.ecr_auth', '{HOME}') | map(attribute='username') }}}}"
    secret = f"{{{{ query('apiary.swarm.ecr_auth', '{HOME}') }}}}"
    play = [
        {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "tasks": [
                {"ansible.builtin.debug": {"msg": expression}},
                {"ansible.builtin.set_fact": {"logins": secret}, "no_log": True},
                {"ansible.builtin.assert": {"that": "logins[0].password | length > 10", "quiet": True}},
            ],
        }
    ]
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-vvvv", "-i", "localhost,", "/dev/stdin"],
        input=json.dumps(play),
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": f"{ROOT}/.cache/ac"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"AWS"' in done.stdout
    assert f"{ACCOUNT}-auth-token" not in done.stdout + done.stderr
