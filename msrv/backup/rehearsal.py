# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rehearsal of a drill: a restored store is checked with and without ledger.

Apart from `drill`, which prepares its scratch folder.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.backup.drill_checks import Checks, Findings, is_refunded
from msrv.backup.drill_store import DrillStore
from msrv.backup.manifest import Manifest
from msrv.backup.writer import Progress
from msrv.ledger.connection_rules import DEFAULT_RULES
from msrv.ledger.db import order_queries
from msrv.ledger.db.database import FILE_NAME as LEDGER_NAME
from msrv.ledger.db.database import Database
from msrv.ledger.db.schema import item_contents, refunds
from msrv.orders.fulfilment import receipt_of
from msrv.proofs import pasted_proofs, receipts
from msrv.proofs.keyring import Keyring
from msrv.proofs.receipts import Receipt
from msrv.settings import Settings
from msrv.text_table import plural
from msrv.web.shop.receipts import receipt_path

DATA_NAME: Final = "data"
"""Name of the restored data folder in the scratch folder."""
_WAIT_SECONDS: Final = 600.0
_POLL_SECONDS: Final = 0.1
_PAGE: Final = 200


@dataclass(slots=True)
class DrillReport:
    """Result of a drill.

    `seconds` is the time until the store was ready and had opened a receipt,
    `total_seconds` that of the whole drill. `unissued` orders have no
    receipt that this store would accept: simulated payments of a store that
    takes none any more. `changed` is the number of items whose file is
    another one than when they were sold. `missing` has a sentence for each
    thing that isn't back.
    """

    manifest: Manifest
    seconds: float = 0.0
    total_seconds: float = 0.0
    orders: int = 0
    receipts: int = 0
    open_receipts: int = 0
    unissued: int = 0
    refunded_lines: int = 0
    items: int = 0
    changed: int = 0
    missing: list[str] = field(default_factory=list)


