# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Invoices and credit notes of orders: made in the order of payment.

Every minute for the orders of the last week, every hour for all since the
first day, and at once for an order whose invoice is wanted. Each replica does
so: the database decides who takes which number. The receipt never waits.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from msrv.catalog.details.invoicing import InvoiceRules, is_paid
from msrv.catalog.live_catalog import LiveCatalog
from msrv.ledger.db.retries import repeated
from msrv.ledger.errors import DatabaseError, EventRejected, LedgerError
from msrv.ledger.invoices.documents import NumberedDocument
from msrv.ledger.ledger import Ledger
from msrv.ledger.timeouts import CHECKOUT_SECONDS, STUDIO_SECONDS
from msrv.orders.invoices.errors import (
    InvoicesOff,
    InvoiceUnreadable,
    InvoiceWaits,
)
from msrv.orders.invoices.failures import InvoiceFailures
from msrv.proofs.receipts import Receipt
from msrv.settings.optional_packages import PackageMissing, require_packages
from msrv.tasks import finish

if TYPE_CHECKING:
    from msrv.ledger.db.order_queries import Order

log = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 60.0
FULL_SWEEP_SECONDS: Final = 3600
WEEK_SECONDS: Final = 7 * 24 * 3600
SETTLED_SECONDS: Final = 120
"""Age of an order that gets its number without being asked for."""
_MAX_BATCHES: Final = 5
"""Batches of earlier orders that somebody waits for."""


