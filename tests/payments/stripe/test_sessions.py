# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Parameters and status of Checkout Sessions, and Stripe's units."""

import dataclasses
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.money import Money, payable_step
from msrv.payments.provider import (
    AmountNotSupported,
    NoSuchPayment,
    Paid,
    PaymentRequest,
)
from msrv.payments.stripe import sessions
from msrv.payments.stripe.amounts import from_stripe, to_stripe
from msrv.proofs.orders import Line
from msrv.proofs.quotes import Quote
from msrv.settings import Settings
from tests.conftest import StartStore
from tests.payments.stripe.fake_stripe import FakeStripe
from tests.payments.stripe.purchases import come_back, order
from tests.payments.stripe.stripe_objects import Json

QUOTE = Quote(
    order_id="A" * 24,
    currency="EUR",
    lines=(Line("one", 700), Line("two", 0)),
    catalog_version="v",
    issued_at=1,
    expires_at=3601,
)
BILL = PaymentRequest(
    QUOTE, "token." * 200, ("One", "Two"), "https://shop.example"
)


@pytest.mark.parametrize(
    ("currency", "minor", "units"),
    [
        ("EUR", 700, 700),
        ("JPY", 700, 700),
        ("KRW", 12000, 12000),
        # Three decimals, of which the last has to be zero.
        ("KWD", 1230, 1230),
        ("KWD", 1234, None),
        # Whole krónur, as if they had a smaller part.
        ("ISK", 500, 50000),
        # Whole ariary, as if they had none.
        ("MGA", 50000, 500),
        ("MGA", 50050, None),
        # Documented in two ways: not guessed at.
        ("UGX", 500, None),
        ("EUR", 99_999_999, 99_999_999),
        ("EUR", 100_000_000, None),
        ("ISK", 1_000_000, None),
    ],
)
def test_amounts_are_converted_to_stripes_units(
    currency: str, minor: int, units: int | None
) -> None:
    assert to_stripe(Money(minor, currency)) == units
    if units is not None:
        assert from_stripe(units, currency.lower()) == Money(minor, currency)


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD", "OMR", "MGA"])
def test_stripe_charges_each_multiple_of_the_payable_step(
    currency: str,
) -> None:
    step = payable_step(currency)
    for minor in (step, 3 * step, 1001 * step):
        assert to_stripe(Money(minor, currency)) is not None


def test_fractional_amount_of_a_whole_unit_currency_is_rejected() -> None:
    with pytest.raises(ValueError, match="not a whole amount"):
        from_stripe(50, "isk")
    with pytest.raises(AmountNotSupported):
        sessions.session_params(
            replace(
                BILL,
                quote=replace(QUOTE, currency="KWD", lines=(Line("a", 1),)),
                titles=("A",),
            ),
            tax=False,
        )


@given(token=st.text("abc.-_", min_size=1, max_size=7500))
def test_quote_survives_metadata(token: str) -> None:
    packed = sessions.pack(token)
    assert len(packed) <= 40
    assert all(len(value) <= 500 for value in packed.values())
    assert sessions.unpack({**packed, "other": "x"}) == token


def test_session_params_state_the_order() -> None:
    bill = dataclasses.replace(BILL, return_tag="ABC.tag")
    params = sessions.session_params(bill, tax=False)
    assert params["mode"] == "payment"
    assert params["success_url"] == (
        "https://shop.example/payments/stripe/return"
        "?session_id={CHECKOUT_SESSION_ID}&q=ABC.tag"
    )
    assert params["cancel_url"] == "https://shop.example/checkout"
    assert params["expires_at"] == QUOTE.expires_at
    assert [
        (
            each["price_data"]["product_data"]["name"],
            each["price_data"]["unit_amount"],
            each["price_data"]["currency"],
        )
        for each in params["line_items"]
    ] == [("One", 700, "eur"), ("Two", 0, "eur")]
    assert "automatic_tax" not in params
    # One key for one order, whatever changes for another.
    key = sessions.idempotency_key(params)
    assert key == sessions.idempotency_key(
        sessions.session_params(bill, tax=False)
    )
    for other in (
        replace(BILL, titles=("One", "2")),
        replace(BILL, base_url="https://b.example"),
        replace(BILL, token="other"),
    ):
        assert key != sessions.idempotency_key(
            sessions.session_params(other, tax=False)
        )
    assert len(key) <= 255


