# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Receipts by mail, where the store sends any: queued, never waited for.

The address travels in the signed quote and lies in the outbox until the mail
was sent. It is stored nowhere else. The same is true of a gift's note.
"""

import hashlib
import logging
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from msrv.catalog.live_catalog import LiveCatalog
from msrv.catalog.model import Shop
from msrv.catalog.texts.thanks import thanks_for
from msrv.mail import addresses
from msrv.mail.purchase_list import MailedPurchase
from msrv.mail.receipt_mail import MailKind, ReceiptMail, RefundNote
from msrv.mail.worker import MailWorker
from msrv.orders.errors import UnicodeAddress
from msrv.orders.legal.consents import agreed_text
from msrv.orders.pricing import title_of
from msrv.orders.rate_limits import ShopLimits, TooManyMails
from msrv.payments.refunds import PaymentReversal
from msrv.payments.registry import Providers
from msrv.payments.settlement import PaidOrder
from msrv.proofs.gifts.gift import Gift
from msrv.proofs.receipts import Receipt, provider_name
from msrv.translations import current_language, language_set_to
from msrv.translations.negotiation import parse_language

log = logging.getLogger(__name__)

DISK_SECONDS: Final = 300
"""Delay before a mail that the disk refused can be requested again."""


_NUMBER_BYTES: Final = 6
"""Of the number of a refund's mail: at most fifteen digits."""


@dataclass(frozen=True, slots=True)
class MailContent:
    """Content of a mail: the receipt of an order, and to whom, as what.

    `to` is an address, or empty for no mail. `gift` is that of a gift.
    """

    receipt: Receipt
    to: str
    kind: MailKind = MailKind.RECEIPT
    gift: Gift = field(default_factory=Gift)

    @property
    def mail_id(self) -> str:
        """Id of the order's first mail of this kind."""
        # An earlier version skips other ids, whose mails it can't read.
        suffix = "" if self.kind is MailKind.RECEIPT else f"-{self.kind.value}"
        return f"{self.receipt.order_id}{suffix}"


