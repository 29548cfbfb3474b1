# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Invoices for buyers: with the receipt alone, and later if need be."""

import asyncio
import html
import io
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from pypdf import PdfReader
from sqlalchemy import func, update

from msrv.ledger.db.tables.invoices import invoices
from msrv.ledger.errors import DatabaseUnavailable
from msrv.ledger.invoices.queries import order_documents
from msrv.ledger.ledger import Ledger
from msrv.orders.rate_limits import INVOICES as INVOICES_LIMIT
from msrv.rate_limit import client_network
from msrv.settings import Settings
from msrv.translations import Language, gettext, language_set_to
from msrv.web.store import STORE
from tests.conftest import Client, StartStore
from tests.polling import wait_until
from tests.store_parts import wait_for_database
from tests.web.purchases import JSON, buy, path_of

INVOICES = """
[invoices]
first_day = 2020-01-01
name = "Wet Coats Records"
street = "Quay 1"
postcode = "10115"
city = "Berlin"
country = "DE"
vat_id = "DE123456789"
"""


@pytest.fixture
async def store(
    start_store: StartStore, settings: Settings, library: Path
) -> Client:
    """Store that makes invoices."""
    with (library / "store.toml").open("a", encoding="utf-8") as config:
        config.write(INVOICES)
    store = await start_store(settings)
    await wait_for_database(store)
    return store


def text_of(pdf: bytes) -> str:
    """Return the text of a PDF, read back by another library."""
    return "\n".join(
        each.extract_text() for each in PdfReader(io.BytesIO(pdf)).pages
    )


async def test_receipt_leads_to_the_invoice_and_to_nothing_stored(
    store: Client,
) -> None:
    bought = await buy(store, "night-bus")
    path = path_of(bought["receipt"])
    assert f'href="{path}/invoice"' in await (await store.get(path)).text()
    page = await store.get(f"{path}/invoice")
    assert page.status == 200
    shown = await page.text()
    assert "Invoice TEST-" in shown
    for language, is_noted in (("ja", True), ("ar", False)):
        with language_set_to(Language(language, language)):
            note = gettext(
                "The PDF is in English: its font lacks the letters of this "
                "language."
            )
        other = await store.get(f"{path}/invoice?lang={language}")
        assert (note in html.unescape(await other.text())) == is_noted
    listed = await (await store.get(f"{path}/invoice", headers=JSON)).json()
    (document,) = listed["documents"]
    assert document["number"].endswith("-00001")
    assert document["gross_minor"] == 700
    assert document["tax_minor"] is None
    plain = await store.get(path_of(document["pdf"]))
    assert plain.status == 200
    assert plain.content_type == "application/pdf"
    first = await plain.read()
    assert first == await (await store.get(path_of(document["pdf"]))).read()
    stated = text_of(first)
    for each in (
        document["number"],
        "Wet Coats Records",
        "DE123456789",
        "Night Bus",
        "€7.00",
        "no money moved",
        "This document states no tax.",
    ):
        assert each in stated, each
    form = {
        "document": "0",
        "name": "Kim O'Hara <b>",
        "address": "Rue 1\r\n\r\n75001 Paris",
        "vat_id": "fr 123",
    }
    typed = await store.post(f"{path}/invoice", data=form)
    stated = text_of(await typed.read())
    for each in ("Kim O'Hara <b>", "Rue 1", "75001 Paris", "FR123"):
        assert each in stated, each
    # It is in that PDF alone.
    assert await (await store.get(path_of(document["pdf"]))).read() == first
    folder = store.app[STORE].settings.data
    assert not any(
        b"Hara" in each.read_bytes()
        for each in folder.rglob("*")
        if each.is_file()
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x" * 101),
        ("address", "\n".join("123456")),
        ("address", "x" * 101),
        ("vat_id", "<script>"),
    ],
)
async def test_invalid_details_are_explained_beside_their_field(
    store: Client, field: str, value: str
) -> None:
    bought = await buy(store, "night-bus")
    path = f"{path_of(bought['receipt'])}/invoice"
    refused = await store.post(path, data={field: value})
    assert refused.status == 422
    page = await refused.text()
    assert f'aria-describedby="{field}-wrong"' in page
    assert "<script>" not in page.partition('id="vat_id"')[2][:200]
    answer = await store.post(path, data={field: value}, headers=JSON)
    assert answer.status in {400, 422}


async def test_invoice_waits_while_the_database_is_away_and_receipt_does_not(
    store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought = await buy(store, "night-bus")
    path = path_of(bought["receipt"])

    def away(_: Ledger) -> None:
        raise DatabaseUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "database", away)
        assert (await store.get(path)).status == 200
        refused = await store.get(f"{path}/invoice")
        assert refused.status == 503
        assert refused.headers["Retry-After"] == "60"
        assert "the downloads work" in await refused.text()
    assert (await store.get(f"{path}/invoice")).status == 200


async def test_only_a_receipt_opens_an_invoice_and_only_a_paid_one_has_it(
    store: Client,
) -> None:
    bought = await buy(store, "night-bus")
    path = path_of(bought["receipt"])
    forged = path[:-1] + ("A" if path[-1] != "A" else "B")
    assert (await store.get(f"{forged}/invoice")).status == 404
    assert (await store.post(f"{forged}/invoice")).status == 404
    order = bought["order_id"]
    assert (await store.get(f"/purchases/{order}/invoice")).status == 404
    assert (await store.get(f"{path}/invoices/1")).status == 404
    assert (
        await store.post(f"{path}/invoice", data={"document": "x"})
    ).status == 404


