# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints what Ansible says on real engines: a plan, a good deploy, a failed one, a rollback. For C(docs/deploying.md).

PYTHONPATH=tests/support:$PYTHONPATH python tests/support/recordings.py
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from lab import Lab
from lab_ansible import ansible_playbook

_STACK = """\
services:
  api:
    image: 10.99.0.1:5000/shop/api:${TAG}
    command: ${COMMAND:-httpd -f -p 8080 -h /www}
    environment: {DB_PASSWORD: "${PASSWORD}", LEVEL: info}
    networks: [back]
    deploy:
      replicas: 3
      endpoint_mode: dnsrr
      update_config: {parallelism: 1, delay: 2s, order: start-first, monitor: 2s}
  worker:
    image: 10.99.0.1:5000/shop/worker:1
    networks: [back]
    deploy: {replicas: 1, endpoint_mode: dnsrr}
networks:
  back: {}
"""
_PLAY = """\
- name: Deploy the shop
  hosts: n1
  gather_facts: false
  tasks:
    - name: Deploy the stack
      apiary.swarm.stack:
        name: shop
        files: [shop.yml]
        env: {TAG: "{{ tag }}", PASSWORD: "{{ password }}", COMMAND: "{{ command | default('') }}"}
        git_revision: "{{ revision }}"
        deployed_by: ann
      register: done

    - name: Say it
      ansible.builtin.debug:
        msg: "{{ done.summary + [''] + (done.services | apiary.swarm.table) }}"
"""
_BACK = """\
- name: Go back
  hosts: n1
  gather_facts: false
  tasks:
    - name: Deploy what the release recorded
      apiary.swarm.stack:
        name: shop
        state: rolled_back
        deployed_by: ann
      register: done

    - name: Read the recorded releases
      apiary.swarm.release_info:
        name: shop
      register: history

    - name: Say it
      ansible.builtin.debug:
        msg: "{{ done.summary + [''] + (history.releases | apiary.swarm.table(columns)) }}"
      vars:
        columns: [number, outcome, by, git_revision, duration, reason]
"""


def main() -> None:
    """Play the four scenes."""
    os.environ["ANSIBLE_CALLBACK_RESULT_FORMAT"] = "yaml"
    with Lab() as lab, tempfile.TemporaryDirectory() as temporary:
        nodes, folder = lab.swarm(managers=1, workers=2), Path(temporary)
        for tag in ("1", "2"):
            lab.image("shop/api", tag, ["httpd"], {"/www/index.html": tag})
        lab.image("shop/api", "3", ["true"], {"/www/index.html": "3"})
        lab.image("shop/worker", "1")
        for name, text in (("shop.yml", _STACK), ("deploy.yml", _PLAY), ("rollback.yml", _BACK)):
            (folder / name).write_text(text)
        crash = "sh -c 'echo connecting to db:5432; sleep 1; echo no such column: price >&2; exit 3'"
        scenes = [
            ("first deploy", "deploy.yml", "tag=1", "password=first-secret", "revision=4f1c2ab"),
            ("plan", "deploy.yml", "tag=2", "password=second-secret", "revision=9d03e77", "--check", "--diff"),
            ("good deploy", "deploy.yml", "tag=2", "password=second-secret", "revision=9d03e77"),
            ("failed", "deploy.yml", "tag=3", "password=second-secret", "revision=c5581f0", f"command={crash!r}"),
            ("rollback", "rollback.yml"),
        ]
        for title, play, *variables in scenes:
            options = [item for value in variables for item in ([value] if value[0] == "-" else ["-e", value])]
            done = ansible_playbook(nodes, folder, play, *options)
            print(f"===== {title}\n$ ansible-playbook {play} {' '.join(options)}\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main()
