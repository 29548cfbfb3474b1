# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Disc numbers in the names of folders and albums: `CD 1`, `Disc Two`."""

import re
from typing import Final

_WORDS: Final = {
    word: number
    for number, words in enumerate(
        (
            ("i", "one", "a", "eins", "un", "uno", "um"),
            ("ii", "two", "b", "zwei", "deux", "dos", "due", "dois"),
            ("iii", "three", "c", "drei", "trois", "tres", "tre", "três"),
            ("iv", "four", "d", "vier", "quatre", "cuatro", "quattro"),
            ("v", "five", "e", "fünf", "cinq", "cinco", "cinque"),
            ("vi", "six", "f", "sechs"),
        ),
        1,
    )
    for word in words
}
# Words for a disc in several languages, and for other media.
_KINDS: Final = (
    r"cds?|c\.d\.|compact ?dis[ck]|dis[ck]s?|disque|disco|disk[ae]|"
    r"diskett?e|dvd|sacd|blu-?ray|lps?|vinyls?|records?|platte|schallplatte|"
    r"schijf|plaat|skiva|plade|levy|płyta|dysk|lemez|диск|пластинка|"
    r"ディスク|唱片|tapes?|cassettes?|kassette|mc"
)
_DISC: Final = re.compile(
    rf"(?:{_KINDS})[\s._#:-]*(?:no\.?|nr\.?|n°|№)?[\s._#-]*"
    r"(?:0*(?P<number>[1-9][0-9]?)(?![0-9])|(?P<word>[^\W\d_]+))"
    r"(?:\s*of\s*[0-9]+)?"
    # `Tape I Made` and `Record A Hit` are titles; `Tape I - Made` is a disc.
    r"(?(word)(?:\s*[._:([{\u2013\u2014-].*|)|(?:[\s._:([{-].*|))",
    re.DOTALL,
)
_SUFFIX: Final = re.compile(
    rf"\s*(?:(?:[-:,]\s*|[(\[{{]\s*)(?:{_KINDS})|\s(?:cd|dis[ck]))[\s._#-]*"
    r"(?:[0-9]{1,2}|[ivx]{1,4}|one|two|three|four)\s*"
    r"(?:(?:of|/)\s*[0-9]{1,2}\s*)?[)\]}]?\s*$",
    re.IGNORECASE,
)
_MAY_BE_TITLE: Final = re.compile(r"(?:lps?|tapes?|records?|mc)(?![^\W\d_])")
_AROUND: Final = " \t._-()[]{}:"


def disc_number(name: str, parent: str = "") -> int | None:
    """Return the disc number in a folder's name, or None.

    The parent folder's name may come first: `Album - CD 2`.
    """
    text, start = name.casefold().strip(), parent.casefold().strip()
    if start and text.startswith(start) and text != start:
        text = text[len(start) :].lstrip(_AROUND)
    match = _DISC.fullmatch(text.strip(_AROUND))
    if match is None:
        return None
    if match["number"]:
        return int(match["number"])
    return _WORDS.get(match["word"])


def may_be_title(name: str) -> bool:
    """Return whether a disc's name may be an album's, as `LP3` and `MC5`."""
    return _MAY_BE_TITLE.match(name.casefold().strip(_AROUND)) is not None


def without_disc(title: str) -> str:
    """Return an album title without `(Disc 2)` or `CD 2` at its end."""
    return _SUFFIX.sub("", title) or title
