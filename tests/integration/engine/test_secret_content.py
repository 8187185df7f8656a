# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets under names of their own: the engine never shows their content, and never changes it."""

from __future__ import annotations

import base64

from stack_texts import Loader
from stacks import reference, service, stack
from workbench import Swarm

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import LABEL_NAMESPACE, StackModel

OTHER = "exists with other content and cannot change: leave its name out of the file"


def model(swarm: Swarm, name: str, value: str, tag: str = "v1") -> StackModel:
    """Return a stack with one secret of a fixed name, whose content is a variable's."""
    files = Loader()
    files.env = {"DB_PASSWORD": value}
    text = f"secrets: {{db: {{environment: DB_PASSWORD, name: {name}_own}}}}\nservices: {{web: {{image: app}}}}"
    secret = files.model(text).secrets["db"]
    secret.spec["Labels"][LABEL_NAMESPACE] = name
    web = service(name, "web", swarm.images[tag], container={"Secrets": [reference("Secret", secret)]})
    return stack(name, web, secrets={"db": secret})


def test_d44_new_content_under_a_fixed_name_is_refused(swarm: Swarm, name: str) -> None:
    assert not swarm.stack(model(swarm, name, "first")).failed
    same = swarm.stack(model(swarm, name, "first"))
    assert not same.failed and not same.changed, same.msg
    for check in (True, False):
        other = swarm.stack(model(swarm, name, "second"), check=check)
        assert other.failed and f"secret {name}_own {OTHER}" in other.msg, other.msg
        assert "second" not in other.text
    # Going back knows no content, and needs none.
    assert not swarm.stack(model(swarm, name, "first", "v2")).failed
    back = swarm.module("stack", name=name, state="rolled_back", wait_timeout=30)
    assert not back.failed, back.msg


def test_d44_content_that_nobody_noted_is_compared_by_the_engine(swarm: Swarm, name: str) -> None:
    """As for secrets that docker stack deploy or an older version made."""
    data = base64.b64encode(b"first").decode()
    swarm.client.post(f"{swarm.client.base_url}/secrets/create", json={
        "Name": f"{name}_own", "Labels": {LABEL_NAMESPACE: name}, "Data": data,
    }).raise_for_status()  # fmt: skip
    check = swarm.stack(model(swarm, name, "second"), check=True)
    assert not check.failed and f"secret {name}_own does not say what content it has" in check.text
    other = swarm.stack(model(swarm, name, "second"))
    assert other.failed and f"secret {name}_own {OTHER}" in other.msg, other.msg
    assert not swarm.client.services({"name": f"{name}_web"})
    for changed in (True, False):
        good = swarm.stack(model(swarm, name, "first"))
        assert not good.failed and good.changed == changed, good.msg
