"""Content-Disposition: what the receiver calls a file (RFC 6266, RFC 8187).

Takes any text at all and gives printable ASCII with balanced quotes. Two
names are sent: one in ASCII that any client reads, and the name itself in
UTF-8, which wins where it is understood.
"""

import re
import unicodedata
from functools import lru_cache
from urllib.parse import quote

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
