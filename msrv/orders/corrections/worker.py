# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Worker that mails corrections: it watches the library, and tells buyers.

A change counts once the files of its release have stayed the same for an
hour, as every replica sees them, so that no mail is about half an upload. An
order gets one mail a day at most, about all that changed by then. Requests are
claimed in the database: of several replicas one mails. Killed between storing
a mail and recording that, a replica that has the same data folder recognises
the mail; another one may send it again, with the same Message-ID.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from msrv.catalog.live_catalog import NotReady
from msrv.catalog.model import Catalog, Release
from msrv.ledger.errors import LedgerError
from msrv.ledger.ledger import Ledger
from msrv.mail.corrections.correction_mail import (
    CorrectedRelease,
    CorrectionMail,
)
from msrv.orders.corrections.errors import RequestNotSaved
from msrv.orders.corrections.order_changes import (
    bought_parts,
    corrected_releases,
    files_of,
    present_id,
)
from msrv.orders.corrections.requests import CorrectionRequests
from msrv.orders.fulfilment import receipt_of
from msrv.orders.receipt_mails import ReceiptMails
from msrv.payments.provider import ProviderUnavailable
from msrv.payments.settlement import Settlement
from msrv.tasks import TaskSupervisor, finish

if TYPE_CHECKING:
    from msrv.ledger.corrections.requests import CorrectionRequest
    from msrv.ledger.corrections.watched_files import Files, WatchedRelease
    from msrv.ledger.db.order_queries import Order

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 30.0
SETTLED_SECONDS: Final = 3600
"""Time for which a release stays the same before buyers hear of it."""
DAY_SECONDS: Final = 86_400
LOOK_UPS_PER_SECOND: Final = 2.0
"""Far below what Stripe allows an account, which sells meanwhile."""
CLAIM_SECONDS: Final = 900
RETRY_SECONDS: Final = 3600
_BATCH: Final = 10
_MAX_OUTAGES: Final = 3
"""Failures of the provider in a row: of one order, they are of no outage."""


