# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From load balancers to HAProxy's configuration. Pure: text in, text out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from region.balancer.model import (
    Balancer,
    Condition,
    FixedResponse,
    Forward,
    Listener,
    Redirect,
    Rule,
    Snapshot,
    TargetGroup,
)

# What an ALB answers by itself. A refused connection is a 503 to HAProxy and a 502 to an ALB.
ERROR_FILES = {503: ("502.http", "502 Bad Gateway"), 504: ("504.http", "504 Gateway Time-out")}
DEFAULTS = """\
defaults
  mode http
  log global
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  # An ALB does not try again either.
  retries 0
  no option redispatch
  load-server-state-from-file global
"""


def error_file(status: str) -> str:
    """Return a whole HTTP response with *status*, such as C(502 Bad Gateway), as an ALB words it."""
    head, heading = f"<head><title>{status}</title></head>", f"<center><h1>{status}</h1></center>"
    body = f"<html>\r\n{head}\r\n<body>\r\n{heading}\r\n</body>\r\n</html>\r\n"
    return (
        f"HTTP/1.1 {status}\r\nServer: awselb/2.0\r\nContent-Type: text/html\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    )


def render(
    snapshot: Snapshot,
    addresses: Mapping[str, str],
    directory: Path,
    servers: Mapping[str, Iterable[str]],
) -> str:
    """Return the configuration of all listeners and target groups.

    :param addresses: the address of each load balancer, by ARN.
    :param directory: where error files and certificates (C(<listener key>.pem)) are.
    :param servers: the servers that each target group (by key) has already: name, address and parameters.
    """
    parts = [DEFAULTS]
    for balancer in snapshot.balancers:
        for listener in balancer.listeners:
            parts.append(_frontend(snapshot, balancer, listener, addresses[balancer.arn], directory))
    idle = {
        arn: balancer.idle_timeout
        for balancer in snapshot.balancers
        for listener in balancer.listeners
        for arn in forward_arns(listener.rules)
    }
    for arn, group in snapshot.groups.items():
        lines = _backend(group, idle.get(arn, 60), directory)
        lines += [f"server {server}" for server in servers.get(group.key, ())]
        parts.append(_section(f"backend {group.key}", lines))
    return "\n".join(parts)


def server_parameters(group: TargetGroup) -> str:
    """Return the parameters of each server of *group* once it has passed its first check."""
    check = group.check
    parts = [
        f"check inter {check.interval}s rise {check.healthy_threshold} fall {check.unhealthy_threshold}",
        *_common_parameters(group),
    ]
    if group.slow_start:
        parts.append(f"slowstart {group.slow_start}s")
    return " ".join(parts)


def first_parameters(group: TargetGroup) -> str:
    """Return the parameters of a server until its first good check: one is enough for a new target."""
    return " ".join(["check inter 1s rise 1 fall 1", *_common_parameters(group)])


def forward_arns(rules: Iterable[Rule]) -> list[str]:
    """Return the ARNs of all target groups that *rules* send to."""
    return [arn for rule in rules if isinstance(rule.action, Forward) for arn, _weight in rule.action.groups]


def quote(text: str) -> str:
    """Return *text* as one word of a configuration file."""
    if re.fullmatch(r"[\x20-\x26\x28-\x7e]+", text):
        return f"'{text}'"
    return "".join(f"\\x{byte:02x}" for byte in text.encode()) or '""'


def wildcard(pattern: str) -> str:
    """Return the regular expression for a pattern of an ALB: C(*) is any text, C(?) one character."""
    special = {"*": ".*", "?": "."}
    return f"^{''.join(special.get(char) or re.escape(char) for char in pattern)}$"


def _section(title: str, lines: Iterable[str]) -> str:
    return f"{title}\n" + "".join(f"  {line}\n" for line in lines)


def _common_parameters(group: TargetGroup) -> list[str]:
    parts = []
    if group.check.port is not None:
        parts.append(f"port {group.check.port}")
    if group.protocol == "HTTPS":
        parts.append("ssl verify none")  # as an ALB: targets' certificates are not validated
    if group.check.protocol == "HTTPS":
        parts.append("check-ssl verify none")
    return parts


def _frontend(snapshot: Snapshot, balancer: Balancer, listener: Listener, address: str, directory: Path) -> str:
    secure = listener.protocol in ("HTTPS", "TLS")
    bind = f"bind {address}:{listener.port}"
    if secure:
        bind += f" ssl crt {directory}/{listener.key}.pem alpn h2,http/1.1"
    lines = [bind, f"timeout client {balancer.idle_timeout}s"]
    if listener.protocol in ("TCP", "TLS"):
        arns = [arn for arn in forward_arns(listener.rules) if arn in snapshot.groups]
        lines += ["mode tcp", *(f"default_backend {snapshot.groups[arn].key}" for arn in arns[:1])]
        return _section(f"frontend {listener.key}", lines)
    lines += [
        'http-request set-header X-Forwarded-For "%[req.fhdr(X-Forwarded-For)], %[src]" '
        "if { req.hdr(X-Forwarded-For) -m found }",
        "http-request set-header X-Forwarded-For %[src] unless { req.hdr(X-Forwarded-For) -m found }",
        f"http-request set-header X-Forwarded-Proto {'https' if secure else 'http'}",
        f"http-request set-header X-Forwarded-Port {listener.port}",
        "http-request set-header X-Amzn-Trace-Id Root=1-%[uuid] unless { req.hdr(X-Amzn-Trace-Id) -m found }",
        *(f"errorfile {status} {directory}/{name}" for status, (name, dummy) in ERROR_FILES.items()),
    ]
    actions: list[str] = []
    for number, rule in enumerate(listener.rules, 1):
        conditions = " ".join(_condition(condition) for condition in rule.conditions)
        lines.append(
            f"http-request set-var(txn.rule) int({number}) if !{{ var(txn.rule) -m found }} {conditions}".rstrip()
        )
        actions += _action(snapshot, rule, listener, f"{{ var(txn.rule) -m int {number} }}")
    lines += [line for line in actions if line.startswith("http-request")]
    lines += [line for line in actions if not line.startswith("http-request")]
    return _section(f"frontend {listener.key}", lines)


def _condition(condition: Condition) -> str:
    patterns = " ".join(quote(wildcard(value)) for value in condition.values)
    match condition.field:
        case "path-pattern":
            return f"{{ path -m reg {patterns} }}"
        case "host-header":
            return f"{{ req.hdr(host),field(1,:) -i -m reg {patterns} }}"
        case "http-header":
            return f"{{ req.hdr({condition.name}) -i -m reg {patterns} }}"
        case "query-string" if condition.name:
            return f"{{ url_param({condition.name}) -i -m reg {patterns} }}"
        case "query-string":
            anywhere = " ".join(quote(f"(^|&|=){wildcard(value)[1:-1]}($|&)") for value in condition.values)
            return f"{{ query -i -m reg {anywhere} }}"
        case "http-request-method":
            return f"{{ method {' '.join(condition.values)} }}"
        case "source-ip":
            return f"{{ src {' '.join(condition.values)} }}"
    raise ValueError(f"a rule has the unknown condition {condition.field!r}")


def _action(snapshot: Snapshot, rule: Rule, listener: Listener, chosen: str) -> list[str]:
    action = rule.action
    if isinstance(action, FixedResponse):
        content = f"content-type {quote(action.content_type)} string {quote(action.body)}" if action.body else ""
        return [f"http-request return status {action.status} {content} if {chosen}"]
    if isinstance(action, Redirect):
        return _redirect(action, listener, chosen)
    groups = [(arn, weight) for arn, weight in action.groups if arn in snapshot.groups and weight > 0]
    total = sum(weight for dummy, weight in groups)
    if not groups:
        return [f"http-request return status 503 if {chosen}"]
    lines = [f"http-request set-var(txn.dice) rand({total}) if {chosen}"] if len(groups) > 1 else []
    bound = 0
    for arn, weight in groups:
        bound += weight
        last = bound == total
        drawn = chosen if last else f"{chosen} {{ var(txn.dice) -m int lt {bound} }}"
        key = snapshot.groups[arn].key
        lines.append(f"use_backend {key} if {drawn}")
        # Backends are tried in this order, so a request gets here only when none of the earlier ones was drawn.
        drawn = f"{chosen} {{ var(txn.dice) -m int ge {bound - weight} }}" if bound > weight else chosen
        below = "" if last else f" {{ var(txn.dice) -m int lt {bound} }}"
        lines.append(
            "http-request return status 503 content-type text/html hdr Server awselb/2.0 "
            f"string {quote('<h1>503 Service Temporarily Unavailable</h1>')} if {drawn}{below} {{ nbsrv({key}) eq 0 }}"
        )
    return lines


def _redirect(action: Redirect, listener: Listener, chosen: str) -> list[str]:
    values = {
        "#{protocol}": "https" if listener.protocol == "HTTPS" else "http",
        "#{host}": "%[req.hdr(host),field(1,:)]",
        "#{port}": str(listener.port),
        "#{path}": "%[path,regsub(^/,)]",
        "#{query}": "%[query]",
    }
    location = f"{action.protocol.lower()}://{action.host}:{action.port}{action.path}"
    if action.query not in ("", "#{query}"):
        location += f"?{action.query}"
    for placeholder, value in values.items():
        location = location.replace(placeholder, value)
    if action.query != "#{query}":
        return [f'http-request redirect code {action.status} location "{location}" if {chosen}']
    return [
        f'http-request redirect code {action.status} location "{location}?%[query]" if {chosen} {{ query -m found }}',
        f'http-request redirect code {action.status} location "{location}" if {chosen}',
    ]


def _backend(group: TargetGroup, idle_timeout: int, directory: Path) -> list[str]:
    check = group.check
    lines = [
        # A change of these means a new configuration, like any other line.
        f"# {server_parameters(group)}",
        "balance leastconn" if group.algorithm == "least_outstanding_requests" else "balance roundrobin",
        f"timeout server {idle_timeout}s",
        f"timeout check {check.timeout}s",
    ]
    if group.protocol in ("TCP", "TLS"):
        lines.insert(0, "mode tcp")
    else:
        lines += [f"errorfile {status} {directory}/{name}" for status, (name, dummy) in ERROR_FILES.items()]
        if group.stickiness is not None:
            lines.append(f"cookie AWSALB insert indirect nocache dynamic maxlife {group.stickiness}s attr SameSite=Lax")
            lines.append(f"dynamic-cookie-key {group.key}")
    if check.protocol in ("HTTP", "HTTPS"):
        lines += [
            "option httpchk",
            f"http-check send meth GET uri {quote(check.path)} ver HTTP/1.1 hdr Host localhost "
            "hdr User-Agent ELB-HealthChecker/2.0 hdr Connection close",
            f"http-check expect status {check.matcher}",
        ]
    return lines
