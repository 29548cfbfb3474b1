# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Credit notes of orders to whose prices a tax was added, in a database."""

from dataclasses import replace

import pytest

from msrv.catalog.details.invoicing import InvoiceRules, Seller
from msrv.ledger.db.database import Database
from msrv.ledger.db.order_queries import find_order
from msrv.ledger.db.projection import apply_events
from msrv.ledger.events import Event
from msrv.ledger.invoices.numbering import find_pending, make_documents
from msrv.ledger.invoices.queries import order_documents
from msrv.ledger.reversals.event import Reversal
from msrv.taxes.sale_tax import SaleTax
from tests.ledger.sample_events import NOON, order_id, reversal, revoked, sale

RULES = InvoiceRules(
    Seller("Wet Coats", "Quay 1", "10115", "Berlin", "DE", "DE123456789"),
    NOON - 1000,
    "INV",
)
TWO = {"album": 700, "song": 300}
TWO_TAX = SaleTax("US", tax_minor=73, is_included=False, rate_bp=725)
ONE = {"album": 1000}
ONE_TAX = SaleTax("US", tax_minor=80, is_included=False, rate_bp=800)


def refunds_of(paid: int, *amounts: tuple[int, str]) -> list[Reversal]:
    """Return refunds of amounts for lines, one a minute."""
    return [
        replace(
            reversal(1, minor, "succeeded", *items.split()),
            reversal_id=f"re_{at}",
            paid_minor=paid,
            created_at=NOON + 60 * at,
            seen_at=NOON + 60 * at,
        )
        for at, (minor, items) in enumerate(amounts, 1)
    ]


@pytest.mark.parametrize(
    ("prices", "tax", "amounts", "expected"),
    [
        # What the studio refunds for the first line, and for the second.
        (
            TWO,
            TWO_TAX,
            [(751, "album"), (322, "song")],
            [(700, 51), (300, 22)],
        ),
        (ONE, ONE_TAX, [(500, ""), (580, "")], [(463, 37), (537, 43)]),
        (ONE, ONE_TAX, [(1080, "")], [(1000, 80)]),
    ],
)
async def test_credit_note_states_the_money_that_went_back(
    database: Database,
    prices: dict[str, int],
    tax: SaleTax,
    amounts: list[tuple[int, str]],
    expected: list[tuple[int, int]],
) -> None:
    sold = replace(sale(1, *prices.items(), tax=tax), provider="stripe")
    paid = tax.gross_minor(sum(prices.values()))
    events: list[Event] = [sold, *refunds_of(paid, *amounts)]
    for event in events:
        async with database.write_transaction() as connection:
            await apply_events(connection, [event])
            await make_documents(connection, RULES, [order_id(1)], NOON)
            assert not await find_pending(
                connection, RULES, since=NOON - 1000, before=NOON + 1000
            )
    async with database.read_transaction() as connection:
        made = await order_documents(connection, order_id(1))
        order = await find_order(connection, order_id(1))
    assert order is not None
    assert order.refunded_minor == order.total_minor
    _, *notes = (each.document for each in made)
    assert [each.gross_minor for each in notes] == [
        each[0] for each in amounts
    ]
    assert [(each.net_minor, each.tax_minor) for each in notes] == expected


async def test_order_refunded_by_hand_is_credited_with_its_tax(
    database: Database,
) -> None:
    sold = replace(sale(1, *TWO.items(), tax=TWO_TAX), provider="stripe")
    async with database.write_transaction() as connection:
        await apply_events(connection, [sold, revoked(1, "album")])
        await make_documents(connection, RULES, [order_id(1)], NOON)
        _, note = await order_documents(connection, order_id(1))
    (line,) = note.document.lines
    assert (line.net_minor, line.gross_minor) == (700, 751)
