# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Receipts by mail, where the store sends any: queued, never waited for.

The address travels in the signed quote and lies in the outbox until the mail
was sent. It is stored nowhere else.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

from msrv.catalog.live_catalog import LiveCatalog
from msrv.catalog.texts.thanks import thanks_for
from msrv.mail import addresses
from msrv.mail.receipt_mail import ReceiptMail
from msrv.mail.worker import MailWorker
from msrv.orders.errors import UnicodeAddress
from msrv.orders.pricing import title_of
from msrv.orders.rate_limits import ShopLimits, TooManyMails
from msrv.payments.registry import Providers
from msrv.proofs.receipts import Receipt

_DISK_SECONDS: Final = 300
"""Delay before a mail that the disk refused can be requested again."""


@dataclass(frozen=True, slots=True)
class ReceiptMails:
    """Queues the mails of receipts.

    `worker` is None where the store sends no mail. `base_url` is the store's
    own address, not that of a request: the recipient may be another person
    than the visitor, who could forge it. `clock` returns Unix seconds.
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

    async def queue_for(
        self, receipt: Receipt, to: str, network: Hashable
    ) -> int:
        """Queue a receipt for a buyer who waits, once for each order.

        Returns 0, or in how many seconds the mail can be requested again
        where it isn't sent. Mails of free orders are limited, by `network`
        and by mailbox; those of paid orders, or of redeem codes, are not.
        """
        if self.worker is None or not to:
            return 0
        recent, now = self.limits.recent_mails, self.clock()
        if recent.has((receipt.order_id, to), now):
            return 0  # a second click
        if self.providers.costs_nothing(receipt):
            try:
                self._acquire(receipt, to, network)
            except TooManyMails as error:
                self.worker.count_dropped()
                return error.retry_after_seconds
        if not await self.queue(receipt, to):
            self.worker.count_dropped()
            return _DISK_SECONDS
        recent.add((receipt.order_id, to), now)
        return 0

    async def queue(self, receipt: Receipt, to: str) -> bool:
        """Queue a receipt, once for each order, without a limit.

        The mail is on the disk when this returns True. A disk that refuses is
        logged. Raises NotReady.
        """
        if self.worker is None or not to:
            return True
        mail = self._mail(receipt, to, receipt.order_id)
        return await self.worker.enqueue(mail)

    async def resend(
        self, receipt: Receipt, to: str, network: Hashable
    ) -> None:
        """Queue another mail of a receipt. Raises TooManyMails."""
        assert self.worker is not None  # noqa: S101 - checked by the caller
        try:
            self._acquire(receipt, to, network)
            mail_id = f"{receipt.order_id}-{self.clock()}"
            mail = self._mail(receipt, to, mail_id)
            if not await self.worker.enqueue(mail):
                raise TooManyMails(_DISK_SECONDS)
        except TooManyMails:
            self.worker.count_dropped()
            raise

    def _acquire(self, receipt: Receipt, to: str, network: Hashable) -> None:
        """Count a mail by the client's network and by its mailbox.

        Paid orders have a limit of their own, without a total: however many
        mails strangers request for free orders, theirs are sent. Raises
        TooManyMails.
        """
        limits = self.limits
        limiter = (
            limits.mails
            if self.providers.is_free(receipt)
            else limits.paid_mails
        )
        limiter.acquire(
            ("network", network),
            ("mailbox", addresses.mailbox_key(to)),
            now=self.clock(),
        )

    def _mail(self, receipt: Receipt, to: str, mail_id: str) -> ReceiptMail:
        catalog = self.catalog.current
        return ReceiptMail(
            mail_id=mail_id,
            to=to,
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
        )
