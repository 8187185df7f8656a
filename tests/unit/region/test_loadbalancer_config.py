# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy's configuration, as text; HAProxy itself judges it in the test of the local region."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from region.balancer import config as haproxy_config
from region.balancer.model import (
    Balancer,
    Condition,
    FixedResponse,
    Forward,
    HealthCheck,
    Listener,
    Redirect,
    Rule,
    Snapshot,
    TargetGroup,
)

CHECK = HealthCheck("HTTP", None, "/health", "200-299", 5, 2, 3, 2)
GROUP = TargetGroup("arn:tg", "edge-1", "HTTP", "round_robin", None, 0, 30, CHECK, ())
OTHER = replace(GROUP, arn="arn:other", key="other-2")


def render(*rules: Rule, groups: tuple[TargetGroup, ...] = (GROUP, OTHER), protocol: str = "HTTP") -> str:
    """The configuration of one listener with these rules."""
    listener = Listener("listener-1", 80, protocol, (), rules or (Rule((), Forward((("arn:tg", 1),))),))
    balancer = Balancer("arn:lb", "web", "web-1.us-east-1.elb.amazonaws.com", 60, (listener,))
    snapshot = Snapshot((balancer,), {group.arn: group for group in groups})
    return haproxy_config.render(
        snapshot, {"arn:lb": "100.100.1.1"}, Path("/lb"), {"edge-1": ["i-1 10.0.0.1:80 check"]}
    )


def section(text: str, title: str) -> list[str]:
    """The lines of one section."""
    match = re.search(rf"^{title}\n((?:  .*\n)*)", text, re.MULTILINE)
    assert match is not None
    return [line.strip() for line in match[1].splitlines()]


def test_listener_and_group_become_frontend_and_backend() -> None:
    text = render()
    frontend, backend = section(text, "frontend listener-1"), section(text, "backend edge-1")
    assert frontend[:2] == ["bind 100.100.1.1:80", "timeout client 60s"]
    assert "use_backend edge-1 if { var(txn.rule) -m int 1 }" in frontend
    assert "http-request set-header X-Forwarded-Port 80" in frontend
    assert "http-request set-header X-Forwarded-Proto http" in frontend
    assert {"balance roundrobin", "timeout server 60s", "timeout check 2s", "option httpchk"} <= set(backend)
    assert "http-check expect status 200-299" in backend
    assert backend[-1] == "server i-1 10.0.0.1:80 check"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"algorithm": "least_outstanding_requests"}, "balance leastconn"),
        ({"stickiness": 60}, "cookie AWSALB insert indirect nocache dynamic maxlife 60s attr SameSite=Lax"),
        ({"protocol": "TCP"}, "mode tcp"),
        ({"slow_start": 30}, "# check inter 5s rise 3 fall 2 slowstart 30s"),
        ({"protocol": "HTTPS"}, "# check inter 5s rise 3 fall 2 ssl verify none"),
        ({"check": replace(CHECK, port=81)}, "# check inter 5s rise 3 fall 2 port 81"),
        ({"check": replace(CHECK, interval=30)}, "# check inter 30s rise 3 fall 2"),
    ],
)
def test_setting_of_a_group_shows_in_its_backend(change: dict[str, object], line: str) -> None:
    assert line in section(render(groups=(replace(GROUP, **change),)), "backend edge-1")  # type: ignore[arg-type]


def test_group_checked_by_tcp_has_no_http_check() -> None:
    group = replace(GROUP, check=replace(CHECK, protocol="TCP"))
    assert not [line for line in section(render(groups=(group,)), "backend edge-1") if "http-check" in line]


