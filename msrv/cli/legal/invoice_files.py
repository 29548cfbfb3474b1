# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Work of the command `invoice`: documents from the ledger, as files."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

from msrv.catalog.details.invoicing import InvoiceRules
from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import Database
from msrv.ledger.db.order_queries import find_order
from msrv.ledger.errors import LedgerError
from msrv.ledger.invoices.documents import NumberedDocument
from msrv.ledger.invoices.numbering import find_pending, make_documents
from msrv.ledger.invoices.queries import order_documents
from msrv.orders.invoices.service import WEEK_SECONDS
from msrv.proofs.orders import is_order_id, typed_order_id
from msrv.settings import Settings
from msrv.settings.optional_packages import require_packages
from msrv.web.invoices.factur_x import NOBODY
from msrv.web.invoices.responses import document_pdf, file_name


def write(
    settings: Settings, rules: InvoiceRules | None, order: str, folder: Path
) -> Iterator[Path]:
    """Write an order's documents, and yield the paths of their files.

    Raises LedgerError, OSError, PackageMissing.
    """
    require_packages("pdf", "Writing an invoice")
    order_id = typed_order_id(order)
    if not is_order_id(order_id):
        raise LedgerError(f"{order!r} is not an order number")
    for each in asyncio.run(_read(settings, rules, order_id)):
        path = folder / file_name(each)
        path.write_bytes(document_pdf(each, NOBODY))
        yield path


async def _read(
    settings: Settings, rules: InvoiceRules | None, order_id: str
) -> tuple[NumberedDocument, ...]:
    """Return the documents of an order, which are made if need be."""
    database = Database.existing(settings)
    try:
        async with database.write_transaction() as connection:
            await schema_upgrade.require_revision(connection)
            order = await find_order(connection, order_id)
            if order is None:
                raise LedgerError(f"the ledger has no order {order_id}")
            if rules is not None:
                # Those of the orders that were paid before it come first.
                earlier = await find_pending(
                    connection,
                    rules,
                    since=order.sold_at - WEEK_SECONDS,
                    before=order.sold_at,
                )
                ids = [each for _, each in earlier]
                now = int(time.time())
                await make_documents(connection, rules, [*ids, order_id], now)
            found = await order_documents(connection, order_id)
    finally:
        await database.close()
    if not found:
        raise LedgerError(
            f"order {order_id} has no invoice: it was free, or given, or paid "
            "before first_day, or just now, or store.toml has no [invoices]"
        )
    return found
