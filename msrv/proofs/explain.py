"""What a text that somebody pasted is: a link, a receipt, or nothing of ours.

For people. It takes a whole address, a path or a bare receipt, and mends what
mail programs do to long lines. It opens nothing: what it finds is checked by
the same functions that guard a download.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from msrv.proofs.encoding import MAX_TOKEN_CHARS
from msrv.proofs.errors import Forged, LinkExpired
from msrv.proofs.keyring import Keyring
from msrv.proofs.links import Access, verify_link
from msrv.proofs.receipts import Receipt, read

_MAX_CHARS: Final = 2 * MAX_TOKEN_CHARS
_LINK: Final = re.compile(r"(?:.*/)?download/([^/]+)/([^/]+)/([^/]+)")
# The parts of an address, and what people and programs put around one.
_AROUND: Final = re.compile(r"[/?#&=<>\"'()]")
_DOTS_OF_A_RECEIPT: Final = 2


class Kind(StrEnum):
    """What a text can be."""

    LINK = "link"
    RECEIPT = "receipt"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a text is.

    `access` is what a link gives, or gave where it is `expired`; `receipt`
    what a receipt states, which doesn't expire. Both are None for nothing.
    """

    kind: Kind
    access: Access | None = None
    receipt: Receipt | None = None
    expired: bool = False


def explain(keyring: Keyring, text: str, now: int) -> Explanation:
    """Say what a pasted text is, at `now` in Unix seconds. Never raises."""
    if len(text) > _MAX_CHARS:
        return Explanation(Kind.NOTHING)
    # No token holds whitespace; a line broken on its way does.
    text = "".join(text.split())
    return (
        _link(keyring, text, now)
        or _receipt(keyring, text)
        or Explanation(Kind.NOTHING)
    )


def _link(keyring: Keyring, text: str, now: int) -> Explanation | None:
    path = re.split(r"[?#]", text.strip("<>\"'()"), maxsplit=1)[0]
    match = _LINK.fullmatch(path)
    if match is None:
        return None
    pop, poe, item_id = match.groups()
    try:
        return Explanation(
            Kind.LINK, access=verify_link(keyring, pop, poe, item_id, now)
        )
    except LinkExpired as error:
        return Explanation(Kind.LINK, access=error.access, expired=True)
    except Forged:
        return None


def _receipt(keyring: Keyring, text: str) -> Explanation | None:
    for part in _AROUND.split(text):
        if part.count(".") != _DOTS_OF_A_RECEIPT:
            continue
        try:
            return Explanation(Kind.RECEIPT, receipt=read(keyring, part))
        except Forged:
            continue
    return None
