# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Reissued orders: the ledger's, signed by the current NONCE and mailed again.

The ledger has what was sold, and the payment provider to whom. A batch is
marked in the ledger once its mails are on the disk: a run that was stopped,
however it was, is continued by the next one, and no buyer is mailed twice.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from sqlalchemy import select

from msrv.catalog.model import Shop
from msrv.ledger.db import order_queries
from msrv.ledger.db.database import Database
from msrv.ledger.db.order_queries import Order, OrderKey
from msrv.ledger.db.projection import apply_events
from msrv.ledger.db.schema import redemptions
from msrv.ledger.events import Redeemed
from msrv.mail import addresses
from msrv.mail.addresses import BadAddress
from msrv.mail.outbox import Outbox
from msrv.mail.receipt_mail import MailKind, ReceiptMail
from msrv.orders.fulfilment import receipt_of
from msrv.orders.receipt_mails import adds_tax
from msrv.payments.provider import PaymentArchive, ProviderUnavailable
from msrv.payments.registry import Providers
from msrv.proofs import quotes
from msrv.proofs.keyring import Keyring
from msrv.proofs.receipts import Receipt, provider_name
from msrv.tasks import Backoff
from msrv.translations.negotiation import parse_language

BATCH: Final = 200
"""Number of orders in one transaction, for which other writers wait."""
LOOK_UPS_PER_SECOND: Final = 10.0
"""A tenth of what Stripe allows an account, which sells meanwhile."""
_ATTEMPTS: Final = 6
_BACKOFF: Final = Backoff(first_seconds=1, max_seconds=30)
_KEY_CHARS: Final = 12
_NUMBER_DIGITS: Final = 15


class Disposition(Enum):
    """Treatment of an order; the value is for operators."""

    MAILED = "mailed"
    DONE_BEFORE = "mailed before"
    REFUNDED = "refunded"
    NO_ADDRESS = "no address"
    GIFT = "gift"
    TO_LOOK_UP = "to look up"


@dataclass(frozen=True, slots=True)
class ReissuedOrder:
    """An order, its receipt, which isn't signed yet, and what became of it."""

    order: Order
    receipt: Receipt
    outcome: Disposition


@dataclass(slots=True)
class _CallSpacing:
    """Start times of calls, at most `per_second` of them a second."""

    per_second: float
    sleep: Callable[[float], Awaitable[None]]
    timer: Callable[[], float]
    _next_at: float = field(default=0.0)

    async def wait(self) -> None:
        """Wait until the next call may start."""
        now = self.timer()
        if now < self._next_at:
            await self.sleep(self._next_at - now)
        self._next_at = max(now, self._next_at) + 1 / self.per_second


