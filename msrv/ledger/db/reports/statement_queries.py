# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sums of a statement: what was sold and refunded from a time to a time."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.reports.item_sums import ItemSum
from msrv.ledger.db.schema import days, order_items, orders, sale_taxes


@dataclass(frozen=True, slots=True)
class CurrencyTotal:
    """Sales and refunds of an interval in one currency.

    Refunds count on the day of the refund, whenever the sale was.
    """

    currency: str
    orders: int
    items: int
    sold_minor: int
    refunded_minor: int


@dataclass(frozen=True, slots=True)
class CountrySum:
    """Sales to a country in an interval, in one currency.

    `country` is by ISO 3166-1, empty where it isn't known. `refunded_minor`
    is what of the sales is refunded by now.
    """

    country: str
    currency: str
    orders: int
    sold_minor: int
    refunded_minor: int


async def sums_by_country(
    connection: AsyncConnection, since: int, before: int
) -> list[CountrySum]:
    """Return the sums of what was sold from `since` to before `before`.

    In Unix seconds; by currency, the country that brought the most first.
    Free orders are left out.
    """
    country = func.coalesce(sale_taxes.c.country, "")
    sold = func.sum(orders.c.total_minor)
    rows = await connection.execute(
        select(
            country,
            orders.c.currency,
            func.count(),
            sold,
            func.sum(orders.c.refunded_minor),
        )
        .select_from(
            orders.outerjoin(
                sale_taxes, sale_taxes.c.order_id == orders.c.order_id
            )
        )
        .where(
            orders.c.sold_at >= since,
            orders.c.sold_at < before,
            orders.c.total_minor > 0,
        )
        .group_by(country, orders.c.currency)
        .order_by(orders.c.currency, sold.desc(), country)
    )
    return [CountrySum(row[0], row[1], *map(int, row[2:])) for row in rows]


async def sums_by_currency(
    connection: AsyncConnection, first_day: int, last_day: int
) -> list[CurrencyTotal]:
    """Return the sums of some days since 1970, inclusive, by currency."""
    names = ("orders", "items", "sold_minor", "refunded_minor")
    rows = await connection.execute(
        select(days.c.currency, *(func.sum(days.c[each]) for each in names))
        .where(days.c.day.between(first_day, last_day))
        .group_by(days.c.currency)
        .order_by(days.c.currency)
    )
    return [CurrencyTotal(row[0], *map(int, row[1:])) for row in rows]


async def sums_by_item(
    connection: AsyncConnection, since: int, before: int, most: int
) -> list[ItemSum]:
    """Return the sums of the items sold from `since` to before `before`.

    In Unix seconds; those that brought the most come first. Free ones are
    left out.
    """
    line = order_items.c
    price = func.sum(line.price_minor)
    refunded = func.sum(line.refunded_minor)
    rows = await connection.execute(
        select(
            line.item_id,
            func.min(line.title),
            orders.c.currency,
            func.count(),
            price,
            refunded,
        )
        .select_from(
            orders.join(order_items, line.order_id == orders.c.order_id)
        )
        .where(orders.c.sold_at >= since, orders.c.sold_at < before)
        .group_by(line.item_id, orders.c.currency)
        .having(price > 0)
        .order_by(price.desc(), line.item_id)
        .limit(most)
    )
    return [
        ItemSum(row[0], row[1], row[2], *map(int, row[3:])) for row in rows
    ]
