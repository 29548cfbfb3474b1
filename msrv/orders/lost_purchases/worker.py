# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Requests for lost purchases: queued, and answered by mail in the background.

Whether an address has bought anything must not be found out by others. So a
request is only counted and queued, which takes the same time for every
address; the rest, the limit by mailbox included, happens afterwards. An
address without purchases gets no mail: anyone can request one for anybody.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from msrv.catalog.live_catalog import NotReady
from msrv.catalog.model import Catalog
from msrv.ledger.errors import LedgerError
from msrv.mail import addresses
from msrv.mail.purchase_list import MailedPurchase
from msrv.orders.fulfilment import Fulfilment
from msrv.orders.lost_purchases.search import FoundPurchase, PurchaseSearch
from msrv.orders.pricing import title_of
from msrv.orders.rate_limits import ShopLimits, TooManyMails
from msrv.orders.receipt_mails import ReceiptMails
from msrv.payments.provider import PaymentError
from msrv.payments.settlement import Settlement
from msrv.proofs.gifts.gift import Gift
from msrv.tasks import Backoff, TaskSupervisor
from msrv.translations import Language, current_language, language_set_to

log = logging.getLogger(__name__)

MAX_QUEUED: Final = 200
"""A request takes a call or two to the provider, one after the other."""
MAX_ATTEMPTS: Final = 60
"""Almost an hour, with these pauses."""
MAX_LISTED: Final = 500
"""Purchases in one mail, the newest of them."""
BUSY_SECONDS: Final = 60
_BACKOFF: Final = Backoff(first_seconds=2, max_seconds=60)


@dataclass(frozen=True, slots=True)
class _Request:
    """An address whose purchases are to be mailed, and in which language."""

    address: str
    language: Language
    failures: int = 0


class LostPurchases:
    """Queues requests, and answers them while its block lasts.

    `clock` returns Unix seconds.
    """

    def __init__(
        self,
        search: PurchaseSearch,
        mails: ReceiptMails,
        limits: ShopLimits,
        clock: Callable[[], int],
    ) -> None:
        self.search = search
        self._mails = mails
        self._limits = limits
        self._clock = clock
        self._queue: deque[_Request] = deque()
        self._added = asyncio.Event()
        self._tasks = TaskSupervisor("lost purchases")
        self.answered = 0
        """Number of requests that were answered, with or without a mail."""

    @classmethod
    def of(cls, fulfilment: Fulfilment, settlement: Settlement) -> Self:
        """Return those of the orders that `fulfilment` fulfils."""
        mails = fulfilment.mails
        search = PurchaseSearch(
            mails.providers,
            settlement,
            fulfilment.keyring,
            fulfilment.ledger,
            fulfilment.index,
        )
        return cls(search, mails, mails.limits, mails.clock)

    @property
    def is_on(self) -> bool:
        """True where the store can find purchases, and sends mail."""
        return self._mails.is_on and self.search.can_find

    async def __aenter__(self) -> Self:
        """Start answering."""
        if self.is_on:
            self._tasks.start(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; requests that wait are lost, and can be made again."""
        await self._tasks.stop()

    def request(self, address: str, network: Hashable) -> None:
        """Queue a request, in the current language.

        `address` is valid, and `network` the client's. Raises TooManyMails,
        which depends on neither the address nor on what it bought.
        """
        self._limits.lost_purchases.acquire(network, now=self._clock())
        if len(self._queue) >= MAX_QUEUED:
            raise TooManyMails(BUSY_SECONDS)
        self._queue.append(_Request(address, current_language()))
        self._added.set()

    async def _run(self) -> None:
        while True:
            self._added.clear()
            while self._queue:
                await self._answer(self._queue.popleft())
            await self._added.wait()

    async def _answer(self, request: _Request) -> None:
        """Answer a request; after a failure, pause and queue it again."""
        failures = request.failures + 1
        try:
            await self._try(request)
        except (PaymentError, LedgerError, NotReady, OSError) as error:
            if failures >= MAX_ATTEMPTS:
                log.error(  # noqa: TRY400 - the message says it all
                    "lost purchases: a request was given up: %s", error
                )
                return
            self._queue.append(
                _Request(request.address, request.language, failures)
            )
            # The same outage would fail the others, too, whose turn is next.
            await asyncio.sleep(_BACKOFF.seconds(failures))
        except Exception:
            # A bug must not stop the worker.
            log.exception("lost purchases: a request could not be answered")
        else:
            self.answered += 1

    async def _try(self, request: _Request) -> None:
        """Mail the purchases of an address, if it has any.

        Raises PaymentError, LedgerError, NotReady, OSError.
        """
        mailbox, now = addresses.mailbox_key(request.address), self._clock()
        if not request.failures:
            try:
                self._limits.lost_mailboxes.acquire(mailbox, now=now)
            except TooManyMails:
                return  # it has been mailed a moment ago
        found = await self.search.find(request.address)
        if not found:
            return
        catalog = self._mails.catalog.current
        with language_set_to(request.language):
            await self._mails.queue_found(
                request.address,
                [_mailed(catalog, each) for each in found[:MAX_LISTED]],
            )


def _mailed(catalog: Catalog, found: FoundPurchase) -> MailedPurchase:
    return MailedPurchase(
        found.receipt,
        tuple(title_of(catalog, line.item_id) for line in found.receipt.lines),
        is_refunded=found.is_refunded,
        is_gift=found.gift is not None,
        gift=found.gift or Gift(),
    )