@pytest.mark.parametrize(
    ("condition", "expression"),
    [
        (Condition("path-pattern", ("/api/*", "/v?")), "{ path -m reg '^/api/.*$' '^/v.$' }"),
        (Condition("host-header", ("*.example.com",)), r"{ req.hdr(host),field(1,:) -i -m reg '^.*\.example\.com$' }"),
        (Condition("http-header", ("yes",), "X-Canary"), "{ req.hdr(X-Canary) -i -m reg '^yes$' }"),
        (Condition("query-string", ("2",), "v"), "{ url_param(v) -i -m reg '^2$' }"),
        (Condition("query-string", ("2",)), "{ query -i -m reg '(^|&|=)2($|&)' }"),
        (Condition("http-request-method", ("GET", "HEAD")), "{ method GET HEAD }"),
        (Condition("source-ip", ("10.0.0.0/8",)), "{ src 10.0.0.0/8 }"),
    ],
)
def test_condition_becomes_an_expression(condition: Condition, expression: str) -> None:
    lines = section(render(Rule((condition,), Forward((("arn:tg", 1),)))), "frontend listener-1")
    assert f"http-request set-var(txn.rule) int(1) if !{{ var(txn.rule) -m found }} {expression}" in lines


def test_unknown_condition_is_an_error() -> None:
    with pytest.raises(ValueError, match="the unknown condition 'moon-phase'"):
        render(Rule((Condition("moon-phase", ("full",)),), Forward((("arn:tg", 1),))))


def test_weights_become_a_draw() -> None:
    lines = section(render(Rule((), Forward((("arn:tg", 1), ("arn:other", 3))))), "frontend listener-1")
    assert "http-request set-var(txn.dice) rand(4) if { var(txn.rule) -m int 1 }" in lines
    assert lines[-2:] == [
        "use_backend edge-1 if { var(txn.rule) -m int 1 } { var(txn.dice) -m int lt 1 }",
        "use_backend other-2 if { var(txn.rule) -m int 1 }",
    ]


def test_group_without_weight_or_without_being_gets_nothing() -> None:
    lines = section(render(Rule((), Forward((("arn:tg", 0), ("arn:gone", 3))))), "frontend listener-1")
    assert "http-request return status 503 if { var(txn.rule) -m int 1 }" in lines


def test_fixed_response_may_have_any_text() -> None:
    lines = section(render(Rule((), FixedResponse(418, "text/plain", 'it\'s\na "pot"'))), "frontend listener-1")
    (line,) = [line for line in lines if "status 418" in line]
    assert "content-type 'text/plain' string " in line
    assert bytes.fromhex(line.split("string ")[1].split(" ")[0].replace("\\x", "")).decode() == 'it\'s\na "pot"'


@pytest.mark.parametrize(
    ("redirect", "location"),
    [
        (
            Redirect("HTTPS", "#{host}", "443", "/#{path}", "#{query}", 301),
            "https://%[req.hdr(host),field(1,:)]:443/%[path,regsub(^/,)]",
        ),
        (Redirect("#{protocol}", "b.example", "#{port}", "/new", "a=1", 302), "http://b.example:80/new?a=1"),
    ],
)
def test_redirect_fills_in_the_parts(redirect: Redirect, location: str) -> None:
    lines = section(render(Rule((), redirect)), "frontend listener-1")
    wanted = f'http-request redirect code {redirect.status} location "{location}" if {{ var(txn.rule) -m int 1 }}'
    assert wanted in lines
    assert (f'location "{location}?%[query]"' in "".join(lines)) == (redirect.query == "#{query}")


def test_secure_listener_has_a_certificate_and_says_so() -> None:
    lines = section(render(protocol="HTTPS"), "frontend listener-1")
    assert lines[0] == "bind 100.100.1.1:80 ssl crt /lb/listener-1.pem alpn h2,http/1.1"
    assert "http-request set-header X-Forwarded-Proto https" in lines


def test_network_listener_passes_bytes() -> None:
    lines = section(render(protocol="TCP"), "frontend listener-1")
    assert lines == ["bind 100.100.1.1:80", "timeout client 60s", "mode tcp", "default_backend edge-1"]


def test_error_page_is_a_whole_response() -> None:
    head, body = haproxy_config.error_file("502 Bad Gateway").split("\r\n\r\n", 1)
    assert head.startswith("HTTP/1.1 502 Bad Gateway\r\nServer: awselb/2.0")
    assert f"Content-Length: {len(body)}" in head
