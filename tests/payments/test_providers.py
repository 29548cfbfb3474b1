"""Who takes the money: each provider keeps to the protocol."""

import pytest

from msrv import settings
from msrv.payments.demo import Demo
from msrv.payments.free import Free
from msrv.payments.model import Paid, PayAt, Provider, Refused
from msrv.payments.registry import Providers
from msrv.proofs.orders import Line
from msrv.proofs.quotes import Quote


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


@pytest.mark.parametrize("provider", [Free(), Demo()])
def test_a_provider_takes_what_costs_something_or_what_does_not(
    provider: Provider,
) -> None:
    """An order can be paid in two ways, or in none."""
    takes = [provider.takes(quote(price)) for price in (0, 1, 10**11)]
    assert takes in ([True, False, False], [False, True, True])
    assert provider.name.isalpha()
    assert provider.label


async def test_free_is_paid_at_once_and_only_when_free() -> None:
    """What costs something is had for nothing."""
    free = Free()
    for at_a_page in (True, False):
        outcome = await free.begin(quote(0), "token", at_a_page=at_a_page)
        assert outcome == Paid()
    with pytest.raises(ValueError, match="not free"):
        await free.begin(quote(1), "token", at_a_page=True)
    with pytest.raises(ValueError, match="not free"):
        await free.settle(quote(1), {})


async def test_the_pretend_payment_asks_a_person() -> None:
    """A demonstration shows no payment, or a script can't get through it."""
    demo = Demo()
    assert await demo.begin(quote(1), "a.b", at_a_page=True) == PayAt(
        "/payments/demo/a.b"
    )
    assert await demo.begin(quote(1), "a.b", at_a_page=False) == Paid()
    assert await demo.settle(quote(1), {"answer": "pay"}) == Paid()
    for form in ({}, {"answer": "refuse"}, {"answer": "PAY"}, {"pay": "1"}):
        assert await demo.settle(quote(1), form) == Refused()


def test_pretence_is_offered_only_where_it_was_asked_for() -> None:
    """A real store takes pretend money."""
    own = {"MSRV_LIBRARY": "."}
    names = [each.name for each in Providers.of(settings.load(own))]
    assert names == ["free"]
    asked = settings.load(own | {"MSRV_DEMO_PAYMENTS": "1"})
    assert [each.name for each in Providers.of(asked)] == ["free", "demo"]
    providers = Providers.of(asked)
    assert [each.name for each in providers.for_quote(quote(0))] == ["free"]
    assert [each.name for each in providers.for_quote(quote(1))] == ["demo"]
    assert providers.get("nobody") is None
