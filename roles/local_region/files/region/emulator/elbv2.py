# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ELBv2 with real load balancers behind it: what they shall do, and how their targets really are.

In moto all registered targets are healthy at once, load balancers never finish provisioning, and a deregistered
target is gone without draining.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from moto.acm.models import acm_backends
from moto.ec2.models import ec2_backends
from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, elbv2_backends

from region.balancer.model import (
    DRAINING,
    INITIAL,
    NOT_IN_USE,
    Balancer,
    Condition,
    FixedResponse,
    Forward,
    Health,
    HealthBoard,
    HealthCheck,
    Listener,
    Redirect,
    Rule,
    Snapshot,
    Target,
    TargetGroup,
)
from region.emulator.patching import Patches
from region.emulator.state import lock

# Written by the load balancers, read by DescribeTargetHealth.
board = HealthBoard()

# Where a condition of a rule keeps its values, beside the old plain "Values".
_CONFIGS = {
    "path-pattern": "PathPatternConfig",
    "host-header": "HostHeaderConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "source-ip": "SourceIpConfig",
}


patches = Patches()


@patches.wrap(ELBv2Backend, "describe_target_health")
def describe_target_health(
    original: Callable[..., Any], self: Any, target_group_arn: str, targets: list[dict[str, Any]]
) -> list[FakeHealthStatus]:
    """What the load balancer reports to C(board) counts; moto calls every target healthy."""
    answers: list[FakeHealthStatus] = original(self, target_group_arn, targets)
    if not board.live:
        return answers
    group = self.target_groups[target_group_arn]
    used = any(target_group_arn in _group_arns(one) for one in self.load_balancers.values())
    draining = board.draining(target_group_arn)
    if not targets:
        gone = {target: port for target, port in draining.items() if target not in group.targets}
        answers += [_status(target, port, group, DRAINING) for target, port in gone.items()]
    for answer in answers:
        if answer.instance_id in group.targets and answer.status == "healthy":
            health = board.get(target_group_arn, answer.instance_id) or INITIAL
            _set(answer, health if used else NOT_IN_USE)
        elif answer.instance_id in draining and answer.instance_id not in group.targets:
            _set(answer, DRAINING)
    return answers


def install() -> None:
    """Patch moto's ELBv2. While no load balancer reports to C(board), moto's own answers stay."""
    patches.install()


def snapshot() -> Snapshot:
    """Return all load balancers and the target groups that they use.

    Targets that are terminated are taken out of their groups; those that do not run are left out here.
    """
    with lock:
        balancers, groups = [], {}
        for _account, _region, backend in elbv2_backends.iter_backends():
            for balancer in backend.load_balancers.values():
                balancers.append(_balancer(balancer))
                for arn in _group_arns(balancer):
                    if arn in backend.target_groups:
                        groups[arn] = _group(backend.target_groups[arn])
        return Snapshot(tuple(balancers), groups)


def activate(arns: Iterator[str] | list[str]) -> None:
    """Let the load balancers *arns* be C(active): they answer now."""
    wanted = set(arns)
    with lock:
        for _account, _region, backend in elbv2_backends.iter_backends():
            for balancer in backend.load_balancers.values():
                if balancer.arn in wanted:
                    balancer.activate()


def _set(answer: FakeHealthStatus, health: Health) -> None:
    answer.status, answer.reason, answer.description = health.state, health.reason, health.description


def _status(target: str, port: int, group: Any, health: Health) -> FakeHealthStatus:
    return FakeHealthStatus(target, str(port), group.health_check_port, health.state, health.reason, health.description)


def _group_arns(balancer: Any) -> list[str]:
    """Return the target groups that any rule of moto's *balancer* sends to, without repetition."""
    arns = []
    for listener in balancer.listeners.values():
        for rule in listener.rules.values():
            for action in rule.actions:
                arns += [arn for arn, _weight in _forwards(action.data)]
    return list(dict.fromkeys(arns))


def _forwards(action: Mapping[str, Any]) -> list[tuple[str, int]]:
    if action.get("Type") != "forward":
        return []
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
    if groups:
        return [(group["TargetGroupArn"], int(group.get("Weight", 1))) for group in groups]
    return [(action["TargetGroupArn"], 1)] if action.get("TargetGroupArn") else []


def _balancer(balancer: Any) -> Balancer:
    idle = balancer.attrs.get("idle_timeout.timeout_seconds", 60)
    listeners = tuple(_listener(one) for one in balancer.listeners.values())
    return Balancer(balancer.arn, balancer.name, balancer.dns_name, int(idle), listeners)