async def test_pdfs_are_limited_by_network(store: Client) -> None:
    bought = await buy(store, "night-bus")
    path = f"{path_of(bought['receipt'])}/invoice"
    parts = store.app[STORE]
    for _ in range(INVOICES_LIMIT.burst):
        parts.limits.invoices.acquire(
            client_network(ip_address("127.0.0.1")), now=parts.clock()
        )
    refused = await store.post(path)
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert (await store.get(path)).status == 200


async def test_gift_has_its_invoice_on_the_bill(store: Client) -> None:
    form = {"item": "night-bus", "gift": "1"}
    made = await store.post("/purchases", data=form, headers=JSON)
    bill = path_of((await made.json())["bill"])
    page = await (await store.get(bill)).text()
    assert f'href="{bill}/invoice"' in page
    shown = await store.get(f"{bill}/invoice", headers=JSON)
    (document,) = (await shown.json())["documents"]
    pdf = await store.get(path_of(document["pdf"]))
    assert document["number"] in text_of(await pdf.read())


async def test_store_without_invoices_offers_none(
    start_store: StartStore, settings: Settings
) -> None:
    store = await start_store(settings)
    bought = await buy(store, "night-bus")
    path = path_of(bought["receipt"])
    assert "/invoice" not in await (await store.get(path)).text()
    assert (await store.get(f"{path}/invoice")).status == 404


@pytest.mark.parametrize(
    "rules", ["", INVOICES.replace("2020", "2099")], ids=["none", "later"]
)
async def test_invoice_stays_where_no_more_are_made(
    store: Client, library: Path, rules: str
) -> None:
    bought = await buy(store, "night-bus")
    form = {"item": "night-bus", "gift": "1"}
    given = await store.post("/purchases", data=form, headers=JSON)
    paths = [
        path_of(bought["receipt"]),
        path_of((await given.json())["bill"]),
    ]
    pdfs = [await (await store.get(f"{p}/invoices/0")).read() for p in paths]
    other = await buy(store, "night-bus")
    config = library / "store.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace(INVOICES, rules), encoding="utf-8")
    service = store.app[STORE].invoices
    before = service.rules
    await wait_until(lambda: service.rules != before)
    for path, pdf in zip(paths, pdfs, strict=True):
        assert (await store.get(f"{path}/invoice")).status == 200
        again = await store.get(f"{path}/invoices/0")
        assert again.status == 200
        assert await again.read() == pdf
        typed = await store.post(f"{path}/invoice", data={"name": "Kim"})
        assert "Kim" in text_of(await typed.read())
    # An order without one gets none, whether the database has it yet or not.
    late = await buy(store, "night-bus")
    for each in (other, late):
        path = path_of(each["receipt"])
        assert "/invoice" not in await (await store.get(path)).text()
        assert (await store.get(f"{path}/invoice")).status == 404


@pytest.mark.slow
async def test_sweep_numbers_orders_that_nobody_asks_for(
    store: Client,
) -> None:
    receipts = [await buy(store, "night-bus") for _ in range(3)]
    await store.app[STORE].ledger.wait_until_synced()
    service = store.app[STORE].invoices
    await service.sweep(is_full=True)  # they are too young
    clock = store.app[STORE].clock
    later = type(service)(
        service.ledger, service.catalog, lambda: clock() + 200
    )
    await asyncio.gather(*(later.sweep(is_full=True) for _ in range(3)))
    numbers = [
        (await service.documents(each["order_id"]))[0].number
        for each in receipts
    ]
    assert sorted(numbers) == [1, 2, 3]


async def test_damaged_document_keeps_no_other_order_from_its_invoice(
    store: Client, caplog: pytest.LogCaptureFixture
) -> None:
    damaged, *others = [await buy(store, "night-bus") for _ in range(3)]
    service = store.app[STORE].invoices
    await service.documents(damaged["order_id"])
    async with service.ledger.write_transaction() as connection:
        await connection.execute(
            update(invoices).values(
                document=func.replace(invoices.c.document, "700", "null"),
                credited_minor=1,
            )
        )
    await service.ledger.wait_until_synced()
    clock = store.app[STORE].clock
    later = replace(service, clock=lambda: clock() + 200)
    caplog.clear()
    for _ in range(3):
        await later.sweep(is_full=True)
    # Each sweep meets it again, and the log has it once.
    lacking = f"order {damaged['order_id']} lacks an invoice"
    assert [
        each.levelname
        for each in caplog.records
        if lacking in each.getMessage()
    ] == ["ERROR"]
    assert list(service.failures.reasons) == [damaged["order_id"]]
    assert b"msrv_invoices_failed 1.0" in store.app[STORE].metrics.exposition()
    async with service.ledger.read_transaction() as connection:
        made = [
            await order_documents(connection, each["order_id"])
            for each in others
        ]
    assert sorted(each.number for (each,) in made) == [2, 3]
    await service.documents(others[0]["order_id"])
