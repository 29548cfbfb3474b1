# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tables of invoices and of their series.

Apart from the schema, which imports them: it has tables enough.
"""

from sqlalchemy import Column, Index, Integer, Table, Text
from sqlalchemy.dialects import mysql

from msrv.ledger.db.tables.columns import (
    OPTIONS,
    ORDER_ID,
    WORD,
    metadata,
    number,
)

# Numbers of invoices: the last one of each series.
invoice_series = Table(
    "invoice_series",
    metadata,
    Column("series", WORD, primary_key=True),
    number("last_number"),
    **OPTIONS,
)

# Invoices and credit notes, as JSON; see `ledger.invoices`.
invoices = Table(
    "invoices",
    metadata,
    Column("order_id", ORDER_ID, primary_key=True),
    # 0 for the invoice of an order; what corrects it follows.
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("series", WORD, nullable=False),
    number("number"),
    Column("kind", WORD, nullable=False),
    number("issued_at"),
    # Of the invoice: refunds in `orders` that its credit notes account for.
    number("credited_minor"),
    Column(
        "document",
        Text().with_variant(mysql.MEDIUMTEXT(), "mysql"),
        nullable=False,
    ),
    Index("invoices_by_number", "series", "number", unique=True),
    Index("invoices_by_time", "issued_at", "series", "number"),
    **OPTIONS,
)
