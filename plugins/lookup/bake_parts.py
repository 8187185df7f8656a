# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lookup of what an image bake depends on, the base image apart."""

from __future__ import annotations

DOCUMENTATION = r"""
name: bake_parts
short_description: Say what an image bake depends on
description:
  - Computes a short hash of each thing that decides what a baked image holds - the files of the roles that build it,
    the variables that were set for them, the collection's version.
  - Together with the base image they make the bake hash, see M(apiary.swarm.bake_info).
version_added: 1.0.0
author:
  - apiary.swarm contributors (@apiary-swarm)
options:
  _terms:
    description: Not used.
  roles:
    description: The roles of this collection that build the image. Their defaults are part of their files.
    type: list
    elements: str
    default: [agent, ecr, edge, engine, node]
  extra:
    description: Further values that decide what the image holds.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: See what a bake depends on
  ansible.builtin.debug:
    msg: "{{ lookup('apiary.swarm.bake_parts', extra={'volume_size': 8}) }}"
"""

RETURN = r"""
_raw:
  description: One dictionary with the hashes C(roles) and C(variables), and C(version).
  type: list
  elements: dict
"""

import hashlib
import json
import typing as t
from pathlib import Path

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display
from yaml import safe_load

from ansible_collections.apiary.swarm.plugins.plugin_utils._options import set_options

COLLECTION = Path(__file__).resolve().parents[2]
LIBRARIES = tuple(
    f"plugins/module_utils/{name}"
    for name in ("_agent", "_aws", "_swarm", "_errors.py", "_diff.py", "_module.py", "_references.py", "_words.py")
)
"""Python that the roles copy to the node."""
_IGNORED = ("__pycache__", "README.md", "meta", "molecule", ".pytest_cache", ".mypy_cache", ".ruff_cache")


def files_hash(root: Path, folders: t.Iterable[str]) -> str:
    """Return a hash of the paths, modes and contents of all files at and below *folders* of *root*.

    Documentation and caches do not count, as they do not reach the node.
    """
    digest = hashlib.sha256()
    for folder in sorted(folders):
        for path in sorted([root / folder, *(root / folder).rglob("*")]):
            relative = path.relative_to(root)
            if not path.is_file() or set(relative.parts) & set(_IGNORED):
                continue
            executable = "x" if path.stat().st_mode & 0o111 else "-"
            digest.update(f"{relative}\0{executable}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


def collection_version(root: Path) -> str:
    """Return the collection's version: from the manifest when installed, from galaxy.yml in a work tree."""
    manifest = root / "MANIFEST.json"
    if manifest.exists():
        return str(json.loads(manifest.read_text())["collection_info"]["version"])
    return str(safe_load((root / "galaxy.yml").read_text())["version"])


class LookupModule(LookupBase):
    """Ansible's entry point."""

    def run(
        self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any
    ) -> list[dict[str, str]]:
        """Return the parts of the bake hash."""
        set_options(self, variables, kwargs)
        roles = self.get_option("roles")
        missing = [role for role in roles if not (COLLECTION / "roles" / role).is_dir()]
        if missing:
            raise AnsibleLookupError(f"The collection has no role {', '.join(missing)}.")
        chosen = self._chosen_variables(variables or {}, roles)
        Display().vvv(f"bake_parts: variables that count: {', '.join(sorted(chosen)) or 'none'}")
        text = json.dumps({"variables": chosen, "extra": self.get_option("extra")}, sort_keys=True, default=str)
        return [
            {
                "roles": files_hash(COLLECTION, [*(f"roles/{role}" for role in roles), *LIBRARIES]),
                "variables": hashlib.sha256(text.encode()).hexdigest()[:12],
                "version": collection_version(COLLECTION),
            }
        ]

    def _chosen_variables(self, variables: dict[str, t.Any], roles: list[str]) -> dict[str, t.Any]:
        """Return the variables that somebody set for *roles*, templated; their defaults are among the roles' files."""
        prefixes = tuple(f"{role}_" for role in roles)
        return {name: self._templar.template(value) for name, value in variables.items() if name.startswith(prefixes)}
