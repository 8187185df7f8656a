# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the lines of a CloudWatch log group with their streams: C(log_lines.py REGION GROUP)."""

from __future__ import annotations

import sys

import boto3

region, group = sys.argv[1:]
for page in boto3.client("logs", region_name=region).get_paginator("filter_log_events").paginate(logGroupName=group):
    for event in page["events"]:
        print(event["logStreamName"], event["message"])
