# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes as nginx configuration. Pure: the same routes give the same text."""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
import re
import typing as t
from dataclasses import dataclass

from .routes import Route, Routes

ANY_HOST = ""

#: What the edge itself has to say when nginx would answer with a page of its own. Answers of services pass as they are,
#: for C(proxy_intercept_errors) is off. 494 is nginx's own number for headers that are too large; it is sent as 400.
PROBLEMS = {
    400: "bad request",
    403: "forbidden",
    404: "not found",
    405: "method not allowed",
    408: "request took too long to arrive",
    411: "length required",
    413: "request body too large",
    414: "address too long",
    416: "range not satisfiable",
    494: "request headers too large",
    500: "edge failed",
    501: "not implemented",
    502: "no task answered",
    503: "unavailable",
    504: "task took too long to answer",
    505: "HTTP version not supported",
}


@dataclass(frozen=True)
class EdgeOptions:
    """How the edge serves, apart from its routes.

    :ivar node: Host name of the node, sent in the response header C(X-Edge-Node).
    :ivar trusted_proxies: CIDR ranges whose X-Forwarded-For and X-Forwarded-Proto are believed: the load balancer's.
    :ivar max_body: Largest request body, in nginx's notation.
    :ivar drain_seconds: How long workers of the former configuration may finish their requests.
    :ivar routes_file: The feed's document inside the container, served at C(/_edge/routes).
    :ivar local_ranges: Who may read C(/_edge/routes): the node itself, which arrives through Docker's bridge.
    """

    node: str
    trusted_proxies: tuple[str, ...] = ()
    max_body: str = "100m"
    drain_seconds: int = 60
    routes_file: str = "/etc/edge/routes.json"
    local_ranges: tuple[str, ...] = ("127.0.0.0/8", "172.28.0.0/14")


