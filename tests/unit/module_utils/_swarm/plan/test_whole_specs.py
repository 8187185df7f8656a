# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A spec with every field that the Engine API's ServiceSpec has: nothing of it is lost on the way through a plan."""

from __future__ import annotations

import copy
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan import from_tree, plan_update, to_tree

Json = dict[str, t.Any]
NETWORKS = {"net-id": "back"}

#: Every field of the API (1.41 to 1.52), none of them at its default.
WHOLE: Json = {
    "Name": "web",
    "Labels": {"team": "red", "empty": "", "SecretID": "a label may be called so"},
    "TaskTemplate": {
        "ContainerSpec": {
            "Image": "app:1",
            "Labels": {"a": "1"},
            "Command": ["run"],
            "Args": ["-x", ""],
            "Hostname": "h",
            "Env": ["A=1", "B=", "C"],
            "Dir": "/d",
            "User": "1:1",
            "Groups": ["wheel"],
            "Privileges": {
                "CredentialSpec": {"Config": "cred-id", "File": "f", "Registry": "r"},
                "SELinuxContext": {"Disable": True, "User": "u", "Role": "r", "Type": "t", "Level": "l"},
                "Seccomp": {"Mode": "custom", "Profile": "e30="},
                "AppArmor": {"Mode": "disabled"},
                "NoNewPrivileges": True,
            },
            "Init": False,
            "StopSignal": "SIGINT",
            "TTY": True,
            "OpenStdin": True,
            "ReadOnly": True,
            "Mounts": [
                {
                    "Type": "bind", "Source": "/s", "Target": "/t", "ReadOnly": True, "Consistency": "cached",
                    "BindOptions": {
                        "Propagation": "rslave", "NonRecursive": True, "CreateMountpoint": True,
                        "ReadOnlyNonRecursive": True, "ReadOnlyForceRecursive": True,
                    },
                },
                {
                    "Type": "volume", "Source": "v", "Target": "/v",
                    "VolumeOptions": {
                        "NoCopy": True, "Labels": {"x": ""}, "Subpath": "p",
                        "DriverConfig": {"Name": "nfs", "Options": {"o": ""}},
                    },
                },
                {"Type": "tmpfs", "Target": "/m", "TmpfsOptions": {"SizeBytes": 1, "Mode": 7, "Options": [["noexec"]]}},
                {"Type": "image", "Source": "app:2", "Target": "/i", "ImageOptions": {"Subpath": "q"}},
                {"Type": "cluster", "Source": "group:g", "Target": "/c"},
            ],
            "StopGracePeriod": 0,
            "Healthcheck": {
                "Test": ["CMD", "true"], "Interval": 1, "Timeout": 2, "Retries": 3, "StartPeriod": 4,
                "StartInterval": 5,
            },
            "Hosts": ["10.0.0.1 a"],
            "DNSConfig": {"Nameservers": ["8.8.8.8"], "Search": ["x"], "Options": ["ndots:1"]},
            "Secrets": [
                {"File": {"Name": "s", "UID": "0", "GID": "5", "Mode": 256}, "SecretID": "s-id", "SecretName": "s_1"},
                {"File": {"Name": "o", "UID": "7", "GID": "0", "Mode": 256}, "SecretID": "s-id", "SecretName": "s_1"},
            ],
            "Configs": [
                {"File": {"Name": "/c", "UID": "0", "GID": "0", "Mode": 292}, "ConfigID": "c-id", "ConfigName": "c"},
                {"Runtime": {}, "ConfigID": "cred-id", "ConfigName": "cred"},
            ],
            "Isolation": "process",
            "Sysctls": {"net.core.somaxconn": "1"},
            "CapabilityAdd": ["CAP_NET_ADMIN"],
            "CapabilityDrop": ["CAP_CHOWN"],
            "Ulimits": [{"Name": "nofile", "Hard": 2, "Soft": 1}],
            "OomScoreAdj": 5,
        },
        "PluginSpec": {
            "Name": "p", "Remote": "r", "Disabled": True, "Env": ["E=1"],
            "PluginPrivilege": [{"Name": "n", "Description": "d", "Value": ["v"]}],
        },
        "NetworkAttachmentSpec": {"ContainerID": "x"},
        "Resources": {
            "Limits": {"NanoCPUs": 1, "MemoryBytes": 2, "Pids": 3},
            "Reservations": {
                "NanoCPUs": 1, "MemoryBytes": 2,
                "GenericResources": [
                    {"DiscreteResourceSpec": {"Kind": "gpu", "Value": 1}},
                    {"NamedResourceSpec": {"Kind": "card", "Value": "u1"}},
                ],
            },
            "SwapBytes": 0,
            "MemorySwappiness": 0,
        },
        "RestartPolicy": {"Condition": "on-failure", "Delay": 0, "MaxAttempts": 3, "Window": 4},
        "Placement": {
            "Constraints": ["node.role==worker"],
            "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.az"}}],
            "MaxReplicas": 2,
            "Platforms": [{"Architecture": "amd64", "OS": "linux"}],
        },
        "Networks": [{"Target": "net-id", "Aliases": ["w"], "DriverOpts": {"k": ""}}],
        "LogDriver": {"Name": "none", "Options": {"tag": ""}},
        "ForceUpdate": 3,
        "Runtime": "plugin",
    },
    "Mode": {"Replicated": {"Replicas": 0}},
    "UpdateConfig": {
        "Parallelism": 0, "Delay": 1, "FailureAction": "continue", "Monitor": 2, "MaxFailureRatio": 0.5,
        "Order": "start-first",
    },
    "RollbackConfig": {
        "Parallelism": 2, "Delay": 1, "FailureAction": "continue", "Monitor": 2, "MaxFailureRatio": 0.5,
        "Order": "start-first",
    },
    "EndpointSpec": {
        "Mode": "dnsrr",
        "Ports": [
            {"Name": "n", "Protocol": "udp", "TargetPort": 1, "PublishedPort": 2, "PublishMode": "host"},
            {"Name": "a", "Protocol": "udp", "TargetPort": 1, "PublishMode": "host"},
            {"Name": "b", "Protocol": "udp", "TargetPort": 1, "PublishMode": "host"},
        ],
    },
}  # fmt: skip
MODES = [
    {"Replicated": {"Replicas": 7}},
    {"Global": {}},
    {"GlobalJob": {}},
    {"ReplicatedJob": {"MaxConcurrent": 2, "TotalCompletions": 3}},
]


