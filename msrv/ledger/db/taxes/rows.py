# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rows of `sale_taxes` and `country_decisions`, read with their orders."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import country_decisions, sale_taxes
from msrv.ledger.events import Sale
from msrv.taxes.country_decisions import CountryDecision
from msrv.taxes.sale_tax import SaleTax, format_evidence, parse_evidence

_BATCH: Final = 200


async def insert_taxes(
    connection: AsyncConnection, sales: Sequence[Sale]
) -> None:
    """Insert the taxes of sales; of an order the first that arrives counts.

    The order may be there already: a replica may have recorded it without.
    """
    stated = {
        each.order_id: each.tax
        for each in reversed(sales)
        if each.tax is not None and not each.tax.says_nothing
    }
    known = await _known_orders(connection, list(stated))
    rows = [
        {
            "order_id": order_id,
            "country": tax.country,
            "evidence": format_evidence(tax.evidence),
            "tax_minor": tax.tax_minor,
            "is_included": tax.is_included,
            "rate_bp": tax.rate_bp,
            "jurisdiction": tax.jurisdiction,
            "is_business": tax.is_business,
        }
        for order_id, tax in stated.items()
        if order_id not in known
    ]
    if rows:
        await connection.execute(insert(sale_taxes), rows)


async def _known_orders(
    connection: AsyncConnection, order_ids: Sequence[str]
) -> set[str]:
    """Return the orders that have a tax."""
    found: set[str] = set()
    for at in range(0, len(order_ids), _BATCH):
        found |= set(
            await connection.scalars(
                select(sale_taxes.c.order_id).where(
                    sale_taxes.c.order_id.in_(order_ids[at : at + _BATCH])
                )
            )
        )
    return found


async def load_taxes(
    connection: AsyncConnection, order_ids: Sequence[str]
) -> dict[str, SaleTax]:
    """Return the taxes of orders, by order; those without one are left out."""
    found: dict[str, SaleTax] = {}
    for at in range(0, len(order_ids), _BATCH):
        rows = await connection.execute(
            select(sale_taxes).where(
                sale_taxes.c.order_id.in_(order_ids[at : at + _BATCH])
            )
        )
        for row in rows:
            tax = tax_of(row)
            if tax is not None:
                found[row.order_id] = tax
    return found


def tax_of(row: Row[Any]) -> SaleTax | None:
    """Return the tax of a row with the columns of `sale_taxes`.

    None for one that this version can't read: it must not hide its order.
    """
    try:
        return SaleTax(
            country=row.country,
            evidence=parse_evidence(row.evidence),
            tax_minor=row.tax_minor,
            is_included=row.is_included,
            rate_bp=row.rate_bp,
            jurisdiction=row.jurisdiction,
            is_business=row.is_business,
        )
    except ValueError:
        return None


async def load_decisions(
    connection: AsyncConnection, order_ids: Sequence[str]
) -> dict[str, CountryDecision]:
    """Return the decisions on orders, by order, of at most one batch."""
    if not order_ids:
        return {}
    rows = await connection.execute(
        select(country_decisions).where(
            country_decisions.c.order_id.in_(order_ids)
        )
    )
    return {
        row.order_id: CountryDecision(
            row.country,
            row.rate_bp,
            row.tax_minor,
            row.decided_at,
            row.decided_by,
        )
        for row in rows
    }
