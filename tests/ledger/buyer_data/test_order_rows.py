# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rows of one order: all are found, and erased where they can be."""

from msrv.ledger.buyer_data.order_rows import REASONS, erase_rows, read_rows
from msrv.ledger.db import schema
from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from msrv.ledger.events import (
    Delivered,
    PaymentEvent,
    Redeemed,
    Sale,
    SoldLine,
)
from msrv.ledger.operators.acts import OperatorAct
from msrv.ledger.withdrawals.events import WithdrawalStated
from tests.ledger.sample_events import (
    CONSENT,
    NOON,
    TAX,
    order_id,
    revoked,
    sale,
)

PAID, OTHER, FREE = order_id(1), order_id(2), order_id(3)


def events(number: int) -> list[object]:
    """Return one event of each kind about an order."""
    order = order_id(number)
    return [
        sale(number, ("song", 100), consent=CONSENT, tax=TAX),
        revoked(number, "song"),
        Redeemed(f"code-{number}", order, NOON),
        Redeemed(f"buyer.{number}.x", order, NOON),
        PaymentEvent("demo", f"evt_{number}", "paid", order, NOON),
        Delivered(order, "song", "0" * 16, 9, ((0, 9),), NOON),
        OperatorAct(
            f"{number:024}", NOON * 1000, "ab" * 12, "view-order", order
        ),
        WithdrawalStated(f"number-{number}", order, NOON * 1000, "late"),
    ]


def test_every_table_with_orders_is_exported() -> None:
    named = {
        table.name
        for table in schema.metadata.sorted_tables
        if {"order_id", "subject"} & set(table.c.keys())
    }
    assert named == {*REASONS, "downloads", "correction_requests"}


async def test_everything_of_an_order_is_found_and_erased_where_it_can_be(
    database: Database,
) -> None:
    async with database.write_transaction() as connection:
        await apply_events(connection, [*events(1), *events(2)])  # type: ignore[list-item]
    async with database.read_transaction() as connection:
        held = await read_rows(connection, PAID)
    assert set(held.erasable) == {"downloads", "redemptions"}
    assert set(held.kept) >= {
        "orders",
        "order_items",
        "refunds",
        "payment_events",
        "consents",
        "sale_taxes",
        "withdrawals",
        "redemptions",
        "acts",
    }
    for rows in (*held.erasable.values(), *held.kept.values()):
        assert all(OTHER not in map(str, row.values()) for row in rows)
    async with database.write_transaction() as connection:
        assert await erase_rows(connection, PAID) == 2
        assert await erase_rows(connection, PAID) == 0
    async with database.read_transaction() as connection:
        left = await read_rows(connection, PAID)
        other = await read_rows(connection, OTHER)
        nobody = await read_rows(connection, order_id(9))
    assert left.erasable == {}
    assert left.kept == held.kept
    assert set(other.erasable) == {"downloads", "redemptions"}
    assert nobody.is_empty


async def test_free_order_is_erased_whole_unless_it_was_refunded(
    database: Database,
) -> None:
    free = Sale(FREE, NOON, "free", "EUR", (SoldLine("song", 0, "Song"),))
    async with database.write_transaction() as connection:
        await apply_events(connection, [free])
        assert await erase_rows(connection, FREE) == 2
        await apply_events(connection, [free, revoked(3)])
        assert await erase_rows(connection, FREE) == 0
