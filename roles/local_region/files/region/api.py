# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The region's main process: AWS's APIs, instance metadata, and the loop that makes their promises real."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from region import emulator
from region.balancer.control import LoadBalancers
from region.config import RegionConfig
from region.emulator import ecr, elbv2
from region.machines import imds, metadata, tunnels
from region.machines.instances import Reconciler
from region.machines.nodes import Nodes
from region.registry import hooks as registry_hooks
from region.registry.server import Registry
from region.world import supervisor, tls
from region.world.dns import Dns

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Wsgi = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]
_LOG = logging.getLogger(__name__)
_TICK = 1.0  # seconds between two looks when nothing calls for one


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Every call is in the call record already."""


def main(config: RegionConfig) -> None:
    """Run the region; returns only by an exception, which ends the region."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, force=True, format="%(asctime)s %(name)s %(message)s")
    emulator.install(config, time.time)
    ecr.install(registry_hooks.store)
    elbv2.install()
    dns = Dns(config)
    dns.start()
    supervisor.wait_for_engine()
    nodes = Nodes(config, supervisor.DOCKER_SOCKET)
    for release, image_id in emulator.register_base_images().items():
        nodes.load_base(image_id, release)
    Registry(config, ecr.Catalogue(), ecr.tokens).start()
    _serve_api(config)
    _in_background(lambda: imds.serve(config.imds_address, metadata.describe))
    reconciler = Reconciler(nodes)
    (config.state_dir / "ready").touch()
    _loop([emulator_tick, reconciler.sync, LoadBalancers(config, dns).sync])


def emulator_tick() -> None:
    """Let the emulator do what depends on time."""
    emulator.tick(time.time())


def _serve_api(config: RegionConfig) -> None:
    application = tunnels.carrying(_with_instances(emulator.application(config)))
    certificate, key = tls.issue(config, "api", tls.api_names(), [config.api_address])
    secure = make_server(
        config.api_address,
        443,
        application,
        threaded=True,
        request_handler=_Handler,
        ssl_context=tls.server_context(certificate, key),
    )
    plain = make_server(config.api_address, 80, application, threaded=True, request_handler=_Handler)
    for server in (secure, plain):
        _in_background(server.serve_forever)


def _with_instances(application: Wsgi) -> Wsgi:
    """Add C(/_region/instances), the list that "status" shows, to the API's own endpoints."""

    def answer(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != "/_region/instances":
            return application(environ, start_response)
        shown = ("id", "state", "image_id", "instance_type", "private_ip", "az", "tags")
        found = [{name: getattr(instance, name) for name in shown} for instance in emulator.view.instances()]
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"instances": found}).encode()]

    return answer


def _in_background(target: Callable[[], object]) -> None:
    threading.Thread(target=target, daemon=True).start()


def _loop(parts: list[Callable[[], None]]) -> None:
    while True:
        emulator.events.wait(_TICK)
        emulator.events.clear()
        for part in parts:
            try:
                part()
            except Exception:
                # One bad state must not end the region; the log and the state itself tell.
                _LOG.exception("the region's loop stumbled")
