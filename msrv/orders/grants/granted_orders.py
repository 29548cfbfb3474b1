# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Granted orders: each buyer of a list gets a receipt for one item, once.

An order is recorded in the database itself, as a redeemed code is, so that a
list that is used again, or on another replica, leads to the same receipts.
While the database is unavailable, nothing is granted.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from msrv.catalog.model import Item, Release, Shop
from msrv.ledger.db import grants as db_grants
from msrv.ledger.db.database import Database
from msrv.ledger.db.grants import GrantedOrder
from msrv.ledger.events import Sale, SoldLine, clean_title
from msrv.mail import addresses
from msrv.mail.outbox import Outbox
from msrv.mail.receipt_mail import ReceiptMail
from msrv.orders.grants.buyer_list import Buyer
from msrv.proofs import grants, receipts
from msrv.proofs.grants import PROVIDER
from msrv.proofs.keyring import Keyring
from msrv.proofs.orders import Line
from msrv.proofs.receipts import Receipt

BATCH: Final = 200
"""Number of buyers in one transaction, for which other writers wait."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A buyer's order, and the signed `token` of its receipt.

    `is_queued` is true if a mail was queued now.
    """

    buyer: Buyer
    order: GrantedOrder
    token: str
    is_queued: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Granting:
    """Grants one item to buyers from one source.

    `source` is where they bought it, a word. `outbox` is None where nothing
    is to be mailed; `base_url` is the store's address in mails.
    """

    database: Database
    keyring: Keyring
    entry: Item | Release
    item_id: str
    source: str
    shop: Shop
    base_url: str
    outbox: Outbox | None = None

    async def grant(self, buyers: Sequence[Buyer], now: int) -> list[Grant]:
        """Record the orders of some buyers, and queue their mails.

        A mail is queued once for each order, and not for a revoked one. `now`
        is the time of new orders, in Unix seconds. Raises DatabaseError, and
        OSError if a mail can't be stored; then the same list completes it.
        """
        orders = await db_grants.grant_orders(
            self.database, [self._sale(each, now) for each in buyers]
        )
        found = [
            self._grant(buyer, order)
            for buyer, order in zip(buyers, orders, strict=True)
        ]
        if self.outbox is None:
            return found
        due = [
            each
            for each in found
            if not (each.order.is_mailed or each.order.is_revoked)
        ]
        await asyncio.to_thread(self._queue, self.outbox, due, now)
        # After the mails: killed in between, the same list stores them
        # again, and the outbox recognises those that it has.
        await db_grants.record_grant_mails(
            self.database, [each.order.order_id for each in due], now
        )
        queued = {each.order.order_id for each in due}
        return [
            replace(each, is_queued=each.order.order_id in queued)
            for each in found
        ]

    async def find(self, buyers: Sequence[Buyer]) -> list[GrantedOrder]:
        """Return the orders as `grant` would. Raises DatabaseError."""
        return await db_grants.find_grants(
            self.database, [self._sale(each, 0) for each in buyers]
        )

    def _sale(self, buyer: Buyer, now: int) -> tuple[Sale, Sequence[str]]:
        """Return a buyer's order, and its ids under previous NONCEs."""
        order_id, *former = grants.order_ids(
            self.keyring,
            self.source,
            buyer.reference,
            addresses.mailbox_key(buyer.address),
            self.item_id,
        )
        sale = Sale(
            order_id=order_id,
            sold_at=now,
            provider=PROVIDER,
            currency=self.entry.price.currency,
            lines=(SoldLine(self.item_id, 0, self._title),),
            reference=_reference(self.source, buyer.reference),
        )
        return sale, former

    def _grant(self, buyer: Buyer, order: GrantedOrder) -> Grant:
        token = receipts.sign(self.keyring, self._receipt(order))
        return Grant(buyer, order, token)

    def _receipt(self, order: GrantedOrder) -> Receipt:
        return Receipt(
            order_id=order.order_id,
            issued_at=order.granted_at,
            provider=PROVIDER,
            currency=order.currency,
            lines=(Line(self.item_id, 0),),
        )

    def _queue(self, outbox: Outbox, due: Iterable[Grant], now: int) -> None:
        """Store the mails; they are on the disk on return. Blocks."""
        for each in due:
            outbox.add(
                ReceiptMail(
                    mail_id=each.order.order_id,
                    to=each.buyer.address,
                    receipt=self._receipt(each.order),
                    titles=(self._title,),
                    base_url=self.base_url,
                    store=self.shop.name,
                    contact=self.shop.contact,
                    written_at=now,
                    language=self.shop.language,
                ),
                is_bulk=True,
            )

    @property
    def _title(self) -> str:
        return clean_title(self.entry.title)


def batches(buyers: Iterable[Buyer]) -> Iterator[list[Buyer]]:
    """Yield buyers in lists of BATCH at most."""
    rest = iter(buyers)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _reference(source: str, reference: str) -> str:
    """Return the reference for the ledger; empty if it can't hold it."""
    stated = f"{source}:{reference}"
    if not reference or not stated.isascii() or not stated.isprintable():
        return ""
    return stated.replace(" ", "_")
