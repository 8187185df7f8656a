# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The edge of every module that calls AWS: it works with one session."""

from __future__ import annotations

import typing as t

from .._errors import Refused
from .._module import Arguments, Params, Result, Work
from .identity import get_caller
from .options import AWS_ARGUMENTS, AWS_EXCLUSIVE, AWS_TOGETHER
from .session import AwsOptions, AwsSession


class AwsWork(Work):
    """What a module does at AWS; C(run) gets an :class:`AwsSession`.

    :param arguments: the module's own options; those of AWS are added.
    """

    library = ("botocore", "botocore", None)

    def __init__(
        self, arguments: Arguments, run: t.Callable[[AwsSession, Params, bool], Result], **rules: t.Any
    ) -> None:
        rules["mutually_exclusive"] = [*rules.get("mutually_exclusive", ()), *AWS_EXCLUSIVE]
        rules["required_together"] = [*rules.get("required_together", ()), *AWS_TOGETHER]
        super().__init__({**AWS_ARGUMENTS, **arguments}, run, **rules)

    def open(self, params: Params) -> AwsSession:
        """Return a session with the credentials and the region that the options name.

        :raises Refused: if the credentials are of another account than the one that was asked for.
        """
        session = AwsSession(AwsOptions.from_getter(params.get))
        wanted = params.get("account")
        found = get_caller(session.client("sts")).account if wanted else wanted
        if found != wanted:
            raise Refused(
                f"The AWS credentials are of account {found}, and this is for account {wanted}: take credentials of "
                "that one, such as another AWS_PROFILE. Nothing was done."
            )
        return session