def _leaves(value: t.Any, at: tuple[t.Any, ...] = ()) -> t.Iterator[tuple[tuple[t.Any, ...], t.Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [leaf for key, item in items for leaf in _leaves(item, (*at, key))]
    yield from found or [(at, value)]


def _without_ids(spec: Json) -> Json:
    """As a stack file's spec has it: names where the engine has ids."""
    spec = copy.deepcopy(spec)
    container = spec["TaskTemplate"]["ContainerSpec"]
    for kind in ("Secret", "Config"):
        for item in container.get(f"{kind}s", []):
            item.pop(f"{kind}ID", None)
    spec["TaskTemplate"]["Networks"][0]["Target"] = "back"
    container["Privileges"]["CredentialSpec"]["Config"] = "cred"
    return spec


@pytest.mark.parametrize("mode", [WHOLE["Mode"], *MODES], ids="-".join)
def test_d50_the_canonical_form_keeps_every_field(mode: Json) -> None:
    spec = {**WHOLE, "Mode": mode}
    assert from_tree(to_tree(spec, NETWORKS)) == _without_ids(spec)


def test_cluster_options_are_nothing_that_an_engine_returns() -> None:
    """Docker's clients send them, always empty, and engines drop them: no deploy may find them missing."""
    mount = {"Type": "cluster", "Source": "group:g", "Target": "/c"}
    sent, live = (
        {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "a", "Mounts": [item]}}}
        for item in ({**mount, "ClusterOptions": {}}, mount)
    )
    assert to_tree(sent) == to_tree(live)


def test_d50_every_field_counts() -> None:
    """Another value anywhere, or the field's absence, is another tree; ids of what has a name are not looked at."""
    tree = to_tree(WHOLE, NETWORKS)
    for path, value in _leaves(WHOLE):
        if path[-1] in ("SecretID", "ConfigID") and path[0] != "Labels":
            continue
        other = copy.deepcopy(WHOLE)
        place = other
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = f"{value}x" if isinstance(value, str) else {"x": 1} if isinstance(value, dict) else value + 1
        assert to_tree(other, NETWORKS) != tree, path


@given(st.sets(st.sampled_from([path for path, _value in _leaves(WHOLE)])), st.sampled_from(MODES))
def test_d50_what_nobody_declared_is_sent_as_the_engine_has_it(gone: set[tuple[t.Any, ...]], mode: Json) -> None:
    """Somebody added any of the fields by hand, then the file changes one variable: all else goes back as it was."""
    live = copy.deepcopy({**WHOLE, "Mode": mode})
    for path in gone:
        place: t.Any = live
        for key in path[:-1]:
            place = place[key] if isinstance(place, list) or key in place else {}
        # An element without the field that tells it apart is none.
        if isinstance(place, dict) and path[-1] not in (
            "Name",
            "Target",
            "TargetPort",
            "SecretName",
            "ConfigName",
            "Image",
        ):
            place.pop(path[-1], None)
    live["TaskTemplate"]["ContainerSpec"]["Env"] = ["A=1"]
    declared: Json = {
        "Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "app:1", "Env": ["A=1"]}}, "Mode": mode,
    }  # fmt: skip
    wanted = copy.deepcopy(declared)
    wanted["TaskTemplate"]["ContainerSpec"]["Env"] = ["A=2"]
    found = {"ID": "s", "Version": {"Index": 1}, "Spec": live}
    plan = plan_update(wanted, found, to_tree(declared), NETWORKS)
    expected = copy.deepcopy(live)
    expected["TaskTemplate"]["ContainerSpec"]["Env"] = ["A=2"]
    assert plan.spec == expected and len(plan.changes) == 1


def test_d50_a_reference_of_ours_beside_one_of_others_keeps_the_others_id() -> None:
    declared = _without_ids(WHOLE)
    theirs = declared["TaskTemplate"]["ContainerSpec"]["Secrets"].pop()
    ours = declared["TaskTemplate"]["ContainerSpec"]["Secrets"][0]
    base = to_tree(declared)
    ours["File"]["Mode"] = 0o400 + 1
    plan = plan_update(declared, {"ID": "s", "Version": {"Index": 1}, "Spec": WHOLE}, base, NETWORKS)
    sent = plan.spec["TaskTemplate"]["ContainerSpec"]["Secrets"]
    assert sent == [ours, {**theirs, "SecretID": "s-id"}] and len(plan.kept) == 5
