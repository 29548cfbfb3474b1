"""Following what providers have told: from a kept message to the ledger.

A message is thanked for once it is on the disk, and forgotten once what
follows from it is in the ledger's spool. What can't be followed now (the
provider is away, the order is not known) is kept and followed again, for as
long as it takes; twice is the same as once.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from msrv.catalog.live import LiveCatalog, NotReady
from msrv.ledger.errors import SpoolFailed
from msrv.ledger.events import PaymentEvent, Restored, Revoked
from msrv.ledger.ledger import Ledger
from msrv.payments.provider import (
    AmountMismatch,
    Paid,
    PaymentError,
    PaymentStatus,
    Pending,
    RefundChange,
    WebhookEvent,
)
from msrv.payments.registry import Providers
from msrv.payments.settlement import PaidOrder, Settlement
from msrv.payments.webhook_inbox import StoredEvent, WebhookInbox
from msrv.proofs.errors import Forged
from msrv.proofs.receipts import Receipt
from msrv.tasks import SerialExecutor, TaskSupervisor
from msrv.web import discounts
from msrv.web.fulfilment import sale_of
from msrv.web.shop.payments import log_paid_otherwise

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 3600.0
_LOOK_SECONDS: Final = 30.0
"""How often it looks for what other processes have kept in this folder."""
_SAY_AFTER_SECONDS: Final = 60.0


class Listener:
    """Keeps messages and follows them, while the block lasts."""

    def __init__(
        self,
        inbox: WebhookInbox,
        *,
        providers: Providers,
        till: Settlement,
        ledger: Ledger,
        catalog: LiveCatalog,
        clock: Callable[[], int],
        send_mail: Callable[[Receipt, str], Awaitable[object]],
    ) -> None:
        self._inbox = inbox
        self._providers = providers
        self._till = till
        self._ledger = ledger
        self._catalog = catalog
        self._clock = clock
        self._send_mail = send_mail
        self._thread = SerialExecutor("inbox")
        self._grew = asyncio.Event()
        self._waits: dict[Path, tuple[float, float]] = {}
        self._work = TaskSupervisor("webhooks")

    async def __aenter__(self) -> Self:
        """Begin, with what was left when the store last ended."""
        self._work.start(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End; what has not been followed is, at the next start."""
        await self._work.stop()
        self._thread.close()

    async def keep(self, provider: str, event: WebhookEvent) -> None:
        """Keep a message: on the disk when this returns.

        Raises InboxUnavailable.
        """
        await self._thread.call(self._inbox.add, provider, event)
        self._grew.set()

    async def _run(self) -> None:
        while True:
            self._grew.clear()
            try:
                wait_seconds = await self._turn()
            except Exception:
                # A mistake of ours must not end what hears of refunds.
                log.exception("messages could not be followed; trying again")
                wait_seconds = _LOOK_SECONDS
            try:
                async with asyncio.timeout(wait_seconds):
                    await self._grew.wait()
            except TimeoutError:
                pass

    async def _turn(self) -> float:
        """Follow what is due; for how many seconds nothing more will be."""
        found = await self._thread.call(self._inbox.events)
        paths = {kept.path for kept in found}
        for path in self._waits.keys() - paths:
            del self._waits[path]
        for kept in found:
            due, _ = self._waits.get(kept.path, (0.0, 0.0))
            if time.monotonic() >= due:
                await self._try(kept)
        now = time.monotonic()
        return min(
            (max(0.0, due - now) for due, _ in self._waits.values()),
            default=_LOOK_SECONDS,
        )

    async def _try(self, kept: StoredEvent) -> None:
        try:
            await self._follow(kept.provider, kept.event)
            await self._thread.call(self._inbox.remove, kept)
        except (PaymentError, Forged, NotReady, SpoolFailed, OSError) as error:
            _, before = self._waits.get(kept.path, (0.0, 0.0))
            wait = min(
                max(2 * before, FIRST_WAIT_SECONDS), LONGEST_WAIT_SECONDS
            )
            self._waits[kept.path] = (time.monotonic() + wait, wait)
            level = (
                logging.WARNING
                if before < _SAY_AFTER_SECONDS <= wait
                else logging.DEBUG
            )
            log.log(
                level,
                "%s's message %s (%s) waits: %s",
                kept.provider,
                kept.event.event_id,
                kept.event.kind,
                error or type(error).__name__,
            )
        else:
            self._waits.pop(kept.path, None)

    async def _follow(self, provider: str, event: WebhookEvent) -> None:
        """Write down what follows from a message.

        Raises PaymentError, Forged, NotReady, SpoolFailed: to be tried again.
        """
        found = self._providers.get(provider)
        if found is None or found.webhooks is None:
            raise PaymentError("nobody here listens to it now")
        news = await found.webhooks.resolve(event)
        order_id = ""
        for each in news:
            if isinstance(each, RefundChange):
                order_id = await self._change(provider, each, event)
            else:
                order_id = await self._settle(provider, each)
        if news:
            await self._ledger.record(
                PaymentEvent(
                    provider,
                    event.event_id,
                    event.kind,
                    order_id,
                    self._clock(),
                )
            )

    async def _settle(self, provider: str, settled: PaymentStatus) -> str:
        """Write a sale down, where it is one; its order's id, or nothing."""
        try:
            outcome = self._till.check(provider, settled)
        except AmountMismatch as error:
            log_paid_otherwise(error, provider)
        else:
            if isinstance(outcome, PaidOrder):
                sale = sale_of(outcome, self._catalog.current)
                # First, as in `granting.grant`; it is sent once an order.
                await self._send_mail(outcome.receipt, outcome.quote.mail)
                await self._ledger.record(sale)
                await discounts.count(self._ledger, outcome)
        if isinstance(settled.outcome, (Paid, Pending)):
            return self._till.order_id_of(
                provider, settled.token, settled.outcome.reference
            )
        return ""

    async def _change(
        self, provider: str, change: RefundChange, event: WebhookEvent
    ) -> str:
        """Revoke what was given back, or undo that; its order's id."""
        order_id = self._till.order_id_of(
            provider, change.token, change.reference
        )
        if not self._till.covers(change):
            log.warning(
                "%s gave back %r, which order %s does not hold",
                provider,
                change.item_id[:64],
                order_id,
            )
            return order_id
        kind = Revoked if change.revoked else Restored
        await self._ledger.record(
            kind(order_id, change.item_id, event.at * 1000, provider)
        )
        return order_id
