# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

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
    """Metadata of a representation (RFC 9110, section 3.2).

    `etag` is a strong entity tag with its quotes: representations with the
    same tag have the same bytes. `last_modified` is in whole Unix seconds,
    None for what may change without a new date: no date is sent, then, nor
    accepted as a validator.
    `file_name` is any text, suggested to the client; without one, no name is
    suggested. `sha256` is of all bytes, None where it is not known before
    they are sent.
    """

    size_bytes: int
    etag: str
    last_modified: int | None
    media_type: str
    file_name: str | None = None
    sha256: bytes | None = None

    @classmethod
    def of_file(cls, content: Content, file_name: str | None = None) -> Self:
        """Return the representation of a stored file."""
        return cls(
            size_bytes=content.size_bytes,
            etag=f'"{content.sha256.hex()}"',
            last_modified=content.mtime_ns // 1_000_000_000,
            media_type=content.media_type,
            file_name=file_name,
            sha256=content.sha256,
        )

    def modified_by(self, now_seconds: int) -> int | None:
        """Return Last-Modified in Unix seconds, at most `now_seconds`.

        An origin server must not send a date in the future (RFC 9110, section
        8.8.2.1); a file's own time may be there.
        """
        if self.last_modified is None:
            return None
        return max(0, min(self.last_modified, now_seconds))

    def headers(
        self, *, now_seconds: int, disposition: Disposition
    ) -> dict[str, str]:
        """Return the headers of the whole: validators, type, name, digest.

        Repr-Digest (RFC 9530, section 3) is of the whole even in a partial
        response, so that clients can verify a resumed download.
        """
        headers = {
            "Accept-Ranges": "bytes",
            "Content-Type": self.media_type,
            "ETag": self.etag,
        }
        modified = self.modified_by(now_seconds)
        if modified is not None:
            headers["Last-Modified"] = format_http_date(modified)
        if self.file_name is not None:
            headers["Content-Disposition"] = content_disposition(
                self.file_name, disposition
            )
        if self.sha256 is not None:
            digest = b64encode(self.sha256).decode("ascii")
            headers["Repr-Digest"] = f"sha-256=:{digest}:"
        return headers


# Literals, since those of `datetime` depend on the locale.
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_WEEKDAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_CLOCK = "(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_FORMATS = (
    # IMF-fixdate, the current format
    re.compile(
        f"{_DAY}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}})"
        f" {_CLOCK} GMT"
    ),
    # RFC 850, with a year of two digits
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
    """Format Unix seconds as an IMF-fixdate."""
    return formatdate(seconds, usegmt=True)


def parse_http_date(text: str, *, now_seconds: int) -> int | None:
    """Parse an HTTP-date to Unix seconds; None if it is invalid.

    Parses all three formats, as recipients have to. A year of two digits more
    than 50 years after `now_seconds` is one of the century before.
    """
    for date_format in _FORMATS:
        if match := date_format.fullmatch(text):
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


# attr-char of RFC 8187, section 3.2.1, in addition to quote()'s own.
_ATTR_CHARS = "!#$&+-.^_`|~"

# Characters that are invalid in a name, or disguise it: path separators,
# controls, line ends, lone surrogates, marks that reverse the direction of
# text (`gpj.exe` shown as `exe.jpg`), and noncharacters.
_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff/\\"
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]+"
)

# In a quoted string without escapes: RFC 6266, appendix D, warns of both the
# backslash and the percent sign, which clients interpret differently.
_UNQUOTABLE = re.compile(r'[^\x20-\x7e]+|["%]')

# Letters that don't decompose into a letter and an accent.
_ASCII_LETTERS = str.maketrans(
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
_DEFAULT_NAME = "download"


@lru_cache(maxsize=1024)
def content_disposition(file_name: str, disposition: str) -> str:
    """Return the value of Content-Disposition for a name of any characters.

    `disposition` is `attachment` or `inline`. The result is printable ASCII
    with balanced quotes, with two names: one in ASCII for any client, and the
    name itself in UTF-8, which clients prefer.
    """
    name = _UNSAFE.sub("_", file_name).strip()
    if not name.strip("._ "):
        name = _DEFAULT_NAME
    return (
        f'{disposition}; filename="{_ascii(name)}"; '
        f"filename*=UTF-8''{quote(name, safe=_ATTR_CHARS)}"
    )


def _ascii(name: str) -> str:
    """Return the closest ASCII spelling of a name, with its suffix."""
    decomposed = unicodedata.normalize("NFKD", name.translate(_ASCII_LETTERS))
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    ascii_name = _UNSAFE.sub("_", _UNQUOTABLE.sub("_", letters))
    stem, dot, suffix = ascii_name.rpartition(".")
    if not ascii_name.strip("._ "):
        return _DEFAULT_NAME
    if dot and suffix.isalnum() and not stem.strip("._ "):
        return f"{_DEFAULT_NAME}.{suffix}"
    return ascii_name
