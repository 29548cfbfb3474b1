# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refunds in the studio: of an order, of a line, undone, listed."""

import re
from dataclasses import replace
from html import unescape

import pytest
from yarl import URL

from msrv.ledger.withdrawals.events import BY_WITHDRAWAL
from tests.conftest import Clock
from tests.ledger.sample_events import order_id, reversal, sale
from tests.web.studio.conftest import JSON, Studio, buy


async def test_refund_ends_links_and_undo_restores_them(
    any_studio: Studio,
) -> None:
    bought = await buy(any_studio.store, "departure", "zine")
    await any_studio.wait_until_synced()
    order = f"/studio/orders/{bought['order_id']}"
    links = {
        item: URL(url).raw_path for item, url in bought["downloads"].items()
    }
    page = await any_studio.text(f"{order}/revoke?item=departure")
    assert "End these downloads?" in page
    assert "move any money" in page
    # Asking changes nothing.
    assert (await any_studio.store.get(links["departure"])).status == 200
    answer = await any_studio.post(f"{order}/revoke", item="departure")
    assert (answer.status, answer.headers["Location"]) == (303, order)
    assert (await any_studio.store.get(links["departure"])).status == 410
    assert (await any_studio.store.get(links["zine"])).status == 200
    told = await any_studio.data(order)
    assert told["refunded_minor"] == 100
    assert list(told["links"]) == ["zine"]
    (change,) = told["changes"]
    assert re.fullmatch("studio-[0-9a-f]{24}", change["changed_by"])
    (refund,) = (await any_studio.data("/studio/refunds"))["refunds"]
    assert refund["item_id"] == "departure"
    assert "€1.00 refunded" in await any_studio.text("/studio/orders")
    assert "Departure" in await any_studio.text("/studio/refunds")
    # Twice is once, and a program gets the lines.
    answer = await any_studio.post(f"{order}/revoke", JSON, item="departure")
    assert [line["refunded"] for line in (await answer.json())["lines"]] == [
        True,
        False,
    ]
    page = await any_studio.text(f"{order}/revoke?undo=1")
    assert "Restore these downloads?" in page
    for _ in range(2):
        answer = await any_studio.post(f"{order}/revoke", undo="1")
        assert answer.status == 303
    assert (await any_studio.store.get(links["departure"])).status == 200
    assert (await any_studio.data("/studio/refunds"))["refunds"] == []


async def test_item_within_a_release_cannot_be_refunded_alone(
    studio: Studio,
) -> None:
    bought = await buy(studio.store, "night-bus")
    await studio.wait_until_synced()
    path = f"/studio/orders/{bought['order_id']}/revoke"
    assert (await studio.get(f"{path}?item=departure")).status == 404
    assert (await studio.post(path, item="departure")).status == 404
    assert (await studio.post(path, item="%")).status == 400
    # Giving back what was never taken is nothing.
    assert (await studio.post(path, undo="1")).status == 303


async def test_refunded_money_is_listed_without_ended_downloads(
    studio: Studio, clock: Clock
) -> None:
    """A part of a payment: its figure leads to it, of its day."""
    made = replace(reversal(1, 30), seen_at=clock.now)
    await studio.store_events(sale(1, ("song", 200), at=clock.now), made)
    page = unescape(await studio.text("/studio"))
    address, amount = re.findall(
        r'<a href="(/studio/refunds\?from=[^"]+)">([^<]+)</a>', page
    )[0]
    assert amount == "€0.30"
    (listed,) = (await studio.data(address))["refunds"]
    assert (listed["order_id"], listed["revoked"]) == (order_id(1), False)
    assert listed["reversal"]["amount_minor"] == 30
    assert "€0.30" in await studio.text(address)


async def test_refunds_are_paginated(studio: Studio, clock: Clock) -> None:
    sold = [(await buy(studio.store, "zine"))["order_id"] for _ in range(52)]
    await studio.wait_until_synced()
    for each in sold:
        clock.now += 1
        await studio.ledger.revoke(each, by="cli")
    first = await studio.data("/studio/refunds")
    second = await studio.data(first["older"])
    assert [
        each["order_id"] for each in first["refunds"] + second["refunds"]
    ] == sold[::-1]
    assert second["older"] is None
    assert "Newest" in await studio.text(first["older"])


async def test_refund_changes_nothing_while_the_database_is_unavailable(
    offline_studio: Studio,
) -> None:
    await buy(offline_studio.store, "zine")
    answer = await offline_studio.post(f"/studio/orders/{order_id(1)}/revoke")
    assert answer.status == 503
    page = await answer.text()
    assert "Nothing was changed" in page
    assert "1 event is stored" in page


async def test_confirmation_marks_what_is_refunded_already(
    studio: Studio,
) -> None:
    bought = await buy(studio.store, "departure", "zine")
    await studio.wait_until_synced()
    path = f"/studio/orders/{bought['order_id']}/revoke"
    assert "already" not in await studio.text(path)
    await studio.post(path, item="departure")
    page = await studio.text(path)
    assert "<s><bdi>Departure</bdi></s>" in page
    assert page.count("Ended already") == 1
    page = await studio.text(f"{path}?undo=1")
    assert page.count("Not ended") == 1
    assert "<s><bdi>Departure</bdi></s>" not in page


