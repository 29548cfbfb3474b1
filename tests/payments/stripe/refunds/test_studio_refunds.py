# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refunds in the studio: what is refunded, and what it ends."""

import asyncio

from msrv.ledger.db import schema
from tests.payments.stripe.purchases import (
    followed,
    rows,
    tell,
)
from tests.payments.stripe.refunds.sold_order import TO, Sold
from tests.web.studio.conftest import JSON


async def test_refunded_line_ends_its_links_and_the_rest_follows(
    sold: Sold,
) -> None:
    page = await sold.studio.text(f"{sold.path}/refund")
    assert "€2.00 of €2.00 is left" in page
    url = f"{sold.path}/refund?part=lines&item=departure"
    page = await sold.studio.text(url)
    assert "Refund €1.00?" in page
    assert "The buyer is told by email." in page
    assert sold.bank.refunds == []  # asking moves nothing
    asked = await sold.confirm(part="lines", item="departure")
    assert (asked["amount_minor"], asked["ended"]) == (100, ["departure"])
    form = {"part": "lines", "item": "departure"}
    status, told = await sold.press(asked["number"], **form)
    assert (status, told["refunded_minor"]) == (200, 100)
    # A double click, and another tab that was opened before.
    status, told = await sold.press(asked["number"], **form)
    assert (status, told["repeated"]) == (200, True)
    status, told = await sold.press(asked["number"], part="rest")
    assert (status, told["repeated"]) == (200, True)
    (made,) = sold.bank.refunds
    assert (made["amount"], made["metadata"]["items"]) == (100, "departure")
    assert await sold.links() == {"wrong-stop"}
    (letter,) = sold.letters()
    assert (letter.to, letter.language) == (TO, "de")
    assert letter.refunded.minor == 100
    assert letter.refund.at == made["created"]
    assert letter.refunded_titles == ["Departure"]
    assert letter.receipt.order_id == sold.order_id
    story = await sold.story()
    assert "Refund of €1.00" in story
    assert "Downloads ended: Departure" in story
    # What was made in the studio comes as a webhook too: nothing is new.
    event = sold.bank.event("refund.created", made)
    assert await tell(sold.studio.store, sold.bank, event) == 200
    await followed(sold.studio.store)
    (row,) = await rows(sold.studio.store, schema.reversals)
    assert row["changed_by"].startswith("studio-")
    (sale,) = await rows(sold.studio.store, schema.orders)
    assert sale["refunded_minor"] == 100
    # The rest, and then nothing is left.
    asked = await sold.confirm(part="rest")
    assert asked["amount_minor"] == 100
    status, _ = await sold.press(asked["number"], part="rest")
    assert status == 200
    assert await sold.links() == set()
    assert len(sold.letters()) == 2
    answer = await sold.studio.get(f"{sold.path}/refund", **JSON)
    assert (await answer.json())["error"] == "nothing_left"
    assert "Everything that was paid has been refunded" in await sold.story()
    days = await rows(sold.studio.store, schema.days)
    assert sum(each["refunded_minor"] for each in days) == 200
    assert sum(each["refunds"] for each in days) == 2


async def test_amount_leaves_the_links_unless_it_ends_them(
    sold: Sold,
) -> None:
    answer = await sold.studio.get(
        f"{sold.path}/refund?part=amount&amount=2,01", **JSON
    )
    assert answer.status == 400
    assert (await answer.json())["field"] == "amount"
    asked = await sold.confirm(part="amount", amount="0,30")
    assert (asked["amount_minor"], asked["ended"]) == (30, [])
    form = {"part": "amount", "amount": "0.30"}
    # Four clicks at once, and two that want something else.
    results = await asyncio.gather(
        *(sold.press(asked["number"], **form) for _ in range(4)),
        *(sold.press(asked["number"], part="rest") for _ in range(2)),
    )
    (made,) = sold.bank.refunds
    assert sum(status == 200 for status, _ in results) >= 1
    assert {status for status, _ in results} <= {200, 409}
    assert len(set(sold.bank.refunding.keys)) == 1
    if made["amount"] == 30:
        assert await sold.links() == {"departure", "wrong-stop"}
        asked = await sold.confirm(part="amount", amount="0.70", end="1")
        assert len(asked["ended"]) == 2
        status, _ = await sold.press(
            asked["number"], part="amount", amount="0.70", end="1"
        )
        assert status == 200
        assert await sold.links() == set()
        lines = await rows(sold.studio.store, schema.order_items)
        assert [each["refunded_minor"] for each in lines] == [50, 50]


async def test_refund_in_the_dashboard_is_shown_alike(sold: Sold) -> None:
    asked = await sold.confirm(part="rest")
    made = sold.bank.refund(sold.session, 50)
    # Nobody told the store yet, and the operator presses the button.
    status, told = await sold.press(asked["number"], part="rest")
    assert (status, told["error"]) == (409, "refund_outdated")
    event = sold.bank.event("refund.created", made)
    assert await tell(sold.studio.store, sold.bank, event) == 200
    await followed(sold.studio.store)
    assert "Refund of €0.50" in await sold.story()
    page = await sold.studio.text(f"{sold.path}/refund")
    assert "€1.50 of €2.00 is left" in page
    assert sold.letters() == []  # the dashboard mails by itself
    dispute = sold.bank.dispute(sold.session, 200)
    event = sold.bank.event("charge.dispute.created", dispute)
    assert await tell(sold.studio.store, sold.bank, event) == 200
    await followed(sold.studio.store)
    assert "Dispute over €2.00: send the evidence" in await sold.story()
    answer = await sold.studio.get(f"{sold.path}/refund", **JSON)
    assert (await answer.json())["error"] == "nothing_left"


async def test_line_is_refunded_once_though_the_ledger_lags_behind(
    sold: Sold,
) -> None:
    sold.bank.refund(sold.session, 100, "departure")
    # Nobody told the store: what is left is Stripe's, as the state is.
    form = await sold.confirm()
    assert form["lines"] == {"departure": 0, "wrong-stop": 100}
    assert form["number"] == "1.0"
    status, told = await sold.press(
        form["number"], part="lines", item="departure"
    )
    assert (status, told["error"]) == (409, "nothing_left")
    assert len(sold.bank.refunds) == 1


async def test_line_whose_links_were_ended_by_hand_can_be_refunded(
    sold: Sold,
) -> None:
    answer = await sold.studio.post(f"{sold.path}/revoke", item="departure")
    assert answer.status == 303
    await sold.studio.wait_until_synced()
    asked = await sold.confirm(part="lines", item="departure")
    assert (asked["amount_minor"], asked["ended"]) == (100, [])
    status, _ = await sold.press(
        asked["number"], part="lines", item="departure"
    )
    assert status == 200
    assert await sold.links() == {"wrong-stop"}


async def test_form_is_checked(sold: Sold) -> None:
    status, told = await sold.press("0", part="rest")
    assert (status, told["error"]) == (400, "bad_field")
    for form in (
        {"part": "all"},
        {"part": "lines", "item": "zine"},
        {"part": "amount", "amount": "-1"},
    ):
        status, told = await sold.press("0.0", **form)
        assert (status, told["error"]) == (400, "bad_field")
    status, told = await sold.press("0.0", part="lines")
    assert (status, told["error"]) == (409, "nothing_left")
    assert sold.bank.refunds == []
