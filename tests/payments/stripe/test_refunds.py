# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refunds and disputes, and the links that they revoke."""

import pytest

from msrv.ledger.db import schema
from msrv.payments.provider import WHOLE
from msrv.payments.stripe.refunds import revocation_changes
from tests.conftest import Client
from tests.payments.stripe.fake_stripe import FakeStripe
from tests.payments.stripe.purchases import (
    come_back,
    followed,
    order,
    rows,
    tell,
)
from tests.payments.stripe.stripe_objects import Json
from tests.polling import wait_until


@pytest.fixture
async def sold(store: Client, bank: FakeStripe) -> Json:
    """Return a paid session of two songs, one euro each, and its receipt."""
    session = bank.pay(await order(store, bank, "departure", "wrong-stop"))
    _, where = await come_back(store, session)
    session["_receipt"] = where
    return session


async def links(store: Client, sold: Json) -> set[str]:
    """Which items the receipt still gives links to."""
    answer = await store.get(
        sold["_receipt"], headers={"Accept": "application/json"}
    )
    return set((await answer.json())["downloads"])


async def told(
    store: Client, bank: FakeStripe, kind: str, about: Json
) -> None:
    """Send a webhook, and wait until it has been processed."""
    assert await tell(store, bank, bank.event(kind, about)) == 200
    await followed(store)


async def shows(store: Client, sold: Json, *items: str) -> None:
    """Wait until the receipt gives links to these items, and no other."""
    seen: set[str] = set()
    for _ in range(200):
        seen = await links(store, sold)
        if seen == set(items):
            return
        await until_news(store)
    pytest.fail(f"the receipt shows {seen}")


async def until_news(store: Client) -> None:
    """Wait until the ledger has the changes."""
    from tests.payments.stripe.purchases import _ledger  # noqa: PLC0415

    ledger = _ledger(store)
    assert ledger._sync
    await ledger._sync.poll_revocations()


async def test_full_refund_revokes_all_links(
    store: Client, bank: FakeStripe, sold: Json
) -> None:
    assert await links(store, sold) == {"departure", "wrong-stop"}
    made = bank.refund(sold, 200)
    await told(store, bank, "charge.refunded", _charge(made))
    await shows(store, sold)
    (row,) = await rows(store, schema.refunds)
    assert (row["item_id"], row["changed_by"]) == (WHOLE, "stripe")
    (sale,) = await rows(store, schema.orders)
    assert sale["refunded_minor"] == 200


async def test_partial_refund_revokes_the_named_items(
    store: Client, bank: FakeStripe, sold: Json
) -> None:
    made = bank.refund(sold, 100, "wrong-stop")
    await told(store, bank, "refund.created", made)
    await shows(store, sold, "departure")


async def test_partial_refund_without_items_revokes_nothing(
    store: Client, bank: FakeStripe, sold: Json
) -> None:
    made = bank.refund(sold, 50)
    await told(store, bank, "refund.created", made)
    await shows(store, sold, "departure", "wrong-stop")
    # The seller may name it later.
    made["metadata"]["items"] = "departure, not-in-it"
    await told(store, bank, "refund.updated", made)
    await shows(store, sold, "wrong-stop")


async def test_partial_refunds_of_the_full_amount_revoke_everything(
    store: Client, bank: FakeStripe, sold: Json
) -> None:
    bank.refund(sold, 150)
    await told(store, bank, "charge.refunded", _charge(bank.refund(sold, 50)))
    await shows(store, sold)


async def test_failed_refund_restores_the_links(
    store: Client, bank: FakeStripe, sold: Json
) -> None:
    made = bank.refund(sold, 200)
    created = bank.event("refund.created", made)
    bank.clock.now += 60  # type: ignore[attr-defined]
    made["status"] = "failed"
    failed = bank.event("refund.failed", made)
    # In the wrong order, and the first one twice.
    for event in (failed, created, created):
        assert await tell(store, bank, event) == 200
    await followed(store)
    await shows(store, sold, "departure", "wrong-stop")


async def test_refund_without_a_status_is_pending(
    store: Client, bank: FakeStripe, sold: Json
) -> None:
    made = bank.refund(sold, 200)
    made["status"] = None  # https://docs.stripe.com/api/refunds/object
    await told(store, bank, "refund.created", made)
    await shows(store, sold)
    (row,) = await rows(store, schema.reversals)
    assert (row["status"], row["is_effective"]) == ("pending", True)


