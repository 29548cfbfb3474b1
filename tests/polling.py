# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Polling for a condition that has no event, with a time limit."""

import asyncio
from collections.abc import Callable

SECONDS = 60
"""Longer than anything takes on a busy machine."""
_POLL_SECONDS = 0.01


async def wait_until(
    holds: Callable[[], object], seconds: float = SECONDS
) -> None:
    """Wait until `holds` returns something true. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        # The condition is observed from outside: it has no event.
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)
