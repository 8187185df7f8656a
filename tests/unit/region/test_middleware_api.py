# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The middleware: identity, record, faults, enforcement, honest errors, host names."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from region.emulator import credentials
from region.middleware.identity import CONTROLLER_ACCESS_KEY, CONTROLLER_SECRET_KEY

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def admin(account: Any, path: str, method: str = "GET", **fields: Any) -> Any:
    """Call one of the region's own endpoints."""
    body = json.dumps(fields).encode() if fields else None
    request = urllib.request.Request(f"{account.url}/_region/{path}", data=body, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def code(caught: Any) -> str:
    """The error code of a caught ClientError."""
    return str(caught.value.response["Error"]["Code"])


def node(account: Any, *statements: dict[str, Any]) -> dict[str, str]:
    """Run an instance whose role has these statements; return its credentials for clients."""
    iam, ec2 = account.client("iam"), account.client("ec2")
    iam.create_role(RoleName="node", AssumeRolePolicyDocument=TRUST)
    if statements:
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_role_policy(RoleName="node", PolicyName="node", PolicyDocument=json.dumps(document))
    iam.create_instance_profile(InstanceProfileName="node")
    iam.add_role_to_instance_profile(InstanceProfileName="node", RoleName="node")
    answer = ec2.run_instances(
        ImageId="ami-0deb1a00000000013",
        InstanceType="t3.small",
        MinCount=1,
        MaxCount=1,
        IamInstanceProfile={"Name": "node"},
    )
    found = credentials.for_instance(answer["Instances"][0]["InstanceId"])
    assert found is not None
    return {"key": found["AccessKeyId"], "secret": found["SecretAccessKey"], "token": found["Token"]}


def test_call_is_recorded_without_secrets(account: Any) -> None:
    account.client("ssm").put_parameter(Name="/swarm/demo/token", Value="SWMTKN-1-secret", Type="SecureString")
    (call,) = admin(account, "calls?service=ssm&write=true")["calls"]
    assert call["action"] == "PutParameter"
    assert call["principal"] == "arn:aws:iam::123456789012:user/controller"
    assert call["parameters"]["Name"] == "/swarm/demo/token"
    assert call["status"] == 200 and call["error"] == "" and call["region"] == "us-east-1"
    on_disk = (account.config.state_dir / "calls.jsonl").read_text()
    assert "PutParameter" in on_disk
    assert "SWMTKN-1-secret" not in on_disk


def test_record_tells_reads_from_writes(account: Any) -> None:
    mark = admin(account, "calls")["last"]
    account.client("ec2").describe_instances()
    account.client("sts").get_caller_identity()
    with pytest.raises(ClientError):
        account.client("ssm").get_parameter(Name="/none")
    calls = admin(account, f"calls?since={mark}")["calls"]
    assert [(one["action"], one["write"], one["error"]) for one in calls] == [
        ("DescribeInstances", False, ""),
        ("GetCallerIdentity", False, ""),
        ("GetParameter", False, "ParameterNotFound"),
    ]


def test_instance_has_its_own_identity(account: Any) -> None:
    own = node(account)
    arn = account.client("sts", **own).get_caller_identity()["Arn"]
    assert arn.startswith("arn:aws:sts::123456789012:assumed-role/node/i-")
    assert account.calls.since(0, action="GetCallerIdentity")[-1].role == "node"


def test_policies_of_instance_profiles_can_be_enforced(account: Any) -> None:
    resource = "arn:aws:ssm:us-east-1:123456789012:parameter/swarm/demo/token/worker"
    own = node(account, {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": resource})
    for name in ("worker", "manager"):
        account.client("ssm").put_parameter(Name=f"/swarm/demo/token/{name}", Value=name, Type="String")
    ssm = account.client("ssm", **own)
    assert ssm.get_parameter(Name="/swarm/demo/token/manager")["Parameter"]["Value"] == "manager"
    admin(account, "settings", "POST", enforce="instance-profiles")
    assert ssm.get_parameter(Name="/swarm/demo/token/worker")["Parameter"]["Value"] == "worker"
    with pytest.raises(ClientError) as caught:
        ssm.get_parameter(Name="/swarm/demo/token/manager")
    assert code(caught) == "AccessDeniedException"
    with pytest.raises(ClientError) as caught:
        account.client("ec2", **own).describe_instances()
    assert code(caught) == "UnauthorizedOperation"
    assert account.client("ssm").get_parameter(Name="/swarm/demo/token/manager")


def test_instance_credentials_end(account: Any) -> None:
    admin(account, "settings", "POST", role_lifetime=60)
    own = node(account)
    sts = account.client("sts", **own)
    sts.get_caller_identity()
    account.clock.now += 61
    with pytest.raises(ClientError) as caught:
        sts.get_caller_identity()
    assert code(caught) == "ExpiredToken"
    with pytest.raises(ClientError) as caught:
        account.client("ssm", **own).get_parameter(Name="/x")
    assert code(caught) == "ExpiredTokenException"


def test_fresh_credentials_come_before_the_old_end(account: Any) -> None:
    node(account)
    (instance,) = account.client("ec2").describe_instances()["Reservations"][0]["Instances"]
    first = credentials.for_instance(instance["InstanceId"])
    account.clock.now += 3600
    assert credentials.for_instance(instance["InstanceId"]) == first
    account.clock.now += 4 * 3600
    assert credentials.for_instance(instance["InstanceId"]) != first


@pytest.mark.parametrize(
    ("service", "call", "expected"),
    [
        ("ec2", "describe_instances", "AuthFailure"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("ssm", "describe_parameters", "UnrecognizedClientException"),
        ("s3", "list_buckets", "InvalidAccessKeyId"),
    ],
)
def test_unknown_keys_are_refused(account: Any, service: str, call: str, expected: str) -> None:
    client = account.client(service, key="AKIAIOSFODNN7EXAMPLE", secret="wrong")
    with pytest.raises(ClientError) as caught:
        getattr(client, call)()
    assert code(caught) == expected


@pytest.mark.parametrize(
    ("service", "call", "expected"),
    [
        ("ec2", "describe_instances", "AuthFailure"),
        ("sts", "get_caller_identity", "SignatureDoesNotMatch"),
        ("ssm", "describe_parameters", "InvalidSignatureException"),
        ("s3", "list_buckets", "SignatureDoesNotMatch"),
    ],
)
def test_wrong_secret_is_refused(account: Any, service: str, call: str, expected: str) -> None:
    client = account.client(service, secret="wrong")
    with pytest.raises(ClientError) as caught:
        getattr(client, call)()
    assert code(caught) == expected


@pytest.mark.parametrize("key", ["plain", "with space/ünd/+plus", "a//b", "~tilde=and&more", "per%20cent"])
@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_signatures_over_odd_paths_hold(account: Any, key: str, version: str) -> None:
    s3 = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=account.url,
        aws_access_key_id=CONTROLLER_ACCESS_KEY,
        aws_secret_access_key=CONTROLLER_SECRET_KEY,
        config=Config(signature_version=version, retries={"total_max_attempts": 1}),
    )
    s3.create_bucket(Bucket="odd")
    s3.put_object(Bucket="odd", Key=key, Body=b"x", Metadata={"a": "b  c"})
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="odd", Prefix=key)["Contents"]] == [key]
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "odd", "Key": key})
    assert ("X-Amz-Signature" in url) == (version == "s3v4")
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.read() == b"x"
    if version != "s3v4":
        return
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(url[:-1] + ("0" if url[-1] != "0" else "1"), timeout=10)


