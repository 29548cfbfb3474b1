"""Finding a receipt, a download link or a code in whatever was pasted.

For people, who paste what a mail or a chat program has touched. It opens
nothing by itself: a token has one spelling, and what is found is checked by
the same functions that guard a download.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from msrv.proofs import codes, receipts
from msrv.proofs.encoding import MAX_TOKEN_CHARS
from msrv.proofs.errors import Forged, LinkExpired
from msrv.proofs.keyring import Keyring
from msrv.proofs.links import Access, Link, verify_link
from msrv.proofs.orders import ORDER_ID
from msrv.proofs.pasted_text import BREAK, readings, visible
from msrv.proofs.receipts import Receipt

_MAX_CANDIDATES: Final = 8
"""Of what looks like a token, as many are checked: each costs a signature."""
_MAX_CODES: Final = 4
_MAX_CODES_TRIED: Final = 100

_RECEIPT: Final = re.compile(
    r"eyJ[A-Za-z0-9_-]{1,200}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}"
)
_DOWNLOAD: Final = "download/"
_PROOFS: Final = re.compile(
    rf"({ORDER_ID}[A-Za-z0-9_-]{{24}})/([A-Za-z0-9_-]{{32}})/([a-z0-9-]+)"
)
_MAX_ITEM_CHARS: Final = 32
_CODE: Final = re.compile(
    r"(?<![A-Za-z0-9])(?=([A-Za-z0-9]{4}"
    r"(?:[\s_.*|>-]{0,3}[A-Za-z0-9]{4}){4})(?![A-Za-z0-9]))"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A token that is good, and what it states: one of the two.

    `path` is its address, in its one spelling. `expired` says so of a link.
    """

    path: str
    access: Access | None = None
    receipt: Receipt | None = None
    expired: bool = False


def find(keyring: Keyring, text: str, now: int) -> Found | None:
    """Find a link or a receipt in a text; None where none is good.

    `now` is in Unix seconds. Takes time in proportion to the text.
    """
    tried: set[str] = set()
    for reading in readings(text):
        joined, breaks = _without_breaks(reading)
        found = _link(keyring, joined, breaks, now, tried) or _receipt(
            keyring, joined, breaks, tried
        )
        if found is not None:
            return found
    return None


def find_codes(text: str) -> list[str]:
    """Return the codes in a text as `codes.tidy` writes them, at most four.

    They are well-formed; whether one is good is `codes.verify`'s to say.
    """
    found: dict[str, None] = {}
    tried = 0
    for reading in readings(text):
        for match in _CODE.finditer(reading):
            tried += 1
            if tried > _MAX_CODES_TRIED:
                return list(found)
            try:
                found[codes.tidy(visible(match[1]))] = None
            except codes.Mistyped:
                continue
            if len(found) == _MAX_CODES:
                return list(found)
    return list(found)


def _without_breaks(reading: str) -> tuple[str, frozenset[int]]:
    """Return a reading without its breaks, and where they were."""
    pieces = reading.split(BREAK)
    at, breaks = 0, set()
    for piece in pieces:
        at += len(piece)
        breaks.add(at)
    return "".join(pieces), frozenset(breaks)


def _link(
    keyring: Keyring,
    text: str,
    breaks: frozenset[int],
    now: int,
    tried: set[str],
) -> Found | None:
    for start in _starts(text, _DOWNLOAD):
        if _is_word(text[start - 1 : start]) and start not in breaks:
            continue
        match = _PROOFS.match(text, start + len(_DOWNLOAD))
        if match is None:
            continue
        pop, poe, run = match.groups()
        for item_id in _ids(text, match.start(3), run, breaks):
            link = Link(pop, poe, item_id)
            if not _is_new(link.path, tried):
                continue
            try:
                access = verify_link(keyring, pop, poe, item_id, now)
            except LinkExpired as error:
                return Found(link.path, access=error.access, expired=True)
            except Forged:
                continue
            return Found(link.path, access=access)
    return None


def _ids(
    text: str, start: int, run: str, breaks: frozenset[int]
) -> Iterator[str]:
    """Yield what an item's id at `start` may be: it ends where it can."""
    for length in range(min(len(run), _MAX_ITEM_CHARS), 0, -1):
        if not _goes_on(text, start + length, breaks):
            yield run[:length]


def _goes_on(text: str, end: int, breaks: frozenset[int]) -> bool:
    """Whether what stands behind a link is still part of its path."""
    if end in breaks:
        return False
    behind = text[end : end + 2].lstrip("-")
    if behind.startswith("/"):
        return _is_word(behind[1:]) and end + 1 not in breaks
    return _is_word(behind[:1])


def _receipt(
    keyring: Keyring, text: str, breaks: frozenset[int], tried: set[str]
) -> Found | None:
    for header in receipts.headers(keyring):
        for start in _starts(text, f"{header}."):
            match = _RECEIPT.match(text, start, start + MAX_TOKEN_CHARS)
            if match is None:
                continue
            end = match.end()
            behind = text[end : end + 2].lstrip("_-")
            if _is_word(behind[:1]) and end not in breaks:
                continue
            token = match[0]
            if not _is_new(token, tried):
                continue
            try:
                receipt = receipts.read(keyring, token)
            except Forged:
                continue
            return Found(f"/purchases/{token}", receipt=receipt)
    return None


def _is_word(char: str) -> bool:
    return char.isascii() and char.isalnum()


def _starts(text: str, mark: str) -> Iterator[int]:
    at = text.find(mark)
    while at >= 0:
        yield at
        at = text.find(mark, at + len(mark))


def _is_new(token: str, tried: set[str]) -> bool:
    """Whether a token is worth its check: new, and not one too many."""
    if token in tried or len(tried) >= _MAX_CANDIDATES:
        return False
    tried.add(token)
    return True
