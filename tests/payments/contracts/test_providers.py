# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Contract of every payment provider, including the demo provider."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from msrv.money import Money
from msrv.payments.provider import (
    AmountMismatch,
    NoSuchPayment,
    PayAt,
    PaymentRequest,
    Refused,
)
from msrv.payments.settlement import PaidOrder, Settlement
from msrv.proofs import quotes
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Keyring
from msrv.proofs.orders import Line
from msrv.proofs.quotes import Quote, QuoteExpired
from tests.conftest import Clock
from tests.payments.contracts.provider_drivers import (
    DRIVERS,
    ProviderDriver,
    StripeDriver,
)


@pytest.fixture(params=list(DRIVERS))
async def driver(
    request: pytest.FixtureRequest, clock: Clock
) -> AsyncIterator[ProviderDriver]:
    """Each provider in turn."""
    made: ProviderDriver = DRIVERS[request.param](clock)
    if isinstance(made, StripeDriver):
        await made.open()
    yield made
    await made.aclose()


@pytest.fixture
def settlement(keyring: Keyring) -> Settlement:
    """The till of the store."""
    return Settlement(keyring)


@pytest.fixture
def bill(
    driver: ProviderDriver, keyring: Keyring, clock: Clock
) -> PaymentRequest:
    """An order of one item, which can be paid at the desk."""
    return bill_of(keyring, clock, driver.price_minor)


def bill_of(keyring: Keyring, clock: Clock, minor: int) -> PaymentRequest:
    """Return a payment request of one item in euros."""
    quote = Quote(
        order_id="A" * 24,
        currency="EUR",
        lines=(Line("item", minor),),
        catalog_version="v",
        issued_at=clock(),
        expires_at=clock() + 3600,
    )
    return PaymentRequest(
        quote, quotes.sign(keyring, quote), ("Item",), "https://shop.example"
    )


async def pay(
    driver: ProviderDriver, settlement: Settlement, bill: PaymentRequest
) -> PaidOrder:
    """Begin a payment and see it through."""
    started = await settlement.start(driver.provider, bill)
    if isinstance(started, PayAt):
        ended = await driver.finish(settlement, started)
        assert isinstance(ended, PaidOrder)
        return ended
    return started


def test_provider_has_a_name_and_a_label(driver: ProviderDriver) -> None:
    assert driver.provider.name.isalpha()
    assert driver.provider.name.islower()
    assert driver.provider.label


def test_provider_accepts_only_its_kind_of_total(
    driver: ProviderDriver, keyring: Keyring, clock: Clock
) -> None:
    takes = [
        driver.provider.accepts(bill_of(keyring, clock, minor).quote)
        for minor in (0, 100)
    ]
    assert takes == [driver.price_minor == 0, driver.price_minor > 0]


async def test_receipt_states_the_quoted_order(
    driver: ProviderDriver, settlement: Settlement, bill: PaymentRequest
) -> None:
    bought = await pay(driver, settlement, bill)
    receipt = bought.receipt
    assert receipt.lines == bill.quote.lines
    assert receipt.currency == bill.quote.currency
    # The clock stands still, so that it is paid as it is quoted.
    assert receipt.issued_at == bill.quote.issued_at
    # Stripe's is in its test mode here.
    is_test = driver.provider.name == "stripe"
    assert receipt.provider == driver.provider.name + "-test" * is_test
    assert bought.reference


async def test_repeated_settlement_returns_the_same_order(
    driver: ProviderDriver, settlement: Settlement, bill: PaymentRequest
) -> None:
    first = await pay(driver, settlement, bill)
    for _ in range(3):
        assert await pay(driver, settlement, bill) == first


async def test_two_payments_are_two_orders(
    driver: ProviderDriver,
    settlement: Settlement,
    bill: PaymentRequest,
    keyring: Keyring,
) -> None:
    quote = replace(bill.quote, order_id="B" * 24)
    other = replace(bill, quote=quote, token=quotes.sign(keyring, quote))
    one, two = (
        await pay(driver, settlement, bill),
        await pay(driver, settlement, other),
    )
    assert one.receipt.order_id != two.receipt.order_id
    # Nor does the quote, which a buyer can read, say which order it will be.
    assert one.receipt.order_id != bill.quote.order_id


async def test_refused_payment_makes_no_order(
    driver: ProviderDriver, settlement: Settlement, bill: PaymentRequest
) -> None:
    started = await settlement.start(driver.provider, bill)
    if not driver.asks_a_person:
        assert isinstance(started, PaidOrder)
        return
    assert isinstance(started, PayAt)
    for _ in range(2):
        assert await driver.refuse(settlement, started) == Refused()
    # And may think again.
    assert isinstance(await driver.finish(settlement, started), PaidOrder)


async def test_expired_checkout_makes_no_order(
    driver: ProviderDriver, settlement: Settlement, bill: PaymentRequest
) -> None:
    started = await settlement.start(driver.provider, bill)
    if isinstance(started, PayAt):
        with contextlib.suppress(QuoteExpired):
            assert (
                await driver.let_lapse(settlement, started, bill) == Refused()
            )


async def test_other_amount_or_currency_is_rejected(
    driver: ProviderDriver, settlement: Settlement, bill: PaymentRequest
) -> None:
    started = await settlement.start(driver.provider, bill)
    if not driver.takes_money:
        return
    assert isinstance(started, PayAt)
    for other in (
        Money(driver.price_minor - 1, "EUR"),
        Money(driver.price_minor + 1, "EUR"),
        Money(0, "EUR"),
        Money(driver.price_minor, "USD"),
        Money(driver.price_minor, "JPY"),
    ):
        with pytest.raises(AmountMismatch) as caught:
            await driver.pay_other(settlement, started, other)
        assert caught.value.paid == other
    paid = await driver.pay_other(
        settlement, started, Money(driver.price_minor, "EUR")
    )
    assert isinstance(paid, PaidOrder)


async def test_quote_of_the_wrong_kind_is_rejected(
    driver: ProviderDriver,
    settlement: Settlement,
    keyring: Keyring,
    clock: Clock,
) -> None:
    wrong = bill_of(keyring, clock, 0 if driver.price_minor else 100)
    if driver.asks_a_person:
        assert not driver.provider.accepts(wrong.quote)
        return
    with pytest.raises(AmountMismatch):
        await settlement.start(driver.provider, wrong)


async def test_quote_of_another_store_is_rejected(
    driver: ProviderDriver, bill: PaymentRequest
) -> None:
    other = Settlement(
        Keyring.from_nonces("another store's, and as long as any")
    )
    with pytest.raises(Forged):
        await pay(driver, other, bill)


async def test_made_up_return_is_no_such_payment(
    driver: ProviderDriver, settlement: Settlement
) -> None:
    for fields in ({}, {"session_id": "x"}, {"answer": "pay"}):
        with pytest.raises(NoSuchPayment):
            await settlement.settle(driver.provider, fields)
