# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""CSV export of orders."""

import csv
import io
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.catalog.model import Catalog, Shop
from msrv.ledger.db import order_queries
from msrv.ledger.db.order_queries import Order, OrderLine
from msrv.ledger.db.schema import order_items
from msrv.ledger.errors import DatabaseUnavailable
from msrv.web.studio import csv_export
from tests.ledger.sample_events import NOON, TAX, order_id, revoked, sale
from tests.web.studio.conftest import Studio


def read(text: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file, parsed strictly by RFC 4180."""
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


async def test_export_has_every_order_with_its_amounts(
    any_studio: Studio,
) -> None:
    await any_studio.store_events(
        sale(
            1,
            ("song", 100),
            ("album", 705),
            at=NOON,
            reference="pi_1",
            tax=TAX,
        ),
        sale(2, ("departure", 1200), at=NOON - 86_400, currency="JPY"),
        revoked(1, "song"),
    )
    answer = await any_studio.get("/studio/orders.csv")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == (
        "text/csv; charset=utf-8; header=present"
    )
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="orders.csv"'
    )
    assert answer.headers["Cache-Control"] == "private, no-store"
    text = (await answer.read()).decode("utf-8")
    assert text.endswith("\r\n")
    assert text.count("\n") == text.count("\r\n") == 3
    first, second = read(text)
    assert first == {
        "order": order_id(1),
        "date_utc": "2027-01-15",
        "time_utc": "08:00:00",
        "provider": "demo",
        "reference": "pi_1",
        "currency": "EUR",
        "total_minor": "805",
        "total": "8.05",
        "refunded_minor": "100",
        "refunded": "1.00",
        "kept_minor": "705",
        "kept": "7.05",
        "items": "2",
        "item_ids": "song / album",
        "titles": "Song / Album",
        "country": "PT",
        "evidence": "billing-address:PT card:ES",
        "tax_minor": "19",
        "tax": "0.19",
        "tax_rate": "23",
        "tax_included": "no",
        "artists": " / ",
        "releases": " / ",
    }
    assert {second[name] for name in list(second)[-8:-2]} == {""}
    assert second["artists"] == "The Wet Coats"
    assert second["releases"] == "Night Bus"
    assert (second["total_minor"], second["total"]) == ("1200", "1200")
    assert second["date_utc"] == "2027-01-14"


async def test_export_includes_the_first_and_the_last_day(
    studio: Studio,
) -> None:
    midnight = 20_834 * 86_400
    await studio.store_events(
        sale(1, at=midnight - 1),
        sale(2, at=midnight),
        sale(3, at=midnight + 86_399),
        sale(4, at=midnight + 86_400),
    )
    answer = await studio.get(
        "/studio/orders.csv?from=2027-01-16&to=2027-01-16"
    )
    assert (
        "orders-from-2027-01-16-to-2027-01-16.csv"
        in (answer.headers["Content-Disposition"])
    )
    rows = read(await answer.text())
    assert [row["order"] for row in rows] == [order_id(3), order_id(2)]
    empty = await studio.text("/studio/orders.csv?to=1999-12-31")
    assert list(csv.reader([empty.strip()])) == [list(csv_export.COLUMNS)]
    answer = await studio.store.head(
        "/studio/orders.csv", headers=studio._with({})
    )
    assert (answer.status, await answer.read()) == (200, b"")


NOTHING = Catalog(Shop(), (), (), "", {}, {})
"""Catalog of an empty library."""
HOSTILE = [
    "=HYPERLINK(A1)",
    "+1",
    "-1+1",
    "@SUM(A1)",
    "  =1",
    "＝1",  # noqa: RUF001 - as spreadsheets read it
    'say "hi", twice',
    "naïve; 日本",
]


async def test_title_is_exported_as_text_not_formula(
    any_studio: Studio,
) -> None:
    titles = [each.strip() for each in HOSTILE]
    await any_studio.store_events(
        *(
            sale(number, (f"item-{number}", 100))
            for number in range(len(titles))
        ),
    )
    async with any_studio.ledger.write_transaction() as connection:
        for number, title in enumerate(titles):
            await _retitle(connection, number, title)
    found = read(await any_studio.text("/studio/orders.csv"))
    by_order = {row["order"]: row["titles"] for row in found}
    for number, title in enumerate(titles):
        cell = by_order[order_id(number)]
        assert cell.removeprefix("'") == title.replace(";", " ").replace(
            "  ", " "
        )
        assert cell[0] not in "=+-@＝"  # noqa: RUF001 - as above


async def _retitle(
    connection: AsyncConnection, number: int, title: str
) -> None:
    await connection.execute(
        update(order_items)
        .where(order_items.c.order_id == order_id(number))
        .values(title=title)
    )


FORMULA_SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"


def cells(line: bytes) -> list[str]:
    """Split a line as spreadsheets with other separators do.

    With the quotes of RFC 4180 and without any.
    """
    text = line.decode().removesuffix("\r\n")
    found = []
    for separator in ",;|\t":
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        found += [cell for row in rows for cell in row]
        found += text.split(separator)
    return found


@given(st.text() | st.text(alphabet="=+-@;,|\t\r\n\"' \u200b\uff1da1"))
def test_no_cell_is_a_formula_for_any_separator(value: str) -> None:
    order = Order(
        order_id(1),
        NOON,
        "stripe",
        "pi_1",
        "EUR",
        200,
        0,
        tuple(OrderLine(i, value, 100, refunded=False) for i in "ab"),
    )
    for cell in cells(csv_export.lines([csv_export._row(order, NOTHING)])):
        assert cell.strip("\"' \r\n\t")[:1] not in tuple(FORMULA_SIGNS) or (
            cell.lstrip('" ').startswith("'")
        )


@given(st.text())
def test_any_text_stays_in_one_cell(value: str) -> None:
    cell = csv_export.text(value)
    line = csv_export.lines([[cell, 1]])
    row = next(csv.reader(io.StringIO(line.decode(), newline=""), strict=True))
    assert row == [cell, "1"]


async def test_database_failure_closes_the_connection_mid_export(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client never takes half a file for a complete one."""
    monkeypatch.setattr(csv_export, "_BATCH", 2)
    await studio.store_events(*(sale(number) for number in range(5)))
    whole = await studio.text("/studio/orders.csv")
    assert len(read(whole)) == 5
    asked = 0
    page = order_queries.list_orders

    async def fail(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        nonlocal asked
        asked += 1
        if asked > 1:
            raise DatabaseUnavailable("it went away")
        return await page(*arguments, **named)

    monkeypatch.setattr(order_queries, "list_orders", fail)
    answer = await studio.get("/studio/orders.csv")
    assert answer.status == 200
    with pytest.raises(Exception, match="payload"):
        await answer.read()


@pytest.mark.slow
async def test_memory_is_independent_of_the_export_size(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_export, "_BATCH", 50)

    async def peak(count: int) -> int:
        await studio.store_events(*(sale(number) for number in range(count)))
        answer = await studio.get("/studio/orders.csv")
        tracemalloc.start()
        try:
            read_bytes = 0
            async for chunk in answer.content.iter_chunked(4096):
                read_bytes += len(chunk)
            assert read_bytes > 90 * count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few = await peak(200)
    assert await peak(2000) < 2 * few + 500_000
