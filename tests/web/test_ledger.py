"""What the pages tell the ledger, and what they ask of it."""

import asyncio
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Table, select
from yarl import URL

from msrv.ledger.db import schema
from msrv.ledger.errors import LineNotFound, SpoolFailed
from msrv.ledger.events import WHOLE_ORDER
from msrv.ledger.ledger import Ledger
from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Client, Clock, StartStore
from tests.polling import wait_until

JSON = {"Accept": "application/json"}


def ledger_of(store: Client) -> Ledger:
    """The ledger of a store in this process."""
    found = store.app[STORE].ledger
    assert isinstance(found, Ledger)
    return found


async def rows(store: Client, table: Table) -> list[dict[str, Any]]:
    """The rows of a table, once all that happened is in it."""
    ledger = ledger_of(store)
    await ledger.wait_until_synced()
    async with ledger.read_transaction() as connection:
        found = await connection.execute(select(table))
        return [dict(row) for row in found.mappings()]


async def buy(store: Client, *items: str) -> dict[str, Any]:
    """Buy as a program does."""
    answer = await store.post(
        "/purchases", data=[("item", item) for item in items], headers=JSON
    )
    assert answer.status == 201
    found: dict[str, Any] = await answer.json()
    return found


def path_of(bought: dict[str, Any], item: str) -> str:
    """The path of a link to what was bought."""
    path: str = URL(bought["downloads"][item]).raw_path
    return path


async def test_a_sale_is_remembered(store: Client) -> None:
    """An operator never learns what was sold."""
    bought = await buy(store, "night-bus", "zine")
    (order,) = await rows(store, schema.orders)
    assert order["order_id"] == bought["order_id"]
    assert (order["total_minor"], order["currency"]) == (700, "EUR")
    lines = await rows(store, schema.order_items)
    assert [
        (line["item_id"], line["title"], line["price_minor"]) for line in lines
    ] == [("night-bus", "Night Bus", 700), ("zine", "zine", 0)]


async def test_downloads_are_counted_as_people_mean_it(store: Client) -> None:
    """Ten ranged requests count as ten downloads, or a cancelled one does."""
    bought = await buy(store, "departure")
    link = path_of(bought, "departure")
    whole = await (await store.get(link)).read()
    ledger = ledger_of(store)
    await ledger.wait_until_synced()
    bought = await buy(store, "departure")
    link = path_of(bought, "departure")
    size = len(whole)
    assert (await store.head(link)).status == 200
    for part in range(9):
        wanted = f"bytes={size * part // 10}-{size * (part + 1) // 10 - 1}"
        answer = await store.get(link, headers={"Range": wanted})
        assert answer.status == 206
        await answer.read()
    (day,) = await rows(store, schema.download_days)
    assert (day["begun"], day["completed"]) == (2, 1)
    answer = await store.get(link, headers={"Range": f"bytes={size // 2}-"})
    await answer.read()
    (day,) = await rows(store, schema.download_days)
    assert (day["begun"], day["completed"]) == (2, 2)
    assert day["delivered_bytes"] == 2 * size


