# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Drivers of the payment providers, for the contract tests.

A new provider is a class here, and a line in DRIVERS.
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
from tests.payments.stripe.fake_stripe import KEY, FakeStripe
from tests.payments.stripe.stripe_objects import Json

Result = PaidOrder | PendingPayment | Refused


class ProviderDriver(Protocol):
    """Protocol of a provider together with a buyer that a test controls."""

    provider: Provider
    price_minor: int
    """Total of a quote that the provider accepts."""
    asks_a_person: bool
    """True if the buyer has to act, and so can refuse."""
    takes_money: bool
    """True if another amount than the quoted one can be paid."""

    async def finish(self, settlement: Settlement, started: PayAt) -> Result:
        """Pay, and return."""
        ...

    async def refuse(self, settlement: Settlement, started: PayAt) -> Result:
        """Cancel on the provider's page, and return."""
        ...

    async def let_lapse(
        self, settlement: Settlement, started: PayAt, bill: PaymentRequest
    ) -> Result:
        """Do nothing until the quote has expired, and return then."""
        ...

    async def pay_other(
        self, settlement: Settlement, started: PayAt, other: Money
    ) -> Result:
        """Pay another amount than the quoted one, and return."""
        ...

    async def aclose(self) -> None:
        """Close the provider."""
        ...


class _OnSite:
    """Common part of the providers without an external page."""

    takes_money = False

    async def pay_other(
        self, settlement: Settlement, started: PayAt, other: Money
    ) -> Result:
        raise NotImplementedError

    async def aclose(self) -> None:
        """Do nothing."""


class FreeDriver(_OnSite):
    """Driver of FreeProvider."""

    price_minor = 0
    asks_a_person = False

    def __init__(self, clock: Clock) -> None:
        self.provider: Provider = FreeProvider()
        self.clock = clock

    async def finish(self, settlement: Settlement, started: PayAt) -> Result:
        raise NotImplementedError

    refuse = finish

    async def let_lapse(
        self, settlement: Settlement, started: PayAt, bill: PaymentRequest
    ) -> Result:
        raise NotImplementedError


class DemoDriver(_OnSite):
    """Driver of DemoProvider."""

    price_minor = 700
    asks_a_person = True

    def __init__(self, clock: Clock) -> None:
        self.provider: Provider = DemoProvider()
        self.clock = clock

    async def finish(self, settlement: Settlement, started: PayAt) -> Result:
        return await self._press(settlement, started, "pay")

    async def refuse(self, settlement: Settlement, started: PayAt) -> Result:
        return await self._press(settlement, started, "refuse")

    async def let_lapse(
        self, settlement: Settlement, started: PayAt, bill: PaymentRequest
    ) -> Result:
        self.clock.now = bill.quote.expires_at
        return await self._press(settlement, started, "pay")

    async def _press(
        self, settlement: Settlement, started: PayAt, answer: str
    ) -> Result:
        token = started.url.rpartition("/")[2]
        return await settlement.settle_on_site(
            self.provider, token, {"answer": answer}, self.clock()
        )


class StripeDriver:
    """Driver of StripeProvider, with FakeStripe."""

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

    async def finish(self, settlement: Settlement, started: PayAt) -> Result:
        self._at(started, self.bank.pay)
        return await self._come_back(settlement, started)

    async def refuse(self, settlement: Settlement, started: PayAt) -> Result:
        return await self._come_back(settlement, started)

    async def let_lapse(
        self, settlement: Settlement, started: PayAt, bill: PaymentRequest
    ) -> Result:
        self.clock.now = bill.quote.expires_at
        self._at(started, self.bank.expire)
        return await self._come_back(settlement, started)

    async def pay_other(
        self, settlement: Settlement, started: PayAt, other: Money
    ) -> Result:
        session = self._session(started)
        if session["status"] == "open":
            self.bank.pay(session)
        session.update(
            amount_total=other.minor, currency=other.currency.lower()
        )
        return await self._come_back(settlement, started)

    async def aclose(self) -> None:
        await self.provider.aclose()
        await self.bank.server.close()

    def _session(self, started: PayAt) -> Json:
        found = re.search(r"cs_\w+", started.url)
        assert found
        return self.bank.sessions[found[0]]

    def _at(self, started: PayAt, act: Callable[[Json], object]) -> None:
        session = self._session(started)
        if session["status"] == "open":
            act(session)

    async def _come_back(
        self, settlement: Settlement, started: PayAt
    ) -> Result:
        session = self._session(started)
        query = parse_qs(urlsplit(self.bank.way_back(session)).query)
        return await settlement.settle(
            self.provider, {name: each[0] for name, each in query.items()}
        )


DRIVERS: dict[str, Callable[[Clock], ProviderDriver]] = {
    "free": FreeDriver,
    "demo": DemoDriver,
    "stripe": StripeDriver,
}
