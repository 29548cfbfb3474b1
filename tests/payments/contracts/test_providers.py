"""The contract that every payment provider keeps, the pretend one included."""

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
from tests.payments.contracts.desks import DESKS, Desk, StripeDesk


@pytest.fixture(params=list(DESKS))
async def desk(
    request: pytest.FixtureRequest, clock: Clock
) -> AsyncIterator[Desk]:
    """Each provider in turn."""
    made: Desk = DESKS[request.param](clock)
    if isinstance(made, StripeDesk):
        await made.open()
    yield made
    await made.aclose()


@pytest.fixture
def till(keyring: Keyring) -> Settlement:
    """The till of the store."""
    return Settlement(keyring)


@pytest.fixture
def bill(desk: Desk, keyring: Keyring, clock: Clock) -> PaymentRequest:
    """An order of one item, which can be paid at the desk."""
    return bill_of(keyring, clock, desk.price_minor)


def bill_of(keyring: Keyring, clock: Clock, minor: int) -> PaymentRequest:
    """A bill of one item in euros."""
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


async def pay(desk: Desk, till: Settlement, bill: PaymentRequest) -> PaidOrder:
    """Begin a payment and see it through."""
    began = await till.start(desk.provider, bill)
    if isinstance(began, PayAt):
        ended = await desk.finish(till, began)
        assert isinstance(ended, PaidOrder)
        return ended
    return began


def test_it_has_a_name_and_a_label(desk: Desk) -> None:
    """A button says nothing, or a receipt can't be written."""
    assert desk.provider.name.isalpha()
    assert desk.provider.name.islower()
    assert desk.provider.label


def test_it_takes_what_costs_something_or_what_does_not(
    desk: Desk, keyring: Keyring, clock: Clock
) -> None:
    """An order can be paid for nothing, or for something it is free."""
    takes = [
        desk.provider.accepts(bill_of(keyring, clock, minor).quote)
        for minor in (0, 100)
    ]
    assert takes == [desk.price_minor == 0, desk.price_minor > 0]


async def test_what_was_paid_is_what_the_receipt_says(
    desk: Desk, till: Settlement, bill: PaymentRequest
) -> None:
    """A receipt states other items, another price or another payee."""
    bought = await pay(desk, till, bill)
    receipt = bought.receipt
    assert receipt.lines == bill.quote.lines
    assert receipt.currency == bill.quote.currency
    assert receipt.issued_at == bill.quote.issued_at
    # Stripe's is in its test mode here.
    is_test = desk.provider.name == "stripe"
    assert receipt.provider == desk.provider.name + "-test" * is_test
    assert bought.reference


async def test_once_and_again_is_once(
    desk: Desk, till: Settlement, bill: PaymentRequest
) -> None:
    """A page that is opened again is a second order."""
    first = await pay(desk, till, bill)
    for _ in range(3):
        assert await pay(desk, till, bill) == first


async def test_two_orders_are_two(
    desk: Desk, till: Settlement, bill: PaymentRequest, keyring: Keyring
) -> None:
    """A second purchase of the same thing is taken for the first."""
    quote = replace(bill.quote, order_id="B" * 24)
    other = replace(bill, quote=quote, token=quotes.sign(keyring, quote))
    one, two = await pay(desk, till, bill), await pay(desk, till, other)
    assert one.receipt.order_id != two.receipt.order_id
    # Nor does the quote, which a buyer can read, say which order it will be.
    assert one.receipt.order_id != bill.quote.order_id


async def test_refusal_grants_nothing(
    desk: Desk, till: Settlement, bill: PaymentRequest
) -> None:
    """Who turns away at the till has the record."""
    began = await till.start(desk.provider, bill)
    if not desk.asks_a_person:
        assert isinstance(began, PaidOrder)
        return
    assert isinstance(began, PayAt)
    for _ in range(2):
        assert await desk.refuse(till, began) == Refused()
    # And may think again.
    assert isinstance(await desk.finish(till, began), PaidOrder)


async def test_lapsing_grants_nothing(
    desk: Desk, till: Settlement, bill: PaymentRequest
) -> None:
    """Last year's price is paid this year."""
    began = await till.start(desk.provider, bill)
    if isinstance(began, PayAt):
        with contextlib.suppress(QuoteExpired):
            assert await desk.let_lapse(till, began, bill) == Refused()


async def test_another_amount_or_currency_grants_nothing(
    desk: Desk, till: Settlement, bill: PaymentRequest
) -> None:
    """A cent buys an album, or a yen does."""
    began = await till.start(desk.provider, bill)
    if not desk.takes_money:
        return
    assert isinstance(began, PayAt)
    for other in (
        Money(desk.price_minor - 1, "EUR"),
        Money(desk.price_minor + 1, "EUR"),
        Money(0, "EUR"),
        Money(desk.price_minor, "USD"),
        Money(desk.price_minor, "JPY"),
    ):
        with pytest.raises(AmountMismatch) as caught:
            await desk.pay_other(till, began, other)
        assert caught.value.paid == other
    paid = await desk.pay_other(till, began, Money(desk.price_minor, "EUR"))
    assert isinstance(paid, PaidOrder)


async def test_a_quote_that_says_otherwise_grants_nothing(
    desk: Desk, till: Settlement, keyring: Keyring, clock: Clock
) -> None:
    """What is free can be had by way of a provider that takes nothing."""
    wrong = bill_of(keyring, clock, 0 if desk.price_minor else 100)
    if desk.asks_a_person:
        assert not desk.provider.accepts(wrong.quote)
        return
    with pytest.raises(AmountMismatch):
        await till.start(desk.provider, wrong)


async def test_another_stores_quote_grants_nothing(
    desk: Desk, bill: PaymentRequest
) -> None:
    """What was paid to one store is had at another."""
    other = Settlement(
        Keyring.from_nonces("another store's, and as long as any")
    )
    with pytest.raises(Forged):
        await pay(desk, other, bill)


async def test_coming_back_from_nowhere(desk: Desk, till: Settlement) -> None:
    """A made-up address is an error of the store's, or an order."""
    for fields in ({}, {"session_id": "x"}, {"answer": "pay"}):
        with pytest.raises(NoSuchPayment):
            await till.settle(desk.provider, fields)