async def test_a_store_that_can_not_write_takes_no_money(
    store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A buyer pays for what nobody has written down."""
    await store.post("/cart", data={"add": "departure"})
    answer = await store.post(
        "/purchases", data={"item": "departure"}, allow_redirects=False
    )
    pay = answer.headers["Location"]

    async def fail() -> None:
        raise SpoolFailed("MSRV_DATA: can't write to data: No space left")

    monkeypatch.setattr(ledger_of(store)._spool, "reserve", fail)
    for method, path in (
        ("GET", "/checkout"),
        ("POST", "/purchases"),
        ("GET", pay),
        ("POST", pay),
    ):
        answer = await store.request(
            method, path, data={"item": "departure", "answer": "pay"}
        )
        assert (answer.status, answer.headers["Retry-After"]) == (503, "120")
        page = await answer.text()
        assert "we aren&#39;t taking payments" in page
        assert "MSRV_DATA" not in page
    # It serves what was bought, and says what is wrong.
    assert (await store.get("/catalog")).status == 200
    answer = await store.get("/-/ready")
    assert answer.status == 200
    assert (await answer.json())["status"] == "degraded"
    monkeypatch.undo()
    answer = await store.post(pay, data={"answer": "pay"})
    assert answer.status == 200
    assert (await (await store.get("/-/ready")).json())["status"] == "ready"


async def test_who_has_paid_gets_a_receipt_whatever_the_disk_says(
    store: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The disk fills up as the buyer pays, and the buyer has nothing."""

    async def fail(event: object) -> None:
        raise SpoolFailed(f"MSRV_DATA: can't write {type(event)}")

    ledger = ledger_of(store)
    monkeypatch.setattr(ledger._spool, "append", fail)
    bought = await buy(store, "departure")
    assert bought["order_id"] in caplog.text
    assert "secret" not in caplog.text
    assert bought["receipt"] not in caplog.text
    assert ledger.status().state == "degraded"
    monkeypatch.undo()
    # It is written down as soon as that can be done.
    await wait_until(lambda: ledger.status().posted_events)
    (order,) = await rows(store, schema.orders)
    assert order["order_id"] == bought["order_id"]
    assert ledger.status().state == "ok"


async def test_a_double_click_is_one_sale(store: Client) -> None:
    """Someone who presses twice is in the books twice."""
    answer = await store.post(
        "/purchases", data={"item": "departure"}, allow_redirects=False
    )
    pay = answer.headers["Location"]
    answers = await asyncio.gather(
        *(store.post(pay, data={"answer": "pay"}) for _ in range(5))
    )
    assert {each.status for each in answers} == {200}
    (order,) = await rows(store, schema.orders)
    assert order["total_minor"] == 100


async def take_back(store: Client, order: str, *items: str) -> None:
    """Refund items of an order, or all of it, and have the store hear."""
    ledger = ledger_of(store)
    await ledger.wait_until_synced()
    for item in items or (WHOLE_ORDER,):
        held = await ledger.revoke(order, item, by="studio")
        assert any(line.refunded for line in held)


async def test_a_refunded_order_has_no_links(store: Client) -> None:
    """Refunded music can be had for nothing."""
    bought = await buy(store, "night-bus", "zine")
    receipt = URL(bought["receipt"]).raw_path
    before = await (await store.get(receipt, headers=JSON)).json()
    parts = before["items"][0]["parts"]
    links = [
        URL(url).raw_path
        for url in (
            *before["downloads"].values(),
            *(each["download"] for each in parts),
        )
    ]
    assert len(links) == 5
    await take_back(store, bought["order_id"])
    for link in links:
        answer = await store.get(link)
        assert answer.status == 410
        assert "was refunded" in await answer.text()
        assert answer.headers["Cache-Control"] == "no-store"
        # Nor is it resumed.
        answer = await store.get(link, headers={"Range": "bytes=1-"})
        assert answer.status == 410
    after = await (await store.get(receipt, headers=JSON)).json()
    assert after["downloads"] == {}
    assert [line["refunded"] for line in after["items"]] == [True, True]
    assert "parts" not in after["items"][0]
    page = await (await store.get(receipt)).text()
    assert page.count("Refunded: its download links no longer work.") == 2
    assert "/download/" not in page
    assert "links are valid" not in page
    # Others are not touched.
    other = await buy(store, "zine")
    assert (await store.get(path_of(other, "zine"))).status == 200


async def test_a_partial_refund_on_the_receipt(store: Client) -> None:
    """A buyer loses a book over an album, or keeps the album's tracks."""
    bought = await buy(store, "night-bus", "zine")
    receipt = URL(bought["receipt"]).raw_path
    before = await (await store.get(receipt, headers=JSON)).json()
    track = URL(before["items"][0]["parts"][0]["download"]).raw_path
    await take_back(store, bought["order_id"], "night-bus")
    assert (await store.get(track)).status == 410
    assert (await store.get(path_of(bought, "night-bus"))).status == 410
    assert (await store.get(path_of(bought, "zine"))).status == 200
    page = await (await store.get(receipt)).text()
    assert page.count("Refunded: its download links no longer work.") == 1
    assert page.count("/download/") == 1
    assert "links are valid" in page
    # Undone, it is as before.
    await ledger_of(store).revoke(bought["order_id"], by="studio", undo=True)
    assert (await store.get(track)).status == 200
    with pytest.raises(LineNotFound, match="does not contain departure, only"):
        await ledger_of(store).revoke(
            bought["order_id"], "departure", by="studio"
        )


async def test_an_expired_and_refunded_link_offers_no_fresh_one(
    store: Client, clock: Clock
) -> None:
    """Somebody is sent to a receipt that has no link for them."""
    bought = await buy(store, "departure")
    clock.now += 30 * 24 * 3600
    answer = await store.get(path_of(bought, "departure"))
    assert "has expired" in await answer.text()
    await take_back(store, bought["order_id"])
    answer = await store.get(path_of(bought, "departure"), headers=JSON)
    assert (answer.status, (await answer.json())["error"]) == (410, "refunded")


async def test_it_sells_and_serves_without_its_database(
    start_store: StartStore, settings: Settings
) -> None:
    """The database is away, and so is the store."""
    away = settings.model_copy(
        update={"database": SecretStr("mysql://a:b@127.0.0.1:1/x")}
    )
    store = await start_store(away)
    bought = await buy(store, "departure")
    answer = await store.get(path_of(bought, "departure"))
    assert answer.status == 200
    await wait_until(lambda: ledger_of(store).status().troubles)
    answer = await store.get("/-/ready")
    assert (answer.status, await answer.json()) == (
        200,
        {"status": "degraded", "resting": "ledger"},
    )
    figures = await (await store.get("/-/metrics")).text()
    assert "msrv_ledger_up 0.0" in figures
    assert "msrv_ledger_waiting_events 1.0" in figures


async def test_a_refunded_link_is_not_called_good(store: Client) -> None:
    """A buyer is told that a link works, and it doesn't."""
    bought = await buy(store, "departure", "zine")
    asked = {"q": bought["downloads"]["departure"]}
    facts = await (
        await store.get("/verify", params=asked, headers=JSON)
    ).json()
    assert facts["valid"]
    await take_back(store, bought["order_id"], "departure")
    facts = await (
        await store.get("/verify", params=asked, headers=JSON)
    ).json()
    assert not facts["valid"]
    page = await (await store.get("/verify", params=asked)).text()
    assert "This purchase was refunded" in page
    page = await (
        await store.get("/verify", params={"q": bought["receipt"]})
    ).text()
    assert page.count("(refunded)") == 1
