# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""Who deploys, as others shall read it: a person and a job of a pipeline, as the controller knows them."""

from __future__ import annotations

import getpass
import typing as t

#: Pipelines tell who started them, and which of them it is: Jenkins (with its plugin build user vars), GitLab, GitHub.
_PERSONS = ("BUILD_USER", "BUILD_USER_ID", "GITLAB_USER_LOGIN", "GITHUB_ACTOR")
_JOBS = (
    ("JOB_NAME", "BUILD_NUMBER"),
    ("CI_PROJECT_PATH", "CI_PIPELINE_ID"),
    ("GITHUB_REPOSITORY", "GITHUB_RUN_NUMBER"),
)


def who_deploys(environment: t.Mapping[str, str], user: str) -> str:
    """Return who deploys in one line (pure).

    :param user: of the controller, when no pipeline says who it was.
    """
    person = next((environment[name] for name in _PERSONS if environment.get(name)), user or "an unknown user")
    jobs = (f"{environment[job]} #{environment[run]}" for job, run in _JOBS if {job, run} <= environment.keys())
    job = next(jobs, "")
    return f"{person} ({job})" if job else person


def user_here() -> str:
    """Return the user that runs this process, "" when it has no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
