"""Text that was written in one character set and says that it is another.

ID3 knows Latin-1 and Unicode; older programs wrote what their system used and
called it Latin-1. It is taken for UTF-8, Shift-JIS or Windows-1251 only where
it makes sense as that and as nothing else. Otherwise it stays as it is.
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
    """Return texts of one file that are called Latin-1 as what they are.

    All together, since one title is often too short to tell.
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


def _is_utf_8(texts: Sequence[str]) -> bool:
    """Whether there is text: other encodings are no UTF-8, but by accident."""
    return bool(texts)


def _is_japanese(texts: Sequence[str]) -> bool:
    """Whether there is kana, whose first byte is no letter in Latin-1.

    In Windows-1252 it is a low quotation mark, and the mark that closes the
    quotation makes no Shift-JIS.
    """
    return any(_KANA.search(text) for text in texts)


def _is_russian(texts: Sequence[str]) -> bool:
    """Whether all that isn't ASCII is words as Cyrillic has them.

    A word of accented letters alone is rare in Latin-1. Hebrew comes out
    without capitals, Greek and Arabic with capitals inside of words, and
    Chinese and Korean without vowels.
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
    "utf-8": _is_utf_8,
    "shift_jis": _is_japanese,
    "windows-1251": _is_russian,
}