async def test_dispute_revokes_the_links_until_it_is_won(
    store: Client, bank: FakeStripe, sold: Json
) -> None:
    made = bank.dispute(sold, 200)
    await told(store, bank, "charge.dispute.created", made)
    await shows(store, sold)
    bank.clock.now += 60  # type: ignore[attr-defined]
    made["status"] = "won"
    await told(store, bank, "charge.dispute.closed", made)
    await shows(store, sold, "departure", "wrong-stop")


async def test_inquiry_revokes_nothing(
    store: Client, bank: FakeStripe, sold: Json
) -> None:
    made = bank.dispute(sold, 200)
    made["status"] = "warning_needs_response"
    await told(store, bank, "charge.dispute.created", made)
    await shows(store, sold, "departure", "wrong-stop")


async def test_refund_before_the_sale_is_kept(
    store: Client, bank: FakeStripe
) -> None:
    session = bank.pay(await order(store, bank))
    await told(
        store, bank, "charge.refunded", _charge(bank.refund(session, 100))
    )
    await told(store, bank, "checkout.session.completed", session)
    session["_receipt"] = (await come_back(store, session))[1]
    await shows(store, session)


async def test_refund_of_another_applications_payment_is_ignored(
    store: Client, bank: FakeStripe, sold: Json
) -> None:
    intent = {**bank.intents[sold["payment_intent"]], "id": "pi_other"}
    bank.intents["pi_other"] = {**intent, "metadata": {}}
    made = {**bank.refund(sold, 200), "payment_intent": "pi_other"}
    bank.refunds.clear()
    await told(store, bank, "refund.created", made)
    assert await rows(store, schema.refunds) == []
    await told(store, bank, "refund.created", {**made, "payment_intent": None})


async def test_refund_of_a_session_not_listed_yet_is_retried(
    store: Client, bank: FakeStripe, sold: Json
) -> None:
    hidden = bank.sessions.pop(sold["id"])
    made = bank.refund(sold, 200)
    event = bank.event("refund.created", made)
    assert await tell(store, bank, event) == 200
    await wait_until(lambda: "GET /v1/payment_intents" in str(bank.asked))
    bank.sessions[hidden["id"]] = hidden
    await followed(store)
    await shows(store, sold)


@pytest.mark.parametrize(
    ("refunds", "disputes", "expected"),
    [
        ([], [], {}),
        ([(200, "succeeded", "")], [], {WHOLE: True}),
        ([(200, "pending", "")], [], {WHOLE: True}),
        ([(200, "canceled", "")], [], {WHOLE: False}),
        ([(199, "succeeded", "")], [], {}),
        ([(50, "failed", "a")], [], {"a": False}),
        ([(50, "failed", "a"), (50, "succeeded", "a")], [], {"a": True}),
        ([(50, "succeeded", "a b;c,,")], [], dict.fromkeys("abc", True)),
        # Won, and refunded nevertheless.
        ([(200, "succeeded", "")], [(200, "won", "")], {WHOLE: True}),
        ([], [(200, "lost", "")], {WHOLE: True}),
        # A dispute over what had not been refunded.
        ([(50, "succeeded", "")], [(150, "lost", "")], {WHOLE: True}),
        ([(50, "succeeded", "")], [(150, "won", "")], {WHOLE: False}),
        ([(50, "failed", "")], [(150, "lost", "")], {WHOLE: False}),
        ([(50, "succeeded", "")], [(149, "lost", "")], {}),
        ([], [(150, "lost", "a"), (50, "lost", "")], {"a": True, WHOLE: True}),
        ([], [(100, "lost", "")], {}),
        ([], [(100, "under_review", "a")], {"a": True}),
        ([], [(200, "warning_closed", "")], {}),
        ([], [(200, "prevented", "")], {WHOLE: False}),
    ],
)
def test_refund_changes_depend_only_on_the_current_state(
    refunds: list[tuple[int, str, str]],
    disputes: list[tuple[int, str, str]],
    expected: dict[str, bool],
) -> None:
    found = revocation_changes(
        "token", "cs_test", 200, map(_made, refunds), map(_made, disputes)
    )
    assert {each.item_id: each.revoked for each in found} == expected


def _made(of: tuple[int, str, str]) -> Json:
    amount, status, items = of
    return {"amount": amount, "status": status, "metadata": {"items": items}}


def _charge(refund: Json) -> Json:
    """The charge that a refund is of."""
    return {
        "id": refund["charge"],
        "object": "charge",
        "payment_intent": refund["payment_intent"],
    }
