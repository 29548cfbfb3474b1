"""Figures as people read them."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from msrv.money import Money, NotMoney

_EPOCH: Final = date(1970, 1, 1)


def amount(minor: int, currency: str) -> str:
    """Say an amount of minor units, which may be less than nothing."""
    try:
        text = str(Money(abs(minor), currency))
    except NotMoney:
        # Of a currency that an older or a newer version took.
        text = f"{currency} {abs(minor)} minor units"
    return f"−{text}" if minor < 0 else text  # noqa: RUF001 - a minus


def day(number: int) -> str:
    """Say a day, given as days since 1970: `2026-03-06`."""
    return (_EPOCH + timedelta(days=number)).isoformat()


def day_number(when: date) -> int:
    """Give the days since 1970."""
    return (when - _EPOCH).days


def moment_ms(unix_ms: int) -> str:
    """Say a time to the second: `2026-03-06 14:05:09 UTC`."""
    at = datetime.fromtimestamp(unix_ms // 1000, UTC)
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def share(part: int, whole: int) -> str:
    """Say how much of something: `87 %`, or a dash of nothing.

    All of it alone is 100 %, and nothing alone is 0 %.
    """
    if whole <= 0:
        return "–"  # noqa: RUF001 - a dash
    percent = round(100 * part / whole)
    if part < whole:
        percent = min(percent, 99)
    if part > 0:
        percent = max(percent, 1)
    return f"{percent} %"
