# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Generator of ledgers of any size, with the rows that events result in."""

import asyncio
import base64
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pymysql

from msrv.ledger.db import schema
from msrv.ledger.db.aggregates import day_of, periods_of
from tests.ledger.mariadb_server import PASSWORD, USER, MariaDBServer
from tests.ledger.postgresql_server import PostgreSQLServer

NOW = 1_800_000_000
DAYS = 1000
ITEMS = 1000
DAY_SECONDS = 86_400
_BATCH = 20_000

Rows = dict[str, list[tuple[Any, ...]]]


def order_id(number: int) -> str:
    """Return the id of the order with a number, spread like a random one."""
    spread = (number * 0x9E3779B97F4A7C15F39CC0605CED835) % (1 << 120)
    return base64.b32encode(spread.to_bytes(15, "big")).decode("ascii")


def batches(orders: int) -> Iterator[Rows]:
    """Yield the rows of `orders` orders in batches; aggregates come last."""
    chance = random.Random(orders)  # noqa: S311 - the same rows each time
    days: dict[tuple[Any, ...], Counter[str]] = {}
    periods: dict[tuple[Any, ...], Counter[str]] = {}
    download_days: dict[tuple[Any, ...], Counter[str]] = {}
    changes = 0
    rows: Rows = {}
    for number in range(orders):
        at = NOW - chance.randrange(DAYS * DAY_SECONDS)
        name = order_id(number)
        currency = "EUR" if chance.random() < 0.8 else "USD"
        held = {
            f"item-{int(chance.paretovariate(0.8)) % ITEMS}"
            for _ in range(chance.choice((1, 1, 1, 2, 3)))
        }
        is_refunded = chance.random() < 0.02
        total = 100 * len(held)
        _row(
            rows,
            "orders",
            *(name, at, "demo", f"ch_{number}", currency, total),
            total if is_refunded else 0,
        )
        day = _sums(days, (day_of(at), currency))
        day.update(orders=1, items=len(held), sold_minor=total)
        if is_refunded:
            changes += 1
            day.update(refunds=len(held), refunded_minor=total)
            _row(rows, "refunds", name, "", 1, at * 1000, "cli", changes)
        for position, item in enumerate(sorted(held)):
            _row(
                rows,
                "order_items",
                *(name, item, position, item.title(), 100, int(is_refunded)),
                100 if is_refunded else 0,
            )
            for period in periods_of(at):
                sums = _sums(periods, (period, item, currency))
                sums.update(sold=1, sold_minor=100)
                if is_refunded:
                    sums.update(refunded=1, refunded_minor=100)
            _row(
                rows,
                "downloads",
                *(name, item, "0" * 16, 5_000_000, 5_000_000),
                *("0-5000000", at, at + 60, at + 60),
            )
            _sums(download_days, (day_of(at),)).update(
                begun=1, completed=1, delivered_bytes=5_000_000
            )
        if len(rows["orders"]) == _BATCH:
            yield rows
            rows = {}
    for number in range(ITEMS):
        _row(rows, "titles", f"item-{number}", f"Item-{number}")
    for table, sums_of in (
        (schema.days, days),
        (schema.item_periods, periods),
        (schema.download_days, download_days),
    ):
        names = [each.name for each in table.columns if not each.primary_key]
        for key, numbers in sums_of.items():
            _row(rows, table.name, *key, *(numbers[name] for name in names))
    yield rows


def fill_sqlite(path: Path, orders: int) -> None:
    """Insert the rows into a SQLite file."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    for rows in batches(orders):
        for table, values in rows.items():
            marks = ", ".join("?" * len(values[0]))
            connection.executemany(
                f"INSERT INTO {table} VALUES ({marks})",  # noqa: S608 - ours
                values,
            )
        connection.commit()
    connection.close()


def fill_mariadb(
    server: MariaDBServer, name: str, folder: Path, orders: int
) -> None:
    """Insert the rows into a MariaDB on this machine."""
    connection = pymysql.connect(
        host="127.0.0.1",
        port=server.port,
        user=USER,
        password=PASSWORD,
        database=name,
    )
    folder.chmod(0o755)
    file = folder / "rows.tsv"
    with connection.cursor() as cursor:
        cursor.execute("SET unique_checks = 0")
        for rows in batches(orders):
            for table, values in rows.items():
                with file.open("w", encoding="utf-8") as out:
                    for each in sorted(values):
                        out.write("\t".join(map(str, each)) + "\n")
                cursor.execute(f"LOAD DATA INFILE '{file}' INTO TABLE {table}")
            connection.commit()
    file.unlink()
    connection.close()


def fill_postgresql(server: PostgreSQLServer, name: str, orders: int) -> None:
    """Insert the rows into a PostgreSQL on this machine."""
    asyncio.run(_copy(server, name, orders))


async def _copy(server: PostgreSQLServer, name: str, orders: int) -> None:
    connection = await asyncpg.connect(
        host="127.0.0.1",
        port=server.port,
        user=USER,
        password=PASSWORD,
        database=name,
        ssl=False,
    )
    for rows in batches(orders):
        for table, values in rows.items():
            columns = schema.metadata.tables[table].columns
            kinds = [each.type.python_type for each in columns]
            await connection.copy_records_to_table(
                table,
                records=(
                    tuple(
                        bool(value) if kind is bool else value
                        for kind, value in zip(kinds, each, strict=True)
                    )
                    for each in values
                ),
            )
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


def _row(rows: Rows, table: str, *values: Any) -> None:  # noqa: ANN401 - SQL
    rows.setdefault(table, []).append(values)


def _sums(
    sums: dict[tuple[Any, ...], Counter[str]], key: tuple[Any, ...]
) -> Counter[str]:
    return sums.setdefault(key, Counter())
