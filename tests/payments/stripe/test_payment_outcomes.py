# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Payments at Stripe, from their outcome to the order and the receipt."""

import asyncio

import pytest

from msrv.ledger.db import schema
from msrv.proofs.keyring import Keyring
from tests.conftest import Client, Clock
from tests.payments.stripe.fake_stripe import FakeStripe
from tests.payments.stripe.purchases import (
    JSON,
    come_back,
    followed,
    order,
    receipt_at,
    rows,
    tell,
    way_back,
)

DONE = "checkout.session.completed"
ARRIVED = "checkout.session.async_payment_succeeded"
BOUNCED = "checkout.session.async_payment_failed"


async def test_webhook_after_the_return_makes_no_second_order(
    store: Client, bank: FakeStripe, keyring: Keyring
) -> None:
    session = bank.pay(await order(store, bank, "departure", "zine"))
    status, where = await come_back(store, session)
    assert status == 303
    receipt = receipt_at(where, keyring)
    assert (receipt.provider, receipt.total_minor) == ("stripe-test", 100)
    assert await tell(store, bank, bank.event(DONE, session)) == 200
    await followed(store)
    (sale,) = await rows(store, schema.orders)
    assert sale["order_id"] == receipt.order_id
    assert sale["reference"] == session["payment_intent"]
    (told,) = await rows(store, schema.payment_events)
    assert (told["kind"], told["order_id"]) == (DONE, receipt.order_id)


async def test_return_after_the_webhook_makes_no_second_order(
    store: Client, bank: FakeStripe, keyring: Keyring
) -> None:
    session = bank.pay(await order(store, bank))
    assert await tell(store, bank, bank.event(DONE, session)) == 200
    await followed(store)
    (sale,) = await rows(store, schema.orders)
    _, where = await come_back(store, session)
    assert receipt_at(where, keyring).order_id == sale["order_id"]
    assert len(await rows(store, schema.orders)) == 1


async def test_concurrent_return_and_webhook_make_one_order(
    store: Client, bank: FakeStripe
) -> None:
    session = bank.pay(await order(store, bank))
    event = bank.event(DONE, session)
    found = await asyncio.gather(
        *(come_back(store, session) for _ in range(10)),
        *(tell(store, bank, event) for _ in range(10)),
    )
    assert set(found[10:]) == {200}
    assert len(set(found[:10])) == 1
    await followed(store)
    assert len(await rows(store, schema.orders)) == 1
    assert len(await rows(store, schema.payment_events)) == 1


async def test_duplicate_events_count_once(
    store: Client, bank: FakeStripe
) -> None:
    session = bank.pay(await order(store, bank))
    for _ in range(2):
        event = bank.event(DONE, session)
        for _ in range(3):
            assert await tell(store, bank, event) == 200
    await followed(store)
    assert len(await rows(store, schema.orders)) == 1
    assert len(await rows(store, schema.payment_events)) == 2


async def test_events_out_of_order_lead_to_a_paid_order(
    store: Client, bank: FakeStripe
) -> None:
    session = bank.pay_later(await order(store, bank))
    first = bank.event(DONE, session)
    second = bank.event(ARRIVED, bank.arrive(session))
    for event in (second, first):
        assert await tell(store, bank, event) == 200
        await followed(store)
    assert len(await rows(store, schema.orders)) == 1


async def test_completed_but_unpaid_session_is_pending(
    store: Client, bank: FakeStripe, clock: Clock
) -> None:
    await store.post("/cart", data=[("add", "departure"), ("add", "umbrella")])
    session = bank.pay_later(await order(store, bank))
    assert await tell(store, bank, bank.event(DONE, session)) == 200
    answer = await store.get(str(way_back(session)))
    assert answer.status == 202
    assert answer.headers["Refresh"]
    page = await answer.text()
    assert "Your payment is processing" in page
    assert "€1.00" in page
    answer = await store.get(
        str(way_back(session)),
        headers=JSON,
    )
    assert (await answer.json())["status"] == "pending"
    # It waits to be paid in no cart.
    cart = await (await store.get("/cart", headers=JSON)).json()
    assert [each["item_id"] for each in cart["items"]] == ["umbrella"]
    await followed(store)
    assert await rows(store, schema.orders) == []
    # Days later, when the price that was quoted has long lapsed:
    clock.now += 3 * 24 * 3600
    event = bank.event(ARRIVED, bank.arrive(session))
    assert await tell(store, bank, event) == 200
    await followed(store)
    assert len(await rows(store, schema.orders)) == 1
    assert (await come_back(store, session))[0] == 303


async def test_failed_debit_is_refused(
    store: Client, bank: FakeStripe
) -> None:
    session = bank.bounce(bank.pay_later(await order(store, bank)))
    assert await tell(store, bank, bank.event(BOUNCED, session)) == 200
    assert (await come_back(store, session))[0] == 402
    await followed(store)
    assert await rows(store, schema.orders) == []


async def test_late_failure_event_does_not_undo_a_success(
    store: Client, bank: FakeStripe, keyring: Keyring
) -> None:
    session = bank.pay_later(await order(store, bank))
    late = bank.event(BOUNCED, session)
    event = bank.event(ARRIVED, bank.arrive(session))
    assert await tell(store, bank, event) == 200
    assert await tell(store, bank, late) == 200
    await followed(store)
    assert len(await rows(store, schema.orders)) == 1
    assert await rows(store, schema.refunds) == []
    _, where = await come_back(store, session)
    assert receipt_at(where, keyring)


async def test_session_without_required_payment_does_not_pay_a_quote(
    store: Client, bank: FakeStripe
) -> None:
    session = bank.pay(
        await order(store, bank),
        payment_status="no_payment_required",
        amount_total=0,
    )
    assert (await come_back(store, session))[0] == 409
    session.update(amount_total=100)
    assert (await come_back(store, session))[0] == 303


@pytest.mark.parametrize(
    "changed",
    [{"amount_total": 99}, {"amount_total": 1}, {"currency": "jpy"}],
    ids=["paid-less", "paid-a-cent", "paid-in-another-currency"],
)
async def test_amount_mismatch_is_logged_and_makes_no_order(
    store: Client,
    bank: FakeStripe,
    caplog: pytest.LogCaptureFixture,
    changed: dict[str, object],
) -> None:
    session = bank.pay(await order(store, bank), **changed)
    status, where = await come_back(store, session)
    assert (status, where) == (409, "")
    assert "order not fulfilled, refund payment" in caplog.text
    assert session["id"] in caplog.text
    assert await tell(store, bank, bank.event(DONE, session)) == 200
    await followed(store)
    assert await rows(store, schema.orders) == []
    assert len(await rows(store, schema.payment_events)) == 1
