# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ECR's registries: Debian's docker-registry behind Debian's nginx, with ECR's API as the judge."""

from __future__ import annotations

import http.client
import json
import secrets
import threading
import time
from pathlib import Path
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from region.config import RegionConfig
from region.registry.auth import Tokens
from region.registry.hooks import PREFIX, STORAGE, Catalogue, Hooks
from region.world import tls
from region.world.children import Child, ChildError

HOOKS = ("127.0.0.1", 5001)
START_TIMEOUT = 15.0  # seconds


class Registry:
    """All registries of the region, under the names C(<account>.dkr.ecr.<region>.amazonaws.com).

    The parts: nginx (TLS on C(registry_address), port 443) asks L(hooks_app) about each request, sends layers to
    docker-registry on C(127.0.0.1:5000) and manifests to the hooks.
    """

    def __init__(self, config: RegionConfig, catalogue: Catalogue, tokens: Tokens) -> None:
        """Serve the region *config* with what *catalogue* knows, to holders of *tokens*."""
        self._config = config
        self._directory = config.state_dir / "registry"
        self.hooks_app = Hooks(catalogue, tokens)
        self._server: BaseWSGIServer | None = None
        log = config.state_dir / "log"
        storage_file, nginx_file = self._directory / "storage.json", self._directory / "nginx.conf"
        self._storage = Child("docker-registry", ["docker-registry", "serve", str(storage_file)], log / "registry.log")
        self._nginx = Child("nginx", ["nginx", "-c", str(nginx_file), "-e", "stderr"], log / "registry-nginx.log")

    def start(self) -> None:
        """Start all parts and wait until they answer. C(registry_address) must be on an interface already.

        :raises ChildError: a part did not answer within 15 seconds; the message ends with its log.
        """
        (self._directory / "nginx").mkdir(parents=True, exist_ok=True)
        certificate, key = tls.issue(self._config, "registry", tls.registry_names())
        (self._directory / "storage.json").write_text(json.dumps(storage_configuration(self._directory), indent=2))
        (self._directory / "nginx.conf").write_text(
            nginx_configuration(self._config, self._directory, certificate, key)
        )
        self._server = make_server(*HOOKS, self.hooks_app, threaded=True, request_handler=_QuietHandler)
        threading.Thread(target=self._server.serve_forever, name="registry-hooks", daemon=True).start()
        self._storage.start()
        self._wait_for(self._storage, *STORAGE)
        self._nginx.start()
        self._wait_for(self._nginx, self._config.registry_address, 8080)

    def stop(self) -> None:
        """Stop all parts."""
        self._nginx.stop()
        self._storage.stop()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _wait_for(self, child: Child, host: str, port: int) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not _answers(host, port):
            if not child.running or time.monotonic() > deadline:
                raise ChildError(f"the registry's {child.name} did not start:\n{child.tail()}")
            time.sleep(0.05)


class _QuietHandler(WSGIRequestHandler):
    """Keeps requests out of the API process's log: nginx has an access log of its own."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing."""


def storage_configuration(directory: Path) -> dict[str, Any]:
    """Return docker-registry's configuration; it keeps its data below *directory*. JSON is YAML as well."""
    host, port = STORAGE
    return {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(directory / "data"), "maxthreads": 100},
            "cache": {"blobdescriptor": "inmemory"},
            "delete": {"enabled": True},
        },
        # The secret signs the state of an upload, which the client carries from one request to the next.
        "http": {"addr": f"{host}:{port}", "secret": secrets.token_hex(16), "relativeurls": True},
    }


def nginx_configuration(config: RegionConfig, directory: Path, certificate: Path, key: Path) -> str:
    """Return nginx's configuration.

    Each registry's repositories lie below C(<account>/<region>/) in the storage; clients do not see that. Bodies are
    streamed in both directions and may have any size.
    """
    temporary = "\n".join(
        f"  {kind}_temp_path {directory}/nginx/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    hooks, storage = (f"{host}:{port}" for host, port in (HOOKS, STORAGE))
    # nginx inherits these only into blocks that set no header of their own.
    request = """\
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Original-Host $host;
    proxy_set_header X-Original-Method $request_method;
    proxy_set_header X-Original-URI $request_uri;"""
    return f"""\
daemon off;
pid {directory}/nginx/nginx.pid;
error_log stderr warn;
worker_processes 2;
user root;  # a change of user would take the parent-death signal away
events {{ worker_connections 1024; }}
http {{
{temporary}
  access_log {config.state_dir}/log/registry-access.log;
  client_max_body_size 0;
  # Authorization tokens are long.
  large_client_header_buffers 4 16k;
  map $host $registry {{
    ~^(?<account>\\d+)\\.dkr\\.ecr\\.(?<region>[a-z0-9-]+)\\.amazonaws\\.com$ $account/$region;
  }}
  # A layer may be mounted from another repository of the same registry.
  map $arg_from $blob_args {{
    "" $args;
    default mount=$arg_mount&from=$registry/$arg_from;
  }}
  upstream hooks {{ server {hooks}; }}
  upstream storage {{ server {storage}; keepalive 16; }}
  server {{
    # Answers without asking anybody: tells whether nginx is up.
    listen {config.registry_address}:8080;
    location / {{ return 204; }}
  }}
  server {{
    listen {config.registry_address}:443 ssl;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_session_cache shared:tls:1m;
    server_tokens off;
    add_header Docker-Distribution-Api-Version registry/2.0 always;
    proxy_http_version 1.1;
    proxy_request_buffering off;
    proxy_max_temp_file_size 0;
    proxy_read_timeout 600s;
    proxy_send_timeout 600s;
{request}
    auth_request /_auth;
    error_page 403 = @denied;
    location = /_auth {{
      internal;
      proxy_pass http://hooks{PREFIX}/auth;
{request}
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
    }}
    location @denied {{
      auth_request off;
      rewrite ^ {PREFIX}/denied break;
      proxy_pass http://hooks;
{request}
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
    }}
    location ~ ^/v2/(?<path>.+/blobs/.*)$ {{
      proxy_pass http://storage/v2/$registry/$path?$blob_args;
      proxy_redirect ~^/v2/[0-9]+/[a-z0-9-]+/(.*)$ /v2/$1;
      proxy_set_header Authorization "";
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
    }}
    location / {{
      # Manifests are small; the hooks want them with their length.
      proxy_request_buffering on;
      proxy_pass http://hooks;
    }}
  }}
}}
"""


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=1)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except OSError:
        return False
    finally:
        connection.close()
    return True