@dataclass(frozen=True, slots=True)
class Invoices:
    """Invoices of a store. `clock` returns Unix seconds.

    Numbers are taken also where the packages that print them are missing.
    """

    ledger: Ledger
    catalog: LiveCatalog
    clock: Callable[[], int]
    can_print: bool = True
    failures: InvoiceFailures = field(default_factory=InvoiceFailures)

    @classmethod
    def of(
        cls, ledger: Ledger, catalog: LiveCatalog, clock: Callable[[], int]
    ) -> Self:
        """Return the service of a store."""
        try:
            require_packages("pdf", "Writing an invoice")
        except PackageMissing:
            return cls(ledger, catalog, clock, can_print=False)
        return cls(ledger, catalog, clock)

    @property
    def rules(self) -> InvoiceRules | None:
        """The rules of `store.toml`, None where no invoices are made."""
        return self.catalog.current.shop.legal.invoices

    def has_invoice(self, receipt: Receipt) -> bool:
        """Return whether a receipt's order has an invoice, now or soon."""
        rules = self.rules
        return (
            self.can_print
            and rules is not None
            and rules.covers(
                receipt.provider, receipt.issued_at, receipt.total_minor
            )
        )

    def may_have_documents(self, receipt: Receipt) -> bool:
        """Return whether the database may have documents of an order.

        Made earlier, they stay, also where no more are made.
        """
        return self.can_print and is_paid(
            receipt.provider, receipt.total_minor
        )

    def covers(self, order: "Order") -> bool:
        """Return whether an order of the ledger has an invoice."""
        rules = self.rules
        return rules is not None and rules.covers(
            order.provider, order.sold_at, order.total_minor
        )

    async def documents(self, order_id: str) -> tuple[NumberedDocument, ...]:
        """Return the documents of an order, which are made if need be.

        The invoice is the first. Those that this version can't read are left
        out. Raises InvoicesOff for an order that gets none, InvoiceUnreadable,
        InvoiceWaits while its invoice can't be made, and DatabaseError.
        """
        found = await self._read(order_id)
        if found is None:
            await self.ledger.sync_now()
            found = await self._read(order_id)
        if found is None:
            raise InvoiceWaits(order_id)
        made, key = found
        if key is None:
            return made
        rules = self.rules
        if rules is None:
            raise InvoicesOff
        await finish(self._make_until(rules, key))
        made = (await self._read(order_id) or ((), None))[0]
        if not made:
            raise InvoiceWaits(order_id)
        return made

    async def _read(
        self, order_id: str
    ) -> tuple[tuple[NumberedDocument, ...], tuple[int, str] | None] | None:
        """Return an order's documents, and its key if one may be lacking.

        None for an order that the database doesn't have.
        """
        self.ledger.database()  # has imported SQLAlchemy
        from msrv.ledger.db.order_queries import (  # noqa: PLC0415 - slow to import
            find_order,
        )
        from msrv.ledger.invoices.numbering import (  # noqa: PLC0415 - slow to import
            find_disputed,
        )
        from msrv.ledger.invoices.queries import (  # noqa: PLC0415 - slow to import
            credited_minor,
            list_order_documents,
        )

        async with self.ledger.read_transaction(
            CHECKOUT_SECONDS
        ) as connection:
            order = await find_order(connection, order_id)
            if order is None:
                return None
            listed = await list_order_documents(connection, order_id)
            credited = await credited_minor(connection, order_id)
            made = tuple(
                each for each in listed if isinstance(each, NumberedDocument)
            )
            if len(made) < len(listed):
                if not made:
                    raise InvoiceUnreadable(order_id)
                # What follows depends on all of them.
                return made, None
            is_complete = credited == order.refunded_minor
            if made and not is_complete:
                # Nothing follows before the dispute is decided.
                disputed = await find_disputed(connection, [order_id])
                is_complete = order_id in disputed
        if not made and not self.covers(order):
            raise InvoicesOff
        # Made earlier, they stay, also where no more are made.
        if is_complete or (made and self.rules is None):
            return made, None
        return made, order.key

    async def _make_until(
        self, rules: InvoiceRules, key: tuple[int, str]
    ) -> None:
        """Make the documents of an order, and those of orders before it."""
        from msrv.ledger.invoices.numbering import (  # noqa: PLC0415 - slow to import
            find_pending,
        )

        after = None
        for _ in range(_MAX_BATCHES):
            async with self.ledger.read_transaction(
                CHECKOUT_SECONDS
            ) as connection:
                pending = await find_pending(
                    connection,
                    rules,
                    since=key[0] - WEEK_SECONDS,
                    before=key[0],
                    after=after,
                )
            if not pending:
                break
            await self._make_batch(
                rules, [order_id for _, order_id in pending]
            )
            after = pending[-1]
        await self._make(rules, [key[1]])

    @repeated
    async def _make(self, rules: InvoiceRules, order_ids: list[str]) -> None:
        """Make the documents of a batch of orders. Raises DatabaseError.

        Those that can't be made are added to the failures.
        """
        from msrv.ledger.invoices.numbering import (  # noqa: PLC0415 - slow to import
            make_documents,
        )

        async with self.ledger.write_transaction(STUDIO_SECONDS) as connection:
            made = await make_documents(
                connection, rules, order_ids, self.clock()
            )
        for order_id, reason in made.failed.items():
            self.failures.add(order_id, reason)
        self.failures.discard([e for e in order_ids if e not in made.failed])

    async def run(self) -> None:
        """Make what is lacking until cancelled."""
        await self.catalog.ready()
        full_at = 0
        while True:
            try:
                now = self.clock()
                is_full = not 0 <= now - full_at < FULL_SWEEP_SECONDS
                await self.sweep(is_full=is_full)
                if is_full and self.rules is not None:
                    full_at = now
            except LedgerError as error:
                log.debug("invoices can't be made yet: %s", error)
            except Exception:
                log.exception("invoices can't be made; trying again")
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self, *, is_full: bool) -> None:
        """Make what orders lack: those of the last week, or all of them.

        Raises DatabaseError.
        """
        rules = self.rules
        if rules is None:
            return
        self.ledger.database()  # has imported SQLAlchemy
        now = self.clock()
        start = now - WEEK_SECONDS
        if is_full:
            start = min(start, rules.first_second)
        end = now - SETTLED_SECONDS
        # A week at a time: no query reads a whole table.
        for since in range(start, end, WEEK_SECONDS):
            await self._sweep_span(
                rules, since, min(since + WEEK_SECONDS, end)
            )

    async def _sweep_span(
        self, rules: InvoiceRules, since: int, before: int
    ) -> None:
        from msrv.ledger.invoices.numbering import (  # noqa: PLC0415 - slow to import
            find_pending,
        )

        after = None
        while True:
            async with self.ledger.read_transaction() as connection:
                pending = await find_pending(
                    connection, rules, since=since, before=before, after=after
                )
            if not pending:
                return
            await finish(
                self._make_batch(rules, [order_id for _, order_id in pending])
            )
            after = pending[-1]

    async def _make_batch(
        self, rules: InvoiceRules, order_ids: list[str]
    ) -> None:
        """Make the documents of orders; if one of them can't, of the others.

        Raises DatabaseError where none can be stored now.
        """
        try:
            await self._make(rules, order_ids)
        except DatabaseError as error:
            if not isinstance(error, EventRejected):
                raise
        except Exception:
            # A bug with one order must not keep the others from theirs.
            log.debug("invoices are made one by one", exc_info=True)
        else:
            return
        for order_id in order_ids:
            try:
                await self._make(rules, [order_id])
            except EventRejected as error:
                self.failures.add(order_id, str(error))
            except DatabaseError:
                raise
            except Exception as error:  # noqa: BLE001 - logged with its cause
                self.failures.add(order_id, repr(error), error)
