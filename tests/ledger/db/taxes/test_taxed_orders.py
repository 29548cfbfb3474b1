# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Orders of a quarter in the database, and their report."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select, update

from msrv.ledger.db import schema
from msrv.ledger.db.database import Database
from msrv.ledger.db.order_queries import find_order
from msrv.ledger.db.projection import apply_events
from msrv.ledger.db.taxes import taxed_orders
from msrv.ledger.db.taxes.taxed_orders import read_oss_report
from msrv.ledger.events import Event, Revoked, Sale
from msrv.ledger.reversals.event import Reversal
from msrv.taxes import oss_report
from msrv.taxes.oss_report import SaleGroup, UndecidedReason
from msrv.taxes.quarters import Quarter
from msrv.taxes.rates import included_tax
from msrv.taxes.sale_amounts import Amounts
from msrv.taxes.sale_tax import CountryEvidence, SaleTax
from tests.ledger.sample_events import order_id, sale

Q3, Q4 = Quarter(2026, 3), Quarter(2026, 4)
CARD = CountryEvidence("card", "AT")


def _sold(number: int, at: int, country: str, *items: tuple[str, int]) -> Sale:
    """Return a paid sale with a tax of 20% in its prices."""
    lines = items or (("song", 1200),)
    evidence = (CountryEvidence("card", country),)
    minor = sum(included_tax(price, 2000) for _, price in lines)
    tax = SaleTax(country, evidence, minor, rate_bp=2000)
    return replace(sale(number, *lines, at=at), provider="stripe", tax=tax)


def _back(
    number: int,
    at: int,
    minor: int,
    status: str = "succeeded",
    *,
    is_effective: bool = True,
) -> Reversal:
    return Reversal(
        provider="stripe",
        reversal_id=f"re_{number}_{at}",
        order_id=order_id(number),
        kind="refund",
        status=status,
        amount_minor=minor,
        paid_minor=1200,
        created_at=at,
        seen_at=at,
        by="stripe",
        is_effective=is_effective,
    )


EVENTS: list[Event] = [
    _sold(1, Q3.since, "FR"),
    _sold(2, Q3.before - 1, "FR", ("song", 700), ("album", 500)),
    _sold(3, Q4.since, "FR"),
    _sold(4, Q4.before - 1, "IT"),
    _sold(5, Q4.before, "IT"),
    _sold(6, Q4.since, "DE"),
    replace(_sold(7, Q4.since, "FR"), tax=None),
    # No money moved.
    sale(8, ("song", 1200), at=Q4.since),
    replace(sale(9, ("song", 0), at=Q4.since), provider="free"),
    _sold(10, Q3.since, "FR"),
    _sold(11, Q3.since, "FR"),
    # Part of one in its own quarter, and the rest in the next.
    _back(1, Q3.before - 1, 400),
    _back(1, Q4.since, 800),
    _back(3, Q4.since + 9, 600),
    # Refunded by hand: a line first, and then all of it.
    Revoked(order_id(2), "song", (Q4.since + 1) * 1000, "cli"),
    Revoked(order_id(2), "", Q4.before * 1000, "cli"),
    # A dispute that was won, and a refund that the provider refused.
    _back(10, Q4.since, 1200, "failed", is_effective=False),
    _back(11, Q4.since, 1200, "refused", is_effective=False),
    # Its downloads have ended, and no money has moved.
    Revoked(order_id(4), "", Q4.before * 1000 - 1, "withdrawal"),
]


@pytest.mark.parametrize("batch", [1, 2, 200])
async def test_report_is_of_the_quarters_sales_and_refunds(
    database: Database, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(taxed_orders, "_BATCH", batch)
    async with database.write_transaction() as connection:
        await apply_events(connection, EVENTS)
    found = await read_oss_report(database.read_transaction, Q4, "DE")
    assert {
        (row.key.group, row.key.country, row.key.rate_bp): (
            row.orders,
            row.sold.gross_minor,
            row.repaid,
        )
        for row in found.rows
    } == {
        (SaleGroup.OSS, "FR", 2000): (1, 1200, Amounts(500, 100)),
        (SaleGroup.OSS, "IT", 2000): (1, 1200, Amounts()),
        (SaleGroup.OWN, "DE", 2000): (1, 1200, Amounts()),
        (SaleGroup.UNDECIDED, "", -1): (1, 1200, Amounts()),
    }
    (correction,) = found.corrections
    assert correction.key.sale_quarter == Q3
    assert correction.orders == 2
    assert correction.left.gross_minor == -1500
    assert correction.left == Amounts(-1250, -250)
    assert [each.order.order_id for each in found.undecided] == [order_id(7)]
    assert found.with_one_evidence == 2


async def test_sums_of_all_quarters_are_those_of_the_ledger(
    database: Database,
) -> None:
    async with database.write_transaction() as connection:
        await apply_events(connection, EVENTS)
    sold = gone = 0
    for shift in range(4):
        found = await read_oss_report(
            database.read_transaction, Q3.shifted(shift), "DE"
        )
        for row in (*found.rows, *found.corrections):
            sold += row.sold.gross_minor
            gone += row.repaid.gross_minor
    held = schema.orders.c
    async with database.read_transaction() as connection:
        sums = await connection.execute(
            select(
                func.sum(held.total_minor), func.sum(held.refunded_minor)
            ).where(held.provider == "stripe")
        )
        assert tuple(map(int, sums.one())) == (sold, gone)


async def test_undecided_sales_are_listed_up_to_a_number(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taxed_orders, "_BATCH", 2)
    monkeypatch.setattr(oss_report, "MAX_UNDECIDED", 3)
    doubtful = [
        SaleTax(),
        SaleTax("FR"),
        SaleTax(
            "FR",
            (CountryEvidence("billing-address", "FR"), CARD),
            200,
            rate_bp=2000,
        ),
        SaleTax("AT", (CARD,)),
    ]
    events: list[Event] = [
        replace(_sold(number, Q4.since + number, "FR"), tax=tax)
        for number, tax in enumerate(doubtful)
    ]
    # No rate is needed for these.
    events += [
        replace(_sold(10, Q4.since, "US"), tax=SaleTax("US")),
        replace(_sold(11, Q4.since, "DE"), tax=SaleTax("DE")),
    ]
    async with database.write_transaction() as connection:
        await apply_events(connection, events)
    found = await read_oss_report(database.read_transaction, Q4, "DE")
    assert found.undecided_count == 4
    assert [
        (each.order.order_id, each.reason) for each in found.undecided
    ] == [
        (order_id(0), UndecidedReason.NO_COUNTRY),
        (order_id(1), UndecidedReason.NO_RATE),
        (order_id(2), UndecidedReason.CONTRADICTION),
    ]


async def test_tax_that_cannot_be_read_is_not_known(
    database: Database,
) -> None:
    """A later version may write what this one doesn't know."""
    async with database.write_transaction() as connection:
        await apply_events(connection, [_sold(1, Q4.since, "FR")])
        await connection.execute(
            update(schema.sale_taxes).values(evidence="gps:48.85,2.35")
        )
        # Recorded again, as by another replica.
        await apply_events(connection, [_sold(1, Q4.since, "FR")])
        order = await find_order(connection, order_id(1))
    assert order is not None
    assert order.tax is None
    found = await read_oss_report(database.read_transaction, Q4, "DE")
    assert found.undecided_count == 1
    assert found.rows[0].sold.gross_minor == 1200
