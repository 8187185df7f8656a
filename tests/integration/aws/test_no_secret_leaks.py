# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way in which a module of AWS, the lookup ecr_auth or the inventory can fail, with secrets in its options.

Nothing of them may be printed, with C(-vvv) as without, nor be left in a file.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleLookupError
from inventory_lister import Lister
from moto_region import ACCOUNT, Fault, Region
from planted import ALL, PLANTED, play, quiet_places, shown, traces

from ansible_collections.apiary.swarm.plugins.lookup import ecr_auth
from ansible_collections.apiary.swarm.plugins.module_utils._aws.errors import RegionUnavailable
from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsOptions, AwsSession

HOME = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"
KEYS = {name: PLANTED[name] for name in ("access_key", "secret_key", "session_token")}
#: Module → options with which it calls AWS.
MODULES: dict[str, dict[str, t.Any]] = {
    "bake_info": {"base_image": "/base", "parts": {"roles": "x"}},
    "bake_lock": {"cluster": "demo", "token": "x"},
    "cluster_purge": {"cluster": "demo"},
    "cluster_record_info": {"cluster": "demo"},
    "cluster_settings": {"cluster": "demo"},
    "ecr_image_info": {"images": [f"{HOME}/app:v1"]},
    "ecr_repository": {"name": "app"},
    "image_attributes": {"image_id": "ami-12c6146b", "tags": {"a": "b"}},
    "image_copy": {"image_id": "ami-12c6146b", "to_regions": ["us-east-1"]},
    "image_info": {"cluster": "demo"},
    "image_retire": {"cluster": "demo"},
    "log_group": {"name": "/swarm/demo/x"},
    "log_group_info": {"prefix": "/swarm/demo/"},
    "preflight": {"cluster": "demo", "vpc_cidr": "10.0.0.0/16"},
}

