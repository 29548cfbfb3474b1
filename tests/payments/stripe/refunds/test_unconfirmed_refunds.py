# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refunds whose outcome is unknown: the money moves at most once."""

import asyncio

import pytest

from msrv.ledger.db import schema
from msrv.money import Money
from msrv.orders.refunds.recording import UNCONFIRMED_SECONDS, follow_up
from msrv.payments.refunds import RefundOrder
from msrv.payments.webhook_inbox import WebhookInbox
from msrv.web.store import STORE
from tests.conftest import Clock
from tests.payments.stripe.purchases import (
    followed,
    rows,
)
from tests.payments.stripe.refunds.sold_order import Sold


async def test_lost_answer_is_never_a_second_refund(sold: Sold) -> None:
    sold.bank.refunding.breaks_off = 3  # the SDK tries three times
    asked = await sold.confirm(part="lines", item="departure")
    status, _ = await sold.press(
        asked["number"], part="lines", item="departure"
    )
    assert status == 200
    assert len(sold.bank.refunds) == 1
    assert await sold.links() == {"wrong-stop"}
    # And again, and Stripe can't even be asked what became of it.
    sold.bank.refunding.breaks_off, sold.bank.refunding.then_faults = 3, 9
    asked = await sold.confirm(part="rest")
    status, told = await sold.press(asked["number"], part="rest")
    assert (status, told["error"]) == (502, "refund_unconfirmed")
    # The store finds it by itself, without a webhook.
    await followed(sold.studio.store)
    await sold.studio.ledger.sync_now()
    assert len(sold.bank.refunds) == 2
    assert await sold.links() == set()
    assert len(sold.letters()) == 2
    status, told = await sold.press(asked["number"], part="rest")
    assert (status, told["repeated"]) == (200, True)
    assert len(sold.bank.refunds) == 2


async def test_refund_is_followed_though_another_request_has_its_key(
    sold: Sold,
) -> None:
    asked = await sold.confirm(part="rest")
    sold.bank.refunding.at_once = 2
    sold.bank.refunding.breaks_off, sold.bank.refunding.then_faults = 1, 99
    results = await asyncio.gather(
        sold.press(asked["number"], part="rest"),
        sold.press(asked["number"], part="amount", amount="0.30"),
    )
    assert sorted((status, told["error"]) for status, told in results) == [
        (409, "refund_outdated"),
        (502, "refund_unconfirmed"),
    ]
    data = sold.studio.store.app[STORE].settings.data
    assert len(WebhookInbox(data / "messages").events()) == 1
    sold.bank.faults.clear()
    await followed(sold.studio.store)
    (made,) = sold.bank.refunds
    (row,) = await rows(sold.studio.store, schema.reversals)
    assert row["reversal_id"] == made["id"]
    assert len(sold.letters()) == 1


@pytest.mark.parametrize("currency", ["KWD"])
async def test_amount_that_stripe_has_no_units_for_ends_no_other_event(
    sold: Sold,
) -> None:
    form = await sold.confirm()
    other = follow_up(
        RefundOrder(
            f"msrv-{sold.order_id}-{form['number']}",
            sold.session["payment_intent"],
            Money(1000, "KWD"),
            Money(2000, "KWD"),
        ),
        sold.bank.clock(),
    )
    await sold.studio.store.app[STORE].webhooks.store("stripe", other)
    status, told = await sold.press(
        form["number"], part="amount", amount="0.015"
    )
    assert (status, told["error"]) == (409, "refund_refused")
    assert sold.bank.refunding.keys == []
    data = sold.studio.store.app[STORE].settings.data
    (kept,) = WebhookInbox(data / "messages").events()
    assert kept.event == other
    assert await rows(sold.studio.store, schema.reversals) == []


async def test_key_that_stripe_failed_with_is_not_the_end_of_refunds(
    sold: Sold, clock: Clock
) -> None:
    """Stripe repeats the answer to a key, an internal error included."""
    asked = await sold.confirm(part="rest")
    sold.bank.refunding.broken = True
    for _ in range(2):
        status, told = await sold.press(asked["number"], part="rest")
        assert (status, told["error"]) == (502, "refund_unconfirmed")
    sold.bank.refunding.broken = False
    # As long as it may still be made, the key stays.
    assert (await sold.confirm(part="rest"))["number"] == asked["number"]
    clock.now += UNCONFIRMED_SECONDS
    worker = sold.studio.store.app[STORE].webhooks
    worker._retries.clear()
    worker._stored.set()
    await followed(sold.studio.store)
    (row,) = await rows(sold.studio.store, schema.reversals)
    assert (row["status"], row["reason"]) == ("refused", "not_made")
    assert (row["amount_minor"], row["is_effective"]) == (200, False)
    assert "made no refund" in await sold.story()
    again = await sold.confirm(part="rest")
    assert again["number"] != asked["number"]
    # The form from before refunds nothing either.
    status, told = await sold.press(asked["number"], part="rest")
    assert (status, told["error"]) == (409, "refund_outdated")
    status, _ = await sold.press(again["number"], part="rest")
    assert status == 200
    assert len(sold.bank.refunds) == 1
    assert await sold.links() == set()


async def test_refusal_leaves_what_follows_an_earlier_request_of_its_key(
    sold: Sold,
) -> None:
    asked = await sold.confirm(part="rest")
    request = RefundOrder(
        f"msrv-{sold.order_id}-{asked['number']}",
        sold.session["payment_intent"],
        Money(200, "EUR"),
        Money(200, "EUR"),
    )
    webhooks = sold.studio.store.app[STORE].webhooks
    # Its answer was lost, and it may still be made.
    await webhooks.store("stripe", follow_up(request, sold.bank.clock()))
    sold.bank.refunding.refusal = "balance_insufficient"
    status, _ = await sold.press(asked["number"], part="rest")
    assert status == 409
    data = sold.studio.store.app[STORE].settings.data
    assert len(WebhookInbox(data / "messages").events()) == 1
    assert "refused by the payment provider" in await sold.story()


async def test_refused_refund_says_why_and_can_be_repeated(
    sold: Sold,
) -> None:
    sold.bank.refunding.refusal = "balance_insufficient"
    asked = await sold.confirm(part="rest")
    status, told = await sold.press(asked["number"], part="rest")
    assert (status, told["error"]) == (409, "refund_refused")
    assert "balance at the payment provider is too low" in told["message"]
    assert "refused by the payment provider" in await sold.story()
    assert await sold.links() == {"departure", "wrong-stop"}
    (sale,) = await rows(sold.studio.store, schema.orders)
    assert sale["refunded_minor"] == 0
    # The same page again gets the same answer; a new one a new attempt.
    sold.bank.refunding.refusal = ""
    status, _ = await sold.press(asked["number"], part="rest")
    assert status == 409
    again = await sold.confirm(part="rest")
    assert again["number"] != asked["number"]
    status, _ = await sold.press(again["number"], part="rest")
    assert status == 200
    assert len(sold.bank.refunds) == 1
    assert await sold.links() == set()


async def test_provider_that_is_away_refunds_nothing(sold: Sold) -> None:
    asked = await sold.confirm(part="rest")
    sold.bank.faults += [500] * 12
    status, told = await sold.press(asked["number"], part="rest")
    assert (status, told["error"]) == (503, "provider_unavailable")
    sold.bank.faults.clear()
    assert sold.bank.refunds == []
    status, _ = await sold.press(asked["number"], part="rest")
    assert status == 200
