# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Buyers who paid and never came back: the browser leads them to the receipt.

Each test closes the page at another step, and opens the store again.
"""

import html
import re

from msrv.proofs.encoding import encode
from msrv.proofs.keyring import Keyring
from tests.conftest import Client
from tests.payments.stripe.fake_stripe import FakeStripe
from tests.payments.stripe.purchases import (
    come_back,
    order,
    receipt_at,
    way_back,
)


async def started_payment(store: Client) -> str | None:
    """Return where the front page says a payment was started."""
    page = await (await store.get("/")).text()
    found = re.search(r'class="started-payment">.*?href="([^"]+)"', page)
    return html.unescape(found[1]) if found else None


async def test_closed_payment_page_is_found_from_any_page(
    store: Client, bank: FakeStripe
) -> None:
    assert await started_payment(store) is None
    session = await order(store, bank)
    assert await started_payment(store) == str(way_back(session))


async def test_buyer_who_paid_and_closed_the_page_gets_the_receipt(
    store: Client, bank: FakeStripe, keyring: Keyring
) -> None:
    session = bank.pay(await order(store, bank))
    path = await started_payment(store)
    assert path is not None
    answer = await store.get(path, allow_redirects=False)
    where = answer.headers["Location"]
    assert receipt_at(where, keyring).lines[0].item_id == "departure"
    assert await started_payment(store) is None
    assert (await come_back(store, session))[1] == where


async def test_buyer_who_paid_is_not_charged_again_for_the_same(
    store: Client, bank: FakeStripe
) -> None:
    await store.post("/cart", data={"add": "departure"})
    session = bank.pay(await order(store, bank))
    # Another attempt, from the cart that is still full.
    answer = await store.post(
        "/purchases",
        data=[("item", "departure"), ("item", "umbrella")],
        allow_redirects=False,
    )
    assert answer.status == 303
    where = answer.headers["Location"]
    assert where.startswith("/purchases/")
    assert len(bank.sessions) == 1
    assert await started_payment(store) is None
    assert (await come_back(store, session))[1] == where
    cart = await (await store.get("/cart")).text()
    assert "Departure" not in cart


async def test_something_else_is_sold_while_a_payment_is_open(
    store: Client, bank: FakeStripe
) -> None:
    bank.pay(await order(store, bank))
    await order(store, bank, "umbrella")
    assert len(bank.sessions) == 2


async def test_unpaid_payment_is_started_again(
    store: Client, bank: FakeStripe
) -> None:
    await order(store, bank)
    session = await order(store, bank, attempt="B" * 24)
    assert len(bank.sessions) == 2
    assert await started_payment(store) == str(way_back(session))


async def test_refused_payment_is_not_mentioned_again(
    store: Client, bank: FakeStripe
) -> None:
    session = await order(store, bank)
    assert (await come_back(store, session))[0] == 402
    assert await started_payment(store) is None


async def test_payment_that_takes_days_is_mentioned_until_it_is_complete(
    store: Client, bank: FakeStripe
) -> None:
    session = await order(store, bank)
    bank.pay(session, payment_status="unpaid", status="complete")
    assert (await come_back(store, session))[0] == 202
    assert await started_payment(store) == str(way_back(session))


async def test_payment_that_takes_days_is_not_made_twice(
    store: Client, bank: FakeStripe
) -> None:
    session = bank.pay_later(await order(store, bank))
    answer = await store.post(
        "/purchases", data={"item": "departure"}, allow_redirects=False
    )
    assert answer.status == 303
    assert answer.headers["Location"] == str(way_back(session))
    assert len(bank.sessions) == 1


async def test_cookie_that_the_store_did_not_make_has_no_effect(
    store: Client, bank: FakeStripe
) -> None:
    for path in (
        "https://elsewhere.example/",
        "/payments/stripe/return?session_id=cs_test_AAAAAAAAAAAA",
        "/payments/stripe/return?session_id=cs_test_AAAAAAAA&q=" + "A" * 49,
        "/payments/demo/return?x=1",
        "/payments/\n",
        "/studio",
    ):
        store.session.cookie_jar.update_cookies(
            {"payment": encode(path.encode())}, store.make_url("/")
        )
        shown = await started_payment(store)
        assert shown in {None, path}
        assert shown is None or shown.startswith("/payments/")
        await order(store, bank)