_LOGIN = f"http://u:{PLANTED['address']}@127.0.0.1:9"
#: What is wrong, the options, the error code with which AWS answers, and a word of the sentence.
WAYS: dict[str, tuple[dict[str, t.Any], str, str]] = {
    "refused": (KEYS, "AccessDenied", "missing"),
    "wrong": (KEYS, "UnrecognizedClientException", "rejected the credentials"),
    "signature": (KEYS, "IncompleteSignatureException", "rejected the credentials"),
    "expired": (KEYS, "ExpiredTokenException", "expired"),
    "broken": (KEYS, "SomethingElse", "injected"),
    "token of two lines": ({**KEYS, "session_token": f"{PLANTED['session_token']}\nx"}, "", "line break"),
    "key of two lines": ({**KEYS, "access_key": f"{PLANTED['access_key']}\nx"}, "", "line break"),
    "half": ({"secret_key": PLANTED["secret_key"]}, "", "access_key"),
    "profile and key": ({"profile": "p", **KEYS}, "", "mutually exclusive"),
    "no profile": ({"profile": "nobody"}, "", "nobody"),
    "unknown option": ({**KEYS, "sessiontoken": PLANTED["session_token"]}, "", "sessiontoken"),
    "login in the address": ({**KEYS, "endpoint_url": _LOGIN}, "", "(hidden)@"),
    "no address": ({**KEYS, "endpoint_url": f"u:{PLANTED['address']}@127.0.0.1:9"}, "", "https://HOST:PORT"),
    "no region": ({**KEYS, "region": "eu-wset-1", "endpoint_url": "http://127.0.0.1:9"}, "", "eu-wset-1"),
    "type": ({**KEYS, "validate_certs": "perhaps"}, "", "validate_certs"),
}
SOME_MODULES = ("log_group", "ecr_repository", "image_info")
#: The region of a container image is its registry's, whatever else is given.
RUNS = [
    (module, way)
    for module in (MODULES if ALL else SOME_MODULES)
    for way in WAYS
    if (module, way) != ("ecr_image_info", "no region")
]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits between tries."""
    monkeypatch.setitem(AwsSession.__init__.__kwdefaults__ or {}, "attempts", 1)


@pytest.mark.parametrize(("module", "way"), RUNS)
def test_d56_d57_no_failure_of_a_module_of_aws_shows_a_secret(
    region: Region, quick: None, run_module: t.Callable[..., dict[str, t.Any]], module: str, way: str
) -> None:
    options, code, says = WAYS[way]
    if code:
        region.faults.append(Fault("*", code, message=f"injected {says}"))
    file = importlib.import_module(f"ansible_collections.apiary.swarm.plugins.modules.{module}")
    done = run_module(file, **{"region": "eu-west-1", **MODULES[module], **options})
    assert done.get("failed") and says in done["msg"], done
    assert shown(json.dumps(done)) == []


def registry(host: str, **options: str) -> str:
    """Return the lookup ecr_auth of a registry, with keys from variables."""
    given = {f"{name}": f"planted.{name}" for name in KEYS} | options
    return f"query('apiary.swarm.ecr_auth', '{host}', {', '.join(f'{key}={value}' for key, value in given.items())})"


#: Lookups that fail, and a word of the sentence.
LOOKUPS: dict[str, tuple[str, str]] = {
    "refused": (registry(HOME), "permission ecr:GetAuthorizationToken is missing"),
    "type": (registry(HOME, secret_key="[planted.secret_key]"), "secret_key"),
    "lines": (registry(HOME, session_token="planted.session_token ~ '\\n'"), "line break"),
    "login before the name": (
        f"query('apiary.swarm.ecr_auth', 'https://AWS:' ~ planted.login ~ '/x@{HOME}')", "leave the login out"
    ),
    "no registry": (registry("nonsense"), "is not a registry of ECR"),
    "role": (registry(HOME, assume_role_arn="'arn:aws:iam::123456789012:role/x'"), "Cannot"),
}  # fmt: skip


if ALL:  # it is tried again for a while
    address = "'http://u:' ~ planted.address ~ '@127.0.0.1:9'"
    LOOKUPS["login"] = (registry(HOME, endpoint_url=address), "(hidden)@127.0.0.1")


def tasks_that_fail() -> list[dict[str, t.Any]]:
    """Return tasks that all fail; AWS refuses everything."""
    keys = {name: f"{{{{ planted.{name} }}}}" for name in KEYS}
    tasks: list[dict[str, t.Any]] = [
        {"name": f"Lookup {name}", "ansible.builtin.debug": {"msg": f"{{{{ {text} }}}}"}}
        for name, (text, _says) in LOOKUPS.items()
    ]
    more: list[dict[str, t.Any]] = [
        {},
        {"session_token": "{{ planted.session_token ~ '\n' }}"},
        {"unknown": "{{ planted.session_token }}"},
    ]
    more += [{"secret_key": ["{{ planted.secret_key }}"], "session_token": {"a": "{{ planted.session_token }}"}}]
    more += [{"profile": "p"}, *([{"endpoint_url": "http://u:{{ planted.address }}@127.0.0.1:9"}] if ALL else [])]
    for module in MODULES if ALL else ("log_group",):
        for number, bad in enumerate(more):
            options = {"region": "eu-west-1", **MODULES[module], **keys, **bad}
            tasks.append({"name": f"{module} {number}", f"apiary.swarm.{module}": options})
    return tasks


@pytest.mark.parametrize("how", ["in process", "as a process"] if ALL else ["in process"])
def test_d56_d57_a_playbook_whose_calls_to_aws_fail_shows_and_leaves_no_secret(
    region: Region, tmp_path: Path, how: str
) -> None:
    region.faults.append(Fault("*", "AccessDenied"))
    tasks, folder, places = tasks_that_fail(), tmp_path / "playbook", tmp_path / "places"
    folder.mkdir()
    places.mkdir()
    failed, said = play(tasks, folder, places, how, AWS_MAX_ATTEMPTS="1")
    assert failed == len(tasks), said[-3000:]
    missing = [name for name, (_text, says) in LOOKUPS.items() if says not in said]
    assert missing == [] and traces(said, places) == []


def test_d57_a_vault_with_a_wrong_password_shows_nothing(tmp_path: Path) -> None:
    """Neither of the passwords, nor what is in it."""
    (tmp_path / "right").write_text(f"{PLANTED['vault']}\n")
    (tmp_path / "wrong").write_text(f"{PLANTED['login']}\n")
    (tmp_path / "secrets.yml").write_text(f"session_token: {PLANTED['session_token']}\n")
    programs, places = Path(sys.executable).parent, tmp_path / "places"
    places.mkdir()
    environment = quiet_places(places)
    encrypt = [str(programs / "ansible-vault"), "encrypt", "--vault-password-file", "right", "secrets.yml"]
    subprocess.run(encrypt, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=60)
    options = {"name": "/x", "session_token": "{{ session_token }}"}
    (tmp_path / "play.yml").write_text(json.dumps([{
        "hosts": "localhost", "gather_facts": False, "vars_files": ["secrets.yml"],
        "tasks": [{"apiary.swarm.log_group": options}],
    }]))  # fmt: skip
    command = [str(programs / "ansible-playbook"), "-i", "localhost,", "-vvv", "--vault-password-file", "wrong"]
    done = subprocess.run(
        [*command, "play.yml"], cwd=tmp_path, env=environment, check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0 and "ecrypt" in done.stdout + done.stderr
    assert traces(done.stdout + done.stderr, places) == []


#: Inventories that fail, as text, and a word of what is said.
_INVENTORY = "plugin: apiary.swarm.ec2\nclusters: [demo]\nregions: [eu-west-1]\n"
_GIVEN = f"access_key: {PLANTED['access_key']}\nsecret_key: {PLANTED['secret_key']}\n"
INVENTORIES = {
    "refused": (_INVENTORY + _GIVEN, "Cannot"),
    "type": (f"{_INVENTORY}access_key: a\nsecret_key: [{PLANTED['secret_key']}]\n", "secret_key"),
    "lines": (f'{_INVENTORY}{_GIVEN}session_token: "{PLANTED["session_token"]}\\n"\n', "line break"),
    "quote": (f"{_INVENTORY}secret_key: '{PLANTED['secret_key']}\n", "Unable to parse"),
    "line": (f"{_INVENTORY}{_GIVEN}session_token {PLANTED['session_token']}\n", "Unable to parse"),
    "name": (f"{_INVENTORY}secret_key={PLANTED['secret_key']}: 1\n", "there is no option"),
    "vault": (f"{_INVENTORY}secret_key: !vault {PLANTED['secret_key']}\n", "ault"),
    "template": (f'{_INVENTORY}access_key: a\nsecret_key: "{{{{ {PLANTED["secret_key"]}"\n', ""),
    "address": (f"{_INVENTORY}{_GIVEN}endpoint_url: http://u:{PLANTED['address']}@127.0.0.1:9\n", "no answer"),
}


@pytest.mark.parametrize("how", ["listed", "-vvv"] if ALL else ["listed"])
@pytest.mark.parametrize("name", INVENTORIES)
def test_d57_an_inventory_that_fails_shows_and_leaves_no_secret(
    region: Region, lister: Lister, tmp_path: Path, name: str, how: str
) -> None:
    region.faults.append(Fault("*", "AccessDenied"))
    text, says = INVENTORIES[name]
    path, places = tmp_path / "demo.swarm_ec2.yml", tmp_path / "places"
    path.write_text(text)
    if how == "listed":
        listed = lister.list(path, quiet_places(places))
        said = json.dumps(listed["data"]) + listed["stderr"]
    else:
        program = str(Path(sys.executable).with_name("ansible-inventory"))
        done = subprocess.run(
            [program, "-i", str(path), "--list", how], env=quiet_places(places), capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
    assert says in said, said
    assert traces(said, places) == []


@pytest.mark.parametrize("region_of_it", ["nowhere", "-", "eu-west-", "eu_west-1"])
def test_u24_a_registry_with_a_bad_name_gets_one_sentence(
    region: Region, monkeypatch: pytest.MonkeyPatch, region_of_it: str
) -> None:
    """What cannot be a region makes it no registry of ECR; botocore is not even asked."""
    plugin, name = ecr_auth.LookupModule(), f"{ACCOUNT}.dkr.ecr.{region_of_it}.amazonaws.com"
    monkeypatch.setattr(plugin, "set_options", lambda **dummy: None)
    monkeypatch.setattr(plugin, "get_option", {"role_arns": {}, "validate_certs": True}.get)
    with pytest.raises(AnsibleLookupError) as refused:
        plugin.run([name], variables={})
    write = "write ACCOUNT.dkr.ecr.REGION.amazonaws.com or public.ecr.aws."
    assert refused.value.message == f"ecr_auth: {name!r} is not a registry of ECR; {write}"
    assert region.calls == []


def test_u24_a_region_that_botocore_refuses_gets_one_sentence(region: Region) -> None:
    with pytest.raises(RegionUnavailable) as refused:
        AwsSession(AwsOptions(region="eu-west-")).client("ecr")
    assert refused.value.message == "Cannot use the service ecr: there is no region eu-west-."
