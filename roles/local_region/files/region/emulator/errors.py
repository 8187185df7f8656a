# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that the emulator answers by itself; moto's serializers turn them into the protocol of the request."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class AwsError(ServiceException):
    """An error as AWS would answer it: *code* and *message*."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
