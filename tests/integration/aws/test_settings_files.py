# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters whose settings lie in files: two environments in one account, what wins over what, and bad files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t
import urllib.parse
from pathlib import Path

import fleet
import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from local_region import ROOT, environment
from moto_region import Fault, Region

from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster import settings

EXAMPLES = ROOT / "examples"
Run = t.Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(region: Region, tmp_path: Path) -> Run:
    """Return a function that runs one of the collection's playbooks in a folder, with nothing but the cluster given."""

    def go(playbook: str, cluster: str, *options: str, where: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        given = json.dumps({"cluster": cluster, "ansible_python_interpreter": sys.executable})
        return subprocess.run(
            [
                str(Path(sys.executable).with_name("ansible-playbook")),
                f"apiary.swarm.{playbook}",
                *("-e", given, *(() if "-i" in options else ("-i", "localhost,", "-c", "local")), *options),
            ],
            env={**environment(), "PWD": str(where)},
            cwd=where,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return go


def write(folder: Path, cluster: str, text: str) -> None:
    (folder / "clusters").mkdir(exist_ok=True)
    (folder / f"clusters/{cluster}.yml").write_text(text, "utf-8")


def bake(region: Region, cluster: str, where: str) -> None:
    """Publish an image for a cluster."""
    ec2 = region.client("ec2", where)
    (instance,) = ec2.run_instances(
        ImageId=ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"], MinCount=1, MaxCount=1
    )["Instances"]
    image = ec2.create_image(InstanceId=instance["InstanceId"], Name=cluster)["ImageId"]
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    region.client("ssm", where).put_parameter(Name=f"/swarm-images/{cluster}/ami", Value=image, Type="String")


def stacks_asked_for(region: Region) -> dict[tuple[str, str], tuple[dict[str, str], dict[str, str]]]:
    """Return (region, stack) → the parameters and the tags of each stack that was to be made."""
    found = {}
    for call in region.calls:
        if call.action == "CreateStack":
            asked = {key: values[0] for key, values in urllib.parse.parse_qs(call.body).items()}
            parameters, tags = (
                {
                    asked[key]: asked.get(f"{key.rpartition('.')[0]}.{value}", "")
                    for key in asked
                    if re.fullmatch(rf"{kind}\.member\.\d+\.{name}", key)
                }
                for kind, name, value in (("Parameters", "ParameterKey", "ParameterValue"), ("Tags", "Key", "Value"))
            )
            found[call.region, asked["StackName"]] = parameters, tags
    return found


def test_prod_and_staging_side_by_side_in_one_account(region: Region, run: Run) -> None:
    """The same two words for each; region, sizes and tags are its own. What the run gives wins over the file.

    moto cannot make the stack of the template, and the local region's tests do; here it is asked for.
    """
    bake(region, "prod", "eu-west-1")
    bake(region, "staging", "eu-central-1")
    region.faults.append(Fault("CreateStack", "LimitExceededException", "enough"))
    region.forget()
    for cluster, given in (("prod", ()), ("staging", ("-e", "cluster_log_retention=7"))):
        checked = run("cluster", cluster, "--check", *given, where=EXAMPLES)
        assert checked.returncode == 0 and f"no CloudFormation stack swarm-{cluster} yet" in checked.stdout
        assert region.writes() == [], checked.stdout
    for cluster, given in (("prod", ()), ("staging", ("-e", "cluster_log_retention=7"))):
        done = run("cluster", cluster, *given, where=EXAMPLES)
        assert "enough" in done.stdout, done.stdout + done.stderr
    asked = stacks_asked_for(region)
    assert asked.keys() == {("eu-west-1", "swarm-prod"), ("eu-central-1", "swarm-staging")}
    prod, of_prod = asked["eu-west-1", "swarm-prod"]
    staging, of_staging = asked["eu-central-1", "swarm-staging"]
    names = ("Cluster", "Managers", "WorkersDesired", "WorkersMax", "WorkerInstanceType", "NatGateways", "LogRetention")
    assert [prod[name] for name in names] == ["prod", "3", "6", "20", "m5.large", "per_zone", "90"]
    assert [staging[name] for name in names] == ["staging", "1", "2", "4", "t3.medium", "one", "7"]
    assert (prod["ThreeZones"], staging["ThreeZones"]) == ("true", "false")
    assert (prod["VpcCidr"], staging["VpcCidr"]) == ("10.20.0.0/16", "10.30.0.0/16")
    assert (of_prod["environment"], of_staging["environment"]) == ("prod", "staging")


def test_a8_a_living_cluster_keeps_what_its_file_does_not_say(region: Region, run: Run, tmp_path: Path) -> None:
    """The file changes one setting, the run another; the rest is the stack's, whatever a new cluster would get."""
    bake(region, "prod", "eu-west-1")
    image = region.client("ssm").get_parameter(Name="/swarm-images/prod/ami")["Parameter"]["Value"]
    parameters = {
        **settings.parameters(settings.resolve({"workers": 7, "drain_timeout": 100, "key_name": ""}, None)),
        "AvailabilityZones": "eu-west-1a,eu-west-1b,eu-west-1c",
        "EcrRepositoryArns": "arn:aws:ecr:eu-west-1:123456789012:repository/*",
        "ImageId": image,
    }
    fleet.cluster_stack(region, "prod", parameters)
    write(tmp_path, "prod", "region: eu-west-1\ncluster_drain_timeout: 60\ncluster_log_retention: 90\n")
    region.faults.append(Fault("CreateChangeSet", "LimitExceededException", "enough"))
    done = run("cluster", "prod", "--check", "-e", "cluster_log_retention=365")
    table = done.stdout.partition("Show which settings of the cluster change")[2].partition("TASK")[0]
    rows = [line.split() for line in table.splitlines() if line.startswith("  ")]
    assert rows == [["setting", "before", "after"], ["drain_timeout", "100", "60"], ["log_retention", "30", "365"]]


def test_values_are_ansibles_vaults_and_templates_too(region: Region, run: Run, tmp_path: Path) -> None:
    """As in group_vars: a vaulted value, and one that names another variable."""
    artifacts = tmp_path / "lists of prod"
    artifacts.mkdir()
    (tmp_path / "password").write_text("vault password")
    secret = VaultLib([("default", VaultSecret(b"vault password"))]).encrypt("lists of").decode()
    vaulted = "stack: !vault |\n" + "".join(f"  {line}\n" for line in secret.splitlines())
    write(
        tmp_path,
        "prod",
        f"region: eu-west-1\nimages_artifacts: '{tmp_path}/{{{{ stack }}}} {{{{ cluster }}}}'\n{vaulted}",
    )
    ec2 = region.client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    (instance,) = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"]
    baked = ec2.create_image(InstanceId=instance["InstanceId"], Name="prod")["ImageId"]
    tags = {"swarm:bake": "true", "swarm:cluster": "prod"}
    ec2.create_tags(Resources=[baked], Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    (artifacts / f"{baked}.json").write_text(
        json.dumps({"packages": [{"name": "docker-ce", "version": "5:29.1"}], "distribution": "Debian 13"})
    )
    done = run("images", "prod", "--vault-password-file", "password")
    assert done.returncode == 0 and "5:29.1" in done.stdout, done.stdout + done.stderr


def test_the_image_is_made_of_the_same_settings_from_a_file_and_from_the_command_line(
    region: Region, run: Run, tmp_path: Path
) -> None:
    """And so by one who has the file there is nothing to bake after one who has not."""
    region.client("ssm").put_parameter(
        Name="/base",
        Type="String",
        Value=region.client("ec2").describe_images(Owners=["amazon"])["Images"][0]["ImageId"],
    )
    settings: dict[str, t.Any] = {"region": "eu-west-1", "bake_base_image": "/base", "edge_max_body": "1g"}

    def hashed(*options: str) -> str:
        done = run("bake", "prod", "--check", "-vv", *options)
        assert "To bake: There is no validated image yet." in done.stdout, done.stdout + done.stderr
        return re.search(r'"swarm:bake-hash": "(\w+)"', done.stdout)[1]  # type: ignore[index]

    given = hashed("-e", json.dumps(settings))
    write(tmp_path, "prod", yaml.safe_dump(settings))
    assert hashed() == given
    assert hashed("-e", "edge_max_body=2g") != given


INVENTORY = {
    "managers": {
        "hosts": {"m1": {"swarm_node": {"cluster": "prod", "region": "eu-west-1"}, "ansible_connection": "local"}},
    },
    "prod": {"hosts": {"m1": {}}},
}


@pytest.fixture
def deployable(tmp_path: Path) -> Path:
    """A folder with an inventory of one manager that does not answer, and a stack that needs a variable."""
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(INVENTORY))
    (tmp_path / "stack.yml").write_text('services: {gate: {image: "gate:${TAG:?no tag}"}}\n')
    return tmp_path


def test_a_deploy_takes_files_variables_and_patience_from_the_file(run: Run, deployable: Path) -> None:
    """The last one on the managers, where it is used, and not before: values are evaluated by those who need them."""
    write(
        deployable,
        "prod",
        "region: eu-west-1\nstack: shop\nfiles: stack.yml\ndeploy_env: {TAG: '{{ stack }}-1'}\n"
        f"""swarm_patience: "{{{{ lookup('ansible.builtin.pipe', 'touch {deployable}/asked; echo 0') }}}}"\n""",
    )
    refused = run("deploy", "prod", "-i", "hosts.yml", "-e", "deploy_env={}")
    assert "no tag" in refused.stdout and not (deployable / "asked").exists(), refused.stdout + refused.stderr
    done = run("deploy", "prod", "-i", "hosts.yml", "-e", "ansible_become=false")
    assert "No manager of prod answers. m1: " in done.stdout, done.stdout + done.stderr
    assert (deployable / "asked").exists()


def test_the_region_of_the_file_is_held_against_the_hosts(run: Run, deployable: Path) -> None:
    write(deployable, "prod", "region: us-east-1\n")
    done = run("status", "prod", "-i", "hosts.yml")
    assert "The hosts of cluster prod are in eu-west-1, not in us-east-1" in done.stdout, done.stdout + done.stderr
    given = run("status", "prod", "-i", "hosts.yml", "-e", "region=eu-west-1", "-e", "swarm_patience=0")
    assert "No manager of prod answers" in given.stdout


def test_all_that_is_wrong_with_a_file_is_said_at_once(region: Region, run: Run, tmp_path: Path) -> None:
    """Before anybody is asked, with the file's name; whichever playbook would have read it."""
    write(tmp_path, "prod", "region: eu-west-1\ncluster_workrs: 3\ncluster_workers: secret\nstate: absent\n")
    region.forget()
    done = run("images", "prod")
    assert done.returncode != 0
    assert (
        'clusters/prod.yml: there is no variable "cluster_workrs" (did you mean "cluster_workers"?); '
        "clusters/prod.yml: cluster_workers must be a whole number; "
        "clusters/prod.yml: state is for one run: give it with -e, not here." in done.stdout + done.stderr
    )
    assert "secret" not in done.stdout + done.stderr and "Traceback" not in done.stderr
    assert region.calls == []


def test_broken_yaml_is_told_with_its_line(region: Region, run: Run, tmp_path: Path) -> None:
    write(tmp_path, "prod", "region: eu-west-1\n  cluster_workers: 3\n")
    region.forget()
    done = run("cluster", "prod")
    assert done.returncode != 0 and "clusters/prod.yml:2:" in done.stderr, done.stdout + done.stderr
    assert region.calls == []


def test_a_file_that_was_named_and_is_missing_is_an_error(run: Run, tmp_path: Path) -> None:
    """In another folder than the usual one it was looked for on purpose."""
    done = run("images", "prod", "-e", "clusters_dir=envs", "-e", "region=eu-west-1")
    assert "There is no envs/prod.yml: make it, or leave clusters_dir out." in done.stdout, done.stdout + done.stderr
    write(tmp_path, "prod", "region: eu-west-1\n")
    (tmp_path / "clusters").rename(tmp_path / "envs")
    assert "There is no image of prod in eu-west-1." in run("images", "prod", "-e", "clusters_dir=envs").stdout


# -- the inventory -----------------------------------------------------------------------------------------------------
@pytest.fixture
def environments(region: Region, tmp_path: Path) -> dict[str, list[str]]:
    """A cluster in each of two regions, and a namesake of the one in the region of the other; returns the managers."""
    write(tmp_path, "prod", "region: eu-west-1\ncluster_workers: 5\n")
    write(tmp_path, "staging", "stack: us-east-1\nregion: '{{ stack }}'\n")
    found = {"prod": fleet.cluster(region, "prod")[0]}
    found["staging"] = fleet.cluster(region, "staging", where="us-east-1")[0]
    fleet.cluster(region, "prod", where="us-east-1")
    return found


CONFIG = {"plugin": "apiary.swarm.ec2", "clusters": ["prod", "staging"], "hostnames": ["instance-id"], "access": "none"}


def test_the_inventory_looks_for_each_cluster_where_its_file_says(
    region: Region, list_inventory: t.Callable[..., t.Any], tmp_path: Path, environments: dict[str, list[str]]
) -> None:
    listing = list_inventory({**CONFIG, "clusters_dir": str(tmp_path / "clusters")})
    assert {host for cluster in environments.values() for host in cluster} == set(listing.hosts("managers"))
    assert set(environments["prod"]) < set(listing.hosts("prod")) and len(listing.hosts("prod")) == 5
    given = list_inventory({**CONFIG, "clusters_dir": str(tmp_path / "clusters"), "regions": ["us-east-1"]})
    assert len(given.hosts("prod")) == 5 and not set(environments["prod"]) & set(given.hosts("prod"))
    (tmp_path / "clusters/staging.yml").write_text("region:\n")
    less = list_inventory({**CONFIG, "clusters_dir": str(tmp_path / "clusters")})
    assert set(less.hosts("managers")) == set(environments["prod"])


def test_the_inventory_needs_no_region_but_the_files(
    region: Region, tmp_path: Path, environments: dict[str, list[str]]
) -> None:
    """By the convention: C(clusters/) in the folder where Ansible is run."""
    (tmp_path / "all.swarm_ec2.yml").write_text(yaml.safe_dump(CONFIG))
    own = {key: value for key, value in os.environ.items() if key not in ("AWS_REGION", "AWS_DEFAULT_REGION")}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-inventory")), "-i", "all.swarm_ec2.yml", "--graph", "managers"],
        env={**own, "ANSIBLE_COLLECTIONS_PATH": f"{ROOT}/.cache/ac"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    managers = sorted([*environments["prod"], *environments["staging"]])
    assert sorted(done.stdout.split()[1:]) == [f"|--{name}" for name in managers]


def test_the_inventory_refuses_a_file_that_it_cannot_read(
    list_inventory: t.Callable[..., t.Any], tmp_path: Path, environments: dict[str, list[str]]
) -> None:
    folder = {"clusters_dir": str(tmp_path / "clusters")}
    (tmp_path / "clusters/staging.yml").write_text("region: a\n  x: y\n")
    broken = list_inventory({**CONFIG, **folder})
    assert broken.status != 0 and "clusters/staging.yml, line 2, cannot be read" in broken.warnings
    (tmp_path / "clusters/staging.yml").unlink()
    missing = list_inventory({**CONFIG, **folder})
    assert missing.status != 0 and "clusters_dir: there is no" in missing.warnings
    assert "clusters/staging.yml" in missing.warnings
