# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible inventory: the nodes of swarm clusters, from EC2 and from the record that the clusters keep of themselves."""

from __future__ import annotations

DOCUMENTATION = r"""
name: ec2
short_description: Nodes of swarm clusters on EC2
version_added: 1.0.0
description:
  - Lists the EC2 instances of swarm clusters, or any instances by filters, grouped by what they are to the swarm.
  - EC2's tags say which instance is a manager or a worker of which cluster. The record that the cluster's agents keep
    in SSM says who leads, which manager is reachable and how each node is.
  - Its configuration file must end with C(swarm_ec2.yml) or C(swarm_ec2.yaml).
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.aws.plugin
  - constructed
  - inventory_cache
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [apiary.swarm.ec2]
  clusters:
    description:
      - The names of the clusters, the values of the tag C(swarm:cluster).
      - When neither this nor any filter is given, all instances that have this tag are listed.
    type: list
    elements: str
    default: []
  regions:
    description:
      - The regions to ask. Empty means the regions that the settings files of O(clusters) name; for clusters whose file
        names none, or that have no file, the region of O(region), of the environment or of the profile.
      - V([all]) asks every region that the account has opted in to.
    type: list
    elements: str
    default: []
  clusters_dir:
    description:
      - The folder with the clusters' settings files, C(<cluster>.yml), that the playbooks read too. C(region) is taken
        from there, and the cluster looked for in that region only. A relative path begins in the folder that Ansible is
        run in.
      - Not given, it is C(clusters), and a file may be missing. Given, each of O(clusters) must have its file.
    type: str
  filters:
    description:
      - Filters of EC2's DescribeInstances, names to a value or a list of values.
      - Without C(instance-state-name), all but terminated instances match.
    type: dict
    default: {}
  include_filters:
    description: Sets of filters; instances that match O(filters) or one of these are listed. Each set costs a call.
    type: list
    elements: dict
    default: []
  exclude_filters:
    description: Sets of filters; instances that match one of these are not listed. Each set costs a call.
    type: list
    elements: dict
    default: []
  hostnames:
    description:
      - What names a host, in the order of preference, names of EC2's filters (V(instance-id), V(private-dns-name),
        V(ip-address)), tags (V(tag:Name), or V(tag:Name=Value) for C(Name_Value)), or dictionaries with C(name),
        C(prefix) and C(separator). Jinja filters may follow a C(|).
      - A name that several instances claim is given to none of them; they take the next preference, in the end the
        instance ID. So no host is lost. The same goes for names that a group of the inventory has, or another instance
        of an inventory that was read before.
      - Characters that have a meaning in patterns of hosts, such as blanks, commas and C(*), become C(_).
    type: list
    elements: raw
    default: [private-dns-name, instance-id]
  address:
    description: What C(ansible_host) is, in the order of preference, as in O(hostnames). Only for O(connection=ssh).
    type: list
    elements: raw
    default: [private-ip-address, ipv6-address]
  connection:
    description:
      - How the hosts are reached. V(ssh) sets C(ansible_host).
      - V(ssm) sets C(ansible_connection) to P(amazon.aws.aws_ssm#connection) and its instance, region and profile; the
        bucket (C(ansible_aws_ssm_bucket_name)) is for group variables.
    type: str
    choices: [ssh, ssm]
    default: ssh
  access:
    description:
      - What user, key and road the hosts are given, with O(connection=ssh).
      - V(cluster) takes what each cluster's stack says (C(cluster_access) of the role P(apiary.swarm.cluster#role)),
        V(direct) the same without an endpoint, for a controller in the VPC or in a network that reaches it, and V(none)
        nothing.
      - They are variables of the groups C(access_endpoint), C(access_ssm), C(access_direct) and C(access_inside), so
        C(group_vars) and C(host_vars) win over them.
      - Connections find credentials in the environment, or in O(profile); not in O(access_key).
    type: str
    choices: [cluster, direct, none]
    default: cluster
  full_vars:
    description:
      - Give each host everything that EC2 tells about the instance, as P(amazon.aws.aws_ec2#inventory) does. It makes
        large inventories slow. The tags stay in C(ec2_tags), as C(tags) is a reserved name.
      - Expressions in O(compose), O(groups) and O(keyed_groups) see C(tags) and all of it without this option; what is
        no common field is loaded when one of them asks for it.
    type: bool
    default: false
  hostvars_prefix:
    description: Put before the names of variables from EC2, not of those that Ansible connects with, nor C(swarm_...).
    type: str
  hostvars_suffix:
    description: Put after the names of variables from EC2, not of those that Ansible connects with, nor C(swarm_...).
    type: str
  record_max_age:
    description: Seconds after which a cluster's record is not believed any more; a warning says so.
    type: int
    default: 300
  strict_permissions:
    description: Fail when a region denies access, instead of warning and listing the others.
    type: bool
    default: false
notes:
  - Groups are C(managers), C(workers), C(leader), the cluster's name, C(az_<zone>), C(type_<instance type>), C(spot)
    and C(on_demand), the image's ID, and C(ready), C(draining), C(down). Characters that Ansible does not take become
    C(_).
  - The first host of C(managers) is the best one to talk to, the leader if it is known.
  - With O(cache=true), the finished inventory is kept. When AWS does not answer, the last good one is served with a
    warning, however old it is.
seealso:
  - plugin: amazon.aws.aws_ec2
    plugin_type: inventory
"""

