# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A key for one run: made when hosts need it, and gone with the run's other temporary files."""

from __future__ import annotations

import subprocess
from pathlib import Path

NAME = "access-key"


class NoKey(Exception):
    """No key can be made; the message tells why."""


def key_of_this_run(folder: str) -> str:
    """Return the file of this run's private key, made if it is not there; the public half lies beside it.

    :param folder: of temporary files, which nobody else may read and which ends with the run.
    :raises NoKey: ssh-keygen is missing or fails.
    """
    path = Path(folder) / NAME
    if not path.exists():
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "apiary.swarm", "-f", str(path)]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        except FileNotFoundError as exc:
            raise NoKey("ssh-keygen, a part of OpenSSH's client, is missing on this machine") from exc
        except subprocess.CalledProcessError as exc:
            raise NoKey(f"ssh-keygen makes no key: {exc.stderr.strip()}") from exc
    return str(path)