@dataclass(frozen=True, slots=True)
class ReceiptMails:
    """Queues the mails of receipts.

    `worker` is None where the store sends no mail. `base_url` is the store's
    own address, not that of a request: the recipient may be another person
    than the visitor, who could forge it. `clock` returns Unix seconds. Mails
    are in the current language.
    """

    worker: MailWorker | None
    providers: Providers
    catalog: LiveCatalog
    limits: ShopLimits
    base_url: str
    clock: Callable[[], int]

    @property
    def is_on(self) -> bool:
        """True where the store sends mail."""
        return self.worker is not None

    def parse_address(self, text: str) -> str:
        """Return the address in a form's field; empty if no mail is sent.

        Raises BadAddress, UnicodeAddress.
        """
        if not text or self.worker is None:
            return ""
        address = addresses.parse(text)
        if addresses.needs_smtputf8(address) and self.worker.lacks_smtputf8:
            raise UnicodeAddress(address)
        return address

    def has_failed(self, order_id: str, kind: MailKind | None = None) -> bool:
        """Return whether this process gave up on a mail of an order.

        On one of a kind, or on any that a buyer waits for. Not if it was
        queued again since.
        """
        return self.worker is not None and any(
            each.order_id == order_id
            and (each.is_receipt if kind is None else each.kind == kind.value)
            for each in self.worker.recent_failures
        )

    async def queue_for(self, content: MailContent, network: Hashable) -> int:
        """Queue a mail for a buyer who waits, once for each order and kind.

        Returns 0, or in how many seconds the mail can be requested again
        where it isn't sent. Mails of free orders are limited, by `network`
        and by mailbox; those of paid orders, or of redeem codes, are not.
        """
        if self.worker is None or not content.to:
            return 0
        recent, now = self.limits.recent_mails, self.clock()
        if recent.has((content.mail_id, content.to), now):
            return 0  # a second click
        if self.providers.costs_nothing(content.receipt):
            try:
                self._acquire(content, network)
            except TooManyMails as error:
                self.worker.count_dropped()
                return error.retry_after_seconds
        if not await self.queue(content):
            self.worker.count_dropped()
            return DISK_SECONDS
        recent.add((content.mail_id, content.to), now)
        return 0

    async def queue(self, content: MailContent) -> bool:
        """Queue a mail, once for each order and kind, without a limit.

        The mail is on the disk when this returns True. A disk that refuses is
        logged. Raises NotReady.
        """
        if self.worker is None or not content.to:
            return True
        mail = self._mail(content, content.mail_id)
        return await self.worker.enqueue(mail)

    async def queue_found(
        self, to: str, purchases: Sequence[MailedPurchase]
    ) -> None:
        """Queue the mail that lists the purchases of an address.

        Raises OSError if it can't be stored.
        """
        assert self.worker is not None  # noqa: S101 - checked by the caller
        first = MailContent(purchases[0].receipt, to, MailKind.FOUND)
        mail = replace(
            self._mail(first, f"{first.mail_id}-{self.clock()}"),
            thanks=(),
            purchases=tuple(
                replace(each, adds_tax=self.adds_tax(each.receipt))
                for each in purchases
            ),
        )
        await self._enqueue(mail)

    async def queue_refund(
        self,
        order: PaidOrder,
        to: str,
        made: PaymentReversal,
        *,
        ends_all: bool,
    ) -> None:
        """Queue the mail of a refund, once, in the buyer's language.

        None for an address that no mail can be sent to. Raises NotReady, and
        OSError if it can't be stored.
        """
        if self.worker is None or not to:
            return
        shop = self.catalog.current.shop
        digest = hashlib.sha256(made.key.encode()).digest()
        number = int.from_bytes(digest[:_NUMBER_BYTES], "big")
        content = MailContent(order.receipt, to, MailKind.REFUND)
        with language_set_to(
            parse_language(order.language, default=shop.language)
        ):
            mail = self._mail(content, f"{content.mail_id}-{number}")
        held = {line.item_id for line in order.receipt.lines}
        items = tuple(each for each in made.items if each in held)
        note = RefundNote(made.amount.minor, items, ends_all, made.created_at)
        try:
            mail = replace(mail, refund=note)
        except ValueError:
            log.info("refund %s: no mail to the provider's address", made.key)
            return
        await self._enqueue(mail)

    async def _enqueue(self, mail: ReceiptMail) -> None:
        """Store a mail. Raises OSError if it can't be stored."""
        assert self.worker is not None  # noqa: S101 - checked by the caller
        if not await self.worker.enqueue(mail):
            raise OSError(f"the {mail.name} can't be stored")

    async def resend(self, content: MailContent, network: Hashable) -> None:
        """Queue another mail of the same. Raises TooManyMails."""
        assert self.worker is not None  # noqa: S101 - checked by the caller
        try:
            self._acquire(content, network)
            mail_id = f"{content.mail_id}-{self.clock()}"
            mail = self._mail(content, mail_id)
            if not await self.worker.enqueue(mail):
                raise TooManyMails(DISK_SECONDS)
        except TooManyMails:
            self.worker.count_dropped()
            raise

    def _acquire(self, content: MailContent, network: Hashable) -> None:
        """Count a mail by the client's network and by its mailbox.

        Paid orders have a limit of their own, without a total: however many
        mails strangers request for free orders, theirs are sent. Raises
        TooManyMails.
        """
        limits = self.limits
        limiter = (
            limits.mails
            if self.providers.is_free(content.receipt)
            else limits.paid_mails
        )
        limiter.acquire(
            ("network", network),
            ("mailbox", addresses.mailbox_key(content.to)),
            now=self.clock(),
        )

    def _mail(self, content: MailContent, mail_id: str) -> ReceiptMail:
        catalog = self.catalog.current
        receipt = content.receipt
        return ReceiptMail(
            mail_id=mail_id,
            to=content.to,
            receipt=receipt,
            titles=tuple(
                title_of(catalog, line.item_id) for line in receipt.lines
            ),
            base_url=self.base_url,
            store=catalog.shop.name,
            contact=catalog.shop.contact,
            written_at=self.clock(),
            thanks=thanks_for(
                catalog, [line.item_id for line in receipt.lines]
            ),
            kind=content.kind,
            gift=content.gift,
            language=current_language().code,
            legal=catalog.shop.legal.kinds,
            consent_text=agreed_text(catalog.shop, receipt.consent),
            adds_tax=self.adds_tax(receipt),
        )

    def adds_tax(self, receipt: Receipt) -> bool:
        """Return whether tax may have been added to the prices of an order."""
        return adds_tax(self.providers, self.catalog.current.shop, receipt)


def adds_tax(providers: Providers, shop: Shop, receipt: Receipt) -> bool:
    """Return whether tax may have been added to the prices of an order."""
    provider = providers.get(provider_name(receipt.provider))
    return provider is not None and provider.adds_tax and not shop.tax_included