EXAMPLES = r"""
# demo.swarm_ec2.yml
plugin: apiary.swarm.ec2
clusters: [demo]

---
# Several clusters in two regions, names from a tag
plugin: apiary.swarm.ec2
regions: [eu-west-1, us-east-1]
clusters: [shop, billing]
hostnames:
  - tag:Name
  - instance-id

---
# Two environments, each in the region that clusters/prod.yml and clusters/staging.yml name
plugin: apiary.swarm.ec2
clusters: [prod, staging]

---
# Any instances, with groups and variables of one's own
plugin: apiary.swarm.ec2
filters:
  tag:Environment: [dev, qa]
exclude_filters:
  - tag:Name: bastion
keyed_groups:
  - key: tags.Team
    prefix: team
compose:
  ansible_user: "'admin'"

---
# Through Session Manager, cached for five minutes
plugin: apiary.swarm.ec2
clusters: [demo]
connection: ssm
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/swarm_inventory
cache_timeout: 300
"""

import sys
import typing as t
from collections.abc import Mapping
from pathlib import Path

from ansible import constants as C
from ansible.errors import AnsibleError, AnsibleParserError, ExitCode
from ansible.inventory.data import InventoryData
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.template import trust_as_template

from ansible_collections.apiary.swarm.plugins.module_utils._aws.errors import (
    AwsError,
    Throttled,
    Unreachable,
    nearest,
)
from ansible_collections.apiary.swarm.plugins.module_utils._errors import InvalidInput, SwarmError
from ansible_collections.apiary.swarm.plugins.plugin_utils import _settings_file as settings_file
from ansible_collections.apiary.swarm.plugins.plugin_utils._access import connect, road
from ansible_collections.apiary.swarm.plugins.plugin_utils._access.keys import NoKey, key_of_this_run
from ansible_collections.apiary.swarm.plugins.plugin_utils._inventory.build import Builder, Settings
from ansible_collections.apiary.swarm.plugins.plugin_utils._inventory.cache import InventoryCache
from ansible_collections.apiary.swarm.plugins.plugin_utils._inventory.hosts import Computed, Host
from ansible_collections.apiary.swarm.plugins.plugin_utils._options import without_value

ROUNDS = 8
"""How often hosts are named anew until none is called like a group; groups named after their hosts take for ever."""
PROGRAM = str(Path(connect.__file__).absolute())
"""What ssh runs in place of a connection."""
SUFFIXES = ("swarm_ec2.yml", "swarm_ec2.yaml")


