# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Truncation of text to a length, never inside a visible character.

Lengths are UTF-16 code units, as on Windows, with an upper bound in UTF-8
bytes, as on other systems. Apart from `release_zip`, which needs it: these
are Unicode's rules, not ZIP's.
"""

import unicodedata
from collections.abc import Sequence
from typing import Final

MAX_BYTES: Final = 180
"""Limit of one name, below the 255 bytes of most file systems."""
ELLIPSIS: Final = "…"
_JOINER: Final = "\u200d"
_SKIN_TONES: Final = range(0x1F3FB, 0x1F400)
_REGIONAL: Final = range(0x1F1E6, 0x1F200)
_TAGS: Final = range(0xE0020, 0xE0080)
# Hangul vowels and final consonants that aren't composed.
_JAMO: Final = range(0x1160, 0x1200)
_WORD_SHARE: Final = 4
"""A cut moves back to a space if that loses at most one part in so many."""


def utf16_length(text: str) -> int:
    """Return the number of a text's UTF-16 code units."""
    return len(text) + sum(c > "\uffff" for c in text)


def truncate(text: str, limit: int, limit_bytes: int = MAX_BYTES) -> str:
    """Return at most `limit` units and `limit_bytes` UTF-8 bytes of a text.

    The result consists of whole grapheme clusters: a letter keeps its
    accents, and an emoji its parts. It is empty if the first cluster is over
    the limit.
    """
    used = used_bytes = end = 0
    for index, c in enumerate(text):
        if index and not _continues_cluster(text, index):
            end = index
        used += 2 if c > "\uffff" else 1
        used_bytes += len(c.encode("utf-8", "surrogatepass"))
        if used > limit or used_bytes > limit_bytes:
            return text[:end]
    return text


def shorten(text: str, limit: int) -> str:
    """Return a text cut at the end of a word if one is near, with `…`."""
    if utf16_length(text) <= limit and len(text.encode()) <= MAX_BYTES:
        return text
    kept = truncate(text, limit - len(ELLIPSIS), MAX_BYTES - 3)
    if not text[len(kept) :].startswith(" "):
        word_end = kept.rfind(" ")
        if len(kept) - word_end <= max(len(kept) // _WORD_SHARE, 1):
            kept = kept[: max(word_end, 0)]
    kept = kept.rstrip(" .,;:-")
    return kept + ELLIPSIS if kept else ""


def fit_parts(parts: Sequence[str], limit: int) -> list[str]:
    """Return several parts, the longest shortened so that all fit.

    `limit` is for the parts alone, without separators. Parts that are short
    enough are unchanged.
    """
    sizes = [utf16_length(part) for part in parts]
    left = limit
    share = limit
    # The short ones first: the long ones share the remainder.
    for count, size in enumerate(sorted(sizes)):
        share = left // (len(sizes) - count)
        if size > share:
            break
        left -= size
    else:
        return list(parts)
    return [
        part if size <= share else shorten(part, share)
        for part, size in zip(parts, sizes, strict=True)
    ]


def _continues_cluster(text: str, index: int) -> bool:
    """Return whether a character extends the one before it (UAX 29)."""
    c, before = text[index], text[index - 1]
    code = ord(c)
    if _JOINER in {before, c}:
        return True
    if unicodedata.category(c) in {"Mn", "Mc", "Me"}:
        return True
    if code in _SKIN_TONES or code in _TAGS or code in _JAMO:
        return True
    if code in _REGIONAL:
        # Flags are pairs: this is the second if an odd number precedes it.
        run = 0
        while run < index and ord(text[index - 1 - run]) in _REGIONAL:
            run += 1
        return run % 2 == 1
    # A lone surrogate isn't text, but a pair is one character.
    return "\udc00" <= c <= "\udfff" and "\ud800" <= before <= "\udbff"
