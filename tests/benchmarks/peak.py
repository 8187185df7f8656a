# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a command; print ``{"memory": MIB, "cpu": SECONDS}`` of it and its children as the last line on stderr.

``peak.py --to FILE COMMAND...`` adds a line with the MiB to a file instead.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

file = Path(sys.argv[2]) if sys.argv[1] == "--to" else None
command = sys.argv[3:] if file else sys.argv[1:]
pid = os.fork()
if pid == 0:
    os.execvp(command[0], command)
dummy, status = os.waitpid(pid, 0)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
figures = {"memory": used.ru_maxrss / 1024, "cpu": used.ru_utime + used.ru_stime}
if file:
    with file.open("a", encoding="utf-8") as stream:
        stream.write(f"{figures['memory']}\n")
else:
    print(f"\n{json.dumps(figures)}", file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
