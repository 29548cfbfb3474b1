# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Search for the purchases of a mail address.

The payment providers are asked: each payment holds its signed quote, from
which the very same receipt is made again. What no provider remembers is found
by the blind index, where the store keeps one.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from msrv.ledger.ledger import Ledger
from msrv.orders.fulfilment import receipt_of
from msrv.orders.lost_purchases.address_index import AddressIndex
from msrv.payments.provider import (
    WHOLE,
    AmountMismatch,
    ArchivedPayment,
    Provider,
)
from msrv.payments.registry import Providers
from msrv.payments.settlement import PaidOrder, Settlement
from msrv.proofs import quotes
from msrv.proofs.errors import Forged
from msrv.proofs.gifts.gift import Gift, unseal
from msrv.proofs.keyring import Keyring
from msrv.proofs.receipts import Receipt


@dataclass(frozen=True, slots=True)
class FoundPurchase:
    """A purchase of an address.

    `gift` is set where the address paid for another person, whose receipt it
    is. `is_refunded` is true if nothing of it can be downloaded any more.
    """

    receipt: Receipt
    gift: Gift | None = None
    is_refunded: bool = False


@dataclass(frozen=True, slots=True)
class PurchaseSearch:
    """Finds purchases by the address that they were paid with or mailed to."""

    providers: Providers
    settlement: Settlement
    keyring: Keyring
    ledger: Ledger
    index: AddressIndex | None = None

    @property
    def can_find(self) -> bool:
        """True if there is anything to search."""
        return self.index is not None or self.asks_providers

    @property
    def asks_providers(self) -> bool:
        """True if a payment provider can be asked."""
        return any(each.archive is not None for each in self.providers)

    async def find(self, address: str) -> list[FoundPurchase]:
        """Return the purchases of an address, the newest first.

        Raises ProviderUnavailable, DatabaseError.
        """
        found: dict[str, FoundPurchase] = {}
        for provider in self.providers:
            async for purchase in self._payments(provider, address):
                found[purchase.receipt.order_id] = purchase
        if self.index is not None:
            for order in await self.index.orders_of(address):
                receipt = receipt_of(order)
                if receipt is not None and self._is_valid(receipt):
                    # The recipient of a gift that was paid with the same
                    # address has its receipt, not only its bill.
                    found[order.order_id] = FoundPurchase(
                        receipt, is_refunded=self._is_refunded(receipt)
                    )
        return sorted(
            found.values(),
            key=lambda each: (each.receipt.issued_at, each.receipt.order_id),
            reverse=True,
        )

    async def _payments(
        self, provider: Provider, address: str
    ) -> AsyncIterator[FoundPurchase]:
        if provider.archive is None:
            return
        for payment in await provider.archive.payments_of(address):
            try:
                purchase = await self._purchase(provider, payment)
            except AmountMismatch:
                continue  # no order was fulfilled
            if purchase is not None:
                yield purchase

    async def _purchase(
        self, provider: Provider, payment: ArchivedPayment
    ) -> FoundPurchase | None:
        """Return the purchase of a payment. Raises AmountMismatch."""
        gift = None
        try:
            order = self.settlement.check(provider.name, payment.status)
        except Forged:
            receipt = await self._recorded(provider, payment)
        else:
            if not isinstance(order, PaidOrder):
                return None
            receipt = order.receipt
            gift = unseal(self.keyring, order.gift) if order.gift else None
        if receipt is None or not self._is_valid(receipt):
            return None
        return FoundPurchase(
            receipt, gift, payment.is_refunded or self._is_refunded(receipt)
        )

    async def _recorded(
        self, provider: Provider, payment: ArchivedPayment
    ) -> Receipt | None:
        """Return the receipt of a quote of a NONCE that isn't set any more.

        As the ledger has its order; None for one of another store, or of a
        gift, whose receipt isn't the payer's.
        """
        if quotes.states_gift(payment.status.token):
            return None
        known = await self.ledger.find_paid_order(
            provider.name, payment.payment
        )
        if known is None:
            return None
        from msrv.ledger.db import order_queries  # noqa: PLC0415 - slow to import

        order_id, _ = known
        async with self.ledger.read_transaction() as connection:
            order = await order_queries.find_order(connection, order_id)
        return None if order is None else receipt_of(order)

    def _is_valid(self, receipt: Receipt) -> bool:
        """Return whether this store honours the receipt."""
        return self.keyring.accepts_simulated or not receipt.is_simulated

    def _is_refunded(self, receipt: Receipt) -> bool:
        revocations = self.ledger.revocations
        return revocations.is_line_revoked(receipt.order_id, WHOLE) or all(
            revocations.is_line_revoked(receipt.order_id, line.item_id)
            for line in receipt.lines
        )