class _Apart(InventoryData):
    """An inventory that takes a host for a host where a group has its name, so that this can be seen and mended."""

    def add_child(self, group: str, child: str) -> bool:
        """Put *child* into *group*."""
        if child in self.hosts:
            self.add_host(child, group)
            return True
        return bool(super().add_child(group, child))


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """The plugin."""

    NAME = "apiary.swarm.ec2"
    inventory: t.Any

    def verify_file(self, path: str) -> bool:
        """Tell whether *path* is a configuration of this plugin.

        Ends the program if it is by its content, but has a name that this plugin does not take.
        """
        if not super().verify_file(path):
            return False
        if path.endswith(SUFFIXES):
            return True
        if path.endswith((".yml", ".yaml")) and self._names_this_plugin(path):
            self._stop(
                f"The inventory file {path} must end with {SUFFIXES[0]} or {SUFFIXES[1]} to be read by {self.NAME}."
            )
        return False

    def _names_this_plugin(self, path: str) -> bool:
        with Path(path).open(encoding="utf-8", errors="replace") as file:
            return any(line.replace('"', "").replace("'", "").split() == ["plugin:", self.NAME] for line in file)

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        """Read the configuration *path* and add its hosts to *inventory*."""
        super().parse(inventory, loader, path, cache)
        try:
            config = self._read_config_data(path)
        except AnsibleError as exc:
            self._stop(f"{path}: {one_line(without_value(exc.message))}")
        self._refuse_unknown_options(config, path)
        try:
            settings = Settings.from_getter(self.get_option, self._homes())
            self._apply(self._computed(settings, path, cache), settings)
        except InvalidInput as exc:
            self._stop(f"{path}: {exc.message}")
        except AnsibleError as exc:  # of compose, groups and keyed_groups
            self._stop(f"{path}: {one_line(exc.message)}")
        except SwarmError as exc:
            raise AnsibleParserError(f"{path}: {exc.message}") from None
        except ImportError as exc:
            raise AnsibleParserError(f"{path}: this plugin needs botocore (a part of boto3): {exc}") from exc

    def _homes(self) -> dict[str, str]:
        """Return cluster → region, for clusters whose settings files name one; nothing when the regions are given."""
        clusters = () if self.get_option("regions") else self.get_option("clusters")
        return settings_file.regions(clusters, self.get_option("clusters_dir"), self.loader, self.templar)

    def _refuse_unknown_options(self, config: Mapping[str, t.Any], path: str) -> None:
        definitions = C.config.get_configuration_definitions("inventory", self._load_name)
        known = {*definitions, *(alias for entry in definitions.values() for alias in entry.get("aliases") or ())}
        for option in config:
            if option not in known:
                self._stop(
                    f"{path}: there is no option {str(option).partition('=')[0]!r}{nearest(str(option), known)}."
                )

    def _stop(self, sentence: str) -> t.NoReturn:
        """End the program with *sentence*: the file is this plugin's, and cannot be read until somebody mends it.

        Any error would make Ansible offer the file to its other plugins, print what each of them makes of it, and go on
        without the hosts (lib/ansible/inventory/manager.py: ``parse_source``).
        """
        self.display.error(sentence)
        raise SystemExit(int(ExitCode.PARSER_ERROR))

    def _computed(self, settings: Settings, path: str, use_cache: bool) -> Computed:
        """Return the inventory: fresh from the cache, else from AWS, else old from the cache."""
        kept = InventoryCache(self, path, settings) if self.get_option("cache") else None
        if kept is not None and use_cache:
            fresh = kept.fresh()
            if fresh is not None and not self._namesakes(fresh):
                return fresh
        builder = Builder(settings, self.display.warning, self._name_filter)
        try:
            complete = builder.read()
        except AwsError as exc:
            last_good = kept.last_good() if kept is not None and _no_answer(exc) else None
            if last_good is None:
                raise
            computed, age = last_good[0], last_good[1]
            self.display.warning(f"{exc.message} The inventory is {age} seconds old, from the cache.")
            return computed
        computed = self._without_namesakes(builder)
        if kept is not None and complete:
            kept.keep(computed)
        return computed

    def _without_namesakes(self, builder: Builder) -> Computed:
        """Return the inventory, with no host that Ansible would take for a group, or for another instance.

        What the groups of keyed_groups are called is only known once they are made, and may follow the hosts' names.
        """
        avoid: set[str] = set()
        for dummy in range(ROUNDS):
            computed = self._construct(builder.hosts(avoid))
            namesakes = self._namesakes(computed)
            if not namesakes:
                break
            avoid |= namesakes
        return computed

    def _namesakes(self, computed: Computed) -> set[str]:
        """Return the hosts that are named like a group, or like what an inventory that was read before has.

        Two clusters may have the same addresses, and so the same names; in two files they would become one host. The
        same instance in two files stays one, and a host without C(swarm_node) adds its variables to ours.
        """
        before = self.inventory.hosts
        others = {
            name
            for name, variables in computed.hosts.items()
            if (
                _instance_of(before[name].vars) not in ("", _instance_of(variables))
                if name in before
                else name in self.inventory.groups
            )
        }
        return others | (computed.hosts.keys() & (computed.groups.keys() | computed.parents.keys()))

    def _construct(self, hosts: list[Host]) -> Computed:
        """Return the inventory of *hosts*, with what compose, groups and keyed_groups add."""
        computed = Computed.of(hosts)
        compose, groups, keyed = (self.get_option(name) for name in ("compose", "groups", "keyed_groups"))
        if not (compose or groups or keyed):
            return computed
        strict = self.get_option("strict")
        # The base class writes into self.inventory; an inventory of its own keeps the result apart, for the cache.
        target = self.inventory
        self.inventory = _Apart()
        try:
            for host in hosts:
                self.inventory.add_host(host.name)
                for key, value in host.variables.items():
                    self.inventory.set_variable(host.name, key, value)
                seen = {**host.facts, **host.variables}
                self._set_composite_vars(compose, seen, host.name, strict=strict)
                self._add_host_to_composed_groups(groups, seen, host.name, strict=strict)
                self._add_host_to_keyed_groups(keyed, seen, host.name, strict=strict)
            return _merge(computed, self.inventory)
        finally:
            self.inventory = target

    def _apply(self, computed: Computed, settings: Settings) -> None:
        """Add *computed* to the inventory."""
        for name, variables in computed.hosts.items():
            self.inventory.add_host(name)
            for key, value in variables.items():
                self.inventory.set_variable(name, key, value)
        for group, names in computed.groups.items():
            self.inventory.add_group(group)
            for name in names:
                self.inventory.add_host(name, group)  # as a host, whatever groups other inventories have
        for parent, children in computed.parents.items():
            self.inventory.add_group(parent)
            for child in children:
                self.inventory.add_child(parent, child)
        self._lead([group for group in computed.groups if road.is_group(group)], settings)

    def _lead(self, groups: list[str], settings: Settings) -> None:
        """Give *groups* of hosts what Ansible connects with. No cache has it, for the key is this run's."""
        try:
            key_file = "" if all(map(road.has_own_key, groups)) else key_of_this_run(C.DEFAULT_LOCAL_TMP)
        except NoKey as exc:
            self.display.warning(f"{exc}: hosts whose key is sent are out of reach.")
            return
        options = {"--profile": settings.aws.profile, "--assume-role": settings.aws.assume_role_arn}
        connect = [
            sys.executable,
            "-P",
            PROGRAM,
            *(word for name, value in options.items() if value for word in (name, value)),
        ]
        for group in groups:
            for key, value in road.group_variables(group, connect, key_file).items():
                self.inventory.set_variable(group, key, trust_as_template(value))

    def _name_filter(self, value: str, expression: str) -> str:
        """Apply the Jinja filters of an entry of ``hostnames``."""
        self.templar.available_variables = {"hostname": value}
        try:
            return str(self.templar.evaluate_expression(trust_as_template(f"hostname | {expression}")))
        except Exception as exc:
            raise InvalidInput(f"hostnames: cannot apply {expression.strip()!r}: {exc}") from exc


def _instance_of(variables: Mapping[str, t.Any]) -> str:
    node = variables.get("swarm_node")
    return str(node.get("instance_id", "")) if isinstance(node, Mapping) else ""


def one_line(text: str) -> str:
    """Return *text* without line breaks."""
    return " ".join(str(text).split())


def _no_answer(error: AwsError) -> bool:
    """Tell whether AWS is out of reach or in trouble; a refusal is an answer."""
    return isinstance(error, (Unreachable, Throttled)) or error.code.startswith("HTTP 5")


def _merge(computed: Computed, built: InventoryData) -> Computed:
    """Return *computed* with the variables and groups that were *built* for its hosts."""
    for name, host in built.hosts.items():
        variables = {key: value for key, value in host.vars.items() if key not in ("inventory_file", "inventory_dir")}
        computed.hosts[name] = variables
    for name, group in built.groups.items():
        if name in ("all", "ungrouped"):
            continue
        members = computed.groups.setdefault(name, [])
        members.extend(host.name for host in group.hosts if host.name not in members)
        if group.child_groups:
            computed.parents[name] = [child.name for child in group.child_groups]
    return computed
