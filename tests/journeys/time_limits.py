# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Time limits of scripts, in a browser."""

from typing import Final

FIRST_IS_SHORT: Final = """
const timeout = AbortSignal.timeout.bind(AbortSignal);
let limits = 0;
AbortSignal.timeout = (ms) => timeout(limits++ ? ms : 1000);
"""
"""Script of a page whose first request has a second, and others their time."""
