# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of lists over several files, and names that only a node can tell. The parity corpus shows both too."""

from __future__ import annotations

import pytest
from stack_texts import Loader

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.compose import ComposeError

TOP = "volumes: {z: {}, a: {}}"
PLAIN = "services: {web: {image: app}}"
WITH = f"services: {{web: {{image: app, volumes: ['z:/z', 'a:/a']}}}}\n{TOP}"


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        ([WITH], ["/z", "/a"]),
        ([PLAIN, WITH], ["/z", "/a"]),
        ([WITH, PLAIN], ["/a", "/z"]),  # Docker sorts what the earlier files have, whatever the later ones say
        ([PLAIN, WITH, PLAIN], ["/a", "/z"]),
        ([WITH, WITH], ["/a", "/z"]),
    ],
)
def test_p4_lists_keep_the_order_of_their_file(stack: Loader, texts: list[str], order: list[str]) -> None:
    spec = stack.model(*texts).services["web"].spec
    assert [mount["Target"] for mount in spec["TaskTemplate"]["ContainerSpec"]["Mounts"]] == order


def test_d74_a_volume_for_each_task(stack: Loader) -> None:
    top = "volumes: {data: {name: 'vt-{{.Task.Slot}}'}, out: {external: true, name: 'x/{{.Node.ID}}'}}"
    keys = "volumes: ['data:/data', 'out:/out', {type: tmpfs, target: '{{.Service.Name}}'}]"
    mounts = stack.container(keys, top)["Mounts"]
    assert [mount.get("Source") for mount in mounts] == ["vt-{{.Task.Slot}}", "x/{{.Node.ID}}", None]
    with pytest.raises(ComposeError, match="may have only letters"):
        stack.container("volumes: ['data:/data']", "volumes: {data: {name: 'a b'}}")


@pytest.mark.parametrize(
    ("constraint", "says"),
    [
        ("node.labels.owner == team@x", r"may have only letters, digits, blanks and : - _ \. \*"),
        ("node.labels.a/b == x", "may have only letters, digits and - _ ., and begin"),
        ("node.rol == manager", r"there is no attribute node.rol \(did you mean node.role\?\)"),
    ],
)
def test_d75_u23_constraints_are_read_as_the_engine_does(stack: Loader, constraint: str, says: str) -> None:
    with pytest.raises(ComposeError, match=says) as caught:
        stack.service(f"deploy: {{placement: {{constraints: ['{constraint}']}}}}")
    assert "stack.yml:1: services.web.deploy.placement.constraints" in str(caught.value)
    stack.service("deploy: {placement: {constraints: ['node.labels.x == a:b/c (d)*', 'Node.Role!=manager']}}")
