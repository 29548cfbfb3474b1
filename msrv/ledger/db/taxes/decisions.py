# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rows of `country_decisions`: countries of sales that were decided by hand.

The functions that write need one `Database.write_transaction`, in which the
act is recorded as well.
"""

from typing import Final

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import country_decisions
from msrv.ledger.db.taxes.rows import load_decisions
from msrv.ledger.db.taxes.taxed_orders import find_taxed_order
from msrv.ledger.errors import NotUndecided, OrderNotFound, RateNeeded
from msrv.taxes.country_decisions import CountryDecision, decide
from msrv.taxes.oss_report import group_of
from msrv.taxes.rates import TaxRules

DECIDED: Final = "decide-country"
TAKEN_BACK: Final = "undo-country"
"""Names of the acts."""


async def decide_country(
    connection: AsyncConnection,
    order_id: str,
    country: str,
    rate_bp: int | None,
    rules: TaxRules,
    *,
    now: int,
    by: str,
) -> CountryDecision:
    """Record that an undecided sale was to a country, and return that.

    A later decision replaces an earlier one. Raises OrderNotFound for one
    that the ledger doesn't have, or that moved no money, NotUndecided, and
    RateNeeded.
    """
    order = await find_taxed_order(connection, order_id)
    if order is None:
        raise OrderNotFound(order_id)
    if group_of(order.tax, rules.country)[1] is None:
        raise NotUndecided(order_id)
    made = decide(
        order.tax, order.total_minor, country, rate_bp, rules, now=now, by=by
    )
    if made is None:
        raise RateNeeded(country)
    await _delete(connection, order_id)
    await connection.execute(
        insert(country_decisions),
        {
            "order_id": order_id,
            "country": made.country,
            "rate_bp": made.rate_bp,
            "tax_minor": made.tax_minor,
            "decided_at": made.decided_at,
            "decided_by": made.decided_by,
        },
    )
    return made


async def take_back(connection: AsyncConnection, order_id: str) -> None:
    """Remove the decision on an order. Raises OrderNotFound without one."""
    if not await _delete(connection, order_id):
        raise OrderNotFound(order_id)


async def _delete(connection: AsyncConnection, order_id: str) -> int:
    done = await connection.execute(
        delete(country_decisions).where(
            country_decisions.c.order_id == order_id
        )
    )
    return done.rowcount


async def find_decision(
    connection: AsyncConnection, order_id: str
) -> CountryDecision | None:
    """Return the decision on an order, None without one."""
    return (await load_decisions(connection, [order_id])).get(order_id)
