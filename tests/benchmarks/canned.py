# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fake AWS endpoint that answers with recorded bytes, so that a benchmark measures the client and not the emulator.

Run as ``canned.py FOLDER LATENCY``: prints its URL, then serves until its standard input closes. The folder holds
``<region>.xml`` (DescribeInstances) and ``regions.xml`` (DescribeRegions). A region without a file has no instances.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

EMPTY = (
    b'<?xml version="1.0" encoding="UTF-8"?><DescribeInstancesResponse '
    b'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId><reservationSet/>'
    b"</DescribeInstancesResponse>"
)


def serve(folder: Path, latency: float) -> None:
    """Serve until standard input closes; *latency* is in seconds, before each answer."""
    answers = {path.stem: path.read_bytes() for path in folder.glob("*.xml")}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/", self.headers.get("Authorization", ""))
            region = scope.group(1) if scope else ""
            if self.headers.get("X-Amz-Target"):
                content, kind = b'{"Parameters": [], "InvalidParameters": []}', "application/x-amz-json-1.1"
            elif b"Action=DescribeRegions" in body:
                content, kind = answers["regions"], "text/xml"
            else:
                content, kind = answers.get(region, EMPTY), "text/xml"
            time.sleep(latency)
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), float(sys.argv[2]))
