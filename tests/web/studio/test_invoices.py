# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Invoices in the studio: of an order, and of a month for the accountant."""

import csv
import html
import io
import zipfile
from dataclasses import replace

import pytest
from pypdf import PdfReader
from sqlalchemy import ColumnElement, func, update

from msrv.ledger.db.tables.invoices import invoices
from msrv.ledger.ledger import Ledger
from msrv.ledger.operators.model import Role
from msrv.ledger.reversals.event import DISPUTE
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.taxes.sale_tax import SaleTax
from msrv.web.store import STORE
from tests.conftest import Clock
from tests.ledger.sample_events import (
    NOON,
    order_id,
    reversal,
    revoked,
    sale,
)
from tests.web.invoices.test_invoice_pages import INVOICES
from tests.web.studio.access.test_rules import sessions
from tests.web.studio.conftest import JSON, Studio


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings of a store that makes invoices."""
    assert settings.library is not None
    with (settings.library / "store.toml").open("a", encoding="utf-8") as file:
        file.write(INVOICES)
    return settings


async def test_month_of_invoices_as_page_csv_and_zip(studio: Studio) -> None:
    assert "No invoices" in await studio.text("/studio/invoices")
    empty = await studio.text("/studio/invoices.csv")
    assert len(empty.splitlines()) == 1
    nothing = await (await studio.get("/studio/invoices.zip")).read()
    assert zipfile.ZipFile(io.BytesIO(nothing)).namelist() == []
    paid = replace(sale(1, ("song", 700), at=NOON - 199), provider="stripe")
    await studio.store_events(
        paid,
        replace(paid, order_id=order_id(2), sold_at=NOON - 200),
        replace(paid, order_id=order_id(3), provider="code"),
        revoked(1),
    )
    page = await studio.text(f"/studio/orders/{order_id(1)}")
    path = f"/studio/orders/{order_id(1)}/invoices"
    assert f'href="{path}/0"' in page
    made = await studio.get(f"{path}/0")
    assert made.status == 200
    text = PdfReader(io.BytesIO(await made.read())).pages[0].extract_text()
    page = await studio.text(f"/studio/orders/{order_id(1)}")
    assert f'href="{path}/1"' in page
    assert "Credit note INV-" in page
    assert (await studio.get(f"{path}/2")).status == 404
    free = f"/studio/orders/{order_id(3)}"
    assert "/invoices/0" not in await studio.text(free)
    assert (await studio.get(f"{free}/invoices/0")).status == 404
    # The order that was paid before it has the number before it.
    listed = (await studio.data("/studio/invoices"))["documents"]
    assert [(each["order_id"], each["kind"]) for each in listed] == [
        (order_id(2), "invoice"),
        (order_id(1), "invoice"),
        (order_id(1), "credit-note"),
    ]
    numbers = [each["number"] for each in listed]
    assert [each[-5:] for each in numbers] == ["00001", "00002", "00003"]
    assert numbers[1] in text
    assert numbers[0] in await studio.text("/studio/invoices")
    answer = await studio.get("/studio/invoices.csv")
    rows = list(csv.DictReader(io.StringIO(await answer.text())))
    assert [row["number"] for row in rows] == numbers
    assert [row["gross"] for row in rows] == ["7.00", "7.00", "-7.00"]
    assert rows[2]["corrects"] == numbers[1]
    packed = await studio.get("/studio/invoices.zip")
    with zipfile.ZipFile(io.BytesIO(await packed.read())) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"{each}.pdf" for each in numbers]
        assert archive.read(f"{numbers[1]}.pdf").startswith(b"%PDF-1.7")
    activity = await studio.text("/studio/activity")
    assert "exported invoices" in activity


@pytest.mark.parametrize(
    "document",
    [
        '{"kind":"hologram"}',
        func.replace(invoices.c.document, ",700,0]", ",null,0]"),
        "rubbish",
    ],
)
async def test_unreadable_document_keeps_nobody_from_the_others(
    studio: Studio, document: str | ColumnElement[str]
) -> None:
    """A month has one of a newer version: it is named in each form."""
    first = replace(sale(1, ("song", 700), at=NOON - 199), provider="stripe")
    await studio.store_events(
        first, replace(first, order_id=order_id(2), sold_at=NOON - 198)
    )
    service = studio.store.app[STORE].invoices
    for number in (1, 2):
        await service.documents(order_id(number))
    async with service.ledger.write_transaction() as connection:
        await connection.execute(
            update(invoices)
            .where(invoices.c.order_id == order_id(1))
            .values(document=document)
        )
    listed = await studio.data("/studio/invoices")
    assert [each["order_id"] for each in listed["documents"]] == [order_id(2)]
    (bad,) = listed["unreadable"]
    (good,) = listed["documents"]
    assert bad["order_id"] == order_id(1)
    page = await studio.text("/studio/invoices")
    assert bad["number"] in page
    assert good["number"] in page
    answer = await studio.get("/studio/invoices.csv")
    rows = list(csv.DictReader(io.StringIO(await answer.text())))
    assert [(row["number"], row["kind"], row["gross"]) for row in rows] == [
        (bad["number"], "unreadable", ""),
        (good["number"], "invoice", "7.00"),
    ]
    packed = await studio.get("/studio/invoices.zip")
    with zipfile.ZipFile(io.BytesIO(await packed.read())) as archive:
        assert archive.namelist() == [
            f"{bad['number']}.txt",
            f"{good['number']}.pdf",
        ]
    order = f"/studio/orders/{order_id(1)}"
    assert f"{bad['number']} can't be read" in html.unescape(
        await studio.text(order)
    )
    assert (await studio.get(f"{order}/invoices/0")).status == 503
    assert (await studio.get(f"/studio/orders/{order_id(2)}")).status == 200


async def test_order_whose_invoice_cannot_be_made_is_named(
    studio: Studio,
) -> None:
    service = studio.store.app[STORE].invoices
    service.failures.add(order_id(7), "a reason")
    page = await studio.text("/studio/invoices")
    assert f'href="/studio/orders/{order_id(7)}"' in page
    service.failures.discard([order_id(7)])
    assert order_id(7) not in await studio.text("/studio/invoices")


@pytest.mark.parametrize(
    "query",
    [
        "period=2026",
        "period=2026-13",
        "after=x",
        "after=1.A.x",
        "after=99999999999999999999.A.1",
    ],
)
async def test_invalid_queries_are_refused(studio: Studio, query: str) -> None:
    answer = await studio.get(f"/studio/invoices?{query}", **JSON)
    assert answer.status == 400


async def test_strangers_get_no_invoice(studio: Studio) -> None:
    for path in (
        "/studio/invoices",
        "/studio/invoices.csv",
        "/studio/invoices.zip",
        f"/studio/orders/{order_id(1)}/invoices/0",
    ):
        assert (await studio.store.get(path)).status in {401, 404}


async def test_invoice_of_a_disputed_order_is_read_without_writing(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its refund isn't credited yet: whoever looks at it locks nothing."""
    await studio.store_events(
        replace(sale(1, ("album", 700), at=NOON - 199), provider="stripe"),
        replace(reversal(1, 700), kind=DISPUTE, status="needs_response"),
    )
    service = studio.store.app[STORE].invoices
    made = await service.documents(order_id(1))
    assert len(made) == 1

    def refuse(*_: object) -> None:
        raise AssertionError

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "write_transaction", refuse)
        assert await service.documents(order_id(1)) == made
    lost = replace(
        reversal(1, 700), kind=DISPUTE, status="lost", seen_at=NOON + 120
    )
    await studio.store_events(lost)
    assert len(await service.documents(order_id(1))) == 2


