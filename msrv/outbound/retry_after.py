# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The `Retry-After` of a response (RFC 9110, section 10.2.3).

Apart from `requests`: not every client that waits sends its requests there.
"""

import math
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

_MAX_DIGITS: Final = 9
_LONGEST_SECONDS: Final = 10**_MAX_DIGITS


def parse_retry_after(text: str, now: float) -> int | None:
    """Return the seconds to wait from `now`; None without a valid value.

    A date without a zone is in UTC, and one in the past is 0. A longer wait
    than 30 years is that long; the caller limits it further.
    """
    text = text.strip()
    if text.isascii() and text.isdecimal():
        is_short = len(text) <= _MAX_DIGITS
        return int(text) if is_short else _LONGEST_SECONDS
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year, or a zone, too large
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, math.ceil(moment.timestamp() - now))
