# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Times of retries, as the specification of Standard Webhooks suggests.

Apart from the worker: this is pure.
"""

import random
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

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
_MAX_DIGITS: Final = 9


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


def parse_retry_after(text: str, now: int) -> int | None:
    """Return the time of a `Retry-After`, None for none or an invalid one.

    At most a day from now (RFC 9110 section 10.2.3).
    """
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS:
        at = now + int(text)
    else:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):  # a year, or a zone, too large
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        at = int(moment.timestamp())
    return max(now, min(at, now + MAX_RETRY_AFTER_SECONDS))
