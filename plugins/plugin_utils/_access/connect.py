# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ssh runs in place of a connection (C(ProxyCommand)): lets this run's key in, and leads to the node.

usage: python -P connect.py --region R --user U [--key FILE --instance I] [--endpoint E] ADDRESS PORT
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import types
import typing as t
from pathlib import Path

PLUGIN = "session-manager-plugin"
"""AWS's, newer than 1.2.497 of 2023."""


def main(argv: t.Sequence[str] | None = None) -> int:
    """Connect, and carry bytes until one side ends; returns the exit status."""
    from ...module_utils._aws.session import AwsOptions, AwsSession
    from ...module_utils._aws.signed_http import SignedHttp
    from ...module_utils._errors import SwarmError
    from . import aws, dial, relay

    options = _parser().parse_args(argv)
    try:
        session = AwsSession(
            AwsOptions(region=options.region, profile=options.profile, assume_role_arn=options.assume_role)
        )
        http = SignedHttp(session)
        if options.key:
            public_key = Path(options.key).read_text(encoding="ascii")
            aws.send_key(http, options.region, options.instance, options.user, public_key)
        if options.session:
            wanted = aws.session_to(options.instance, options.port)
            answer = aws.start_session(http, options.region, wanted)
            called = [options.region, "StartSession", options.profile or "", json.dumps(wanted)]
            session_manager([*called, session.endpoint("ssm", options.region)], answer)
        elif options.endpoint:
            name = aws.endpoint_name(http, options.region, options.endpoint)
            where = (options.endpoint, options.address, options.port)
            link = dial.websocket(aws.tunnel_url(session, options.region, name, *where), session.verify)
            relay.run(link, relay.Framed())
        else:
            relay.run(dial.node(options.address, options.port), relay.Plain())
    except SwarmError as exc:
        return _fail(exc.message)
    except (dial.Refused, relay.Broken, OSError, ValueError) as exc:
        return _fail(str(exc))
    return 0


def session_manager(arguments: t.Sequence[str], answer: t.Mapping[str, t.Any]) -> None:
    """Become AWS's plugin, which carries the bytes. What SSM has answered is secret, and so no argument.

    :param arguments: region, operation, profile, request and URL, as the AWS CLI gives them.
    :raises OSError: the plugin is not installed.
    """
    variable = "AWS_SSM_START_SESSION_RESPONSE"
    try:
        os.execvpe(PLUGIN, [PLUGIN, variable, *arguments], {**os.environ, variable: json.dumps(dict(answer))})
    except FileNotFoundError:
        raise OSError(f"{PLUGIN} is not installed on this machine, and cluster_access=ssm needs it.") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="connect", description=__doc__)
    parser.add_argument("--region", required=True)
    parser.add_argument("--profile", help="of AWS's configuration (default: the environment's)")
    parser.add_argument("--assume-role", help="ARN of a role to act as")
    parser.add_argument("--user", required=True, help="who logs in")
    parser.add_argument("--key", help="file of a public key that is let in for one minute")
    parser.add_argument("--instance", help="where the key is let in")
    parser.add_argument("--session", action="store_true", help="go through SSM Session Manager")
    parser.add_argument("--endpoint", help="ID of an Instance Connect Endpoint that leads to the address")
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    return parser


def _fail(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 1


if __name__ == "__main__":
    # ssh starts this file by its path, wherever the collection is installed.
    package = types.ModuleType("apiary_swarm")
    package.__path__ = [str(Path(__file__).absolute().parents[2])]
    sys.modules[package.__name__] = package
    raise SystemExit(importlib.import_module("apiary_swarm.plugin_utils._access.connect").main())
