# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Daily and per-item aggregates, updated in the transaction of their events.

Changes are collected while a batch of events is applied, and written at its
end: a busy day's row is written once a batch, not once a sale.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Table, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db import schema

DAY_SECONDS: Final = 86_400
ALL_TIME: Final = "all"
"""Name of the period that never ends."""

_Key = tuple[str | int, ...]


def day_of(unix_seconds: int) -> int:
    """Return the day of a time, in days since 1970, UTC."""
    return unix_seconds // DAY_SECONDS


def periods_of(unix_seconds: int) -> tuple[str, str, str]:
    """Return the names of a time's periods: all time, its year, its month."""
    at = datetime.fromtimestamp(min(unix_seconds, 253_402_300_799), UTC)
    return ALL_TIME, f"{at:%Y}", f"{at:%Y-%m}"


class Aggregates:
    """Changes of aggregates that are not in the tables yet."""

    def __init__(self) -> None:
        self._days: dict[_Key, Counter[str]] = {}
        self._items: dict[_Key, Counter[str]] = {}
        self._downloads: dict[_Key, Counter[str]] = {}

    def add_sale(
        self, at: int, currency: str, prices: Mapping[str, int]
    ) -> None:
        """Add an order with the price of each of its items."""
        total = sum(prices.values())
        _add(
            self._days,
            (day_of(at), currency),
            orders=1,
            items=len(prices),
            sold_minor=total,
        )
        for item_id, price in prices.items():
            for period in periods_of(at):
                key = (period, item_id, currency)
                _add(self._items, key, sold=1, sold_minor=price)

    def add_refund(
        self,
        sold_at: int,
        refunded_at: int,
        currency: str,
        item_id: str,
        *,
        count: int,
        minor: int,
    ) -> None:
        """Add to the refunds of an item; a negative number subtracts.

        `count` is of lines whose links ended, `minor` the amount.
        """
        _add(
            self._days,
            (day_of(refunded_at), currency),
            refunds=count,
            refunded_minor=minor,
        )
        for period in periods_of(sold_at):
            _add(
                self._items,
                (period, item_id, currency),
                refunded=count,
                refunded_minor=minor,
            )

    def add_download(
        self, at: int, *, begun: int, completed: int, delivered_bytes: int
    ) -> None:
        """Add a download's progress."""
        _add(
            self._downloads,
            (day_of(at),),
            begun=begun,
            completed=completed,
            delivered_bytes=delivered_bytes,
        )

    async def write(self, connection: AsyncConnection) -> None:
        """Write the changes to the tables, within the events' transaction."""
        await _write(connection, schema.days, self._days)
        await _write(connection, schema.item_periods, self._items)
        await _write(connection, schema.download_days, self._downloads)


def _add(sums: dict[_Key, Counter[str]], key: _Key, **numbers: int) -> None:
    sums.setdefault(key, Counter()).update(numbers)


async def _write(
    connection: AsyncConnection,
    table: Table,
    sums: Mapping[_Key, Counter[str]],
) -> None:
    """Add to the rows that exist, and insert those that don't.

    There is no other writer meanwhile (Database.write_transaction), so a row
    that could not be updated can be inserted.
    """
    keys = list(table.primary_key)
    amounts = [each for each in table.columns if not each.primary_key]
    missing = []
    for key, numbers in sorted(sums.items(), key=lambda each: each[0]):
        if not any(numbers.values()):
            continue
        changed = await connection.execute(
            update(table)
            .where(
                *(
                    column == value
                    for column, value in zip(keys, key, strict=True)
                )
            )
            .values(
                {
                    column: column + numbers[column.name]
                    for column in amounts
                    if numbers[column.name]
                }
            )
        )
        if not changed.rowcount:
            row = dict(zip((each.name for each in keys), key, strict=True))
            row |= {each.name: numbers[each.name] for each in amounts}
            missing.append(row)
    if missing:
        await connection.execute(insert(table), missing)
