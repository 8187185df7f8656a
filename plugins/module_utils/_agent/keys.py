# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys that may log in for a minute: whoever AWS lets send one (EC2 Instance Connect) finds it in the metadata.

sshd runs this for each login (C(AuthorizedKeysCommand)), so it imports next to nothing. AWS's own program for it,
C(ec2-instance-connect), is no package of Debian's. The metadata service is believed as it is for the credentials of the
instance's role: nobody but root could answer in its place.
"""

from __future__ import annotations

import re
import sys
import time
import typing as t

from .imds import Imds, ImdsError

_USER = re.compile(r"[a-z_][a-z0-9_.-]{0,31}")
_KEY = re.compile(r"(ssh-rsa|ssh-ed25519|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]{16,16000}={0,2}")


def authorized(text: str, instance_id: str, now: float) -> list[str]:
    """Return the keys in *text* that are for this instance and still hold.

    Each entry is lines of C(#Name=value), the key, its signature, and an empty line; C(Timestamp) is when it ends.

    :param now: seconds since the epoch.
    """
    found = []
    for entry in re.split(r"\n\s*\n", text):
        lines = entry.strip().splitlines()
        fields = dict(line[1:].split("=", 1) for line in lines if line.startswith("#") and "=" in line)
        match = _KEY.match(next((line for line in lines if not line.startswith("#")), ""))
        until = fields.get("Timestamp", "")
        if match and fields.get("Instance") == instance_id and re.fullmatch(r"[0-9]{1,12}", until) and int(until) > now:
            found.append(match.group())
    return found


def main(argv: t.Sequence[str] | None = None) -> int:
    """Print the keys of one user; returns the exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) != 1 or not _USER.fullmatch(arguments[0]):
        return 1
    imds = Imds(timeout=1.0)
    try:
        text = imds.get(f"meta-data/managed-ssh-keys/active-keys/{arguments[0]}/")
        instance_id = imds.get("meta-data/instance-id") if text else None
    except ImdsError as exc:
        sys.stderr.write(f"{exc.message}\n")
        return 1
    for key in authorized(text or "", (instance_id or "").strip(), time.time()):
        sys.stdout.write(f"{key}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
