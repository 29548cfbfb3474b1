# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Providers that a store offers, and the demo provider.

What all of them have in common is in `tests/contracts`.
"""

from dataclasses import replace

import pytest

from msrv import settings
from msrv.payments.provider import Paid, PayAt, PaymentRequest
from msrv.payments.registry import DemoProvider, Providers
from msrv.proofs.orders import Line
from msrv.proofs.quotes import Quote
from tests.payments.stripe.fake_stripe import KEY


def quote(price_minor: int) -> Quote:
    """A quote of one item."""
    return Quote(
        order_id="A" * 24,
        currency="EUR",
        lines=(Line("item", price_minor),),
        catalog_version="v",
        issued_at=1,
        expires_at=2,
    )


async def test_demo_payment_has_a_page_for_people_and_none_for_programs() -> (
    None
):
    bill = PaymentRequest(quote(1), "a.b", ("Item",), "https://shop.example")
    assert await DemoProvider().start(bill) == PayAt(
        "/payments/demo/a.b", "/payments/demo/a.b"
    )
    paid = await DemoProvider().start(replace(bill, interactive=False))
    assert isinstance(paid, Paid)


def test_demo_provider_is_offered_only_on_request() -> None:
    own = {"MSRV_LIBRARY": "."}
    names = [each.name for each in Providers.from_settings(settings.load(own))]
    assert names == ["free"]
    asked = settings.load(own | {"MSRV_DEMO_PAYMENTS": "1"})
    assert [each.name for each in Providers.from_settings(asked)] == [
        "free",
        "demo",
    ]
    providers = Providers.from_settings(asked)
    assert [each.name for each in providers.for_quote(quote(0))] == ["free"]
    assert [each.name for each in providers.for_quote(quote(1))] == ["demo"]
    assert providers.get("nobody") is None


async def test_stripe_is_offered_if_a_key_is_set(
    caplog: pytest.LogCaptureFixture,
) -> None:
    own = {"MSRV_LIBRARY": "."}
    test = Providers.from_settings(
        settings.load(own | {"MSRV_STRIPE_KEY": KEY})
    )
    live = settings.load(
        own | {"MSRV_STRIPE_KEY": KEY.replace("test", "live")}
    )
    assert [each.name for each in test] == ["free", "stripe"]
    labels = [
        providers.for_quote(quote(100))[0].label
        for providers in (test, Providers.from_settings(live))
    ]
    assert labels == ["Pay (test mode)", "Pay"]
    assert "MSRV_STRIPE_WEBHOOK_SECRET is not set" in caplog.text
    # Below what any of its accounts takes, it is Stripe that says no.
    assert test.for_quote(quote(1))
    assert not test.for_quote(quote(10**9))
    await test.aclose()


@pytest.mark.parametrize(
    ("provider", "reference", "address"),
    [
        ("stripe", "pi_3A", "https://dashboard.stripe.com/payments/pi_3A"),
        (
            "stripe-test",
            "pi_3A",
            "https://dashboard.stripe.com/test/payments/pi_3A",
        ),
        ("stripe", "", ""),
        ("stripe", "cs_live_1", ""),
        ("stripe", "pi_3/../../x", ""),
        ("free", "pi_3A", ""),
        ("code", "a.b", ""),
    ],
)
async def test_payment_has_a_page_in_the_providers_dashboard(
    provider: str, reference: str, address: str
) -> None:
    """Of the mode that it was paid in, whichever key is set now."""
    own = {"MSRV_LIBRARY": ".", "MSRV_STRIPE_KEY": KEY}
    providers = Providers.from_settings(settings.load(own))
    assert providers.payment_url(provider, reference) == address
    await providers.aclose()
