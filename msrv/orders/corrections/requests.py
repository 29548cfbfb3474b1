# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Requests of buyers to hear when a purchase is corrected or extended.

The ledger has the number and the language of the order, and nothing of the
buyer. The address is the payment provider's, which is asked for each mail: an
order without a provider that keeps addresses, like a free one, can't be
requested.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from msrv.ledger.errors import DatabaseError
from msrv.ledger.ledger import Ledger
from msrv.ledger.timeouts import SIGN_IN_SECONDS
from msrv.mail import addresses
from msrv.mail.addresses import BadAddress
from msrv.orders.corrections.errors import AddressUnknown, RequestNotSaved
from msrv.orders.corrections.order_changes import bought_parts, files_of
from msrv.orders.rate_limits import TooManyLookUps
from msrv.orders.receipt_mails import ReceiptMails
from msrv.payments.provider import WHOLE, PaymentError
from msrv.payments.settlement import Settlement
from msrv.proofs import quotes
from msrv.proofs.errors import Forged
from msrv.proofs.receipts import Receipt, provider_name
from msrv.translations import current_language

if TYPE_CHECKING:
    from msrv.ledger.db.order_queries import Order


@dataclass(frozen=True, slots=True)
class CorrectionRequests:
    """Adds and removes requests, and finds the buyers' addresses."""

    mails: ReceiptMails
    ledger: Ledger
    settlement: Settlement

    @classmethod
    def of(
        cls, mails: ReceiptMails, ledger: Ledger, settlement: Settlement
    ) -> Self:
        """Return the service of a store that sends these mails."""
        return cls(mails, ledger, settlement)

    def is_offered(self, receipt: Receipt) -> bool:
        """Return whether the buyer of an order can hear of corrections."""
        return (
            self.mails.is_on
            and bool(self.mails.base_url)
            and receipt.total_minor > 0
            and self.mails.providers.has_archive(receipt)
            and not self.is_refunded(
                receipt.order_id, [line.item_id for line in receipt.lines]
            )
        )

    def lacks_address(self, receipt: Receipt) -> bool:
        """Return whether only an address is missing to offer it.

        Of an order that cost nothing, or that no provider with an archive
        took, in a store that offers it for others.
        """
        providers = self.mails.providers
        return (
            self.mails.is_on
            and bool(self.mails.base_url)
            and any(each.archive is not None for each in providers)
            and not (
                receipt.total_minor > 0 and providers.has_archive(receipt)
            )
        )

    def is_refunded(self, order_id: str, item_ids: Iterable[str]) -> bool:
        """Return whether nothing of an order can be downloaded any more."""
        return not self.granted(order_id, item_ids)

    def granted(self, order_id: str, item_ids: Iterable[str]) -> list[str]:
        """Return the lines of an order that aren't refunded."""
        revocations = self.ledger.revocations
        if revocations.is_line_revoked(order_id, WHOLE):
            return []
        return [
            each
            for each in item_ids
            if not revocations.is_line_revoked(order_id, each)
        ]

    async def is_asked(self, order_id: str) -> bool:
        """Return whether there is a request. Raises RequestNotSaved."""
        try:
            async with self.ledger.read_transaction(
                SIGN_IN_SECONDS
            ) as connection:
                from msrv.ledger.corrections import requests  # noqa: PLC0415 - slow to import

                return await requests.is_asked(connection, order_id)
        except DatabaseError as error:
            raise RequestNotSaved from error

    async def add(self, receipt: Receipt) -> None:
        """Add a request, in the current language; once for each order.

        Raises AddressUnknown, RequestNotSaved, NotReady.
        """
        mails, order_id = self.mails, receipt.order_id
        catalog = mails.catalog.current
        bought = bought_parts(catalog, self.granted(order_id, _items(receipt)))
        try:
            mails.limits.look_ups.acquire(
                ("corrections", order_id), now=mails.clock()
            )
            order = await self._recorded(order_id)
            if not await self.address_of(order):
                raise AddressUnknown
            async with self.ledger.write_transaction(
                SIGN_IN_SECONDS
            ) as connection:
                from msrv.ledger.corrections import (  # noqa: PLC0415 - slow to import
                    requests,
                    watched_files,
                )

                now = mails.clock()
                for release_id, parts in bought.items():
                    await watched_files.watch(
                        connection, release_id, files_of(parts.release), now
                    )
                language = current_language().code
                await requests.add(connection, order_id, language, now)
        except (DatabaseError, PaymentError, TooManyLookUps) as error:
            raise RequestNotSaved from error

    async def remove(self, order_id: str) -> None:
        """Remove a request, if there is one. Raises RequestNotSaved."""
        try:
            async with self.ledger.write_transaction(
                SIGN_IN_SECONDS
            ) as connection:
                from msrv.ledger.corrections import requests  # noqa: PLC0415 - slow to import

                await requests.remove(connection, order_id)
        except DatabaseError as error:
            raise RequestNotSaved from error

    async def address_of(self, order: "Order") -> str:
        """Return the address of an order's buyer, empty if it is unknown.

        The one for the receipt, or else the one that the provider has; none
        for a gift, whose receipt isn't the payer's. Raises
        ProviderUnavailable.
        """
        provider = self.mails.providers.get(provider_name(order.provider))
        archive = None if provider is None else provider.archive
        if archive is None or not order.reference:
            return ""
        known, token = await archive.buyer_of(order.reference)
        if quotes.states_gift(token):
            return ""
        try:
            stated = self.settlement.mail_of(token) if token else ""
        except Forged:
            stated = ""  # of a NONCE that is no longer set
        try:
            return addresses.parse(stated or known)
        except BadAddress:
            return ""

    async def _recorded(self, order_id: str) -> "Order":
        """Return an order of the ledger. Raises RequestNotSaved."""
        from msrv.ledger.db import order_queries  # noqa: PLC0415 - slow to import

        await self.ledger.sync_now()  # it may have been paid a moment ago
        async with self.ledger.read_transaction(SIGN_IN_SECONDS) as connection:
            found = await order_queries.find_order(connection, order_id)
        if found is None:
            raise RequestNotSaved
        return found


def _items(receipt: Receipt) -> list[str]:
    return [line.item_id for line in receipt.lines]