def _listener(listener: Any) -> Listener:
    others = [rule for rule in listener.rules.values() if not rule.is_default]
    others.sort(key=lambda rule: int(rule.priority))
    rules = [Rule(tuple(_condition(one) for one in rule.conditions), _action(rule.actions)) for rule in others]
    rules.append(Rule((), _action(listener.default_actions)))
    names: list[str] = []
    for arn in listener.certificates:
        names += _certificate_names(arn if isinstance(arn, str) else arn["CertificateArn"])
    key = f"listener-{listener.arn.rsplit('/', 1)[-1]}"
    return Listener(key, int(listener.port), listener.protocol or "HTTP", tuple(names), tuple(rules))


def _certificate_names(arn: str) -> list[str]:
    """Return the host names of an ACM certificate; none when ACM does not know it."""
    region, account = arn.split(":")[3:5]
    for certificate in acm_backends[account][region]._certificates.values():
        if certificate.arn == arn:
            return list(dict.fromkeys([certificate.common_name, *certificate.sans]))
    return []


def _condition(condition: Mapping[str, Any]) -> Condition:
    field = str(condition["Field"])
    if field == "query-string":
        pairs = condition["QueryStringConfig"]["Values"]
        return Condition(field, tuple(str(pair["Value"]) for pair in pairs), str(pairs[0].get("Key") or ""))
    config = condition.get(_CONFIGS.get(field, "")) or condition
    values = tuple(str(value) for value in config.get("Values") or ())
    return Condition(field, values, str(config.get("HttpHeaderName") or ""))


def _action(actions: list[Any]) -> Forward | Redirect | FixedResponse:
    """Return what happens at last; authentication, which may come before it, is not emulated."""
    data = sorted((action.data for action in actions), key=lambda one: int(one.get("Order") or 0))[-1]
    if data["Type"] == "redirect":
        config = data["RedirectConfig"]
        return Redirect(
            protocol=config.get("Protocol") or "#{protocol}",
            host=config.get("Host") or "#{host}",
            port=config.get("Port") or "#{port}",
            path=config.get("Path") or "/#{path}",
            query=config.get("Query", "#{query}"),
            status=301 if config["StatusCode"] == "HTTP_301" else 302,
        )
    if data["Type"] == "fixed-response":
        config = data["FixedResponseConfig"]
        body = config.get("MessageBody") or ""
        return FixedResponse(int(config["StatusCode"]), config.get("ContentType") or "text/plain", body)
    return Forward(tuple(_forwards(data)))


def _group(group: Any) -> TargetGroup:
    attributes = group.attributes
    sticky = str(attributes.get("stickiness.enabled")) == "true" and attributes.get("stickiness.type") == "lb_cookie"
    port = str(group.health_check_port or "traffic-port")
    check = HealthCheck(
        protocol=group.health_check_protocol or "HTTP",
        port=None if port == "traffic-port" else int(port),
        path=group.health_check_path or "/",
        matcher=(getattr(group, "matcher", None) or {}).get("HttpCode") or "200",
        interval=int(group.health_check_interval_seconds),
        timeout=int(group.health_check_timeout_seconds),
        healthy_threshold=int(group.healthy_threshold_count),
        unhealthy_threshold=int(group.unhealthy_threshold_count),
    )
    return TargetGroup(
        arn=group.arn,
        key=f"{group.name}-{group.arn.rsplit('/', 1)[-1]}",
        protocol=group.protocol or "HTTP",
        algorithm=str(attributes.get("load_balancing.algorithm.type", "round_robin")),
        stickiness=int(attributes.get("stickiness.lb_cookie.duration_seconds", 86400)) if sticky else None,
        slow_start=int(attributes.get("slow_start.duration_seconds", 0)),
        deregistration_delay=int(attributes.get("deregistration_delay.timeout_seconds", 300)),
        check=check,
        targets=tuple(_targets(group)),
    )


def _targets(group: Any) -> Iterator[Target]:
    ec2 = ec2_backends[group.account_id][group.region_name]
    for target in list(group.targets.values()):
        port = int(target["Port"])
        if not target["Id"].startswith("i-"):
            yield Target(target["Id"], target["Id"], port)
            continue
        instance = ec2.get_instance_by_id(target["Id"])
        if instance is None or instance.state in ("shutting-down", "terminated"):
            group.deregister_terminated_instances([target["Id"]])
        elif instance.state in ("pending", "running") and instance.private_ip:
            yield Target(target["Id"], instance.private_ip, port)
