"""Representation of a download: size, validators, headers (RFC 9110).

Owns the headers that describe a representation whatever the request is;
`response` adds those that depend on it. HTTP-dates (section 5.6.7) and
Content-Disposition (RFC 6266, RFC 8187) are formatted here. Pure.
"""

import re
import unicodedata
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache
from typing import Literal, Self
from urllib.parse import quote

from msrv.storage.model import Content

Disposition = Literal["attachment", "inline"]


@dataclass(frozen=True, slots=True)
class Representation:
    """One thing as HTTP sees it (RFC 9110, section 3.2).

    `etag` is a strong entity tag with its quotes: two representations with
    the same tag are the same bytes. `last_modified` is in whole seconds since
    1970, UTC. `file_name` is what the receiver is told to call it, any text
    at all; None says nothing. `sha256` is of all the bytes, None where that
    is not known before they are sent.
    """

    size_bytes: int
    etag: str
    last_modified: int
    media_type: str
    file_name: str | None = None
    sha256: bytes | None = None

    @classmethod
    def of_file(cls, content: Content, file_name: str | None = None) -> Self:
        """Describe one stored file, to be called `file_name`."""
        return cls(
            size_bytes=content.size_bytes,
            etag=f'"{content.sha256.hex()}"',
            last_modified=content.mtime_ns // 1_000_000_000,
            media_type=content.media_type,
            file_name=file_name,
            sha256=content.sha256,
        )

    def modified_by(self, now_seconds: int) -> int:
        """Give Last-Modified in seconds, never later than `now_seconds`.

        An origin server must not date a representation in the future (RFC
        9110, section 8.8.2.1); a file's own time may well be there.
        """
        return max(0, min(self.last_modified, now_seconds))

    def headers(
        self, *, now_seconds: int, disposition: Disposition
    ) -> dict[str, str]:
        """Describe it, whole: validators, type, name and digest.

        Repr-Digest (RFC 9530, section 3) is of the whole in a partial answer
        too, so that who resumes can check what came together.
        """
        headers = {
            "Accept-Ranges": "bytes",
            "Content-Type": self.media_type,
            "ETag": self.etag,
            "Last-Modified": format_http_date(self.modified_by(now_seconds)),
        }
        if self.file_name is not None:
            headers["Content-Disposition"] = content_disposition(
                self.file_name, disposition
            )
        if self.sha256 is not None:
            digest = b64encode(self.sha256).decode("ascii")
            headers["Repr-Digest"] = f"sha-256=:{digest}:"
        return headers


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


# attr-char of RFC 8187, section 3.2.1, as far as quote() needs telling.
_ATTR_CHARS = "!#$&+-.^_`|~"

# What can't be in a name, or would make it look like another: separators of
# a path, controls, line ends, lone surrogates, marks that turn the direction
# of text round (`gpj.exe` shown as `exe.jpg`), and the end of a plane.
_UNFIT = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff/\\"
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]+"
)

# In a quoted string without escapes: RFC 6266, appendix D, warns of both the
# backslash and the percent sign, which clients read in different ways.
_UNQUOTABLE = re.compile(r'[^\x20-\x7e]+|["%]')

# Letters that don't fall apart into a letter and an accent.
_PLAIN = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "Œ": "OE",
        "ø": "o",
        "Ø": "O",
        "đ": "d",
        "Đ": "D",
        "ł": "l",
        "Ł": "L",
        "ð": "d",
        "þ": "th",
        "\u0131": "i",
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": "'",
        "\u201d": "'",
        '"': "'",
    }
)
_NAMELESS = "download"


@lru_cache(maxsize=1024)
def content_disposition(file_name: str, disposition: str) -> str:
    """Write the header's value for a name of any characters.

    `disposition` is `attachment` or `inline`.
    """
    name = _UNFIT.sub("_", file_name).strip()
    if not name.strip("._ "):
        name = _NAMELESS
    return (
        f'{disposition}; filename="{_ascii(name)}"; '
        f"filename*=UTF-8''{quote(name, safe=_ATTR_CHARS)}"
    )


def _ascii(name: str) -> str:
    """Spell a name in ASCII, as near as can be read, suffix and all."""
    apart = unicodedata.normalize("NFKD", name.translate(_PLAIN))
    bare = "".join(c for c in apart if not unicodedata.combining(c))
    plain = _UNFIT.sub("_", _UNQUOTABLE.sub("_", bare))
    stem, dot, suffix = plain.rpartition(".")
    if not plain.strip("._ "):
        return _NAMELESS
    if dot and suffix.isalnum() and not stem.strip("._ "):
        return f"{_NAMELESS}.{suffix}"
    return plain