def test_assumed_role_is_named(account: Any) -> None:
    account.client("iam").create_role(RoleName="deployer", AssumeRolePolicyDocument=TRUST)
    sts = account.client("sts")
    answer = sts.assume_role(
        RoleArn="arn:aws:iam::123456789012:role/deployer", RoleSessionName="ci", DurationSeconds=900
    )
    issued = answer["Credentials"]
    own = {"key": issued["AccessKeyId"], "secret": issued["SecretAccessKey"], "token": issued["SessionToken"]}
    arn = account.client("sts", **own).get_caller_identity()["Arn"]
    assert arn == "arn:aws:sts::123456789012:assumed-role/deployer/ci"
    account.clock.now += 901
    with pytest.raises(ClientError, match="ExpiredToken"):
        account.client("sts", **own).get_caller_identity()
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/nobody", RoleSessionName="ci")


@pytest.mark.parametrize(
    ("kind", "service", "call", "expected"),
    [
        ("throttle", "ec2", "describe_instances", "RequestLimitExceeded"),
        ("throttle", "ssm", "describe_parameters", "ThrottlingException"),
        ("throttle", "autoscaling", "describe_auto_scaling_groups", "Throttling"),
        ("access_denied", "ssm", "describe_parameters", "AccessDeniedException"),
        ("access_denied", "ec2", "describe_instances", "UnauthorizedOperation"),
        ("expired_token", "logs", "describe_log_groups", "ExpiredTokenException"),
        ("not_opted_in", "ec2", "describe_instances", "AuthFailure"),
        ("outage", "ecr", "describe_repositories", "ServiceUnavailable"),
    ],
)
def test_faults_come_as_often_as_asked(account: Any, kind: str, service: str, call: str, expected: str) -> None:
    admin(account, "faults", "POST", kind=kind, service=service, times=2)
    client = account.client(service)
    for dummy in range(2):
        with pytest.raises(ClientError) as caught:
            getattr(client, call)()
        assert code(caught) == expected
    getattr(client, call)()
    assert admin(account, "faults") == {"faults": []}


