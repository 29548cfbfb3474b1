# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sales, refunds and downloads in the ledger."""

import asyncio

import pytest
from pydantic import SecretStr
from yarl import URL

from msrv.ledger.db import schema
from msrv.ledger.errors import LineNotFound, SpoolFailed
from msrv.ledger.events import WHOLE_ORDER
from msrv.ledger.revocations import RevokedItems
from msrv.settings import Settings
from tests.conftest import Client, Clock, StartStore
from tests.polling import wait_until
from tests.store_parts import ledger_of, rows
from tests.web.purchases import buy, download_path

JSON = {"Accept": "application/json"}


async def test_sale_is_recorded(store: Client) -> None:
    bought = await buy(store, "night-bus", "zine")
    (order,) = await rows(store, schema.orders)
    assert order["order_id"] == bought["order_id"]
    assert (order["total_minor"], order["currency"]) == (700, "EUR")
    lines = await rows(store, schema.order_items)
    assert [
        (line["item_id"], line["title"], line["price_minor"]) for line in lines
    ] == [("night-bus", "Night Bus", 700), ("zine", "zine", 0)]


async def test_ranged_requests_count_as_one_download(store: Client) -> None:
    """Until its last byte was sent, it counts as started only."""
    bought = await buy(store, "departure")
    link = download_path(bought, "departure")
    whole = await (await store.get(link)).read()
    ledger = ledger_of(store)
    await ledger.wait_until_synced()
    bought = await buy(store, "departure")
    link = download_path(bought, "departure")
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


async def test_checkout_is_refused_while_sales_cannot_be_recorded(
    store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
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


async def test_paid_order_gets_a_receipt_though_the_disk_is_full(
    store: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The sale is retried until it is recorded."""

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


async def test_double_click_is_one_sale(store: Client) -> None:
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


async def refund(store: Client, order: str, *items: str) -> None:
    """Refund items of an order, or all of it, in the store."""
    ledger = ledger_of(store)
    await ledger.wait_until_synced()
    for item in items or (WHOLE_ORDER,):
        held = await ledger.revoke(order, item, by="studio")
        assert any(line.refunded for line in held)


async def test_refunded_order_has_no_links(store: Client) -> None:
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
    await refund(store, bought["order_id"])
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
    # Nothing was paid for the zine.
    assert [line["ended"] for line in after["items"]] == [
        "refunded",
        "unknown",
    ]
    assert "parts" not in after["items"][0]
    page = await (await store.get(receipt)).text()
    assert page.count("Refunded: its download links no longer work.") == 1
    assert page.count("Its download links no longer work.") == 1
    assert "/download/" not in page
    assert "links are renewed" not in page
    # Others are not touched.
    other = await buy(store, "zine")
    assert (await store.get(download_path(other, "zine"))).status == 200


async def test_partial_refund_ends_only_its_items_links(store: Client) -> None:
    bought = await buy(store, "night-bus", "zine")
    receipt = URL(bought["receipt"]).raw_path
    before = await (await store.get(receipt, headers=JSON)).json()
    track = URL(before["items"][0]["parts"][0]["download"]).raw_path
    await refund(store, bought["order_id"], "night-bus")
    assert (await store.get(track)).status == 410
    assert (await store.get(download_path(bought, "night-bus"))).status == 410
    assert (await store.get(download_path(bought, "zine"))).status == 200
    page = await (await store.get(receipt)).text()
    assert page.count("Refunded: its download links no longer work.") == 1
    assert page.count("/download/") == 1
    assert "links are renewed" in page
    # Undone, it is as before.
    await ledger_of(store).revoke(bought["order_id"], by="studio", undo=True)
    assert (await store.get(track)).status == 200
    with pytest.raises(LineNotFound, match="does not contain departure, only"):
        await ledger_of(store).revoke(
            bought["order_id"], "departure", by="studio"
        )


async def test_expired_link_of_a_refunded_order_is_refunded(
    store: Client, clock: Clock
) -> None:
    bought = await buy(store, "departure")
    clock.now += 30 * 24 * 3600
    answer = await store.get(download_path(bought, "departure"))
    assert "has expired" in await answer.text()
    await refund(store, bought["order_id"])
    answer = await store.get(download_path(bought, "departure"), headers=JSON)
    assert (answer.status, (await answer.json())["error"]) == (410, "refunded")


async def test_store_sells_and_serves_without_its_database(
    start_store: StartStore, settings: Settings
) -> None:
    away = settings.model_copy(
        update={"database": SecretStr("mysql://a:b@127.0.0.1:1/x")}
    )
    store = await start_store(away)
    bought = await buy(store, "departure")
    answer = await store.get(download_path(bought, "departure"))
    assert answer.status == 200
    # As the file of the last known list has it: without the reason.
    ledger_of(store).revocations.update(
        {
            bought["order_id"]: RevokedItems(
                whole=True, items=frozenset(), kept=frozenset()
            )
        },
        1,
    )
    receipt = URL(bought["receipt"]).raw_path
    page = await (await store.get(receipt)).text()
    assert "Its download links no longer work." in page
    await wait_until(lambda: ledger_of(store).status().troubles)
    answer = await store.get("/-/ready")
    assert (answer.status, await answer.json()) == (
        200,
        {"status": "degraded", "resting": "ledger"},
    )
    figures = await (await store.get("/-/metrics")).text()
    assert "msrv_ledger_up 0.0" in figures
    assert "msrv_ledger_waiting_events 1.0" in figures


async def test_verify_says_that_a_link_was_refunded(store: Client) -> None:
    bought = await buy(store, "departure", "zine")
    asked = {"q": bought["downloads"]["departure"]}
    facts = await (
        await store.get("/verify", params=asked, headers=JSON)
    ).json()
    assert facts["valid"]
    await refund(store, bought["order_id"], "departure")
    facts = await (
        await store.get("/verify", params=asked, headers=JSON)
    ).json()
    assert not facts["valid"]
    page = await (await store.get("/verify", params=asked)).text()
    assert "The downloads of this purchase have ended" in page
    page = await (
        await store.get("/verify", params={"q": bought["receipt"]})
    ).text()
    assert page.count("(downloads ended)") == 1
