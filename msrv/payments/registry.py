"""The payment providers of this store, in the order they are offered."""

import importlib
from collections.abc import Iterator
from typing import Self

from msrv.payments.demo import Demo
from msrv.payments.free import Free
from msrv.payments.provider import Provider
from msrv.proofs.quotes import Quote
from msrv.settings import Settings


class Providers:
    """The providers that this store offers."""

    def __init__(self, *providers: Provider) -> None:
        self._providers = {provider.name: provider for provider in providers}

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Offer what the settings allow. A new provider is a line here."""
        providers: list[Provider] = [Free()]
        if settings.stripe_key is not None:
            # Its packages take a third of a second to import.
            room = importlib.import_module("msrv.payments.stripe.provider")
            providers.append(room.Stripe.of(settings))
        if settings.takes_pretend_money:
            providers.append(Demo())
        return cls(*providers)

    def __iter__(self) -> Iterator[Provider]:
        """Go through them in order."""
        return iter(self._providers.values())

    def get(self, name: str) -> Provider | None:
        """Find one by its name."""
        return self._providers.get(name)

    def for_quote(self, quote: Quote) -> list[Provider]:
        """Give those with which this quote can be paid."""
        return [each for each in self if each.takes(quote)]

    async def aclose(self) -> None:
        """Let go of what they hold."""
        for each in self:
            await each.aclose()
