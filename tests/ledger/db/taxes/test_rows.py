# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Taxes of sales in the database."""

from dataclasses import replace

import pytest

from msrv.ledger.db import order_queries
from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from msrv.ledger.events import Sale
from msrv.taxes.sale_tax import SaleTax
from tests.ledger.sample_events import TAX, order_id, sale

OTHER = SaleTax("FR", tax_minor=3, rate_bp=2000)


async def _tax(database: Database) -> SaleTax | None:
    async with database.read_transaction() as connection:
        found = await order_queries.find_order(connection, order_id(1))
    assert found is not None
    return found.tax


@pytest.mark.parametrize(
    "sales",
    [
        [sale(1, tax=TAX)],
        [sale(1, tax=TAX), sale(1, tax=TAX)],
        [sale(1, tax=TAX), sale(1)],
        # Recorded by a replica of an earlier version first.
        [sale(1), sale(1, tax=TAX)],
        [sale(1, tax=SaleTax()), sale(1, tax=TAX)],
        # Once it is recorded, it stays: an invoice may state it.
        [sale(1, tax=TAX), sale(1, tax=OTHER)],
    ],
    ids=str,
)
@pytest.mark.parametrize("at_once", [True, False])
async def test_first_tax_that_arrives_is_the_order_s(
    database: Database, sales: list[Sale], *, at_once: bool
) -> None:
    batches = [sales] if at_once else [[each] for each in sales]
    for batch in batches:
        async with database.write_transaction() as connection:
            await apply_events(connection, batch)
    assert await _tax(database) == TAX


async def test_order_without_a_tax_has_none(database: Database) -> None:
    async with database.write_transaction() as connection:
        await apply_events(connection, [sale(1), replace(sale(2), tax=OTHER)])
    assert await _tax(database) is None