async def test_invoice_of_a_moment_ago_follows_with_its_tax(
    studio: Studio,
) -> None:
    sold = replace(sale(1, ("song", 700), at=NOON - 9), provider="stripe")
    await studio.store_events(sold)
    path = f"/studio/orders/{order_id(1)}/invoices/0"
    answer = await studio.get(path)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
    await studio.store_events(replace(sold, tax=SaleTax("DE")))
    assert (await studio.get(path)).status == 200


async def test_read_only_operator_finds_the_invoices_of_an_order(
    studio: Studio, keyring: Keyring, clock: Clock
) -> None:
    paid = replace(sale(1, ("song", 700), at=NOON - 199), provider="stripe")
    await studio.store_events(paid)
    order = f"/studio/orders/{order_id(1)}"
    owner = studio.cookie
    reader = (await sessions(studio, keyring, clock))[Role.READ_ONLY]
    studio.cookie = reader
    assert "/invoices/0" not in await studio.text(order)
    studio.cookie = owner
    assert (await studio.get(f"{order}/invoices/0")).status == 200
    studio.cookie = reader
    page = await studio.text(order)
    assert f'href="{order}/invoices/0"' in page
    assert 'id="receipt"' not in page
    assert (await studio.get(f"{order}/invoices/0")).status == 200