@pytest.mark.parametrize(
    ("included", "behaviour"), [(True, "inclusive"), (False, "exclusive")]
)
def test_tax_params_follow_the_settings(
    *, included: bool, behaviour: str
) -> None:
    bill = replace(BILL, tax_included=included)
    params = sessions.session_params(bill, tax=True)
    assert params["automatic_tax"] == {"enabled": True}
    assert {
        each["price_data"]["tax_behavior"] for each in params["line_items"]
    } == {behaviour}
    assert "billing_address_collection" not in params
    asking = replace(bill, address_required=True)
    params = sessions.session_params(asking, tax=True)
    assert params["billing_address_collection"] == "required"
    # What is compared with the quote is without a tax that was added.
    session = _complete(params, amount_total=833, amount_tax=133)
    paid = sessions.parse_session(session).outcome
    assert isinstance(paid, Paid)
    assert paid.total.minor == (833 if included else 700)


@pytest.mark.parametrize(
    ("toml", "added"), [("", 19), ("tax_included = true\n", 0)]
)
async def test_added_tax_is_announced_and_not_counted_as_a_mismatch(
    start_store: StartStore,
    settings: Settings,
    bank: FakeStripe,
    library: Path,
    toml: str,
    added: int,
) -> None:
    path = library / "store.toml"
    path.write_text(toml + path.read_text("utf-8"), encoding="utf-8")
    store = await start_store(settings.model_copy(update={"stripe_tax": True}))
    await store.post("/cart", data={"add": "departure"})
    page = await (await store.get("/checkout")).text()
    assert ("Prices include tax" in page) is bool(toml)
    assert ("Tax is added" in page) is not bool(toml)
    session = await order(store, bank)
    bank.pay(session, amount_total=100 + added)
    session["total_details"]["amount_tax"] = 19 if added else 16
    status, receipt = await come_back(store, session)
    assert status == 303
    page = await (await store.get(receipt)).text()
    assert ("Total without tax" in page) is not bool(toml)


@pytest.mark.parametrize(
    "changed",
    [
        {"metadata": {}},
        {"metadata": None},
        {"mode": "subscription"},
        {"amount_total": None},
        {"currency": None},
        {"amount_total": 7.0},
    ],
)
def test_sessions_of_other_applications_are_no_such_payment(
    changed: Json,
) -> None:
    session = _complete(
        sessions.session_params(BILL, tax=False), amount_total=700
    )
    with pytest.raises(NoSuchPayment):
        sessions.parse_session(session | changed)


def _complete(params: Json, *, amount_total: int, amount_tax: int = 0) -> Json:
    return {
        "id": "cs_test_1",
        "mode": "payment",
        "status": "complete",
        "payment_status": "paid",
        "amount_total": amount_total,
        "currency": "eur",
        "payment_intent": "pi_1",
        "metadata": params["metadata"],
        "total_details": {"amount_tax": amount_tax},
    }


def test_payment_methods_are_those_of_the_dashboard() -> None:
    """Stripe then offers wallets and every method that the seller enabled."""
    params = sessions.session_params(BILL, tax=False)
    assert not any("payment_method" in name for name in params)


def test_quote_of_a_gift_fits_into_metadata() -> None:
    longest = replace(BILL, token="a" * 7900)
    params = sessions.session_params(longest, tax=False)
    assert sessions.unpack(params["metadata"]) == "a" * 7900
    assert len(params["metadata"]) <= 50
