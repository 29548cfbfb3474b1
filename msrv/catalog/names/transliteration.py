# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Names in Latin letters, for addresses: `Łódź` is `lodz`, `Музыка` `muzyka`.

The letters of other scripts are those of AnyAscii, which reads Chinese
characters as Mandarin, in Japanese names too, and writes no vowels where the
script has none. Apart from `ids`, which has the rules for lengths and digests.
"""

import unicodedata
from typing import Final

from anyascii import anyascii

_OWN_READINGS: Final = {"\N{ARABIC LETTER ALEF}": "a"}
"""Readings of letters that AnyAscii leaves out: the alif of the article."""
_PLAIN: Final = {
    **dict.fromkeys(map(ord, "\u2018\u2019\u02bc\u2032"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d"), '"'),
    **dict.fromkeys(range(0x2010, 0x2016), "-"),
}
_SURROGATES: Final = range(0xD800, 0xE000)


def without_accents(text: str) -> str:
    """Return a text in lower case, without accents and ligatures.

    Letters that aren't Latin stay, and so do those like `ł`, which have no
    accent but are another letter.
    """
    plain = unicodedata.normalize("NFKD", text).casefold()
    if plain.isascii():
        return plain
    return "".join(c for c in plain if not unicodedata.combining(c))


def transliterate(text: str) -> str:
    """Return a text in lower case, with all letters and digits in ASCII.

    Other characters are kept, so that they separate words. A text whose
    letters are Latin is that of `without_accents`.
    """
    plain = without_accents(text)
    if plain.isascii() or not any(
        c.isalnum() and not c.isascii() for c in plain
    ):
        return plain
    found: list[str] = []
    is_foreign = False
    # Composed, since `й` is another letter than `и` with an accent.
    for char in unicodedata.normalize("NFKC", text).casefold():
        is_mark = unicodedata.category(char).startswith("M")
        if not is_mark:
            latin = without_accents(char)
            is_foreign = not latin.isascii() and char.isalnum()
        if is_foreign:
            read = _OWN_READINGS.get(char) or anyascii(char)
            found.extend(c for c in read.lower() if c.isalnum())
        elif not is_mark:
            found.append(latin)
    return "".join(found)


def spell_out(text: str) -> str:
    """Return a text in lower case with the names of its signs, in ASCII."""
    known = "".join(c for c in text if ord(c) not in _SURROGATES)
    return anyascii(unicodedata.normalize("NFKC", known)).lower()


def plain_punctuation(text: str) -> str:
    """Return a text with the quotes and hyphens that a keyboard has.

    Word processors and databases of tags have curly ones instead.
    """
    return text if text.isascii() else text.translate(_PLAIN)
