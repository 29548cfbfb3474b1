"""What a text that somebody pasted is: a link, a receipt, or nothing of ours.

For people. It opens nothing: `pasted` finds it, and it is checked by the same
functions that guard a download.
"""

from dataclasses import dataclass
from enum import StrEnum

from msrv.proofs import pasted
from msrv.proofs.keyring import Keyring
from msrv.proofs.links import Access
from msrv.proofs.pasted_text import MAX_CHARS
from msrv.proofs.receipts import Receipt


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
    if len(text) > MAX_CHARS:
        return Explanation(Kind.NOTHING)
    found = pasted.find(keyring, text, now)
    if found is None:
        return Explanation(Kind.NOTHING)
    kind = Kind.LINK if found.access else Kind.RECEIPT
    return Explanation(kind, found.access, found.receipt, found.expired)
