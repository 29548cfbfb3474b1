# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Text from file names, tags, configuration and errors, safe to display.

Apart, on the lowest floor, because messages of every package quote names and
reasons.
"""

import unicodedata
from typing import Final

MAX_CHARS: Final = 200
"""Longest title or other line; longer ones are cut."""

# These change the direction of the text around them, and can make a file's
# name read as another. The plain marks (U+200E, U+200F) don't, and neither do
# the joiners; Arabic, Persian and many emoji are written with those.
_BIDI_CONTROLS: Final = frozenset(
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_FORMAT: Final = "Cf"
_BLANK: Final = frozenset(
    # Fillers of Hangul, the blank of Braille, and selectors of variants.
    " \u034f\u115f\u1160\u2800\u3164\uffa0"
) | frozenset(map(chr, range(0xFE00, 0xFE10)))
"""Characters that show nothing by themselves, and are no format characters."""
_NONCHARACTERS: Final = frozenset(map(chr, range(0xFDD0, 0xFDF0))) | frozenset(
    chr(plane + last)
    for plane in range(0, 0x110000, 0x10000)
    for last in (0xFFFE, 0xFFFF)
)
"""Code points that are never in a text that programs exchange."""
_CUT_FACTOR: Final = 2
"""Multiple of its limit that a text is cut to before it is cleaned."""
_CONTROL: Final = frozenset({"Cc", "Cs"})
_REMOVED: Final = _BIDI_CONTROLS | _NONCHARACTERS


def printable(name: str) -> str:
    """Return a path or a file's name as one printable line.

    Control characters, undecodable bytes and invisible marks are escaped.
    """
    if name.isascii() and name.isprintable():
        return name
    return "".join(
        c
        if c.isprintable()
        else c.encode("unicode_escape", "surrogatepass").decode("ascii")
        for c in unicodedata.normalize("NFC", name)
    )


def reason_of(error: BaseException) -> str:
    """Return why something failed, as one printable line, never empty.

    Of an OSError it is the system's reason, which doesn't repeat the file;
    of others their text, or the name of their type.
    """
    text = getattr(error, "strerror", None) or str(error)
    return printable(" ".join(text.split())) or type(error).__name__


def clean_line(text: str, limit: int = MAX_CHARS) -> str:
    """Return text as one line in composed letters, of at most `limit`.

    White space becomes single spaces; control characters, noncharacters,
    undecodable bytes and marks that change the direction of writing are
    removed. A text of which nothing would be visible is empty.
    """
    # Composing takes a time that is quadratic in the number of marks.
    text = " ".join(text.split())[: _CUT_FACTOR * limit]
    if text.isascii() and text.isprintable():
        return text[:limit].strip()
    text = "".join(
        c
        for c in unicodedata.normalize("NFC", text)
        if unicodedata.category(c) not in _CONTROL and c not in _REMOVED
    )
    line = " ".join(text[:limit].split())
    return line if any(map(_is_visible, line)) else ""


def _is_visible(char: str) -> bool:
    return char not in _BLANK and unicodedata.category(char) != _FORMAT


def normalize_nfc(name: str) -> str:
    """Return the spelling that macOS's and Linux's copies of a name share."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def fold_name(name: str) -> str:
    """Return a name in a form that is equal for all its spellings.

    Case, white space and compatibility variants of Unicode letters don't
    count; accents do.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())
