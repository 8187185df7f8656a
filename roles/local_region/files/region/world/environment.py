# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a user gets into a running region, and what the region says about itself and this machine."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

from region.config import RegionConfig
from region.middleware.identity import CONTROLLER_ACCESS_KEY, CONTROLLER_SECRET_KEY
from region.world import lifecycle

_RUN = """#!/bin/sh
# Runs a command inside the local region {name}: AWS's host names resolve and are trusted there, instances answer.
set -eu
state={state}
fail() {{ echo "the local region {name} is not running; start it with the playbook apiary.swarm.sandbox" >&2; exit 1; }}
read -r pid namespace < "$state/pid" 2>/dev/null || fail
[ "$(readlink "/proc/$pid/ns/pid" 2>/dev/null)" = "$namespace" ] && readlink "/proc/$pid/ns/net" >/dev/null || fail
[ $# -gt 0 ] || {{ echo "usage: $0 COMMAND [ARGUMENT ...]" >&2; exit 2; }}
exec nsenter --target "$pid" --mount --pid --net --wd="$PWD" -- env {environment} "$@"
"""


def variables(config: RegionConfig) -> dict[str, str]:
    """Return the environment variables of commands inside the region."""
    bundle = str(config.ca_file.with_name("bundle.crt"))
    return {
        "AWS_ACCESS_KEY_ID": CONTROLLER_ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": CONTROLLER_SECRET_KEY,
        "AWS_DEFAULT_REGION": config.region,
        "AWS_REGION": config.region,
        "AWS_CA_BUNDLE": bundle,
        "REQUESTS_CA_BUNDLE": bundle,
        "CURL_CA_BUNDLE": bundle,
        "SSL_CERT_FILE": bundle,
        "AWS_EC2_METADATA_DISABLED": "true",  # the controller is no instance
        "DOCKER_HOST": "unix:///run/docker.sock",
        "APIARY_LOCAL_REGION": config.name,
        # Every region has the same addresses, and Ansible keeps connections for a while: here, where they end with it.
        "ANSIBLE_SSH_CONTROL_PATH_DIR": "/run/ansible",
        # For the same reason no host key is remembered: the next region has other keys at these addresses. These come
        # after what an inventory says.
        "ANSIBLE_SSH_EXTRA_ARGS": "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o LogLevel=ERROR",
    }


def write_run_script(config: RegionConfig) -> Path:
    """Write C(run), the way into the region, and return its path."""
    script = config.state_dir / "run"
    environment = " ".join(shlex.quote(f"{name}={value}") for name, value in variables(config).items())
    script.write_text(_RUN.format(name=config.name, state=shlex.quote(str(config.state_dir)), environment=environment))
    script.chmod(0o755)
    return script


def limits() -> list[str]:
    """Return what this machine's kernel cannot do, each with what follows for the user."""
    found = []
    try:
        ipvs = (
            Path("/proc/net/ip_vs").exists()
            or not subprocess.run(["modprobe", "--dry-run", "--quiet", "ip_vs"], check=False).returncode
        )
    except FileNotFoundError:
        ipvs = False
    if not ipvs:
        found.append(
            "this kernel has no IPVS: virtual IPs and the ingress routing mesh do not work here, so services need "
            "endpoint_mode dnsrr and ports of mode host; services reach each other as on AWS otherwise"
        )
    return found


def status(config: RegionConfig) -> dict[str, object]:
    """Return whether the region runs, its instances, and the limits of this machine."""
    running = lifecycle.running_pid(config) is not None
    answer: dict[str, object] = {"running": running, "name": config.name, "region": config.region, "limits": limits()}
    if running:
        answer["run"] = str(config.state_dir / "run")
        answer["instances"] = _instances(config)
    return answer


def _instances(config: RegionConfig) -> list[dict[str, str]]:
    script = config.state_dir / "run"
    if not script.exists():
        return []
    url = f"http://{config.api_address}/_region/instances"
    code = f"import urllib.request; print(urllib.request.urlopen({url!r}, timeout=10).read().decode())"
    command = [str(script), "python3", "-c", code]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return living(json.loads(answer.stdout)["instances"]) if answer.returncode == 0 else []


def living(instances: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return the instances that are not terminated, as rows of a table: those of a cluster together, managers first."""
    rows = [
        {
            "id": found["id"],
            "state": found["state"],
            "cluster": found["tags"].get("swarm:cluster", ""),
            "role": found["tags"].get("swarm:role", ""),
            "address": found["private_ip"] or "",
            "zone": found["az"],
            "type": found["instance_type"],
            "image": found["image_id"],
        }
        for found in instances
        if found["state"] != "terminated"
    ]
    return sorted(rows, key=lambda row: (row["cluster"], row["role"], row["zone"], row["id"]))
