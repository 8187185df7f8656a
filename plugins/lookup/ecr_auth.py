# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible lookup: logins to ECR registries."""

from __future__ import annotations

DOCUMENTATION = r"""
name: ecr_auth
short_description: Logins to ECR registries
version_added: 1.0.0
description:
  - Gets a login (user name and token) for each of the given ECR registries, for modules that send it to an engine.
  - Tokens last twelve hours. Within one process a token is asked for once for each registry and role, until shortly
    before it expires.
  - The result is a secret. Give it to options that are not logged, and do not write it to a file or a command line.
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.aws.plugin
options:
  _terms:
    description:
      - The registries, C(ACCOUNT.dkr.ecr.REGION.amazonaws.com) or C(public.ecr.aws). The region of each is in its name.
      - An image is taken too; what follows the host is left away.
    required: true
  role_arns:
    description:
      - Roles to assume for some registries, by the registry's host or its account. The others use the credentials
        found, or O(assume_role_arn).
    type: dict
    default: {}
notes:
  - The value of O(region) is used for STS only, as each registry's name tells its region.
seealso:
  - module: apiary.swarm.registry_auth
"""

EXAMPLES = r"""
- name: Deploy with a login to the own registry
  apiary.swarm.stack:
    name: shop
    file: shop.yml
    registry_auth: "{{ query('apiary.swarm.ecr_auth', '123456789012.dkr.ecr.eu-west-1.amazonaws.com') }}"

- name: Two registries, one of them in another account
  ansible.builtin.set_fact:
    logins: >-
      {{ query('apiary.swarm.ecr_auth',
               '123456789012.dkr.ecr.eu-west-1.amazonaws.com',
               '210987654321.dkr.ecr.us-east-1.amazonaws.com',
               role_arns={'210987654321': 'arn:aws:iam::210987654321:role/pull'}) }}
  no_log: true
"""

RETURN = r"""
_raw:
  description: The logins, in the order of the registries.
  type: list
  elements: dict
  contains:
    registry:
      description: The host of the registry.
      type: str
    username:
      description: The user name, C(AWS).
      type: str
    password:
      description: The token. A secret.
      type: str
    expires_at:
      description: When the token ends, UTC, ISO 8601.
      type: str
"""

import typing as t
from dataclasses import replace
from datetime import UTC, datetime

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.apiary.swarm.plugins.module_utils._aws.ecr.auth import (
    Registry,
    Token,
    get_token,
    parse_registry,
    role_for,
)
from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsOptions, AwsSession
from ansible_collections.apiary.swarm.plugins.module_utils._errors import InvalidInput, SwarmError
from ansible_collections.apiary.swarm.plugins.plugin_utils._options import set_options

_tokens: dict[tuple[str, AwsOptions], Token] = {}
"""Tokens of this process, by registry and by the way to reach AWS."""


class LookupModule(LookupBase):
    """The plugin."""

    def run(self, terms: list[t.Any], variables: t.Any = None, **kwargs: t.Any) -> list[dict[str, str]]:
        """Return a login for each registry of *terms*."""
        set_options(self, variables, kwargs)
        try:
            registries = _registries(terms)
            options = AwsOptions.from_getter(self.get_option)
            roles = {str(key).lower(): str(value) for key, value in self.get_option("role_arns").items()}
            return [_shown(_token(registry, options, roles)) for registry in registries]
        except SwarmError as exc:
            raise AnsibleLookupError(f"ecr_auth: {exc.message}") from None
        except ImportError as exc:
            raise AnsibleLookupError(f"ecr_auth needs botocore (a part of boto3): {exc}") from exc


def _registries(terms: list[t.Any]) -> list[Registry]:
    """Return the registries that *terms* name.

    :raises InvalidInput: if there is none, one is no registry of ECR, or one comes twice.
    """
    names = [name for term in terms for name in (term if isinstance(term, list) else [term])]
    if not names:
        raise InvalidInput("no registry given.")
    found: dict[str, Registry] = {}
    for name in names:
        registry = parse_registry(str(name))
        if registry.host in found:
            raise InvalidInput(f"the registry {registry.host} is given twice; one login serves all its repositories.")
        found[registry.host] = registry
    return list(found.values())


def _token(registry: Registry, options: AwsOptions, roles: dict[str, str]) -> Token:
    role = role_for(registry, roles) or options.assume_role_arn
    reach = replace(options, assume_role_arn=role)
    kept = _tokens.get((registry.host, reach))
    if kept is not None and kept.usable(datetime.now(UTC)):
        return kept
    session = AwsSession(replace(reach, region=reach.region or registry.region))
    service = "ecr" if registry.account else "ecr-public"
    token = get_token(session.client(service, registry.region), registry)
    _tokens[registry.host, reach] = token
    return token


def _shown(token: Token) -> dict[str, str]:
    return {
        "registry": token.registry,
        "username": token.username,
        "password": token.password,
        "expires_at": token.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