def test_fault_may_hit_one_principal_and_action_only(account: Any) -> None:
    admin(account, "faults", "POST", kind="access_denied", principal="*assumed-role/node/*", action="Describe*")
    own = node(account)
    account.client("ec2").describe_instances()
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        account.client("ec2", **own).describe_instances()
    admin(account, "faults", "DELETE")
    account.client("ec2", **own).describe_instances()


def test_unknown_fault_is_refused(account: Any) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        admin(account, "faults", "POST", kind="earthquake")
    assert caught.value.code == 400
    assert "kind must be one of" in json.load(caught.value)["error"]


@pytest.mark.parametrize(
    ("service", "call", "options"),
    [
        ("autoscaling", "describe_metric_collection_types", {}),
        ("ec2", "describe_trunk_interface_associations", {}),
        ("efs", "describe_account_preferences", {}),
        ("imagebuilder", "list_images", {}),
        ("ssm", "get_calendar_state", {"CalendarNames": ["x"]}),
        ("workmail", "list_organizations", {}),
    ],
)
def test_what_is_not_emulated_says_so(account: Any, service: str, call: str, options: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(account.client(service), call)(**options)
    assert code(caught) == "NotEmulated"
    assert caught.value.response["Error"]["Message"].startswith(f"not emulated by the local region: {service}.")


def test_failure_inside_is_an_aws_error(account: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.ssm.models import SimpleSystemManagerBackend

    def broken(*args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(SimpleSystemManagerBackend, "describe_parameters", broken)
    with pytest.raises(ClientError) as caught:
        account.client("ssm").describe_parameters()
    assert code(caught) == "InternalFailure"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


def signed(
    account: Any, host: str, service: str, method: str = "GET", path: str = "/", body: str = "", **headers: str
) -> Any:
    """Send a signed request to a host name, which this machine need not resolve."""
    request = AWSRequest(method, f"https://{host}{path}", headers={"Host": host, **headers}, data=body)
    SigV4Auth(Credentials(CONTROLLER_ACCESS_KEY, CONTROLLER_SECRET_KEY), service, "us-east-1").add_auth(request)
    sent = urllib.request.Request(
        f"{account.url}{path}", data=body.encode() or None, headers=dict(request.headers), method=method
    )
    with urllib.request.urlopen(sent, timeout=10) as answer:
        return answer.read().decode()


def test_services_answer_on_their_own_host_names(account: Any) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = "Action=GetCallerIdentity&Version=2011-06-15"
    assert "user/controller" in signed(account, "sts.us-east-1.amazonaws.com", "sts", "POST", body=body, **form)
    target = {"X-Amz-Target": "AmazonSSM.GetParameter", "Content-Type": "application/x-amz-json-1.1"}
    body = json.dumps({"Name": "/aws/service/debian/release/13/latest/amd64"})
    assert "ami-" in signed(account, "ssm.us-east-1.amazonaws.com", "ssm", "POST", body=body, **target)
    body = "Action=DescribeAutoScalingGroups&Version=2011-01-01"
    answer = signed(account, "autoscaling.us-east-1.amazonaws.com", "autoscaling", "POST", body=body, **form)
    assert "DescribeAutoScalingGroupsResult" in answer


def test_buckets_answer_by_host_and_by_path(account: Any) -> None:
    s3 = account.client("s3")
    s3.create_bucket(Bucket="sbom")
    s3.put_object(Bucket="sbom", Key="a/b.json", Body=b"{}")
    assert signed(account, "sbom.s3.us-east-1.amazonaws.com", "s3", path="/a/b.json") == "{}"
    assert signed(account, "s3.us-east-1.amazonaws.com", "s3", path="/sbom/a/b.json") == "{}"
    calls = account.calls.since(0, service="s3", action="GetObject")
    assert [(one.parameters["Bucket"], one.parameters["Key"]) for one in calls] == [("sbom", "a/b.json")] * 2


def test_unsigned_request_is_refused(account: Any) -> None:
    request = urllib.request.Request(
        f"{account.url}/?Action=DescribeInstances", headers={"Host": "ec2.us-east-1.amazonaws.com"}
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    assert caught.value.code == 403
    assert b"MissingAuthenticationToken" in caught.value.read()


def test_health(account: Any) -> None:
    assert admin(account, "health")["status"] == "ok"
