# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have parliament judge every IAM policy of the collection, inside CloudFormation templates and in JSON files.

usage: python scripts/policies.py FILE...     1 if there is a finding
"""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cfnlint.decode import decode

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # parliament imports a deprecated interface of setuptools
    from parliament import analyze_policy_string, enhance_finding

# What the references in a template stand for. Only their form matters to parliament.
SAMPLES = {
    "AWS::AccountId": "123456789012",
    "AWS::NoValue": None,
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::URLSuffix": "amazonaws.com",
}
PARAMETER_SAMPLES = {"EcrRepositoryArns": "arn:aws:ecr:eu-west-1:123456789012:repository/sample"}
MUTED = ("MUTE", "INFO")
MISMATCH = "RESOURCE_MISMATCH"
#: Actions that AWS has added since parliament's list was made; AWS's own resource schemas name them.
NEWER = ("ec2:DescribeVpcEncryptionControls",)


class PolicyError(Exception):
    """A file cannot be read as a template or as a policy."""


def resolve(node: Any, parameters: Mapping[str, Any]) -> Any:
    """Replace a template's functions by sample values, so that plain IAM policies remain.

    ``Fn::If`` takes its first branch, or the second where the first is no value. Attributes become the ARN of anything.
    """
    if isinstance(node, Mapping) and len(node) == 1:
        ((function, argument),) = node.items()
        if function == "Ref":
            return SAMPLES[argument] if argument in SAMPLES else parameters.get(argument, "sample")
        if function == "Fn::Sub":
            text, names = argument if isinstance(argument, list) else (argument, {})
            known = {**parameters, **SAMPLES, **{name: resolve(value, parameters) for name, value in names.items()}}
            return re.sub(r"\$\{([^!}]+)\}", lambda match: str(known.get(match[1], "sample")), text)
        if function == "Fn::GetAtt":
            return "*"
        if function == "Fn::If":
            first = resolve(argument[1], parameters)
            return resolve(argument[2], parameters) if first is None else first
    if isinstance(node, Mapping):
        return {key: resolve(value, parameters) for key, value in node.items()}
    if isinstance(node, list):
        return [resolved for value in node if (resolved := resolve(value, parameters)) is not None]
    return node


def policies_in(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every ``PolicyDocument`` below *node* with where it stands; trust policies are not permissions."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key == "PolicyDocument":
                yield path.removeprefix("."), value
            else:
                yield from policies_in(value, f"{path}.{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            name = value.get("PolicyName", number) if isinstance(value, Mapping) else number
            yield from policies_in(value, f"{path}.{name}")


def defaults_of(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return sample values of a template's parameters: their defaults, split where the type is a list."""
    samples: dict[str, Any] = {}
    for name, parameter in template.get("Parameters", {}).items():
        value = parameter.get("Default", PARAMETER_SAMPLES.get(name, "sample"))
        is_list = parameter["Type"].startswith(("List<", "CommaDelimitedList"))
        samples[name] = [part.strip() for part in str(value).split(",")] if is_list else value
    return samples


def read(path: Path) -> list[tuple[str, Any]]:
    """Return the policies of one file with their places.

    :raises PolicyError: it is neither a template nor a policy.
    """
    if path.suffix == ".json":
        document = json.loads(path.read_text())
        if "Statement" not in document:
            raise PolicyError(f"{path} has no Statement, so it is no IAM policy")
        return [("", document)]
    template, errors = decode(str(path))
    if template is None or errors:
        raise PolicyError(f"{path} is no CloudFormation template: {'; '.join(error.message for error in errors)}")
    return list(policies_in(resolve(template.get("Resources", {}), defaults_of(template))))


def as_list(value: Any) -> list[Any]:
    """Return what a policy gives as one value or as a list."""
    return list(value) if isinstance(value, list) else [value]


def by_action(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy with one statement for each allowed action, on all resources that any statement allows it on.

    An action such as ec2:RunInstances needs resources of several kinds, each with conditions of its own, hence several
    statements. Whether all kinds are there can only be seen over all of them.
    """
    resources: dict[str, list[str]] = {}
    for statement in as_list(document["Statement"]):
        for action in as_list(statement.get("Action", [])):
            if statement["Effect"] == "Allow":
                resources.setdefault(action, []).extend(as_list(statement.get("Resource", [])))
    statements = [
        {"Effect": "Allow", "Action": action, "Resource": sorted(set(held))}
        for action, held in resources.items()
        if held
    ]
    return {"Version": document["Version"], "Statement": statements}


def judge(document: Any) -> list[str]:
    """Return parliament's findings about one policy, each as a sentence."""
    found = [finding for finding in analyze_policy_string(json.dumps(document)).findings if finding.issue != MISMATCH]
    merged = analyze_policy_string(json.dumps(by_action(document))).findings
    found += [finding for finding in merged if finding.issue == MISMATCH]
    findings = [enhance_finding(finding) for finding in found]
    return [
        f"{finding.severity} {finding.title}: {finding.detail or finding.description} {finding.location}"
        for finding in findings
        if finding.severity not in MUTED and not any(f"Unknown action {name}" in str(finding.detail) for name in NEWER)
    ]


def main(argv: list[str]) -> int:
    """Entry point; 2 for wrong usage, 1 for a finding or an unreadable file."""
    if len(argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    count, problems = 0, []
    for path in map(Path, argv[1:]):
        try:
            policies = read(path)
        except (OSError, ValueError, PolicyError) as exc:
            problems.append(str(exc))
            continue
        count += len(policies)
        problems.extend(f"{path} {place}: {finding}" for place, policy in policies for finding in judge(policy))
    print("\n".join([*problems, f"{count} policies, {len(problems)} findings"]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
