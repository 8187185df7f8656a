# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""From a project of stack files to Engine API bodies, as C(docker stack deploy) would send them. Pure.

Nothing is imported here: modules need only the rules for names, and what they import travels to the node with them.
"""
