# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""What the provider's page shows of an order, and of its buyer."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from msrv.payments.provider import PaymentRequest
from msrv.payments.stripe import sessions
from msrv.payments.stripe.client import StripeApi
from msrv.payments.stripe.provider import StripeProvider
from msrv.proofs.orders import Line
from msrv.proofs.quotes import Quote
from msrv.settings import Settings
from tests.conftest import Clock, StartStore
from tests.payments.stripe.fake_stripe import KEY, FakeStripe
from tests.payments.stripe.purchases import order

QUOTE = Quote(
    order_id="A" * 24,
    currency="EUR",
    lines=(Line("one", 700), Line("two", 50)),
    catalog_version="v",
    issued_at=1,
    expires_at=3601,
    mail="ada@example.org",
)
REQUEST = PaymentRequest(QUOTE, "token", ("One", "Two"), "https://a.example")


@pytest.fixture
async def provider(bank: FakeStripe) -> AsyncIterator[StripeProvider]:
    """A provider of that Stripe."""
    made = StripeProvider(
        StripeApi(KEY, bank.url), live=False, tax=False, origins=(bank.url,)
    )
    yield made
    await made.aclose()


def test_page_has_a_line_for_each_item_and_the_buyers_address() -> None:
    picture = "https://a.example/covers/x/1200?v=1"
    params = sessions.session_params(
        replace(REQUEST, pictures=(picture, "")), tax=False
    )
    assert params["customer_email"] == "ada@example.org"
    one, two = params["line_items"]
    assert one["price_data"]["product_data"] == {
        "name": "One",
        "images": [picture],
    }
    assert two["price_data"]["product_data"] == {"name": "Two"}
    assert [each["quantity"] for each in (one, two)] == [1, 1]
    assert QUOTE.total_minor == sum(
        each["price_data"]["unit_amount"] for each in (one, two)
    )


@pytest.mark.parametrize("mail", ["", "ädä@example.org"])
def test_address_that_stripe_cannot_hold_is_left_out(mail: str) -> None:
    quote = replace(QUOTE, mail=mail)
    params = sessions.session_params(replace(REQUEST, quote=quote), tax=False)
    assert "customer_email" not in params


async def test_address_that_stripe_refuses_does_not_stop_the_sale(
    provider: StripeProvider, bank: FakeStripe, clock: Clock
) -> None:
    quote = replace(
        QUOTE, mail="ada@example", expires_at=clock() + 3600, issued_at=clock()
    )
    await provider.start(replace(REQUEST, quote=quote))
    assert bank.last["customer_email"] is None
    assert bank.asked == ["POST /v1/checkout/sessions"] * 2


async def test_long_titles_and_picture_addresses_keep_to_stripes_limits(
    provider: StripeProvider, bank: FakeStripe, clock: Clock
) -> None:
    quote = replace(QUOTE, expires_at=clock() + 3600, issued_at=clock())
    await provider.start(
        replace(
            REQUEST,
            quote=quote,
            titles=("ü" * 400, "Two"),
            pictures=(f"https://a.example/{'a' * 2100}", ""),
        )
    )
    assert bank.last["amount_total"] == quote.total_minor


@pytest.mark.parametrize(
    ("public_url", "is_shown"),
    [
        ("https://shop.example.org", True),
        ("http://shop.example.org", False),
        ("https://localhost:8443", False),
        ("https://192.168.1.7", False),
        ("https://store", False),
    ],
)
async def test_cover_is_shown_where_stripe_can_load_it(
    start_store: StartStore,
    settings: Settings,
    bank: FakeStripe,
    public_url: str,
    *,
    is_shown: bool,
) -> None:
    store = await start_store(
        settings.model_copy(update={"public_url": public_url})
    )
    await order(store, bank, "departure", "umbrella")
    with_cover, without = (
        line["price_data"]["product_data"] for line in bank.line_items
    )
    assert with_cover["name"] == "Departure"
    assert ("images" in with_cover) is is_shown
    assert "images" not in without
    if is_shown:
        (picture,) = with_cover["images"]
        assert picture.startswith(f"{public_url}/covers/night-bus/1200?v=")
        path = picture.removeprefix(public_url)
        answer = await store.get(path)
        assert answer.headers["Content-Type"] == "image/jpeg"