class CorrectionMailer:
    """Mails corrections while its block lasts."""

    def __init__(
        self,
        requests: CorrectionRequests,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.requests = requests
        self._mails = requests.mails
        self._ledger = requests.ledger
        self._sleep = sleep
        self._tasks = TaskSupervisor("corrections")

    @classmethod
    def of(
        cls, mails: ReceiptMails, ledger: Ledger, settlement: Settlement
    ) -> Self:
        """Return that of a store that sends these mails."""
        return cls(CorrectionRequests(mails, ledger, settlement))

    async def __aenter__(self) -> Self:
        """Start, where the store sends mail."""
        if self._mails.is_on and self._mails.base_url:
            self._tasks.start(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; what wasn't mailed is mailed after the next start."""
        await self._tasks.stop()

    async def watch(self) -> None:
        """Record what has changed in watched releases, and has settled.

        Raises DatabaseError, NotReady.
        """
        from msrv.ledger.corrections import watched_files  # noqa: PLC0415 - slow to import

        catalog, now = self._mails.catalog.current, self._mails.clock()
        async with self._ledger.read_transaction() as connection:
            watched = await watched_files.list_watched(connection)
        present = await asyncio.to_thread(_present, catalog, list(watched))
        if not any(
            _is_to_store(watched[each], digest, now)
            for each, (_, digest) in present.items()
        ):
            return
        async with self._ledger.write_transaction() as connection:
            # Another replica may have been first.
            watched = await watched_files.list_watched(connection)
            for release_id, (files, digest) in present.items():
                known = watched[release_id]
                if not _is_to_store(known, digest, now):
                    continue
                if digest != known.found:
                    await watched_files.mark_found(
                        connection, release_id, digest, now
                    )
                else:
                    await watched_files.record(connection, release_id, files)

    async def mail_due(self) -> None:
        """Mail the buyers who are to be told, until none is due.

        Stops early while the payment provider is unavailable. Raises
        DatabaseError, NotReady.
        """
        from msrv.ledger.corrections import requests  # noqa: PLC0415 - slow to import

        outages = 0
        while outages < _MAX_OUTAGES:
            now = self._mails.clock()
            async with self._ledger.read_transaction() as connection:
                if not await requests.has_due(connection, now):
                    return
            async with self._ledger.write_transaction() as connection:
                claimed = await requests.claim(
                    connection, now, now + CLAIM_SECONDS, _BATCH
                )
            for each in claimed:
                is_available = await finish(self._process(each))
                outages = 0 if is_available else outages + 1
                if outages == _MAX_OUTAGES:
                    break  # the others' claims end by themselves

    async def _process(self, request: "CorrectionRequest") -> bool:
        """Mail a buyer, or postpone that.

        Return whether the payment provider is available, as far as it was
        asked. Raises DatabaseError, NotReady.
        """
        try:
            await self._try(request)
        except (LedgerError, RequestNotSaved, NotReady):
            raise  # so does every other request; the claims end by themselves
        except ProviderUnavailable as error:
            log.debug("corrections are mailed later: %s", error)
            await self._postpone(request.order_id)
            return False
        except Exception:
            # A bug with one order must not stop the mails of the others.
            log.exception(
                "the corrections of order %s can't be mailed; trying again",
                request.order_id,
            )
            await self._postpone(request.order_id)
        return True

    async def _try(self, request: "CorrectionRequest") -> None:
        from msrv.ledger.corrections import requests  # noqa: PLC0415 - slow to import
        from msrv.ledger.db import order_queries  # noqa: PLC0415 - slow to import

        order_id = request.order_id
        async with self._ledger.read_transaction() as connection:
            order = await order_queries.find_order(connection, order_id)
            withdrawn = await requests.is_withdrawn(connection, order_id)
        if order is None:
            await self._postpone(order_id)
            return
        granted = self.requests.granted(
            order_id,
            [each.item_id for each in order.lines if not each.refunded],
        )
        if withdrawn or not granted:
            await self.requests.remove(order_id)
            return
        changes = await self._changes(request, granted)
        due_at = request.due_at
        if changes:
            await self._sleep(1 / LOOK_UPS_PER_SECOND)
            to = await self.requests.address_of(order)
            if not to:
                log.info("order %s: no address to mail corrections", order_id)
            elif not await self._store(request, order, to, changes):
                await self._postpone(order_id)
                return
            due_at = self._mails.clock() + DAY_SECONDS
        async with self._ledger.write_transaction() as connection:
            await requests.mark_told(connection, request, due_at)

    async def _changes(
        self, request: "CorrectionRequest", granted: list[str]
    ) -> tuple[CorrectedRelease, ...]:
        """Return what an order's buyer is to be told of."""
        from msrv.ledger.corrections import watched_files  # noqa: PLC0415 - slow to import

        catalog = self._mails.catalog.current
        bought = bought_parts(catalog, granted)
        async with self._ledger.read_transaction() as connection:
            watched = await watched_files.list_watched(connection)
            found = await watched_files.changes_between(
                connection,
                [
                    each
                    for each in watched
                    if present_id(catalog, each) in bought
                ],
                request.told_number,
                request.telling_number,
            )
        return corrected_releases(catalog, bought, found)

    async def _store(
        self,
        request: "CorrectionRequest",
        order: "Order",
        to: str,
        changes: tuple[CorrectedRelease, ...],
    ) -> bool:
        """Store a mail in the outbox; return whether it is on the disk."""
        worker, receipt = self._mails.worker, receipt_of(order)
        assert worker is not None  # noqa: S101 - it isn't started without
        if receipt is None:
            return True  # there is nothing to link to
        shop = self._mails.catalog.current.shop
        return await worker.enqueue(
            CorrectionMail(
                f"{order.order_id}-corrected-{request.telling_number}",
                to,
                receipt=receipt,
                releases=changes,
                base_url=self._mails.base_url,
                store=shop.name,
                contact=shop.contact,
                written_at=self._mails.clock(),
                language=request.language,
            )
        )

    async def _postpone(self, order_id: str) -> None:
        from msrv.ledger.corrections import requests  # noqa: PLC0415 - slow to import

        due_at = self._mails.clock() + RETRY_SECONDS
        async with self._ledger.write_transaction() as connection:
            await requests.postpone(connection, order_id, due_at)

    async def _run(self) -> None:
        await self._mails.catalog.ready()
        while True:
            try:
                self._ledger.database()  # has imported SQLAlchemy
                await finish(self.watch())
                await self.mail_due()
            except (LedgerError, RequestNotSaved, NotReady) as error:
                log.debug("corrections are mailed later: %r", error)
            except Exception:
                log.exception("corrections can't be mailed; trying again")
            await self._sleep(POLL_SECONDS)


def _present(
    catalog: Catalog, watched: list[str]
) -> "dict[str, tuple[Files, str]]":
    """Return the present files of watched releases, and their digests.

    Those that the library doesn't have are left out.
    """
    from msrv.ledger.corrections.watched_files import digest_of  # noqa: PLC0415 - slow to import

    found: dict[str, tuple[Files, str]] = {}
    for each in watched:
        release = catalog.by_id.get(each) or catalog.releases_by_id.get(each)
        if isinstance(release, Release):
            files = files_of(release)
            found[each] = files, digest_of(files)
    return found


def _is_to_store(known: "WatchedRelease", digest: str, now: int) -> bool:
    """Return whether the present files of a release are to be stored.

    Either as found, since they are others than before, or as recorded, since
    they have settled.
    """
    if digest != known.found:
        return True
    has_settled = now - known.found_at >= SETTLED_SECONDS
    return digest != known.recorded and has_settled