@dataclass(frozen=True)
class Group:
    """Services that share a host and a path, hence an upstream."""

    host: str
    path: str
    routes: tuple[Route, ...]

    @property
    def name(self) -> str:
        """Name of the upstream: readable, and its own for every host and path."""
        slug = re.sub(r"[^a-z0-9]+", "_", f"{self.host or 'any'}{self.path}".lower()).strip("_")
        return f"edge_{slug}_{_digest(self.host + self.path)}"

    def servers(self) -> list[tuple[str, int]]:
        """Return (address:port, weight) of each task.

        Each service gets its weight's share of the traffic, whatever the number of its tasks. When every weight is 0,
        all count alike: a route is taken away by removing its labels, not by weighing nothing.
        """
        alive = [route for route in self.routes if route.tasks and route.weight] or [r for r in self.routes if r.tasks]
        counts = [len(route.tasks) for route in alive]
        common = functools.reduce(lambda a, b: a * b // math.gcd(a, b), counts, 1)
        shares = [(route, max(route.weight, 1) * common // len(route.tasks)) for route in alive]
        divisor = functools.reduce(math.gcd, (share for _route, share in shares), 0) or 1
        found = ((f"{task.address}:{route.port}", share // divisor) for route, share in shares for task in route.tasks)
        return sorted(found)


def groups(routes: Routes) -> dict[str, list[Group]]:
    """Return host → groups with the longest path first; a host also has what is routed for every host."""
    ordered = sorted(routes.routes, key=lambda route: (route.host, route.path, route.service))
    single = [
        Group(host, path, tuple(members))
        for (host, path), members in itertools.groupby(ordered, key=lambda route: (route.host, route.path))
    ]
    everywhere = [group for group in single if group.host == ANY_HOST]
    hosts: dict[str, list[Group]] = {ANY_HOST: everywhere}
    for host in sorted({group.host for group in single} - {ANY_HOST}):
        own = [group for group in single if group.host == host]
        taken = {group.path for group in own}
        hosts[host] = own + [group for group in everywhere if group.path not in taken]
    return {host: sorted(found, key=lambda group: (-len(group.path), group.path)) for host, found in hosts.items()}


def render(routes: Routes, options: EdgeOptions) -> str:
    """Return the whole nginx configuration."""
    by_host = groups(routes)
    unique = {group.name: group for found in by_host.values() for group in found}
    lines = [*_head(options)]
    for name in sorted(unique):
        lines += _upstream(unique[name])
    for host, found in by_host.items():
        lines += _server(host, found, options)
    return "\n".join([*lines, "}", ""])


def _head(options: EdgeOptions) -> t.Iterator[str]:
    proto = "$http_x_forwarded_proto" if options.trusted_proxies else "$scheme"
    problems = "\n        ".join(f'{status} "{words}";' for status, words in PROBLEMS.items())
    yield from f"""\
# Written by the edge agent; changes are lost.
worker_processes auto;
worker_shutdown_timeout {options.drain_seconds}s;
worker_rlimit_nofile 65536;
pid /tmp/nginx.pid;
error_log stderr warn;

events {{
    worker_connections 8192;
}}

http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    server_tokens off;
    server_names_hash_bucket_size 512;
    client_body_temp_path /tmp/body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;
    client_max_body_size {options.max_body};

    # A reload closes idle client connections at once, and a request that is just arriving on one is lost. The load
    # balancer therefore opens a connection for each request: close by, that costs a fraction of a millisecond.
    keepalive_timeout 0;

    log_format edge escape=json '{{"time":"$time_iso8601","client":"$remote_addr","host":"$host",'
        '"method":"$request_method","uri":"$request_uri","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time,'
        '"upstream":"$upstream_addr","upstream_status":"$upstream_status","upstream_seconds":"$upstream_response_time",'
        '"request_id":"$request_id"}}';
    access_log /dev/stdout edge;

    map $http_upgrade $edge_connection {{
        default upgrade;
        "" "";
    }}
    map {proto} $edge_proto {{
        default $scheme;
        https https;
    }}
    map $host $edge_asked_host {{
        default "?";
        "~^[A-Za-z0-9.-]+$" $host;
    }}
    map $status $edge_problem {{
        default error;
        {problems}
    }}
    error_page {" ".join(map(str, PROBLEMS))} /_edge/error;
    map $cookie_edge_sticky $edge_sticky {{
        default $cookie_edge_sticky;
        "" $request_id;
    }}
    map $cookie_edge_sticky $edge_sticky_cookie {{
        default "";
        "" "edge_sticky=$request_id; Path=/; HttpOnly; SameSite=Lax";
    }}
""".splitlines()
    for cidr in options.trusted_proxies:
        yield f"    set_real_ip_from {cidr};"
    if options.trusted_proxies:
        yield "    real_ip_header X-Forwarded-For;"
        yield "    real_ip_recursive on;"
    yield from """
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Connection $edge_connection;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $edge_proto;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_set_header X-Request-Id $request_id;
    proxy_connect_timeout 2s;
    # nginx never sends a request that may not be repeated (POST, PATCH ...) a second time.
    proxy_next_upstream error timeout;
    proxy_next_upstream_tries 3;
    proxy_next_upstream_timeout 10s;
""".splitlines()


def _upstream(group: Group) -> t.Iterator[str]:
    servers = group.servers()
    if not servers:
        return
    balance = group.routes[0].balance
    yield f"    upstream {group.name} {{"
    # Shared by all worker processes, so that they balance as one.
    yield f"        zone {group.name} {128 * (1 + len(servers) // 100)}k;"
    if balance == "least_conn":
        yield "        least_conn;"
    elif balance == "sticky":
        yield "        hash $edge_sticky consistent;"
    for address, weight in servers:
        share = f" weight={weight}" if weight != 1 else ""
        yield f"        server {address}{share} max_fails=1 fail_timeout=2s;"
    yield "        keepalive 32;"
    yield "    }"
    yield ""


def _server(host: str, found: t.Sequence[Group], options: EdgeOptions) -> t.Iterator[str]:
    node = f'add_header X-Edge-Node "{options.node}" always;'
    yield "    server {"
    if host == ANY_HOST:
        yield "        listen 80 default_server;"
        yield "        server_name _;"
        yield from f"""
        location = /_edge/health {{
            access_log off;
            default_type text/plain;
            {node}
            return 200 "ok\\n";
        }}
        location = /_edge/routes {{
            access_log off;
            default_type application/json;""".splitlines()
        for cidr in options.local_ranges:
            yield f"            allow {cidr};"
        yield "            deny all;"
        yield f"            alias {options.routes_file};"
        yield "        }"
    else:
        yield "        listen 80;"
        yield f"        server_name {host};"
    # error_page keeps the status; 200 is only what the text is returned with.
    yield from f"""
        location = /_edge/error {{
            internal;
            default_type application/json;
            {node}
            return 200 '{{"error":"$edge_problem"}}\\n';
        }}""".splitlines()
    for group in found:
        yield from _locations(group, node)
    if all(group.path != "/" for group in found):
        yield from _answer("/", node, 404, '{"error":"no route","host":"$edge_asked_host"}')
    yield "    }"
    yield ""


def _locations(group: Group, node: str) -> t.Iterator[str]:
    # Whole segments: /api takes /api and /api/x, but not /apix.
    matches = ["/"] if group.path == "/" else [f"= {group.path}", f"{group.path}/"]
    services = ", ".join(route.service for route in group.routes)
    for match in matches:
        if not group.servers():
            yield from _answer(match, node, 503, f'{{"error":"no running task","service":"{services}"}}')
            continue
        yield f"        location {match} {{  # {services}"
        yield f"            {node}"
        if group.routes[0].balance == "sticky":
            yield "            add_header Set-Cookie $edge_sticky_cookie always;"
        yield f"            proxy_pass http://{group.name};"
        yield "        }"


def _answer(match: str, node: str, status: int, body: str) -> t.Iterator[str]:
    yield f"        location {match} {{"
    yield "            default_type application/json;"
    yield f"            {node}"
    yield f"            return {status} '{body}\\n';"
    yield "        }"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
