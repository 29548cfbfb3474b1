# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Numbers of invoices: none twice, and none left out, on either database."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import insert, select

from msrv.catalog.details.invoicing import InvoiceRules, Seller, SeriesMode
from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from msrv.ledger.db.tables.invoices import invoice_series, invoices
from msrv.ledger.errors import DatabaseUnavailable
from msrv.ledger.events import Event, Sale
from msrv.ledger.invoices.documents import (
    DocumentKind,
    NumberedDocument,
    TaxBasis,
)
from msrv.ledger.invoices.numbering import (
    TAX_SECONDS,
    find_pending,
    make_documents,
)
from msrv.ledger.invoices.queries import list_documents, order_documents
from msrv.ledger.reversals.event import DISPUTE
from msrv.taxes.sale_tax import SaleTax
from tests.ledger.sample_events import (
    NOON,
    order_id,
    restored,
    reversal,
    revoked,
    sale,
)

SELLER = Seller("Wet Coats", "Quay 1", "10115", "Berlin", "DE", "DE123456789")
RULES = InvoiceRules(SELLER, NOON - 1000, "INV")
YEAR = "INV-2027"


def paid(number: int, *items: tuple[str, int], at: int = NOON) -> Sale:
    """Return a sale that was paid by a real provider."""
    made = sale(number, *items, at=at, tax=SaleTax("DE"))
    return replace(made, provider="stripe")


async def record(database: Database, *events: Event) -> None:
    """Write events to the database."""
    async with database.write_transaction() as connection:
        await apply_events(connection, events)


async def make(
    database: Database, *numbers: int, rules: InvoiceRules = RULES
) -> int:
    """Make the documents that some orders lack."""
    async with database.write_transaction(60) as connection:
        made = await make_documents(
            connection, rules, [order_id(each) for each in numbers], NOON
        )
    return made.count


async def documents(
    database: Database, number: int = 1
) -> tuple[NumberedDocument, ...]:
    """Return the documents of an order."""
    async with database.read_transaction() as connection:
        return await order_documents(connection, order_id(number))


async def pending(database: Database) -> list[str]:
    """Return the orders that lack a document."""
    async with database.read_transaction() as connection:
        found = await find_pending(
            connection, RULES, since=NOON - 10_000, before=NOON + 10_000
        )
    return [order for _, order in found]


async def taken(database: Database, series: str = YEAR) -> list[int]:
    """Return the numbers of a series, in order."""
    async with database.read_transaction() as connection:
        found = await connection.scalars(
            select(invoices.c.number)
            .where(invoices.c.series == series)
            .order_by(invoices.c.number)
        )
        return list(found)


async def test_orders_get_one_number_each_in_the_order_of_payment(
    database: Database,
) -> None:
    await record(
        database,
        paid(1, at=NOON + 2),
        paid(2, at=NOON + 1),
        paid(3, ("song", 0)),
        sale(4),
        replace(paid(5), provider="code"),
        paid(6, at=RULES.first_second - 1),
    )
    assert await pending(database) == [order_id(4), order_id(2), order_id(1)]
    assert await make(database, 1, 2, 3, 4, 5, 6) == 3
    assert await make(database, 1, 2, 3, 4, 5, 6) == 0
    assert await pending(database) == []
    assert [
        (each[0].name, each[0].document.order_id)
        for number in (1, 2, 4)
        if (each := await documents(database, number))
    ] == [
        ("INV-2027-00002", order_id(1)),
        ("INV-2027-00001", order_id(2)),
        ("TEST-2027-00001", order_id(4)),
    ]
    async with database.read_transaction() as connection:
        listed = await list_documents(
            connection, since=NOON, before=NOON + 1, most=2
        )
        rest = await list_documents(
            connection,
            since=NOON,
            before=NOON + 1,
            after=(NOON, listed[-1].series, listed[-1].number),
        )
    assert [each.name for each in (*listed, *rest)] == [
        "INV-2027-00001",
        "INV-2027-00002",
        "TEST-2027-00001",
    ]


async def test_one_series_goes_on_for_ever_and_survives_a_partial_restore(
    database: Database,
) -> None:
    rules = replace(RULES, mode=SeriesMode.SINGLE)
    await record(database, paid(1), paid(2))
    await make(database, 1, rules=rules)
    async with database.write_transaction() as connection:
        await connection.execute(invoice_series.delete())
    await make(database, 2, rules=rules)
    assert await taken(database, "INV") == [1, 2]
    (second,) = await documents(database, 2)
    assert second.name == "INV-00002"


