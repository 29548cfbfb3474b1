# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Webhook worker: processes the events that payment providers sent.

A webhook is acknowledged once its event is on the disk, and its event is
removed once everything that follows from it is in the ledger's spool. An
event that can't be processed now (the provider is unavailable, the order is
unknown, there is a bug) is retried for as long as it takes, and the others
don't wait for it. Processing an event twice changes nothing.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from msrv.catalog.live_catalog import NotReady
from msrv.ledger.errors import LedgerError
from msrv.ledger.events import PaymentEvent
from msrv.ledger.ledger import Ledger
from msrv.orders.fulfilment import Fulfilment
from msrv.orders.refunds.recording import REFUND_EVENT, RefundRecorder
from msrv.payments.provider import (
    AmountMismatch,
    Paid,
    PaymentError,
    PaymentStatus,
    Pending,
    WebhookEvent,
)
from msrv.payments.refunds import PaymentReversals, RevocationChange
from msrv.payments.registry import Providers
from msrv.payments.settlement import PaidOrder, Settlement
from msrv.payments.webhook_inbox import StoredEvent, WebhookInbox
from msrv.proofs.errors import Forged
from msrv.tasks import Backoff, SerialExecutor, TaskSupervisor

log = logging.getLogger(__name__)

_BACKOFF: Final = Backoff(first_seconds=1, max_seconds=3600)
_RETRIED: Final = (PaymentError, Forged, NotReady, LedgerError, OSError)
_POLL_SECONDS: Final = 30.0
"""Interval at which events are found that other processes stored."""
_LOGGED_FAILURE: Final = 7
"""Number of the failure that is logged as a warning: the pause after it is
about a minute, so that an outage of seconds isn't."""


