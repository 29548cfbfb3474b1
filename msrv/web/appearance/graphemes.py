# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Characters as readers count them, and how wide they are.

A subset of Unicode's rules (UAX 29) that holds for titles: marks, joiners,
variation selectors, skin tones and flags stay with the character before.
Apart, since icons and drawn covers both need it.
"""

import unicodedata
from collections.abc import Iterator
from typing import Final

_JOINER: Final = "\u200d"
_MARKS: Final = frozenset({"Mn", "Me", "Mc"})
_FLAGS: Final = range(0x1F1E6, 0x1F200)
_SKINS: Final = range(0x1F3FB, 0x1F400)
_TAGS: Final = range(0xE0020, 0xE0080)
_WIDE: Final = frozenset({"W", "F"})


def graphemes(text: str) -> Iterator[str]:
    """Yield the characters of a text, each with what belongs to it."""
    current, flags = "", 0
    for char in text:
        is_flag = ord(char) in _FLAGS
        joins = current and (
            unicodedata.category(char) in _MARKS
            or char == _JOINER
            or current.endswith(_JOINER)
            or ord(char) in _SKINS
            or ord(char) in _TAGS
            or (is_flag and flags == 1)
        )
        if not joins and current:
            yield current
            current, flags = "", 0
        current += char
        flags = flags + 1 if is_flag else 0
    if current:
        yield current


def is_wide(grapheme: str) -> bool:
    """Return whether it takes the place of two Latin letters.

    So do ideographs, kana, Hangul and emoji.
    """
    return unicodedata.east_asian_width(grapheme[0]) in _WIDE


def is_right_to_left(text: str) -> bool:
    """Return whether the first letter that has a direction is Arabic's."""
    for char in text:
        direction = unicodedata.bidirectional(char)
        if direction in {"L", "R", "AL"}:
            return direction != "L"
    return False