async def test_simulated_payment_is_refunded_in_the_ledger_alone(
    any_studio: Studio,
) -> None:
    bought = await buy(any_studio.store, "departure", "wrong-stop")
    await any_studio.wait_until_synced()
    path = f"/studio/orders/{bought['order_id']}"
    asked = await any_studio.data(f"{path}/refund?part=lines&item=departure")
    assert "no money moves" in await any_studio.text(
        f"{path}/refund?part=lines&item=departure"
    )
    answers = [
        await any_studio.post(
            f"{path}/refund",
            number=asked["number"],
            part="lines",
            item="departure",
        )
        for _ in range(2)
    ]
    assert [each.status for each in answers] == [303, 303]
    told = await any_studio.data(path)
    assert told["refunded_minor"] == asked["amount_minor"] == 100
    assert list(told["links"]) == ["wrong-stop"]
    (made,) = told["reversals"]
    assert made["items"] == ["departure"]
    link = URL(bought["downloads"]["departure"]).raw_path
    assert (await any_studio.store.get(link)).status == 410


@pytest.mark.parametrize(
    ("query", "field", "kept"),
    [
        ("part=rest&amount=1.00", "amount", 'value="1.00"'),
        ("part=lines&item=departure&amount=1.00", "amount", 'value="1.00"'),
        ("part=rest&item=departure", "item", 'value="departure" checked'),
        (
            "part=amount&amount=1.00&item=departure",
            "item",
            'value="departure" checked',
        ),
        ("part=lines&item=departure&end=1", "end", 'value="1" checked'),
    ],
)
async def test_what_was_typed_for_another_choice_is_refused(
    studio: Studio, query: str, field: str, kept: str
) -> None:
    """An amount or ticked lines are never ignored for a larger refund."""
    bought = await buy(studio.store, "departure", "wrong-stop")
    await studio.wait_until_synced()
    path = f"/studio/orders/{bought['order_id']}/refund"
    answer = await studio.get(f"{path}?{query}")
    assert answer.status == 400
    page = await answer.text()
    assert f'id="{field}-error"' in page
    assert page.count('class="field-error"') == 1
    assert "must be left out, unless you choose" in page
    assert kept in page
    part = query.partition("&")[0].removeprefix("part=")
    assert f'value="{part}" checked' in page
    number = (await studio.data(path))["number"]
    form = dict(each.split("=") for each in query.split("&"))
    answer = await studio.post(path, JSON, number=number, **form)
    assert (answer.status, (await answer.json())["field"]) == (400, field)


async def test_empty_amount_is_no_amount(studio: Studio) -> None:
    """A browser sends the field with every choice."""
    bought = await buy(studio.store, "departure", "wrong-stop")
    await studio.wait_until_synced()
    path = f"/studio/orders/{bought['order_id']}/refund"
    for query, minor in (("rest&end=1", 200), ("lines&item=departure", 100)):
        asked = await studio.data(f"{path}?part={query}&amount=+")
        assert asked["amount_minor"] == minor


@pytest.mark.parametrize("by", [BY_WITHDRAWAL, "cli"])
async def test_order_whose_links_have_ended_can_still_be_refunded(
    studio: Studio, by: str
) -> None:
    bought = await buy(studio.store, "departure", "wrong-stop")
    await studio.wait_until_synced()
    path = f"/studio/orders/{bought['order_id']}"
    # That moved no money.
    await studio.ledger.revoke(bought["order_id"], by=by)
    form = f'href="{path}/refund"'
    assert form in await studio.text(path)
    assert form in await studio.text(f"{path}/revoke")
    asked = await studio.data(f"{path}/refund?part=rest")
    assert asked["amount_minor"] == 200
    answer = await studio.post(
        f"{path}/refund", number=asked["number"], part="rest"
    )
    assert answer.status == 303
    await studio.wait_until_synced()
    page = await studio.text(path)
    assert form not in page
    assert "Everything that was paid has been refunded" in page
    assert form not in await studio.text(f"{path}/revoke")


async def test_order_without_a_price_has_nothing_to_refund(
    studio: Studio,
) -> None:
    free = replace(sale(1, ("zine", 0)), provider="code")
    gone = replace(sale(2, ("zine", 500)), provider="stripe")
    await studio.store_events(free, gone)
    for number, error, text in (
        (1, "nothing_paid", "Nothing was paid"),
        (2, "provider_not_set_up", "provider isn't set up"),
    ):
        path = f"/studio/orders/{order_id(number)}"
        answer = await studio.get(f"{path}/refund", **JSON)
        assert answer.status == 409
        assert (await answer.json())["error"] == error
        assert text in await studio.text(path)
        answer = await studio.post(f"{path}/refund", number="0.0", part="rest")
        assert answer.status == 409
