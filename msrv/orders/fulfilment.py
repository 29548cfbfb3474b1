# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Fulfilment: everything that follows from a paid order, in one place.

The same payment leads to the same receipt, whether the buyer's return or the
provider's webhook arrives first, or both arrive twice.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrv.catalog.live_catalog import LiveCatalog
from msrv.catalog.model import Catalog
from msrv.ledger.events import Sale, SoldLine
from msrv.ledger.ledger import Ledger
from msrv.mail.receipt_mail import MailKind
from msrv.orders.discounts import Discounts
from msrv.orders.free_orders import FreeOrders
from msrv.orders.lost_purchases.address_index import AddressIndex
from msrv.orders.pricing import title_of
from msrv.orders.receipt_mails import MailContent, ReceiptMails
from msrv.payments.settlement import PaidOrder
from msrv.proofs import receipts
from msrv.proofs.gifts import bills
from msrv.proofs.gifts.bills import Bill
from msrv.proofs.gifts.gift import unseal
from msrv.proofs.keyring import Keyring
from msrv.proofs.orders import Line
from msrv.proofs.receipts import Receipt
from msrv.tasks import finish
from msrv.taxes.rates import with_own_rate
from msrv.translations import Language, current_language, language_set_to
from msrv.translations.negotiation import parse_language

if TYPE_CHECKING:
    from msrv.ledger.db.order_queries import Order


@dataclass(frozen=True, slots=True)
class FulfilledOrder:
    """An order's receipt, and its signed `token`.

    `discount` is the code that was used, or empty; `mail` the address that
    the receipt goes to, or empty. `mail_wait` is 0 where it is queued; else it
    can be requested in that many seconds. `bill` is that of a gift, whose
    receipt goes to its recipient; empty for any other order.
    """

    receipt: Receipt
    token: str
    discount: str = ""
    mail: str = ""
    mail_wait: int = 0
    bill: str = ""


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """Fulfils paid orders: mail, sale, use of a discount, receipt."""

    ledger: Ledger
    catalog: LiveCatalog
    keyring: Keyring
    discounts: Discounts
    free_orders: FreeOrders
    mails: ReceiptMails
    index: AddressIndex | None = None

    async def fulfil(
        self,
        order: PaidOrder,
        network: Hashable | None,
        *,
        is_recorded: bool = False,
    ) -> FulfilledOrder:
        """Fulfil a paid order, and return its receipt.

        The sale is on the disk before the receipt is returned, except for
        free orders beyond their limit. `network` is that of a buyer who
        waits: the receipt is returned even where the disk refuses the sale,
        which is then retried. It is None where no buyer waits: SpoolFailed is
        raised, or OSError for a mail that can't be stored, and the caller
        tries again later. `is_recorded` is true for a
        sale that the ledger has already. Raises NotReady.

        It is done to its end, also for a buyer who disconnects meanwhile: the
        receipt may be in the mail by then.
        """
        return await finish(
            self._fulfil(order, network, is_recorded=is_recorded)
        )

    async def _fulfil(
        self,
        order: PaidOrder,
        network: Hashable | None,
        *,
        is_recorded: bool,
    ) -> FulfilledOrder:
        receipt, catalog = order.receipt, self.catalog.current
        # The mail first: if the process were killed in between, nothing would
        # queue it again, and its recipient has paid.
        gift = unseal(self.keyring, order.gift) if order.gift else None
        if gift is None:
            mail = MailContent(receipt, order.mail)
        else:
            mail = MailContent(receipt, gift.to, MailKind.GIFT, gift)
        with language_set_to(self._language(order, network)):
            mail_wait = await self._mail(mail, network)
            if gift is not None:
                bill = MailContent(receipt, order.mail, MailKind.BILL, gift)
                await self._mail(bill, network)
        if is_recorded or self.free_orders.is_recorded(order, network):
            if not is_recorded:
                sale = sale_of(order, catalog)
                if network is None:
                    await self.ledger.record(sale)
                else:
                    await self.ledger.record_sale(sale)
            self.catalog.mark_sold(
                {
                    line.item_id: title_of(catalog, line.item_id)
                    for line in receipt.lines
                }
            )
            await self.discounts.count_use(order)
            await self._index(mail)
        return FulfilledOrder(
            receipt,
            receipts.sign(self.keyring, receipt),
            order.discount,
            mail.to,
            mail_wait,
            bills.issue(self.keyring, Bill(receipt, gift)) if gift else "",
        )

    async def _index(self, mail: MailContent) -> None:
        """Index the recipient, if no provider can be asked for the order.

        A gift's recipient isn't the one whom the provider knows.
        """
        receipt = mail.receipt
        if self.index is None or not mail.to:
            return
        if mail.kind is not MailKind.GIFT and self.mails.providers.has_archive(
            receipt
        ):
            return
        await self.index.add(mail.to, receipt.order_id, receipt.issued_at)

    def _language(
        self, order: PaidOrder, network: Hashable | None
    ) -> Language:
        """Return the buyer's language, the store's own if it is unknown."""
        if network is not None and not order.language:
            return current_language()
        own = self.catalog.current.shop.language
        return parse_language(order.language, default=own)

    async def _mail(self, mail: MailContent, network: Hashable | None) -> int:
        """Queue a mail. Returns when it can be requested again, or 0."""
        if network is not None:
            return await self.mails.queue_for(mail, network)
        if not await self.mails.queue(mail):
            raise OSError("the receipt's mail can't be stored")
        return 0


def receipt_of(order: "Order") -> Receipt | None:
    """Return the receipt of an order in the ledger, as its buyer has it.

    Signing is deterministic, so it leads to the same text. None for an order
    that no receipt can represent.
    """
    try:
        return Receipt(
            order_id=order.order_id,
            issued_at=order.sold_at,
            provider=order.provider,
            currency=order.currency,
            lines=tuple(
                Line(line.item_id, line.price_minor) for line in order.lines
            ),
            consent=order.consent,
        )
    except ValueError:
        return None


def sale_of(order: PaidOrder, catalog: Catalog) -> Sale:
    """Return the ledger's event of a paid order, with today's titles."""
    receipt = order.receipt
    return Sale(
        order_id=receipt.order_id,
        sold_at=receipt.issued_at,
        provider=receipt.provider,
        currency=receipt.currency,
        lines=tuple(
            SoldLine(
                line.item_id,
                line.price_minor,
                title_of(catalog, line.item_id),
            )
            for line in receipt.lines
        ),
        reference=order.reference,
        consent=receipt.consent,
        tax=with_own_rate(
            order.tax,
            catalog.shop.tax,
            (line.price_minor for line in receipt.lines),
        ),
    )
