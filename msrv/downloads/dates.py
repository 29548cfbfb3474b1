"""HTTP-dates, read and written (RFC 9110, section 5.6.7)."""

import re
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache

# Written out, since the locale's own would follow the operator's language.
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_WEEKDAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_CLOCK = "(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_FORMATS = (
    # IMF-fixdate, what everyone sends today
    re.compile(
        f"{_DAY}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}})"
        f" {_CLOCK} GMT"
    ),
    # RFC 850, with two digits of the year
    re.compile(
        f"{_WEEKDAY}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}})"
        f" {_CLOCK} GMT"
    ),
    # asctime
    re.compile(
        f"{_DAY} {_MONTH} (?P<day>[ 0-9][0-9]) {_CLOCK} (?P<year>[0-9]{{4}})"
    ),
)
_YEARS_AHEAD = 50


@lru_cache(maxsize=1024)
def format_http_date(seconds: int) -> str:
    """Write a time, in seconds since 1970, as an IMF-fixdate."""
    return formatdate(seconds, usegmt=True)


def parse_http_date(text: str, *, now_seconds: int) -> int | None:
    """Read an HTTP-date as seconds since 1970; None if it is not one.

    All three formats are read, as a recipient must. Two digits of a year that
    would lie over 50 years after `now_seconds` mean the century before.
    """
    for form in _FORMATS:
        if match := form.fullmatch(text):
            break
    else:
        return None
    year = int(match["year"])
    if len(match["year"]) == len("94"):
        this_year = datetime.fromtimestamp(now_seconds, UTC).year
        year += this_year - this_year % 100
        if year > this_year + _YEARS_AHEAD:
            year -= 100
    try:
        moment = datetime(
            year,
            _MONTHS.index(match["month"]) + 1,
            int(match["day"]),
            int(match["hour"]),
            int(match["minute"]),
            int(match["second"]),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    return int(moment.timestamp())
