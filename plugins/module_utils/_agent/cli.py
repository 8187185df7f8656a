# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The agent's command line."""

from __future__ import annotations

import argparse
import json
import socket
import sys
import time
import typing as t
from pathlib import Path

from .._errors import SwarmError
from .diary import Diary
from .edge import image as edge_image
from .edge.container import ContainerOptions, EdgeContainer
from .edge.follow import Edge
from .edge.nginx import EdgeOptions
from .engine import LocalEngine
from .image import clean, hygiene
from .imds import Imds, ImdsError
from .loop import Agent
from .membership.join import Joiner
from .settings import IMAGE_FILES, NODE_FILE, STATE_DIR, Settings, load


def main(argv: t.Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="apiary-swarm-agent", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("join", help="get this node into its swarm, however long that takes")
    commands.add_parser("agent", help="stay in the swarm, leave in order, keep house on the leader")
    commands.add_parser("edge", help="follow the managers' route feed with this node's nginx")
    commands.add_parser("edge-image", help="make the edge's container image from this node's nginx")
    commands.add_parser("status", help="print what this node knows, as JSON")
    commands.add_parser("clean", help="remove what belongs to the builder, then check as for an image")
    checks = commands.add_parser(
        "hygiene", help="check that an image or a fresh instance carries nothing it should not"
    )
    checks.add_argument("phase", choices=hygiene.PHASES)
    options = parser.parse_args(argv)
    try:
        return _COMMANDS[options.command](options)
    except SwarmError as exc:
        sys.stderr.write(f"{exc.message}\n")
        return 1


def _show(value: t.Any) -> None:
    sys.stdout.write(f"{json.dumps(value, indent=1)}\n")


def _log(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()  # the journal shows it at once


def _join(_options: argparse.Namespace) -> int:
    settings = load()
    Joiner(settings, _patient(Imds().identity), LocalEngine(), _log).run()
    return 0


def _agent(_options: argparse.Namespace) -> int:
    imds = Imds()
    Agent(load(), imds, _patient(imds.identity), LocalEngine(), _log).run()
    return 0


def _edge(_options: argparse.Namespace) -> int:
    settings, imds, engine = load(), Imds(), LocalEngine()
    identity = _patient(imds.identity)
    folder = STATE_DIR / "edge"
    container = ContainerOptions(
        folder=str(folder),
        network=settings.edge_network,
        log_driver=settings.edge_log_driver,
        log_options=_log_options(settings),
    )
    options = EdgeOptions(
        node=socket.gethostname(),
        trusted_proxies=settings.trusted_proxies or _patient(imds.vpc_ranges),
        max_body=settings.edge_max_body,
        drain_seconds=settings.edge_drain_seconds,
    )
    client = EdgeContainer(engine, container, _log)
    Edge(engine, client, folder, options, identity.private_ip, settings.feed_port, _log).run()
    return 0


def _log_options(settings: Settings) -> tuple[tuple[str, str], ...]:
    if settings.edge_log_driver != "awslogs":
        return ()
    return (
        ("awslogs-region", settings.region),
        ("awslogs-group", f"{settings.prefix}/edge"),
        ("awslogs-stream", socket.gethostname()),
        ("mode", "non-blocking"),
        ("max-buffer-size", "25m"),
    )


def _edge_image(_options: argparse.Namespace) -> int:
    made = edge_image.build(LocalEngine())
    _log("made" if made else "unchanged")
    return 0


def _clean(_options: argparse.Namespace) -> int:
    removed = clean.clean(Path("/"))
    return _report("image", removed=removed)


def _hygiene(options: argparse.Namespace) -> int:
    return _report(options.phase)


def _report(phase: str, **more: t.Any) -> int:
    findings = hygiene.check(phase, Path("/"))
    _show({"phase": phase, "checks": [finding._asdict() for finding in findings], **more})
    return 0 if all(finding.ok for finding in findings) else 3


def _status(_options: argparse.Namespace) -> int:
    settings, engine = load(), LocalEngine()
    membership = engine.membership()
    _show(
        {
            "cluster": settings.cluster,
            "region": settings.region,
            "role": settings.role,
            "join_source": settings.join_source,
            "state": membership.state,
            "manager": membership.manager,
            "node_id": engine.node_id(),
            "managers": engine.manager_addresses(),
            "settings": [str(path) for path in (*IMAGE_FILES, NODE_FILE) if path.exists()],
        }
    )
    return 0 if membership.state == "active" else 4


_T = t.TypeVar("_T")


def _patient(ask: t.Callable[[], _T]) -> _T:
    """Ask the metadata service until it answers: early at boot it may not."""
    diary = Diary(_log)
    while True:
        try:
            return ask()
        except ImdsError as exc:
            diary.say("metadata", f"will try again: {exc.message}")
            time.sleep(1)


_COMMANDS: dict[str, t.Callable[[argparse.Namespace], int]] = {
    "join": _join,
    "agent": _agent,
    "edge": _edge,
    "edge-image": _edge_image,
    "status": _status,
    "clean": _clean,
    "hygiene": _hygiene,
}

if __name__ == "__main__":
    raise SystemExit(main())
