# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.

"""The edge of every module that calls AWS: options in, one session, errors out as one sentence."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ._aws.options import AWS_ARGUMENTS, AWS_EXCLUSIVE, AWS_TOGETHER
from ._aws.session import AwsOptions, AwsSession
from ._diff import show_argument
from ._errors import HIDDEN, Refused, SwarmError

Params = t.Mapping[str, t.Any]
Result = dict[str, t.Any]


class AwsModule(AnsibleModule):  # type: ignore[misc]  # Ansible's classes have no types.
    """A module whose results repeat its arguments (C(invocation), shown with C(-vvv)) without keys, tokens and logins.

    Ansible hides what is C(no_log), but neither a login in an address nor a secret that stands in the wrong option.
    """

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        """End the module well."""
        super().exit_json(**{"invocation": _told(self.params), **result})
        raise AssertionError  # not reached: the process has ended

    def fail_json(self, msg: str, **result: t.Any) -> t.NoReturn:
        """End the module with a sentence."""
        super().fail_json(msg, **{"invocation": _told(self.params), **result})
        raise AssertionError  # not reached


def _told(params: Params | None) -> dict[str, t.Any]:
    shown = dict(params or {})
    address = str(shown.get("endpoint_url") or "")
    if "://" not in address and "@" in address:
        shown["endpoint_url"] = HIDDEN
    return {"module_args": show_argument((), shown)}


def run_module(
    arguments: t.Mapping[str, t.Any],
    run: t.Callable[[AwsSession, Params, bool], Result],
    **settings: t.Any,
) -> None:
    """Run a module: read its options, call *run*, exit with its result.

    :param arguments: the module's own options; those of AWS are added.
    :param run: gets the session, the options and whether this is check mode; raises SwarmError to fail the task.
    :param settings: more settings of AnsibleModule, ``required_if`` and the like.
    """
    settings["mutually_exclusive"] = [*settings.get("mutually_exclusive", ()), *AWS_EXCLUSIVE]
    settings["required_together"] = [*settings.get("required_together", ()), *AWS_TOGETHER]
    module = AwsModule(argument_spec={**AWS_ARGUMENTS, **arguments}, supports_check_mode=True, **settings)
    try:
        session = AwsSession(AwsOptions.from_getter(module.params.get))
        result = run(session, module.params, module.check_mode)
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "botocore":
            raise
        module.fail_json(msg=missing_required_lib("botocore"))
    except Refused as error:
        module.fail_json(msg=error.message, **error.data)
    except SwarmError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(**result)
