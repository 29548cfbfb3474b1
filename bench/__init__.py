# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Benchmarks: `make bench`.

Each figure is a median of interleaved rounds in one run, and a ratio to a
baseline that ran in between: machines differ, ratios less so.
"""