class Rehearsal:
    """Rehearsal on a backup that has been restored to `data` in `scratch`.

    `tokens` are texts with receipts that buyers hold. `started` is the
    monotonic time at which the drill started.
    """

    def __init__(
        self,
        scratch: Path,
        settings: Settings,
        *,
        nonces: dict[str, str],
        keyring: Keyring,
        tokens: Sequence[str],
        report: DrillReport,
        progress: Progress,
        started: float,
    ) -> None:
        self._scratch = scratch
        self._data = scratch / DATA_NAME
        self._settings = settings
        self._nonces = nonces
        self._keyring = keyring
        self._tokens = tokens
        self._progress = progress
        self._started = started
        self.report = report

    async def run(self) -> None:
        """Check with the ledger, and without it. Raises BackupError."""
        ledger = self._data / LEDGER_NAME
        sold = await _sold_versions(ledger)
        spool = self._data / "spool"
        spools = await asyncio.to_thread(
            lambda: [each for each in spool.glob("*") if each.is_dir()]
        )
        self._progress("starting the store, which reads the library")
        async with self._store() as store:
            await store.wait_until("ready", "degraded")
            await self._wait_for_spools(spools)
            await store.wait_until("ready")
            await self._wait_for_refunds(store, ledger)
            first = await self._check(store, ledger)
        self.report.changed = sum(
            ends.etag != f'"{sold[item_id]}"'
            for item_id, ends in first.ends.items()
            if sold.get(item_id)
        )
        ledger = await asyncio.to_thread(self._take_ledger_away)
        self._progress("starting the store without its ledger")
        async with self._store() as store:
            # It sells and serves all the same, and says so.
            await store.wait_until("degraded")
            second = await self._check(store, ledger)
        self._conclude(first, second)

    def _store(self) -> DrillStore:
        return DrillStore(
            self._scratch, self._data, self._settings, self._nonces
        )

    async def _wait_for_spools(self, spools: Sequence[Path]) -> None:
        """Wait until the events of these spools are in the database."""
        self._progress("writing the spool to the ledger")
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                # Another process deletes them.
                while any(each.exists() for each in spools):  # noqa: ASYNC110
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            self.report.missing.append(
                "events in the spool, which can't be written to the ledger"
            )

    async def _wait_for_refunds(self, store: DrillStore, ledger: Path) -> None:
        """Wait until the store knows the last refund in the ledger."""
        order = await _last_refunded(ledger)
        receipt = None if order is None else receipt_of(order)
        if receipt is None or not self._is_accepted(receipt):
            return
        path = receipt_path(receipts.sign(self._keyring, receipt))
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                # The store polls its database, and so does this.
                while not await is_refunded(store.session, path):  # noqa: ASYNC110
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            self.report.missing.append(
                f"the refund of order {receipt.order_id}"
            )

    def _is_accepted(self, receipt: Receipt) -> bool:
        return self._keyring.accepts_simulated or not receipt.is_simulated

    async def _check(self, store: DrillStore, ledger: Path) -> Findings:
        """Open all receipts, and fetch all items, of a running store."""
        checks = Checks(store.session, self._progress)
        report = self.report
        report.orders = report.unissued = 0
        async for orders in _pages(ledger):
            paths = {}
            for order in orders:
                receipt = receipt_of(order)
                if receipt is None or not self._is_accepted(receipt):
                    report.unissued += 1
                    continue
                token = receipts.sign(self._keyring, receipt)
                paths[order.order_id] = receipt_path(token)
            report.orders += len(orders)
            await checks.open_receipts(paths)
            self._note_time()
        await checks.open_receipts(self._given_receipts())
        self._note_time()
        await checks.fetch_items()
        return checks.found

    def _note_time(self) -> None:
        if not self.report.seconds:
            self.report.seconds = time.monotonic() - self._started

    def _given_receipts(self) -> dict[str, str]:
        """Return the paths of receipts that the operator has named."""
        found = {}
        for number, text in enumerate(self._tokens, 1):
            path = receipt_path("none")
            proof = pasted_proofs.find(self._keyring, text, now=0)
            if proof is not None and proof.receipt is not None:
                path = proof.path
            found[f"receipt {number} of those given"] = path
        return found

    def _take_ledger_away(self) -> Path:
        """Move the ledger out of the data folder, and return where it is."""
        away = self._scratch / "away"
        away.mkdir()
        for each in self._data.glob(f"{LEDGER_NAME}*"):
            each.rename(away / each.name)
        # The store can't make a new one in this place.
        (self._data / LEDGER_NAME).mkdir()
        return away / LEDGER_NAME

    def _conclude(self, first: Findings, second: Findings) -> None:
        """Fill the report from both rounds of checks."""
        report = self.report
        report.receipts = second.receipts
        closed = first.closed | second.closed
        report.open_receipts = second.receipts - len(closed)
        report.refunded_lines = first.refunded_lines
        report.items = len(second.ends.keys() & first.ends.keys())
        expected = report.manifest.contents.orders
        if report.orders < expected:
            report.missing.append(
                f"{plural(expected - report.orders, 'order')} of the "
                f"backup's {expected:,}"
            )
        report.missing += [
            f"{_describe_order(name)} does not open: {reason}"
            for name, reason in closed.items()
        ]
        titles = first.titles | second.titles
        for item_id, title in titles.items():
            reason = first.missing.get(item_id)
            if reason is None and item_id in second.missing:
                reason = f"without the ledger, {second.missing[item_id]}"
            if reason is None and first.ends.get(item_id) != second.ends.get(
                item_id
            ):
                reason = "it is another one without the ledger"
            if reason is not None:
                report.missing.append(f"{title} ({item_id}): {reason}")
        if first.refunded_lines != second.refunded_lines:
            report.missing.append(
                "refunds: without the ledger, other lines are refunded"
            )


def _describe_order(name: str) -> str:
    return name if " " in name else f"the receipt of order {name}"


async def _pages(
    ledger: Path,
) -> AsyncIterator[tuple[order_queries.Order, ...]]:
    """Yield the orders of a database file, newest first, in pages."""
    after: order_queries.OrderKey | None = None
    while True:
        async with _reading(ledger) as connection:
            page = await order_queries.list_orders(
                connection, after=after, most=_PAGE
            )
        yield page.orders
        after = page.after
        if after is None:
            return


async def _sold_versions(ledger: Path) -> dict[str, str]:
    """Return the SHA-256 of each item's file when the ledger last saw it."""
    wanted = select(item_contents.c.item_id, item_contents.c.sha256)
    async with _reading(ledger) as connection:
        return {
            row.item_id: row.sha256 for row in await connection.execute(wanted)
        }


async def _last_refunded(ledger: Path) -> order_queries.Order | None:
    """Return the order that was refunded last, None if it isn't known."""
    wanted = (
        select(refunds.c.order_id)
        .where(refunds.c.revoked)
        .order_by(refunds.c.change_number.desc())
        .limit(1)
    )
    async with _reading(ledger) as connection:
        order_id = await connection.scalar(wanted)
        if order_id is None:
            return None
        history = await order_queries.order_history(connection, order_id)
        return None if history is None else history.order


@contextlib.asynccontextmanager
async def _reading(ledger: Path) -> AsyncIterator[AsyncConnection]:
    """Read a database file within one transaction."""
    database = Database.open(None, ledger.parent, DEFAULT_RULES)
    try:
        async with database.read_transaction() as connection:
            yield connection
    finally:
        await database.close()
