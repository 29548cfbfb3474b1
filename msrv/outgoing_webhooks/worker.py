# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Webhook sender: delivers the ledger's feed to the endpoints of the settings.

Deliveries are rows of the ledger, claimed by one replica at a time, so that
they survive any restart and a sale never waits for them. While the ledger is
unavailable nothing is sent, and nothing is lost. A process that is killed
after an attempt, and before its result is stored, repeats it with the same
`webhook-id`.
"""

import asyncio
import hashlib
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from msrv.catalog.live_catalog import LiveCatalog, NotReady
from msrv.ledger.errors import LedgerError
from msrv.ledger.ledger import Ledger
from msrv.outbound import requests
from msrv.outbound.addresses import (
    HostResolver,
    PrivateAddress,
    Unreachable,
)
from msrv.outbound.requests import OutboundResponse
from msrv.outgoing_webhooks import messages, schedule
from msrv.settings import OutgoingEndpoint, Settings
from msrv.tasks import TaskSupervisor, finish

if TYPE_CHECKING:
    from msrv.ledger.db.feed.deliveries import Delivery

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 2.0
LEASE_SECONDS: Final = 60
"""Time of a claim: longer than an attempt can take."""
BATCH: Final = 8
"""Attempts at once to one endpoint. The others have tasks of their own."""
_GONE: Final = 410
_THROTTLED: Final = frozenset({429, 503})
_ID_CHARS: Final = 16
_SHORT_ID_CHARS: Final = 6


@dataclass(frozen=True, slots=True)
class Receiver:
    """An endpoint of the settings, and the id of its rows in the ledger.

    The id depends on the URL alone: secrets can be rotated.
    """

    endpoint: OutgoingEndpoint
    allow_private: bool

    @property
    def endpoint_id(self) -> str:
        """Id in the ledger."""
        digest = hashlib.sha256(self.endpoint.url.encode()).hexdigest()
        return digest[:_ID_CHARS]

    @property
    def name(self) -> str:
        """Name for pages and logs: the origin, and a part of the id.

        Any other part of the URL may be a secret.
        """
        return f"{self.origin} ({self.endpoint_id[:_SHORT_ID_CHARS]})"

    @property
    def origin(self) -> str:
        """Scheme, host and port of the URL; it has no user name."""
        parts = urlsplit(self.endpoint.url)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True)
class _Attempt:
    """Result of an attempt: a response, or why there was none."""

    delivery: "Delivery"
    response: OutboundResponse | None = None
    reason: str = ""

    @property
    def answer(self) -> str:
        return str(self.response.status) if self.response else self.reason

    @property
    def is_delivered(self) -> bool:
        return self.response is not None and 200 <= self.response.status < 300


class WebhookSender:
    """Sends webhooks while its block lasts.

    `clock` returns Unix seconds, `rand` a number from 0 to 1.
    """

    def __init__(
        self,
        receivers: Sequence[Receiver],
        *,
        ledger: Ledger,
        catalog: LiveCatalog,
        base_url: str,
        clock: Callable[[], int],
        rand: Callable[[], float] = random.random,
    ) -> None:
        self.receivers = tuple(receivers)
        self._ledger = ledger
        self._catalog = catalog
        self._base_url = base_url
        self._clock = clock
        self._rand = rand
        self._resolver = HostResolver()
        self._tasks = TaskSupervisor("outgoing webhooks")
        self._wake = asyncio.Event()

    @classmethod
    def of(
        cls,
        settings: Settings,
        *,
        ledger: Ledger,
        catalog: LiveCatalog,
        clock: Callable[[], int],
    ) -> Self:
        """Return the sender of the settings, which may have no endpoint."""
        return cls(
            [
                Receiver(
                    each,
                    urlsplit(each.url).hostname in settings.private_hosts,
                )
                for each in settings.webhook_endpoints
            ],
            ledger=ledger,
            catalog=catalog,
            base_url=settings.public_url or "",
            clock=clock,
        )

    async def __aenter__(self) -> Self:
        """Start."""
        self._tasks.start(*(self._run(each) for each in self.receivers))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; what wasn't delivered is delivered after the next start."""
        await self._tasks.stop()
        self._resolver.close()

    def wake(self) -> None:
        """Look for deliveries that are due at once."""
        self._wake.set()

    async def deliver_due(self, receiver: Receiver) -> int:
        """Make an attempt for each delivery that is due, up to BATCH.

        Returns their number. Raises LedgerError, NotReady.
        """
        # SQLite stays locked for a while after a half-done write. The attempts
        # themselves end with their task.
        claimed = await finish(self._claim(receiver))
        if not claimed:
            return 0
        bodies = await self._bodies(claimed)
        results = await asyncio.gather(
            *(
                self._attempt(receiver, each, body)
                for each, body in zip(claimed, bodies, strict=True)
            )
        )
        await finish(self._store(receiver, results))
        return len(results)

    async def _claim(self, receiver: Receiver) -> "list[Delivery]":
        from msrv.ledger.db.feed import deliveries  # noqa: PLC0415 - slow
        from msrv.ledger.db.feed.outgoing_events import (  # noqa: PLC0415 - slow
            EventKind,
        )

        endpoint, now = receiver.endpoint_id, self._clock()
        async with self._ledger.read_transaction() as connection:
            if not await deliveries.has_work(connection, endpoint, now):
                return []
        kinds = [EventKind(each) for each in receiver.endpoint.events]
        async with self._ledger.write_transaction() as connection:
            state = await deliveries.add_new(connection, endpoint, kinds, now)
            if state.disabled_at is not None or state.paused_until > now:
                return []
            return await deliveries.claim(
                connection, endpoint, now, now + LEASE_SECONDS, BATCH
            )

    async def _bodies(self, claimed: "Sequence[Delivery]") -> list[bytes]:
        from msrv.ledger.db.feed import event_orders  # noqa: PLC0415 - slow

        async with self._ledger.read_transaction() as connection:
            orders = await event_orders.load_orders(
                connection, [each.event.order_id for each in claimed]
            )
        catalog = self._catalog.current
        return [
            messages.payload(
                each.event,
                orders.get(each.event.order_id),
                catalog,
                self._base_url,
            )
            for each in claimed
        ]

    async def _attempt(
        self, receiver: Receiver, delivery: "Delivery", body: bytes
    ) -> _Attempt:
        endpoint = receiver.endpoint
        headers = messages.headers(
            endpoint.secrets, delivery.event.event_id, body, self._clock()
        )
        try:
            response = await requests.post(
                endpoint.url,
                body,
                headers,
                resolver=self._resolver,
                allow_private=receiver.allow_private,
            )
        except (PrivateAddress, Unreachable) as error:
            return _Attempt(delivery, reason=str(error))
        return _Attempt(delivery, response)

    async def _store(
        self, receiver: Receiver, results: Sequence[_Attempt]
    ) -> None:
        from msrv.ledger.db.feed import (  # noqa: PLC0415 - slow
            consumers,
            deliveries,
        )
        from msrv.ledger.db.feed.deliveries import (  # noqa: PLC0415 - slow
            DeliveryStatus,
        )

        now = self._clock()
        disabled, paused_until = False, 0
        async with self._ledger.write_transaction() as connection:
            for each in results:
                due = schedule.next_attempt(
                    each.delivery.attempts + 1, now, self._rand
                )
                status = DeliveryStatus.WAITING
                if each.is_delivered:
                    status = DeliveryStatus.DELIVERED
                elif each.response and each.response.status == _GONE:
                    disabled = True
                elif due is None:
                    status = DeliveryStatus.FAILED
                    log.warning(
                        "webhook %s wasn't accepted by %s: %s",
                        each.delivery.event.event_id,
                        receiver.name,
                        each.answer,
                    )
                if each.response and each.response.status in _THROTTLED:
                    at = schedule.paused_until(each.response.retry_after, now)
                    paused_until = max(paused_until, at or 0)
                await deliveries.end_attempt(
                    connection,
                    each.delivery,
                    status,
                    answer=each.answer,
                    due_at=max(due or now, paused_until),
                    now=now,
                )
            if disabled or paused_until:
                state = await deliveries.load_state(
                    connection, receiver.endpoint_id, now
                )
                assert state is not None  # noqa: S101 - it was claimed
                await consumers.save(
                    connection,
                    consumers.Consumer(
                        state.name,
                        state.number,
                        max(state.paused_until, paused_until),
                        now if disabled else state.disabled_at,
                    ),
                )
        if disabled:
            log.error(
                "%s answered 410 Gone, and gets no more webhooks until it is "
                "enabled in the studio",
                receiver.name,
            )

    async def _run(self, receiver: Receiver) -> None:
        await self._catalog.ready()
        while True:
            self._wake.clear()
            count = 0
            try:
                self._ledger.database()  # has imported SQLAlchemy
                count = await self.deliver_due(receiver)
            except (LedgerError, NotReady) as error:
                log.debug("webhooks wait for the ledger: %s", error)
            except Exception:
                log.exception("webhooks could not be sent; trying again")
            if count == BATCH:
                continue
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass
