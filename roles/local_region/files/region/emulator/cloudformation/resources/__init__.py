# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resource types that stacks may use."""

from __future__ import annotations

from region.emulator.cloudformation.resources import autoscaling, data, ec2_compute, ec2_network, elb, iam

__all__ = ["autoscaling", "data", "ec2_compute", "ec2_network", "elb", "iam"]
