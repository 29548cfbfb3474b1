# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Download links: `/download/{pop}/{poe}/{item_id}`.

The proof of purchase (PoP) states that an order contains an item. The proof
of expiration (PoE) states until when this PoP is valid. Both are MACs: without
NONCE, a link can't be forged, prolonged, or changed to another order or item.
"""

import re
from dataclasses import dataclass
from typing import Final

from msrv.proofs.encoding import decode, encode, is_same, mac
from msrv.proofs.errors import Expired, Forged
from msrv.proofs.keyring import Generation, Keyring, Purpose
from msrv.proofs.orders import (
    ITEM_ID,
    MAX_TIME,
    ORDER_ID,
    ORDER_ID_CHARS,
    check_number,
    is_item_id,
    is_order_id,
)

# 144 bits. A forger has to guess them against the running store, for which 128
# are plenty; and 18 bytes are exactly 24 characters of base64, as 24 bytes are
# 32 characters. There are no spare bits that could be set differently, so each
# token has one spelling by construction.
_TAG_BYTES: Final = 18
_EXPIRY_BYTES: Final = 6
_EXPIRY_CHARS: Final = 8

_POP: Final = re.compile(rf"{ORDER_ID}[A-Za-z0-9_-]{{24}}")
_POE: Final = re.compile(r"[A-Za-z0-9_-]{32}")
_PATH: Final = re.compile(
    rf"/download/({_POP.pattern})/({_POE.pattern})/({ITEM_ID})"
)


@dataclass(frozen=True, slots=True)
class Link:
    """The parts of a download link. Anyone who has them can download."""

    pop: str
    poe: str
    item_id: str

    @property
    def path(self) -> str:
        """Path of the link, without the host."""
        return f"/download/{self.pop}/{self.poe}/{self.item_id}"


@dataclass(frozen=True, slots=True)
class Access:
    """Access to one item of an order, while now < `expires_at`.

    `expires_at` is in Unix seconds: the first at which it is not valid.
    """

    order_id: str
    item_id: str
    expires_at: int


class LinkExpired(Expired):
    """A download link that has expired; `access` is what it gave."""

    def __init__(self, access: Access) -> None:
        super().__init__(access.expires_at)
        self.access = access


def make_link(
    keyring: Keyring,
    order_id: str,
    item_id: str,
    expires_at: int,
    *,
    simulated: bool = False,
) -> Link:
    """Return the link to an item of an order, valid while now < `expires_at`.

    `expires_at` is in Unix seconds; `simulated` is for an order paid by
    a simulated or test payment. Raises ValueError for an invalid order id or
    item id, or a time that six bytes can't hold.
    """
    if not is_order_id(order_id) or not is_item_id(item_id):
        raise ValueError("not an order id, or not an item id")
    check_number(expires_at, MAX_TIME)
    expiry = expires_at.to_bytes(_EXPIRY_BYTES, "big")
    signer = keyring.signer(simulated=simulated)
    pop = _pop(signer, order_id, item_id)
    return Link(pop, _poe(signer, pop, expiry), item_id)


def verify_link(
    keyring: Keyring, pop: str, poe: str, item_id: str, now: int
) -> Access:
    """Return what a link gives access to at `now`, in Unix seconds.

    A link is valid while now < expires_at. Raises Forged, and LinkExpired
    from the second `expires_at` on.
    """
    if not (_POP.fullmatch(pop) and _POE.fullmatch(poe)):
        raise Forged
    if not is_item_id(item_id):
        raise Forged
    return _verify(keyring, pop, poe, item_id, now)


def verify_path(keyring: Keyring, path: str, now: int) -> Access | None:
    """Return what a `Link.path` gives access to, None for another path.

    Raises Forged and LinkExpired, as `verify_link` does.
    """
    link = _PATH.fullmatch(path)
    return link and _verify(keyring, link[1], link[2], link[3], now)


def _verify(
    keyring: Keyring, pop: str, poe: str, item_id: str, now: int
) -> Access:
    """Verify the parts of a link, which have the right syntax."""
    order_id = pop[:ORDER_ID_CHARS]
    expiry = decode(poe[:_EXPIRY_CHARS])
    for generation in keyring.verifiers:
        # The expected proofs are computed and compared as text, so another
        # spelling never matches. Both are always compared, so that neither
        # can be searched for without the other.
        is_purchase = is_same(_pop(generation, order_id, item_id), pop)
        is_expiration = is_same(_poe(generation, pop, expiry), poe)
        if is_purchase and is_expiration:
            break
    else:
        raise Forged
    # Only now: an unauthenticated time must not lead to "expired".
    access = Access(order_id, item_id, int.from_bytes(expiry, "big"))
    if now >= access.expires_at:
        raise LinkExpired(access)
    return access


def _pop(generation: Generation, order_id: str, item_id: str) -> str:
    tag = mac(
        generation.key(Purpose.POP),
        order_id.encode("ascii"),
        item_id.encode("ascii"),
    )
    return order_id + encode(tag[:_TAG_BYTES])


def _poe(generation: Generation, pop: str, expiry: bytes) -> str:
    tag = mac(generation.key(Purpose.POE), pop.encode("ascii"), expiry)
    return encode(expiry + tag[:_TAG_BYTES])
