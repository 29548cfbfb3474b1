# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Repair of mojibake: text that is labelled with the wrong character set.

ID3 knows Latin-1 and Unicode; older programs wrote their system's encoding
and labelled it Latin-1. Such text is decoded as UTF-8, Shift-JIS or
Windows-1251 only if it is plausible as that and as nothing else. Otherwise it
is Windows-1252, which is Latin-1 with letters and punctuation in place of
control characters. Apart from `tags`: these are rules of languages, not of
tags.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

_LETTERS_AT_LEAST: Final = 5
_KANA: Final = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
_WORD: Final = re.compile(r"[^\W\d_]+")
_CYRILLIC: Final = re.compile("[\u0400-\u04ff]+")
_VOWELS: Final = "аеёиоуыэюяіїє"
_CONSONANTS: Final = re.compile(f"[^{_VOWELS}]{{5}}")


def repair_encoding(texts: Sequence[str]) -> list[str]:
    """Return the texts of one file, labelled Latin-1, correctly decoded.

    They are judged together, since one title is often too short.
    """
    try:
        raw = [text.encode("latin-1") for text in texts]
    except UnicodeEncodeError:
        return list(texts)
    if all(each.isascii() for each in raw):
        return list(texts)
    for charset, is_plausible in _CHARSETS.items():
        try:
            found = [each.decode(charset) for each in raw]
        except UnicodeDecodeError:
            continue
        if is_plausible(found):
            return found
    return list(texts)


def _is_any(texts: Sequence[str]) -> bool:
    """Return whether there is text: what decodes at all is plausible."""
    return bool(texts)


def _is_japanese(texts: Sequence[str]) -> bool:
    """Return whether there is kana, whose first byte isn't a Latin-1 letter.

    In Windows-1252 it is a low quotation mark, and the mark that closes the
    quotation is invalid in Shift-JIS.
    """
    return any(_KANA.search(text) for text in texts)


def _is_russian(texts: Sequence[str]) -> bool:
    """Return whether all non-ASCII text consists of plausible Russian words.

    Words of accented letters alone are rare in Latin-1. Decoded so, Hebrew
    has no capitals, Greek and Arabic have capitals inside words, and Chinese
    and Korean have no vowels.
    """
    words = [
        word
        for text in texts
        for word in _WORD.findall(text)
        if not word.isascii()
    ]
    letters = "".join(words)
    strange = {c for text in texts for c in text if not c.isascii()}
    lower = letters.lower()
    return (
        len(letters) >= _LETTERS_AT_LEAST
        and strange - set(letters) <= set("«»–—…№“”„’")  # noqa: RUF001
        and all(map(_is_word, words))
        and any(word[0].isupper() for word in words)
        and 3 * sum(c in _VOWELS for c in lower) >= len(letters)
    )


def _is_word(word: str) -> bool:
    lower = word.lower()
    return (
        _CYRILLIC.fullmatch(word) is not None
        and word in {lower, word.upper(), word.capitalize()}
        and _CONSONANTS.search(lower) is None
        and (
            len(word) < 3
            or any(c in _VOWELS for c in lower)
            or (len(word) < 5 and word.isupper())
        )
    )


_CHARSETS: Final[Mapping[str, Callable[[Sequence[str]], bool]]] = {
    "utf-8": _is_any,
    "shift_jis": _is_japanese,
    "windows-1251": _is_russian,
    "windows-1252": _is_any,
}
