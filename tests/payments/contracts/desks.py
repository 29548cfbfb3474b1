"""A desk for each payment provider: what the contract's tests play on.

A new provider is a class here, and a line in DESKS.
"""

import re
from collections.abc import Callable
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from msrv import settings
from msrv.money import Money
from msrv.payments.provider import PayAt, PaymentRequest, Provider, Refused
from msrv.payments.registry import DemoProvider, FreeProvider
from msrv.payments.settlement import PaidOrder, PendingPayment, Settlement
from msrv.payments.stripe.provider import StripeProvider
from tests.conftest import Clock
from tests.payments.stripe.fake import KEY, FakeStripe
from tests.payments.stripe.shapes import Json

Ending = PaidOrder | PendingPayment | Refused


class Desk(Protocol):
    """A provider, and a buyer who does as a test wants."""

    provider: Provider
    price_minor: int
    """What a quote has to cost so that it can be paid here."""
    asks_a_person: bool
    """Whether a buyer has to do something; refusing is possible then."""
    takes_money: bool
    """Whether anything else than the quote can be paid."""

    async def finish(self, till: Settlement, began: PayAt) -> Ending:
        """Pay, and come back."""
        ...

    async def refuse(self, till: Settlement, began: PayAt) -> Ending:
        """Turn away at the provider's page, and come back."""
        ...

    async def let_lapse(
        self, till: Settlement, began: PayAt, bill: PaymentRequest
    ) -> Ending:
        """Do nothing until the time is over, and come back then."""
        ...

    async def pay_other(
        self, till: Settlement, began: PayAt, other: Money
    ) -> Ending:
        """Pay something else than was quoted, and come back."""
        ...

    async def aclose(self) -> None:
        """Leave."""
        ...


class _Alone:
    """What providers without a page of somebody else's have in common."""

    takes_money = False

    async def pay_other(
        self, till: Settlement, began: PayAt, other: Money
    ) -> Ending:
        raise NotImplementedError

    async def aclose(self) -> None:
        """Nothing to leave."""


class FreeDesk(_Alone):
    """Where nothing is to pay."""

    price_minor = 0
    asks_a_person = False

    def __init__(self, clock: Clock) -> None:
        self.provider: Provider = FreeProvider()
        self.clock = clock

    async def finish(self, till: Settlement, began: PayAt) -> Ending:
        raise NotImplementedError

    refuse = finish

    async def let_lapse(
        self, till: Settlement, began: PayAt, bill: PaymentRequest
    ) -> Ending:
        raise NotImplementedError


class DemoDesk(_Alone):
    """The pretend payment."""

    price_minor = 700
    asks_a_person = True

    def __init__(self, clock: Clock) -> None:
        self.provider: Provider = DemoProvider()
        self.clock = clock

    async def finish(self, till: Settlement, began: PayAt) -> Ending:
        return await self._press(till, began, "pay")

    async def refuse(self, till: Settlement, began: PayAt) -> Ending:
        return await self._press(till, began, "refuse")

    async def let_lapse(
        self, till: Settlement, began: PayAt, bill: PaymentRequest
    ) -> Ending:
        self.clock.now = bill.quote.expires_at
        return await self._press(till, began, "pay")

    async def _press(
        self, till: Settlement, began: PayAt, answer: str
    ) -> Ending:
        token = began.url.rpartition("/")[2]
        return await till.settle_on_site(
            self.provider, token, {"answer": answer}, self.clock()
        )


class StripeDesk:
    """Stripe, by the fake that keeps to its shapes."""

    price_minor = 700
    asks_a_person = True
    takes_money = True

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.bank = FakeStripe(clock)
        self.provider: Provider = FreeProvider()  # until it is open

    async def open(self) -> None:
        """Start Stripe."""
        await self.bank.server.start_server()
        self.provider = StripeProvider.from_settings(
            settings.load(
                {
                    "MSRV_LIBRARY": ".",
                    "MSRV_STRIPE_KEY": KEY,
                    "MSRV_STRIPE_API": self.bank.url,
                }
            )
        )

    async def finish(self, till: Settlement, began: PayAt) -> Ending:
        self._at(began, self.bank.pay)
        return await self._come_back(till, began)

    async def refuse(self, till: Settlement, began: PayAt) -> Ending:
        return await self._come_back(till, began)

    async def let_lapse(
        self, till: Settlement, began: PayAt, bill: PaymentRequest
    ) -> Ending:
        self.clock.now = bill.quote.expires_at
        self._at(began, self.bank.expire)
        return await self._come_back(till, began)

    async def pay_other(
        self, till: Settlement, began: PayAt, other: Money
    ) -> Ending:
        session = self._session(began)
        if session["status"] == "open":
            self.bank.pay(session)
        session.update(
            amount_total=other.minor, currency=other.currency.lower()
        )
        return await self._come_back(till, began)

    async def aclose(self) -> None:
        await self.provider.aclose()
        await self.bank.server.close()

    def _session(self, began: PayAt) -> Json:
        found = re.search(r"cs_\w+", began.url)
        assert found
        return self.bank.sessions[found[0]]

    def _at(self, began: PayAt, act: Callable[[Json], object]) -> None:
        session = self._session(began)
        if session["status"] == "open":
            act(session)

    async def _come_back(self, till: Settlement, began: PayAt) -> Ending:
        session = self._session(began)
        query = parse_qs(urlsplit(self.bank.way_back(session)).query)
        return await till.settle(
            self.provider, {name: each[0] for name, each in query.items()}
        )


DESKS: dict[str, Callable[[Clock], Desk]] = {
    "free": FreeDesk,
    "demo": DemoDesk,
    "stripe": StripeDesk,
}