@dataclass(frozen=True, slots=True, kw_only=True)
class Reissue:
    """Reissues the orders of a ledger that were sold before `before`.

    `before` is in Unix seconds, None for all. `base_url` is the store's
    address in mails, `clock` returns Unix seconds.
    """

    database: Database
    keyring: Keyring
    providers: Providers
    shop: Shop
    base_url: str
    clock: Callable[[], int]
    before: int | None = None
    look_ups_per_second: float = LOOK_UPS_PER_SECOND
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    timer: Callable[[], float] = time.monotonic

    async def plan(self) -> AsyncIterator[list[ReissuedOrder]]:
        """Yield what `send` would do, in batches, and change nothing.

        Whose provider can be asked is TO_LOOK_UP. Raises DatabaseError.
        """
        async for batch in self._batches():
            yield [
                ReissuedOrder(order, receipt, outcome)
                for order, receipt, outcome in batch
            ]

    async def send(self, outbox: Outbox) -> AsyncIterator[list[ReissuedOrder]]:
        """Mail the new receipts, and yield what was done, in batches.

        Raises DatabaseError, ProviderUnavailable, and OSError if a mail can't
        be stored; then the next run continues.
        """
        spacing = _CallSpacing(
            self.look_ups_per_second, self.sleep, self.timer
        )
        async for batch in self._batches():
            mails: list[ReceiptMail] = []
            found: list[ReissuedOrder] = []
            for order, receipt, planned in batch:
                outcome = planned
                if planned is Disposition.TO_LOOK_UP:
                    to, language, outcome = await self._buyer(order, spacing)
                    if outcome is Disposition.MAILED:
                        mails.append(self._mail(order, receipt, to, language))
                found.append(ReissuedOrder(order, receipt, outcome))
            await asyncio.to_thread(_store, outbox, mails)
            await self._mark(mails)
            yield found

    async def _batches(
        self,
    ) -> AsyncIterator[list[tuple[Order, Receipt, Disposition]]]:
        """Yield the orders that this store can sign, the newest first."""
        after: OrderKey | None = None
        while True:
            async with self.database.read_transaction() as connection:
                page = await order_queries.list_orders(
                    connection, before=self.before, after=after, most=BATCH
                )
                marks = {self._mark_of(each.order_id) for each in page.orders}
                known = set(
                    await connection.scalars(
                        select(redemptions.c.code_id).where(
                            redemptions.c.code_id.in_(marks)
                        )
                    )
                )
            yield [
                (order, receipt, self._outcome(order, known))
                for order in page.orders
                if (receipt := receipt_of(order)) is not None
                and (
                    self.keyring.accepts_simulated or not receipt.is_simulated
                )
            ]
            if page.after is None:
                return
            after = page.after

    def _outcome(self, order: Order, known: set[str]) -> Disposition:
        if all(line.refunded for line in order.lines):
            return Disposition.REFUNDED
        if self._mark_of(order.order_id) in known:
            return Disposition.DONE_BEFORE
        if self._archive(order) is None or not order.reference:
            return Disposition.NO_ADDRESS
        return Disposition.TO_LOOK_UP

    async def _buyer(
        self, order: Order, spacing: _CallSpacing
    ) -> tuple[str, str, Disposition]:
        """Return the address and language of a buyer, or why there is none.

        The language is that of the purchase, empty if it isn't known. Raises
        ProviderUnavailable.
        """
        archive = self._archive(order)
        assert archive is not None  # noqa: S101 - else it isn't TO_LOOK_UP
        failures = 0
        while True:
            await spacing.wait()
            try:
                address, token = await archive.buyer_of(order.reference)
                break
            except ProviderUnavailable:
                failures += 1
                if failures == _ATTEMPTS:
                    raise
                await self.sleep(_BACKOFF.seconds(failures))
        if quotes.states_gift(token):
            return "", "", Disposition.GIFT  # the receipt isn't the payer's
        try:
            to = addresses.parse(address)
        except BadAddress:
            return "", "", Disposition.NO_ADDRESS
        return to, quotes.stated_language(token), Disposition.MAILED

    def _archive(self, order: Order) -> PaymentArchive | None:
        provider = self.providers.get(provider_name(order.provider))
        return None if provider is None else provider.archive

    def _mail(
        self, order: Order, receipt: Receipt, to: str, language: str
    ) -> ReceiptMail:
        # A number of the key: killed before the mark, the next run makes the
        # same mail, which the outbox recognises.
        number = int.from_bytes(self.keyring.current.kid.encode("ascii"))
        return ReceiptMail(
            mail_id=f"{order.order_id}-reissued-{number % 10**_NUMBER_DIGITS}",
            to=to,
            receipt=receipt,
            titles=tuple(line.title for line in order.lines),
            base_url=self.base_url,
            store=self.shop.name,
            contact=self.shop.contact,
            written_at=self.clock(),
            kind=MailKind.REISSUED,
            language=parse_language(language, default=self.shop.language).code,
            adds_tax=adds_tax(self.providers, self.shop, receipt),
        )

    async def _mark(self, mails: Sequence[ReceiptMail]) -> None:
        """Record that some orders were reissued. Raises DatabaseError."""
        if not mails:
            return
        now = self.clock()
        ids = [each.receipt.order_id for each in mails]
        events = [Redeemed(self._mark_of(each), each, now) for each in ids]
        async with self.database.write_transaction() as connection:
            await apply_events(connection, events)

    def _mark_of(self, order_id: str) -> str:
        """Return the `code_id` of an order that this key has reissued."""
        kid = self.keyring.current.kid[:_KEY_CHARS].lower()
        name = "".join(each if each.isalnum() else "." for each in kid)
        return f"reissue.{name}.{order_id.lower()}"


def _store(outbox: Outbox, mails: Sequence[ReceiptMail]) -> None:
    """Store mails; they are on the disk on return. Blocks. Raises OSError."""
    for each in mails:
        outbox.add(each, is_bulk=True)
