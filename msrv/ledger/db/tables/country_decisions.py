# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Table of the countries of sales that were decided by hand.

Apart from the schema, which imports it: it has tables enough.
"""

from sqlalchemy import Column, Integer, Table

from msrv.ledger.db.tables.columns import (
    OPTIONS,
    ORDER_ID,
    WORD,
    metadata,
    number,
)

# Taken back, a row is deleted: `acts` has who decided what, and when.
country_decisions = Table(
    "country_decisions",
    metadata,
    Column("order_id", ORDER_ID, primary_key=True),
    Column("country", WORD, nullable=False),
    # In basis points; null where the sale isn't part of a return.
    Column("rate_bp", Integer, nullable=True),
    number("tax_minor"),
    number("decided_at"),
    Column("decided_by", WORD, nullable=False),
    **OPTIONS,
)