class WebhookWorker:
    """Stores webhook events and processes them, while its block lasts.

    `clock` returns Unix seconds.
    """

    def __init__(
        self,
        inbox: WebhookInbox,
        *,
        providers: Providers,
        settlement: Settlement,
        ledger: Ledger,
        fulfilment: Fulfilment,
        refunds: RefundRecorder,
        clock: Callable[[], int],
    ) -> None:
        self._inbox = inbox
        self._providers = providers
        self._settlement = settlement
        self._ledger = ledger
        self._fulfilment = fulfilment
        self._refunds = refunds
        self._clock = clock
        self._thread = SerialExecutor("inbox")
        self._stored = asyncio.Event()
        self._retries: dict[Path, tuple[float, int]] = {}
        """Time at which each failed event is due again, and its failures."""
        self._work = TaskSupervisor("webhooks")

    @property
    def damaged(self) -> int:
        """Number of stored events that couldn't be read."""
        return self._inbox.damaged

    async def __aenter__(self) -> Self:
        """Start with the events of the last run."""
        self._work.start(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the worker; the next run processes the remaining events."""
        await self._work.stop()
        self._thread.close()

    async def store(self, provider: str, event: WebhookEvent) -> bool:
        """Store an event; it is on the disk when this returns.

        Return whether it wasn't there before. Raises InboxUnavailable.
        """
        is_new = await self._thread.call(self._inbox.add, provider, event)
        self._stored.set()
        return is_new

    async def process_now(self, provider: str, event: WebhookEvent) -> bool:
        """Process a stored event at once; return whether it was processed.

        If not, it is retried, as any event is.
        """
        try:
            await self._process(provider, event)
            await self.discard(provider, event)
        except _RETRIED as error:
            log.warning(
                "event %s of %s can't be processed yet: %s",
                event.event_id,
                provider,
                error or type(error).__name__,
            )
            self._stored.set()
            return False
        except Exception:
            # A bug: the caller's request was made, and must not fail.
            log.exception(
                "event %s of %s can't be processed; it is retried",
                event.event_id,
                provider,
            )
            self._stored.set()
            return False
        return True

    async def discard(self, provider: str, event: WebhookEvent) -> None:
        """Remove a stored event. Raises OSError."""
        await self._thread.call(self._inbox.discard, provider, event)

    async def _run(self) -> None:
        while True:
            self._stored.clear()
            try:
                pause_seconds = await self._process_due()
            except Exception:
                # A bug must not end the processing of refunds.
                log.exception("webhooks could not be processed; retrying")
                pause_seconds = _POLL_SECONDS
            try:
                async with asyncio.timeout(pause_seconds):
                    await self._stored.wait()
            except TimeoutError:
                pass

    async def _process_due(self) -> float:
        """Process the events that are due.

        Returns the seconds until the next one is.
        """
        found = await self._thread.call(self._inbox.events)
        paths = {stored.path for stored in found}
        for path in self._retries.keys() - paths:
            del self._retries[path]
        for stored in found:
            due, _ = self._retries.get(stored.path, (0.0, 0))
            if time.monotonic() >= due:
                await self._try(stored)
        now = time.monotonic()
        return min(
            (max(0.0, due - now) for due, _ in self._retries.values()),
            default=_POLL_SECONDS,
        )

    async def _try(self, stored: StoredEvent) -> None:
        """Process an event and remove it, or schedule a retry."""
        try:
            await self._process(stored.provider, stored.event)
            await self._thread.call(self._inbox.remove, stored)
        except _RETRIED as error:
            failures = self._schedule_retry(stored)
            log.log(
                logging.WARNING
                if failures == _LOGGED_FAILURE
                else logging.DEBUG,
                "webhook event %s (%s) of %s can't be processed yet: %s",
                stored.event.event_id,
                stored.event.kind,
                stored.provider,
                error or type(error).__name__,
            )
        except Exception:
            # A bug in the processing of one event must not hold up the others.
            self._schedule_retry(stored)
            log.exception(
                "webhook event %s (%s) of %s can't be processed; it is "
                "retried",
                stored.event.event_id,
                stored.event.kind,
                stored.provider,
            )
        else:
            self._retries.pop(stored.path, None)

    def _schedule_retry(self, stored: StoredEvent) -> int:
        """Schedule the retry of an event; return how often it has failed."""
        _, failures = self._retries.get(stored.path, (0.0, 0))
        failures += 1
        due = time.monotonic() + _BACKOFF.seconds(failures)
        self._retries[stored.path] = (due, failures)
        return failures

    async def _process(self, provider: str, event: WebhookEvent) -> None:
        """Record what follows from an event.

        Raises PaymentError, Forged, NotReady, LedgerError: to be retried.
        """
        if event.kind == REFUND_EVENT:
            await self._refunds.record_requested(provider, event)
            return
        found = self._providers.get(provider)
        if found is None or found.webhooks is None:
            raise PaymentError("the provider's webhooks are not set up")
        outcomes = await found.webhooks.resolve(event)
        order_id = ""
        for outcome in outcomes:
            if isinstance(outcome, RevocationChange):
                order_id = await self._refunds.record_change(
                    provider, outcome, event.at
                )
            elif isinstance(outcome, PaymentReversals):
                order_id = await self._refunds.record_reversals(
                    provider, outcome, event.at
                )
            else:
                order_id = await self._settle(provider, outcome)
        if outcomes:
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
        """Fulfil the order of a payment that was completed.

        Returns the order's id, empty where nothing was paid.
        """
        try:
            outcome = self._settlement.check(provider, settled)
        except AmountMismatch as error:
            log_amount_mismatch(error, provider)
        else:
            if isinstance(outcome, PaidOrder):
                await self._fulfilment.fulfil(outcome, None)
        if isinstance(settled.outcome, (Paid, Pending)):
            return self._settlement.order_id_of(
                provider, settled.token, settled.outcome.reference
            )
        return ""


class WebhookMetrics(Collector):
    """Prometheus metrics of a webhook worker, read at each scrape."""

    def __init__(self, worker: WebhookWorker) -> None:
        self._worker = worker

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now."""
        yield CounterMetricFamily(
            "msrv_webhooks_unreadable",
            "Stored webhook events that were damaged, and set aside.",
            self._worker.damaged,
        )


def log_amount_mismatch(error: AmountMismatch, provider: str) -> None:
    """Log a payment that fulfils no order, for the operator to refund."""
    log.error(
        "%s charged %s %s instead of %s %s; order not fulfilled, refund "
        "payment %s",
        provider,
        error.paid.currency,
        error.paid.decimal,
        error.quoted.currency,
        error.quoted.decimal,
        error.reference,
    )
