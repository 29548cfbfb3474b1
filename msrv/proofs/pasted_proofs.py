# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Receipts, download links and codes in text that a person pasted.

Mail and chat programs change what people copy. Finding a token grants nothing
by itself: a token has one spelling, and whatever is found is verified by the
same functions that guard a download.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final

from msrv.proofs import codes, receipts
from msrv.proofs.encoding import MAX_TOKEN_CHARS
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Keyring
from msrv.proofs.links import Access, Link, LinkExpired, verify_link
from msrv.proofs.orders import ORDER_ID
from msrv.proofs.pasted_text import BREAK, MAX_CHARS, variants, visible
from msrv.proofs.receipts import Receipt

_MAX_CANDIDATES: Final = 8
"""Limit on tokens to verify: each costs a signature check."""
_MAX_CODES: Final = 4
_MAX_CODES_TRIED: Final = 100
_MAX_STARTS: Final = 8
"""Limit on places in a text that look like the start of a receipt."""

_JWS: Final = re.compile(
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


class ProofKind(StrEnum):
    """Kind of a pasted text."""

    LINK = "link"
    RECEIPT = "receipt"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Explanation:
    """The meaning of a pasted text.

    `access` is what a link gives, or gave if it is `expired`; `receipt` is
    the content of a receipt, which doesn't expire. Both are None for a text
    that contains neither.
    """

    kind: ProofKind
    access: Access | None = None
    receipt: Receipt | None = None
    expired: bool = False


@dataclass(frozen=True, slots=True)
class PastedProof:
    """A verified token, and what it states: an access or a receipt.

    `path` is its path, in its only spelling. `expired` applies to links.
    """

    path: str
    access: Access | None = None
    receipt: Receipt | None = None
    expired: bool = False


def explain(keyring: Keyring, text: str, now: int) -> Explanation:
    """Return the meaning of a text at `now`, in Unix seconds. Never raises."""
    if len(text) > MAX_CHARS:
        return Explanation(ProofKind.NOTHING)
    return explanation_of(find(keyring, text, now))


def explanation_of(found: PastedProof | None) -> Explanation:
    """Return the meaning of what was found in a text."""
    if found is None:
        return Explanation(ProofKind.NOTHING)
    kind = ProofKind.LINK if found.access else ProofKind.RECEIPT
    return Explanation(kind, found.access, found.receipt, found.expired)


def find(keyring: Keyring, text: str, now: int) -> PastedProof | None:
    """Return the first valid link or receipt in a text, None without one.

    `now` is in Unix seconds. The time is proportional to the text.
    """
    return next(filter(None, search(keyring, text, now)), None)


def search(
    keyring: Keyring, text: str, now: int
) -> Iterator[PastedProof | None]:
    """Search a text as `find` does, in steps of a millisecond at most.

    Yield None after each, and what is found.
    """
    tried: set[str] = set()
    for variant in variants(text):
        joined, breaks = _without_breaks(variant)
        found = _link(keyring, joined, breaks, now, tried) or _receipt(
            keyring, joined, breaks, tried
        )
        yield found


def search_codes(text: str) -> Iterator[str | None]:
    """Yield the codes in a text as `codes.normalize` does, at most four.

    They are well-formed, but not verified: `codes.verify` does that. None is
    yielded after each step of the search.
    """
    found: set[str] = set()
    tried = 0
    for variant in variants(text):
        for match in _CODE.finditer(variant):
            tried += 1
            if tried > _MAX_CODES_TRIED:
                return
            try:
                code = codes.normalize(visible(match[1]))
            except codes.Mistyped:
                continue
            if code not in found:
                found.add(code)
                yield code
            if len(found) == _MAX_CODES:
                return
        yield None


def _without_breaks(variant: str) -> tuple[str, frozenset[int]]:
    """Return a variant without its breaks, and their positions."""
    pieces = variant.split(BREAK)
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
) -> PastedProof | None:
    for start in _positions(text, _DOWNLOAD):
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
                return PastedProof(
                    link.path, access=error.access, expired=True
                )
            except Forged:
                continue
            return PastedProof(link.path, access=access)
    return None


def _ids(
    text: str, start: int, run: str, breaks: frozenset[int]
) -> Iterator[str]:
    """Yield the possible item ids at `start`, the longest first."""
    for length in range(min(len(run), _MAX_ITEM_CHARS), 0, -1):
        if not _continues(text, start + length, breaks):
            yield run[:length]


def _continues(text: str, end: int, breaks: frozenset[int]) -> bool:
    """Return whether the text after a link is still part of its path."""
    if end in breaks:
        return False
    after = text[end : end + 2].lstrip("-")
    if after.startswith("/"):
        return _is_word(after[1:]) and end + 1 not in breaks
    return _is_word(after[:1])


def _receipt(
    keyring: Keyring, text: str, breaks: frozenset[int], tried: set[str]
) -> PastedProof | None:
    for start, end in _receipts_in(keyring, text):
        after = text[end : end + (1 if end + 1 in breaks else 2)]
        if _is_word(after.lstrip("_-")[:1]) and end not in breaks:
            continue
        token = text[start:end]
        if not _is_new(token, tried):
            continue
        try:
            receipt = receipts.read(keyring, token)
        except Forged:
            continue
        return PastedProof(f"/purchases/{token}", receipt=receipt)
    return None


def _receipts_in(keyring: Keyring, text: str) -> Iterator[tuple[int, int]]:
    """Yield where receipts of either form start and end; none is verified."""
    for start in _positions(text, receipts.HEADER_START):
        if receipts.has_known_header(keyring, text, start):
            match = _JWS.match(text, start, start + MAX_TOKEN_CHARS)
            if match is not None:
                yield start, match.end()
    for prefix in receipts.known_starts(keyring):
        for start in islice(_positions(text, prefix), _MAX_STARTS):
            length = receipts.length_at(text, start)
            if length is not None:
                yield start, start + length


def _is_word(char: str) -> bool:
    return char.isascii() and char.isalnum()


def _positions(text: str, part: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + len(part))


def _is_new(token: str, tried: set[str]) -> bool:
    """Return whether to verify a token: it is new, and within the limit."""
    if token in tried or len(tried) >= _MAX_CANDIDATES:
        return False
    tried.add(token)
    return True
