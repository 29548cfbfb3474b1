# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Redeem codes: each becomes the receipt of one order, once.

A code is used up in the database itself, so that two replicas can't both
accept it; while the database is unavailable, no code can be redeemed.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from msrv import time_slices
from msrv.catalog.live_catalog import LiveCatalog
from msrv.catalog.model import Catalog
from msrv.ledger.events import Redeemed, Sale, SoldLine, clean_title
from msrv.ledger.ledger import Ledger
from msrv.orders.errors import CampaignEnded
from msrv.orders.fulfilment import FulfilledOrder, Fulfilment
from msrv.orders.rate_limits import ShopLimits
from msrv.payments.settlement import PaidOrder
from msrv.proofs import codes, pasted_proofs
from msrv.proofs.codes import CLAIM_BYTES, Code, campaign_tag, item_tag
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Keyring
from msrv.proofs.orders import Line
from msrv.proofs.receipts import Receipt

PROVIDER: Final = "code"
"""Stands for the payment provider in receipts of redeemed codes."""
_MAX_ITEMS_ON_LOOP: Final = 2000
"""Hashing so many takes a millisecond or two; more are hashed in a thread."""
_SETTLED_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Claim:
    """A random value that names the browser which redeems a code.

    The order depends on it: a browser that lost the answer gets the same
    receipt by sending the code again, and no other browser does by the
    same code. `made_at` is when the store made it, in Unix seconds, or None if
    that isn't known: for a claim that a program made up, or of an older
    version of the store.
    """

    value: bytes
    made_at: int | None = None

    @classmethod
    def new(cls, random: Callable[[int], bytes], now: int) -> Self:
        """Return a new claim. `random(n)` returns n unpredictable bytes."""
        return cls(random(CLAIM_BYTES), now)

    def is_settled(self, now: int) -> bool:
        """Return whether the store made it at least a minute ago."""
        return (
            self.made_at is not None and now - self.made_at >= _SETTLED_SECONDS
        )


class CodeIndex:
    """Index of a catalog's items by the tags in codes, and ended campaigns.

    It is built again when the catalog changes.
    """

    def __init__(self, ended_campaigns: Iterable[str] = ()) -> None:
        self._ended = frozenset(map(campaign_tag, ended_campaigns))
        self._version: str | None = None
        self._items: Mapping[str, tuple[str, ...]] = {}

    def has_ended(self, campaign_tag: str) -> bool:
        """Return whether a campaign's codes are refused."""
        return campaign_tag in self._ended

    async def item_ids(self, catalog: Catalog, tag: str) -> tuple[str, ...]:
        """Return the ids that a tag can stand for, hidden items included."""
        if catalog.version != self._version:
            ids = tuple(catalog.by_id)
            found = (
                _by_tag(ids)
                if len(ids) <= _MAX_ITEMS_ON_LOOP
                else await asyncio.to_thread(_by_tag, ids)
            )
            self._items, self._version = found, catalog.version
        return self._items.get(tag, ())


def _by_tag(item_ids: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for item_id in item_ids:
        tag = item_tag(item_id)
        found[tag] = (*found.get(tag, ()), item_id)
    return found


@dataclass(frozen=True, slots=True)
class CodeRedemption:
    """Verifies and redeems codes. `clock` returns Unix seconds."""

    ledger: Ledger
    catalog: LiveCatalog
    keyring: Keyring
    code_index: CodeIndex
    limits: ShopLimits
    fulfilment: Fulfilment
    clock: Callable[[], int]

    async def redeem(
        self, text: str, claim: Claim, network: Hashable, mail: str
    ) -> FulfilledOrder:
        """Redeem the code in a text; `mail` gets the receipt, if any.

        The same claim and code lead to the same receipt. `network` is the
        client's. Raises Mistyped, TooManyGuesses, Forged, CampaignEnded,
        AlreadyRedeemed, DatabaseError.
        """
        code = await self._verify(text, claim, network)
        entry = self.catalog.current.by_id[code.item_id]
        order_id, now = code.order_id(claim.value), self.clock()
        redeemed = await self.ledger.redeem(
            Redeemed(code.code_id, order_id, now),
            Sale(
                order_id=order_id,
                sold_at=now,
                provider=PROVIDER,
                currency=entry.price.currency,
                lines=(SoldLine(code.item_id, 0, clean_title(entry.title)),),
                reference=code.code_id,
            ),
        )
        receipt = Receipt(
            order_id=order_id,
            issued_at=redeemed.redeemed_at,
            provider=PROVIDER,
            currency=redeemed.currency,
            lines=(Line(code.item_id, 0),),
        )
        order = PaidOrder(receipt, code.code_id, mail=mail)
        return await self.fulfilment.fulfil(order, network, is_recorded=True)

    async def _verify(
        self, text: str, claim: Claim, network: Hashable
    ) -> Code:
        """Return the code in what was typed or pasted.

        Raises Mistyped, TooManyGuesses, Forged, CampaignEnded.
        """
        found = await time_slices.collect(pasted_proofs.search_codes(text))
        candidates = found or [codes.normalize(text)]
        catalog = self.catalog.current
        item_ids = [
            await self.code_index.item_ids(
                catalog, codes.item_tag_of(candidate)
            )
            for candidate in candidates
        ]
        now, guesses = self.clock(), self.limits.codes
        keys: tuple[Hashable, ...] = (network,)
        group = "new"
        if claim.is_settled(now):
            # An attacker who uses up the guesses of all clients doesn't lock
            # out a browser that opened the page before. Its claim is counted
            # too, or one claim would give unlimited guesses.
            keys, group = (*keys, claim.value), "known"
        # Nothing is awaited below, so that requests that arrive at once are
        # counted one by one.
        for candidate, ids in zip(candidates, item_ids, strict=True):
            guesses.check(*keys, group=group, now=now)
            try:
                code = codes.verify(self.keyring, candidate, ids)
            except Forged:
                guesses.spend(*keys, group=group, now=now)
                continue
            if self.code_index.has_ended(code.campaign_tag):
                raise CampaignEnded
            return code
        raise Forged
