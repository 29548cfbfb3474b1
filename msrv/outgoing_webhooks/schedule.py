# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Times of retries, as the specification of Standard Webhooks suggests.

Apart from the worker: this is pure.
"""

import random
from collections.abc import Callable
from typing import Final

from msrv.outbound.retry_after import parse_retry_after

RETRY_SECONDS: Final = (
    5,
    5 * 60,
    30 * 60,
    2 * 3600,
    5 * 3600,
    10 * 3600,
    14 * 3600,
    20 * 3600,
    24 * 3600,
)
"""Pauses after each failed attempt: ten attempts in a bit over three days."""
MAX_ATTEMPTS: Final = len(RETRY_SECONDS) + 1
MAX_RETRY_AFTER_SECONDS: Final = 24 * 3600
_JITTER: Final = 0.1


def next_attempt(
    attempts: int, now: int, rand: Callable[[], float] = random.random
) -> int | None:
    """Return when to try again after so many attempts, None for never.

    Up to a tenth of the pause is added at random, so that a receiver which
    was away doesn't get everything at once.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    pause = RETRY_SECONDS[attempts - 1]
    return now + pause + int(pause * _JITTER * rand())


def paused_until(retry_after: str, now: int) -> int | None:
    """Return when a receiver's pause ends, None if it wishes none.

    At most a day from now, whatever its `Retry-After` says.
    """
    seconds = parse_retry_after(retry_after, now)
    if seconds is None:
        return None
    return now + min(seconds, MAX_RETRY_AFTER_SECONDS)
