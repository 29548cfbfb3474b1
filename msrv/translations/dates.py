# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Dates and times as the current language writes them, by CLDR.

Times are in UTC.
"""

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final

from babel.dates import format_skeleton, format_time, get_datetime_format

from msrv.translations import current_language, gettext, locale

_MONTH: Final = 7
"""Length of a month in ISO 8601: `2026-03`."""
_YEAR: Final = 4


def format_date_time(unix_seconds: int) -> str:
    """Return a time for a buyer: `Mar 6, 2026, 2:05 PM UTC`."""
    written = _moment(unix_seconds, current_language().dates, "")
    return gettext("%(time)s UTC", time=written)


def format_moment(unix_seconds: int, *, seconds: bool = False) -> str:
    """Return a time for an operator, as in logs: `Mar 6, 2026, 14:05 UTC`."""
    skeleton = "Hms" if seconds else "Hm"
    written = _moment(unix_seconds, current_language().dates, skeleton)
    return gettext("%(time)s UTC", time=written)


def format_interval(iso: str) -> str:
    """Return a day, month or year of ISO 8601 in words.

    `2026-03-06` is `Mar 6, 2026`, and `2026-03` is `March 2026`.
    """
    return _interval(iso, current_language().dates)


def format_quarter(year: int, number: int) -> str:
    """Return a quarter of a year in words: `Q4 2026`."""
    first = date(year, 3 * number - 2, 1)
    rules = locale(current_language().dates)
    return str(format_skeleton("yQQQ", first, locale=rules))


@lru_cache(maxsize=4096)
def _moment(unix_seconds: int, language: str, skeleton: str) -> str:
    """Return a date and a time, by its skeleton or as the language prefers."""
    at = datetime.fromtimestamp(unix_seconds, UTC)
    rules = locale(language)
    time = (
        format_skeleton(skeleton, at, tzinfo=UTC, locale=rules)
        if skeleton
        else format_time(at, "short", tzinfo=UTC, locale=rules)
    )
    pattern = str(get_datetime_format("medium", locale=rules))
    day = format_skeleton("yMMMd", at, locale=rules)
    return pattern.replace("'", "").replace("{0}", time).replace("{1}", day)


@lru_cache(maxsize=4096)
def _interval(iso: str, language: str) -> str:
    if len(iso) <= _YEAR:
        return iso
    is_month = len(iso) == _MONTH
    return str(
        format_skeleton(
            "yMMMM" if is_month else "yMMMd",
            date.fromisoformat(f"{iso}-01" if is_month else iso),
            locale=locale(language),
        )
    )