async def test_thousand_orders_by_four_writers_are_1_to_1000(
    database: Database, url: str
) -> None:
    """Each writer has connections of its own, as each replica has.

    Some transactions are rolled back after they took their numbers, and some
    lose their connection, as that of a process that is killed.
    """
    count = 1000
    await record(database, *(paid(each) for each in range(count)))
    others = [Database(url, timeout_seconds=60) for _ in range(4)]
    failed = Counter[bool]()

    async def write(at: int) -> None:
        for start in range(0, count, 50):
            # Every order by two writers: they race for its invoice.
            ids = [
                order_id(each)
                for each in range(start, start + 50)
                if each % 4 in {at, (at + 1) % 4}
            ]
            if (start // 50 + at) % 3 == 0:
                # A connection to SQLite can't be lost without its process.
                is_lost = start % 100 == 0 and not database.is_embedded
                with pytest.raises((RuntimeError, DatabaseUnavailable)):
                    await take(others[at], ids, is_lost=is_lost)
                failed[is_lost] += 1
            for patience in range(20):
                # SQLite's lock isn't fair: a writer may wait for too long.
                try:
                    await take(others[at], ids)
                    break
                except DatabaseUnavailable:
                    assert patience < 19

    async def take(
        writer: Database, ids: list[str], *, is_lost: bool | None = None
    ) -> None:
        async with writer.write_transaction() as connection:
            await make_documents(connection, RULES, ids, NOON)
            if is_lost:
                await connection.invalidate()
            if is_lost is not None:
                raise RuntimeError

    try:
        await asyncio.gather(*map(write, range(4)))
    finally:
        for each in others:
            await each.close()
    assert failed[False] > 5
    assert failed[True] > 5 or database.is_embedded
    assert await taken(database) == list(range(1, count + 1))
    async with database.read_transaction() as connection:
        orders = list(
            await connection.scalars(
                select(invoices.c.order_id).where(invoices.c.position == 0)
            )
        )
    assert sorted(orders) == sorted(map(order_id, range(count)))


async def test_refunds_become_credit_notes_and_their_failure_an_invoice(
    database: Database,
) -> None:
    tax = SaleTax("FR", tax_minor=33, rate_bp=2000)
    await record(
        database,
        replace(paid(1, ("album", 151), ("song", 49)), tax=tax),
    )
    await make(database, 1)
    await record(database, reversal(1, 50, "succeeded", "album"))
    assert await pending(database) == [order_id(1)]
    assert await make(database, 1) == 1
    invoice, note = await documents(database)
    assert invoice.document.basis is TaxBasis.CHARGED
    assert invoice.document.country == "FR"
    assert (invoice.document.net_minor, invoice.document.tax_minor) == (
        167,
        33,
    )
    assert note.name == "INV-2027-00002"
    assert note.document.kind is DocumentKind.CREDIT_NOTE
    assert note.document.corrects == invoice.name
    assert [
        (line.item_id, line.gross_minor, line.tax_minor)
        for line in note.document.lines
    ] == [("album", 50, 8)]
    # The bank sends the money back.
    failed = replace(
        reversal(1, 50, "failed", "album", is_effective=False),
        seen_at=NOON + 90,
    )
    await record(database, failed)
    assert await make(database, 1) == 1
    renewed = (await documents(database))[2]
    assert renewed.document.kind is DocumentKind.RENEWED
    assert renewed.document.lines == note.document.lines
    # And all of it, by hand: what is credited is what was charged.
    again = replace(reversal(1, 200), reversal_id="re_2", created_at=NOON + 99)
    await record(database, again)
    assert await make(database, 1) == 1
    assert await make(database, 1) == 0
    everything = await documents(database)
    assert len(everything) == 4
    for name in ("gross_minor", "tax_minor", "net_minor"):
        assert (
            sum(
                each.document.sign * getattr(each.document, name)
                for each in everything
            )
            == 0
        )


async def test_open_dispute_is_no_refund_yet_and_a_lost_one_is(
    database: Database,
) -> None:
    opened = replace(reversal(1, 200), kind=DISPUTE, status="needs_response")
    await record(database, paid(1, ("album", 200)), opened)
    assert await make(database, 1) == 1
    assert await make(database, 1) == 0
    lost = replace(opened, status="lost", seen_at=NOON + 120)
    await record(database, lost)
    assert await make(database, 1) == 1
    kinds = [each.document.kind for each in await documents(database)]
    assert kinds == [DocumentKind.INVOICE, DocumentKind.CREDIT_NOTE]


async def test_downloads_ended_and_restored_by_hand(
    database: Database,
) -> None:
    await record(database, paid(1), revoked(1, at=1))
    assert await make(database, 1) == 2
    await record(database, restored(1, at=2))
    assert await make(database, 1) == 1
    kinds = [each.document.kind for each in await documents(database)]
    assert kinds == [
        DocumentKind.INVOICE,
        DocumentKind.CREDIT_NOTE,
        DocumentKind.RENEWED,
    ]


async def test_document_of_a_newer_version_stops_nothing_else(
    database: Database,
) -> None:
    await record(database, paid(1), paid(2))
    async with database.write_transaction() as connection:
        await connection.execute(
            insert(invoices),
            {
                "order_id": order_id(1),
                "position": 0,
                "series": "INV-2031",
                "number": 1,
                "kind": "hologram",
                "issued_at": NOON,
                "credited_minor": 0,
                "document": '{"kind":"hologram"}',
            },
        )
    async with database.write_transaction(60) as connection:
        made = await make_documents(
            connection, RULES, [order_id(1), order_id(2)], NOON
        )
    assert made.count == 1
    assert set(made.failed) == {order_id(1)}
    assert await taken(database) == [1]


async def test_invoice_waits_for_the_tax_for_a_bounded_time(
    database: Database,
) -> None:
    """An older replica records an order without a tax, a newer one with it."""
    known = replace(
        paid(1, ("album", 1190)),
        tax=SaleTax("DE", tax_minor=190, rate_bp=1900),
    )
    await record(database, *(replace(paid(each), tax=None) for each in (1, 2)))
    assert await make(database, 1, 2) == 0
    assert await taken(database) == []
    await record(database, known)
    assert await make(database, 1, 2) == 1
    (made,) = await documents(database)
    assert (made.document.basis, made.document.tax_minor) == (
        TaxBasis.CHARGED,
        190,
    )
    # A seller who charges none has nothing to wait for.
    exempt = replace(RULES, tax_exemption="none")
    await record(database, replace(paid(3), tax=None))
    assert await make(database, 3, rules=exempt) == 1
    async with database.write_transaction(60) as connection:
        late = await make_documents(
            connection, RULES, [order_id(2)], NOON + TAX_SECONDS
        )
    assert late.count == 1
    (made,) = await documents(database, 2)
    assert made.document.basis is TaxBasis.UNKNOWN
